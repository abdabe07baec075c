//! The queue of evaluations that wait for a scheduler.
//!
//! Of one job only one evaluation is out at a time, so that two workers never plan for the same job at once. While it is
//! out, later ones of that job wait; when it is acknowledged the most urgent of them follows and the others are pointless,
//! since a scheduler looks at the job as it is now and not at the reason it was asked.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::Notify;

use crate::model::{EvalId, EvalStatus, Evaluation, JobKey, Timestamp};

/// How long a worker may keep an evaluation before it is given to another.
pub const NACK_TIMEOUT: Duration = Duration::from_secs(60);

/// How often an evaluation is handed out before it counts as failed.
pub const DELIVERIES_MAX: u32 = 3;

/// How long an evaluation rests after its first failed delivery.
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);

/// How much longer it rests after each further one.
const RETRY_DELAY_STEP: Duration = Duration::from_secs(20);

/// An evaluation handed to a worker. The token tells this delivery from an earlier one that timed out.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// What to process.
    pub eval: Evaluation,
    /// Given back with the acknowledgement.
    pub token: u64,
}

/// Decides which evaluation is next. Holds no timer: the caller says what time it is.
#[derive(Debug, Default)]
pub struct EvalBrokerCore {
    /// Every evaluation known, with what happened to it so far.
    tracked: BTreeMap<EvalId, Tracked>,
    /// What may be handed out: most urgent first, then oldest.
    ready: BTreeSet<ReadyKey>,
    /// What may not be handed out before its time.
    delayed: BTreeSet<(Timestamp, EvalId)>,
    /// Which evaluation of a job is ready, delayed after a failure or handed out, and which wait behind it.
    jobs: BTreeMap<JobKey, JobQueue>,
    /// When deliveries are taken back.
    deadlines: BTreeSet<(Timestamp, EvalId)>,
    /// Source of tokens.
    deliveries: u64,
}

type ReadyKey = (Reverse<u8>, u64, EvalId);

#[derive(Debug)]
struct Tracked {
    eval: Evaluation,
    deliveries: u32,
    /// Set while a worker has it.
    out: Option<(u64, Timestamp)>,
}

#[derive(Debug)]
struct JobQueue {
    first: EvalId,
    /// Most urgent first, then newest.
    behind: BTreeSet<(Reverse<u8>, Reverse<u64>, EvalId)>,
}

impl EvalBrokerCore {
    /// Takes in an evaluation; one that is known already is left alone.
    pub fn enqueue(&mut self, now: Timestamp, eval: Evaluation) {
        if self.tracked.contains_key(&eval.id) {
            return;
        }
        let (id, wait_until) = (eval.id, eval.wait_until);
        self.tracked.insert(id, Tracked { eval, deliveries: 0, out: None });
        if wait_until > now {
            self.delayed.insert((wait_until, id));
        } else {
            self.make_ready(id);
        }
    }

    /// Hands out the most urgent evaluation, if there is one.
    pub fn dequeue(&mut self, now: Timestamp) -> Option<Delivery> {
        let (_, _, id) = self.ready.pop_first()?;
        self.deliveries += 1;
        let token = self.deliveries;
        let deadline = now + NACK_TIMEOUT;
        let tracked = self.tracked.get_mut(&id).expect("what is ready is tracked");
        tracked.deliveries += 1;
        tracked.out = Some((token, deadline));
        self.deadlines.insert((deadline, id));
        Some(Delivery { eval: tracked.eval.clone(), token })
    }

    /// Notes that an evaluation was processed, and returns those of its job that this made pointless.
    ///
    /// A delivery that was taken back meanwhile changes nothing.
    pub fn ack(&mut self, id: EvalId, token: u64) -> Vec<Evaluation> {
        if !self.take_back(id, token) {
            return Vec::new();
        }
        let done = self.tracked.remove(&id).expect("what was handed out is tracked");
        self.next_of_job(&done.eval.job_key)
    }

    /// Notes that an evaluation could not be processed: it is handed out again after a rest, or returned when it has
    /// been out too often.
    pub fn nack(&mut self, now: Timestamp, id: EvalId, token: u64) -> Option<Evaluation> {
        if !self.take_back(id, token) {
            return None;
        }
        let tracked = &self.tracked[&id];
        if tracked.deliveries >= DELIVERIES_MAX {
            let failed = self.tracked.remove(&id).expect("it was just looked at");
            // What waited behind it is newer and still has to be looked at.
            let rest = self.next_of_job(&failed.eval.job_key);
            for eval in rest {
                self.enqueue(now, eval);
            }
            return Some(failed.eval);
        }
        let delay = FIRST_RETRY_DELAY + RETRY_DELAY_STEP * (tracked.deliveries - 1);
        self.delayed.insert((now + delay, id));
        None
    }

