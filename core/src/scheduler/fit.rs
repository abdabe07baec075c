//! What is used and free on a node.

use std::collections::BTreeSet;

use crate::model::{AllocatedResources, Allocation, Node, TaskGroup};

/// What a group asks of a node, summed over its tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// CPU, in MHz.
    pub cpu_mhz: u64,
    /// Memory, in MB.
    pub memory_mb: u64,
    /// Disk, in MB.
    pub disk_mb: u64,
    /// Bandwidth, in megabits a second.
    pub mbits: u64,
    /// Port numbers asked for, with their labels.
    pub static_ports: Vec<(u16, String)>,
    /// How many ports of any number.
    pub dynamic_ports: usize,
}

impl Ask {
    /// Sums up what one instance of a group asks for.
    pub fn of(group: &TaskGroup) -> Self {
        let mut ask = Self { disk_mb: u64::from(group.ephemeral_disk.size_mb), ..Self::default() };
        for task in &group.tasks {
            ask.cpu_mhz += u64::from(task.resources.cpu_mhz);
            ask.memory_mb += u64::from(task.resources.memory_mb);
            ask.disk_mb += u64::from(task.resources.disk_mb);
        }
        let of_tasks = group.tasks.iter().flat_map(|task| &task.resources.networks);
        for network in group.networks.iter().chain(of_tasks) {
            ask.mbits += u64::from(network.mbits);
            ask.dynamic_ports += network.dynamic_ports.len();
            let ports = network.reserved_ports.iter();
            ask.static_ports.extend(ports.map(|port| (port.value, port.label.clone())));
        }
        ask
    }
}

/// What of a node is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU, in MHz.
    pub cpu_mhz: u64,
    /// Memory, in MB.
    pub memory_mb: u64,
    /// Disk, in MB.
    pub disk_mb: u64,
    /// Bandwidth, in megabits a second.
    pub mbits: u64,
    /// Port numbers.
    pub ports: BTreeSet<u16>,
    /// Port numbers taken twice: something is wrong already.
    pub collisions: BTreeSet<u16>,
}

impl Usage {
    /// Returns what a node keeps for itself.
    pub fn reserved(node: &Node) -> Self {
        Self {
            cpu_mhz: u64::from(node.reserved.cpu_mhz),
            memory_mb: u64::from(node.reserved.memory_mb),
            disk_mb: u64::from(node.reserved.disk_mb),
            ports: node.reserved.ports.iter().copied().collect(),
            ..Self::default()
        }
    }

    /// Returns what is taken by what a node keeps and by allocations that are not terminal.
    pub fn of<'a>(node: &Node, allocs: impl IntoIterator<Item = &'a Allocation>) -> Self {
        let mut usage = Self::reserved(node);
        for alloc in allocs.into_iter().filter(|alloc| !alloc.is_terminal()) {
            usage.add(&alloc.resources);
        }
        usage
    }

    /// Adds what an allocation holds.
    pub fn add(&mut self, resources: &AllocatedResources) {
        self.cpu_mhz += resources.cpu_mhz();
        self.memory_mb += resources.memory_mb();
        self.disk_mb += resources.disk_mb();
        for network in resources.networks() {
            self.mbits += u64::from(network.mbits);
            for port in network.reserved_ports.iter().chain(&network.dynamic_ports) {
                if !self.ports.insert(port.value) {
                    self.collisions.insert(port.value);
                }
            }
        }
    }

    /// Takes away what an allocation holds that was added before.
    pub fn remove(&mut self, resources: &AllocatedResources) {
        self.cpu_mhz = self.cpu_mhz.saturating_sub(resources.cpu_mhz());
        self.memory_mb = self.memory_mb.saturating_sub(resources.memory_mb());
        self.disk_mb = self.disk_mb.saturating_sub(resources.disk_mb());
        for network in resources.networks() {
            self.mbits = self.mbits.saturating_sub(u64::from(network.mbits));
            for port in network.reserved_ports.iter().chain(&network.dynamic_ports) {
                // A number taken twice is still taken by the other.
                if !self.collisions.remove(&port.value) {
                    self.ports.remove(&port.value);
                }
            }
        }
    }
}

/// Something a node has too little of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lack {
    /// Too little of a quantity.
    #[error("{dimension}: {free} {unit} free, {asked} {unit} asked")]
    Amount {
        /// What: `cpu`, `memory`, `disk`, `network bandwidth`.
        dimension: &'static str,
        /// Its unit.
        unit: &'static str,
        /// What is free.
        free: u64,
        /// What was asked for.
        asked: u64,
    },
    /// A port number is taken.
    #[error("port {number} ({label}) is taken")]
    Port {
        /// The number.
        number: u16,
        /// The label that asks for it.
        label: String,
    },
    /// Not enough numbers left.
    #[error("dynamic ports: {free} free, {asked} asked")]
    DynamicPorts {
        /// How many are free.
        free: usize,
        /// How many were asked for.
        asked: usize,
    },
    /// Ports are asked for and the node has no network.
    #[error("the node has no network")]
    NoNetwork,
}

impl Lack {
    /// Returns what is counted by: the dimension, with the port's label for a port.
    pub fn dimension(&self) -> String {
        match self {
            Self::Amount { dimension, .. } => (*dimension).to_owned(),
            Self::Port { number, label } => format!("network: reserved port collision {label}={number}"),
            Self::DynamicPorts { .. } => "network: dynamic port selection failed".to_owned(),
            Self::NoNetwork => "network: no networks available".to_owned(),
        }
    }
}

/// Returns everything a node has too little of for `ask`; nothing means that it fits.
pub fn lacks(node: &Node, usage: &Usage, ask: &Ask) -> Vec<Lack> {
    let offered = &node.resources;
    let mbits = offered.networks.first().map_or(0, |network| u64::from(network.mbits));
    let amounts = [
        ("cpu", "MHz", u64::from(offered.cpu_mhz), usage.cpu_mhz, ask.cpu_mhz),
        ("memory", "MB", u64::from(offered.memory_mb), usage.memory_mb, ask.memory_mb),
        ("disk", "MB", u64::from(offered.disk_mb), usage.disk_mb, ask.disk_mb),
        ("network bandwidth", "MBits", mbits, usage.mbits, ask.mbits),
    ];
    let mut lacks: Vec<Lack> = amounts
        .into_iter()
        .map(|(dimension, unit, total, used, asked)| (dimension, unit, total.saturating_sub(used), asked))
        .filter(|(_, _, free, asked)| free < asked)
        .map(|(dimension, unit, free, asked)| Lack::Amount { dimension, unit, free, asked })
        .collect();
    let wants_ports = !ask.static_ports.is_empty() || ask.dynamic_ports > 0;
    if wants_ports && offered.networks.is_empty() {
        lacks.push(Lack::NoNetwork);
        return lacks;
    }
    let mut given_out: BTreeSet<u16> = BTreeSet::new();
    for (number, label) in &ask.static_ports {
        if usage.ports.contains(number) || !given_out.insert(*number) {
            lacks.push(Lack::Port { number: *number, label: label.clone() });
        }
    }
    given_out.extend(&usage.ports);
    let taken = given_out.range(super::ports::DYNAMIC).count();
    let free = super::ports::DYNAMIC.count() - taken;
    if free < ask.dynamic_ports {
        lacks.push(Lack::DynamicPorts { free, asked: ask.dynamic_ports });
    }
    lacks
}
