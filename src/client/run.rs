//! A client from start to end.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::info;

use super::alloc::runner::Shared;
use super::alloc_sync::Allocs;
use super::config::ClientConfig;
use super::dir::{AllocDir, AllocDirs};
use super::driver::Driver;
use super::fingerprint::{self, Facts};
use super::heartbeat::{self, Contact};
use super::link::Link;
use super::registration::Registration;
use super::servers::Servers;
use super::state_db::{Identity, StateDb, StateError};
use super::updates::Updates;
use crate::env::Env;
use crate::env::spawn::AbortOnDrop;
use crate::model::{AllocId, Allocation, ClientStatus, Eligibility, Node, NodeId, NodeStatus, Timestamp};
use crate::rpc;

/// How long a client that leaves tries to tell the servers of the end of its tasks.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// What tasks may need, beyond the time their jobs give them, to end when the client leaves.
const LEAVE_SLACK: Duration = Duration::from_secs(15);

/// Why a client did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What an earlier client left can not be used, or nothing can be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// No folder to keep files in.
    #[error("the client needs a data directory with an absolute path, not {0:?}; set `data_dir`")]
    DataDir(PathBuf),
    /// Two drivers answer to one name.
    #[error("there are two drivers called {0:?}; give one of them another name")]
    DriverTwice(String),
}

/// A running client. Cheap to clone; when the last clone is dropped the client stops and its tasks run on.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    allocs: Allocs,
    link: Arc<Link>,
    contact: Arc<Mutex<Contact>>,
    started_at: Instant,
    loops: Mutex<Vec<AbortOnDrop>>,
}

/// A client in figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientStats {
    /// Which node it is.
    pub node_id: NodeId,
    /// The servers it knows, the one in use first.
    pub known_servers: Vec<String>,
    /// How long ago the servers last accepted a call; `None` before the first.
    pub last_heartbeat: Option<Duration>,
    /// The time they gave for the next.
    pub heartbeat_ttl: Duration,
    /// Since the start.
    pub uptime: Duration,
    /// Allocations that have not ended.
    pub allocs_running: usize,
    /// Allocations kept here, ended ones included.
    pub allocs_total: usize,
}

impl Client {
    /// Starts a client: takes up the tasks of an earlier one, then registers with the servers, for as long as it takes.
    ///
    /// # Errors
    /// See [`StartError`]. Servers that do not answer are no error.
    pub async fn start(env: Env, config: ClientConfig, rpc: rpc::Client) -> Result<Self, StartError> {
        if !config.data_dir.is_absolute() {
            return Err(StartError::DataDir(config.data_dir));
        }
        let mut drivers = BTreeMap::new();
        for driver in &config.drivers {
            if drivers.insert(driver.name().to_owned(), driver.clone()).is_some() {
                return Err(StartError::DriverTwice(driver.name().to_owned()));
            }
        }
        let config = Arc::new(config);
        let found = look_around(&env, config.clone()).await?;
        let node = Arc::new(describe(&env, &config, &drivers, &found.identity, found.facts));
        let link = Link::new(env.clone(), Servers::new(config.servers.clone()), found.identity, rpc);
        let shared = Arc::new(Shared {
            env: env.clone(),
            node: node.clone(),
            drivers,
            dirs: AllocDirs::new(&config.data_dir),
            drivers_dir: config.data_dir.join("drivers"),
            state: found.state,
            updates: Updates::default(),
            contacted: watch::channel(false).0,
            kill_timeout_max: config.kill_timeout_max,
        });
        info!(node = %node.id, name = %node.name, "client starts");
        let allocs = Allocs::recover(shared.clone(), found.allocs);
        Ok(Self::run(shared, allocs, Arc::new(link)))
    }

    /// Starts the loops.
    fn run(shared: Arc<Shared>, allocs: Allocs, link: Arc<Link>) -> Self {
        let env = shared.env.clone();
        let contact = Arc::new(Mutex::new(Contact::default()));
        let (registered, is_registered) = watch::channel(0);
        let registration = Registration::new(link.clone(), shared.node.clone());
        let heartbeats = heartbeat::run(link.clone(), registration, registered, contact.clone());
        let loops = vec![
            env.spawn("heartbeat", heartbeats).abort_on_drop(),
            env.spawn("alloc-sync", allocs.clone().run(link.clone(), is_registered.clone())).abort_on_drop(),
            env.spawn("updates", shared.updates.clone().run(link.clone(), is_registered)).abort_on_drop(),
        ];
        let loops = Mutex::new(loops);
        Self { inner: Arc::new(Inner { shared, allocs, link, contact, started_at: Instant::now(), loops }) }
    }

