//! The servers: they agree on a log, and the one that leads looks after the cluster.
//!
//! # How a job gets to its nodes
//! A job comes in by HTTP ([`Server::register_job`]) and is written to the log together with its *evaluation*. When the log
//! entry is applied on the leader, the evaluation goes to the *broker*. A *worker* takes it, lets the scheduler look at a
//! snapshot, and submits the *plan*; *plan apply* checks it once more and commits it. The nodes' clients wait for exactly
//! this change by RPC. What did not fit waits as a *blocked evaluation* until capacity appears.
//!
//! # Invariants
//! - State changes only by log entries (`state::Command`); times and ids in them were chosen before.
//! - Broker, blocked evaluations, plan queue and heartbeats live on the leader only and are rebuilt from the state whenever
//!   one is elected: nothing in them is needed to survive.
//! - A core (`…Core`) holds decisions and no timers; what feeds it time is a short loop.
//! - The client agent is not known here; they meet in `rpc::messages`.
//!
//! # Caveats
//! - Servers are found by `retry_join` and agree once, at the first start, on who belongs to the cluster. Joining later,
//!   leaving and forced leaving are not there yet.
//! - Workers run on the leader only.

pub mod blocked_evals;
mod capacity;
pub mod config;
mod deployment_watcher;
mod deployments;
pub mod error;
pub mod eval_broker;
mod fsm;
pub mod heartbeat;
mod jobs;
mod leadership;
mod membership;
mod nodes;
mod plan_apply;
pub mod plan_queue;
mod rpc_service;
mod worker;

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Notify, watch};

use crate::env::Env;
use crate::env::rng::BoxRng;
use crate::env::spawn::AbortOnDrop;
use crate::model::{EvalId, NodeId};
use crate::raft::{Leadership, Raft};
use crate::rpc::{self, RpcError, messages};
use crate::state::{Command, Store};
use blocked_evals::BlockedEvalsCore;
use error::ServerError;
use eval_broker::EvalBroker;
use heartbeat::HeartbeatCore;
use plan_queue::PlanQueue;

pub use config::ServerConfig;
pub use deployments::DeploymentChanged;
pub use jobs::Registered;
pub use membership::ServerMember;

/// How long a request waits for a leader to be elected before it is refused: longer than an election takes.
pub const LEADER_WAIT_MAX: Duration = Duration::from_secs(5);

/// How long a write may take from proposal to quorum.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// What answers HTTP requests that came here by RPC.
pub trait HttpHandler: Send + Sync {
    /// Answers one request; it is not forwarded again.
    fn handle(&self, request: messages::HttpRequest) -> BoxFuture<'static, messages::HttpReply>;
}

/// A running server. Cheap to clone.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    env: Env,
    config: ServerConfig,
    id: u64,
    store: Store,
    raft: Raft,
    rpc: rpc::Client,
    leadership: watch::Receiver<Leadership>,
    /// Ids of evaluations made here.
    ids: Mutex<BoxRng>,
    leader: Arc<LeaderState>,
    http: OnceLock<Arc<dyn HttpHandler>>,
    /// Tasks that live as long as the server.
    tasks: Mutex<Vec<AbortOnDrop>>,
}

/// What only a leader needs; emptied when it stops leading.
#[derive(Default)]
struct LeaderState {
    broker: EvalBroker,
    plans: PlanQueue,
    blocked: Mutex<Option<BlockedEvalsCore>>,
    /// Blocked evaluations that have a chance again, to be written down as pending.
    unblocked: Mutex<Vec<crate::model::Evaluation>>,
    unblocked_changed: Notify,
    heartbeats: Mutex<Option<HeartbeatCore>>,
    heartbeats_changed: Notify,
}

impl std::ops::Deref for Inner {
    type Target = LeaderState;
    fn deref(&self) -> &LeaderState {
        &self.leader
    }
}

impl Server {
    /// Starts a server: opens its disk, joins its cluster in the background.
    ///
    /// # Errors
    /// When its data directory cannot be read or belongs to something else.
    pub async fn start(env: Env, config: ServerConfig, rpc: rpc::Client) -> Result<Self, ServerError> {
        let store = Store::new();
        let leader = Arc::new(LeaderState::default());
        let id = membership::server_id(&env, &config.data_dir).await?;
        let machine = fsm::Machine::new(store.clone(), leader.clone(), env.clone());
        let raft_config = crate::raft::Config {
            id,
            name: config.name.clone(),
            address: config.rpc_advertise.clone(),
            data_dir: config.data_dir.join("raft"),
            timing: config.raft_timing,
        };
        let raft = Raft::start(env.clone(), raft_config, rpc.clone(), machine)
            .await
            .map_err(|error| ServerError::Internal(error.to_string()))?;
        let inner = Inner {
            ids: Mutex::new(env.random.stream("server-ids")),
            leadership: raft.leadership(),
            env: env.clone(),
            config,
            id,
            store,
            raft,
            rpc,
            leader,
            http: OnceLock::new(),
            tasks: Mutex::default(),
        };
        let server = Self { inner: Arc::new(inner) };
        let tasks = vec![
            env.spawn("server-leadership", leadership::run(server.clone())).abort_on_drop(),
            env.spawn("server-join", membership::join(server.clone())).abort_on_drop(),
        ];
        *server.inner.tasks.lock().expect("no holder of this lock panics") = tasks;
        Ok(server)
    }