    /// Returns when `expire` has something to do, if ever.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let times = [self.delayed.first(), self.deadlines.first()];
        times.into_iter().flatten().map(|(time, _)| *time).min()
    }

    /// Readies what has rested long enough and takes back what was out too long; returns what failed for good.
    pub fn expire(&mut self, now: Timestamp) -> Vec<Evaluation> {
        let mut failed = Vec::new();
        while let Some(&(deadline, id)) = self.deadlines.first()
            && deadline <= now
        {
            let (token, _) = self.tracked[&id].out.expect("a deadline belongs to a delivery");
            failed.extend(self.nack(now, id, token));
        }
        while let Some(&(time, id)) = self.delayed.first()
            && time <= now
        {
            self.delayed.remove(&(time, id));
            self.make_ready(id);
        }
        failed
    }

    /// Returns how many evaluations are ready, out, and waiting.
    pub fn counts(&self) -> (usize, usize, usize) {
        let (ready, out) = (self.ready.len(), self.deadlines.len());
        (ready, out, self.tracked.len() - ready - out)
    }

    fn make_ready(&mut self, id: EvalId) {
        let eval = &self.tracked[&id].eval;
        match self.jobs.get_mut(&eval.job_key) {
            Some(queue) if queue.first != id => {
                queue.behind.insert((Reverse(eval.priority), Reverse(eval.modify_index), id));
                return;
            }
            Some(_) => {}
            None => {
                let queue = JobQueue { first: id, behind: BTreeSet::new() };
                self.jobs.insert(eval.job_key.clone(), queue);
            }
        }
        self.ready.insert((Reverse(eval.priority), eval.create_index, id));
    }

    /// Ends a delivery; false when it has been ended before.
    fn take_back(&mut self, id: EvalId, token: u64) -> bool {
        let Some(tracked) = self.tracked.get_mut(&id) else { return false };
        match tracked.out {
            Some((current, deadline)) if current == token => {
                tracked.out = None;
                self.deadlines.remove(&(deadline, id));
                true
            }
            _ => false,
        }
    }

    /// Readies the best of what waited behind a job's ended evaluation and returns the others.
    fn next_of_job(&mut self, job: &JobKey) -> Vec<Evaluation> {
        let Some(mut queue) = self.jobs.remove(job) else { return Vec::new() };
        let Some((_, _, next)) = queue.behind.pop_first() else { return Vec::new() };
        self.make_ready(next);
        let pointless = queue.behind.into_iter().filter_map(|(_, _, id)| self.tracked.remove(&id));
        pointless.map(|tracked| tracked.eval).collect()
    }
}

/// The broker as workers see it: on while its server leads.
#[derive(Default)]
pub struct EvalBroker {
    /// `None` while another server leads.
    core: Mutex<Option<EvalBrokerCore>>,
    /// Something is ready, or the next deadline has changed.
    changed: Notify,
}

impl EvalBroker {
    /// Starts with nothing in it.
    pub fn enable(&self) {
        *self.lock() = Some(EvalBrokerCore::default());
    }

    /// Forgets everything.
    pub fn disable(&self) {
        *self.lock() = None;
        self.changed.notify_waiters();
    }

    /// Takes in an evaluation if it is pending and this server leads.
    pub fn enqueue(&self, now: Timestamp, eval: Evaluation) {
        if eval.status != EvalStatus::Pending {
            return;
        }
        if let Some(core) = self.lock().as_mut() {
            core.enqueue(now, eval);
            self.changed.notify_waiters();
        }
    }

