//! Allocations: task groups placed on nodes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::group::TaskGroup;
use super::ids::{AllocId, DeploymentId, EvalId, JobKey, NodeId};
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
    /// What it holds on its node. Instances of a group hold the same, unless they have ports.
    pub resources: Arc<AllocatedResources>,
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
    /// The deployment it is part of.
    #[serde(default)]
    pub deployment_id: Option<DeploymentId>,
    /// What it is to that deployment; nothing until it is a canary or its health is known.
    #[serde(default)]
    pub deployment_status: Option<AllocDeploymentStatus>,
    /// What servers or users want done about it.
    #[serde(default)]
    pub desired_transition: DesiredTransition,
    /// Which failed ones it follows.
    #[serde(default)]
    pub reschedule_tracker: Option<RescheduleTracker>,
    /// The evaluation that will look at it again.
    #[serde(default)]
    pub follow_up_eval: Option<EvalId>,
    /// When it became unknown and when it was heard of again, oldest first.
    #[serde(default)]
    pub states: Vec<AllocState>,
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

    /// Tells whether it runs the new version of a deployment beside the old one.
    pub fn is_canary(&self) -> bool {
        self.deployment_status.as_ref().is_some_and(|status| status.canary)
    }

    /// Returns whether its client says that it is healthy; `None` until it says.
    pub fn health(&self) -> Option<bool> {
        self.deployment_status.as_ref()?.healthy
    }

    /// Tells whether the last thing recorded about it is that its node is cut off, while it has not ended well or been lost:
    /// if it is heard of, it is back.
    pub fn is_returning(&self) -> bool {
        let unknown = self.states.last().is_some_and(|last| last.client_status == ClientStatus::Unknown);
        let may = matches!(
            self.client_status,
            ClientStatus::Unknown | ClientStatus::Running | ClientStatus::Failed
        );
        unknown && may
    }

    /// Returns when it last became unknown; never if it never did.
    pub fn unknown_since(&self) -> Timestamp {
        let mut times = self.states.iter().rev();
        times
            .find(|state| state.client_status == ClientStatus::Unknown)
            .map_or(Timestamp::NEVER, |state| state.time)
    }

    /// Returns when the last of its tasks ended, or its last change when no task has.
    pub fn ended_at(&self) -> Timestamp {
        let ended = self.task_states.values().map(|state| state.finished_at).max();
        ended.filter(|time| *time != Timestamp::NEVER).unwrap_or(self.modify_time)
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

/// What an allocation is to its deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AllocDeploymentStatus {
    /// Whether it is healthy; `None` until that is known.
    pub healthy: Option<bool>,
    /// When that was found out.
    pub timestamp: Timestamp,
    /// Whether it runs beside the old version.
    pub canary: bool,
    /// Log index of the last change of these.
    pub modify_index: u64,
}

/// What is wanted of an allocation beside running or stopping. Nothing said is no.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DesiredTransition {
    /// Move it off its node.
    pub migrate: Option<bool>,
    /// Replace it although its deployment runs: the deployment has seen its failure.
    pub reschedule: Option<bool>,
    /// Replace it whatever its policy says.
    pub force_reschedule: Option<bool>,
    /// When it moves off its node, put nothing in its place: a batch job stopped by force.
    pub migrate_disable_placement: Option<bool>,
}

impl DesiredTransition {
    /// Tells whether it has to leave its node.
    pub fn should_migrate(self) -> bool {
        self.migrate == Some(true)
    }

    /// Tells whether its deployment has seen its failure.
    pub fn should_reschedule(self) -> bool {
        self.reschedule == Some(true)
    }

    /// Tells whether it is replaced whatever its policy says.
    pub fn should_force_reschedule(self) -> bool {
        self.force_reschedule == Some(true)
    }

    /// Tells whether nothing takes its place when it leaves its node.
    pub fn disables_placement(self) -> bool {
        self.migrate_disable_placement == Some(true)
    }

    /// Takes over what `newer` says, and keeps what it does not speak of.
    pub fn merge(&mut self, newer: Self) {
        self.migrate = newer.migrate.or(self.migrate);
        self.reschedule = newer.reschedule.or(self.reschedule);
        self.force_reschedule = newer.force_reschedule.or(self.force_reschedule);
        self.migrate_disable_placement = newer.migrate_disable_placement.or(self.migrate_disable_placement);
    }
}

/// The failed allocations that one follows, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RescheduleTracker {
    /// One for each that is remembered.
    pub events: Vec<RescheduleEvent>,
}

impl RescheduleTracker {
    /// How many are remembered when attempts are unlimited.
    pub const UNLIMITED_EVENTS_MAX: usize = 5;
}

/// A failed allocation was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RescheduleEvent {
    /// When.
    pub time: Timestamp,
    /// The failed one.
    pub previous_alloc: AllocId,
    /// Where it was.
    pub previous_node: NodeId,
    /// How long its replacement was delayed.
    #[serde(default)]
    pub delay: Duration,
}

/// What was recorded of an allocation whose node was cut off or is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocState {
    /// The client status.
    pub client_status: ClientStatus,
    /// When.
    pub time: Timestamp,
}

/// How well an allocation of a deployment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocHealth {
    /// Whether it is healthy.
    pub healthy: bool,
    /// When that was found out.
    pub time: Timestamp,
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
    /// Whether it is healthy, once that is known of one that belongs to a deployment.
    #[serde(default)]
    pub health: Option<AllocHealth>,
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
    /// Its node is cut off; it may run on there.
    Unknown,
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
            Self::Unknown => "unknown",
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
