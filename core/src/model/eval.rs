//! Evaluations: requests to look at a job again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ids::{DeploymentId, EvalId, JobKey, NodeId};
use super::job::JobType;
use super::metric::AllocMetric;
use super::time::Timestamp;

/// A request to look at a job, and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// What identifies it.
    pub id: EvalId,
    /// The job to look at.
    pub job_key: JobKey,
    /// Which scheduler does.
    pub job_type: JobType,
    /// The job's, when it was made; higher first.
    pub priority: u8,
    /// Why it was made.
    pub trigger: Trigger,
    /// The node whose change made it.
    #[serde(default)]
    pub node_id: Option<NodeId>,
    /// The deployment on whose behalf it was made.
    #[serde(default)]
    pub deployment_id: Option<DeploymentId>,
    /// Where it stands.
    pub status: EvalStatus,
    /// Why; may be empty.
    #[serde(default)]
    pub status_description: String,
    /// Not before this time; never for at once.
    #[serde(default)]
    pub wait_until: Timestamp,
    /// The one that follows it.
    #[serde(default)]
    pub next_eval: Option<EvalId>,
    /// The one it follows.
    #[serde(default)]
    pub previous_eval: Option<EvalId>,
    /// The one that waits for capacity on its behalf.
    #[serde(default)]
    pub blocked_eval: Option<EvalId>,
    /// Groups that could not be placed in full, and why.
    #[serde(default)]
    pub failed_groups: BTreeMap<String, AllocMetric>,
    /// How many allocations are still wanted, by group.
    #[serde(default)]
    pub queued: BTreeMap<String, u32>,
    /// Of a blocked one: for each computed node class seen, whether it could hold the job.
    #[serde(default)]
    pub class_eligibility: BTreeMap<String, bool>,
    /// Of a blocked one: constraints reach beyond the class, so any node may help.
    #[serde(default)]
    pub escaped: bool,
    /// Log index of the state it was processed at.
    #[serde(default)]
    pub snapshot_index: u64,
    /// Log index from which a worker's state must include the job's change.
    #[serde(default)]
    pub job_modify_index: u64,
    /// When it was made.
    pub create_time: Timestamp,
    /// When it last changed.
    pub modify_time: Timestamp,
    /// Log index of its making.
    #[serde(default)]
    pub create_index: u64,
    /// Log index of its last change.
    #[serde(default)]
    pub modify_index: u64,
}

impl Evaluation {
    /// Tells whether it has ended.
    pub fn is_terminal(&self) -> bool {
        matches!(self.status, EvalStatus::Complete | EvalStatus::Failed | EvalStatus::Canceled)
    }

    /// Makes one that waits in the broker for a scheduler.
    pub fn pending(
        id: EvalId,
        job_key: JobKey,
        job_type: JobType,
        priority: u8,
        trigger: Trigger,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            job_key,
            job_type,
            priority,
            trigger,
            node_id: None,
            deployment_id: None,
            status: EvalStatus::Pending,
            status_description: String::new(),
            wait_until: Timestamp::NEVER,
            next_eval: None,
            previous_eval: None,
            blocked_eval: None,
            failed_groups: BTreeMap::new(),
            queued: BTreeMap::new(),
            class_eligibility: BTreeMap::new(),
            escaped: false,
            snapshot_index: 0,
            job_modify_index: 0,
            create_time: now,
            modify_time: now,
            create_index: 0,
            modify_index: 0,
        }
    }
}

/// Where an evaluation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EvalStatus {
    /// Waits for capacity.
    Blocked,
    /// Waits for a scheduler.
    Pending,
    /// Was processed.
    Complete,
    /// Could not be processed.
    Failed,
    /// A newer one made it pointless.
    Canceled,
}

impl EvalStatus {
    /// Returns how the status is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Pending => "pending",
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

macro_rules! triggers {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why an evaluation was made.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Trigger { $($(#[$doc])* $name,)* }

        impl Trigger {
            /// Returns how the trigger is written.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

triggers! {
    /// A job was submitted.
    JobRegister = "job-register",
    /// A job was told to stop.
    JobDeregister = "job-deregister",
    /// A job's count was changed.
    JobScaling = "job-scaling",
    /// The time of a periodic job has come.
    PeriodicJob = "periodic-job",
    /// A node is emptied.
    NodeDrain = "node-drain",
    /// A node appeared, vanished or changed.
    NodeUpdate = "node-update",
    /// A user stopped an allocation.
    AllocStop = "alloc-stop",
    /// An allocation failed.
    AllocFailure = "alloc-failure",
    /// The time to replace a failed allocation has come.
    AllocReschedule = "alloc-reschedule",
    /// The next batch of changes paced by `stagger`.
    RollingUpdate = "rolling-update",
    /// A deployment has moved on.
    DeploymentWatcher = "deployment-watcher",
    /// An allocation was unknown for too long.
    MaxDisconnectTimeout = "max-disconnect-timeout",
    /// An allocation that was unknown is heard of again.
    Reconnect = "reconnect",
    /// Capacity appeared for what was waiting.
    QueuedAllocs = "queued-allocs",
    /// A plan was refused too often.
    MaxPlanAttempts = "max-plan-attempts",
    /// An earlier one failed.
    FailedFollowUp = "failed-follow-up",
    /// Allocations made room for something more important.
    Preemption = "preemption",
    /// A user asked for it.
    Scheduled = "scheduled",
}
