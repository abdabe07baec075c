//! Plans: what a scheduler proposes.

use serde::{Deserialize, Serialize};

use super::alloc::{Allocation, ClientStatus};
use super::eval::Evaluation;
use super::ids::{AllocId, EvalId, NodeId};

/// A scheduler's proposal. It makes all choices; applying it makes none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Commit all of it or nothing.
    pub all_at_once: bool,
    /// Allocations to stop, in id order.
    pub stops: Vec<Stop>,
    /// New allocations.
    pub places: Vec<Allocation>,
    /// Allocations that run on under a newer version of their job.
    pub updates: Vec<Allocation>,
    /// Evaluations of the jobs that lose allocations to more important ones, one a job.
    pub preemption_evals: Vec<Evaluation>,
    /// Log index of the state the plan was made on.
    pub snapshot_index: u64,
}

impl Plan {
    /// Tells whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.stops.is_empty() && self.places.is_empty() && self.updates.is_empty()
    }

    /// Returns the stops that make room for something more important.
    pub fn preemptions(&self) -> impl Iterator<Item = &Stop> {
        self.stops.iter().filter(|stop| stop.preempted_by.is_some())
    }
}

/// An allocation to stop, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stop {
    /// Which.
    pub alloc_id: AllocId,
    /// Where it is.
    pub node_id: NodeId,
    /// Why, for people.
    pub description: String,
    /// Set when the servers know better than its client: `Lost` when its node vanished.
    pub client_status: Option<ClientStatus>,
    /// The allocation that replaces it, when there is one.
    #[serde(default)]
    pub next: Option<AllocId>,
    /// The allocation that needs its room: it is evicted, not stopped.
    #[serde(default)]
    pub preempted_by: Option<AllocId>,
    /// The evaluation that asked for an end.
    pub eval_id: EvalId,
}

/// What became of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanResult {
    /// Log index of the commit; 0 when nothing was committed.
    pub alloc_index: u64,
    /// Nodes whose part was refused because they had filled up or vanished meanwhile.
    pub refused_nodes: Vec<NodeId>,
    /// Log index a retry must have seen; 0 when all was committed.
    pub refresh_index: u64,
}

/// Everything a scheduler returns for one evaluation.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What to change.
    pub plan: Plan,
    /// The evaluation as it ends if the plan is committed in full: failed groups and queued counts filled in.
    pub eval: Evaluation,
    /// One that waits for capacity, when not everything fits.
    pub blocked: Option<Evaluation>,
    /// Ones that look again at a set time.
    pub follow_ups: Vec<Evaluation>,
}
