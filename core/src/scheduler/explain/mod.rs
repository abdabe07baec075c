//! Why a group runs where it runs, or nowhere: every node with all its reasons, and the nearest way out.
//!
//! The metric kept with an evaluation is bounded and was true when it was made. An [`Explanation`] is computed when
//! somebody asks, from the state as it is: for each node everything that rules it out, each with its place in the job,
//! everything that is missing and how much, and of each candidate all scores. From these follows what would have to
//! change for one more instance to fit: the smallest ask, the one constraint, the port, the less important allocations.
//!
//! # Invariants
//! - All nodes are looked at, and all reasons are told, not only the first.
//! - A way out is true: with all its changes made, one more instance fits on each node it names.
//!
//! # Caveats
//! - It takes time in proportion to the number of nodes; a scheduler never computes it.

mod look;
mod ways;

use std::fmt;

use serde::{Deserialize, Serialize};

use super::fit::Lack;
use super::{Options, preempt};
use crate::model::metric::NodeScore;
use crate::model::{AllocId, Eligibility, Job, JobKey, NodeId, NodeStatus};
use crate::state::Snapshot;

/// Everything about where one more instance of a group could go.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The job.
    pub job_key: JobKey,
    /// The group.
    pub group: String,
    /// Every node, in name order.
    pub nodes: Vec<NodeExplanation>,
    /// What would have to change, the least first; empty when an instance fits as things are.
    pub ways_out: Vec<WayOut>,
}

/// What one node is to a group.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeExplanation {
    /// The node.
    pub node_id: NodeId,
    /// Its name, which is what people know it by.
    pub node_name: String,
    /// Why it is out of the question, whatever is free there.
    pub filtered: Vec<Filter>,
    /// What it has too little of. Told of filtered nodes as well.
    pub lacks: Vec<Lacking>,
    /// The less important allocations that would have to go, when that would make room.
    pub preemptable: Vec<Preemptable>,
    /// Its scores, when an instance fits.
    pub score: Option<NodeScore>,
}

impl NodeExplanation {
    /// Tells whether an instance fits there.
    pub fn fits(&self) -> bool {
        self.filtered.is_empty() && self.lacks.is_empty()
    }

    /// Returns every reason against it, for people.
    pub fn reasons(&self) -> Vec<String> {
        let filtered = self.filtered.iter().map(|filter| filter.text.clone());
        filtered.chain(self.lacks.iter().map(|lacking| lacking.lack.to_string())).collect()
    }
}

/// Why a node is out of the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// What kind of reason it is.
    pub kind: FilterKind,
    /// For people, such as `${node.class} = docker: it is "system"`.
    pub text: String,
    /// What asks for it.
    pub place: Option<Place>,
}

/// The kinds of reasons.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FilterKind {
    /// The node is not ready.
    NotReady(NodeStatus),
    /// The node takes nothing new.
    Ineligible(Eligibility),
    /// It is in another pool.
    NodePool,
    /// It is in another datacenter.
    Datacenter,
    /// A driver is missing or unwell.
    Driver(String),
    /// A constraint is not met; as it is written.
    Constraint(String),
    /// A constraint on where the job's other allocations are; as it is written.
    Distinct(String),
    /// A volume is missing.
    Volume(String),
    /// A device is missing.
    Device(String),
}

/// Where in a job something is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Whose it is: the job's, a group's or a task's.
    pub owner: Owner,
    /// In the form of the API, such as `TaskGroups[0].Tasks[1].Constraints[0]`.
    pub path: String,
}

/// Whose something in a job is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Owner {
    /// The job's.
    Job,
    /// The group's.
    Group(String),
    /// A task's.
    Task(String),
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job => f.write_str("job"),
            Self::Group(name) => write!(f, "group {name:?}"),
            Self::Task(name) => write!(f, "task {name:?}"),
        }
    }
}

/// What a node has too little of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// What, and how much of it is free and asked for.
    pub lack: Lack,
    /// What asks for it.
    pub place: Option<Place>,
}

/// An allocation that could make room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preemptable {
    /// Which.
    pub alloc_id: AllocId,
    /// `job.group[index]`.
    pub name: String,
    /// Its job's.
    pub priority: u8,
}

/// Changes that together let one more instance fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayOut {
    /// All of them are needed.
    pub changes: Vec<Change>,
    /// The nodes on which they are enough, in name order.
    pub nodes: Vec<String>,
}

/// One change that helps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Change {
    /// Ask for no more than this.
    AskLess {
        /// Of what: `memory`.
        dimension: String,
        /// In which unit.
        unit: String,
        /// The most that fits.
        at_most: u64,
        /// What is asked for.
        asked: u64,
    },
    /// Give up a constraint.
    WithoutConstraint {
        /// As it is written.
        constraint: String,
        /// Where it stands.
        place: Place,
    },
    /// Free a port, or ask for another.
    FreePort {
        /// The number.
        number: u16,
        /// The label that asks for it.
        label: String,
    },
    /// Anything else that keeps a node out, in words that follow `if`.
    Other(String),
    /// Let less important allocations go.
    Preempt {
        /// How many.
        count: usize,
        /// Whether the operator has enabled it for this kind of job.
        enabled: bool,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AskLess { dimension, unit, at_most, asked } => {
                let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
                write!(f, "if {dimension} <= {at_most}{unit} (it asks for {asked}{unit})")
            }
            Self::WithoutConstraint { constraint, place } => {
                write!(f, "but for the constraint {constraint} of the {}", place.owner)
            }
            Self::FreePort { number, label } => write!(f, "if the static port {number} ({label}) were free"),
            Self::Other(what) => write!(f, "if {what}"),
            Self::Preempt { count, enabled } => {
                let noun = if *count == 1 { "allocation" } else { "allocations" };
                let verb = if *count == 1 { "is" } else { "are" };
                let off = if *enabled { "" } else { ", for which preemption has to be enabled" };
                write!(f, "after {count} {noun} of lower priority {verb} preempted{off}")
            }
        }
    }
}

impl fmt::Display for WayOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.nodes[..] {
            [one] => write!(f, "fits on {one} ")?,
            nodes => write!(f, "fits on {} nodes ", nodes.len())?,
        }
        for (number, change) in self.changes.iter().enumerate() {
            if number > 0 {
                f.write_str(" and ")?;
            }
            write!(f, "{change}")?;
        }
        Ok(())
    }
}

/// Explains where one more instance of a group could go, in the state as it is.
///
/// The job need not be the one that is registered. `None` when it has no such group.
pub fn explain(view: &Snapshot, job: &Job, group: &str, options: &Options) -> Option<Explanation> {
    let asked = job.group(group)?;
    let mut nodes = look::look(view, job, asked);
    for (node, score) in nodes.iter_mut().zip(look::scores(view, job, asked, options)) {
        node.score = score.filter(|_| node.fits());
    }
    let ways_out = match nodes.iter().any(NodeExplanation::fits) {
        true => Vec::new(),
        false => ways::out(&nodes, options.preemption.is_enabled(job.job_type)),
    };
    Some(Explanation { job_key: job.key(), group: group.to_owned(), nodes, ways_out })
}
