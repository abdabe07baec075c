//! Applies plans one after the other.
//!
//! Workers plan at the same time on snapshots that may be old, so two plans can promise the same room. Here each plan is
//! checked again, node by node, against the state as it is; what does not fit any more is left out, and its worker
//! plans that part anew. This is the only place where placements are committed.

use std::collections::BTreeMap;

use super::Server;
use super::error::{PlanError, ServerError};
use crate::model::plan::Stop;
use crate::model::{Allocation, NodeId, Plan, PlanResult};
use crate::scheduler::check;
use crate::state::{Command, Snapshot};

/// Applies plans for as long as this server leads.
pub(super) async fn run(server: Server) {
    loop {
        let pending = server.inner.plans.next().await;
        let result = apply(&server, pending.plan).await;
        // The worker may have been stopped with its leader; then nobody wants the result.
        let _ = pending.reply.send(result);
    }
}

async fn apply(server: &Server, plan: Plan) -> Result<PlanResult, PlanError> {
    let view = server.store().snapshot();
    let (plan, refused_nodes) = drop_misfits(&view, plan);
    if plan.is_empty() {
        return Ok(PlanResult { alloc_index: 0, refused_nodes, refresh_index: view.index() });
    }
    let command = Command::ApplyPlan {
        stops: plan.stops,
        places: plan.places,
        updates: plan.updates,
        time: server.env().now(),
    };
    let alloc_index = server.propose(&command).await.map_err(|error| match error {
        ServerError::NoLeader => PlanError::NotLeader,
        other => PlanError::Commit(other),
    })?;
    let refresh_index = if refused_nodes.is_empty() { 0 } else { alloc_index };
    Ok(PlanResult { alloc_index, refused_nodes, refresh_index })
}

/// Takes out of a plan what does not fit on its node any more, and names these nodes.
///
/// A stop stays even when the placement beside it goes: it is right by itself, and the evaluation is tried again.
fn drop_misfits(view: &Snapshot, mut plan: Plan) -> (Plan, Vec<NodeId>) {
    let mut by_node: BTreeMap<NodeId, (Vec<&Stop>, Vec<&Allocation>)> = BTreeMap::new();
    for alloc in plan.places.iter().chain(&plan.updates) {
        by_node.entry(alloc.node_id).or_default().1.push(alloc);
    }
    for stop in &plan.stops {
        if let Some((stops, _)) = by_node.get_mut(&stop.node_id) {
            stops.push(stop);
        }
    }
    let refused: Vec<NodeId> = by_node
        .iter()
        .filter(|(node, (stops, places))| check::node_still_fits(view, **node, stops, places).is_err())
        .map(|(node, _)| *node)
        .collect();
    if refused.is_empty() {
        return (plan, refused);
    }
    if plan.all_at_once {
        return (Plan::default(), refused);
    }
    plan.places.retain(|alloc| !refused.contains(&alloc.node_id));
    plan.updates.retain(|alloc| !refused.contains(&alloc.node_id));
    let placed: std::collections::BTreeSet<_> = plan.places.iter().map(|alloc| alloc.id).collect();
    for stop in &mut plan.stops {
        stop.next = stop.next.filter(|next| placed.contains(next));
    }
    (plan, refused)
}
