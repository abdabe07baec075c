//! The cluster as seen from the workstation, through its HTTP API.
//!
//! Reads are answered by the leader if there is one, and without waiting for one if there is none; writes go to the first
//! server that has power, which passes them on as it would for anybody.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;

use crate::agent::HTTP_PORT;
use crate::api::client::{Answer, Api, ClientError, Options, Timeouts};
use crate::api::wire::agent::AgentSelf;
use crate::api::wire::alloc::{AllocStub, Allocation};
use crate::api::wire::eval::Evaluation;
use crate::api::wire::job::{Job, JobStub, RegisterResponse};
use crate::api::wire::node::NodeStub;
use crate::lab::backend::Backend;

/// How long a look at the cluster may take: less than people wait before they look again.
const LOOK: Timeouts =
    Timeouts { connect: Duration::from_millis(1_000), request: Duration::from_millis(2_000) };

/// How long a write may take: longer than servers wait for a leader and a quorum.
const WRITE: Timeouts = Timeouts { connect: Duration::from_secs(2), request: Duration::from_secs(20) };

/// How long an instance may take to answer before it counts as silent.
const PROBE: Timeouts =
    Timeouts { connect: Duration::from_millis(1_000), request: Duration::from_millis(1_000) };

/// The cluster of a running lab.
#[derive(Clone)]
pub struct Cluster {
    backend: Arc<dyn Backend>,
    servers: Arc<Vec<Server>>,
    /// Where the instances seen so far answer; an allocation's addresses never change.
    addresses: Arc<Mutex<BTreeMap<String, Vec<SocketAddr>>>>,
}

struct Server {
    machine: String,
    address: String,
    look: Api,
    write: Api,
}

/// One instance's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The allocation.
    pub alloc_id: String,
    /// What it answered; `None` for silence.
    pub body: Option<String>,
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerView {
    /// Its machine.
    pub machine: String,
    /// The term it is in.
    pub term: u64,
    /// Whether it says that it leads.
    pub leads: bool,
}

