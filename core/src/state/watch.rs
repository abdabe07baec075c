//! Waiting for changes.
//!
//! Only those wake whom a change concerns: a thousand clients each wait for their own node's allocations, and a change of
//! one wakes one.

use std::collections::{BTreeMap, BTreeSet};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

use crate::model::{AllocId, DeploymentId, EvalId, JobKey, NodeId};

/// What can be waited for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WatchKey {
    /// Any log entry.
    Any,
    /// Any job.
    Jobs,
    /// One job.
    Job(JobKey),
    /// Any node.
    Nodes,
    /// One node.
    Node(NodeId),
    /// Any allocation.
    Allocs,
    /// One allocation.
    Alloc(AllocId),
    /// A job's allocations.
    JobAllocs(JobKey),
    /// The servers' changes of a node's allocations.
    NodeAllocs(NodeId),
    /// Any change of a node's allocations, its client's own included.
    NodeAllocsSeen(NodeId),
    /// Any evaluation.
    Evals,
    /// One evaluation.
    Eval(EvalId),
    /// A job's evaluations.
    JobEvals(JobKey),
    /// Any deployment.
    Deployments,
    /// One deployment.
    Deployment(DeploymentId),
    /// A job's deployments.
    JobDeployments(JobKey),
}

/// Who waits for what.
#[derive(Debug, Default)]
pub(super) struct Watches {
    waiting: Mutex<BTreeMap<WatchKey, Arc<Notify>>>,
}

impl Watches {
    /// Starts to watch.
    pub(super) fn watch(self: &Arc<Self>, keys: &[WatchKey]) -> Watcher {
        let mut waiting = self.waiting.lock().expect("no holder of this lock panics");
        let watched = keys.iter().map(|key| {
            let notify = waiting.entry(key.clone()).or_default();
            let mut notified = Box::pin(notify.clone().notified_owned());
            notified.as_mut().enable();
            (key.clone(), notified)
        });
        Watcher { watched: watched.collect(), watches: self.clone() }
    }

    /// Wakes all who wait for one of `keys`.
    pub(super) fn wake(&self, keys: BTreeSet<WatchKey>) {
        let mut waiting = self.waiting.lock().expect("no holder of this lock panics");
        let woken: Vec<_> = keys.iter().filter_map(|key| waiting.remove(key)).collect();
        drop(waiting);
        for notify in woken {
            notify.notify_waiters();
        }
    }

    /// Wakes everybody.
    pub(super) fn wake_all(&self) {
        let woken = std::mem::take(&mut *self.waiting.lock().expect("no holder of this lock panics"));
        for notify in woken.into_values() {
            notify.notify_waiters();
        }
    }
}

/// A wait for the next change of something, begun when it was made.
pub struct Watcher {
    watched: Vec<(WatchKey, Pin<Box<OwnedNotified>>)>,
    watches: Arc<Watches>,
}

impl Watcher {
    /// Waits until something watched has changed since the watcher was made.
    pub async fn changed(mut self) {
        poll_fn(|cx| {
            let woken = self.watched.iter_mut().any(|(_, notified)| notified.as_mut().poll(cx).is_ready());
            if woken { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl Drop for Watcher {
    /// Forgets keys that nobody waits for any more, so that questions about what never changes leave nothing behind.
    fn drop(&mut self) {
        let mut waiting = self.watches.waiting.lock().expect("no holder of this lock panics");
        for (key, notified) in self.watched.drain(..) {
            drop(notified);
            if waiting.get(&key).is_some_and(|notify| Arc::strong_count(notify) == 1) {
                waiting.remove(&key);
            }
        }
    }
}
