//! An agent whose network is in memory and whose server is a store that obeys at once.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::api::agent::{Agent, AgentInfo, LocalNode, Upstream};
use crate::api::client::Api;
use crate::api::servers::{
    DeploymentChange, DeploymentChanged, Leadership, Registered, ServerError, ServerMember, Servers,
};
use crate::env::net::{Datagrams, Interface, Listen, Net, Stream};
use crate::env::spawn::AbortOnDrop;
use crate::env::{self, Env};
use crate::model::alloc::Allocation;
use crate::model::resources::{AllocatedResources, AllocatedTaskResources, Network, NodeResources, Port};
use crate::model::{
    AllocId, ClientStatus, DeploymentId, DesiredStatus, DesiredTransition, DriverInfo, Eligibility, EvalId,
    Evaluation, Job, JobKey, Node, NodeId, NodeStatus, TaskEvent, TaskRunState, TaskState, Timestamp,
    Trigger,
};
use crate::rpc::messages::{HttpReply, HttpRequest};
use crate::state::{Command, PlanCommit, Store};

pub(super) const ADDRESS: &str = "10.0.0.1:4646";
pub(super) const NODE: &str = "11111111-2222-3333-4444-555555555555";
pub(super) const ALLOC: &str = "aaaaaaaa-2222-3333-4444-555555555555";
pub(super) const EVAL: &str = "eeeeeeee-2222-3333-4444-555555555555";

/// The job of the tests as it is posted.
pub(super) const JOB: &str = r#"{"Job": {"ID": "web/eu", "Name": "web", "Type": "service", "Datacenters": ["dc1"],
    "TaskGroups": [{"Name": "app", "Count": 2, "Tasks": [{"Name": "server", "Driver": "raw_exec",
    "Config": {"command": "/bin/sleep", "args": ["60"]}, "Resources": {"CPU": 100, "MemoryMB": 64,
    "Networks": [{"MBits": 10, "DynamicPorts": [{"Label": "http"}]}]}}]}]}}"#;

/// A network of one process.
#[derive(Clone, Default)]
pub(super) struct Memory {
    listeners: Arc<Mutex<BTreeMap<String, mpsc::Sender<Stream>>>>,
}

struct MemoryListener {
    address: SocketAddr,
    incoming: tokio::sync::Mutex<mpsc::Receiver<Stream>>,
}

impl Net for Memory {
    fn bind(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Listen>>> {
        let (sender, incoming) = mpsc::channel(64);
        self.listeners.lock().unwrap().insert(address.to_string(), sender);
        let incoming = tokio::sync::Mutex::new(incoming);
        Box::pin(async move { Ok(Box::new(MemoryListener { address, incoming }) as Box<dyn Listen>) })
    }

    fn connect(&self, target: &str, _timeout: Duration) -> BoxFuture<'static, io::Result<Stream>> {
        let listener = self.listeners.lock().unwrap().get(target).cloned();
        Box::pin(async move {
            let (here, there) = tokio::io::duplex(64 * 1024);
            let listener = listener.ok_or(io::ErrorKind::ConnectionRefused)?;
            listener.send(Box::new(there)).await.map_err(|_| io::ErrorKind::ConnectionRefused)?;
            Ok(Box::new(here) as Stream)
        })
    }

    fn bind_udp(&self, _address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Datagrams>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn interfaces(&self) -> Vec<Interface> {
        Vec::new()
    }
}

impl Listen for MemoryListener {
    fn accept(&self) -> BoxFuture<'_, io::Result<(Stream, SocketAddr)>> {
        Box::pin(async move {
            match self.incoming.lock().await.recv().await {
                Some(stream) => Ok((stream, self.address)),
                None => std::future::pending().await,
            }
        })
    }

    fn local_addr(&self) -> SocketAddr {
        self.address
    }
}

/// Servers that are one store.
#[derive(Clone)]
pub(super) struct FakeServers {
    pub(super) store: Store,
    /// `None` for no leader, `Some(true)` for this server, `Some(false)` for another one.
    pub(super) leads: Arc<Mutex<Option<bool>>>,
    /// What was passed on to the leader.
    pub(super) forwarded: Arc<Mutex<Vec<HttpRequest>>>,
}

impl FakeServers {
    pub(super) fn new() -> Self {
        Self { store: Store::new(), leads: Arc::new(Mutex::new(Some(true))), forwarded: Arc::default() }
    }

    /// Applies a command and returns its index.
    pub(super) fn apply(&self, command: &Command) -> u64 {
        let index = self.store.snapshot().index() + 1;
        self.store.apply(index, command).result.unwrap();
        index
    }

