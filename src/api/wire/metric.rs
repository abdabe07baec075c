//! Why an allocation went where it went, or nowhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Unset, null_when_empty};

/// What the search for one allocation's node saw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AllocMetric {
    /// Nodes looked at.
    pub nodes_evaluated: u32,
    /// Of these: not feasible.
    pub nodes_filtered: u32,
    /// Nodes in the job's pool.
    pub nodes_in_pool: u32,
    /// Ready nodes, by datacenter.
    #[serde(with = "null_when_empty")]
    pub nodes_available: BTreeMap<String, u32>,
    /// Not feasible, by node class.
    #[serde(with = "null_when_empty")]
    pub class_filtered: BTreeMap<String, u32>,
    /// Not feasible, by reason.
    #[serde(with = "null_when_empty")]
    pub constraint_filtered: BTreeMap<String, u32>,
    /// Feasible, but too full.
    pub nodes_exhausted: u32,
    /// Too full, by node class.
    #[serde(with = "null_when_empty")]
    pub class_exhausted: BTreeMap<String, u32>,
    /// Too full, by what is missing.
    #[serde(with = "null_when_empty")]
    pub dimension_exhausted: BTreeMap<String, u32>,
    /// Quotas; not supported.
    pub quota_exhausted: Unset,
    /// By task; not supported.
    pub resources_exhausted: Unset,
    /// `<node id>.<scorer>` to score, the shape of 2016.
    #[serde(with = "null_when_empty")]
    pub scores: BTreeMap<String, f64>,
    /// The best candidates, best first.
    #[serde(with = "null_when_empty")]
    pub score_meta_data: Vec<NodeScoreMeta>,
    /// How long it took, in ns; always 0, as it differs between runs.
    pub allocation_time: i64,
    /// How often more than this one failed alike.
    pub coalesced_failures: u32,
    /// Node by node, why not. Pasture's own.
    #[serde(with = "null_when_empty")]
    pub node_verdicts: Vec<NodeVerdict>,
}

/// One candidate's scores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeScoreMeta {
    /// The candidate.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// Each scorer that had a say.
    #[serde(with = "null_when_empty")]
    pub scores: BTreeMap<String, f64>,
    /// Their mean.
    pub norm_score: f64,
}

/// Why one node was not taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeVerdict {
    /// The node's name.
    pub node_name: String,
    /// The node.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// All reasons.
    #[serde(with = "null_when_empty")]
    pub reasons: Vec<String>,
}
