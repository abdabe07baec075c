//! What one server says to another.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use openraft::error::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{OptionalSend, RaftNetworkFactory, RaftNetworkV2};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::config::{Limits, Member};
use super::types::{Command, Snapshot, SnapshotMeta, Types, Vote};
use crate::rpc::messages::RaftMessage;
use crate::rpc::{self, RpcError};

/// The names of the calls.
pub(super) mod call {
    pub(in crate::raft) const APPEND: &str = "append";
    pub(in crate::raft) const VOTE: &str = "vote";
    pub(in crate::raft) const PRE_VOTE: &str = "pre-vote";
    pub(in crate::raft) const SNAPSHOT: &str = "snapshot";
    pub(in crate::raft) const TRANSFER: &str = "transfer";
}

/// The body of a [`RaftMessage`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Letter<T> {
    /// Whom it is for: an address can belong to another server than it did.
    pub(super) to: u64,
    pub(super) request: T,
}

/// A piece of a snapshot. The last one is answered when the whole has been read and is on disk.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SnapshotPart {
    /// The sender's leadership.
    pub(super) vote: Vote,
    /// What the whole contains.
    pub(super) meta: SnapshotMeta,
    /// Bytes before this piece.
    pub(super) offset: u64,
    /// Bytes of the whole.
    pub(super) total: u64,
    pub(super) data: Command,
}

/// The answer to a [`SnapshotPart`]; `None` asks for the next.
pub(super) type SnapshotPartReply = Option<SnapshotResponse<Types>>;

/// Makes what talks to another server.
pub(super) struct Network {
    rpc: rpc::Client,
    limits: Limits,
}

impl Network {
    pub(super) fn new(rpc: rpc::Client, limits: Limits) -> Self {
        Self { rpc, limits }
    }
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Peer;

    async fn new_client(&mut self, target: u64, node: &Member) -> Peer {
        Peer { rpc: self.rpc.clone(), limits: self.limits, id: target, address: node.address.clone() }
    }
}

/// Talks to one other server.
pub(super) struct Peer {
    rpc: rpc::Client,
    limits: Limits,
    id: u64,
    address: String,
}

impl Peer {
    /// Sends a request; every failure means that the server cannot be reached now, and openraft waits before it retries.
    async fn send<T: Serialize, R: DeserializeOwned>(
        &self,
        call: &str,
        request: T,
        timeout: Duration,
    ) -> Result<R, Unreachable<Types>> {
        self.try_send(call, request, timeout).await.map_err(|error| Unreachable::new(&error))
    }

    async fn try_send<T: Serialize, R: DeserializeOwned>(
        &self,
        call: &str,
        request: T,
        timeout: Duration,
    ) -> Result<R, RpcError> {
        let body = rpc::encode(&Letter { to: self.id, request })?;
        let message = RaftMessage { call: call.to_owned(), body };
        let reply = self.rpc.call(&self.address, &message, timeout).await?;
        let result: Result<R, String> = rpc::decode(&reply.body)?;
        result.map_err(RpcError::Internal)
    }

    async fn send_snapshot(
        &self,
        vote: Vote,
        snapshot: Snapshot,
        timeout: Duration,
    ) -> Result<SnapshotResponse<Types>, Unreachable<Types>> {
        let (total, mut offset) = (snapshot.snapshot.len(), 0);
        loop {
            let end = total.min(offset + self.limits.snapshot_part_bytes);
            let part = SnapshotPart {
                vote,
                meta: snapshot.meta.clone(),
                offset: offset as u64,
                total: total as u64,
                data: Command(snapshot.snapshot.slice(offset..end)),
            };
            let reply: SnapshotPartReply = self.send(call::SNAPSHOT, part, timeout).await?;
            if let Some(response) = reply {
                return Ok(response);
            }
            if end == total {
                return Err(Unreachable::from_string(
                    "the snapshot was sent as a whole and is still incomplete",
                ));
            }
            offset = end;
        }
    }
}

impl RaftNetworkV2<Types> for Peer {
    type SnapshotData = Bytes;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, RPCError<Types>> {
        Ok(self.send(call::APPEND, rpc, option.soft_ttl()).await?)
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        Ok(self.send(call::VOTE, rpc, option.soft_ttl()).await?)
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, RPCError<Types>> {
        Ok(self.send(call::PRE_VOTE, rpc, option.soft_ttl()).await?)
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        tokio::select! {
            biased;
            closed = cancel => Err(closed.into()),
            sent = self.send_snapshot(vote, snapshot, option.soft_ttl()) => Ok(sent?),
        }
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, RPCError<Types>> {
        Ok(self.send(call::TRANSFER, request, option.soft_ttl()).await?)
    }
}
