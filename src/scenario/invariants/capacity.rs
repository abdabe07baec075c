//! No node holds more than it offers.

use super::{Observation, holds_resources};

/// Checks CPU and memory of every node.
pub fn check(seen: &Observation) -> Result<(), String> {
    for node in &seen.nodes {
        let Some(offered) = &node.node_resources else { continue };
        let held = seen.allocs.iter().filter(|alloc| alloc.node_id == node.id && holds_resources(alloc));
        let (mut cpu, mut memory) = (0, 0);
        for task in held.flat_map(|alloc| &alloc.allocated_resources).flat_map(|all| all.tasks.values()) {
            cpu += task.cpu.cpu_shares;
            memory += task.memory.memory_mb;
        }
        if cpu > offered.cpu.cpu_shares {
            return Err(format!("{} holds {cpu} of {} MHz", node.name, offered.cpu.cpu_shares));
        }
        if memory > offered.memory.memory_mb {
            return Err(format!("{} holds {memory} of {} MB", node.name, offered.memory.memory_mb));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::wire::alloc::{AllocStub, AllocatedResources, AllocatedTaskResources};
    use crate::api::wire::node::{NodeResources, NodeStub};

    #[test]
    fn catches_a_node_that_holds_too_much() {
        let mut offered = NodeResources::default();
        offered.cpu.cpu_shares = 100;
        offered.memory.memory_mb = 100;
        let node = NodeStub { id: "n".into(), node_resources: Some(offered), ..NodeStub::default() };
        let mut task = AllocatedTaskResources::default();
        task.cpu.cpu_shares = 60;
        task.memory.memory_mb = 10;
        let held =
            AllocatedResources { tasks: [("t".to_owned(), task)].into(), ..AllocatedResources::default() };
        let alloc = AllocStub {
            node_id: "n".into(),
            desired_status: "run".into(),
            client_status: "running".into(),
            allocated_resources: Some(held),
            ..AllocStub::default()
        };
        let mut seen =
            Observation { nodes: vec![node], allocs: vec![alloc.clone()], ..Observation::default() };
        assert_eq!(check(&seen), Ok(()));
        seen.allocs.push(alloc);
        assert!(check(&seen).is_err_and(|what| what.contains("120 of 100 MHz")));
    }
}
