//! Rather not where it has failed before.

use std::collections::BTreeSet;

use crate::model::NodeId;

/// Scores -1 for a node on which the allocation to replace has failed. Source: Nomad
/// `scheduler/feasible/rank.go`, `NodeReschedulingPenaltyIterator`.
pub fn score(node: NodeId, failed_on: &BTreeSet<NodeId>) -> Option<f64> {
    failed_on.contains(&node).then_some(-1.0)
}
