//! What travels over HTTP: Nomad's shapes, one resource a file.
//!
//! Field names are Nomad's, oddities included (`JobID`, `MemoryMB`). The same types are written by the handlers and read
//! by [`client`](super::client), so both sides change together. What a cluster stores has other types (`model`);
//! [`convert`](super::convert) goes from one to the other, by hand.
//!
//! # Invariants
//! - Durations are integer nanoseconds. Times are integer nanoseconds since 1970 too, except in `TaskState`, `Evaluation::wait_until`
//!   and drivers, where they are RFC 3339 ([`time`]).
//! - A list that is the whole answer is `[]` when empty. An unset list or map inside an object is `null`
//!   ([`null_when_empty`]).
//! - What Nomad has and Pasture does not is there with the value that means "unset", so that readers find every key
//!   they look for. Where that value is `null` the type is [`Unset`].
//! - Readers are lenient: a missing field has its default, an unknown one is ignored.
//! - `Job::{version, job_type, namespace, stop, submit_time}` are never null: Nomad's own command line relies on it.

pub mod agent;
pub mod alloc;
pub mod deployment;
pub mod eval;
pub mod job;
pub mod metric;
pub mod node;
pub mod plan;
pub mod resources;
pub mod time;

pub use agent::{
    AgentHealth, AgentSelf, Member, Members, Metrics, RaftConfiguration, SearchRequest, SearchResponse,
};
pub use alloc::{AllocStub, Allocation, TaskEvent, TaskState};
pub use deployment::{Deployment, DeploymentState, DeploymentUpdateResponse};
pub use eval::Evaluation;
pub use job::{
    Job, JobStub, JobSummary, JobVersions, ParseRequest, RegisterRequest, RegisterResponse, ScaleRequest,
    ScaleStatus, TaskGroup, ValidateResponse,
};
pub use metric::AllocMetric;
pub use node::{Node, NodeStub, NodeUpdateResponse};
pub use plan::{Explanation, JobPlanRequest, JobPlanResponse, NodePlanRequest, NodePlanResponse};
pub use resources::{NetworkResource, Port, Resources};
pub use time::GoTime;

use std::collections::BTreeMap;

use serde::de::{Deserialize, Deserializer, IgnoredAny};
use serde::ser::{Serialize, Serializer};

/// A field Nomad has and Pasture leaves unset: written as `null`, whatever comes in is ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unset;

impl Serialize for Unset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_none()
    }
}

impl<'de> Deserialize<'de> for Unset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// A list or map that is `null` when it is empty.
pub trait Collection: Default {
    /// Tells whether nothing is in it.
    fn is_empty(&self) -> bool;
}

impl<T> Collection for Vec<T> {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl<K: Ord, V> Collection for BTreeMap<K, V> {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl Collection for serde_json::Map<String, serde_json::Value> {
    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

/// Writes an empty list or map as `null`, and reads `null` as an empty one. For `#[serde(with)]`.
pub mod null_when_empty {
    use super::{Collection, Deserialize, Deserializer, Serialize, Serializer};

    /// Writes `value`, `null` when it is empty.
    pub fn serialize<T: Collection + Serialize, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if value.is_empty() { serializer.serialize_none() } else { value.serialize(serializer) }
    }

    /// Reads a value, empty for `null`.
    pub fn deserialize<'de, T: Collection + Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
    }
}

/// Reads `null` as the default value. For `#[serde(deserialize_with)]` on fields other programs may send as null.
pub(crate) fn null_as_default<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}
