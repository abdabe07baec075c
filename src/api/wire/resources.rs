//! Quantities: the flat shape of 2016, still what jobs use.

use serde::{Deserialize, Serialize};

use super::{Unset, null_when_empty};

/// What a task asks for, an allocation holds or (until 2018) a node offers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Resources {
    /// CPU, in MHz.
    #[serde(rename = "CPU")]
    pub cpu: i64,
    /// Whole cores; not supported, always 0.
    pub cores: i64,
    /// Memory, in MB.
    #[serde(rename = "MemoryMB")]
    pub memory_mb: i64,
    /// Memory that may be used when it is free; not supported, always 0.
    #[serde(rename = "MemoryMaxMB")]
    pub memory_max_mb: i64,
    /// Disk, in MB.
    #[serde(rename = "DiskMB")]
    pub disk_mb: i64,
    /// Disk operations a second; kept, not enforced.
    #[serde(rename = "IOPS")]
    pub iops: i64,
    /// Networks.
    #[serde(with = "null_when_empty")]
    pub networks: Vec<NetworkResource>,
    /// Devices; not supported.
    pub devices: Unset,
    /// Placement on processors; not supported.
    #[serde(rename = "NUMA")]
    pub numa: Unset,
}

/// A network asked for, offered or assigned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkResource {
    /// `host` when empty.
    pub mode: String,
    /// The interface.
    pub device: String,
    /// The interface's network.
    #[serde(rename = "CIDR")]
    pub cidr: String,
    /// The address; empty until assigned.
    #[serde(rename = "IP")]
    pub ip: String,
    /// The host name inside; not supported.
    pub hostname: String,
    /// Bandwidth, in megabits a second.
    #[serde(rename = "MBits")]
    pub mbits: i64,
    /// Name servers inside; not supported.
    #[serde(rename = "DNS")]
    pub dns: Unset,
    /// Ports with a number asked for.
    #[serde(with = "null_when_empty")]
    pub reserved_ports: Vec<Port>,
    /// Ports whose number the scheduler picks.
    #[serde(with = "null_when_empty")]
    pub dynamic_ports: Vec<Port>,
}

/// A port by its label.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Port {
    /// The name tasks know it by.
    pub label: String,
    /// Its number on the node; 0 until picked.
    pub value: u16,
    /// Its number inside the task's network; 0 for the same.
    pub to: u16,
    /// Which of the node's networks; always `default`.
    pub host_network: String,
}
