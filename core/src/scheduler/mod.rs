//! The scheduler: a pure function from the state of the cluster to a plan and the reasons for it.
//!
//! # Pipeline
//! 1. **Reconcile** (`reconcile`): desired against actual, into named buckets: place, stop, update in place, replace.
//! 2. **Feasible** (`feasible`): may the group run on a node at all? Datacenter, pool, drivers, constraints.
//! 3. **Fit** (`fit`, `ports`, `cores`, `device`): is enough free there? If nowhere, less important allocations may have
//!    to go (`preempt`).
//! 4. **Score** (`rank`): how good a place is it? One scorer a file; a node's score is the mean of those that had a say.
//! 5. **Explain**: what was filtered, exhausted and scored goes along with every placement and every failure; `explain`
//!    says of every node what would have to change, `dry_run` what would happen if something did.
//!
//! # Invariants
//! - No clock, no IO, no `async`, no hash order: the same (snapshot, evaluation, time, random numbers) give the same plan.
//! - Never more allocations of a group than its count.
//! - All feasible nodes are looked at. Of equally good ones the first by name wins, so that people can foretell it.
//! - An allocation holds its resources until it is terminal: stopped by the servers or ended by its client.
//!
//! # Caveats
//! - Without [`Options::deployments`] a change that needs a restart replaces all allocations at once, unless `stagger` paces
//!   it as in 2016.
//! - Changes of system jobs are not paced by deployments.
//! - CSI volumes are not there. With `per_alloc` a node needs the host volumes of all instances.

pub mod check;
pub mod cores;
pub mod device;
pub mod dry_run;
pub mod explain;
pub mod feasible;
pub mod fit;
mod generic;
mod planner;
mod ports;
pub mod preempt;
pub mod rank;
pub mod reconcile;
mod stack;
mod system;
mod target;
#[cfg(test)]
mod tests;

use rand::Rng;

use crate::model::plan::Decision;
use crate::model::{Evaluation, JobType, Timestamp};
use crate::state::Snapshot;

/// How schedulers decide, as set by the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether nodes are filled up or spread over.
    pub algorithm: Algorithm,
    /// Which nodes are looked at.
    pub search: Search,
    /// For whom less important allocations make room.
    pub preemption: Preemption,
    /// Whether changes of services roll out by deployments. They need somebody who moves deployments on and clients that
    /// say how well allocations are; without these all that has to be replaced is replaced at once.
    pub deployments: bool,
}

impl Default for Options {
    /// Nodes are filled up, all of them are looked at, and services roll out by deployments.
    fn default() -> Self {
        Self {
            algorithm: Algorithm::default(),
            search: Search::default(),
            preemption: Preemption::default(),
            deployments: true,
        }
    }
}

/// Which kinds of job may take the room of less important ones when there is no other. Nomad's defaults: system jobs
/// only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preemption {
    /// Service jobs.
    pub service: bool,
    /// Batch jobs.
    pub batch: bool,
    /// System jobs.
    pub system: bool,
    /// Batch jobs that run on every node.
    pub sysbatch: bool,
}

impl Default for Preemption {
    fn default() -> Self {
        Self { service: false, batch: false, system: true, sysbatch: false }
    }
}

impl Preemption {
    /// Tells whether jobs of a kind may.
    pub fn is_enabled(&self, job_type: JobType) -> bool {
        match job_type {
            JobType::Service => self.service,
            JobType::Batch => self.batch,
            JobType::System => self.system,
            JobType::SysBatch => self.sysbatch,
        }
    }
}

/// Which nodes are looked at for an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Search {
    /// All of them: the best place there is.
    #[default]
    All,
    /// Some in random order, as Nomad does: the best of two for batch jobs, of log2(nodes) for services, of 100 or the
    /// count when wishes or spreads have a say. Here to compare with.
    Sampled,
}

/// What a good place is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// A node that is nearly full, so that others stay free for what is large.
    #[default]
    Binpack,
    /// A node that is nearly empty.
    Spread,
}

/// Looks at the job of `eval` as it is in `view` and returns what to do.
pub fn process(
    view: &Snapshot,
    eval: &Evaluation,
    now: Timestamp,
    rng: &mut dyn Rng,
    options: &Options,
) -> Decision {
    let mut decision = match eval.job_type {
        JobType::Service | JobType::Batch => generic::process(view, eval, now, rng, options),
        JobType::System | JobType::SysBatch => system::process(view, eval, now, rng, options),
    };
    decision.plan.preemption_evals = preempt::evaluations(view, &decision.plan, now, rng);
    for place in &decision.plan.places {
        if let Some(group) = decision.plan.annotations.get_mut(&place.group) {
            group.preemptions += u32::try_from(place.preempted.len()).unwrap_or(u32::MAX);
        }
    }
    decision
}
