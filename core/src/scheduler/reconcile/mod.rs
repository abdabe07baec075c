//! Desired against actual: what has to change, not yet where.
//!
//! # Order within a group
//! Stop all if it is gone or wants none. Else: end canaries nobody needs, **classify** every allocation (`classify`, an
//! ordered table), split what failed by when it may be replaced (`reschedule`), settle what is back and what is cut
//! off (`disconnect`), stop what is too many (`surplus`), tell in place from destructive (`diff`), want
//! canaries, fill up, replace, move; last, the deployment (`rollout`).
//!
//! Services and batch jobs count over the cluster (`cluster`, `group`); system jobs count per node (`per_node`).
//!
//! # Invariants
//! - Placements never bring a group above its count, canaries apart.
//! - A stopped job, or a group with count 0, gets nothing placed.
//! - A failed deployment replaces nothing by its version.
//! - Whoever is in a list is in one list only, and lists are in the order of names.
//!
//! Source of the rules: Nomad `scheduler/reconciler/`.

pub mod classify;
pub mod cluster;
mod diff;
mod disconnect;
mod group;
mod later;
mod names;
pub mod per_node;
pub mod reschedule;
mod rollout;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::plan::{DesiredUpdates, Mark};
use crate::model::{
    AllocId, Allocation, ClientStatus, Deployment, DeploymentUpdate, EvalId, Evaluation, Job, NodeId,
};

/// What is said of an allocation whose job or group is gone, or whose count has shrunk.
pub const NOT_NEEDED: &str = "alloc not needed due to job update";
/// What is said of an allocation on a node that vanished.
pub const LOST: &str = "alloc is lost since its node is down";
/// What is said of an allocation replaced by a newer version.
pub const UPDATING: &str = "alloc is being updated due to job update";
/// What is said of a failed allocation that was replaced.
pub const RESCHEDULED: &str = "alloc was rescheduled because it failed";
/// What is said of an allocation that leaves its node.
pub const MIGRATING: &str = "alloc is being migrated";
/// What is said of an allocation whose node was cut off.
pub const UNKNOWN: &str = "alloc is unknown since its node is disconnected";
/// What is said of an allocation whose node was cut off for too long.
pub const EXPIRED: &str = "alloc is lost since its node was disconnected for too long";
/// What is said of the replacement of an allocation that is back.
pub const RECONNECTED: &str = "alloc not needed due to disconnected client reconnect";
/// What is said of an allocation of a system job on a drained node.
pub const NODE_TAINTED: &str = "alloc not needed as node is tainted";
/// What is said of an allocation of a system job on a node that does not suit it any more.
pub const NODE_UNSUITABLE: &str = "alloc not needed as node is not suitable any more";

/// What has to change for a job.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// By group, in the job's order; groups that are gone come first.
    pub groups: Vec<(String, Buckets)>,
    /// The deployment that begins, or one that has got more wishes.
    pub deployment: Option<Deployment>,
    /// The deployment that placements of the present version belong to.
    pub current: Option<Deployment>,
    /// Deployments that have come to their end.
    pub deployment_updates: Vec<DeploymentUpdate>,
    /// Evaluations that look again at a set time.
    pub follow_ups: Vec<Evaluation>,
}

/// What has to change for one group.
#[derive(Clone, Debug, Default)]
pub struct Buckets {
    /// Instances to find a node for: those of a newer version first, then replacements, then new ones, in name order.
    pub place: Vec<Placement>,
    /// Allocations to stop without a replacement, or whether there is one or not.
    pub stop: Vec<StopReason>,
    /// Allocations whose node need not change for the new version.
    pub in_place: Vec<Arc<Allocation>>,
    /// What is noted on allocations that stay.
    pub marks: Vec<Mark>,
    /// The same in numbers.
    pub counts: DesiredUpdates,
}

/// An instance to find a node for.
#[derive(Clone, Debug)]
pub struct Placement {
    /// Its name, `job.group[index]`.
    pub name: String,
    /// The allocation it replaces, to be stopped with the placement.
    pub replaces: Option<StopReason>,
    /// Nodes where its predecessors failed.
    pub failed_on: BTreeSet<NodeId>,
    /// Whether the one it replaces runs on when no node is found.
    pub keep_if_unplaced: bool,
    /// The allocation it stands in for, which is not stopped: its node is cut off.
    pub stands_in_for: Option<Arc<Allocation>>,
    /// Whether it replaces what failed, which its own replacement has to know.
    pub reschedules: bool,
    /// Whether it runs beside the old version.
    pub canary: bool,
    /// The version it runs; the newest when nothing is said. While canaries run, what is not one stays at the old version.
    pub job: Option<Arc<Job>>,
    /// The node it has to run on, for a system job.
    pub node: Option<NodeId>,
}

impl Placement {
    /// Makes a new instance that replaces nothing.
    pub fn new(name: String) -> Self {
        Self {
            name,
            replaces: None,
            failed_on: BTreeSet::new(),
            keep_if_unplaced: false,
            stands_in_for: None,
            reschedules: false,
            canary: false,
            job: None,
            node: None,
        }
    }

    /// Makes the instance that takes an allocation's place and name.
    pub fn instead_of(reason: StopReason) -> Self {
        let canary = reason.alloc.is_canary();
        Self { canary, replaces: Some(reason.clone()), ..Self::new(reason.alloc.name.clone()) }
    }

    /// Returns the allocation it takes over from.
    pub fn previous_alloc(&self) -> Option<&Arc<Allocation>> {
        self.replaces.as_ref().map(|stop| &stop.alloc).or(self.stands_in_for.as_ref())
    }

    /// Returns the id of the allocation it takes over from.
    pub fn previous(&self) -> Option<AllocId> {
        self.previous_alloc().map(|alloc| alloc.id)
    }
}

/// An allocation to stop, and why.
#[derive(Clone, Debug)]
pub struct StopReason {
    /// Which.
    pub alloc: Arc<Allocation>,
    /// Why, for people.
    pub description: &'static str,
    /// What the servers know better than its client.
    pub client_status: Option<ClientStatus>,
    /// The evaluation that will replace it.
    pub follow_up: Option<EvalId>,
}

impl StopReason {
    /// Makes one that its client carries out.
    pub fn new(alloc: &Arc<Allocation>, description: &'static str) -> Self {
        Self { alloc: alloc.clone(), description, client_status: None, follow_up: None }
    }

    /// Makes one that no client can carry out, since the node vanished.
    pub fn lost(alloc: &Arc<Allocation>, description: &'static str) -> Self {
        Self { client_status: Some(ClientStatus::Lost), ..Self::new(alloc, description) }
    }
}

/// Groups a job's allocations by task group, in the order of their names.
pub fn by_group<'a>(
    allocs: impl Iterator<Item = &'a Arc<Allocation>>,
) -> BTreeMap<String, Vec<Arc<Allocation>>> {
    let mut groups: BTreeMap<String, Vec<Arc<Allocation>>> = BTreeMap::new();
    for alloc in allocs {
        groups.entry(alloc.group.clone()).or_default().push(alloc.clone());
    }
    for allocs in groups.values_mut() {
        names::sort(allocs);
    }
    groups
}

/// Counts a list for people.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
