//! Whether a group may run on a node at all, whatever is free there. One check a file; all reasons are collected.

pub mod constraint;
pub mod datacenter;
pub mod driver;
mod version;
pub mod volume;

use super::device;
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

/// One check of a group against a node.
pub struct Check {
    /// What it looks at.
    pub scope: Scope,
    /// Whether it can have something to say of a group at all.
    pub applies: fn(&Job, &TaskGroup) -> bool,
    /// Every reason it has.
    pub reasons: fn(&Job, &TaskGroup, &Node) -> Vec<Reason>,
}

/// What a check looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// At what is in the computed class only: what it says of one node, it says of all of that class.
    Class,
    /// At more: every node is looked at.
    Node,
}

/// All checks, in the order in which reasons are told. A new one is a file of this folder and an entry here; one of scope
/// [`Class`](Scope::Class) looks at nothing that [`computed_class`](crate::model::class::computed_class) leaves out.
pub const CHECKS: &[Check] = &[
    Check { scope: Scope::Class, applies: |_, _| true, reasons: place },
    Check { scope: Scope::Class, applies: |_, _| true, reasons: |_, group, node| driver::check(group, node) },
    Check {
        scope: Scope::Class,
        applies: |_, _| true,
        reasons: |job, group, node| constraint::check_all(job, group, node, false),
    },
    Check {
        scope: Scope::Class,
        applies: |_, group| volume::wants_volumes(group),
        reasons: |_, group, node| volume::check(group, node),
    },
    Check { scope: Scope::Class, applies: |_, _| true, reasons: |_, group, node| devices(group, node) },
    Check {
        scope: Scope::Node,
        applies: |job, group| constraints(job, group).any(constraint::is_unique),
        reasons: |job, group, node| constraint::check_all(job, group, node, true),
    },
];

/// Returns every reason why `group` may not run on `node`; none means that it may.
pub fn reasons(job: &Job, group: &TaskGroup, node: &Node) -> Vec<Reason> {
    let mut reasons = condition(node);
    reasons.extend(CHECKS.iter().flat_map(|check| (check.reasons)(job, group, node)));
    reasons
}

/// Returns what the checks of one scope say.
pub fn reasons_of(scope: Scope, job: &Job, group: &TaskGroup, node: &Node) -> Vec<Reason> {
    let checks = CHECKS.iter().filter(|check| check.scope == scope);
    checks.flat_map(|check| (check.reasons)(job, group, node)).collect()
}

/// Tells whether nodes of one class can differ for a group.
pub fn looks_beyond_class(job: &Job, group: &TaskGroup) -> bool {
    CHECKS.iter().any(|check| check.scope == Scope::Node && (check.applies)(job, group))
}

/// Tells whether a node is where a job may run: in its pool and one of its datacenters.
pub fn is_in_place(job: &Job, node: &Node) -> bool {
    is_in_pool(job, node) && datacenter::matches(&job.datacenters, &node.datacenter)
}

/// Returns why a node takes nothing new at the moment.
fn condition(node: &Node) -> Vec<Reason> {
    let reason = |key: &str, detail: String| vec![Reason { key: key.to_owned(), detail }];
    if node.status != NodeStatus::Ready {
        reason(NOT_READY, format!("node is {}", node.status.as_str()))
    } else if !node.is_schedulable() {
        reason(INELIGIBLE, "node is not eligible for new allocations".to_owned())
    } else {
        Vec::new()
    }
}

/// Returns why a node is not where a job may run.
fn place(job: &Job, _: &TaskGroup, node: &Node) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let mut out = |key: &str, detail: String| reasons.push(Reason { key: key.to_owned(), detail });
    if !is_in_pool(job, node) {
        out("node pool", format!("node pool is {:?}, the job asks for {:?}", node.pool, job.node_pool));
    }
    if !datacenter::matches(&job.datacenters, &node.datacenter) {
        let wanted = job.datacenters.join(", ");
        out("datacenter", format!("datacenter is {:?}, the job asks for {wanted}", node.datacenter));
    }
    reasons
}

/// Returns why a node's devices would not do even if none was in use.
fn devices(group: &TaskGroup, node: &Node) -> Vec<Reason> {
    let lacks = device::lacks_for_good(group, node).into_iter();
    lacks.map(|lack| Reason { key: "missing devices".to_owned(), detail: lack.to_string() }).collect()
}

pub(super) fn is_in_pool(job: &Job, node: &Node) -> bool {
    node.pool == job.node_pool || job.node_pool == "all"
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
