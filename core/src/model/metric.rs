//! Why an allocation went where it went, or nowhere: explanations as data.
//!
//! Searches of one group see much the same, and a million allocations have a metric each: what is equal is shared.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ids::NodeId;

/// What the search for one allocation's node saw.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AllocMetric {
    /// How many nodes were looked at and left out.
    #[serde(default)]
    pub seen: Arc<NodesSeen>,
    /// The best candidates with their scores, best first.
    #[serde(default)]
    pub scores: Vec<Arc<NodeScore>>,
    /// Node by node, why not; the first [`VERDICTS_MAX`](Self::VERDICTS_MAX) in name order.
    #[serde(default)]
    pub verdicts: Vec<NodeVerdict>,
    /// How often more than this one failed for the same reasons, of the same group.
    #[serde(default)]
    pub coalesced_failures: u32,
}

impl AllocMetric {
    /// How many candidates are remembered.
    pub const SCORES_MAX: usize = 5;
    /// How many nodes' reasons are remembered: a page for people, bounded for the state store.
    pub const VERDICTS_MAX: usize = 32;
}

/// Nodes as a search saw them, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodesSeen {
    /// Nodes looked at.
    pub nodes_evaluated: u32,
    /// Of these: not feasible.
    pub nodes_filtered: u32,
    /// Of these: feasible, but too full.
    pub nodes_exhausted: u32,
    /// Nodes in the job's pool.
    pub nodes_in_pool: u32,
    /// Ready nodes, by datacenter.
    pub nodes_available: BTreeMap<String, u32>,
    /// Not feasible, by node class.
    pub class_filtered: BTreeMap<String, u32>,
    /// Not feasible, by reason: each reason of a node counts, not only the first.
    pub constraint_filtered: BTreeMap<String, u32>,
    /// Too full, by node class.
    pub class_exhausted: BTreeMap<String, u32>,
    /// Too full, by what is missing: `cpu`, `memory`, `disk`, `network: ...`.
    pub dimension_exhausted: BTreeMap<String, u32>,
}

/// One candidate's scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeScore {
    /// The candidate.
    pub node_id: NodeId,
    /// Each scorer that had a say.
    pub scores: Vec<(Scorer, f64)>,
    /// Their mean.
    pub normalized: f64,
}

macro_rules! scorers {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Who scores a candidate.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Scorer { $($(#[$doc])* #[serde(rename = $text)] $name,)* }

        impl Scorer {
            /// All of them, in the order in which they are asked.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the name by which Nomad's API knows the score.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

scorers! {
    /// How full the node would be.
    Binpack = "binpack",
    /// How well its devices meet the wishes about devices.
    Devices = "devices",
    /// Another instance of the group is there.
    AntiAffinity = "job-anti-affinity",
    /// The allocation to replace has failed there.
    ReschedulePenalty = "node-reschedule-penalty",
    /// How well the node meets the wishes of job, group and tasks.
    NodeAffinity = "node-affinity",
    /// How much the node's values of the spread attributes lack instances.
    Spread = "allocation-spread",
    /// How little would be lost by what has to make room.
    Preemption = "preemption",
}

/// Why one node was not taken: all reasons, not only the first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeVerdict {
    /// The node's name, which is what people know it by.
    pub node_name: String,
    /// The node.
    pub node_id: NodeId,
    /// Such as `missing driver docker`, `${node.class} = system: is docker`, `memory: 412 MB free, 600 MB asked`.
    pub reasons: Vec<String>,
}
