//! Rather not beside another instance of the same group.

/// Scores a node that holds `collisions` instances of a group of `count`: `-(collisions + 1) / count`; nothing to say
/// where there is none. Source: Nomad `scheduler/feasible/rank.go`, `JobAntiAffinityIterator`.
pub fn score(collisions: u32, count: u32) -> Option<f64> {
    (collisions > 0).then(|| -f64::from(collisions + 1) / f64::from(count.max(1)))
}
