//! Deployments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::time::GoTime;
use super::{null_as_default, null_when_empty};

/// The rollout of one version of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Deployment {
    /// What identifies it.
    #[serde(rename = "ID")]
    pub id: String,
    /// The job's namespace.
    pub namespace: String,
    /// The job.
    #[serde(rename = "JobID")]
    pub job_id: String,
    /// The version it rolls out.
    pub job_version: u64,
    /// The job's modify index when it began.
    pub job_modify_index: u64,
    /// Log index of the submission it rolls out.
    pub job_spec_modify_index: u64,
    /// Log index of the job's making.
    pub job_create_index: u64,
    /// Regions; not supported, always false.
    pub is_multiregion: bool,
    /// How far each group is.
    #[serde(with = "null_when_empty")]
    pub task_groups: BTreeMap<String, DeploymentState>,
    /// Where it stands.
    pub status: String,
    /// Why.
    pub status_description: String,
    /// The priority of its evaluations.
    pub eval_priority: u8,
    /// Log index of its making.
    pub create_index: u64,
    /// Log index of its last change.
    pub modify_index: u64,
    /// When it was made.
    pub create_time: i64,
    /// When it last changed.
    pub modify_time: i64,
}

/// How far one group of a deployment is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeploymentState {
    /// Whether its failure brings back the last stable version.
    pub auto_revert: bool,
    /// Whether healthy canaries are promoted without anybody's word.
    pub auto_promote: bool,
    /// How long it may go without another healthy one, in ns.
    pub progress_deadline: i64,
    /// When it fails unless another one is healthy.
    pub require_progress_by: GoTime,
    /// Whether its canaries were promoted.
    pub promoted: bool,
    /// The canaries placed so far.
    #[serde(with = "null_when_empty")]
    pub placed_canaries: Vec<String>,
    /// How many canaries it wants.
    pub desired_canaries: u32,
    /// How many allocations it wants healthy in the end.
    pub desired_total: u32,
    /// How many were placed.
    pub placed_allocs: u32,
    /// How many of these are healthy.
    pub healthy_allocs: u32,
    /// How many of these are not.
    pub unhealthy_allocs: u32,
}

/// Body of `PUT /v1/deployment/promote/:id`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PromoteRequest {
    /// Which.
    #[serde(rename = "DeploymentID", deserialize_with = "null_as_default")]
    pub deployment_id: String,
    /// Whether all groups are meant.
    #[serde(deserialize_with = "null_as_default")]
    pub all: bool,
    /// Which groups otherwise.
    #[serde(deserialize_with = "null_as_default")]
    pub groups: Vec<String>,
}

/// Body of `PUT /v1/deployment/pause/:id`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PauseRequest {
    /// Which.
    #[serde(rename = "DeploymentID", deserialize_with = "null_as_default")]
    pub deployment_id: String,
    /// Whether it waits or goes on.
    #[serde(deserialize_with = "null_as_default")]
    pub pause: bool,
}

/// Body of `PUT /v1/deployment/allocation-health/:id`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct HealthRequest {
    /// Which.
    #[serde(rename = "DeploymentID", deserialize_with = "null_as_default")]
    pub deployment_id: String,
    /// These allocations are healthy.
    #[serde(rename = "HealthyAllocationIDs", deserialize_with = "null_as_default")]
    pub healthy: Vec<String>,
    /// These are not.
    #[serde(rename = "UnhealthyAllocationIDs", deserialize_with = "null_as_default")]
    pub unhealthy: Vec<String>,
}

/// What became of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeploymentUpdateResponse {
    /// The evaluation that goes on from there; may be empty.
    #[serde(rename = "EvalID")]
    pub eval_id: String,
    /// Log index of its making.
    pub eval_create_index: u64,
    /// Log index of the deployment's change.
    pub deployment_modify_index: u64,
    /// The version its job goes back to.
    pub reverted_job_version: Option<u64>,
    /// Log index of the write.
    pub index: u64,
}

/// Body of `PUT /v1/job/:id/revert`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RevertRequest {
    /// The job.
    #[serde(rename = "JobID", deserialize_with = "null_as_default")]
    pub job_id: String,
    /// The version it goes back to.
    pub job_version: Option<u64>,
    /// The version it must have.
    pub enforce_prior_version: Option<u64>,
}

/// Body of `PUT /v1/job/:id/stable`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StabilityRequest {
    /// The job.
    #[serde(rename = "JobID", deserialize_with = "null_as_default")]
    pub job_id: String,
    /// Its version.
    pub job_version: Option<u64>,
    /// Whether it is stable.
    #[serde(deserialize_with = "null_as_default")]
    pub stable: bool,
}

/// Answer of `PUT /v1/job/:id/stable`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StabilityResponse {
    /// Log index of the write.
    pub index: u64,
}