    fn job(&self, key: &JobKey) -> Result<Job, ServerError> {
        let found = self.store.snapshot().job(key).map(|job| (**job).clone());
        found.ok_or_else(|| ServerError::JobNotFound(key.clone()))
    }

    fn done(&self, index: u64) -> Registered {
        Registered { eval_id: EVAL.parse().ok(), index, job_modify_index: index }
    }
}

impl Servers for FakeServers {
    fn store(&self) -> &Store {
        &self.store
    }

    fn leadership(&self) -> Leadership {
        let leads = *self.leads.lock().unwrap();
        Leadership { is_leader: leads == Some(true), leader: leads.map(|_| "10.0.0.1:4647".to_owned()) }
    }

    fn barrier(&self) -> BoxFuture<'_, Result<u64, ServerError>> {
        Box::pin(async { if self.leadership().is_leader { Ok(1) } else { Err(ServerError::NoLeader) } })
    }

    fn members(&self) -> BoxFuture<'_, Vec<ServerMember>> {
        let member = ServerMember {
            id: 7,
            name: "one".to_owned(),
            rpc_address: "10.0.0.1:4647".to_owned(),
            http_address: ADDRESS.to_owned(),
            is_leader: true,
            is_alive: true,
        };
        Box::pin(async { vec![member] })
    }

    fn register_job(&self, job: Job, enforce: Option<u64>) -> BoxFuture<'_, Result<Registered, ServerError>> {
        Box::pin(async move {
            let known = self.store.snapshot().job(&job.key()).map(|job| job.job_modify_index);
            if let Some(wanted) = enforce.filter(|wanted| known.unwrap_or(0) != *wanted) {
                let found = "job exists with conflicting job modify index: 1".to_owned();
                return Err(ServerError::JobModifyIndex { wanted, found });
            }
            Ok(self.done(self.apply(&Command::JobRegister {
                job: job.into(),
                eval: None,
                enforce_index: None,
            })))
        })
    }

    fn deregister_job(&self, key: JobKey, _purge: bool) -> BoxFuture<'_, Result<Registered, ServerError>> {
        Box::pin(async move {
            let job = Job { stop: true, ..self.job(&key)? };
            Ok(self.done(self.apply(&Command::JobRegister {
                job: job.into(),
                eval: None,
                enforce_index: None,
            })))
        })
    }

    fn evaluate_job(&self, key: JobKey) -> BoxFuture<'_, Result<Registered, ServerError>> {
        Box::pin(async move { self.job(&key).map(|job| self.done(job.modify_index)) })
    }

    fn scale_job(
        &self,
        key: JobKey,
        group: String,
        count: u32,
    ) -> BoxFuture<'_, Result<Registered, ServerError>> {
        Box::pin(async move {
            let mut job = self.job(&key)?;
            let Some(found) = job.groups.iter_mut().find(|candidate| candidate.name == group) else {
                return Err(ServerError::GroupNotFound { job: key, group, known: "app".to_owned() });
            };
            found.count = count;
            Ok(self.done(self.apply(&Command::JobRegister {
                job: job.into(),
                eval: None,
                enforce_index: None,
            })))
        })
    }

    fn revert_job(
        &self,
        key: JobKey,
        version: u64,
        _enforce_prior: Option<u64>,
    ) -> BoxFuture<'_, Result<Registered, ServerError>> {
        let known = self.store.snapshot().job_version(&key, version).cloned();
        Box::pin(async move {
            let job = known.ok_or_else(|| ServerError::Invalid(format!("no version {version}")))?;
            self.register_job((*job).clone(), None).await
        })
    }

    fn set_job_stability(
        &self,
        key: JobKey,
        version: u64,
        stable: bool,
    ) -> BoxFuture<'_, Result<u64, ServerError>> {
        Box::pin(async move { Ok(self.apply(&Command::JobStability { key, version, stable })) })
    }

    fn change_deployment(
        &self,
        id: DeploymentId,
        change: DeploymentChange,
    ) -> BoxFuture<'_, Result<DeploymentChanged, ServerError>> {
        Box::pin(async move {
            let known = self.store.snapshot().deployment(&id).cloned();
            let known = known.ok_or(ServerError::DeploymentNotFound)?;
            let verb = match change {
                DeploymentChange::Promote { .. } => "promote",
                DeploymentChange::Fail => "fail",
                DeploymentChange::Pause(true) => "pause",
                DeploymentChange::Pause(false) => "resume",
                DeploymentChange::Health { .. } => "judge",
            };
            if !known.is_active() {
                return Err(ServerError::DeploymentEnded { verb });
            }
            Ok(DeploymentChanged { eval_id: EVAL.parse().ok(), reverted_to: None, index: 9 })
        })
    }

    fn set_eligibility(&self, id: NodeId, _to: Eligibility) -> BoxFuture<'_, Result<u64, ServerError>> {
        let known = self.store.snapshot().node(&id).is_some();
        Box::pin(async move { if known { Ok(9) } else { Err(ServerError::NodeNotFound(id.to_string())) } })
    }

    fn evaluate_node(&self, id: NodeId) -> BoxFuture<'_, Result<(Vec<EvalId>, u64), ServerError>> {
        let known = self.store.snapshot().node(&id).is_some();
        Box::pin(async move {
            if known {
                Ok((vec![EVAL.parse().unwrap()], 9))
            } else {
                Err(ServerError::NodeNotFound(id.to_string()))
            }
        })
    }

    fn forward_http(
        &self,
        request: HttpRequest,
        _: Duration,
    ) -> BoxFuture<'_, Result<HttpReply, ServerError>> {
        self.forwarded.lock().unwrap().push(request);
        let known = self.leads.lock().unwrap().is_some();
        Box::pin(
            async move { if known { Ok(canned("from the leader")) } else { Err(ServerError::NoLeader) } },
        )
    }

    fn stats(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        let raft =
            BTreeMap::from([("term".to_owned(), "3".to_owned()), ("state".to_owned(), "Leader".to_owned())]);
        BTreeMap::from([("raft".to_owned(), raft)])
    }
}

