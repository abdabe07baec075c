//! Desired against actual: what has to change, not yet where.

pub mod cluster;
mod diff;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{AllocId, Allocation, ClientStatus, NodeId, Timestamp};

/// What has to change for one group.
#[derive(Clone, Debug, Default)]
pub struct Buckets {
    /// Instances to find a node for, in name order.
    pub place: Vec<Placement>,
    /// Allocations to stop without a replacement.
    pub stop: Vec<StopReason>,
    /// Allocations whose node need not change for the new version.
    pub in_place: Vec<Arc<Allocation>>,
    /// Allocations to replace because the new version needs a restart.
    pub destructive: Vec<Arc<Allocation>>,
    /// Allocations left as they are.
    pub ignore: usize,
    /// When a failed allocation may be replaced, if later than now.
    pub reschedule_at: Option<Timestamp>,
}

/// An instance to find a node for.
#[derive(Clone, Debug)]
pub struct Placement {
    /// Its name, `job.group[index]`.
    pub name: String,
    /// The allocation it replaces, to be stopped with the placement.
    pub replaces: Option<StopReason>,
    /// Nodes where its predecessors failed.
    pub failed_on: BTreeSet<NodeId>,
    /// Whether the one it replaces runs on when no node is found.
    pub keep_if_unplaced: bool,
}

impl Placement {
    /// Returns the id of the allocation it replaces.
    pub fn previous(&self) -> Option<AllocId> {
        self.replaces.as_ref().map(|stop| stop.alloc.id)
    }
}

/// An allocation to stop, and why.
#[derive(Clone, Debug)]
pub struct StopReason {
    /// Which.
    pub alloc: Arc<Allocation>,
    /// Why, for people.
    pub description: &'static str,
    /// What the servers know better than its client.
    pub client_status: Option<ClientStatus>,
}
