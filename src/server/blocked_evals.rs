//! Evaluations that wait for capacity.
//!
//! A scheduler that could not place everything says for each class of nodes it saw whether such a node could hold the
//! job. When capacity appears on a node, the evaluations that its class could help become pending again; those that
//! have seen no node of that class, or whose constraints reach beyond classes, do too.
//!
//! # Invariants
//! - One evaluation a job.
//! - No missed wake-up: capacity that appeared between the scheduler's snapshot and the evaluation's arrival here wakes
//!   it at once.

use std::collections::BTreeMap;

use crate::model::{EvalId, Evaluation, JobKey};

/// Decides which blocked evaluations have a chance again.
#[derive(Debug, Default)]
pub struct BlockedEvalsCore {
    by_job: BTreeMap<JobKey, Evaluation>,
    /// Log index at which capacity last appeared, by class.
    capacity_at: BTreeMap<String, u64>,
}

impl BlockedEvalsCore {
    /// Keeps `eval` until capacity appears, or returns it when some has appeared since its snapshot. Of two of a job the
    /// newer stays.
    pub fn block(&mut self, eval: Evaluation) -> Option<Evaluation> {
        let missed = self
            .capacity_at
            .iter()
            .any(|(class, index)| *index > eval.snapshot_index && could_help(&eval, class));
        if missed {
            self.by_job.remove(&eval.job_key);
            return Some(eval);
        }
        let newer_there =
            self.by_job.get(&eval.job_key).is_some_and(|known| known.create_index > eval.create_index);
        if !newer_there {
            self.by_job.insert(eval.job_key.clone(), eval);
        }
        None
    }

    /// Notes capacity on a node of `class` at log index `index`, and returns whom it could help, in job order.
    pub fn unblock(&mut self, class: &str, index: u64) -> Vec<Evaluation> {
        self.capacity_at.insert(class.to_owned(), index);
        let helped: Vec<JobKey> = self
            .by_job
            .iter()
            .filter(|(_, eval)| eval.snapshot_index < index && could_help(eval, class))
            .map(|(job, _)| job.clone())
            .collect();
        helped.iter().filter_map(|job| self.by_job.remove(job)).collect()
    }

    /// Forgets an evaluation that has ended.
    pub fn forget(&mut self, job: &JobKey, id: EvalId) {
        if self.by_job.get(job).is_some_and(|eval| eval.id == id) {
            self.by_job.remove(job);
        }
    }

    /// Returns how many wait.
    pub fn len(&self) -> usize {
        self.by_job.len()
    }

    /// Tells whether none waits.
    pub fn is_empty(&self) -> bool {
        self.by_job.is_empty()
    }
}

/// Tells whether a node of `class` could hold what `eval` waits for; a class its scheduler has not seen might.
fn could_help(eval: &Evaluation, class: &str) -> bool {
    eval.escaped || eval.class_eligibility.get(class).copied().unwrap_or(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{JobType, Timestamp, Trigger};

    fn blocked(n: u128, job: &str, snapshot_index: u64, classes: &[(&str, bool)]) -> Evaluation {
        let mut eval = Evaluation::pending(
            EvalId(uuid::Uuid::from_u128(n)),
            JobKey::new("default", job),
            JobType::Service,
            50,
            Trigger::QueuedAllocs,
            Timestamp(1),
        );
        eval.create_index = n as u64;
        eval.snapshot_index = snapshot_index;
        eval.class_eligibility = classes.iter().map(|(class, ok)| ((*class).to_owned(), *ok)).collect();
        eval
    }

    fn ids(evals: &[Evaluation]) -> Vec<u64> {
        evals.iter().map(|eval| eval.create_index).collect()
    }

    #[test]
    fn wakes_whom_a_class_could_help() {
        let mut core = BlockedEvalsCore::default();
        core.block(blocked(1, "a", 10, &[("x", true)]));
        core.block(blocked(2, "b", 10, &[("x", false)]));
        core.block(blocked(3, "c", 10, &[]));
        assert_eq!(ids(&core.unblock("x", 11)), [1, 3]);
        assert_eq!(ids(&core.unblock("x", 12)), [0_u64; 0]);
        assert_eq!(ids(&core.unblock("y", 13)), [2], "a class it has not seen");
    }

    #[test]
    fn misses_no_capacity_that_came_before_the_evaluation() {
        let mut core = BlockedEvalsCore::default();
        core.unblock("x", 11);
        assert!(core.block(blocked(1, "a", 10, &[("x", true)])).is_some());
        assert!(core.block(blocked(2, "b", 10, &[("x", false)])).is_none());
        assert!(core.block(blocked(3, "c", 11, &[("x", true)])).is_none(), "its scheduler has seen it");
    }

    #[test]
    fn keeps_the_newer_of_two() {
        let mut core = BlockedEvalsCore::default();
        core.block(blocked(2, "a", 10, &[]));
        core.block(blocked(1, "a", 10, &[]));
        assert_eq!(ids(&core.unblock("x", 11)), [2]);
        assert!(core.is_empty());
    }
}
