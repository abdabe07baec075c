//! The state that moves on.

use std::sync::{Arc, RwLock};

use super::apply::{self, ApplyError};
use super::command::Command;
use super::view::{RestoreError, Snapshot};
use super::watch::{WatchKey, Watcher, Watches};

/// The replicated state of one server. Cheap to clone; clones are the same store.
#[derive(Clone, Debug, Default)]
pub struct Store {
    current: Arc<RwLock<Snapshot>>,
    watches: Arc<Watches>,
}

/// What became of a command.
#[derive(Debug)]
pub struct Applied {
    /// Its log index.
    pub index: u64,
    /// Whether it changed anything.
    pub result: Result<(), ApplyError>,
}

impl Store {
    /// Makes an empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies the log entry at `index` and wakes whom it concerns.
    ///
    /// # Panics
    /// If `index` is not after the last one: a log entry is applied once.
    pub fn apply(&self, index: u64, command: &Command) -> Applied {
        let mut next = self.snapshot();
        assert!(index > next.index, "log entry {index} comes after {}", next.index);
        next.index = index;
        let result = apply::apply(&mut next, index, command);
        let mut woken = match &result {
            Ok(woken) => woken.clone(),
            // Nothing was changed but the index.
            Err(_) => {
                next = self.snapshot();
                next.index = index;
                Default::default()
            }
        };
        woken.insert(WatchKey::Any);
        *self.current.write().expect("no holder of this lock panics") = next;
        self.watches.wake(woken);
        Applied { index, result: result.map(drop) }
    }

    /// Returns the state as it is.
    pub fn snapshot(&self) -> Snapshot {
        self.current.read().expect("no holder of this lock panics").clone()
    }

    /// Starts to wait for a change; take it before the snapshot that is looked at.
    pub fn watch(&self, keys: &[WatchKey]) -> Watcher {
        self.watches.watch(keys)
    }

    /// Replaces everything by a state that [`Snapshot::encode`] wrote.
    ///
    /// # Errors
    /// When it is damaged or was written by an incompatible version; then nothing is replaced.
    pub fn restore(&self, bytes: &[u8]) -> Result<(), RestoreError> {
        let restored = Snapshot::decode(bytes)?;
        *self.current.write().expect("no holder of this lock panics") = restored;
        self.watches.wake_all();
        Ok(())
    }
}