impl Cluster {
    /// Looks at the lab's servers.
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        let machines = backend.spec().machines();
        let servers = machines.into_iter().filter(|machine| machine.roles.server).map(|machine| {
            let address = format!("{}:{HTTP_PORT}", machine.address);
            let env = backend.workstation();
            Server {
                look: Api::with_timeouts(env.clone(), address.clone(), LOOK),
                write: Api::with_timeouts(env.clone(), address, WRITE),
                machine: machine.name,
                address: machine.address.to_string(),
            }
        });
        let servers = Arc::new(servers.collect());
        Self { backend, servers, addresses: Arc::default() }
    }

    /// Returns the lab time.
    pub fn now(&self) -> Duration {
        self.backend.now()
    }

    /// Returns the machine whose server says that it leads itself.
    pub async fn leader(&self) -> Option<String> {
        self.leading().await.map(|server| server.machine.clone())
    }

    /// Returns a leader that some server with power still believes in, be it gone.
    pub async fn believed_leader(&self) -> Option<String> {
        let asked = self.powered().map(|server| async move {
            let leader = server.look.leader(&Options::stale()).await.ok()?.value;
            (!leader.is_empty()).then_some(leader)
        });
        join_all(asked).await.into_iter().flatten().next()
    }

    /// Returns the servers' machines in the lab's order.
    pub fn server_machines(&self) -> Vec<String> {
        self.servers.iter().map(|server| server.machine.clone()).collect()
    }

    /// Asks every server with power what it thinks it is; one that does not answer is left out.
    pub async fn server_views(&self) -> Vec<ServerView> {
        let asked = self.powered().map(|server| async move {
            let agent = server.look.agent_self().await.ok()?.value;
            let leads = raft_stat(&agent, "state") == Some("Leader");
            let term = raft_stat(&agent, "term")?.parse().ok()?;
            Some(ServerView { machine: server.machine.clone(), term, leads })
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// Lists the nodes.
    pub async fn nodes(&self) -> Result<Vec<NodeStub>, ClientError> {
        let api = self.reader().await?;
        value(api.nodes(&Options::stale().with("resources", "true")).await)
    }

    /// Lists the jobs.
    pub async fn jobs(&self) -> Result<Vec<JobStub>, ClientError> {
        value(self.reader().await?.jobs(&Options::stale()).await)
    }

    /// Returns a job.
    pub async fn job(&self, id: &str) -> Result<Job, ClientError> {
        value(self.reader().await?.job(id, &Options::stale()).await)
    }

    /// Lists a job's allocations, in name order, then by age.
    pub async fn allocs(&self, job: &str) -> Result<Vec<AllocStub>, ClientError> {
        let found = self.reader().await?.job_allocations(job, &Options::stale()).await;
        let mut allocs = match found {
            Err(error) if error.is_not_found() => Vec::new(),
            other => value(other)?,
        };
        allocs.sort_by(|a, b| (&a.name, a.create_index, &a.id).cmp(&(&b.name, b.create_index, &b.id)));
        Ok(allocs)
    }

    /// Lists all allocations with what they hold.
    pub async fn all_allocs(&self) -> Result<Vec<AllocStub>, ClientError> {
        let api = self.reader().await?;
        value(api.allocations(&Options::stale().with("resources", "true")).await)
    }

    /// Lists a job's evaluations, the oldest first.
    pub async fn evaluations(&self, job: &str) -> Result<Vec<Evaluation>, ClientError> {
        let mut evals = value(self.reader().await?.job_evaluations(job, &Options::stale()).await)?;
        evals.sort_by(|a, b| (a.create_index, &a.id).cmp(&(b.create_index, &b.id)));
        Ok(evals)
    }

    /// Submits a job.
    pub async fn register(&self, job: &Job) -> Result<RegisterResponse, ClientError> {
        value(self.writer()?.register(job, None, &Options::default()).await)
    }

    /// Stops a job.
    pub async fn deregister(&self, job: &str, purge: bool) -> Result<RegisterResponse, ClientError> {
        value(self.writer()?.deregister(job, purge, &Options::default()).await)
    }

    /// Changes the count of a group.
    pub async fn scale(&self, job: &str, group: &str, count: u32) -> Result<RegisterResponse, ClientError> {
        value(self.writer()?.scale(job, group, count, "scenario", &Options::default()).await)
    }

    /// Asks for a new look at a job: a write that changes nothing.
    pub async fn evaluate(&self, job: &str) -> Result<RegisterResponse, ClientError> {
        value(self.writer()?.evaluate_job(job, &Options::default()).await)
    }

    /// Asks every running instance of a job over HTTP, all at once.
    pub async fn ask_instances(&self, allocs: &[AllocStub]) -> Vec<Reply> {
        let running = allocs.iter().filter(|alloc| is_running(alloc));
        let asked = running.map(|alloc| async move {
            let addresses = self.addresses_of(&alloc.id).await;
            let body = match addresses.first() {
                Some(address) => self.ask(*address).await,
                None => None,
            };
            Reply { alloc_id: alloc.id.clone(), body }
        });
        join_all(asked).await
    }

    async fn ask(&self, address: SocketAddr) -> Option<String> {
        let api = Api::with_timeouts(self.backend.workstation().clone(), address.to_string(), PROBE);
        let body = api.get_bytes("/", &Options::default()).await.ok()?;
        Some(String::from_utf8_lossy(&body).into_owned())
    }

    async fn addresses_of(&self, alloc_id: &str) -> Vec<SocketAddr> {
        let known = self.addresses.lock().expect("no holder of this lock panics").get(alloc_id).cloned();
        if let Some(addresses) = known {
            return addresses;
        }
        let Ok(api) = self.reader().await else { return Vec::new() };
        let Ok(alloc) = api.allocation(alloc_id, &Options::stale()).await else { return Vec::new() };
        let addresses = addresses(&alloc.value);
        let mut known = self.addresses.lock().expect("no holder of this lock panics");
        known.insert(alloc_id.to_owned(), addresses.clone());
        addresses
    }

    /// Returns the leader's API, else that of the server whose state has come furthest.
    async fn reader(&self) -> Result<Api, ClientError> {
        if let Some(server) = self.leading().await {
            return Ok(server.look.clone());
        }
        // One that has just started again may not have read its own log yet.
        let mut best = Err(nobody());
        let mut applied = None;
        for server in self.powered() {
            match server.look.agent_self().await {
                Ok(answer) => {
                    let index = applied_index(&answer.value);
                    if applied.is_none_or(|known| index > known) {
                        (best, applied) = (Ok(server.look.clone()), Some(index));
                    }
                }
                Err(error) if best.is_err() => best = Err(error),
                Err(_) => {}
            }
        }
        best
    }

    fn writer(&self) -> Result<Api, ClientError> {
        self.powered().next().map(|server| server.write.clone()).ok_or_else(nobody)
    }

    async fn leading(&self) -> Option<&Server> {
        let asked = self.powered().map(|server| async move {
            let leader = server.look.leader(&Options::stale()).await.ok()?.value;
            let own = leader.rsplit_once(':').is_some_and(|(host, _)| host == server.address);
            own.then_some(server)
        });
        join_all(asked).await.into_iter().flatten().next()
    }

    fn powered(&self) -> impl Iterator<Item = &Server> {
        self.servers.iter().filter(|server| self.backend.is_on(&server.machine))
    }
}

/// Tells whether an allocation runs, as far as servers and client know.
pub fn is_running(alloc: &AllocStub) -> bool {
    alloc.client_status == "running" && alloc.desired_status == "run"
}

/// Returns how far a server's state has come.
fn applied_index(agent: &AgentSelf) -> u64 {
    raft_stat(agent, "applied_index").and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn raft_stat<'a>(agent: &'a AgentSelf, name: &str) -> Option<&'a str> {
    agent.stats.get("raft")?.get(name).map(String::as_str)
}

/// Returns where an allocation's tasks answer.
fn addresses(alloc: &Allocation) -> Vec<SocketAddr> {
    let of_tasks = alloc.task_resources.values().flat_map(|task| &task.networks);
    let shared = alloc.allocated_resources.iter().flat_map(|all| &all.shared.networks);
    let networks = of_tasks.chain(shared);
    let ports = networks.flat_map(|network| {
        let ports = network.dynamic_ports.iter().chain(&network.reserved_ports);
        ports.filter_map(|port| Some(SocketAddr::new(network.ip.parse().ok()?, port.value)))
    });
    ports.collect()
}

fn value<T>(answer: Result<Answer<T>, ClientError>) -> Result<T, ClientError> {
    answer.map(|answer| answer.value)
}

fn nobody() -> ClientError {
    ClientError::Connect {
        address: "the servers".to_owned(),
        kind: std::io::ErrorKind::NotConnected,
        text: "none of them has power".to_owned(),
    }
}