    /// Returns which node this is.
    pub fn node_id(&self) -> NodeId {
        self.inner.shared.node.id
    }

    /// Returns the node as it describes itself to the servers.
    pub fn node(&self) -> &Node {
        &self.inner.shared.node
    }

    /// Returns the client in figures.
    pub fn stats(&self) -> ClientStats {
        let contact = *self.inner.contact.lock().expect("no holder of this lock panics");
        let statuses = self.inner.allocs.statuses();
        ClientStats {
            node_id: self.node_id(),
            known_servers: self.inner.link.servers.all(),
            last_heartbeat: contact.accepted_at.map(|at| at.elapsed()),
            heartbeat_ttl: contact.ttl,
            uptime: self.inner.started_at.elapsed(),
            allocs_running: statuses.iter().filter(|(_, status)| !status.is_terminal()).count(),
            allocs_total: statuses.len(),
        }
    }

    /// Returns the allocations kept here with what has been seen of each, in id order.
    pub fn allocs(&self) -> Vec<(Arc<Allocation>, ClientStatus)> {
        self.inner.allocs.statuses()
    }

    /// Returns where an allocation keeps its files, whether or not it is here.
    pub fn alloc_dir(&self, id: AllocId) -> AllocDir {
        self.inner.shared.dirs.alloc(id)
    }

    /// Stops the client. With `leave` all tasks end and the servers are told that the node is gone; without, tasks run on
    /// and are found by the next client on the same data directory.
    pub async fn shutdown(&self, leave: bool) {
        if leave {
            let most = self.inner.shared.kill_timeout_max + LEAVE_SLACK;
            // What does not end by then can not be ended by us.
            let _ =
                tokio::time::timeout(most, self.inner.allocs.stop_all("the client leaves the cluster")).await;
            let _ = tokio::time::timeout(LAST_WORDS, self.say_the_last()).await;
        }
        self.inner.loops.lock().expect("no holder of this lock panics").clear();
        self.inner.allocs.abandon();
        if leave {
            let _ = tokio::time::timeout(LAST_WORDS, heartbeat::goodbye(&self.inner.link)).await;
        }
    }

    async fn say_the_last(&self) {
        while !self.inner.shared.updates.is_empty()
            && self.inner.shared.updates.flush(&self.inner.link).await.is_ok()
        {}
    }
}

/// What a start finds on the machine.
struct Found {
    state: StateDb,
    identity: Identity,
    allocs: Vec<(Allocation, super::state_db::SavedTasks)>,
    facts: Facts,
}

async fn look_around(env: &Env, config: Arc<ClientConfig>) -> Result<Found, StateError> {
    let inside = env.clone();
    let work = move || {
        let state = StateDb::open(inside.disk.clone(), &config.data_dir)?;
        let identity = state.identity(&mut *inside.random.stream("client-identity"))?;
        let allocs = state.load()?;
        let facts = fingerprint::run(&inside, &config);
        Ok(Found { state, identity, allocs, facts })
    };
    env.blocking(work).await
}

/// Puts together what the servers are told of the node.
fn describe(
    env: &Env,
    config: &ClientConfig,
    drivers: &BTreeMap<String, Arc<dyn Driver>>,
    identity: &Identity,
    facts: Facts,
) -> Node {
    let mut attributes = facts.attributes;
    let drivers: BTreeMap<_, _> =
        drivers.iter().map(|(name, driver)| (name.clone(), driver.fingerprint(env))).collect();
    for info in drivers.values() {
        attributes.extend(info.attributes.clone());
    }
    let name = [Some(&config.name), attributes.get("unique.hostname")]
        .into_iter()
        .flatten()
        .find(|name| !name.is_empty());
    Node {
        id: identity.node_id,
        secret_id: identity.secret_id.clone(),
        name: name.cloned().unwrap_or_else(|| identity.node_id.short()),
        datacenter: config.datacenter.clone(),
        class: config.class.clone(),
        pool: config.pool.clone(),
        http_addr: config.http_addr.clone(),
        attributes,
        meta: config.meta.clone(),
        resources: facts.resources,
        reserved: config.reserved.clone(),
        drivers,
        host_volumes: BTreeMap::new(),
        status: NodeStatus::Initializing,
        status_description: String::new(),
        eligibility: Eligibility::Eligible,
        drain: None,
        status_updated_at: Timestamp::NEVER,
        create_index: 0,
        modify_index: 0,
    }
}
