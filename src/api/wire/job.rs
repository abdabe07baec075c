//! Jobs, in full and in lists, and what is asked of and answered about them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::resources::{NetworkResource, Resources};
use super::{Unset, null_as_default, null_when_empty};

/// A job in full.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Job {
    /// The region.
    pub region: String,
    /// The namespace.
    pub namespace: String,
    /// What identifies it within its namespace.
    #[serde(rename = "ID")]
    pub id: String,
    /// The periodic or parameterized job it came from; not supported.
    #[serde(rename = "ParentID")]
    pub parent_id: String,
    /// What it is called.
    pub name: String,
    /// `service`, `batch`, `system` or `sysbatch`.
    #[serde(rename = "Type")]
    pub job_type: String,
    /// From 1 to 100, higher first.
    pub priority: u8,
    /// Place all of it or nothing.
    pub all_at_once: bool,
    /// Globs of datacenter names.
    #[serde(with = "null_when_empty")]
    pub datacenters: Vec<String>,
    /// The pool its nodes come from.
    pub node_pool: String,
    /// Conditions on its nodes.
    #[serde(with = "null_when_empty")]
    pub constraints: Vec<Constraint>,
    /// Not supported.
    pub affinities: Unset,
    /// Not supported.
    pub spreads: Unset,
    /// What runs.
    #[serde(with = "null_when_empty")]
    pub task_groups: Vec<TaskGroup>,
    /// How changes roll out.
    pub update: Option<UpdateStrategy>,
    /// Not supported.
    pub multiregion: Unset,
    /// Not supported.
    pub periodic: Unset,
    /// Not supported.
    pub parameterized_job: Unset,
    /// Not supported.
    pub dispatched: bool,
    /// Not supported.
    pub payload: Unset,
    /// Free text of the user.
    #[serde(with = "null_when_empty")]
    pub meta: BTreeMap<String, String>,
    /// Not supported.
    pub consul_token: String,
    /// Not supported.
    pub consul_namespace: String,
    /// Not supported.
    pub vault_token: String,
    /// Not supported.
    pub vault_namespace: String,
    /// Not supported.
    #[serde(rename = "NomadTokenID")]
    pub nomad_token_id: String,
    /// Told to stop.
    pub stop: bool,
    /// Where it stands.
    pub status: String,
    /// Why.
    pub status_description: String,
    /// Whether a rollout of this version succeeded; not supported.
    pub stable: bool,
    /// Counts submissions that changed it.
    pub version: u64,
    /// When this version was submitted.
    pub submit_time: i64,
    /// Log index of its first version.
    pub create_index: u64,
    /// Log index of its last change of any kind.
    pub modify_index: u64,
    /// Log index of its last submission.
    pub job_modify_index: u64,
}

/// Tasks placed together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskGroup {
    /// Its name within the job.
    pub name: String,
    /// How many instances are wanted.
    pub count: u32,
    /// Conditions on its nodes.
    #[serde(with = "null_when_empty")]
    pub constraints: Vec<Constraint>,
    /// Not supported.
    pub affinities: Unset,
    /// Not supported.
    pub spreads: Unset,
    /// What runs.
    #[serde(with = "null_when_empty")]
    pub tasks: Vec<Task>,
    /// What happens when a task ends.
    pub restart_policy: RestartPolicy,
    /// Not supported.
    pub reschedule_policy: Unset,
    /// Scratch space.
    pub ephemeral_disk: EphemeralDisk,
    /// How changes roll out.
    pub update: Option<UpdateStrategy>,
    /// Not supported.
    pub migrate: Unset,
    /// Not supported.
    pub disconnect: Unset,
    /// Networks shared by its tasks.
    #[serde(with = "null_when_empty")]
    pub networks: Vec<NetworkResource>,
    /// Free text of the user.
    #[serde(with = "null_when_empty")]
    pub meta: BTreeMap<String, String>,
    /// Not supported at this place; tasks have services.
    pub services: Unset,
    /// Not supported.
    pub volumes: Unset,
    /// Not supported.
    pub scaling: Unset,
    /// Not supported.
    pub consul: Unset,
    /// Not supported.
    pub shutdown_delay: Unset,
    /// Not supported.
    pub stop_after_client_disconnect: Unset,
    /// Not supported.
    pub max_client_disconnect: Unset,
}

