//! What the client and the RPC of an agent are to its HTTP API.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::agent::{LocalNode, Upstream};
use super::servers::ServerError;
use crate::client::Client;
use crate::model::{AllocId, NodeId, duration};
use crate::rpc;
use crate::rpc::RpcError;
use crate::rpc::messages::{HttpReply, HttpRequest};

impl LocalNode for Client {
    fn node_id(&self) -> NodeId {
        self.node_id()
    }

    fn known_servers(&self) -> Vec<String> {
        self.stats().known_servers
    }

    fn stats(&self) -> BTreeMap<String, String> {
        let stats = self.stats();
        let heard = stats.last_heartbeat.map_or_else(|| "never".to_owned(), duration::format);
        let stats = [
            ("last_heartbeat", heard),
            ("heartbeat_ttl", duration::format(stats.heartbeat_ttl)),
            ("num_allocations", stats.allocs_running.to_string()),
        ];
        stats.map(|(name, value)| (name.to_owned(), value)).into()
    }

    fn allocs_dir(&self) -> PathBuf {
        let one = self.alloc_dir(AllocId(uuid::Uuid::nil()));
        one.root().parent().map(Path::to_owned).unwrap_or_default()
    }

    fn logs_dir(&self, id: AllocId) -> PathBuf {
        self.alloc_dir(id).logs()
    }
}

impl Upstream for rpc::Client {
    fn ask(
        &self,
        address: String,
        request: HttpRequest,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<HttpReply, ServerError>> {
        Box::pin(async move {
            self.call(&address, &request, timeout).await.map_err(|error| match error {
                // That no server answers is, to whoever asked, that there is no leader.
                RpcError::Io(_) | RpcError::Unreachable(_) | RpcError::TimedOut | RpcError::NoLeader => {
                    ServerError::NoLeader
                }
                other => ServerError::Internal(other.to_string()),
            })
        })
    }
}
