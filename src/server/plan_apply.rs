//! Applies plans one after the other.
//!
//! Workers plan at the same time on snapshots that may be old, so two plans can promise the same room. Here each plan is
//! checked again, node by node, against the state as it is; what does not fit any more is left out, and its worker
//! plans that part anew. This is the only place where placements are committed.

use std::collections::{BTreeMap, BTreeSet};

use super::Server;
use super::error::{PlanError, ServerError};
use super::leadership::settle;
use crate::model::plan::Stop;
use crate::model::{AllocId, Allocation, ClientStatus, JobKey, NodeId, Plan, PlanResult};
use crate::scheduler::check;
use crate::state::{Command, PlanCommit, Snapshot};

/// Applies plans for as long as this server leads.
pub(super) async fn run(server: Server) {
    loop {
        let pending = server.inner.plans.next().await;
        let result = apply(&server, pending.plan).await;
        if matches!(result, Err(PlanError::Commit(ServerError::Unconfirmed))) {
            // It may still be committed; the next plan must not be checked without it.
            settle(&server).await;
        }
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
    let command = Command::ApplyPlan(PlanCommit {
        stops: plan.stops,
        places: plan.places,
        updates: plan.updates,
        evals: plan.preemption_evals,
        marks: plan.marks,
        deployment: plan.deployment,
        deployment_updates: plan.deployment_updates,
        time: server.env().now(),
    });
    let alloc_index = server.propose(&command).await.map_err(|error| match error {
        ServerError::NoLeader => PlanError::NotLeader,
        other => PlanError::Commit(other),
    })?;
    let refresh_index = if refused_nodes.is_empty() { 0 } else { alloc_index };
    Ok(PlanResult { alloc_index, refused_nodes, refresh_index })
}

/// Takes out of a plan what does not fit on its node any more, and names these nodes.
///
/// A stop goes with the placement that was to replace what it stops, unless its node is lost: an old version that runs
/// is better than none until the evaluation is tried again. A stop that goes takes its room back, so this is repeated
/// until all that is left fits.
fn drop_misfits(view: &Snapshot, mut plan: Plan) -> (Plan, Vec<NodeId>) {
    let mut refused: BTreeSet<NodeId> = BTreeSet::new();
    loop {
        let misfits = misfits(view, &plan);
        if misfits.is_empty() {
            return (plan, refused.into_iter().collect());
        }
        refused.extend(&misfits);
        if plan.all_at_once {
            return (Plan::default(), refused.into_iter().collect());
        }
        plan.places.retain(|alloc| !misfits.contains(&alloc.node_id));
        plan.updates.retain(|alloc| !misfits.contains(&alloc.node_id));
        let placed: BTreeSet<AllocId> = plan.places.iter().map(|alloc| alloc.id).collect();
        let unreplaced =
            |stop: &Stop| stop.next.or(stop.preempted_by).is_some_and(|next| !placed.contains(&next));
        plan.stops.retain(|stop| !unreplaced(stop) || stop.client_status == Some(ClientStatus::Lost));
        for stop in &mut plan.stops {
            stop.next = stop.next.filter(|next| placed.contains(next));
        }
        let losing: BTreeSet<&JobKey> =
            plan.preemptions().filter_map(|stop| Some(&view.alloc(&stop.alloc_id)?.job_key)).collect();
        plan.preemption_evals.retain(|eval| losing.contains(&eval.job_key));
    }
}

/// Returns the nodes whose part of a plan does not fit.
fn misfits(view: &Snapshot, plan: &Plan) -> BTreeSet<NodeId> {
    let mut by_node: BTreeMap<NodeId, (Vec<&Stop>, Vec<&Allocation>)> = BTreeMap::new();
    for alloc in plan.places.iter().chain(&plan.updates) {
        by_node.entry(alloc.node_id).or_default().1.push(alloc);
    }
    for stop in &plan.stops {
        if let Some((stops, _)) = by_node.get_mut(&stop.node_id) {
            stops.push(stop);
        }
    }
    let misfits = by_node
        .into_iter()
        .filter(|(node, (stops, places))| check::node_still_fits(view, *node, stops, places).is_err());
    misfits.map(|(node, _)| node).collect()
}
