//! Answers what other servers say.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::machine::Machine;
use super::network::{Letter, SnapshotPart, SnapshotPartReply, call};
use super::types::{LogId, Snapshot, Types, Vote};
use crate::rpc;
use crate::rpc::messages::{RaftMessage, RaftReply};

/// The largest snapshot that is taken from another server: it is in memory until it is complete.
const SNAPSHOT_BYTES_MAX: u64 = 1 << 30;

/// What listens to the other servers.
pub(super) struct Inbound {
    id: u64,
    raft: openraft::Raft<Types, Machine>,
    /// When a leader was last heard.
    heard: watch::Sender<Option<Instant>>,
    /// The snapshot being received.
    arriving: Mutex<Option<Arriving>>,
}

/// The beginning of a snapshot.
struct Arriving {
    vote: Vote,
    last: Option<LogId>,
    data: Vec<u8>,
}

impl Inbound {
    pub(super) fn new(
        id: u64,
        raft: openraft::Raft<Types, Machine>,
        heard: watch::Sender<Option<Instant>>,
    ) -> Self {
        Self { id, raft, heard, arriving: Mutex::default() }
    }

    /// Answers one message; what went wrong is told in the answer.
    pub(super) async fn handle(&self, message: RaftMessage) -> RaftReply {
        let body = self
            .answer(&message)
            .await
            .unwrap_or_else(|error| rpc::encode(&Err::<(), String>(error)).expect("a text can be encoded"));
        RaftReply { body }
    }

    async fn answer(&self, message: &RaftMessage) -> Result<Vec<u8>, String> {
        match message.call.as_str() {
            call::APPEND => {
                let reply = self.raft.append_entries(self.read(message)?).await.map_err(text)?;
                if reply.is_success() {
                    self.heard.send_replace(Some(Instant::now()));
                }
                encode(reply)
            }
            call::VOTE => encode(self.raft.vote(self.read(message)?).await.map_err(text)?),
            call::PRE_VOTE => encode(self.raft.pre_vote(self.read(message)?).await.map_err(text)?),
            call::SNAPSHOT => encode(self.take_snapshot_part(self.read(message)?).await?),
            call::TRANSFER => {
                encode(self.raft.handle_transfer_leader(self.read(message)?).await.map_err(text)?)
            }
            other => Err(format!("this server does not know the raft call {other:?}")),
        }
    }

    /// Reads a request that is for this server.
    fn read<T: DeserializeOwned>(&self, message: &RaftMessage) -> Result<T, String> {
        let letter: Letter<T> = rpc::decode(&message.body).map_err(text)?;
        match letter.to == self.id {
            true => Ok(letter.request),
            false => Err(format!("this is server {}, not {}", self.id, letter.to)),
        }
    }

    async fn take_snapshot_part(&self, part: SnapshotPart) -> Result<SnapshotPartReply, String> {
        if part.total > SNAPSHOT_BYTES_MAX {
            return Err(format!("a snapshot of {} bytes is too large", part.total));
        }
        let mut arriving = self.arriving.lock().await;
        if part.offset == 0 {
            *arriving = Some(Arriving { vote: part.vote, last: part.meta.last_log_id, data: Vec::new() });
        }
        let continues = |one: &&mut Arriving| {
            one.vote == part.vote && one.last == part.meta.last_log_id && one.data.len() as u64 == part.offset
        };
        let Some(one) = arriving.as_mut().filter(continues) else {
            return Err("this piece of a snapshot does not continue the one before".to_owned());
        };
        one.data.extend_from_slice(&part.data.0);
        let length = one.data.len() as u64;
        if length < part.total {
            // A leader that sends a snapshot is alive, although it sends nothing else.
            self.heard.send_replace(Some(Instant::now()));
            return Ok(None);
        }
        let data = arriving.take().map(|one| one.data).unwrap_or_default();
        if length > part.total {
            return Err("a snapshot is larger than its sender said".to_owned());
        }
        let snapshot = Snapshot { meta: part.meta, snapshot: Bytes::from(data) };
        let response = self.raft.install_full_snapshot(part.vote, snapshot).await.map_err(text)?;
        Ok(Some(response))
    }
}

fn encode<T: serde::Serialize>(reply: T) -> Result<Vec<u8>, String> {
    rpc::encode(&Ok::<T, String>(reply)).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
