//! Quantities: what tasks ask for, what nodes offer, what allocations hold.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What one task asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// CPU, in MHz.
    pub cpu_mhz: u32,
    /// Memory, in MB.
    pub memory_mb: u32,
    /// Disk beside the group's ephemeral disk, in MB. The 2016 place to ask for disk.
    #[serde(default)]
    pub disk_mb: u32,
    /// Disk operations a second. Kept as written, not enforced.
    #[serde(default)]
    pub iops: u32,
    /// Networks asked for by the task itself, the 2016 place; today they belong to the group.
    #[serde(default)]
    pub networks: Vec<Network>,
}

impl Default for Resources {
    /// What a task gets that asks for nothing: 100 MHz, 300 MB.
    fn default() -> Self {
        Self { cpu_mhz: 100, memory_mb: 300, disk_mb: 0, iops: 0, networks: Vec::new() }
    }
}

/// A network asked for, offered or assigned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// `host` when empty.
    #[serde(default)]
    pub mode: String,
    /// The interface, such as `eth0`; filled in when offered or assigned.
    #[serde(default)]
    pub device: String,
    /// The network of the interface, such as `10.20.30.5/32`.
    #[serde(default)]
    pub cidr: String,
    /// The address; filled in when offered or assigned.
    #[serde(default)]
    pub ip: Option<IpAddr>,
    /// Bandwidth, in megabits a second.
    #[serde(default)]
    pub mbits: u32,
    /// Ports with a number asked for.
    #[serde(default)]
    pub reserved_ports: Vec<Port>,
    /// Ports whose number the scheduler picks; 0 until then.
    #[serde(default)]
    pub dynamic_ports: Vec<Port>,
}

/// A port by its label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// The name tasks know it by.
    pub label: String,
    /// Its number on the node; 0 where none was picked yet.
    #[serde(default)]
    pub value: u16,
    /// The number inside the task's network; 0 for the same as `value`.
    #[serde(default)]
    pub to: u16,
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
    pub tasks: BTreeMap<String, Resources>,
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
