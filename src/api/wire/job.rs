//! Jobs, in full and in lists, and what is asked of and answered about them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Unset, null_as_default, null_when_empty};

pub use crate::jobspec::diff::JobDiff;
pub use crate::model::{Job, TaskGroup};

/// A job in a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct JobStub {
    /// What identifies it within its namespace.
    #[serde(rename = "ID")]
    pub id: String,
    /// Not supported.
    #[serde(rename = "ParentID")]
    pub parent_id: String,
    /// What it is called.
    pub name: String,
    /// The namespace.
    pub namespace: String,
    /// Globs of datacenter names.
    #[serde(with = "null_when_empty")]
    pub datacenters: Vec<String>,
    /// The pool its nodes come from.
    pub node_pool: String,
    /// Its type.
    #[serde(rename = "Type")]
    pub job_type: String,
    /// Its priority.
    pub priority: u8,
    /// Not supported.
    pub periodic: bool,
    /// Not supported.
    pub parameterized_job: bool,
    /// Told to stop.
    pub stop: bool,
    /// Where it stands.
    pub status: String,
    /// Why.
    pub status_description: String,
    /// How its allocations stand.
    pub job_summary: Option<JobSummary>,
    /// Log index of its first version.
    pub create_index: u64,
    /// Log index of its last change of any kind.
    pub modify_index: u64,
    /// Log index of its last submission.
    pub job_modify_index: u64,
    /// When it was last submitted.
    pub submit_time: i64,
}

/// How the allocations of a job stand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct JobSummary {
    /// The job.
    #[serde(rename = "JobID")]
    pub job_id: String,
    /// Its namespace.
    pub namespace: String,
    /// By group.
    #[serde(deserialize_with = "null_as_default")]
    pub summary: BTreeMap<String, TaskGroupSummary>,
    /// Child jobs; always none.
    #[serde(deserialize_with = "null_as_default")]
    pub children: JobChildrenSummary,
    /// Log index of the job's first version.
    pub create_index: u64,
    /// Log index of the last change seen here.
    pub modify_index: u64,
}

/// How many allocations of a group are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskGroupSummary {
    /// Wanted, not placed.
    pub queued: u32,
    /// Ended well.
    pub complete: u32,
    /// Ended badly.
    pub failed: u32,
    /// Running.
    pub running: u32,
    /// Placed, not running yet.
    pub starting: u32,
    /// Vanished with their node.
    pub lost: u32,
    /// On a disconnected node; not supported.
    pub unknown: u32,
}

/// How many child jobs are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct JobChildrenSummary {
    /// Not started.
    pub pending: u32,
    /// Running.
    pub running: u32,
    /// Over.
    pub dead: u32,
}

/// A job submitted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RegisterRequest {
    /// The job.
    pub job: Job,
    /// Refuse it when it has changed since `job_modify_index`.
    pub enforce_index: bool,
    /// What the submitter has seen; 0 for "no such job".
    pub job_modify_index: u64,
}

/// What became of a submission, a stop or an evaluation asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RegisterResponse {
    /// The evaluation it made; may be empty.
    #[serde(rename = "EvalID")]
    pub eval_id: String,
    /// Its log index.
    pub eval_create_index: u64,
    /// Log index of the job's last submission.
    pub job_modify_index: u64,
    /// What is accepted but should be written otherwise.
    pub warnings: String,
    /// Log index of the write.
    pub index: u64,
    /// Always 0: writes are answered by the leader.
    pub last_contact: u64,
    /// As Nomad answers writes, always false.
    pub known_leader: bool,
}

/// All kept versions of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct JobVersions {
    /// Newest first.
    #[serde(deserialize_with = "null_as_default")]
    pub versions: Vec<Job>,
    /// How each version differs from the one before it, when that was asked; one less than there are versions.
    pub diffs: Option<Vec<JobDiff>>,
    /// Log index of the answer.
    pub index: u64,
    /// Always 0.
    pub last_contact: u64,
    /// Whether a leader is known.
    pub known_leader: bool,
}

/// A text to be parsed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ParseRequest {
    /// The job file.
    #[serde(rename = "JobHCL")]
    pub job_hcl: String,
    /// Fill in what was not said.
    #[serde(rename = "Canonicalize", deserialize_with = "null_as_default")]
    pub canonicalize: bool,
    /// Values for its variables, as a file of `name = value` lines.
    #[serde(rename = "Variables", deserialize_with = "null_as_default")]
    pub variables: String,
}

/// What is wrong with a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ValidateResponse {
    /// Always true: drivers take any configuration until they start a task.
    pub driver_config_validated: bool,
    /// Each problem.
    #[serde(with = "null_when_empty")]
    pub validation_errors: Vec<String>,
    /// All problems as one text.
    pub error: String,
    /// What is accepted but should be written otherwise.
    pub warnings: String,
}

/// Another count for a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ScaleRequest {
    /// How many.
    pub count: Option<i64>,
    /// Of what: `Job` and `Group`.
    #[serde(deserialize_with = "null_as_default")]
    pub target: BTreeMap<String, String>,
    /// Why, for people; not kept.
    #[serde(deserialize_with = "null_as_default")]
    pub message: String,
}

/// How many instances of a job's groups are wanted and there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ScaleStatus {
    /// The job.
    #[serde(rename = "JobID")]
    pub job_id: String,
    /// Its namespace.
    pub namespace: String,
    /// Log index of its first version.
    pub job_create_index: u64,
    /// Log index of its last submission.
    pub job_modify_index: u64,
    /// Told to stop.
    pub job_stopped: bool,
    /// By group.
    #[serde(deserialize_with = "null_as_default")]
    pub task_groups: BTreeMap<String, TaskGroupScaleStatus>,
}

/// How many instances of a group are wanted and there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskGroupScaleStatus {
    /// Wanted.
    pub desired: u32,
    /// Placed and not over.
    pub placed: u32,
    /// Running.
    pub running: u32,
    /// Healthy in a rollout; not supported, always 0.
    pub healthy: u32,
    /// Unhealthy in a rollout; not supported, always 0.
    pub unhealthy: u32,
    /// Not kept.
    pub events: Unset,
}
