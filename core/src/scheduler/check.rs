//! The check of a plan against the state as it is by now, node by node.

use crate::model::plan::Stop;
use crate::model::{Allocation, NodeId, NodeStatus};
use crate::state::Snapshot;

use super::fit::Usage;

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
}

/// Checks that `places` still fit on a node once `stops` are carried out. `places` may hold newer versions of what is
/// there.
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
    let gone = |alloc: &Allocation| {
        stops.iter().any(|stop| stop.alloc_id == alloc.id) || places.iter().any(|place| place.id == alloc.id)
    };
    let staying = view.allocs_by_node(&node_id).map(|alloc| &**alloc).filter(|alloc| !gone(alloc));
    let usage = Usage::of(node, staying.chain(places.iter().copied()));
    let mbits = node.resources.networks.first().map_or(0, |network| u64::from(network.mbits));
    let limits = [
        ("cpu", usage.cpu_mhz, u64::from(node.resources.cpu_mhz)),
        ("memory", usage.memory_mb, u64::from(node.resources.memory_mb)),
        ("disk", usage.disk_mb, u64::from(node.resources.disk_mb)),
        ("network bandwidth", usage.mbits, mbits),
    ];
    if let Some((what, _, _)) = limits.into_iter().find(|(_, used, total)| used > total) {
        return Err(Misfit::Over { node: node_id, what });
    }
    match usage.collisions.first() {
        Some(port) => Err(Misfit::Port { node: node_id, port: *port }),
        None => Ok(()),
    }
}