    /// Waits for an evaluation.
    pub async fn dequeue(&self, now: impl Fn() -> Timestamp) -> Delivery {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Registers before looking, so that what comes in between is not missed.
            changed.as_mut().enable();
            if let Some(delivery) = self.lock().as_mut().and_then(|core| core.dequeue(now())) {
                return delivery;
            }
            changed.await;
        }
    }

    /// See [`EvalBrokerCore::ack`].
    pub fn ack(&self, delivery: &Delivery) -> Vec<Evaluation> {
        let pointless =
            self.lock().as_mut().map(|core| core.ack(delivery.eval.id, delivery.token)).unwrap_or_default();
        self.changed.notify_waiters();
        pointless
    }

    /// See [`EvalBrokerCore::nack`].
    pub fn nack(&self, now: Timestamp, delivery: &Delivery) -> Option<Evaluation> {
        let failed = self.lock().as_mut().and_then(|core| core.nack(now, delivery.eval.id, delivery.token));
        self.changed.notify_waiters();
        failed
    }

    /// Waits until deadlines have passed and returns the evaluations that failed for good by it.
    pub async fn expired(&self, now: impl Fn() -> Timestamp) -> Vec<Evaluation> {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let deadline = self.lock().as_ref().and_then(EvalBrokerCore::next_deadline);
            match deadline {
                Some(deadline) if deadline <= now() => {
                    let failed = self.lock().as_mut().map(|core| core.expire(now())).unwrap_or_default();
                    self.changed.notify_waiters();
                    return failed;
                }
                Some(deadline) => {
                    let wait = deadline.since(now());
                    tokio::select! {
                        biased;
                        () = &mut changed => {}
                        () = tokio::time::sleep(wait) => {}
                    }
                }
                None => changed.await,
            }
        }
    }

    /// See [`EvalBrokerCore::counts`]; zeros while another server leads.
    pub fn counts(&self) -> (usize, usize, usize) {
        self.lock().as_ref().map(EvalBrokerCore::counts).unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<EvalBrokerCore>> {
        self.core.lock().expect("no holder of this lock panics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{JobType, Trigger};

    fn eval(n: u128, job: &str, priority: u8) -> Evaluation {
        let id = EvalId(uuid::Uuid::from_u128(n));
        let mut eval = Evaluation::pending(
            id,
            JobKey::new("default", job),
            JobType::Service,
            priority,
            Trigger::JobRegister,
            Timestamp(1),
        );
        eval.create_index = n as u64;
        eval.modify_index = n as u64;
        eval
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp(1) + Duration::from_secs(seconds)
    }

    #[test]
    fn hands_out_by_priority_then_age() {
        let mut core = EvalBrokerCore::default();
        core.enqueue(at(0), eval(1, "a", 50));
        core.enqueue(at(0), eval(2, "b", 50));
        core.enqueue(at(0), eval(3, "c", 80));
        let order: Vec<_> =
            std::iter::from_fn(|| core.dequeue(at(0))).map(|delivery| delivery.eval.create_index).collect();
        assert_eq!(order, [3, 1, 2]);
    }

    #[test]
    fn keeps_one_evaluation_of_a_job_out_and_drops_the_pointless() {
        let mut core = EvalBrokerCore::default();
        for n in 1..=4 {
            core.enqueue(at(0), eval(n, "a", 50));
        }
        let first = core.dequeue(at(0)).unwrap();
        assert_eq!(first.eval.create_index, 1);
        assert!(core.dequeue(at(0)).is_none(), "the others wait for it");
        let pointless: Vec<_> = core.ack(first.eval.id, first.token).iter().map(|e| e.create_index).collect();
        assert_eq!(pointless, [3, 2]);
        assert_eq!(core.dequeue(at(0)).unwrap().eval.create_index, 4, "the newest looks at the job as it is");
        assert_eq!(core.counts(), (0, 1, 0));
    }

    #[test]
    fn takes_back_what_is_out_too_long_and_gives_up_in_the_end() {
        let mut core = EvalBrokerCore::default();
        core.enqueue(at(0), eval(1, "a", 50));
        let first = core.dequeue(at(0)).unwrap();
        assert_eq!(core.next_deadline(), Some(at(60)));
        assert!(core.expire(at(60)).is_empty());
        assert!(core.ack(first.eval.id, first.token).is_empty(), "too late: it was taken back");
        assert!(core.dequeue(at(60)).is_none(), "it rests");
        core.expire(at(61));
        let second = core.dequeue(at(61)).unwrap();
        assert!(core.nack(at(61), second.eval.id, second.token).is_none());
        core.expire(at(82));
        let third = core.dequeue(at(82)).unwrap();
        assert_eq!(core.nack(at(82), third.eval.id, third.token).map(|e| e.create_index), Some(1));
        assert_eq!(core.counts(), (0, 0, 0));
    }

    #[test]
    fn holds_back_until_the_time_asked_for() {
        let mut core = EvalBrokerCore::default();
        let mut later = eval(1, "a", 50);
        later.wait_until = at(30);
        core.enqueue(at(0), later);
        assert!(core.dequeue(at(0)).is_none());
        assert_eq!(core.next_deadline(), Some(at(30)));
        core.expire(at(30));
        assert!(core.dequeue(at(30)).is_some());
    }
}
