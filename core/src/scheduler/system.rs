//! System and sysbatch jobs: an instance on every node that suits them.
//!
//! A node that does not suit a group is no failure; one that suits it and is too full is.

use std::collections::BTreeSet;
use std::sync::Arc;

use rand::Rng;

use super::planner::Planner;
use super::reconcile::Placement;
use super::reconcile::cluster::Question;
use super::reconcile::per_node::{self, Nodes};
use super::stack::Stack;
use super::{Options, feasible};
use crate::model::plan::Decision;
use crate::model::{Allocation, Evaluation, Job, Node, NodeId, TaskGroup, Timestamp};
use crate::state::Snapshot;

pub(super) fn process(
    view: &Snapshot,
    eval: &Evaluation,
    now: Timestamp,
    rng: &mut dyn Rng,
    options: &Options,
) -> Decision {
    let job = view.job(&eval.job_key);
    let suits = |group: &TaskGroup, node: &Node| {
        job.is_some_and(|job| feasible::reasons(job, group, node).iter().all(feasible::Reason::passes))
    };
    let may_stay = |group: &TaskGroup, alloc: &Allocation| {
        view.node(&alloc.node_id).is_some_and(|node| suits(group, node))
    };
    let targeted: Vec<&Arc<Node>> =
        view.roster().entries().iter().map(|entry| &entry.node).filter(|node| is_target(job, node)).collect();
    let ready: Vec<&Arc<Node>> = targeted.iter().copied().filter(|node| node.is_schedulable()).collect();
    let targeted: BTreeSet<NodeId> = targeted.iter().map(|node| node.id).collect();
    let nodes = Nodes { targeted: &targeted, ready: &ready, suits: &suits };
    let question = Question { view, eval, job, now, deployments: options.deployments, may_stay: &may_stay };
    let changes = per_node::reconcile(&question, &nodes, rng);
    let (mut planner, work) = Planner::new(view, eval, job, changes, now, options);
    if let Some(job) = job {
        place(&mut planner, job, work, rng);
    }
    planner.decide(job, rng)
}

fn is_target(job: Option<&Arc<Job>>, node: &Node) -> bool {
    job.is_some_and(|job| feasible::is_in_place(job, node))
}

/// Puts every instance on its node, or says why it has no room there.
fn place(planner: &mut Planner<'_>, job: &Arc<Job>, work: Vec<(String, Vec<Placement>)>, rng: &mut dyn Rng) {
    if work.iter().all(|(_, placements)| placements.is_empty()) {
        return;
    }
    let freed = planner.freed(&work);
    let mut stack = planner.stack(job, &freed);
    for (name, placements) in work {
        let Some(group) = job.group(&name) else { continue };
        for placement in placements {
            place_one(planner, &mut stack, job, group, placement, rng);
        }
    }
    let failed: BTreeSet<String> = planner.failed_groups().map(str::to_owned).collect();
    if !failed.is_empty() {
        let failed: Vec<&TaskGroup> =
            job.groups.iter().filter(|group| failed.contains(&group.name)).collect();
        planner.wait_for(stack.class_eligibility(&failed));
    }
}

fn place_one<'s>(
    planner: &mut Planner<'_>,
    stack: &mut Stack<'s>,
    job: &'s Arc<Job>,
    group: &'s TaskGroup,
    placement: Placement,
    rng: &mut dyn Rng,
) {
    let Some(node) = placement.node else { return };
    let replaced = placement.replaces.as_ref().filter(|_| placement.keep_if_unplaced);
    if let Some(reason) = replaced {
        stack.free(&reason.alloc);
    }
    match stack.place_on(node, group, &[], rng) {
        Ok(placed) => drop(planner.add(job, group, &placement, placed, rng)),
        Err(metric) => {
            if let Some(reason) = replaced {
                stack.keep(&reason.alloc);
            }
            // What the node is not suited for is not missed there.
            if metric.seen.nodes_exhausted > 0 {
                planner.fail(&group.name, &metric, placement);
            }
        }
    }
}
