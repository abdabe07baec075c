//! Tells the servers what became of allocations: the latest of each, gathered for a moment, told until it is accepted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tracing::warn;

use super::link::{Backoff, CALL_TIMEOUT, Link};
use crate::model::AllocId;
use crate::rpc::RpcError;
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
    telling: tokio::sync::Mutex<()>,
}

impl Updates {
    /// Adds an update, in place of an older one of the same allocation.
    pub fn push(&self, update: AllocUpdate) {
        self.lock().insert(update.id, update);
        self.inner.wake.notify_one();
    }

    /// Tells whether the servers have accepted everything.
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
            }
            tokio::time::sleep(GATHER).await;
            match self.flush(&link).await {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    warn!(%error, "the servers did not take what became of allocations; told again");
                    tokio::time::sleep(backoff.next(&mut *rng)).await;
                }
            }
        }
    }

    /// Tells what waits, in one call; what is not accepted waits on, and so does what changed meanwhile.
    ///
    /// # Errors
    /// As the call has them.
    pub async fn flush(&self, link: &Link) -> Result<(), RpcError> {
        // One call at a time: a second one could overtake the first and be overwritten by it.
        let _turn = self.inner.telling.lock().await;
        let updates: Vec<AllocUpdate> = self.lock().values().take(UPDATES_MAX).cloned().collect();
        if updates.is_empty() {
            return Ok(());
        }
        let message = UpdateAllocs {
            node_id: link.identity.node_id,
            secret_id: link.identity.secret_id.clone(),
            updates,
        };
        link.call(&message, CALL_TIMEOUT).await?;
        let mut waiting = self.lock();
        for told in &message.updates {
            if waiting.get(&told.id) == Some(told) {
                waiting.remove(&told.id);
            }
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<AllocId, AllocUpdate>> {
        self.inner.waiting.lock().expect("no holder of this lock panics")
    }
}
