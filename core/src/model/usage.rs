//! What allocations hold of a node.

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
    pub ports: Ports,
}

impl Usage {
    /// Adds what an allocation holds.
    pub fn add(&mut self, resources: &AllocatedResources) {
        self.amounts = self.amounts.plus(Amounts::of(resources));
        for port in ports(resources) {
            self.ports.add(port);
        }
    }

    /// Takes away what an allocation holds that was added before.
    pub fn remove(&mut self, resources: &AllocatedResources) {
        self.amounts = self.amounts.minus(Amounts::of(resources));
        for port in ports(resources) {
            self.ports.remove(port);
        }
    }
}

fn ports(resources: &AllocatedResources) -> impl Iterator<Item = u16> {
    let all = resources.networks().flat_map(|one| one.reserved_ports.iter().chain(&one.dynamic_ports));
    all.map(|port| port.value)
}

/// Port numbers in use, each as often as it is held: once, unless something is wrong already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports(Vec<u16>);

impl Ports {
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

impl FromIterator<u16> for Ports {
    fn from_iter<I: IntoIterator<Item = u16>>(numbers: I) -> Self {
        let mut numbers: Vec<u16> = numbers.into_iter().collect();
        numbers.sort_unstable();
        Self(numbers)
    }
}
