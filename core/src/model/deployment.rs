//! Deployments: the rollout of one version of a job, group by group.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::{AllocId, DeploymentId, JobKey};
use super::job::Job;
use super::time::Timestamp;

/// The rollout of one version of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// What identifies it.
    pub id: DeploymentId,
    /// The job that changes.
    pub job_key: JobKey,
    /// The version it rolls out.
    pub job_version: u64,
    /// The job's `modify_index` when it began.
    #[serde(default)]
    pub job_modify_index: u64,
    /// The job's `job_modify_index` when it began: that of the submission it rolls out.
    #[serde(default)]
    pub job_spec_modify_index: u64,
    /// The job's `create_index`, which tells a job from an earlier one of the same name.
    #[serde(default)]
    pub job_create_index: u64,
    /// How far each group is, by name; groups without an update block are not in it.
    #[serde(default)]
    pub groups: BTreeMap<String, DeploymentState>,
    /// Where it stands.
    pub status: DeploymentStatus,
    /// Why, for people.
    #[serde(default)]
    pub status_description: String,
    /// The priority of evaluations made on its behalf.
    #[serde(default)]
    pub eval_priority: u8,
    /// When it began.
    #[serde(default)]
    pub create_time: Timestamp,
    /// When it last changed.
    #[serde(default)]
    pub modify_time: Timestamp,
    /// Log index of its making.
    #[serde(default)]
    pub create_index: u64,
    /// Log index of its last change.
    #[serde(default)]
    pub modify_index: u64,
}

/// How far one group of a deployment is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeploymentState {
    /// Whether its failure brings back the last stable version.
    pub auto_revert: bool,
    /// Whether healthy canaries are promoted without anybody's word.
    pub auto_promote: bool,
    /// Whether its canaries were promoted.
    pub promoted: bool,
    /// The canaries placed so far, in the order of their placement.
    pub placed_canaries: Vec<AllocId>,
    /// How many canaries it wants; 0 for none.
    pub desired_canaries: u32,
    /// How many allocations it wants healthy in the end.
    pub desired_total: u32,
    /// How many were placed, replacements included.
    pub placed: u32,
    /// How many of these are healthy.
    pub healthy: u32,
    /// How many of these are not.
    pub unhealthy: u32,
    /// How long it may go without another healthy one; zero for as long as it takes.
    pub progress_deadline: Duration,
    /// When it fails unless another one is healthy; never before the first placement.
    pub require_progress_by: Timestamp,
}

impl DeploymentState {
    /// Tells whether canaries are wanted that nobody has promoted yet.
    pub fn is_canarying(&self) -> bool {
        self.desired_canaries > 0 && !self.promoted
    }
}

impl Deployment {
    /// Makes the rollout of `job` as it is; groups are put in by the scheduler.
    pub fn new(id: DeploymentId, job: &Job, eval_priority: u8, now: Timestamp) -> Self {
        Self {
            id,
            job_key: job.key(),
            job_version: job.version,
            job_modify_index: job.modify_index,
            job_spec_modify_index: job.job_modify_index,
            job_create_index: job.create_index,
            groups: BTreeMap::new(),
            status: DeploymentStatus::Running,
            status_description: describe::RUNNING.to_owned(),
            eval_priority,
            create_time: now,
            modify_time: now,
            create_index: 0,
            modify_index: 0,
        }
    }

    /// Tells whether it may still change.
    pub fn is_active(&self) -> bool {
        self.status.is_active()
    }

    /// Tells whether it rolls out `job` as it is.
    pub fn is_of(&self, job: &Job) -> bool {
        self.job_version == job.version && self.job_create_index == job.create_index
    }

    /// Tells whether canaries wait for somebody's word.
    pub fn requires_promotion(&self) -> bool {
        self.is_active() && self.groups.values().any(DeploymentState::is_canarying)
    }

    /// Tells whether all groups that wait for promotion promote themselves.
    pub fn has_auto_promote(&self) -> bool {
        let mut canarying = self.groups.values().filter(|group| group.desired_canaries > 0).peekable();
        self.status == DeploymentStatus::Running
            && canarying.peek().is_some()
            && canarying.all(|group| group.auto_promote)
    }
}

/// Where a deployment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DeploymentStatus {
    /// Allocations are replaced.
    Running,
    /// Somebody asked to wait.
    Paused,
    /// It went wrong; nothing more is replaced.
    Failed,
    /// All is healthy.
    Successful,
    /// A newer version, or the end of the job, made it pointless.
    Cancelled,
    /// Made, and waits for others to go first.
    Pending,
    /// Waits for others to follow.
    Blocked,
    /// Others follow now.
    Unblocking,
    /// Waits to begin.
    Initializing,
}

impl DeploymentStatus {
    /// Returns how the status is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Failed => "failed",
            Self::Successful => "successful",
            Self::Cancelled => "cancelled",
            Self::Pending => "pending",
            Self::Blocked => "blocked",
            Self::Unblocking => "unblocking",
            Self::Initializing => "initializing",
        }
    }

    /// Tells whether something may still come of it.
    pub fn is_active(self) -> bool {
        !matches!(self, Self::Failed | Self::Successful | Self::Cancelled)
    }
}

/// A new status of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeploymentUpdate {
    /// Which.
    pub deployment_id: DeploymentId,
    /// Its status from now on.
    pub status: DeploymentStatus,
    /// Why, for people.
    #[serde(default)]
    pub description: String,
}

/// The words that go with a status; clients match some of them.
pub mod describe {
    /// While it runs.
    pub const RUNNING: &str = "Deployment is running";
    /// While canaries wait for a person.
    pub const NEEDS_PROMOTION: &str = "Deployment is running but requires manual promotion";
    /// While canaries become healthy and are promoted then.
    pub const AUTO_PROMOTION: &str = "Deployment is running pending automatic promotion";
    /// While somebody asked to wait.
    pub const PAUSED: &str = "Deployment is paused";
    /// When all is healthy.
    pub const SUCCESSFUL: &str = "Deployment completed successfully";
    /// When the job was told to stop.
    pub const STOPPED_JOB: &str = "Cancelled because job is stopped";
    /// When a newer version was submitted.
    pub const NEWER_JOB: &str = "Cancelled due to newer version of job";
    /// When allocations became unhealthy.
    pub const FAILED_ALLOCS: &str = "Failed due to unhealthy allocations";
    /// When no allocation became healthy in time.
    pub const PROGRESS_DEADLINE: &str = "Failed due to progress deadline";
    /// When a person said so.
    pub const FAILED_BY_USER: &str = "Deployment marked as failed";
}
