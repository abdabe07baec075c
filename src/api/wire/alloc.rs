//! Allocations, in full and in lists.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::job::Job;
use super::metric::AllocMetric;
use super::resources::{NetworkResource, Resources};
use super::time::GoTime;
use super::{Unset, null_as_default, null_when_empty};

/// An allocation in full.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Allocation {
    /// What identifies it.
    #[serde(rename = "ID")]
    pub id: String,
    /// The job's namespace.
    pub namespace: String,
    /// The evaluation that placed it.
    #[serde(rename = "EvalID")]
    pub eval_id: String,
    /// `job.group[index]`.
    pub name: String,
    /// Where it runs.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// That node's name.
    pub node_name: String,
    /// The job.
    #[serde(rename = "JobID")]
    pub job_id: String,
    /// The job's version it runs, in full.
    pub job: Option<Arc<Job>>,
    /// The group it is an instance of.
    pub task_group: String,
    /// All it holds, in the shape of 2016.
    pub resources: Option<Resources>,
    /// What the group as a whole holds, in the shape of 2016.
    pub shared_resources: Option<Resources>,
    /// What each task holds, in the shape of 2016.
    #[serde(with = "null_when_empty")]
    pub task_resources: BTreeMap<String, Resources>,
    /// All it holds.
    pub allocated_resources: Option<AllocatedResources>,
    /// Not supported.
    pub services: Unset,
    /// How its node was chosen.
    pub metrics: Option<AllocMetric>,
    /// The servers' wish.
    pub desired_status: String,
    /// Why.
    pub desired_description: String,
    /// What is wanted of it beside running or stopping.
    pub desired_transition: DesiredTransition,
    /// What its client last saw.
    pub client_status: String,
    /// Why.
    pub client_description: String,
    /// By task.
    #[serde(with = "null_when_empty")]
    pub task_states: BTreeMap<String, TaskState>,
    /// The rollout it belongs to; may be empty.
    #[serde(rename = "DeploymentID")]
    pub deployment_id: String,
    /// What it is to that rollout.
    pub deployment_status: Option<AllocDeploymentStatus>,
    /// The evaluation that will look at it again; may be empty.
    #[serde(rename = "FollowupEvalID")]
    pub followup_eval_id: String,
    /// The one it replaces; may be empty.
    pub previous_allocation: String,
    /// The one that replaces it; may be empty.
    pub next_allocation: String,
    /// Which failed ones it follows.
    pub reschedule_tracker: Option<RescheduleTracker>,
    /// Not supported.
    pub network_status: Unset,
    /// Not supported.
    pub preempted_allocations: Unset,
    /// Not supported.
    pub preempted_by_allocation: String,
    /// Log index of its placement.
    pub create_index: u64,
    /// Log index of its last change.
    pub modify_index: u64,
    /// Log index of the servers' last change.
    pub alloc_modify_index: u64,
    /// When it was placed.
    pub create_time: i64,
    /// When it last changed.
    pub modify_time: i64,
}

/// All an allocation holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AllocatedResources {
    /// By task.
    #[serde(deserialize_with = "null_as_default")]
    pub tasks: BTreeMap<String, AllocatedTaskResources>,
    /// By task; always unset.
    #[serde(deserialize_with = "null_as_default")]
    pub task_lifecycles: BTreeMap<String, Unset>,
    /// What the group as a whole holds.
    pub shared: AllocatedSharedResources,
}

/// What one task holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AllocatedTaskResources {
    /// CPU.
    pub cpu: AllocatedCpu,
    /// Memory.
    pub memory: AllocatedMemory,
    /// Its networks.
    #[serde(with = "null_when_empty")]
    pub networks: Vec<NetworkResource>,
    /// Not supported.
    pub devices: Unset,
}

/// CPU held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AllocatedCpu {
    /// In MHz.
    pub cpu_shares: i64,
    /// Not supported.
    pub reserved_cores: Unset,
}

/// Memory held.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AllocatedMemory {
    /// In MB.
    #[serde(rename = "MemoryMB")]
    pub memory_mb: i64,
    /// Not supported, always 0.
    #[serde(rename = "MemoryMaxMB")]
    pub memory_max_mb: i64,
}

/// What a group as a whole holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AllocatedSharedResources {
    /// Disk, in MB.
    #[serde(rename = "DiskMB")]
    pub disk_mb: i64,
    /// Its networks.
    #[serde(with = "null_when_empty")]
    pub networks: Vec<NetworkResource>,
    /// The ports of its networks.
    #[serde(with = "null_when_empty")]
    pub ports: Vec<PortMapping>,
}

/// A port of a group's network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PortMapping {
    /// The name tasks know it by.
    pub label: String,
    /// Its number on the node.
    pub value: u16,
    /// Its number inside.
    pub to: u16,
    /// The node's address.
    #[serde(rename = "HostIP")]
    pub host_ip: String,
}

/// What the servers want to become of an allocation beside running or stopping.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DesiredTransition {
    /// It shall leave its node.
    pub migrate: Option<bool>,
    /// Its rollout has seen its failure, and it may be replaced.
    pub reschedule: Option<bool>,
    /// It shall be replaced whatever its policy says.
    pub force_reschedule: Option<bool>,
}

