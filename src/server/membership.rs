//! Who the servers are.
//!
//! A server that starts for the first time calls the addresses of `retry_join` until `bootstrap_expect` servers know of each
//! other. Then the one with the lowest id writes the first entry of the log, which names them all. Afterwards the log is
//! the truth; who answers at the moment is asked when somebody wants to know.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures_util::future::join_all;
use rand::Rng;
use tracing::{info, warn};

use super::Server;
use super::error::ServerError;
use crate::env::Env;
use crate::raft::Member;
use crate::rpc::messages::{Hello, HelloReply};

/// The time between two rounds of calls to servers not found yet.
const JOIN_INTERVAL: Duration = Duration::from_secs(1);

/// How long another server may take to say who it is.
const HELLO_TIMEOUT: Duration = Duration::from_secs(1);

/// A server as another one sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerMember {
    /// Its id in the log.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// `host:port` of its RPC.
    pub rpc_address: String,
    /// `host:port` of its HTTP API; empty when it did not answer.
    pub http_address: String,
    /// Whether it leads.
    pub is_leader: bool,
    /// Whether it answered just now.
    pub is_alive: bool,
}

/// Returns this server's id, chosen at its first start.
pub(super) async fn server_id(env: &Env, data_dir: &Path) -> Result<u64, ServerError> {
    let (disk, path) = (env.disk.clone(), data_dir.join("server-id"));
    let fresh = env.random.stream("server-id").next_u64() >> 1 | 1;
    let folder = data_dir.to_owned();
    let shown = path.display().to_string();
    let read = env.blocking(move || {
        if disk.exists(&path) {
            return disk.read(&path).map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned());
        }
        disk.make_dir(&folder)?;
        disk.replace(&path, fresh.to_string().as_bytes())?;
        Ok(fresh.to_string())
    });
    let text = read.await.map_err(|error: std::io::Error| {
        ServerError::Internal(format!(
            "cannot read or write {shown}: {error}; is the data directory writable?"
        ))
    })?;
    text.parse().map_err(|_| {
        ServerError::Internal(format!("{shown} holds {text:?} where a server's id is expected; restore it, or start with an empty data directory"))
    })
}

/// Finds the other servers and starts the first cluster, once.
pub(super) async fn join(server: Server) {
    let config = server.config().clone();
    if server.inner.raft.is_initialized().await {
        return;
    }
    let expected = usize::try_from(config.bootstrap_expect.max(1)).unwrap_or(usize::MAX);
    loop {
        let peers = say_hello(&server, &config.retry_join).await;
        if peers.iter().any(|peer| peer.initialized) || server.leadership().leader.is_some() {
            info!("found a cluster that exists; waiting for its leader to call");
            return;
        }
        let mut members = BTreeMap::from([(server.inner.id, server.member())]);
        members.extend(
            peers.into_iter().map(|peer| (peer.id, Member { name: peer.name, address: peer.rpc_address })),
        );
        let lowest = members.keys().next() == Some(&server.inner.id);
        if members.len() >= expected && lowest {
            info!(servers = members.len(), "starting a cluster");
            match server.inner.raft.bootstrap(members).await {
                Ok(_) => return,
                Err(error) => warn!(%error, "the cluster could not be started; tried again"),
            }
        }
        tokio::time::sleep(JOIN_INTERVAL).await;
    }
}

/// Asks servers who they are; those that do not answer in time are left out.
async fn say_hello(server: &Server, addresses: &[String]) -> Vec<HelloReply> {
    let own = server.config().rpc_advertise.clone();
    let calls = addresses
        .iter()
        .filter(|address| **address != own)
        .map(|address| async move { server.inner.rpc.call(address, &Hello {}, HELLO_TIMEOUT).await.ok() });
    let answers = join_all(calls).await;
    answers.into_iter().flatten().filter(|peer| peer.id != server.inner.id).collect()
}

impl Server {
    /// Says who this server is.
    pub(super) async fn hello(&self) -> HelloReply {
        HelloReply {
            id: self.inner.id,
            name: self.config().name.clone(),
            rpc_address: self.config().rpc_advertise.clone(),
            http_address: self.config().http_advertise.clone(),
            initialized: self.inner.raft.is_initialized().await,
        }
    }

    /// Returns all servers of the log's membership, in name order, each asked whether it answers.
    pub async fn members(&self) -> Vec<ServerMember> {
        let leader = self.leadership().leader.map(|member| member.address);
        let members = self.inner.raft.members();
        let asked = members.into_iter().map(|(id, member)| {
            let is_leader = leader.as_deref() == Some(&member.address);
            async move {
                let answer = match id == self.inner.id {
                    true => Some(self.hello().await),
                    false => self.inner.rpc.call(&member.address, &Hello {}, HELLO_TIMEOUT).await.ok(),
                };
                ServerMember {
                    id,
                    name: member.name,
                    rpc_address: member.address,
                    is_leader,
                    is_alive: answer.is_some(),
                    http_address: answer.map(|answer| answer.http_address).unwrap_or_default(),
                }
            }
        });
        let mut members = join_all(asked).await;
        members.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        members
    }

    /// Returns the RPC addresses of all servers, the leader's first.
    pub(super) fn rpc_addresses(&self) -> Vec<String> {
        let leader = self.leadership().leader.map(|member| member.address);
        let members = self.inner.raft.members().into_values().map(|member| member.address);
        let others = members.filter(|address| Some(address) != leader.as_ref());
        leader.clone().into_iter().chain(others.collect::<Vec<_>>()).collect()
    }

    fn member(&self) -> Member {
        Member { name: self.config().name.clone(), address: self.config().rpc_advertise.clone() }
    }
}
