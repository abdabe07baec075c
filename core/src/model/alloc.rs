//! Allocations: task groups placed on nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::group::TaskGroup;
use super::ids::{AllocId, EvalId, JobKey, NodeId};
use super::job::Job;
use super::metric::AllocMetric;
use super::resources::AllocatedResources;
use super::time::Timestamp;

/// One instance of a task group on one node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Allocation {
    /// What identifies it.
    pub id: AllocId,
    /// The evaluation that placed it.
    pub eval_id: EvalId,
    /// `job.group[index]`, unique among the running ones of a job.
    pub name: String,
    /// Where it runs.
    pub node_id: NodeId,
    /// That node's name when it was placed.
    pub node_name: String,
    /// The job it belongs to.
    pub job_key: JobKey,
    /// The job's version it runs.
    pub job: Arc<Job>,
    /// The task group it is an instance of.
    pub group: String,
    /// What it holds on its node.
    pub resources: AllocatedResources,
    /// How its node was chosen.
    #[serde(default)]
    pub metric: Arc<AllocMetric>,
    /// The servers' wish.
    pub desired_status: DesiredStatus,
    /// Why that is the wish; may be empty.
    #[serde(default)]
    pub desired_description: String,
    /// What its client last saw.
    pub client_status: ClientStatus,
    /// Why; may be empty.
    #[serde(default)]
    pub client_description: String,
    /// By task name.
    #[serde(default)]
    pub task_states: BTreeMap<String, TaskState>,
    /// The allocation it replaces.
    #[serde(default)]
    pub previous: Option<AllocId>,
    /// The allocation that replaces it.
    #[serde(default)]
    pub next: Option<AllocId>,
    /// The more important allocation it made room for.
    #[serde(default)]
    pub preempted_by: Option<AllocId>,
    /// The less important allocations that made room for it.
    #[serde(default)]
    pub preempted: Vec<AllocId>,
    /// When it was placed.
    pub create_time: Timestamp,
    /// When servers or client last changed it.
    pub modify_time: Timestamp,
    /// Log index of its placement.
    #[serde(default)]
    pub create_index: u64,
    /// Log index of its last change.
    #[serde(default)]
    pub modify_index: u64,
    /// Log index of the servers' last change, which is what its client has to hear of.
    #[serde(default)]
    pub alloc_modify_index: u64,
}

impl Allocation {
    /// Tells whether it has ended or is meant to.
    pub fn is_terminal(&self) -> bool {
        self.desired_status != DesiredStatus::Run || self.client_status.is_terminal()
    }

    /// Tells whether its client has said that it has ended, or the servers know that its node vanished.
    pub fn is_client_terminal(&self) -> bool {
        self.client_status.is_terminal()
    }

    /// Returns the task group it is an instance of.
    pub fn task_group(&self) -> Option<&TaskGroup> {
        self.job.group(&self.group)
    }

    /// Returns the index in its name: 3 for `web.app[3]`.
    pub fn index(&self) -> Option<u32> {
        self.name.rsplit_once('[')?.1.strip_suffix(']')?.parse().ok()
    }

    /// Returns the name of instance `index` of a group.
    pub fn name_of(job_id: &str, group: &str, index: u32) -> String {
        format!("{job_id}.{group}[{index}]")
    }
}

/// What a client saw of one allocation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AllocUpdate {
    /// Which.
    pub id: AllocId,
    /// The sum of its tasks.
    pub client_status: ClientStatus,
    /// Why; may be empty.
    pub client_description: String,
    /// By task name.
    pub task_states: BTreeMap<String, TaskState>,
    /// When it was seen.
    pub time: Timestamp,
}

/// What the servers want of an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DesiredStatus {
    /// It shall run.
    Run,
    /// It shall stop.
    Stop,
    /// It shall make room for something more important.
    Evict,
}

impl DesiredStatus {
    /// Returns how the status is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Stop => "stop",
            Self::Evict => "evict",
        }
    }
}

/// What was last seen of an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ClientStatus {
    /// Placed, not started yet.
    Pending,
    /// At least one task runs.
    Running,
    /// All tasks ended well.
    Complete,
    /// A task failed for good.
    Failed,
    /// Its node vanished.
    Lost,
}

impl ClientStatus {
    /// Tells whether nothing will change any more.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Complete | Self::Failed | Self::Lost)
    }

    /// Returns how the status is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Lost => "lost",
        }
    }
}

/// Where one task of an allocation stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskState {
    /// Its phase.
    pub state: TaskRunState,
    /// Whether it ended badly.
    #[serde(default)]
    pub failed: bool,
    /// How often it was restarted.
    #[serde(default)]
    pub restarts: u32,
    /// When it was last restarted.
    #[serde(default)]
    pub last_restart: Timestamp,
    /// When it started.
    #[serde(default)]
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default)]
    pub finished_at: Timestamp,
    /// What happened to it, oldest first, the last ten.
    #[serde(default)]
    pub events: Vec<TaskEvent>,
}

impl TaskState {
    /// How many events are kept.
    pub const EVENTS_MAX: usize = 10;
}

impl Default for TaskState {
    fn default() -> Self {
        Self {
            state: TaskRunState::Pending,
            failed: false,
            restarts: 0,
            last_restart: Timestamp::NEVER,
            started_at: Timestamp::NEVER,
            finished_at: Timestamp::NEVER,
            events: Vec::new(),
        }
    }
}

/// The phases of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskRunState {
    /// Not started, or between two starts.
    Pending,
    /// Runs.
    Running,
    /// Has ended for good.
    Dead,
}

impl TaskRunState {
    /// Returns how the phase is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Dead => "dead",
        }
    }
}

/// Something that happened to a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskEvent {
    /// What, in Nomad's words: `Received`, `Task Setup`, `Started`, `Terminated`, `Restarting`, `Killing`, ...
    pub kind: String,
    /// When.
    pub time: Timestamp,
    /// For people.
    #[serde(default)]
    pub message: String,
    /// The same as data, such as `exit_code`.
    #[serde(default)]
    pub details: BTreeMap<String, String>,
}
