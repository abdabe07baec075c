//! Nodes, in full and in lists.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::resources::{NetworkResource, Resources};
use super::time::GoTime;
use super::{Unset, null_as_default, null_when_empty};

/// A node in full.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Node {
    /// What identifies it.
    #[serde(rename = "ID")]
    pub id: String,
    /// Always empty: the secret is nobody's business.
    #[serde(rename = "SecretID")]
    pub secret_id: String,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub datacenter: String,
    /// What kind of machine it is; may be empty.
    pub node_class: String,
    /// The pool it belongs to.
    pub node_pool: String,
    /// `host:port` of its agent's HTTP API.
    #[serde(rename = "HTTPAddr")]
    pub http_addr: String,
    /// Not supported.
    #[serde(rename = "TLSEnabled")]
    pub tls_enabled: bool,
    /// What was found out about it.
    #[serde(deserialize_with = "null_as_default")]
    pub attributes: BTreeMap<String, String>,
    /// The operator's own facts.
    #[serde(deserialize_with = "null_as_default")]
    pub meta: BTreeMap<String, String>,
    /// Links to other systems; always none.
    #[serde(deserialize_with = "null_as_default")]
    pub links: BTreeMap<String, String>,
    /// What it offers in all, in the shape of 2016.
    pub resources: Option<Resources>,
    /// What of that is kept back, in the shape of 2016.
    pub reserved: Option<Resources>,
    /// What it offers in all.
    pub node_resources: NodeResources,
    /// What of that is kept back.
    pub reserved_resources: NodeReservedResources,
    /// Its drivers, by name.
    #[serde(deserialize_with = "null_as_default")]
    pub drivers: BTreeMap<String, DriverInfo>,
    /// The class of nodes that differ in nothing a constraint can see.
    pub computed_class: String,
    /// Whether its allocations are being moved off; not supported, always false.
    pub drain: bool,
    /// Not supported.
    pub drain_strategy: Unset,
    /// Not supported.
    pub last_drain: Unset,
    /// `eligible` or `ineligible`.
    pub scheduling_eligibility: String,
    /// Whether it is heard from.
    pub status: String,
    /// Why.
    pub status_description: String,
    /// When its status last changed, in seconds since 1970.
    pub status_updated_at: i64,
    /// Not kept.
    pub events: Unset,
    /// Not supported.
    pub host_volumes: Unset,
    /// Not supported.
    pub host_networks: Unset,
    /// Not supported.
    #[serde(rename = "CSIControllerPlugins")]
    pub csi_controller_plugins: Unset,
    /// Not supported.
    #[serde(rename = "CSINodePlugins")]
    pub csi_node_plugins: Unset,
    /// Log index of its first registration.
    pub create_index: u64,
    /// Log index of its last change.
    pub modify_index: u64,
}

/// One of a node's drivers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DriverInfo {
    /// What it found out.
    #[serde(with = "null_when_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Whether the machine has it.
    pub detected: bool,
    /// Whether it can start tasks.
    pub healthy: bool,
    /// Why not, or what kind.
    pub health_description: String,
    /// Not kept.
    pub update_time: GoTime,
}

/// What a node offers in all.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeResources {
    /// CPU.
    pub cpu: NodeCpu,
    /// Memory.
    pub memory: NodeMemory,
    /// Disk.
    pub disk: NodeDisk,
    /// Networks.
    #[serde(with = "null_when_empty")]
    pub networks: Vec<NetworkResource>,
    /// The same networks in their newest shape.
    #[serde(with = "null_when_empty")]
    pub node_networks: Vec<NodeNetwork>,
    /// Not supported.
    pub devices: Unset,
    /// The first port the scheduler picks from.
    pub min_dynamic_port: u16,
    /// The last one.
    pub max_dynamic_port: u16,
}

/// What of a node is kept back.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeReservedResources {
    /// CPU.
    pub cpu: NodeCpu,
    /// Memory.
    pub memory: NodeMemory,
    /// Disk.
    pub disk: NodeDisk,
    /// Networks.
    pub networks: NodeReservedNetworks,
}

/// CPU of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeCpu {
    /// In MHz.
    pub cpu_shares: i64,
}

/// Memory of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeMemory {
    /// In MB.
    #[serde(rename = "MemoryMB")]
    pub memory_mb: i64,
}

/// Disk of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeDisk {
    /// In MB.
    #[serde(rename = "DiskMB")]
    pub disk_mb: i64,
}

/// Ports of a node that no allocation gets.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeReservedNetworks {
    /// Numbers, with commas between them.
    pub reserved_host_ports: String,
}

/// A network interface of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeNetwork {
    /// Always `host`.
    pub mode: String,
    /// The interface.
    pub device: String,
    /// Not found out.
    pub mac_address: String,
    /// Bandwidth, in megabits a second.
    pub speed: i64,
    /// Its addresses.
    #[serde(with = "null_when_empty")]
    pub addresses: Vec<NodeNetworkAddress>,
}

/// An address of a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeNetworkAddress {
    /// `ipv4` or `ipv6`.
    pub family: String,
    /// Always `default`.
    pub alias: String,
    /// The address.
    pub address: String,
    /// Ports no allocation gets, with commas between them.
    pub reserved_ports: String,
    /// Not found out.
    pub gateway: String,
}

/// A node in a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeStub {
    /// Its address.
    pub address: String,
    /// What identifies it.
    #[serde(rename = "ID")]
    pub id: String,
    /// The operating system, when asked for by `os`.
    #[serde(with = "null_when_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Where it stands.
    pub datacenter: String,
    /// Its name.
    pub name: String,
    /// What kind of machine it is; may be empty.
    pub node_class: String,
    /// The pool it belongs to.
    pub node_pool: String,
    /// The version of its agent.
    pub version: String,
    /// Not supported, always false.
    pub drain: bool,
    /// `eligible` or `ineligible`.
    pub scheduling_eligibility: String,
    /// Whether it is heard from.
    pub status: String,
    /// Why.
    pub status_description: String,
    /// Its drivers, by name.
    #[serde(deserialize_with = "null_as_default")]
    pub drivers: BTreeMap<String, DriverInfo>,
    /// Not supported.
    pub last_drain: Unset,
    /// What it offers, when asked for by `resources`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_resources: Option<NodeResources>,
    /// What is kept back, when asked for by `resources`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserved_resources: Option<NodeReservedResources>,
    /// Log index of its first registration.
    pub create_index: u64,
    /// Log index of its last change.
    pub modify_index: u64,
}

/// What became of a change to a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeUpdateResponse {
    /// The evaluations it made.
    #[serde(rename = "EvalIDs", with = "null_when_empty")]
    pub eval_ids: Vec<String>,
    /// Their log index.
    pub eval_create_index: u64,
    /// Log index of the node's change.
    pub node_modify_index: u64,
    /// Log index of the write.
    pub index: u64,
    /// Always 0.
    #[serde(rename = "HeartbeatTTL")]
    pub heartbeat_ttl: i64,
}

/// Whether new allocations may go to a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EligibilityRequest {
    /// The node; the one of the path when empty.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// `eligible` or `ineligible`.
    pub eligibility: String,
}