/// What an allocation is to its rollout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AllocDeploymentStatus {
    /// Whether it is healthy; `null` until that is known.
    pub healthy: Option<bool>,
    /// When that was found out.
    pub timestamp: GoTime,
    /// Whether it runs beside the old version.
    pub canary: bool,
    /// Log index of the last change of these.
    pub modify_index: u64,
}

/// The failed allocations that one follows, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RescheduleTracker {
    /// One for each that is remembered.
    #[serde(with = "null_when_empty")]
    pub events: Vec<RescheduleEvent>,
    /// Not kept; always empty.
    pub last_reschedule: String,
}

/// A failed allocation was replaced.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RescheduleEvent {
    /// When, in ns since 1970.
    pub reschedule_time: i64,
    /// The failed one.
    #[serde(rename = "PrevAllocID")]
    pub prev_alloc_id: String,
    /// Where it was.
    #[serde(rename = "PrevNodeID")]
    pub prev_node_id: String,
    /// How long its replacement was delayed, in ns.
    pub delay: i64,
}

/// An allocation in a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AllocStub {
    /// What identifies it.
    #[serde(rename = "ID")]
    pub id: String,
    /// The evaluation that placed it.
    #[serde(rename = "EvalID")]
    pub eval_id: String,
    /// `job.group[index]`.
    pub name: String,
    /// The job's namespace.
    pub namespace: String,
    /// Where it runs.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// That node's name.
    pub node_name: String,
    /// The job.
    #[serde(rename = "JobID")]
    pub job_id: String,
    /// The job's type.
    pub job_type: String,
    /// The job's version it runs.
    pub job_version: u64,
    /// The group it is an instance of.
    pub task_group: String,
    /// All it holds, when asked for by `resources`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocated_resources: Option<AllocatedResources>,
    /// The servers' wish.
    pub desired_status: String,
    /// Why.
    pub desired_description: String,
    /// What is wanted of it beside running or stopping.
    pub desired_transition: DesiredTransition,
    /// What its client last saw.
    pub client_status: String,
    /// Why.
    pub client_description: String,
    /// By task; left out when asked for by `task_states=false`.
    #[serde(with = "null_when_empty")]
    pub task_states: BTreeMap<String, TaskState>,
    /// What it is to its rollout.
    pub deployment_status: Option<AllocDeploymentStatus>,
    /// The evaluation that will look at it again; may be empty.
    #[serde(rename = "FollowupEvalID")]
    pub followup_eval_id: String,
    /// The one that replaces it; may be empty.
    pub next_allocation: String,
    /// Which failed ones it follows.
    pub reschedule_tracker: Option<RescheduleTracker>,
    /// Not supported.
    pub preempted_allocations: Unset,
    /// Not supported.
    pub preempted_by_allocation: String,
    /// Log index of its placement.
    pub create_index: u64,
    /// Log index of its last change.
    pub modify_index: u64,
    /// When it was placed.
    pub create_time: i64,
    /// When it last changed.
    pub modify_time: i64,
}

/// Where one task stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskState {
    /// `pending`, `running` or `dead`.
    pub state: String,
    /// Whether it ended badly.
    pub failed: bool,
    /// How often it was restarted.
    pub restarts: u32,
    /// When it was last restarted.
    pub last_restart: GoTime,
    /// When it started.
    pub started_at: GoTime,
    /// When it ended.
    pub finished_at: GoTime,
    /// What happened to it, oldest first.
    #[serde(with = "null_when_empty")]
    pub events: Vec<TaskEvent>,
    /// Not supported.
    pub task_handle: Unset,
}

/// Something that happened to a task.
///
/// `display_message` and `details` say all. The rest is how events looked until 2017; of it only what readers still look
/// at is filled in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskEvent {
    /// What.
    #[serde(rename = "Type")]
    pub event_type: String,
    /// When, in ns since 1970.
    pub time: i64,
    /// For people.
    pub display_message: String,
    /// The same as data.
    #[serde(deserialize_with = "null_as_default")]
    pub details: BTreeMap<String, String>,
    /// For people, the field of 2016.
    pub message: String,
    /// Whether it made the task fail.
    pub fails_task: bool,
    /// Why it is restarted.
    pub restart_reason: String,
    /// Unused.
    pub setup_error: String,
    /// What the driver said when a start failed.
    pub driver_error: String,
    /// What the driver said meanwhile.
    pub driver_message: String,
    /// The exit code.
    pub exit_code: i64,
    /// The signal that ended it.
    pub signal: i64,
    /// Unused, in ns.
    pub kill_timeout: i64,
    /// Unused.
    pub kill_error: String,
    /// Unused.
    pub kill_reason: String,
    /// How long until the restart, in ns.
    pub start_delay: i64,
    /// Unused.
    pub download_error: String,
    /// Unused.
    pub validation_error: String,
    /// Unused.
    pub disk_limit: i64,
    /// Unused.
    pub failed_sibling: String,
    /// Unused.
    pub vault_error: String,
    /// Unused.
    pub task_signal_reason: String,
    /// Unused.
    pub task_signal: String,
    /// Unused.
    pub generic_source: String,
}
