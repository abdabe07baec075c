//! Tells the servers what became of allocations: the latest of each, gathered for a moment, told until it is accepted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tracing::warn;

use super::link::{Backoff, CALL_TIMEOUT, Link};
use crate::model::AllocId;
use crate::rpc::messages::{AllocUpdate, UpdateAllocs};

/// How long updates are gathered. Source: Nomad `client/client.go`, `allocSyncIntv`.
const GATHER: Duration = Duration::from_millis(200);

/// How many allocations one call tells of: some hundred kilobytes.
const UPDATES_MAX: usize = 256;

/// Updates that wait to be told. Cheap to clone.
#[derive(Clone, Default)]
pub struct Updates {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Bounded by the allocations of the node: one each.
    waiting: Mutex<BTreeMap<AllocId, AllocUpdate>>,
    wake: Notify,
}

impl Updates {
    /// Adds an update, in place of an older one of the same allocation.
    pub fn push(&self, update: AllocUpdate) {
        self.lock().insert(update.id, update);
        self.inner.wake.notify_one();
    }

    /// Tells whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Tells the servers, once registered, of everything that comes; ends never.
    pub async fn run(self, link: Arc<Link>, mut registered: watch::Receiver<u64>) {
        let mut rng = link.env.random.stream("update-retry");
        let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(10));
        loop {
            if registered.wait_for(|times| *times > 0).await.is_err() {
                return;
            }
            if self.is_empty() {
                self.inner.wake.notified().await;
                tokio::time::sleep(GATHER).await;
            }
            match self.flush(&link).await {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    warn!(%error, "the servers did not take what became of allocations; told again");
                    tokio::time::sleep(backoff.next(&mut *rng)).await;
                }
            }
        }
    }

    /// Tells what waits, in one call; what is not accepted waits on.
    ///
    /// # Errors
    /// As the call has them.
    pub async fn flush(&self, link: &Link) -> Result<(), crate::rpc::RpcError> {
        let updates = self.take();
        if updates.is_empty() {
            return Ok(());
        }
        let message = UpdateAllocs {
            node_id: link.identity.node_id,
            secret_id: link.identity.secret_id.clone(),
            updates,
        };
        let result = link.call(&message, CALL_TIMEOUT).await;
        if result.is_err() {
            self.put_back(message.updates);
        }
        result.map(drop)
    }

    fn take(&self) -> Vec<AllocUpdate> {
        let mut waiting = self.lock();
        let ids: Vec<AllocId> = waiting.keys().copied().take(UPDATES_MAX).collect();
        ids.iter().filter_map(|id| waiting.remove(id)).collect()
    }

    fn put_back(&self, updates: Vec<AllocUpdate>) {
        let mut waiting = self.lock();
        for update in updates {
            // One that came meanwhile is newer.
            waiting.entry(update.id).or_insert(update);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<AllocId, AllocUpdate>> {
        self.inner.waiting.lock().expect("no holder of this lock panics")
    }
}
