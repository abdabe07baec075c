//! Which nodes have gone silent.
//!
//! Only the leader listens. A node gets a time to live with every answer and is given up when that and a grace have
//! passed. The figures are chosen so that a dead client is noticed within 11 s of its last heartbeat, and within 24 s
//! when the leader dies at the worst moment: then 10.5 s have passed in vain, 3 s go by until there is a new leader, and it
//! gives every node [`FAILOVER_TTL`] because it has heard from none.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::{Rng, RngExt};

use crate::model::{NodeId, Timestamp};

/// The shortest time to live.
pub const TTL_MIN: Duration = Duration::from_secs(5);

/// What a node gets beyond its time to live: an election, a slow link, a busy machine.
pub const GRACE: Duration = Duration::from_secs(3);

/// What each node gets from a new leader: the longest time to live below 1,000 nodes, and some for the way.
pub const FAILOVER_TTL: Duration = Duration::from_secs(10);

/// How many heartbeats a second a leader is willing to hear; with more nodes the time to live grows.
const HEARTBEATS_PER_SECOND_MAX: u32 = 200;

/// Draws the time to live of one heartbeat: `base + rand(0, base / 2)`, `base` = max(5 s, nodes / 200 s).
///
/// The random part keeps nodes that started together from calling together.
pub fn ttl(nodes: usize, rng: &mut (impl Rng + ?Sized)) -> Duration {
    let base = TTL_MIN.max(Duration::from_secs(nodes as u64) / HEARTBEATS_PER_SECOND_MAX);
    base + base.mul_f64(rng.random_range(0.0..0.5))
}

/// Decides which nodes have gone silent. Holds no timer: the caller says what time it is.
#[derive(Debug, Default)]
pub struct HeartbeatCore {
    /// When each node is given up; exactly the nodes the servers expect to hear from.
    deadlines: BTreeMap<NodeId, Timestamp>,
    /// The same, by time.
    by_time: BTreeSet<(Timestamp, NodeId)>,
}

impl HeartbeatCore {
    /// Records a heartbeat; `node` has `ttl` to send the next, and [`GRACE`].
    pub fn beat(&mut self, now: Timestamp, node: NodeId, ttl: Duration) {
        self.set(node, now + ttl + GRACE);
    }

    /// Expects to hear from a node that the previous leader knew.
    pub fn expect(&mut self, now: Timestamp, node: NodeId) {
        self.set(node, now + FAILOVER_TTL);
    }

    /// Stops expecting to hear from a node.
    pub fn forget(&mut self, node: NodeId) {
        if let Some(deadline) = self.deadlines.remove(&node) {
            self.by_time.remove(&(deadline, node));
        }
    }

    /// Returns when `expire` has to be called next, if any node is tracked.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(time, _)| *time)
    }

    /// Forgets and returns the nodes whose deadline has come, the longest silent first.
    pub fn expire(&mut self, now: Timestamp) -> Vec<NodeId> {
        let mut silent = Vec::new();
        while let Some(&(deadline, node)) = self.by_time.first()
            && deadline <= now
        {
            self.forget(node);
            silent.push(node);
        }
        silent
    }

    /// Returns how many nodes are expected to call.
    pub fn len(&self) -> usize {
        self.deadlines.len()
    }

    /// Tells whether no node is expected to call.
    pub fn is_empty(&self) -> bool {
        self.deadlines.is_empty()
    }

    fn set(&mut self, node: NodeId, deadline: Timestamp) {
        self.forget(node);
        self.deadlines.insert(node, deadline);
        self.by_time.insert((deadline, node));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(n: u128) -> NodeId {
        NodeId(uuid::Uuid::from_u128(n))
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp(1) + Duration::from_secs(seconds)
    }

    #[test]
    fn gives_up_a_node_after_its_time_and_grace() {
        let mut core = HeartbeatCore::default();
        core.beat(at(0), node(1), Duration::from_secs(5));
        core.beat(at(1), node(2), Duration::from_secs(5));
        assert_eq!(core.next_deadline(), Some(at(8)));
        assert!(core.expire(at(7)).is_empty());
        assert_eq!(core.expire(at(8)), [node(1)]);
        core.beat(at(8), node(2), Duration::from_secs(5));
        assert!(core.expire(at(15)).is_empty(), "it called again");
        assert_eq!(core.expire(at(16)), [node(2)]);
        assert!(core.is_empty());
    }

    #[test]
    fn a_new_leader_gives_everyone_time_to_call() {
        let mut core = HeartbeatCore::default();
        core.expect(at(0), node(1));
        assert!(core.expire(at(9)).is_empty());
        assert_eq!(core.expire(at(10)), [node(1)]);
    }
}
