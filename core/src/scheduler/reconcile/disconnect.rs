//! Allocations whose node is cut off, and those that are back: which of two stays.

use std::sync::Arc;

use crate::model::{Allocation, ClientStatus, DisconnectStrategy, Reconcile, TaskGroup, Timestamp};

/// Which of two allocations stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The one that is back.
    Original,
    /// The one that was put in its place.
    Replacement,
}

/// Decides which of two stays. A newer version of the job always does. Source: Nomad
/// `scheduler/reconciler/reconnecting_picker`.
pub fn pick(strategy: Option<&DisconnectStrategy>, original: &Allocation, replacement: &Allocation) -> Keep {
    let version = |alloc: &Allocation| (alloc.job.create_index, alloc.job.version);
    if version(replacement) > version(original) {
        return Keep::Replacement;
    }
    match strategy.and_then(|strategy| strategy.reconcile).unwrap_or_default() {
        Reconcile::KeepOriginal => Keep::Original,
        Reconcile::KeepReplacement => Keep::Replacement,
        Reconcile::LongestRunning => match started_at(replacement) < started_at(original) {
            true => Keep::Replacement,
            false => Keep::Original,
        },
        Reconcile::BestScore => {
            let runs = |alloc: &Allocation| alloc.client_status == ClientStatus::Running;
            if runs(original) != runs(replacement) {
                return if runs(original) { Keep::Original } else { Keep::Replacement };
            }
            match score(replacement) > score(original) {
                true => Keep::Replacement,
                false => Keep::Original,
            }
        }
    }
}

/// Returns the best score of the search that placed an allocation.
fn score(alloc: &Allocation) -> f64 {
    alloc.metric.scores.iter().map(|score| score.normalized).fold(f64::NEG_INFINITY, f64::max)
}

/// Returns since when the leader of the main tasks runs, or the first of them when there is no leader; the end of time
/// when none has started.
fn started_at(alloc: &Allocation) -> Timestamp {
    let main = |group: &TaskGroup| -> Vec<String> {
        let tasks: Vec<_> = group.tasks.iter().filter(|task| task.lifecycle.is_none()).collect();
        let leader = tasks.iter().find(|task| task.leader);
        leader.map_or_else(
            || tasks.iter().map(|task| task.name.clone()).collect(),
            |task| vec![task.name.clone()],
        )
    };
    let names = alloc.task_group().map(main).unwrap_or_default();
    let times = names.iter().filter_map(|name| alloc.task_states.get(name)).map(|state| state.started_at);
    times.filter(|time| *time != Timestamp::NEVER).min().unwrap_or(Timestamp(i64::MAX))
}

/// Finds what runs in an allocation's place: of the same name, meant to run, and not cut off itself.
pub fn replacement_of<'a>(
    original: &Allocation,
    others: impl Iterator<Item = &'a Arc<Allocation>>,
) -> Option<&'a Arc<Allocation>> {
    let may = |other: &&Arc<Allocation>| {
        other.id != original.id
            && other.name == original.name
            && !other.is_terminal()
            && other.client_status != ClientStatus::Unknown
    };
    others.filter(may).max_by_key(|other| (other.create_index, other.id))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::metric::NodeScore;
    use crate::model::{AllocMetric, NodeId, TaskState};
    use crate::testing;

    struct One {
        version: u64,
        status: ClientStatus,
        score: f64,
        started: i64,
    }

    fn alloc(one: &One) -> Allocation {
        let mut alloc = testing::alloc("web", "docker");
        Arc::make_mut(&mut alloc.job).version = one.version;
        alloc.client_status = one.status;
        let score = NodeScore {
            node_id: NodeId(uuid::Uuid::from_u128(1)),
            scores: Vec::new(),
            normalized: one.score,
        };
        alloc.metric = Arc::new(AllocMetric { scores: vec![Arc::new(score)], ..AllocMetric::default() });
        let state = TaskState { started_at: Timestamp(one.started), ..TaskState::default() };
        alloc.task_states.insert("web".to_owned(), state);
        alloc
    }

    #[test]
    fn which_of_two_stays() {
        use ClientStatus::{Failed, Pending, Running};
        use Keep::{Original, Replacement};
        let one = |version, status, score, started| One { version, status, score, started };
        let cases = [
            // Rule, original, replacement, who stays.
            (Reconcile::KeepOriginal, one(1, Running, 0.1, 50), one(1, Running, 0.9, 10), Original),
            (Reconcile::KeepOriginal, one(1, Running, 0.1, 50), one(2, Running, 0.1, 90), Replacement),
            (Reconcile::KeepReplacement, one(1, Running, 0.9, 10), one(1, Running, 0.1, 50), Replacement),
            (Reconcile::LongestRunning, one(1, Running, 0.1, 10), one(1, Running, 0.9, 50), Original),
            (Reconcile::LongestRunning, one(1, Running, 0.9, 50), one(1, Running, 0.1, 10), Replacement),
            (Reconcile::LongestRunning, one(1, Running, 0.1, 10), one(1, Pending, 0.9, 0), Original),
            (Reconcile::BestScore, one(1, Running, 0.1, 10), one(1, Running, 0.9, 50), Replacement),
            (Reconcile::BestScore, one(1, Running, 0.9, 50), one(1, Running, 0.1, 10), Original),
            (Reconcile::BestScore, one(1, Running, 0.5, 50), one(1, Running, 0.5, 10), Original),
            (Reconcile::BestScore, one(1, Running, 0.1, 50), one(1, Pending, 0.9, 0), Original),
            (Reconcile::BestScore, one(1, Failed, 0.9, 50), one(1, Running, 0.1, 10), Replacement),
        ];
        for (number, (rule, original, replacement, expected)) in cases.iter().enumerate() {
            let strategy = DisconnectStrategy { reconcile: Some(*rule), ..DisconnectStrategy::default() };
            let found = pick(Some(&strategy), &alloc(original), &alloc(replacement));
            assert_eq!(found, *expected, "case {number}: {rule:?}");
        }
    }
}
