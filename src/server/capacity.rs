//! Whether a log entry has brought capacity that was not there before.
//!
//! Capacity appears on a node when it begins to take allocations, when it is described anew, and when an allocation on it
//! stops holding its room or holds less. Nothing else wakes evaluations that wait; all of this does.

use std::collections::BTreeSet;

use crate::model::class::computed_class;
use crate::model::{AllocatedResources, NodeId};
use crate::state::{Command, Snapshot};

/// Returns the computed classes of the nodes on which a command, which made `after` of `before`, has brought capacity.
pub(super) fn appeared(before: &Snapshot, after: &Snapshot, command: &Command) -> BTreeSet<String> {
    let nodes: BTreeSet<NodeId> = match command {
        Command::NodeRegister { node, .. } => BTreeSet::from([node.id]),
        Command::NodeStatus { node_id, .. }
        | Command::NodeEligibility { node_id, .. }
        | Command::NodeDrain { node_id, .. }
        | Command::ClientUpdate { node_id, .. } => BTreeSet::from([*node_id]),
        Command::ApplyPlan(commit) => {
            let stopped = commit.stops.iter().filter_map(|stop| after.alloc(&stop.alloc_id));
            let updated = commit.updates.iter().filter_map(|update| after.alloc(&update.id));
            stopped.chain(updated).map(|alloc| alloc.node_id).collect()
        }
        _ => BTreeSet::new(),
    };
    let touched = allocs_of(command);
    let gained =
        nodes.into_iter().filter(|id| takes_more(before, after, *id) || frees(before, after, *id, &touched));
    let schedulable = gained.filter_map(|id| after.node(&id)).filter(|node| node.is_schedulable());
    schedulable.map(|node| computed_class(node)).collect()
}

fn allocs_of(command: &Command) -> BTreeSet<crate::model::AllocId> {
    match command {
        Command::ClientUpdate { updates, .. } => updates.iter().map(|update| update.id).collect(),
        Command::ApplyPlan(commit) => {
            let stopped = commit.stops.iter().map(|stop| stop.alloc_id);
            stopped.chain(commit.updates.iter().map(|update| update.id)).collect()
        }
        _ => BTreeSet::new(),
    }
}

/// Tells whether a node takes allocations that it did not take before: it is new or ready again, or described anew.
fn takes_more(before: &Snapshot, after: &Snapshot, id: NodeId) -> bool {
    let Some(now) = after.node(&id).filter(|node| node.is_schedulable()) else { return false };
    before.node(&id).is_none_or(|known| {
        !known.is_schedulable()
            || known.resources != now.resources
            || known.reserved != now.reserved
            || computed_class(known) != computed_class(now)
    })
}

/// Tells whether one of the allocations has given up room on a node.
fn frees(
    before: &Snapshot,
    after: &Snapshot,
    node: NodeId,
    touched: &BTreeSet<crate::model::AllocId>,
) -> bool {
    touched.iter().any(|id| {
        let held = before.alloc(id).filter(|alloc| alloc.node_id == node && !alloc.is_terminal());
        held.is_some_and(|held| match after.alloc(id).filter(|alloc| !alloc.is_terminal()) {
            Some(now) => holds_less(&held.resources, &now.resources),
            None => true,
        })
    })
}

/// Tells whether `now` is less than `before` in anything.
fn holds_less(before: &AllocatedResources, now: &AllocatedResources) -> bool {
    let ports = |resources: &AllocatedResources| -> BTreeSet<u16> {
        let all = resources.networks().flat_map(|one| one.reserved_ports.iter().chain(&one.dynamic_ports));
        all.map(|port| port.value).collect()
    };
    let of_tasks = |resources: &AllocatedResources| -> BTreeSet<String> {
        let cores = resources.tasks.values().flat_map(|task| &task.reserved_cores);
        let devices = resources.tasks.values().flat_map(|task| &task.devices);
        let ids = devices.flat_map(|device| {
            device
                .ids
                .iter()
                .map(|id| format!("{}/{}/{}/{id}", device.vendor, device.device_type, device.name))
        });
        cores.map(u16::to_string).chain(ids).collect()
    };
    let mbits = |resources: &AllocatedResources| {
        resources.networks().map(|network| u64::from(network.mbits)).sum::<u64>()
    };
    now.cpu_mhz() < before.cpu_mhz()
        || now.memory_mb() < before.memory_mb()
        || now.disk_mb() < before.disk_mb()
        || mbits(now) < mbits(before)
        || !ports(before).is_subset(&ports(now))
        || !of_tasks(before).is_subset(&of_tasks(now))
}

#[cfg(test)]
mod tests;
