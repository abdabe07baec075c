//! What a job wishes of its nodes.

use crate::model::{Affinity, Constraint, Job, Node, TaskGroup};
use crate::scheduler::feasible::constraint;

/// Returns the wishes that count for a group: the job's, its own, its tasks'.
pub fn of<'a>(job: &'a Job, group: &'a TaskGroup) -> impl Iterator<Item = &'a Affinity> {
    let of_tasks = group.tasks.iter().flat_map(|task| &task.affinities);
    job.affinities.iter().chain(&group.affinities).chain(of_tasks)
}

/// Scores a node by the wishes it meets: their weights over the sum of all weights without sign; nothing to say where
/// there are no wishes. A node that meets none scores 0, and that counts. Source: Nomad `scheduler/feasible/rank.go`,
/// `NodeAffinityIterator`.
pub fn score(affinities: &[&Affinity], node: &Node) -> Option<f64> {
    let weights: i32 = affinities.iter().map(|affinity| i32::from(affinity.weight).abs()).sum();
    if weights == 0 {
        return None;
    }
    let met = affinities.iter().filter(|affinity| is_met(affinity, node));
    let met: i32 = met.map(|affinity| i32::from(affinity.weight)).sum();
    Some(f64::from(met) / f64::from(weights))
}

fn is_met(affinity: &Affinity, node: &Node) -> bool {
    let condition = Constraint {
        left: affinity.left.clone(),
        operator: affinity.operator,
        right: affinity.right.clone(),
    };
    constraint::check(&condition, node).is_ok()
}
