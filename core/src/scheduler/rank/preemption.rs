//! How little would be lost by what has to make room.

/// The net priority that scores a half.
const ORIGIN: f64 = 2048.0;
/// How fast the score falls.
const RATE: f64 = 0.0048;

/// Scores a node on which allocations of these priorities would be preempted, from nearly 1.0 down to 0.0; nothing to say
/// where there are none.
///
/// `1 / (1 + e^(0.0048 * (net - 2048)))`, the net priority being the highest plus the sum over the highest. Source: Nomad
/// `scheduler/feasible/rank.go`, `PreemptionScoringIterator`.
pub fn score(priorities: &[u8]) -> Option<f64> {
    let highest = f64::from(*priorities.iter().max()?);
    let sum: f64 = priorities.iter().map(|priority| f64::from(*priority)).sum();
    // Priorities begin at 1; were one 0, its share is no more than all of it.
    let net = highest + sum / highest.max(1.0);
    Some(1.0 / (1.0 + (RATE * (net - ORIGIN)).exp()))
}
