//! Scenario files: the steps over a lab, and what must be true of them.
//!
//! ```hcl
//! scenario "client-failure" {
//!   lab      = "open-kitchen"
//!   question = "A client machine dies. Are its jobs correctly transferred to other nodes?"
//!
//!   step "launch" {
//!     run "helloworld-v1.nomad" { count = 5 }
//!     await "five instances answer" { answering = 5  within = "60s" }
//!   }
//!   step "shoot a cow" {
//!     power_off "the cow" { node_of = "helloworld[0]" }
//!     await "five answer again" { answering = 5  within = "60s" }
//!     expect "never fewer than four answered" { answering_min = 4 }
//!   }
//! }
//! ```
//!
//! A scenario is read together with what it names: its lab, the job files it runs and their images. Whatever does not exist
//! is an error at the place that names it.

mod condition;
mod library;
mod read;
mod select;

pub use library::Library;
pub use read::parse;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::jobspec::diagnostic::{Diagnostic, Source, Span};
use crate::lab::spec::LabSpec;
use crate::model::Job;

/// A scenario as its file declares it: complete, checked, every job, machine and image known to exist.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioSpec {
    /// Its name, which is that of its file.
    pub name: String,
    /// What it answers, in the words of who asked.
    pub question: String,
    /// The lab, with this scenario's changes of groups applied.
    pub lab: LabSpec,
    /// The seed when the command line gives none.
    pub seed: Option<u64>,
    /// Machines that are off at the start, by name, in the lab's order.
    pub off: Vec<String>,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// The file, for errors found later.
    pub source: Source,
}

impl ScenarioSpec {
    /// Makes an error about a piece of the file, for what only shows when it runs.
    pub fn error(&self, span: &Span, message: impl Into<String>) -> Diagnostic {
        self.source.error(span.clone(), message)
    }
}

/// A named part of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What happens in it, in words.
    pub name: String,
    /// What is done, in order.
    pub actions: Vec<Action>,
    /// Where it is written.
    pub span: Span,
}

/// One thing done.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// What.
    pub verb: Verb,
    /// Where it is written.
    pub span: Span,
}

/// What can be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Verb {
    /// Submits a job.
    Run(Box<Run>),
    /// Stops a job.
    Stop {
        /// Its id.
        job: String,
        /// Whether it is also forgotten.
        purge: bool,
    },
    /// Changes the count of a group.
    Scale {
        /// The job's id.
        job: String,
        /// The group's name.
        group: String,
        /// The new count.
        count: u32,
    },
    /// Cuts the power of machines: their unsynced disk writes are gone.
    PowerOff(Selection),
    /// Gives machines power again; what was off at the start boots for the first time.
    PowerOn(Selection),
    /// Kills one process of machines, as `kill -9` does.
    Kill {
        /// Which machines.
        machines: Selection,
        /// The process; `agent` when nothing is said.
        process: String,
    },
    /// Starts a killed process again.
    Start {
        /// Which machines.
        machines: Selection,
        /// The process; `agent` when nothing is said.
        process: String,
    },
    /// Cuts the network between two sides.
    Partition {
        /// One side.
        a: Selection,
        /// The other side; all other machines when nothing is said.
        b: Option<Selection>,
        /// Which way is cut.
        direction: Direction,
    },
    /// Mends every cut made by `partition`.
    Heal,
    /// Waits until something is true.
    Await {
        /// What is waited for, in words.
        text: String,
        /// What must become true, all at once.
        condition: Condition,
        /// How long to wait at most, in lab time.
        within: Duration,
    },
    /// Demands that something is true.
    Expect {
        /// What is demanded, in words.
        text: String,
        /// What must be true.
        condition: Condition,
    },
    /// Demands that something stays true for a while.
    Hold {
        /// What is demanded, in words.
        text: String,
        /// What must stay true.
        condition: Condition,
        /// For how long, in lab time.
        during: Duration,
    },
}

