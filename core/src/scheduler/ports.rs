//! Giving an allocation its addresses, port numbers, cores and devices.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use rand::{Rng, RngExt};

use super::{cores, device};
use crate::model::{AllocatedResources, AllocatedTaskResources, Network, Node, Numbers, TaskGroup, Usage};

/// The numbers given out where none is asked for. Source: Nomad `structs/network.go`.
pub const DYNAMIC: RangeInclusive<u16> = 20_000..=32_000;

/// How often a number is drawn before the range is searched from its start.
const DRAWS_MAX: usize = 20;

/// Fills in what an instance of a group without networks gets on any node.
pub fn without_networks(group: &TaskGroup) -> AllocatedResources {
    resources(group, &mut |_| Vec::new())
}

/// Fills in what an instance of `group` gets on `node`; `taken` is what allocations there hold.
///
/// The group fits on the node, so there are numbers, cores and devices enough.
pub fn assign(
    group: &TaskGroup,
    node: &Node,
    taken: &Usage,
    rng: &mut (impl Rng + ?Sized),
) -> AllocatedResources {
    let mut numbers = Taken { by_allocs: &taken.ports, kept: &node.reserved.ports, own: BTreeSet::new() };
    // Numbers asked for come first, so that no drawn one gets in their way.
    let of_tasks = group.tasks.iter().flat_map(|task| &task.resources.networks);
    for network in group.networks.iter().chain(of_tasks) {
        numbers.own.extend(network.reserved_ports.iter().map(|port| port.value));
    }
    let mut fill = |networks: &[Network]| -> Vec<Network> {
        networks.iter().map(|network| filled(network, node, &mut numbers, rng)).collect()
    };
    let mut given = resources(group, &mut fill);
    let mut cores = cores::assign(group, node, &taken.cores).unwrap_or_default();
    let wanted = device::wanted(group);
    let mut devices =
        device::assign(&wanted, node, &taken.devices).map(|found| found.tasks).unwrap_or_default();
    for (name, task) in &mut given.tasks {
        task.devices = devices.remove(name).unwrap_or_default();
        if let Some(cores) = cores.remove(name) {
            let count = u32::try_from(cores.len()).unwrap_or(u32::MAX);
            task.cpu_mhz = node.resources.mhz_per_core().saturating_mul(count);
            task.reserved_cores = cores;
        }
    }
    given
}

fn resources(group: &TaskGroup, fill: &mut dyn FnMut(&[Network]) -> Vec<Network>) -> AllocatedResources {
    let shared_networks = fill(&group.networks);
    let tasks = group.tasks.iter().map(|task| {
        let asked = &task.resources;
        let resources = AllocatedTaskResources {
            cpu_mhz: asked.cpu_mhz,
            memory_mb: asked.memory_mb,
            memory_max_mb: asked.memory_max_mb,
            disk_mb: asked.disk_mb,
            networks: fill(&asked.networks),
            ..AllocatedTaskResources::default()
        };
        (task.name.clone(), resources)
    });
    let tasks = tasks.collect();
    AllocatedResources { tasks, shared_disk_mb: group.ephemeral_disk.size_mb, shared_networks }
}

/// The numbers that cannot be given out.
struct Taken<'a> {
    by_allocs: &'a Numbers,
    kept: &'a [u16],
    own: BTreeSet<u16>,
}

impl Taken<'_> {
    fn contains(&self, number: u16) -> bool {
        self.by_allocs.contains(number) || self.kept.contains(&number) || self.own.contains(&number)
    }
}

fn filled(network: &Network, node: &Node, taken: &mut Taken<'_>, rng: &mut (impl Rng + ?Sized)) -> Network {
    let mut network = network.clone();
    if let Some(offered) = node.resources.networks.first() {
        network.device.clone_from(&offered.device);
        network.cidr.clone_from(&offered.cidr);
        network.ip = offered.ip;
    }
    for port in &mut network.dynamic_ports {
        port.value = draw(taken, rng);
    }
    network
}

/// Draws a free number, by chance first, so that a number just given back is not given out at once.
fn draw(taken: &mut Taken<'_>, rng: &mut (impl Rng + ?Sized)) -> u16 {
    let drawn = (0..DRAWS_MAX).map(|_| rng.random_range(DYNAMIC)).find(|number| !taken.contains(*number));
    let number = drawn
        .or_else(|| DYNAMIC.into_iter().find(|number| !taken.contains(*number)))
        .expect("a group that fits finds a port");
    taken.own.insert(number);
    number
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::model::{Port, Resources};
    use crate::testing;

    #[test]
    fn an_allocation_holds_all_that_its_tasks_ask_for() {
        let mut group = testing::job("web", "docker").groups.remove(0);
        let asked = Resources {
            cpu_mhz: 250,
            memory_mb: 64,
            memory_max_mb: 128,
            disk_mb: 32,
            ..Resources::default()
        };
        group.tasks[0].resources = asked;
        group.ephemeral_disk.size_mb = 7;
        let held = AllocatedTaskResources {
            cpu_mhz: 250,
            memory_mb: 64,
            memory_max_mb: 128,
            disk_mb: 32,
            ..AllocatedTaskResources::default()
        };
        let expected = AllocatedResources {
            tasks: [("web".to_owned(), held)].into(),
            shared_disk_mb: 7,
            shared_networks: Vec::new(),
        };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        assert_eq!(without_networks(&group), expected);
        assert_eq!(assign(&group, &testing::node(), &Usage::default(), &mut rng), expected);
        assert_eq!(expected.disk_mb(), 39);
    }

    #[test]
    fn a_number_is_not_drawn_that_is_kept_back_or_asked_for() {
        let mut group = testing::job("web", "docker").groups.remove(0);
        let port = |label: &str, value| Port { label: label.to_owned(), value, ..Port::default() };
        group.networks = vec![Network {
            reserved_ports: vec![port("fixed", 32_000)],
            dynamic_ports: vec![port("drawn", 0)],
            ..Network::default()
        }];
        let mut node = testing::node();
        node.reserved.ports = (20_000..=31_998).collect();
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let given = assign(&group, &node, &Usage::default(), &mut rng);
        assert_eq!(given.shared_networks[0].dynamic_ports[0].value, 31_999);
    }
}
