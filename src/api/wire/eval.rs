//! Evaluations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::metric::AllocMetric;
use super::time::GoTime;
use super::{Unset, null_when_empty};

/// A request to look at a job, and how it ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Evaluation {
    /// What identifies it.
    #[serde(rename = "ID")]
    pub id: String,
    /// The job's namespace.
    pub namespace: String,
    /// The job's priority.
    pub priority: u8,
    /// The job's type.
    #[serde(rename = "Type")]
    pub eval_type: String,
    /// Why it was made.
    pub triggered_by: String,
    /// The job.
    #[serde(rename = "JobID")]
    pub job_id: String,
    /// Log index of the job's change.
    pub job_modify_index: u64,
    /// The node whose change made it; may be empty.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// Not kept; always 0.
    pub node_modify_index: u64,
    /// The rollout it belongs to; may be empty.
    #[serde(rename = "DeploymentID")]
    pub deployment_id: String,
    /// Where it stands.
    pub status: String,
    /// Why.
    pub status_description: String,
    /// How long it waits, in ns; always 0: see `wait_until`.
    pub wait: i64,
    /// Not before this time.
    pub wait_until: GoTime,
    /// The one that follows it; may be empty.
    pub next_eval: String,
    /// The one it follows; may be empty.
    pub previous_eval: String,
    /// The one that waits for capacity on its behalf; may be empty.
    pub blocked_eval: String,
    /// Those before and after it, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub related_evals: Option<Vec<EvaluationStub>>,
    /// Groups that could not be placed in full.
    #[serde(rename = "FailedTGAllocs", with = "null_when_empty")]
    pub failed_tg_allocs: BTreeMap<String, AllocMetric>,
    /// What a plan would do; not supported.
    pub plan_annotations: Unset,
    /// Of a blocked one: whether each computed class could hold the job.
    #[serde(with = "null_when_empty")]
    pub class_eligibility: BTreeMap<String, bool>,
    /// Of a blocked one: any node may help.
    pub escaped_computed_class: bool,
    /// Quotas; not supported.
    pub quota_limit_reached: String,
    /// Always false.
    pub annotate_plan: bool,
    /// Allocations still wanted, by group.
    #[serde(with = "null_when_empty")]
    pub queued_allocations: BTreeMap<String, u32>,
    /// Log index of the state it was processed at.
    pub snapshot_index: u64,
    /// Log index of its making.
    pub create_index: u64,
    /// Log index of its last change.
    pub modify_index: u64,
    /// When it was made.
    pub create_time: i64,
    /// When it last changed.
    pub modify_time: i64,
}

/// An evaluation as seen from a related one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EvaluationStub {
    /// What identifies it.
    #[serde(rename = "ID")]
    pub id: String,
    /// The job's namespace.
    pub namespace: String,
    /// The job's priority.
    pub priority: u8,
    /// The job's type.
    #[serde(rename = "Type")]
    pub eval_type: String,
    /// Why it was made.
    pub triggered_by: String,
    /// The job.
    #[serde(rename = "JobID")]
    pub job_id: String,
    /// The node whose change made it; may be empty.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// The rollout it belongs to; may be empty.
    #[serde(rename = "DeploymentID")]
    pub deployment_id: String,
    /// Where it stands.
    pub status: String,
    /// Why.
    pub status_description: String,
    /// Not before this time.
    pub wait_until: GoTime,
    /// The one that follows it; may be empty.
    pub next_eval: String,
    /// The one it follows; may be empty.
    pub previous_eval: String,
    /// The one that waits for capacity on its behalf; may be empty.
    pub blocked_eval: String,
    /// Log index of its making.
    pub create_index: u64,
    /// Log index of its last change.
    pub modify_index: u64,
    /// When it was made.
    pub create_time: i64,
    /// When it last changed.
    pub modify_time: i64,
}