/// A client that has files and nothing else.
#[derive(Clone)]
pub(super) struct FakeNode {
    pub(super) data_dir: PathBuf,
}

impl LocalNode for FakeNode {
    fn node_id(&self) -> NodeId {
        NODE.parse().unwrap()
    }

    fn known_servers(&self) -> Vec<String> {
        vec!["10.0.0.7:4647".to_owned(), "10.0.0.8:4647".to_owned()]
    }

    fn stats(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("num_allocations".to_owned(), "1".to_owned())])
    }

    fn allocs_dir(&self) -> PathBuf {
        self.data_dir.clone()
    }

    fn logs_dir(&self, id: AllocId) -> PathBuf {
        self.data_dir.join(id.to_string()).join("logs")
    }
}

/// Servers asked by RPC; those named in `dead` do not answer.
#[derive(Clone, Default)]
pub(super) struct FakeUpstream {
    pub(super) dead: Arc<Mutex<Vec<String>>>,
    pub(super) asked: Arc<Mutex<Vec<(String, HttpRequest)>>>,
}

impl Upstream for FakeUpstream {
    fn ask(
        &self,
        address: String,
        request: HttpRequest,
        _timeout: Duration,
    ) -> BoxFuture<'_, Result<HttpReply, ServerError>> {
        let dead = self.dead.lock().unwrap().contains(&address);
        self.asked.lock().unwrap().push((address, request));
        Box::pin(async move { if dead { Err(ServerError::NoLeader) } else { Ok(canned("from a server")) } })
    }
}

fn canned(text: &str) -> HttpReply {
    HttpReply {
        status: 200,
        headers: vec![("x-nomad-index".to_owned(), "77".to_owned())],
        body: serde_json::to_vec(text).unwrap(),
    }
}

/// An agent that serves, and a client of it. Dropping it stops the agent.
pub(super) struct Running {
    pub(super) env: Env,
    pub(super) servers: FakeServers,
    pub(super) agent: Agent,
    pub(super) api: Api,
    _serving: AbortOnDrop,
}

/// Starts an agent that is a server, with a node, a job, an evaluation and an allocation in its state.
pub(super) async fn server() -> Running {
    let servers = FakeServers::new();
    fill(&servers);
    start(Some(servers), None, FakeUpstream::default()).await
}

/// Starts an agent of any kind.
pub(super) async fn start(
    servers: Option<FakeServers>,
    node: Option<FakeNode>,
    upstream: FakeUpstream,
) -> Running {
    let env = Env { net: Arc::new(Memory::default()), ..env::real::env() };
    let address: SocketAddr = ADDRESS.parse().unwrap();
    let info = AgentInfo {
        name: "one".to_owned(),
        region: "global".to_owned(),
        datacenter: "dc1".to_owned(),
        http_address: address,
        servers: vec!["10.0.0.1:4647".to_owned()],
    };
    let agent = Agent::new(env.clone(), info, servers.clone(), node, upstream);
    let listener = env.net.bind(address).await.unwrap();
    let serving =
        env.spawn("http", crate::api::serve(env.clone(), listener, crate::api::router(agent.clone())));
    Running {
        api: Api::new(env.clone(), ADDRESS),
        servers: servers.unwrap_or_else(FakeServers::new),
        env,
        agent,
        _serving: serving.abort_on_drop(),
    }
}

