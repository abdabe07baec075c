//! The state machine as openraft sees it.

use std::io;
use std::sync::Mutex;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use openraft::storage::{EntryResponder, RaftSnapshotBuilder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend};

use super::StateMachine;
use super::snapshot::SnapshotFile;
use super::types::{LogId, Snapshot, SnapshotMeta, StoredMembership, Types};
use crate::env::Env;

/// A state machine with its place in the log.
pub(super) struct Machine {
    env: Env,
    /// In a lock only because openraft wants it shareable; nobody shares it.
    machine: Mutex<Box<dyn StateMachine>>,
    applied: Option<LogId>,
    membership: StoredMembership,
    snapshots: SnapshotFile,
    /// What is in the file.
    saved: Option<SnapshotMeta>,
}

impl Machine {
    /// Wraps a state machine that has seen nothing yet. `saved` is what the snapshot file contains.
    pub(super) fn new(
        env: Env,
        machine: Box<dyn StateMachine>,
        snapshots: SnapshotFile,
        saved: Option<SnapshotMeta>,
    ) -> Self {
        Self {
            env,
            machine: Mutex::new(machine),
            applied: None,
            membership: StoredMembership::default(),
            snapshots,
            saved,
        }
    }

    fn machine(&mut self) -> &mut dyn StateMachine {
        self.machine.get_mut().expect("no holder of this lock panics").as_mut()
    }
}

impl RaftStateMachine<Types> for Machine {
    type SnapshotData = Bytes;
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<Strm>(&mut self, mut entries: Strm) -> io::Result<()>
    where
        Strm: Stream<Item = Result<EntryResponder<Types>, io::Error>> + Unpin + OptionalSend,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            assert!(
                self.applied.is_none_or(|last| last.index < entry.log_id.index),
                "entries are applied once"
            );
            let reply = match entry.payload {
                EntryPayload::Blank => Vec::new(),
                EntryPayload::Normal(command) => self.machine().apply(entry.log_id.index, &command.0),
                EntryPayload::Membership(membership) => {
                    self.membership = StoredMembership::new(Some(entry.log_id), membership);
                    Vec::new()
                }
            };
            self.applied = Some(entry.log_id);
            if let Some(responder) = responder {
                responder.send(reply);
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        Builder {
            env: self.env.clone(),
            meta: SnapshotMeta { last_log_id: self.applied, last_membership: self.membership.clone() },
            encode: Mutex::new(Some(self.machine().snapshot())),
            snapshots: self.snapshots.clone(),
        }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, state: Bytes) -> io::Result<()> {
        let index = meta.last_log_id.map_or(0, |id| id.index);
        self.machine().restore(index, &state).map_err(|reason| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the snapshot up to {index} cannot be read: {reason}"),
            )
        })?;
        // At a start it comes from that very file.
        if self.saved.as_ref() != Some(meta) {
            self.snapshots.save(meta, state).await?;
            self.saved = Some(meta.clone());
        }
        self.applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        let loaded = self.snapshots.load().await?;
        Ok(loaded.map(|(meta, snapshot)| Snapshot { meta, snapshot }))
    }
}

/// What encodes a frozen state.
type Encode = Box<dyn FnOnce() -> Vec<u8> + Send>;

/// A frozen state on its way to the disk.
pub(super) struct Builder {
    env: Env,
    meta: SnapshotMeta,
    encode: Mutex<Option<Encode>>,
    snapshots: SnapshotFile,
}

impl RaftSnapshotBuilder<Types> for Builder {
    type SnapshotData = Bytes;

    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let encode = self.encode.get_mut().expect("no holder of this lock panics").take();
        let encode = encode.ok_or_else(|| io::Error::other("a snapshot is built once"))?;
        let state = Bytes::from(self.env.blocking(encode).await);
        self.snapshots.save(&self.meta, state.clone()).await?;
        Ok(Snapshot { meta: self.meta.clone(), snapshot: state })
    }
}