    /// Returns the replicated state, as far as this server has applied it.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Returns what this server was configured with.
    pub fn config(&self) -> &ServerConfig {
        &self.inner.config
    }

    /// Returns who leads, as far as this server knows.
    pub fn leadership(&self) -> Leadership {
        self.inner.leadership.borrow().clone()
    }

    /// Returns how far the log has come here.
    pub fn raft_metrics(&self) -> crate::raft::Metrics {
        self.inner.raft.metrics()
    }

    /// Returns how many evaluations are ready, with workers, waiting behind others, and blocked.
    pub fn eval_counts(&self) -> (usize, usize, usize, usize) {
        let (ready, out, waiting) = self.inner.broker.counts();
        let blocked = self.inner.blocked.lock().expect("no holder of this lock panics");
        (ready, out, waiting, blocked.as_ref().map_or(0, BlockedEvalsCore::len))
    }

    /// Gives the server what answers HTTP requests that other agents pass on; the first one given stays.
    pub fn set_http(&self, handler: Arc<dyn HttpHandler>) {
        let _ = self.inner.http.set(handler);
    }

    /// Returns what answers RPC.
    pub fn rpc_service(&self) -> Arc<dyn rpc::Service> {
        Arc::new(rpc_service::RpcService::new(self.clone()))
    }

    /// Passes an HTTP request on to the leader, waiting up to [`LEADER_WAIT_MAX`] for one.
    ///
    /// A leader that cannot be reached has probably just died: then the next one is asked, unless the request is a write
    /// that the lost one may have begun.
    ///
    /// # Errors
    /// [`ServerError::NoLeader`]; [`ServerError::Unconfirmed`] for a write whose leader was lost before it answered.
    pub async fn forward_http(
        &self,
        request: messages::HttpRequest,
        timeout: Duration,
    ) -> Result<messages::HttpReply, ServerError> {
        let deadline = tokio::time::Instant::now() + LEADER_WAIT_MAX;
        let is_read = matches!(request.method.as_str(), "GET" | "HEAD");
        loop {
            let leader = self.wait_for_leader().await?;
            match self.inner.rpc.call(&leader.address, &request, timeout).await {
                Ok(reply) => return Ok(reply),
                Err(RpcError::Unreachable(_)) => {}
                Err(RpcError::Io(_)) if is_read => {}
                // A read that got no answer has changed nothing.
                Err(RpcError::TimedOut) if is_read => return Err(ServerError::NoLeader),
                Err(error) => return Err(error.into()),
            }
            let mut leadership = self.inner.leadership.clone();
            let another = leadership.wait_for(|now| now.leader.as_ref() != Some(&leader));
            if !matches!(tokio::time::timeout_at(deadline, another).await, Ok(Ok(_))) {
                return Err(ServerError::NoLeader);
            }
        }
    }

    /// Waits, up to [`LEADER_WAIT_MAX`], until a leader is known.
    pub async fn wait_for_leader(&self) -> Result<crate::raft::Member, ServerError> {
        let mut leadership = self.inner.leadership.clone();
        let known = leadership.wait_for(|now| now.leader.is_some());
        match tokio::time::timeout(LEADER_WAIT_MAX, known).await {
            Ok(Ok(now)) => now.leader.clone().ok_or(ServerError::NoLeader),
            _ => Err(ServerError::NoLeader),
        }
    }

    /// Waits until this server has applied everything that was acknowledged before the call; for the leader.
    pub async fn barrier(&self) -> Result<u64, ServerError> {
        let barrier = self.inner.raft.read_barrier();
        match tokio::time::timeout(WRITE_TIMEOUT, barrier).await {
            Ok(index) => Ok(index?),
            Err(_) => Err(ServerError::NoLeader),
        }
    }

    /// Stops the server; its disk stays.
    pub async fn shutdown(&self) {
        self.inner.tasks.lock().expect("no holder of this lock panics").clear();
        self.inner.raft.shutdown().await;
    }

    fn env(&self) -> &Env {
        &self.inner.env
    }

    /// Writes a command to the log and returns its index once it is applied here.
    async fn propose(&self, command: &Command) -> Result<u64, ServerError> {
        let proposed = self.inner.raft.propose(command.encode());
        let applied =
            tokio::time::timeout(WRITE_TIMEOUT, proposed).await.map_err(|_| ServerError::Unconfirmed)??;
        fsm::decode_reply(&applied.reply)?;
        Ok(applied.index)
    }

    fn new_eval_id(&self) -> EvalId {
        EvalId::random(self.inner.ids.lock().expect("no holder of this lock panics").as_mut())
    }

    /// Draws a heartbeat's time to live.
    fn draw_ttl(&self, nodes: usize) -> Duration {
        heartbeat::ttl(nodes, self.inner.ids.lock().expect("no holder of this lock panics").as_mut())
    }

    fn beat(&self, node: NodeId) -> Duration {
        let mut heartbeats = self.inner.heartbeats.lock().expect("no holder of this lock panics");
        let Some(core) = heartbeats.as_mut() else { return heartbeat::TTL_MIN };
        let ttl = self.draw_ttl(core.len());
        core.beat(self.env().now(), node, ttl);
        self.inner.heartbeats_changed.notify_one();
        ttl
    }
}
