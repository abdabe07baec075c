//! Service and batch jobs: reconcile every group, then find nodes for what is missing.

use rand::Rng;

use super::planner::Planner;
use super::reconcile::cluster::{self, Question};
use super::{Options, feasible};
use crate::model::plan::Decision;
use crate::model::{Allocation, Evaluation, TaskGroup, Timestamp};
use crate::state::Snapshot;

pub(super) fn process(
    view: &Snapshot,
    eval: &Evaluation,
    now: Timestamp,
    rng: &mut dyn Rng,
    options: &Options,
) -> Decision {
    let job = view.job(&eval.job_key);
    let may_stay = |group: &TaskGroup, alloc: &Allocation| {
        job.zip(view.node(&alloc.node_id)).is_some_and(|(job, node)| {
            // Whether new allocations may go there does not matter to one that is there.
            feasible::reasons(job, group, node).iter().all(feasible::Reason::passes)
        })
    };
    let deployments = options.deployments;
    let question = Question { view, eval, job, now, deployments, may_stay: &may_stay };
    let changes = cluster::reconcile(&question, rng);
    let (mut planner, work) = Planner::new(view, eval, job, changes, now, options);
    if let Some(job) = job {
        planner.place(job, work, rng);
    }
    planner.decide(job, rng)
}
