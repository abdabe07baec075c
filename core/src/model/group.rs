//! Task groups: tasks placed together.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::constraint::{Affinity, Constraint, Spread};
use super::form::{null_when_empty, optional_nanos};
use super::policy::{DisconnectStrategy, MigrateStrategy, ReschedulePolicy, RestartPolicy, UpdateStrategy};
use super::resources::Network;
use super::service::Service;
use super::task::Task;

/// Tasks placed together on one node, `count` times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskGroup {
    /// Its name within the job.
    pub name: String,
    /// How many instances are wanted.
    pub count: u32,
    /// Conditions on its nodes, beside the job's.
    #[serde(with = "null_when_empty")]
    pub constraints: Vec<Constraint>,
    /// Wishes about its nodes, beside the job's.
    #[serde(with = "null_when_empty")]
    pub affinities: Vec<Affinity>,
    /// What runs, in the order written.
    #[serde(with = "null_when_empty")]
    pub tasks: Vec<Task>,
    /// How its instances spread over nodes, beside the job's.
    #[serde(with = "null_when_empty")]
    pub spreads: Vec<Spread>,
    /// Volumes it needs, by its own name for them.
    #[serde(with = "null_when_empty")]
    pub volumes: BTreeMap<String, VolumeRequest>,
    /// What happens when a task ends.
    #[serde(rename = "RestartPolicy")]
    pub restart: RestartPolicy,
    /// What becomes of instances whose node is cut off. See [`lost_after`](Self::lost_after) and its siblings, which know
    /// the older spellings too.
    pub disconnect: Option<DisconnectStrategy>,
    /// What happens when an instance has failed for good; nothing for system jobs.
    #[serde(rename = "ReschedulePolicy")]
    pub reschedule: Option<ReschedulePolicy>,
    /// Scratch space.
    pub ephemeral_disk: EphemeralDisk,
    /// How changes roll out.
    pub update: Option<UpdateStrategy>,
    /// How instances leave a drained node; only services move before they stop.
    pub migrate: Option<MigrateStrategy>,
    /// Networks shared by its tasks.
    #[serde(with = "null_when_empty")]
    pub networks: Vec<Network>,
    /// Free text of the user.
    #[serde(with = "null_when_empty")]
    pub meta: BTreeMap<String, String>,
    /// What it offers to others under a name.
    #[serde(with = "null_when_empty")]
    pub services: Vec<Service>,
    /// The time between leaving the catalogue and stopping.
    #[serde(with = "optional_nanos")]
    pub shutdown_delay: Option<Duration>,
    /// How long an instance may run.
    #[serde(with = "optional_nanos")]
    pub max_run_duration: Option<Duration>,
    /// An older spelling of `disconnect.stop_on_client_after`.
    #[serde(with = "optional_nanos")]
    pub stop_after_client_disconnect: Option<Duration>,
    /// An older spelling of `disconnect.lost_after`.
    #[serde(with = "optional_nanos")]
    pub max_client_disconnect: Option<Duration>,
    /// For autoscalers: kept as submitted.
    pub scaling: Value,
    /// Kept as submitted.
    pub consul: Value,
    /// An older spelling of `disconnect.replace = false`.
    pub prevent_reschedule_on_lost: Option<bool>,
}

impl Default for TaskGroup {
    fn default() -> Self {
        Self {
            name: String::new(),
            count: 1,
            constraints: Vec::new(),
            affinities: Vec::new(),
            tasks: Vec::new(),
            spreads: Vec::new(),
            volumes: BTreeMap::new(),
            restart: RestartPolicy::default(),
            disconnect: None,
            reschedule: None,
            ephemeral_disk: EphemeralDisk::default(),
            update: None,
            migrate: None,
            networks: Vec::new(),
            meta: BTreeMap::new(),
            services: Vec::new(),
            shutdown_delay: None,
            max_run_duration: None,
            stop_after_client_disconnect: None,
            max_client_disconnect: None,
            scaling: Value::Null,
            consul: Value::Null,
            prevent_reschedule_on_lost: None,
        }
    }
}

impl TaskGroup {
    /// Returns how long instances on a node that is cut off count as unknown before they are lost; `None` for lost at
    /// once.
    pub fn lost_after(&self) -> Option<Duration> {
        let modern = self.disconnect.as_ref().and_then(|disconnect| disconnect.lost_after);
        modern.or(self.max_client_disconnect).filter(|time| !time.is_zero())
    }

    /// Returns when a client that is cut off stops its instances by itself.
    pub fn stop_on_client_after(&self) -> Option<Duration> {
        let modern = self.disconnect.as_ref().and_then(|disconnect| disconnect.stop_on_client_after);
        modern.or(self.stop_after_client_disconnect)
    }

    /// Tells whether instances on a node that is cut off are replaced meanwhile.
    pub fn replaces_disconnected(&self) -> bool {
        let modern = self.disconnect.as_ref().and_then(|disconnect| disconnect.replace);
        modern.unwrap_or(self.prevent_reschedule_on_lost != Some(true))
    }
}

/// Scratch space of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EphemeralDisk {
    /// Whether a replacement goes to the same node when it can.
    pub sticky: bool,
    /// Whether its data moves along.
    pub migrate: bool,
    /// Its size, in MB.
    #[serde(rename = "SizeMB")]
    pub size_mb: u32,
}

impl Default for EphemeralDisk {
    /// 300 MB that stay behind.
    fn default() -> Self {
        Self { sticky: false, migrate: false, size_mb: 300 }
    }
}

/// A volume that a group needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct VolumeRequest {
    /// The group's own name for it.
    pub name: String,
    /// `host` or `csi`.
    #[serde(rename = "Type")]
    pub volume_type: String,
    /// The node's name for it.
    pub source: String,
    /// Whether it is only read.
    pub read_only: bool,
    /// Whether a replacement must get the same one.
    pub sticky: bool,
    /// For `csi`.
    pub access_mode: String,
    /// For `csi`.
    pub attachment_mode: String,
    /// For `csi`: kept as submitted.
    pub mount_options: Value,
    /// Whether each instance has a source of its own, `source[index]`.
    pub per_alloc: bool,
}
