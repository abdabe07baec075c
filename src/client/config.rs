//! What a client is told at its start.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::driver::Driver;
use super::fingerprint::{self, Fingerprint};
use crate::model::resources::ReservedResources;

/// The most a job may ask for between asking a task to end and killing it, where nothing is said.
pub const KILL_TIMEOUT_MAX: Duration = Duration::from_secs(30);

/// What a client is told at its start.
#[derive(Clone)]
pub struct ClientConfig {
    /// Where it keeps its files: `client/`, `alloc/` and `drivers/` below this.
    pub data_dir: PathBuf,
    /// `host:port` of the RPC of servers to begin with; the servers name the others.
    pub servers: Vec<String>,
    /// The node's name; the host's name when empty.
    pub name: String,
    /// Where it stands.
    pub datacenter: String,
    /// What kind of machine it is, in the operator's words; may be empty.
    pub class: String,
    /// The pool it belongs to.
    pub pool: String,
    /// The operator's own facts.
    pub meta: BTreeMap<String, String>,
    /// `host:port` of the agent's HTTP API, as others reach it.
    pub http_addr: String,
    /// The interface whose address tasks get; the first that is not loopback when empty.
    pub network_interface: String,
    /// Its bandwidth in megabits a second; found out, or 1,000, when 0.
    pub network_mbits: u32,
    /// The CPU of the machine in MHz, where that shall not be found out.
    pub cpu_mhz: Option<u32>,
    /// Its memory in MB, where that shall not be found out.
    pub memory_mb: Option<u32>,
    /// Its disk for allocations in MB, where that shall not be found out.
    pub disk_mb: Option<u32>,
    /// Facts beside, and instead of, those found out, such as `kernel.name`.
    pub attributes: BTreeMap<String, String>,
    /// What is kept back from the scheduler.
    pub reserved: ReservedResources,
    /// How facts about the machine are found out.
    pub fingerprints: Vec<Arc<dyn Fingerprint>>,
    /// What runs tasks.
    pub drivers: Vec<Arc<dyn Driver>>,
    /// The operator's options, such as `driver.raw_exec.enable`. Drivers read them when they are made.
    pub options: BTreeMap<String, String>,
    /// The most a job may ask for between asking a task to end and killing it.
    pub kill_timeout_max: Duration,
}

impl Default for ClientConfig {
    /// A node in `dc1` and the pool `default` that is fingerprinted as a real machine and has no drivers and no servers
    /// yet.
    fn default() -> Self {
        Self {
            data_dir: PathBuf::new(),
            servers: Vec::new(),
            name: String::new(),
            datacenter: "dc1".to_owned(),
            class: String::new(),
            pool: "default".to_owned(),
            meta: BTreeMap::new(),
            http_addr: String::new(),
            network_interface: String::new(),
            network_mbits: 0,
            cpu_mhz: None,
            memory_mb: None,
            disk_mb: None,
            attributes: BTreeMap::new(),
            reserved: ReservedResources::default(),
            fingerprints: fingerprint::real(),
            drivers: Vec::new(),
            options: BTreeMap::new(),
            kill_timeout_max: KILL_TIMEOUT_MAX,
        }
    }
}
