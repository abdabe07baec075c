//! Plans: what a scheduler proposes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::alloc::{Allocation, ClientStatus};
use super::deployment::{Deployment, DeploymentUpdate};
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
    /// What is noted on allocations that are neither stopped nor replaced, in id order.
    pub marks: Vec<Mark>,
    /// The rollout that begins with this plan, or one that has got more groups or wishes.
    pub deployment: Option<Deployment>,
    /// Deployments that have come to their end.
    pub deployment_updates: Vec<DeploymentUpdate>,
    /// What was decided, in numbers, by group; for people, never committed.
    pub annotations: BTreeMap<String, DesiredUpdates>,
    /// Log index of the state the plan was made on.
    pub snapshot_index: u64,
}

impl Plan {
    /// Tells whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.stops.is_empty()
            && self.places.is_empty()
            && self.updates.is_empty()
            && self.marks.is_empty()
            && self.deployment.is_none()
            && self.deployment_updates.is_empty()
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
    /// The evaluation that will replace it later, when one will.
    #[serde(default)]
    pub follow_up_eval: Option<EvalId>,
    /// The evaluation that asked for an end.
    pub eval_id: EvalId,
}

/// What is noted on an allocation that is neither stopped nor replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Which.
    pub alloc_id: AllocId,
    /// Where it is.
    pub node_id: NodeId,
    /// What is recorded among its states: `Unknown` when its node is cut off, which its client status becomes too, or what
    /// its client says now that it is back.
    #[serde(default)]
    pub record: Option<ClientStatus>,
    /// Why, for people.
    #[serde(default)]
    pub description: String,
    /// The evaluation that will look at it again; the one noted before stays when nothing is said.
    #[serde(default)]
    pub follow_up_eval: Option<EvalId>,
}

/// What a scheduler decided about one group, in numbers of allocations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DesiredUpdates {
    /// Left as they are.
    pub ignore: u32,
    /// To be placed, replacements of what failed or was lost among them.
    pub place: u32,
    /// To be moved off their nodes.
    pub migrate: u32,
    /// To be stopped.
    pub stop: u32,
    /// To become the new version where they are.
    pub in_place_update: u32,
    /// To be replaced by the new version.
    pub destructive_update: u32,
    /// To be placed beside the old version.
    pub canary: u32,
    /// Of other jobs, to make room.
    pub preemptions: u32,
    /// On nodes that are cut off.
    pub disconnect: u32,
    /// Back from such nodes.
    pub reconnect: u32,
    /// Failed, to be replaced now.
    pub reschedule_now: u32,
    /// Failed, to be replaced at a later time.
    pub reschedule_later: u32,
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
