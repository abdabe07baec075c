//! Brings what runs here in line with what the servers say shall run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tracing::{info, warn};

use super::alloc::runner::{AllocRunner, Shared};
use super::link::{Backoff, Link};
use super::state_db::SavedTasks;
use crate::model::{AllocId, AllocUpdate, Allocation, ClientStatus, DesiredStatus};
use crate::rpc::messages::{NodeAllocs, NodeAllocsReply};

/// How long a server may keep the question waiting.
const WAIT: Duration = Duration::from_secs(60);

/// What is added to that before the server counts as gone.
const WAIT_SLACK: Duration = Duration::from_secs(5);

/// How many ended allocations keep their files, for people to look into. Source: Nomad's `gc_max_allocs`.
const ENDED_MAX: usize = 50;

/// What an answer asks for.
#[derive(Debug, Default, PartialEq)]
pub struct Diff {
    /// To start.
    pub added: Vec<Allocation>,
    /// Known, and changed by the servers.
    pub updated: Vec<Allocation>,
    /// Known, and forgotten by the servers.
    pub removed: Vec<AllocId>,
    /// To stop, and never begun here.
    pub unbegun: Vec<AllocId>,
}

/// Compares an answer with what is known here: each allocation with the index of the servers' last change to it.
pub fn diff(known: &BTreeMap<AllocId, u64>, reply: NodeAllocsReply) -> Diff {
    let mut diff = Diff::default();
    let mut gone = known.clone();
    for alloc in reply.allocs {
        match gone.remove(&alloc.id) {
            Some(index) if index < alloc.alloc_modify_index => diff.updated.push(alloc),
            Some(_) => {}
            None if alloc.client_status.is_terminal() => {}
            None if alloc.desired_status == DesiredStatus::Run => diff.added.push(alloc),
            None => diff.unbegun.push(alloc.id),
        }
    }
    // A server that lags behind does not list what it has not heard of yet; that is no reason to stop it.
    diff.removed = gone.into_iter().filter(|(_, index)| *index <= reply.index).map(|(id, _)| id).collect();
    diff
}

/// The allocations of this node. Cheap to clone.
#[derive(Clone)]
pub struct Allocs {
    shared: Arc<Shared>,
    runners: Arc<Mutex<BTreeMap<AllocId, AllocRunner>>>,
}

impl Allocs {
    /// Takes up what an earlier life of the agent ran.
    pub fn recover(shared: Arc<Shared>, saved: Vec<(Allocation, SavedTasks)>) -> Self {
        let runners: BTreeMap<AllocId, AllocRunner> = saved
            .into_iter()
            .map(|(alloc, tasks)| (alloc.id, AllocRunner::start(shared.clone(), alloc, Some(tasks))))
            .collect();
        if !runners.is_empty() {
            info!(allocations = runners.len(), "takes up what an earlier agent ran");
        }
        Self { shared, runners: Arc::new(Mutex::new(runners)) }
    }

    /// Returns each allocation with what has been seen of it, in id order.
    pub fn statuses(&self) -> Vec<(Arc<Allocation>, ClientStatus)> {
        self.lock().values().map(|runner| (runner.alloc(), runner.status())).collect()
    }

    /// Asks everything to end and waits until it has.
    pub async fn stop_all(&self, reason: &str) {
        let ends: Vec<_> = self
            .lock()
            .values()
            .map(|runner| {
                runner.stop(reason);
                runner.ended()
            })
            .collect();
        futures_util::future::join_all(ends).await;
    }

    /// Lets go of everything; tasks run on.
    pub fn abandon(&self) {
        self.lock().clear();
    }

