//! Quantities: what tasks ask for, what nodes offer, what allocations hold.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::constraint::{Affinity, Constraint};
use super::form::null_when_empty;

/// What one task asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// CPU, in MHz. Not used when whole cores are asked for.
    #[serde(rename = "CPU")]
    pub cpu_mhz: u32,
    /// Whole cores for the task alone.
    #[serde(rename = "Cores")]
    pub cores: u32,
    /// Memory, in MB.
    #[serde(rename = "MemoryMB")]
    pub memory_mb: u32,
    /// How much memory it may use when the node has some to spare, in MB; 0 for no more than `memory_mb`.
    #[serde(rename = "MemoryMaxMB", with = "null_when_empty")]
    pub memory_max_mb: u32,
    /// Disk beside the group's ephemeral disk, in MB. The 2016 place to ask for disk.
    #[serde(rename = "DiskMB", with = "null_when_empty")]
    pub disk_mb: u32,
    /// Networks asked for by the task itself, the 2016 place; today they belong to the group.
    #[serde(rename = "Networks", with = "null_when_empty")]
    pub networks: Vec<Network>,
    /// Devices asked for.
    #[serde(rename = "Devices", with = "null_when_empty")]
    pub devices: Vec<DeviceRequest>,
    /// Kept as submitted.
    #[serde(rename = "NUMA")]
    pub numa: Value,
    /// Memory for secrets, in MB: kept as submitted.
    #[serde(rename = "SecretsMB", with = "null_when_empty")]
    pub secrets_mb: u32,
    /// Disk operations a second. Kept as written, not enforced.
    #[serde(rename = "IOPS", with = "null_when_empty")]
    pub iops: u32,
}

impl Default for Resources {
    /// What a task gets that asks for nothing: 100 MHz, 300 MB.
    fn default() -> Self {
        Self {
            cpu_mhz: 100,
            cores: 0,
            memory_mb: 300,
            memory_max_mb: 0,
            disk_mb: 0,
            networks: Vec::new(),
            devices: Vec::new(),
            numa: Value::Null,
            secrets_mb: 0,
            iops: 0,
        }
    }
}

/// Devices that a task asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DeviceRequest {
    /// `type`, `vendor/type` or `vendor/type/name`.
    pub name: String,
    /// How many instances; 1 when nothing is said.
    pub count: Option<u32>,
    /// Conditions on the device.
    #[serde(with = "null_when_empty")]
    pub constraints: Vec<Constraint>,
    /// Wishes about the device.
    #[serde(with = "null_when_empty")]
    pub affinities: Vec<Affinity>,
}

/// A network asked for, offered or assigned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Network {
    /// `host` when empty.
    pub mode: String,
    /// The interface, such as `eth0`; filled in when offered or assigned.
    pub device: String,
    /// The network of the interface, such as `10.20.30.5/32`.
    #[serde(rename = "CIDR")]
    pub cidr: String,
    /// The address; filled in when offered or assigned.
    #[serde(rename = "IP", with = "address")]
    pub ip: Option<IpAddr>,
    /// Name servers of the tasks: kept as submitted.
    #[serde(rename = "DNS")]
    pub dns: Value,
    /// Ports with a number asked for.
    #[serde(with = "null_when_empty")]
    pub reserved_ports: Vec<Port>,
    /// Ports whose number the scheduler picks; 0 until then.
    #[serde(with = "null_when_empty")]
    pub dynamic_ports: Vec<Port>,
    /// The host name of the tasks.
    pub hostname: String,
    /// Bandwidth, in megabits a second.
    #[serde(rename = "MBits", with = "null_when_empty")]
    pub mbits: u32,
    /// Kept as submitted.
    #[serde(rename = "CNI")]
    pub cni: Value,
}

/// An address as text, none as an empty one.
mod address {
    use std::net::IpAddr;

    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &Option<IpAddr>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(address) => serializer.collect_str(address),
            None => serializer.serialize_str(""),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<IpAddr>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(serde::de::Error::custom) }
    }
}

/// A port by its label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Port {
    /// The name tasks know it by.
    pub label: String,
    /// Its number on the node; 0 where none was picked yet.
    pub value: u16,
    /// The number inside the task's network; 0 for the same as `value`.
    pub to: u16,
    /// Which of the node's networks, by its alias; the default one when empty.
    pub host_network: String,
    /// Whether others on the node may have the same number.
    pub ignore_collision: bool,
}

