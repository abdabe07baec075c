//! Answers what other agents ask by RPC; what only the leader may answer goes on to it, once.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::Server;
use crate::rpc::messages::{
    Forwarded, Heartbeat, Hello, HttpRequest, Message, NodeAllocs, RaftMessage, RawReply, RegisterNode,
    UpdateAllocs,
};
use crate::rpc::{RpcError, Service, decode, encode};

/// How long the leader may take to answer what a follower passes on.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(10);

/// A server's RPC.
pub(super) struct RpcService {
    server: Server,
}

impl RpcService {
    pub(super) fn new(server: Server) -> Self {
        Self { server }
    }
}

impl Service for RpcService {
    fn call(
        &self,
        method: String,
        body: Bytes,
        _peer: SocketAddr,
    ) -> BoxFuture<'static, Result<Vec<u8>, RpcError>> {
        let server = self.server.clone();
        Box::pin(async move {
            match method.as_str() {
                RaftMessage::METHOD => encode(&server.inner.raft.handle(decode(&body)?).await),
                Hello::METHOD => encode(&server.hello().await),
                HttpRequest::METHOD => answer_http(&server, decode(&body)?).await,
                NodeAllocs::METHOD => encode(&server.node_allocs(decode(&body)?).await?),
                Forwarded::METHOD => {
                    let forwarded: Forwarded = decode(&body)?;
                    if !server.leadership().is_leader {
                        return Err(RpcError::NoLeader);
                    }
                    let body = answer_as_leader(&server, &forwarded.method, &forwarded.body).await?;
                    encode(&RawReply { body })
                }
                _ if server.leadership().is_leader => answer_as_leader(&server, &method, &body).await,
                RegisterNode::METHOD | Heartbeat::METHOD | UpdateAllocs::METHOD => {
                    let leader = server.leadership().leader.ok_or(RpcError::NoLeader)?;
                    let forwarded = Forwarded { method, body: body.to_vec() };
                    let reply = server.inner.rpc.call(&leader.address, &forwarded, FORWARD_TIMEOUT).await?;
                    Ok(reply.body)
                }
                _ => Err(RpcError::UnknownMethod(method)),
            }
        })
    }
}

/// Answers what only the leader may.
async fn answer_as_leader(server: &Server, method: &str, body: &[u8]) -> Result<Vec<u8>, RpcError> {
    match method {
        RegisterNode::METHOD => encode(&server.register_node(decode(body)?).await?),
        Heartbeat::METHOD => encode(&server.heartbeat(decode(body)?).await?),
        UpdateAllocs::METHOD => encode(&server.update_allocs(decode(body)?).await?),
        _ => Err(RpcError::UnknownMethod(method.to_owned())),
    }
}

async fn answer_http(server: &Server, request: HttpRequest) -> Result<Vec<u8>, RpcError> {
    match server.inner.http.get() {
        Some(handler) => encode(&handler.handle(request).await),
        None => Err(RpcError::Internal("this server has no HTTP API yet".to_owned())),
    }
}
