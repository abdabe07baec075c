//! What is asked of a node, and what it has too little of.
//!
//! `CHECKS` is the list of what has to fit. A new kind of resource is a field of [`Ask`] and one more check; one that
//! not every group asks for also says so in [`Ask::is_plain`], which keeps the common case to four comparisons.

use std::collections::BTreeSet;

use super::cores;
use super::device::{self, DeviceLack, Wanted};
use crate::model::{Amounts, Node, TaskGroup, Usage};

/// What a group asks of a node, summed over its tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ask {
    /// Quantities.
    pub amounts: Amounts,
    /// Port numbers asked for, with their labels.
    pub static_ports: Vec<(u16, String)>,
    /// How many ports of any number.
    pub dynamic_ports: usize,
    /// Whole cores; what they come to is not in the quantities, since that depends on the node.
    pub cores: u64,
    /// Devices.
    pub devices: Vec<Wanted>,
}

impl Ask {
    /// Sums up what one instance of a group asks for.
    pub fn of(group: &TaskGroup) -> Self {
        let mut ask = Self { cores: cores::asked(group), devices: device::wanted(group), ..Self::default() };
        let amounts = &mut ask.amounts;
        amounts.disk_mb = u64::from(group.ephemeral_disk.size_mb);
        for task in &group.tasks {
            if task.resources.cores == 0 {
                amounts.cpu_mhz += u64::from(task.resources.cpu_mhz);
            }
            amounts.memory_mb += u64::from(task.resources.memory_mb);
            amounts.disk_mb += u64::from(task.resources.disk_mb);
        }
        let of_tasks = group.tasks.iter().flat_map(|task| &task.resources.networks);
        for network in group.networks.iter().chain(of_tasks) {
            ask.amounts.mbits += u64::from(network.mbits);
            ask.dynamic_ports += network.dynamic_ports.len();
            let ports = network.reserved_ports.iter();
            ask.static_ports.extend(ports.map(|port| (port.value, port.label.clone())));
        }
        ask
    }

    /// Tells whether nothing but quantities is asked for.
    pub fn is_plain(&self) -> bool {
        !self.wants_ports() && self.cores == 0 && self.devices.is_empty()
    }

    /// Returns the quantities with what whole cores come to on a node.
    pub fn amounts_on(&self, node: &Node) -> Amounts {
        if self.cores == 0 {
            return self.amounts;
        }
        let cores = self.cores.saturating_mul(u64::from(node.resources.mhz_per_core()));
        Amounts { cpu_mhz: self.amounts.cpu_mhz.saturating_add(cores), ..self.amounts }
    }

    fn wants_ports(&self) -> bool {
        !self.static_ports.is_empty() || self.dynamic_ports > 0
    }
}

/// A node with what is taken of it.
#[derive(Clone, Copy, Debug)]
pub struct Room<'a> {
    /// The node.
    pub node: &'a Node,
    /// What it offers to allocations.
    pub capacity: Amounts,
    /// What allocations hold of it.
    pub usage: &'a Usage,
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
    /// Not enough whole cores are free.
    #[error("cores: {free} free, {asked} asked")]
    Cores {
        /// How many are free.
        free: u64,
        /// How many were asked for.
        asked: u64,
    },
    /// Devices are in use.
    #[error("{0}")]
    Device(DeviceLack),
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
            Self::Cores { .. } => "cores".to_owned(),
            Self::Device(lack) => format!("devices: {}", lack.request),
            Self::NoNetwork => "network: no networks available".to_owned(),
        }
    }
}

/// Adds what a node has too little of.
type Check = fn(&Room<'_>, &Ask, &mut Vec<Lack>);

/// What has to fit, in the order in which it is told.
const CHECKS: &[Check] = &[amounts, whole_cores, devices, ports];

/// Returns everything a node has too little of for `ask`; nothing means that it fits.
pub fn lacks(room: &Room<'_>, ask: &Ask) -> Vec<Lack> {
    let mut lacks = Vec::new();
    for check in CHECKS {
        check(room, ask, &mut lacks);
    }
    lacks
}

/// Tells whether a node has enough of everything.
pub fn fits(room: &Room<'_>, ask: &Ask) -> bool {
    let enough = room.usage.amounts.plus(ask.amounts).is_within(&room.capacity);
    enough && (ask.is_plain() || lacks(room, ask).is_empty())
}

fn amounts(room: &Room<'_>, ask: &Ask, lacks: &mut Vec<Lack>) {
    let free = room.capacity.minus(room.usage.amounts);
    let asked = ask.amounts_on(room.node);
    let amounts = [
        ("cpu", "MHz", free.cpu_mhz, asked.cpu_mhz),
        ("memory", "MB", free.memory_mb, asked.memory_mb),
        ("disk", "MB", free.disk_mb, asked.disk_mb),
        ("network bandwidth", "MBits", free.mbits, asked.mbits),
    ];
    let missing = amounts.into_iter().filter(|(_, _, free, asked)| free < asked);
    lacks.extend(missing.map(|(dimension, unit, free, asked)| Lack::Amount { dimension, unit, free, asked }));
}

fn whole_cores(room: &Room<'_>, ask: &Ask, lacks: &mut Vec<Lack>) {
    if ask.cores > 0 {
        let free = cores::free(room.node, &room.usage.cores);
        lacks.extend((free < ask.cores).then_some(Lack::Cores { free, asked: ask.cores }));
    }
}

fn devices(room: &Room<'_>, ask: &Ask, lacks: &mut Vec<Lack>) {
    if !ask.devices.is_empty() {
        let missing = device::assign(&ask.devices, room.node, &room.usage.devices).err();
        lacks.extend(missing.into_iter().flatten().map(Lack::Device));
    }
}

fn ports(room: &Room<'_>, ask: &Ask, lacks: &mut Vec<Lack>) {
    if !ask.wants_ports() {
        return;
    }
    if room.node.resources.networks.is_empty() {
        lacks.push(Lack::NoNetwork);
        return;
    }
    let (taken, kept) = (&room.usage.ports, &room.node.reserved.ports);
    let mut given_out: BTreeSet<u16> = BTreeSet::new();
    for (number, label) in &ask.static_ports {
        if taken.contains(*number) || kept.contains(number) || !given_out.insert(*number) {
            lacks.push(Lack::Port { number: *number, label: label.clone() });
        }
    }
    let others = taken.iter().chain(kept.iter().copied());
    given_out.extend(others.filter(|number| super::ports::DYNAMIC.contains(number)));
    let free = super::ports::DYNAMIC.count() - given_out.range(super::ports::DYNAMIC).count();
    if free < ask.dynamic_ports {
        lacks.push(Lack::DynamicPorts { free, asked: ask.dynamic_ports });
    }
}
