//! What a server is told at its start.

use std::path::PathBuf;

/// A server's configuration. Everything a default can serve for is in [`ServerConfig::new`].
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// The server's name, unique in its region.
    pub name: String,
    /// The region.
    pub region: String,
    /// The datacenter, for `server members`.
    pub datacenter: String,
    /// Where log, snapshots and id are kept.
    pub data_dir: PathBuf,
    /// `host:port` of its RPC, as others reach it.
    pub rpc_advertise: String,
    /// `host:port` of its HTTP API, as others reach it.
    pub http_advertise: String,
    /// How many servers make the first cluster.
    pub bootstrap_expect: u32,
    /// `host:port` of the RPC of servers to look for.
    pub retry_join: Vec<String>,
    /// How many workers run schedulers.
    pub num_schedulers: usize,
    /// Heartbeats and elections of the log.
    pub raft_timing: crate::raft::Timing,
}

impl ServerConfig {
    /// A server on its own.
    pub fn new(name: impl Into<String>, data_dir: PathBuf, rpc_advertise: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            region: "global".to_owned(),
            datacenter: "dc1".to_owned(),
            data_dir,
            rpc_advertise: rpc_advertise.into(),
            http_advertise: String::new(),
            bootstrap_expect: 1,
            retry_join: Vec::new(),
            num_schedulers: 2,
            raft_timing: crate::raft::Timing::default(),
        }
    }
}
