//! The check of a plan against the state as it is by now, node by node.

use std::collections::BTreeSet;

use super::device;
use crate::model::plan::Stop;
use crate::model::usage::{InstanceKey, instances_of};
use crate::model::{AllocId, Allocation, Node, NodeId, NodeStatus, Usage};
use crate::state::Snapshot;
use crate::state::tables::nodes::capacity;

/// Why a node's part of a plan is not committed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The node is gone.
    #[error("node {0} does not exist any more")]
    NoNode(NodeId),
    /// The node takes nothing new.
    #[error("node {0} is not ready for new allocations")]
    NotReady(NodeId),
    /// Too much of a quantity.
    #[error("node {node} would be over its {what}")]
    Over {
        /// The node.
        node: NodeId,
        /// What of.
        what: &'static str,
    },
    /// A port would be taken twice.
    #[error("node {node} would have port {port} twice")]
    Port {
        /// The node.
        node: NodeId,
        /// The number.
        port: u16,
    },
    /// A core would be taken twice, or is not there.
    #[error("node {node} does not have core {core} to itself")]
    Core {
        /// The node.
        node: NodeId,
        /// The core.
        core: u16,
    },
    /// A device would be taken twice, is not there or not healthy.
    #[error("node {node} cannot give device {device}")]
    Device {
        /// The node.
        node: NodeId,
        /// `vendor/type/name/id`.
        device: String,
    },
}

/// Checks that `places` still fit on a node once `stops` are carried out. `places` may hold newer versions of what is
/// there.
///
/// Looks at what the plan changes and at the node's usage, never at the other allocations there.
///
/// # Errors
/// The first thing that does not hold.
pub fn node_still_fits(
    view: &Snapshot,
    node_id: NodeId,
    stops: &[&Stop],
    places: &[&Allocation],
) -> Result<(), Misfit> {
    let node = view.node(&node_id).ok_or(Misfit::NoNode(node_id))?;
    let brings_new = places.iter().any(|place| view.alloc(&place.id).is_none());
    if node.status != NodeStatus::Ready || (brings_new && !node.is_schedulable()) {
        return Err(Misfit::NotReady(node_id));
    }
    let usage = usage_after(view, node_id, stops, places);
    let offered = capacity(node);
    let limits = [
        ("cpu", usage.amounts.cpu_mhz, offered.cpu_mhz),
        ("memory", usage.amounts.memory_mb, offered.memory_mb),
        ("disk", usage.amounts.disk_mb, offered.disk_mb),
        ("network bandwidth", usage.amounts.mbits, offered.mbits),
    ];
    if let Some((what, _, _)) = limits.into_iter().find(|(_, used, total)| used > total) {
        return Err(Misfit::Over { node: node_id, what });
    }
    let kept = node.reserved.ports.iter().copied().find(|port| usage.ports.contains(*port));
    if let Some(port) = usage.ports.collision().or(kept) {
        return Err(Misfit::Port { node: node_id, port });
    }
    let foreign = usage.cores.iter().find(|core| !node.resources.cores.contains(core));
    if let Some(core) = usage.cores.collision().or(foreign) {
        return Err(Misfit::Core { node: node_id, core });
    }
    match usage.devices.collision().or_else(|| unwell(view, node, places)) {
        Some((kind, id)) => Err(Misfit::Device { node: node_id, device: format!("{kind}/{id}") }),
        None => Ok(()),
    }
}

/// Returns a device of a new allocation that the node does not have, or that is not healthy.
fn unwell(view: &Snapshot, node: &Node, places: &[&Allocation]) -> Option<InstanceKey> {
    let new = places.iter().filter(|place| view.alloc(&place.id).is_none());
    let mut held = new.flat_map(|place| instances_of(&place.resources));
    held.find(|(kind, id)| {
        let kinds = node.resources.devices.iter().filter(|device| device::kind_of(device) == *kind);
        !kinds.flat_map(|device| &device.instances).any(|one| one.healthy && one.id == *id)
    })
}

/// Returns what will be taken of a node.
fn usage_after(view: &Snapshot, node_id: NodeId, stops: &[&Stop], places: &[&Allocation]) -> Usage {
    let mut usage = view.usage(&node_id).map(|usage| (**usage).clone()).unwrap_or_default();
    let stopped = stops.iter().map(|stop| stop.alloc_id);
    let gone: BTreeSet<AllocId> = stopped.chain(places.iter().map(|place| place.id)).collect();
    let known = gone.iter().filter_map(|id| view.alloc(id));
    for alloc in known.filter(|alloc| alloc.node_id == node_id && !alloc.is_terminal()) {
        usage.remove(&alloc.resources);
    }
    for place in places.iter().filter(|place| !place.is_terminal()) {
        usage.add(&place.resources);
    }
    usage
}
