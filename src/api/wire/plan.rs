//! What would happen, and why something is not placed.
//!
//! The plan of a job has Nomad's shape. [`Explanation`] and the plan of a change of nodes are Pasture's own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::metric::NodeScoreMeta;
use super::{AllocMetric, AllocStub, Evaluation, GoTime, Job, null_when_empty};
use crate::jobspec::diff::JobDiff;

/// Asks what running a job would change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct JobPlanRequest {
    /// The job.
    pub job: Job,
    /// Whether to tell how it differs from the one that is registered.
    pub diff: bool,
    /// For policies, which there are none of.
    pub policy_override: bool,
    /// Whether to explain what finds no place. Pasture's own.
    pub explain: bool,
}

/// What running a job would change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct JobPlanResponse {
    /// What the scheduler decided, in numbers.
    pub annotations: Option<PlanAnnotations>,
    /// Groups that could not be placed in full.
    #[serde(rename = "FailedTGAllocs", with = "null_when_empty")]
    pub failed_tg_allocs: BTreeMap<String, AllocMetric>,
    /// Log index of the last submission that changed the registered job; 0 when there is none.
    pub job_modify_index: u64,
    /// Evaluations that would be made.
    #[serde(with = "null_when_empty")]
    pub created_evals: Vec<Evaluation>,
    /// How the job differs from the registered one, when that was asked for.
    pub diff: Option<JobDiff>,
    /// When a periodic job would be launched next.
    pub next_periodic_launch: GoTime,
    /// What is old-fashioned or has no effect.
    pub warnings: String,
    /// Of groups that could not be placed in full, when that was asked for. Pasture's own.
    #[serde(with = "null_when_empty")]
    pub explanations: Vec<Explanation>,
}

/// What a scheduler decided, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct PlanAnnotations {
    /// By group.
    #[serde(rename = "DesiredTGUpdates", with = "null_when_empty")]
    pub desired_tg_updates: BTreeMap<String, DesiredUpdates>,
    /// Allocations of other jobs that would have to go.
    #[serde(with = "null_when_empty")]
    pub preempted_allocs: Vec<AllocStub>,
}

/// Numbers of allocations of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DesiredUpdates {
    /// Left as they are.
    pub ignore: u32,
    /// To be placed.
    pub place: u32,
    /// To be moved off their nodes.
    pub migrate: u32,
    /// To be stopped.
    pub stop: u32,
    /// To be changed where they are.
    pub in_place_update: u32,
    /// To be replaced by the new version.
    pub destructive_update: u32,
    /// To be placed beside the old version.
    pub canary: u32,
    /// Of other jobs, to be evicted.
    pub preemptions: u32,
    /// On nodes that are cut off.
    pub disconnect: u32,
    /// Back from such nodes.
    pub reconnect: u32,
    /// To be replaced now after a failure.
    pub reschedule_now: u32,
    /// To be replaced later after a failure.
    pub reschedule_later: u32,
}

/// Where one more instance of a group could go, node by node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Explanation {
    /// The job.
    #[serde(rename = "JobID")]
    pub job_id: String,
    /// Its namespace.
    pub namespace: String,
    /// The group.
    pub task_group: String,
    /// Nodes in name order.
    pub nodes: Vec<NodeExplanation>,
    /// What would have to change for an instance to fit, the least first; none when it fits.
    pub ways_out: Vec<WayOut>,
}

/// What one node is to a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeExplanation {
    /// The node.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// Its name.
    pub node_name: String,
    /// Whether an instance fits.
    pub fits: bool,
    /// All that speaks against it.
    pub reasons: Vec<Reason>,
    /// Less important allocations that could make room.
    pub preemptable: Vec<Preemptable>,
    /// Its scores, when an instance fits.
    pub score: Option<NodeScoreMeta>,
}

/// Something that speaks against a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Reason {
    /// `condition`, `node_pool`, `datacenter`, `driver`, `constraint`, `distinct`, `volume`, `device` or `capacity`.
    pub kind: String,
    /// For people.
    pub text: String,
    /// Whose wish it is: `job`, `group "web"` or `task "server"`; empty when it is nobody's.
    pub owner: String,
    /// Where in the job it stands, such as `TaskGroups[0].Constraints[1]`.
    pub path: String,
}

/// An allocation that could make room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Preemptable {
    /// Which.
    #[serde(rename = "ID")]
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its job's.
    pub priority: u8,
}

/// Changes that together let an instance fit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct WayOut {
    /// For people.
    pub text: String,
    /// Each change in words.
    pub changes: Vec<String>,
    /// Names of the nodes on which they are enough.
    pub nodes: Vec<String>,
}

/// Asks what would follow from changes of nodes. Pasture's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodePlanRequest {
    /// Ids of nodes that are drained.
    pub drain: Vec<String>,
    /// Ids of nodes that are lost.
    pub lost: Vec<String>,
}

/// What would follow from changes of nodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodePlanResponse {
    /// What becomes of each allocation there, and of those that have to go for them.
    pub moves: Vec<Move>,
    /// Groups that would have fewer allocations than they want.
    pub shortfalls: Vec<Shortfall>,
}

/// What becomes of one allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Move {
    /// The allocation.
    #[serde(rename = "AllocID")]
    pub alloc_id: String,
    /// Its name.
    pub name: String,
    /// Its job.
    #[serde(rename = "JobID")]
    pub job_id: String,
    /// Its namespace.
    pub namespace: String,
    /// The name of the node it is on.
    pub from: String,
    /// The name of the node that would get it; empty when none does.
    pub to: String,
    /// `moves`, `no place`, `later`, `ends` or `stays`.
    pub outcome: String,
    /// When it is replaced, if later.
    pub at: GoTime,
}

/// A group with fewer allocations than it wants.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Shortfall {
    /// The job.
    #[serde(rename = "JobID")]
    pub job_id: String,
    /// Its namespace.
    pub namespace: String,
    /// The group.
    pub task_group: String,
    /// How many it wants.
    pub wanted: u32,
    /// How many it has now.
    pub before: u32,
    /// How many it would have.
    pub after: u32,
    /// Why there is no place for more.
    pub explanation: Option<Explanation>,
}
