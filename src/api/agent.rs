//! The agent as its HTTP API sees it: what it is, and whom it can ask.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rand::Rng;

use super::error::ApiError;
use super::servers::{ServerError, Servers};
use crate::env::Env;
use crate::env::rng::BoxRng;
use crate::model::{AllocId, NodeId};
use crate::rpc::messages::{HttpReply, HttpRequest};
use crate::state::Snapshot;

/// What an agent knows of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentInfo {
    /// Its name.
    pub name: String,
    /// The region.
    pub region: String,
    /// The datacenter.
    pub datacenter: String,
    /// Where its HTTP API is, as others reach it.
    pub http_address: SocketAddr,
    /// `host:port` of the RPC of the servers it was configured with.
    pub servers: Vec<String>,
}

/// The client of this agent.
pub trait LocalNode: Send + Sync {
    /// Returns the node's id.
    fn node_id(&self) -> NodeId;

    /// Returns `host:port` of the RPC of the servers it knows by now, best first.
    fn known_servers(&self) -> Vec<String>;

    /// Returns facts for `/v1/agent/self`.
    fn stats(&self) -> BTreeMap<String, String>;

    /// Returns the folder that holds the folders of all allocations.
    fn allocs_dir(&self) -> PathBuf;

    /// Returns the folder of an allocation's output, whether or not it is here.
    fn logs_dir(&self, id: AllocId) -> PathBuf;
}

/// Asks a server by RPC to answer an HTTP request.
pub trait Upstream: Send + Sync {
    /// Asks the server whose RPC is at `address`.
    fn ask(
        &self,
        address: String,
        request: HttpRequest,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<HttpReply, ServerError>>;
}

/// Everything a handler can ask. Cheap to clone.
#[derive(Clone)]
pub struct Agent {
    inner: Arc<Inner>,
}

struct Inner {
    env: Env,
    info: AgentInfo,
    servers: Option<Arc<dyn Servers>>,
    node: Option<Arc<dyn LocalNode>>,
    upstream: Arc<dyn Upstream>,
    jitter: Mutex<BoxRng>,
}

impl Agent {
    /// Makes the API's view of an agent that is a server, a client or both, and asks other servers through `upstream`.
    pub fn new(
        env: Env,
        info: AgentInfo,
        server: Option<impl Servers + 'static>,
        client: Option<impl LocalNode + 'static>,
        upstream: impl Upstream + 'static,
    ) -> Self {
        let jitter = Mutex::new(env.random.stream("http-wait"));
        Self {
            inner: Arc::new(Inner {
                env,
                info,
                servers: server.map(|server| Arc::new(server) as Arc<dyn Servers>),
                node: client.map(|client| Arc::new(client) as Arc<dyn LocalNode>),
                upstream: Arc::new(upstream),
                jitter,
            }),
        }
    }

    /// Returns a handle that does not keep the agent alive, for a server that the agent itself keeps alive.
    pub fn downgrade(&self) -> WeakAgent {
        WeakAgent { inner: Arc::downgrade(&self.inner) }
    }

    /// Returns its machine.
    pub fn env(&self) -> &Env {
        &self.inner.env
    }

    /// Returns what it knows of itself.
    pub fn info(&self) -> &AgentInfo {
        &self.inner.info
    }

    /// Returns its server, if it is one.
    pub fn server(&self) -> Option<&dyn Servers> {
        self.inner.servers.as_deref()
    }

    /// Returns its client, if it is one.
    pub fn node(&self) -> Option<&dyn LocalNode> {
        self.inner.node.as_deref()
    }

    /// Returns its server, or the error of an agent that is none.
    pub(super) fn servers(&self) -> Result<&dyn Servers, ApiError> {
        self.server().ok_or_else(|| ApiError::Internal("this agent is not a server".to_owned()))
    }

    /// Returns the state as this agent's server knows it.
    pub(super) fn snapshot(&self) -> Result<Snapshot, ApiError> {
        Ok(self.servers()?.store().snapshot())
    }

    /// Tells whether a leader is known.
    pub(super) fn knows_leader(&self) -> bool {
        self.server().is_some_and(|server| server.leadership().leader.is_some())
    }

    /// Returns the RPC addresses of servers this agent can ask, best first.
    pub(super) fn known_servers(&self) -> Vec<String> {
        let known = self.node().map(LocalNode::known_servers).unwrap_or_default();
        if known.is_empty() { self.info().servers.clone() } else { known }
    }

    /// Asks a server by RPC.
    pub(super) async fn ask(
        &self,
        address: String,
        request: HttpRequest,
        timeout: Duration,
    ) -> Result<HttpReply, ServerError> {
        self.inner.upstream.ask(address, request, timeout).await
    }

    /// Draws how much longer than `wait` a blocking query may take, so that many begun together do not end together.
    pub(super) fn draw_jitter(&self, wait: Duration) -> Duration {
        let mut rng = self.inner.jitter.lock().expect("no holder of this lock panics");
        let most = u64::try_from((wait / 16).as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(rng.next_u64() % most.max(1))
    }
}

/// A handle that does not keep its agent alive.
#[derive(Clone)]
pub struct WeakAgent {
    inner: Weak<Inner>,
}

impl WeakAgent {
    /// Returns the agent if it is still there.
    pub fn upgrade(&self) -> Option<Agent> {
        self.inner.upgrade().map(|inner| Agent { inner })
    }
}
