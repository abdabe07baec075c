//! What must be true throughout, whatever a scenario does: one property a file, checked after every step.
//!
//! | property | source |
//! |---|---|
//! | [`capacity`]: no node holds more than it offers | Nomad `structs/funcs.go`, `AllocsFit` |
//! | [`ports`]: no port of a node is given out twice | the same |
//! | [`count`]: never more instances wanted of a group than its count | Nomad reconciler, "never more placements than count" |
//!
//! Each is shown on hand-made observations that it catches what it is for.

pub mod capacity;
pub mod count;
pub mod leaders;
pub mod ports;

use crate::api::wire::alloc::AllocStub;
use crate::api::wire::job::Job;
use crate::api::wire::node::NodeStub;
use crate::scenario::cluster::ServerView;

/// The cluster at one moment.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// All nodes, with what they offer.
    pub nodes: Vec<NodeStub>,
    /// All allocations, with what they hold.
    pub allocs: Vec<AllocStub>,
    /// All jobs.
    pub jobs: Vec<Job>,
    /// The servers that answer, as they see themselves.
    pub servers: Vec<ServerView>,
}

/// A property with its name.
pub type Invariant = (&'static str, fn(&Observation) -> Result<(), String>);

/// All properties.
pub const ALL: &[Invariant] = &[
    ("no node over capacity", capacity::check),
    ("no port twice", ports::check),
    ("never more than count", count::check),
    ("one leader a term", leaders::check),
];

/// Returns what is violated.
pub fn violations(observation: &Observation) -> Vec<String> {
    let violated =
        ALL.iter().filter_map(|(name, check)| check(observation).err().map(|what| format!("{name}: {what}")));
    violated.collect()
}

/// Tells whether an allocation holds its resources.
fn holds_resources(alloc: &AllocStub) -> bool {
    alloc.desired_status == "run" && matches!(alloc.client_status.as_str(), "pending" | "running")
}