/// One thing a driver runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Task {
    /// Its name within the group.
    pub name: String,
    /// The driver that runs it.
    pub driver: String,
    /// Whom it runs as.
    pub user: String,
    /// What the driver is told.
    #[serde(with = "null_when_empty")]
    pub config: Map<String, Value>,
    /// Conditions on its node.
    #[serde(with = "null_when_empty")]
    pub constraints: Vec<Constraint>,
    /// Not supported.
    pub affinities: Unset,
    /// Its environment.
    #[serde(with = "null_when_empty")]
    pub env: BTreeMap<String, String>,
    /// What it offers to others under a name.
    #[serde(with = "null_when_empty")]
    pub services: Vec<Service>,
    /// What it needs.
    pub resources: Resources,
    /// Not supported at this place; groups have one.
    pub restart_policy: Unset,
    /// Free text of the user.
    #[serde(with = "null_when_empty")]
    pub meta: BTreeMap<String, String>,
    /// The time between asking it to stop and killing it, in ns.
    pub kill_timeout: i64,
    /// The signal that asks it to stop.
    pub kill_signal: String,
    /// How much of its output is kept.
    pub log_config: LogConfig,
    /// Not supported.
    pub artifacts: Unset,
    /// Not supported.
    pub templates: Unset,
    /// Not supported.
    pub vault: Unset,
    /// Not supported.
    pub consul: Unset,
    /// Not supported.
    pub dispatch_payload: Unset,
    /// Not supported.
    pub volume_mounts: Unset,
    /// Not supported.
    pub lifecycle: Unset,
    /// Not supported.
    #[serde(rename = "CSIPluginConfig")]
    pub csi_plugin_config: Unset,
    /// Not supported.
    pub scaling_policies: Unset,
    /// Not supported.
    pub kind: String,
    /// Not supported.
    pub leader: bool,
    /// Not supported.
    pub shutdown_delay: i64,
}

/// One condition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Constraint {
    /// The left side.
    #[serde(rename = "LTarget")]
    pub left: String,
    /// The right side.
    #[serde(rename = "RTarget")]
    pub right: String,
    /// How they are compared.
    #[serde(rename = "Operand")]
    pub operand: String,
}

/// A name under which a task can be found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Service {
    /// The name.
    pub name: String,
    /// The label of the port.
    pub port_label: String,
    /// Free words to search by.
    #[serde(with = "null_when_empty")]
    pub tags: Vec<String>,
    /// How its health is found out.
    #[serde(with = "null_when_empty")]
    pub checks: Vec<ServiceCheck>,
}

/// A question that tells whether a service is well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ServiceCheck {
    /// Its name.
    pub name: String,
    /// `http`, `tcp` or `script`.
    #[serde(rename = "Type")]
    pub check_type: String,
    /// The path asked for.
    pub path: String,
    /// The time between two questions, in ns.
    pub interval: i64,
    /// How long an answer may take, in ns.
    pub timeout: i64,
}

/// What happens when a task ends.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RestartPolicy {
    /// How many restarts within the interval.
    pub attempts: u32,
    /// When the count starts again, in ns.
    pub interval: i64,
    /// How long to wait before a restart, in ns.
    pub delay: i64,
    /// `fail` or `delay`.
    pub mode: String,
    /// Whether a success is restarted too: the spelling of January 2016, only there when set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_success: Option<bool>,
}

/// Scratch space of a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EphemeralDisk {
    /// Not supported.
    pub sticky: bool,
    /// Its size, in MB.
    #[serde(rename = "SizeMB")]
    pub size_mb: u32,
    /// Not supported.
    pub migrate: bool,
}

/// How much of a task's output is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LogConfig {
    /// How many files of each kind.
    pub max_files: u32,
    /// When a file is full, in MB.
    #[serde(rename = "MaxFileSizeMB")]
    pub max_file_size_mb: u32,
    /// Not supported.
    pub disabled: bool,
}

/// How changes roll out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct UpdateStrategy {
    /// The time between two batches, in ns.
    pub stagger: i64,
    /// How many change at once.
    pub max_parallel: u32,
    /// Not supported.
    pub health_check: String,
    /// Not supported.
    pub min_healthy_time: i64,
    /// Not supported.
    pub healthy_deadline: i64,
    /// Not supported.
    pub progress_deadline: i64,
    /// Not supported.
    pub canary: u32,
    /// Not supported.
    pub auto_revert: bool,
    /// Not supported.
    pub auto_promote: bool,
}

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
    /// Not supported.
    pub diffs: Unset,
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
    #[serde(rename = "Canonicalize")]
    pub canonicalize: bool,
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
