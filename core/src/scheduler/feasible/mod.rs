//! Whether a group may run on a node at all, whatever is free there. One check a file; all reasons are collected.

pub mod constraint;
pub mod datacenter;
pub mod driver;
mod version;
pub mod volume;

use crate::model::{Constraint, Job, Node, NodeStatus, TaskGroup};

/// Why a node is out of the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What is counted by, the same for all nodes: a constraint as written, or `missing drivers`.
    pub key: String,
    /// What holds on this node.
    pub detail: String,
}

/// The key of a node that is not ready.
const NOT_READY: &str = "node not ready";
/// The key of a node that takes nothing new.
const INELIGIBLE: &str = "node ineligible";

impl Reason {
    /// Tells whether the reason lies in the node's condition, which passes, and not in what it is.
    pub fn passes(&self) -> bool {
        self.key == NOT_READY || self.key == INELIGIBLE
    }
}

/// Returns every reason why `group` may not run on `node`; none means that it may.
pub fn reasons(job: &Job, group: &TaskGroup, node: &Node) -> Vec<Reason> {
    let mut reasons = availability(job, node);
    reasons.extend(driver::check(group, node));
    reasons.extend(constraints(job, group).filter_map(|one| constraint::check(one, node).err()));
    reasons
}

/// Returns why a node is no candidate for a job, before its groups are looked at.
pub fn availability(job: &Job, node: &Node) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut out = |key: &str, detail: String| reasons.push(Reason { key: key.to_owned(), detail });
    if node.status != NodeStatus::Ready {
        out(NOT_READY, format!("node is {}", node.status.as_str()));
    } else if !node.is_schedulable() {
        out(INELIGIBLE, "node is not eligible for new allocations".to_owned());
    }
    if node.pool != job.node_pool && job.node_pool != "all" {
        out("node pool", format!("node pool is {:?}, the job asks for {:?}", node.pool, job.node_pool));
    }
    if !datacenter::matches(&job.datacenters, &node.datacenter) {
        let wanted = job.datacenters.join(", ");
        out("datacenter", format!("datacenter is {:?}, the job asks for {wanted}", node.datacenter));
    }
    reasons
}

/// Returns the constraints of a group: the job's, its own, its tasks'. Those on other allocations are left out.
pub fn constraints<'a>(job: &'a Job, group: &'a TaskGroup) -> impl Iterator<Item = &'a Constraint> {
    let of_tasks = group.tasks.iter().flat_map(|task| &task.constraints);
    job.constraints.iter().chain(&group.constraints).chain(of_tasks).filter(|one| !is_distinct(one))
}

/// Tells whether a constraint looks at where other allocations are.
pub fn is_distinct(constraint: &Constraint) -> bool {
    use crate::model::Operator;
    matches!(constraint.operator, Operator::DistinctHosts | Operator::DistinctProperty)
}
