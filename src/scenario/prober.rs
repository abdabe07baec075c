//! Asks every instance of every job again and again, in the background, and keeps count.
//!
//! From the counts come the fewest answers of a step, and the lengths of gaps: whenever the number of instances that
//! answer has changed, the time and how long the number before had lasted are kept for the timeline.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::cluster::Cluster;
use crate::api::wire::alloc::AllocStub;
use crate::env::Env;
use crate::env::spawn::AbortOnDrop;

/// The time between two rounds. A gap shorter than this may go unseen.
const ROUND: Duration = Duration::from_millis(500);

/// Counts of answers over time.
#[derive(Clone, Default)]
pub struct Counts {
    jobs: Arc<Mutex<BTreeMap<String, JobCounts>>>,
}

#[derive(Default)]
struct JobCounts {
    /// The fewest answers since the step began, once the job had answered at all.
    fewest: Option<u32>,
    /// How many answered when asked last.
    answering: u32,
    /// The lab time since which it has been that many.
    since: Duration,
    /// The lab time at which was asked last.
    asked: Duration,
    /// Changes that nobody has taken yet.
    changes: Vec<Change>,
}

/// The number of a job's instances that answer became another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The lab time of the first question answered so.
    pub at: Duration,
    /// The job.
    pub job: String,
    /// How many answered before.
    pub before: u32,
    /// For how long it had been that many.
    pub lasted: Duration,
    /// How many answer.
    pub answering: u32,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { job, before, answering, .. } = self;
        write!(f, "{job}: {answering} answer, after {before} for {:.3} s", self.lasted.as_secs_f64())
    }
}

impl Counts {
    /// Begins to watch a job; its count starts with its first answer.
    pub fn watch(&self, job: &str, at: Duration) {
        self.lock().entry(job.to_owned()).or_insert_with(|| JobCounts { since: at, ..JobCounts::default() });
    }

    /// Begins to count anew, as a step does.
    pub fn begin_step(&self) {
        for counts in self.lock().values_mut() {
            counts.fewest = None;
        }
    }

    /// Notes how many instances of a job answered that were asked at lab time `asked`.
    pub fn note(&self, job: &str, answering: u32, asked: Duration) {
        let mut jobs = self.lock();
        let Some(counts) = jobs.get_mut(job) else { return };
        counts.fewest = match counts.fewest {
            None if answering == 0 => None,
            None => Some(answering),
            Some(fewest) => Some(fewest.min(answering)),
        };
        // Who asks silent instances waits for them, and is overtaken by who asked later.
        if asked < counts.asked {
            return;
        }
        counts.asked = asked;
        if counts.answering != answering {
            let before = std::mem::replace(&mut counts.answering, answering);
            let since = std::mem::replace(&mut counts.since, asked);
            let lasted = asked.saturating_sub(since);
            counts.changes.push(Change { at: asked, job: job.to_owned(), before, lasted, answering });
        }
    }

    /// Returns the fewest answers of a job since the step began.
    pub fn fewest(&self, job: &str) -> Option<u32> {
        self.lock().get(job).and_then(|counts| counts.fewest)
    }

    /// Returns the changes seen since the last call, in order of time.
    pub fn take_changes(&self) -> Vec<Change> {
        let mut changes: Vec<Change> =
            self.lock().values_mut().flat_map(|counts| std::mem::take(&mut counts.changes)).collect();
        changes.sort_by_key(|change| change.at);
        changes
    }

    fn jobs(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, JobCounts>> {
        self.jobs.lock().expect("no holder of this lock panics")
    }
}

/// Asks until dropped.
pub fn start(env: &Env, cluster: Cluster, counts: Counts) -> AbortOnDrop {
    env.spawn("prober", async move {
        // What was known of a job's allocations when the servers last said anything.
        let mut known: BTreeMap<String, Vec<AllocStub>> = BTreeMap::new();
        loop {
            tokio::time::sleep(ROUND).await;
            for job in counts.jobs() {
                if let Ok(allocs) = cluster.allocs(&job).await {
                    known.insert(job.clone(), allocs);
                }
                let allocs = known.get(&job).map(Vec::as_slice).unwrap_or_default();
                let asked = cluster.now();
                let replies = cluster.ask_instances(allocs).await;
                let answering = replies.iter().filter(|reply| reply.body.is_some()).count();
                counts.note(&job, u32::try_from(answering).unwrap_or(u32::MAX), asked);
            }
        }
    })
    .abort_on_drop()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_has_a_length() {
        let counts = Counts::default();
        let second = Duration::from_secs;
        counts.watch("web", second(1));
        for (at, answering) in [(2, 0), (3, 5), (4, 5), (7, 4), (6, 0), (9, 5)] {
            counts.note("web", answering, second(at));
        }
        let changes: Vec<String> = counts.take_changes().iter().map(Change::to_string).collect();
        let expected = [
            "web: 5 answer, after 0 for 2.000 s",
            "web: 4 answer, after 5 for 4.000 s",
            "web: 5 answer, after 4 for 2.000 s",
        ];
        assert_eq!(changes, expected);
        assert_eq!(counts.take_changes(), []);
        assert_eq!(counts.fewest("web"), Some(0), "what is told late is counted all the same");
    }

    #[test]
    fn the_fewest_are_counted_from_the_first_answer_of_a_step() {
        let counts = Counts::default();
        counts.watch("web", Duration::ZERO);
        counts.note("web", 0, Duration::ZERO);
        assert_eq!(counts.fewest("web"), None, "nothing has answered, so nothing has stopped to answer");
        counts.note("web", 3, Duration::ZERO);
        counts.note("web", 0, Duration::ZERO);
        assert_eq!(counts.fewest("web"), Some(0));
        counts.begin_step();
        assert_eq!(counts.fewest("web"), None);
    }
}