/// Sends bytes and returns everything that comes back until the connection ends.
pub(super) async fn raw(running: &Running, request: &[u8]) -> String {
    let mut stream = running.env.net.connect(ADDRESS, Duration::from_secs(1)).await.unwrap();
    // The server may refuse before it has read everything.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Puts one of everything into the state.
pub(super) fn fill(servers: &FakeServers) {
    let now = Timestamp(1_447_806_038_427_841_000);
    servers.apply(&Command::NodeRegister { node: node(now), time: now, evals: Vec::new() });
    let job = crate::jobspec::json::parse(JOB).unwrap().job;
    let id: EvalId = EVAL.parse().unwrap();
    let eval = Evaluation::pending(id, job.key(), job.job_type, job.priority, Trigger::JobRegister, now);
    servers.apply(&Command::JobRegister { job: job.clone().into(), eval: Some(eval), enforce_index: None });
    let job = servers.store.snapshot().job(&job.key()).unwrap().clone();
    let places = vec![allocation(&job, now)];
    servers.apply(&Command::ApplyPlan(PlanCommit { places, time: now, ..PlanCommit::default() }));
}

pub(super) fn node(now: Timestamp) -> Node {
    let network = network(&[]);
    let driver = DriverInfo { detected: true, healthy: true, ..DriverInfo::default() };
    Node {
        id: NODE.parse().unwrap(),
        secret_id: "secret".to_owned(),
        name: "farm-01".to_owned(),
        datacenter: "dc1".to_owned(),
        class: "docker".to_owned(),
        pool: "default".to_owned(),
        http_addr: ADDRESS.to_owned(),
        attributes: BTreeMap::from([("os.name".to_owned(), "debian".to_owned())]),
        meta: BTreeMap::new(),
        resources: NodeResources {
            cpu_mhz: 2500,
            memory_mb: 1704,
            disk_mb: 7493,
            networks: vec![network],
            ..NodeResources::default()
        },
        reserved: Default::default(),
        drivers: BTreeMap::from([("raw_exec".to_owned(), driver)]),
        host_volumes: BTreeMap::new(),
        status: NodeStatus::Ready,
        status_description: String::new(),
        eligibility: Eligibility::Eligible,
        drain: None,
        status_updated_at: now,
        create_index: 0,
        modify_index: 0,
    }
}

pub(super) fn allocation(job: &Arc<Job>, now: Timestamp) -> Allocation {
    let event = TaskEvent {
        kind: "Started".to_owned(),
        time: now,
        message: "Task started by client".to_owned(),
        details: BTreeMap::new(),
    };
    let state = TaskState {
        state: TaskRunState::Running,
        started_at: now,
        events: vec![event],
        ..TaskState::default()
    };
    let held = AllocatedTaskResources {
        cpu_mhz: 100,
        memory_mb: 64,
        networks: vec![network(&[20_123])],
        ..AllocatedTaskResources::default()
    };
    Allocation {
        id: ALLOC.parse().unwrap(),
        eval_id: EVAL.parse().unwrap(),
        name: Allocation::name_of(&job.id, "app", 0),
        node_id: NODE.parse().unwrap(),
        node_name: "farm-01".to_owned(),
        job_key: job.key(),
        job: job.clone(),
        group: "app".to_owned(),
        resources: AllocatedResources {
            tasks: BTreeMap::from([("server".to_owned(), held)]),
            shared_disk_mb: 300,
            shared_networks: Vec::new(),
        }
        .into(),
        metric: Arc::default(),
        desired_status: DesiredStatus::Run,
        desired_description: String::new(),
        client_status: ClientStatus::Running,
        client_description: String::new(),
        task_states: BTreeMap::from([("server".to_owned(), state)]),
        previous: None,
        next: None,
        preempted_by: None,
        preempted: Vec::new(),
        deployment_id: None,
        deployment_status: None,
        desired_transition: DesiredTransition::default(),
        reschedule_tracker: None,
        follow_up_eval: None,
        states: Vec::new(),
        create_time: now,
        modify_time: now,
        create_index: 0,
        modify_index: 0,
        alloc_modify_index: 0,
    }
}

fn network(ports: &[u16]) -> Network {
    let port = |value: &u16| Port { label: "http".to_owned(), value: *value, ..Port::default() };
    Network {
        device: "eth0".to_owned(),
        cidr: "10.0.0.1/32".to_owned(),
        ip: Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1))),
        mbits: 10,
        dynamic_ports: ports.iter().map(port).collect(),
        ..Network::default()
    }
}
