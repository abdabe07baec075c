//! One agent: a server, a client, or both, behind one HTTP API.
//!
//! The same on a real machine and on a simulated one; what differs comes in by `Env` and by [`AgentConfig`].

mod adapters;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tracing::info;

use crate::api::agent::{Agent as ApiAgent, AgentInfo};
use crate::api::forward::RpcHandler;
use crate::api::{router::router, serve};
use crate::client::{Client, ClientConfig};
use crate::env::Env;
use crate::env::spawn::AbortOnDrop;
use crate::rpc;
use crate::server::{Server, ServerConfig};

/// The port of the HTTP API where nothing is said.
pub const HTTP_PORT: u16 = 4646;

/// The port of the RPC where nothing is said.
pub const RPC_PORT: u16 = 4647;

/// What an agent is told at its start.
#[derive(Clone)]
pub struct AgentConfig {
    /// Its name: of the node, and of the server.
    pub name: String,
    /// The region.
    pub region: String,
    /// The datacenter.
    pub datacenter: String,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// The address to listen on.
    pub bind: IpAddr,
    /// The port of the HTTP API.
    pub http_port: u16,
    /// The port of the RPC.
    pub rpc_port: u16,
    /// How others reach this machine.
    pub advertise: IpAddr,
    /// What it does as a server; `None` for a client only.
    pub server: Option<ServerRole>,
    /// What it does as a client; `None` for a server only.
    pub client: Option<ClientConfig>,
}

/// What an agent does as a server.
#[derive(Clone, Debug)]
pub struct ServerRole {
    /// How many servers make the first cluster.
    pub bootstrap_expect: u32,
    /// `host:port` of the RPC of servers to look for.
    pub retry_join: Vec<String>,
    /// How many workers run schedulers.
    pub num_schedulers: usize,
    /// Heartbeats and elections of the log.
    pub raft_timing: crate::raft::Timing,
}

impl Default for ServerRole {
    /// A server on its own.
    fn default() -> Self {
        Self {
            bootstrap_expect: 1,
            retry_join: Vec::new(),
            num_schedulers: 2,
            raft_timing: crate::raft::Timing::default(),
        }
    }
}

/// Why an agent did not start.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// A port is taken, or the address is not this machine's.
    #[error(
        "cannot listen on {address} for {what}: {source}; is another agent running there? ports and addresses are set by `ports` and `bind_addr`"
    )]
    Bind {
        /// What for.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the machine says.
        source: std::io::Error,
    },
    /// The server did not start.
    #[error("the server did not start: {0}")]
    Server(#[from] crate::server::error::ServerError),
    /// The client did not start.
    #[error("the client did not start: {0}")]
    Client(#[from] crate::client::StartError),
    /// Neither role was asked for.
    #[error(
        "the agent is neither server nor client; set `server {{ enabled = true }}` or `client {{ enabled = true }}`, or use -dev"
    )]
    NoRole,
}

/// A running agent.
pub struct Agent {
    server: Option<Server>,
    client: Option<Client>,
    http_address: SocketAddr,
    listeners: Mutex<Vec<AbortOnDrop>>,
}

impl Agent {
    /// Starts everything the configuration asks for and returns when its ports are open.
    ///
    /// # Errors
    /// See [`AgentError`].
    pub async fn start(env: Env, config: AgentConfig) -> Result<Self, AgentError> {
        if config.server.is_none() && config.client.is_none() {
            return Err(AgentError::NoRole);
        }
        let http = bind(&env, "HTTP", SocketAddr::new(config.bind, config.http_port)).await?;
        let http_address = SocketAddr::new(config.advertise, http.local_addr().port());
        let rpc_client = rpc::Client::new(env.clone());
        let mut listeners = Vec::new();
        let mut server = None;
        let mut servers = config.client.as_ref().map(|client| client.servers.clone()).unwrap_or_default();
        if let Some(role) = &config.server {
            let listener = bind(&env, "RPC", SocketAddr::new(config.bind, config.rpc_port)).await?;
            let rpc_address = SocketAddr::new(config.advertise, listener.local_addr().port());
            let started = Server::start(
                env.clone(),
                server_config(&config, role, rpc_address, http_address),
                rpc_client.clone(),
            )
            .await?;
            let service = started.rpc_service();
            listeners.push(env.spawn("rpc", rpc::serve(env.clone(), listener, service)).abort_on_drop());
            // Its own server first: on a machine that is both, the two belong together.
            servers.insert(0, rpc_address.to_string());
            server = Some(started);
        }
        let mut client = None;
        if let Some(mut client_config) = config.client.clone() {
            client_config.servers = servers.clone();
            client_config.http_addr = http_address.to_string();
            client = Some(Client::start(env.clone(), client_config, rpc_client.clone()).await?);
        }
        let info = AgentInfo {
            name: config.name.clone(),
            region: config.region.clone(),
            datacenter: config.datacenter.clone(),
            http_address,
            servers,
        };
        let api = ApiAgent::new(env.clone(), info, server.clone(), client.clone(), rpc_client);
        if let Some(server) = &server {
            server.set_http(Arc::new(RpcHandler::new(&api)));
        }
        listeners.push(env.spawn("http", serve(env.clone(), http, router(api))).abort_on_drop());
        info!(%http_address, server = server.is_some(), client = client.is_some(), "agent started");
        Ok(Self { server, client, http_address, listeners: Mutex::new(listeners) })
    }

    /// Returns where its HTTP API is.
    pub fn http_address(&self) -> SocketAddr {
        self.http_address
    }

    /// Returns the server, if it is one.
    pub fn server(&self) -> Option<&Server> {
        self.server.as_ref()
    }

    /// Returns the client, if it is one.
    pub fn client(&self) -> Option<&Client> {
        self.client.as_ref()
    }

    /// Stops. With `leave` the client says goodbye and stops its tasks; without, they run on and are found again.
    pub async fn shutdown(&self, leave: bool) {
        if let Some(client) = &self.client {
            client.shutdown(leave).await;
        }
        self.listeners.lock().expect("no holder of this lock panics").clear();
        if let Some(server) = &self.server {
            server.shutdown().await;
        }
    }
}

async fn bind(
    env: &Env,
    what: &'static str,
    address: SocketAddr,
) -> Result<Box<dyn crate::env::net::Listen>, AgentError> {
    env.net.bind(address).await.map_err(|source| AgentError::Bind { what, address, source })
}

fn server_config(config: &AgentConfig, role: &ServerRole, rpc: SocketAddr, http: SocketAddr) -> ServerConfig {
    ServerConfig {
        name: config.name.clone(),
        region: config.region.clone(),
        datacenter: config.datacenter.clone(),
        data_dir: config.data_dir.join("server"),
        rpc_advertise: rpc.to_string(),
        http_advertise: http.to_string(),
        bootstrap_expect: role.bootstrap_expect,
        retry_join: role.retry_join.clone(),
        num_schedulers: role.num_schedulers,
        raft_timing: role.raft_timing,
    }
}