    /// Asks the servers what shall run and does it; ends never. `introduced` counts how often the servers came to know
    /// the node, 0 before the first time.
    pub async fn run(self, link: Arc<Link>, mut introduced: watch::Receiver<u64>) {
        let mut rng = link.env.random.stream("allocation-retry");
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(10));
        let mut min_index = 0;
        let mut current = link.servers.watch();
        if introduced.wait_for(|times| *times > 0).await.is_err() {
            return;
        }
        loop {
            if introduced.has_changed().unwrap_or(false) {
                introduced.mark_unchanged();
                // Servers that had never heard of the node count from an index of their own.
                min_index = 0;
            }
            current.mark_unchanged();
            let message = NodeAllocs {
                node_id: link.identity.node_id,
                secret_id: link.identity.secret_id.clone(),
                min_index,
                wait: WAIT,
            };
            let result = tokio::select! {
                biased;
                result = link.call(&message, WAIT + WAIT_SLACK) => result,
                // Somebody found out that the server is gone: no use in waiting for its answer.
                _ = current.changed() => continue,
            };
            match result {
                Ok(reply) => {
                    backoff.reset();
                    if reply.index > min_index {
                        min_index = reply.index;
                        self.apply(reply);
                    }
                    self.shared.contacted.send_replace(true);
                }
                Err(error) => {
                    warn!(%error, "what shall run here is not known; asked again");
                    tokio::time::sleep(backoff.next(&mut *rng)).await;
                }
            }
        }
    }

    /// Does what an answer asks for.
    pub fn apply(&self, reply: NodeAllocsReply) {
        let acknowledged: Vec<AllocId> = reply
            .allocs
            .iter()
            .filter(|alloc| alloc.client_status.is_terminal())
            .map(|alloc| alloc.id)
            .collect();
        let mut runners = self.lock();
        let known = runners.iter().map(|(id, runner)| (*id, runner.alloc().alloc_modify_index)).collect();
        let diff = diff(&known, reply);
        for alloc in diff.added {
            info!(alloc = %alloc.id, name = %alloc.name, "starts");
            let id = alloc.id;
            runners.insert(id, AllocRunner::start(self.shared.clone(), alloc, None));
        }
        for id in diff.unbegun {
            // Nobody else can say so, and the servers wait to hear that it has ended.
            self.shared.updates.push(AllocUpdate {
                id,
                client_status: ClientStatus::Complete,
                client_description: "it was stopped before it began".to_owned(),
                task_states: BTreeMap::new(),
                health: None,
                time: self.shared.env.now(),
            });
        }
        for alloc in diff.updated {
            if let Some(runner) = runners.get(&alloc.id) {
                runner.update(alloc);
            }
        }
        let excess = excess(&runners, &acknowledged);
        for id in diff.removed.into_iter().chain(excess) {
            if let Some(runner) = runners.remove(&id) {
                info!(alloc = %id, "forgotten");
                self.forget(id, runner);
            }
        }
    }

    /// Ends an allocation if it still runs, then removes all that is kept of it.
    fn forget(&self, id: AllocId, runner: AllocRunner) {
        let shared = self.shared.clone();
        self.shared.env.spawn("forget-allocation", async move {
            runner.stop("the servers have forgotten it");
            runner.ended().await;
            let (state, disk, dir) = (shared.state.clone(), shared.env.disk.clone(), shared.dirs.alloc(id));
            let removed = shared.env.blocking(move || {
                state.remove(id)?;
                disk.remove_dir_all(dir.root())?;
                Ok::<(), super::state_db::StateError>(())
            });
            if let Err(error) = removed.await {
                warn!(alloc = %id, %error, "what is kept of a forgotten allocation can not be removed");
            }
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<AllocId, AllocRunner>> {
        self.runners.lock().expect("no holder of this lock panics")
    }
}

/// Returns the oldest ended allocations beyond those that may keep their files. Only what the servers know to have ended
/// may go: they would have it started again otherwise.
fn excess(runners: &BTreeMap<AllocId, AllocRunner>, acknowledged: &[AllocId]) -> Vec<AllocId> {
    let mut ended: Vec<(u64, AllocId)> = acknowledged
        .iter()
        .filter_map(|id| runners.get(id))
        .filter(|runner| runner.status().is_terminal())
        .map(|runner| (runner.alloc().create_index, runner.alloc().id))
        .collect();
    ended.sort_unstable();
    ended.truncate(ended.len().saturating_sub(ENDED_MAX));
    ended.into_iter().map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    /// Writes allocations as `id:index[:word]` and the diff as `+id ~id -id !id`, the last for what never began.
    #[track_caller]
    fn check(known: &[(u128, u64)], index: u64, listed: &[(u128, u64, &str)], expected: &str) {
        let id = |number: u128| AllocId(uuid::Uuid::from_u128(number));
        let allocs = listed
            .iter()
            .map(|&(number, alloc_modify_index, word)| {
                let mut alloc = testing::alloc("web", "raw_exec");
                (alloc.id, alloc.alloc_modify_index) = (id(number), alloc_modify_index);
                match word {
                    "stop" => alloc.desired_status = DesiredStatus::Stop,
                    "evict" => alloc.desired_status = DesiredStatus::Evict,
                    "failed" => alloc.client_status = ClientStatus::Failed,
                    _ => {}
                }
                alloc
            })
            .collect();
        let known = known.iter().map(|&(number, index)| (id(number), index)).collect();
        let diff = diff(&known, NodeAllocsReply { index, allocs });
        let number = |id: &AllocId| id.0.as_u128();
        let words = diff.added.iter().map(|alloc| format!("+{}", number(&alloc.id)));
        let words = words.chain(diff.updated.iter().map(|alloc| format!("~{}", number(&alloc.id))));
        let words: Vec<String> = words
            .chain(diff.removed.iter().map(|id| format!("-{}", number(id))))
            .chain(diff.unbegun.iter().map(|id| format!("!{}", number(id))))
            .collect();
        assert_eq!(words.join(" "), expected);
    }

    #[test]
    fn answers() {
        check(&[], 5, &[(1, 5, "run"), (2, 5, "run")], "+1 +2");
        check(&[(1, 5)], 6, &[(1, 5, "run"), (2, 6, "run")], "+2");
        check(&[(1, 5)], 7, &[(1, 7, "stop")], "~1");
        // What has ended has no work here; what shall end before it began is only spoken of.
        check(&[], 5, &[(1, 5, "stop"), (2, 5, "evict"), (3, 5, "failed")], "!1 !2");
        // Forgotten by servers that know of it, and not listed yet by one that lags behind.
        check(&[(1, 5), (2, 8)], 7, &[], "-1");
        // A server that lags behind changes nothing back.
        check(&[(1, 9)], 9, &[(1, 7, "run")], "");
    }
}
