//! Rather not where it has failed before.

/// What a node gets on which the allocation to replace, or one before it, has failed; other nodes get no score. Source:
/// Nomad `scheduler/feasible/rank.go`, `NodeReschedulingPenaltyIterator`.
pub const PENALTY: f64 = -1.0;
