//! Nodes: machines that run a client.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ids::NodeId;
use super::resources::{NodeResources, ReservedResources};
use super::time::Timestamp;

/// A machine as its client describes it, with what the servers know of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// What identifies it for as long as its data directory lives.
    pub id: NodeId,
    /// Proves to the servers that a registration comes from the same client.
    pub secret_id: String,
    /// The host's name, or what was configured.
    pub name: String,
    /// Where it stands.
    pub datacenter: String,
    /// What kind of machine it is, in the operator's words; may be empty.
    #[serde(default)]
    pub class: String,
    /// The pool it belongs to.
    pub pool: String,
    /// `host:port` of the client's HTTP API.
    #[serde(default)]
    pub http_addr: String,
    /// What was found out about it, such as `kernel.name`.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
    /// The operator's own facts.
    #[serde(default)]
    pub meta: BTreeMap<String, String>,
    /// What it offers in all.
    pub resources: NodeResources,
    /// What of that is kept back.
    #[serde(default)]
    pub reserved: ReservedResources,
    /// The drivers it has, by name.
    #[serde(default)]
    pub drivers: BTreeMap<String, DriverInfo>,

    /// The operator's folders that groups may ask for as volumes, by name.
    #[serde(default)]
    pub host_volumes: BTreeMap<String, HostVolume>,

    /// Whether it is heard from.
    pub status: NodeStatus,
    /// Why its status is what it is; may be empty.
    #[serde(default)]
    pub status_description: String,
    /// Whether new allocations may go there.
    pub eligibility: Eligibility,
    /// How it is emptied, while it is.
    #[serde(default)]
    pub drain: Option<DrainStrategy>,
    /// When its status last changed.
    pub status_updated_at: Timestamp,
    /// Log index of its first registration.
    #[serde(default)]
    pub create_index: u64,
    /// Log index of its last change.
    #[serde(default)]
    pub modify_index: u64,
}

impl Node {
    /// Tells whether new allocations may be placed on it.
    pub fn is_schedulable(&self) -> bool {
        self.status == NodeStatus::Ready && self.eligibility == Eligibility::Eligible && self.drain.is_none()
    }

    /// Tells whether a driver is there and well.
    pub fn has_driver(&self, name: &str) -> bool {
        self.drivers.get(name).is_some_and(|driver| driver.detected && driver.healthy)
    }
}

/// How a node is emptied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DrainStrategy {
    /// How long allocations have to leave by turns; `None` for as long as it takes.
    pub deadline: Option<Duration>,
    /// Whether all leave at once.
    pub force: bool,
    /// Whether allocations of system jobs stay.
    pub ignore_system: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// When what is left has to leave at once; never without a deadline.
    pub force_at: Timestamp,
}

/// What is known of one driver of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverInfo {
    /// Whether the machine has it.
    pub detected: bool,
    /// Whether it can start tasks.
    pub healthy: bool,
    /// Why not, or what kind.
    #[serde(default)]
    pub description: String,
    /// What it found out, such as `driver.docker.version`.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

/// A folder of a node that groups may ask for as a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostVolume {
    /// Where it is on the node.
    pub path: String,
    /// Whether nobody may write to it.
    pub read_only: bool,
}

/// Whether a node is heard from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NodeStatus {
    /// Registered, has not said yet that it is ready.
    Initializing,
    /// Sends heartbeats and takes allocations.
    Ready,
    /// Missed its heartbeats, or said goodbye.
    Down,
    /// Missed its heartbeats, and has allocations that may be unknown for a while.
    Disconnected,
}

impl NodeStatus {
    /// Returns how the status is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initializing => "initializing",
            Self::Ready => "ready",
            Self::Down => "down",
            Self::Disconnected => "disconnected",
        }
    }
}

/// Whether new allocations may go to a node; a fact apart from its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Eligibility {
    /// They may.
    Eligible,
    /// They may not; what runs there runs on.
    Ineligible,
}

impl Eligibility {
    /// Returns how it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eligible => "eligible",
            Self::Ineligible => "ineligible",
        }
    }
}
