//! Asks every instance of every job again and again, in the background, and keeps count.

use std::collections::BTreeMap;
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
}

impl Counts {
    /// Begins to watch a job; its count starts with its first answer.
    pub fn watch(&self, job: &str) {
        self.lock().entry(job.to_owned()).or_default();
    }

    /// Begins to count anew, as a step does.
    pub fn begin_step(&self) {
        for counts in self.lock().values_mut() {
            counts.fewest = None;
        }
    }

    /// Notes how many instances of a job answered at one moment.
    pub fn note(&self, job: &str, answering: u32) {
        let mut jobs = self.lock();
        let Some(counts) = jobs.get_mut(job) else { return };
        counts.fewest = match counts.fewest {
            None if answering == 0 => None,
            None => Some(answering),
            Some(fewest) => Some(fewest.min(answering)),
        };
    }

    /// Returns the fewest answers of a job since the step began.
    pub fn fewest(&self, job: &str) -> Option<u32> {
        self.lock().get(job).and_then(|counts| counts.fewest)
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
                let replies = cluster.ask_instances(allocs).await;
                let answering = replies.iter().filter(|reply| reply.body.is_some()).count();
                counts.note(&job, u32::try_from(answering).unwrap_or(u32::MAX));
            }
        }
    })
    .abort_on_drop()
}