/// A job to submit.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The file as written.
    pub file: String,
    /// The job, the scenario's changes applied, canonicalised.
    pub job: Job,
    /// When the submission must be refused: a text the error contains (may be empty).
    pub refused: Option<String>,
}

/// Which way a partition cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both.
    Both,
    /// What `a` sends does not reach `b`.
    AToB,
    /// What `b` sends does not reach `a`.
    BToA,
}

/// Machines chosen when the step runs: all that any part names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// The name under which later steps refer to the machines chosen here.
    pub label: Option<String>,
    /// What chooses them; never empty.
    pub parts: Vec<SelectionPart>,
    /// Where it is written.
    pub span: Span,
}

/// One way to choose machines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectionPart {
    /// These, known to exist.
    Machines(Vec<String>),
    /// All of a group, known to exist.
    Group(String),
    /// The one on which the instance `index` of a job's group runs.
    NodeOf {
        /// The job's id.
        job: String,
        /// The group; the job's only one when nothing is said.
        group: Option<String>,
        /// The instance, from 0.
        index: u32,
    },
    /// The servers' leader.
    Leader,
    /// That many servers that do not lead, in the lab's order.
    Followers(u32),
    /// What an earlier selection of that label chose.
    SameAs(String),
}

/// Facts that must hold at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The job most facts are about; known to be run by this scenario.
    pub job: Option<String>,
    /// The facts; never empty.
    pub facts: Vec<Fact>,
    /// Where it is written.
    pub span: Span,
}

/// A number a fact asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Exactly.
    Exactly(u32),
    /// This or more.
    AtLeast(u32),
    /// This or fewer.
    AtMost(u32),
}

impl Count {
    /// Tells whether a number is what is asked for.
    pub fn matches(self, number: u32) -> bool {
        match self {
            Self::Exactly(wanted) => number == wanted,
            Self::AtLeast(least) => number >= least,
            Self::AtMost(most) => number <= most,
        }
    }
}

/// Something that can be true of a cluster. Where no job is named, it is the condition's.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// So many running instances of the job answer an HTTP request.
    Answering(Count),
    /// Every instance that answers, answers with one of these bodies (blanks at the ends aside); at least one answers.
    AnswersWith(Vec<String>),
    /// At no moment since the step began (more exactly: since the job first answered, if that was later) did fewer answer.
    AnsweringMin(u32),
    /// So many allocations of the job are running.
    Running(Count),
    /// So many allocations of the job are wanted, but have no place.
    Unplaced(Count),
    /// So many allocations of the job have the client status `lost`.
    Lost(Count),
    /// So many of the allocations running now ran when the step began, untouched (same id, no restart).
    Kept(Count),
    /// The job has an evaluation that waits for capacity (`true`), or none.
    Blocked(bool),
    /// Every running allocation of the job is on a node like this.
    PlacedOn(Place),
    /// The explanation of the job's missing placements contains each of these texts, node by node.
    Why(Vec<String>),
    /// The job's last evaluation has this status (`complete`, `blocked`, ...).
    Evaluation(String),
    /// The job's status (`pending`, `running`, `dead`).
    JobStatus(String),
    /// The servers have a leader (`true`), or none can be found.
    Leader(bool),
    /// The leader is another one than when the step began.
    NewLeader,
    /// So many nodes are ready.
    NodesReady(Count),
    /// So many nodes are down.
    NodesDown(Count),
    /// A write (asking for a new evaluation of the job) is accepted, or refused with an error that contains `text`.
    Write {
        /// Whether it is accepted.
        accepted: bool,
        /// What the error contains; may be empty.
        text: String,
    },
}

/// What a node has to be like; what is empty does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// One of these datacenters.
    pub datacenters: Vec<String>,
    /// One of these classes.
    pub classes: Vec<String>,
    /// One of these machines.
    pub machines: Vec<String>,
    /// A machine of one of these groups.
    pub groups: Vec<String>,
    /// These facts of its own.
    pub meta: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests;
