//! What allocations hold of a node.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::resources::AllocatedResources;

/// Quantities that add up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// CPU, in MHz.
    pub cpu_mhz: u64,
    /// Memory, in MB.
    pub memory_mb: u64,
    /// Disk, in MB.
    pub disk_mb: u64,
    /// Bandwidth, in megabits a second.
    pub mbits: u64,
}

impl Amounts {
    /// Sums up what an allocation holds.
    pub fn of(resources: &AllocatedResources) -> Self {
        Self {
            cpu_mhz: resources.cpu_mhz(),
            memory_mb: resources.memory_mb(),
            disk_mb: resources.disk_mb(),
            mbits: resources.networks().map(|network| u64::from(network.mbits)).sum(),
        }
    }

    /// Adds, each quantity for itself.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        self.combined(other, u64::saturating_add)
    }

    /// Takes away, each quantity for itself, down to 0.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.combined(other, u64::saturating_sub)
    }

    /// Tells whether no quantity is more than what `other` has of it.
    pub fn is_within(&self, other: &Self) -> bool {
        self.cpu_mhz <= other.cpu_mhz
            && self.memory_mb <= other.memory_mb
            && self.disk_mb <= other.disk_mb
            && self.mbits <= other.mbits
    }

    fn combined(self, other: Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            cpu_mhz: with(self.cpu_mhz, other.cpu_mhz),
            memory_mb: with(self.memory_mb, other.memory_mb),
            disk_mb: with(self.disk_mb, other.disk_mb),
            mbits: with(self.mbits, other.mbits),
        }
    }
}

/// What the allocations on a node hold together; what the node keeps for itself is not in it.
///
/// Adding and removing are each other's inverse, in any order, so it can be kept up to date instead of summed up anew.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Quantities.
    pub amounts: Amounts,
    /// Port numbers.
    pub ports: Numbers,
    /// Cores that tasks have for themselves.
    pub cores: Numbers,
    /// Devices that tasks have for themselves.
    pub devices: Instances,
}

impl Usage {
    /// Adds what an allocation holds.
    pub fn add(&mut self, resources: &AllocatedResources) {
        self.amounts = self.amounts.plus(Amounts::of(resources));
        for port in ports(resources) {
            self.ports.add(port);
        }
        for core in cores(resources) {
            self.cores.add(core);
        }
        self.devices.add(resources);
    }

    /// Takes away what an allocation holds that was added before.
    pub fn remove(&mut self, resources: &AllocatedResources) {
        self.amounts = self.amounts.minus(Amounts::of(resources));
        for port in ports(resources) {
            self.ports.remove(port);
        }
        for core in cores(resources) {
            self.cores.remove(core);
        }
        self.devices.remove(resources);
    }
}

fn cores(resources: &AllocatedResources) -> impl Iterator<Item = u16> {
    resources.tasks.values().flat_map(|task| task.reserved_cores.iter().copied())
}

fn ports(resources: &AllocatedResources) -> impl Iterator<Item = u16> {
    let all = resources.networks().flat_map(|one| one.reserved_ports.iter().chain(&one.dynamic_ports));
    all.map(|port| port.value)
}

/// Numbers in use, of ports or cores, each as often as it is held: once, unless something is wrong already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers(Vec<u16>);

impl Numbers {
    /// Notes that somebody holds a number.
    pub fn add(&mut self, number: u16) {
        let position = self.0.partition_point(|known| *known < number);
        self.0.insert(position, number);
    }

    /// Notes that one who held a number gave it back.
    pub fn remove(&mut self, number: u16) {
        if let Ok(position) = self.0.binary_search(&number) {
            self.0.remove(position);
        }
    }

    /// Tells whether somebody holds a number.
    pub fn contains(&self, number: u16) -> bool {
        self.0.binary_search(&number).is_ok()
    }

    /// Returns the numbers in ascending order; one held twice comes twice.
    pub fn iter(&self) -> impl Iterator<Item = u16> {
        self.0.iter().copied()
    }

    /// Returns the lowest number that is held more than once.
    pub fn collision(&self) -> Option<u16> {
        self.0.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }
}

impl FromIterator<u16> for Numbers {
    fn from_iter<I: IntoIterator<Item = u16>>(numbers: I) -> Self {
        let mut numbers: Vec<u16> = numbers.into_iter().collect();
        numbers.sort_unstable();
        Self(numbers)
    }
}

/// One instance on a node: `vendor/type/name` and its id.
pub type InstanceKey = (String, String);

/// Instances of devices in use on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instances {
    taken: BTreeSet<InstanceKey>,
    /// Given out twice: something is wrong already.
    twice: BTreeSet<InstanceKey>,
}

impl Instances {
    /// Adds what an allocation holds.
    pub fn add(&mut self, resources: &AllocatedResources) {
        for key in instances_of(resources) {
            if let Some(again) = self.taken.replace(key) {
                self.twice.insert(again);
            }
        }
    }

    /// Takes away what an allocation holds that was added before.
    pub fn remove(&mut self, resources: &AllocatedResources) {
        for key in instances_of(resources) {
            // What is given out twice is still taken by the other.
            if !self.twice.remove(&key) {
                self.taken.remove(&key);
            }
        }
    }

    /// Tells whether no device is in use.
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// Returns an instance that two tasks have, when there is one.
    pub fn collision(&self) -> Option<InstanceKey> {
        self.twice.first().cloned()
    }

    /// Returns all of them.
    pub fn iter(&self) -> impl Iterator<Item = &InstanceKey> {
        self.taken.iter()
    }
}

/// Returns the instances that an allocation holds.
pub fn instances_of(resources: &AllocatedResources) -> impl Iterator<Item = InstanceKey> {
    let devices = resources.tasks.values().flat_map(|task| &task.devices);
    devices.flat_map(|device| {
        let kind = format!("{}/{}/{}", device.vendor, device.device_type, device.name);
        device.ids.iter().map(move |id| (kind.clone(), id.clone()))
    })
}
