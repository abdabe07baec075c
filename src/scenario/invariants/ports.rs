//! No port of a node is given out twice.

use std::collections::BTreeMap;

use super::{Observation, holds_resources};

/// Checks every port of every node.
pub fn check(seen: &Observation) -> Result<(), String> {
    let mut taken: BTreeMap<(&str, u16), &str> = BTreeMap::new();
    for alloc in seen.allocs.iter().filter(|alloc| holds_resources(alloc)) {
        let Some(held) = &alloc.allocated_resources else { continue };
        let networks = held.tasks.values().flat_map(|task| &task.networks).chain(&held.shared.networks);
        for port in networks.flat_map(|network| network.reserved_ports.iter().chain(&network.dynamic_ports)) {
            if let Some(other) = taken.insert((&alloc.node_id, port.value), &alloc.name) {
                let (node, name) = (&alloc.node_name, &alloc.name);
                return Err(format!("port {} of {node} belongs to {other} and {name}", port.value));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::wire::alloc::{AllocStub, AllocatedResources, AllocatedTaskResources};
    use crate::api::wire::resources::{NetworkResource, Port};

    fn alloc(name: &str, port: u16) -> AllocStub {
        let port = Port { value: port, ..Port::default() };
        let network = NetworkResource { dynamic_ports: vec![port], ..NetworkResource::default() };
        let task = AllocatedTaskResources { networks: vec![network], ..AllocatedTaskResources::default() };
        let held =
            AllocatedResources { tasks: [("t".to_owned(), task)].into(), ..AllocatedResources::default() };
        AllocStub {
            name: name.into(),
            node_id: "n".into(),
            desired_status: "run".into(),
            client_status: "running".into(),
            allocated_resources: Some(held),
            ..AllocStub::default()
        }
    }

    #[test]
    fn catches_a_port_given_out_twice() {
        let seen = |ports: [u16; 2]| Observation {
            allocs: vec![alloc("a", ports[0]), alloc("b", ports[1])],
            ..Observation::default()
        };
        assert_eq!(check(&seen([20_000, 20_001])), Ok(()));
        assert!(check(&seen([20_000, 20_000])).is_err_and(|what| what.contains("a and b")));
    }
}