/// What a node offers in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeResources {
    /// CPU, in MHz over all cores.
    pub cpu_mhz: u32,
    /// Memory, in MB.
    pub memory_mb: u32,
    /// Disk for allocations, in MB.
    pub disk_mb: u32,
    /// Networks with their addresses and bandwidth.
    #[serde(default)]
    pub networks: Vec<Network>,
    /// Ids of the cores that tasks can have for themselves, in order; none where that is not possible.
    #[serde(default)]
    pub cores: Vec<u16>,
    /// Devices by make and model.
    #[serde(default)]
    pub devices: Vec<NodeDevice>,
}

impl NodeResources {
    /// Returns what one whole core comes to, in MHz; 0 where no core can be had.
    pub fn mhz_per_core(&self) -> u32 {
        let cores = u32::try_from(self.cores.len()).unwrap_or(u32::MAX);
        self.cpu_mhz.checked_div(cores).unwrap_or(0)
    }
}

/// All devices of one make and model on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NodeDevice {
    /// Who makes it, such as `nvidia`.
    pub vendor: String,
    /// What it is, such as `gpu`.
    pub device_type: String,
    /// Its model.
    pub name: String,
    /// Its facts, numbers with their unit behind: `memory` is `11 GiB`.
    pub attributes: BTreeMap<String, String>,
    /// Each one of it.
    pub instances: Vec<DeviceInstance>,
}

/// One device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceInstance {
    /// Unique among the node's devices of the same make and model.
    pub id: String,
    /// Whether it works.
    pub healthy: bool,
    /// Why not; may be empty.
    pub description: String,
}

/// What a node keeps for what runs outside the scheduler.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservedResources {
    /// CPU, in MHz.
    pub cpu_mhz: u32,
    /// Memory, in MB.
    pub memory_mb: u32,
    /// Disk, in MB.
    pub disk_mb: u32,
    /// Port numbers no allocation gets.
    #[serde(default)]
    pub ports: Vec<u16>,
}

/// What an allocation holds on its node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllocatedResources {
    /// By task name.
    pub tasks: BTreeMap<String, AllocatedTaskResources>,
    /// The group's ephemeral disk, in MB.
    pub shared_disk_mb: u32,
    /// The group's networks, ports filled in.
    #[serde(default)]
    pub shared_networks: Vec<Network>,
}

impl AllocatedResources {
    /// Returns the CPU of all tasks, in MHz.
    pub fn cpu_mhz(&self) -> u64 {
        self.tasks.values().map(|task| u64::from(task.cpu_mhz)).sum()
    }

    /// Returns the memory of all tasks, in MB.
    pub fn memory_mb(&self) -> u64 {
        self.tasks.values().map(|task| u64::from(task.memory_mb)).sum()
    }

    /// Returns the disk of tasks and group, in MB.
    pub fn disk_mb(&self) -> u64 {
        u64::from(self.shared_disk_mb) + self.tasks.values().map(|task| u64::from(task.disk_mb)).sum::<u64>()
    }

    /// Returns all networks, the group's first, then the tasks' in name order.
    pub fn networks(&self) -> impl Iterator<Item = &Network> {
        self.shared_networks.iter().chain(self.tasks.values().flat_map(|task| &task.networks))
    }
}

/// What one task of an allocation holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AllocatedTaskResources {
    /// CPU, in MHz; of whole cores, what they come to.
    pub cpu_mhz: u32,
    /// The cores it has for itself.
    pub reserved_cores: Vec<u16>,
    /// Memory, in MB.
    pub memory_mb: u32,
    /// How much memory it may use at most, in MB; 0 for no more than `memory_mb`.
    pub memory_max_mb: u32,
    /// Disk beside the group's, in MB.
    pub disk_mb: u32,
    /// The task's own networks, ports filled in.
    pub networks: Vec<Network>,
    /// Devices it has for itself.
    pub devices: Vec<AllocatedDevice>,
}

/// Instances of one device that a task has for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AllocatedDevice {
    /// Who makes it.
    pub vendor: String,
    /// What it is, such as `gpu`.
    pub device_type: String,
    /// Its model.
    pub name: String,
    /// Which instances.
    pub ids: Vec<String>,
}
