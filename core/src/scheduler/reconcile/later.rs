//! Evaluations that look again at a set time.

use std::time::Duration;

use rand::Rng;

use super::reschedule::{BATCH_WINDOW, NOW_WINDOW};
use crate::model::{EvalId, EvalStatus, Evaluation, Job, Timestamp, Trigger};
use crate::state::Snapshot;

/// The evaluations that one evaluation leaves behind. Those of one kind that are due at nearly the same time are one.
pub struct Later<'a> {
    view: &'a Snapshot,
    eval: &'a Evaluation,
    priority: u8,
    now: Timestamp,
    rng: &'a mut dyn Rng,
    evals: Vec<Evaluation>,
}

impl<'a> Later<'a> {
    /// Begins with none.
    pub fn new(
        view: &'a Snapshot,
        eval: &'a Evaluation,
        job: Option<&Job>,
        now: Timestamp,
        rng: &'a mut dyn Rng,
    ) -> Self {
        let priority = job.map_or(eval.priority, |job| job.priority);
        Self { view, eval, priority, now, rng, evals: Vec::new() }
    }

    /// Returns the evaluation that looks again at `time`, or up to the batch window before: one that waits already for the
    /// same reason, or a new one.
    ///
    /// Callers ask in the order of time.
    pub fn at(&mut self, time: Timestamp, trigger: Trigger, why: &str) -> EvalId {
        let near = |eval: &&Evaluation| {
            eval.trigger == trigger && eval.wait_until <= time && time.since(eval.wait_until) < BATCH_WINDOW
        };
        if let Some(known) = self.evals.iter().find(near) {
            return known.id;
        }
        let mut next = Evaluation::pending(
            EvalId::random(self.rng),
            self.eval.job_key.clone(),
            self.eval.job_type,
            self.priority,
            trigger,
            self.now,
        );
        next.wait_until = time;
        next.status_description = why.to_owned();
        next.previous_eval = Some(self.eval.id);
        next.snapshot_index = self.view.index();
        let id = next.id;
        self.evals.push(next);
        id
    }

    /// Tells whether an evaluation noted on an allocation will still look at it.
    pub fn is_awaited(&self, id: EvalId) -> bool {
        id != self.eval.id && self.view.eval(&id).is_some_and(|eval| eval.status == EvalStatus::Pending)
    }

    /// Tells whether an evaluation noted on an allocation still waits for its time.
    pub fn is_waiting(&self, id: EvalId) -> bool {
        self.is_awaited(id) && self.view.eval(&id).is_some_and(|eval| eval.wait_until > self.now + NOW_WINDOW)
    }

    /// Returns an evaluation of this kind that waits already and is due within `time` from now.
    pub fn waiting_within(&self, trigger: Trigger, time: Duration) -> Option<EvalId> {
        let mut waiting = self.view.evals_by_job(&self.eval.job_key).filter(|other| {
            other.id != self.eval.id
                && other.trigger == trigger
                && other.status == EvalStatus::Pending
                && other.wait_until > self.now
                && other.wait_until <= self.now + time
        });
        waiting.next().map(|eval| eval.id)
    }

    /// Returns the random numbers.
    pub fn rng(&mut self) -> &mut dyn Rng {
        self.rng
    }

    /// Returns what was made, earliest first.
    pub fn into_evals(mut self) -> Vec<Evaluation> {
        self.evals.sort_by_key(|eval| (eval.wait_until, eval.id));
        self.evals
    }
}
