//! Nodes.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use imbl::OrdMap;

use crate::model::class::computed_class;
use crate::model::{Amounts, Node, NodeId};

/// All nodes.
#[derive(Clone, Debug, Default)]
pub struct Nodes {
    by_id: OrdMap<NodeId, Known>,
    /// Made when somebody asks for it; a change of any node begins a new one.
    roster: Arc<OnceLock<Roster>>,
    /// Log index of the last change of any node.
    pub(in crate::state) index: u64,
}

/// A node with what is computed of it once.
#[derive(Clone, Debug, PartialEq)]
struct Known {
    node: Arc<Node>,
    class: Arc<str>,
}

impl PartialEq for Nodes {
    fn eq(&self, other: &Self) -> bool {
        self.by_id == other.by_id && self.index == other.index
    }
}

impl Nodes {
    /// Returns a node.
    pub fn get(&self, id: &NodeId) -> Option<&Arc<Node>> {
        self.by_id.get(id).map(|known| &known.node)
    }

    /// Returns the computed class of a node.
    pub fn class(&self, id: &NodeId) -> Option<&Arc<str>> {
        self.by_id.get(id).map(|known| &known.class)
    }

    /// Returns all nodes in id order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.by_id.values().map(|known| &known.node)
    }

    /// Returns all nodes in name order.
    pub fn roster(&self) -> &Roster {
        self.roster.get_or_init(|| Roster::of(self.by_id.values()))
    }

    pub(in crate::state) fn put(&mut self, node: Arc<Node>, index: u64) {
        let class = computed_class(&node).into();
        self.by_id.insert(node.id, Known { node, class });
        self.roster = Arc::default();
        self.index = index;
    }
}

/// All nodes in name order, with what every evaluation asks of them. Nodes of one name are in id order.
#[derive(Debug)]
pub struct Roster {
    entries: Vec<RosterEntry>,
    classes: Vec<Arc<str>>,
    positions: HashMap<NodeId, usize>,
}

/// One node of a roster.
#[derive(Debug)]
pub struct RosterEntry {
    /// The node.
    pub node: Arc<Node>,
    /// The position of its computed class among [`Roster::classes`].
    pub class: usize,
    /// Whether new allocations may be placed on it.
    pub is_schedulable: bool,
    /// What it offers to allocations, after its own reservation.
    pub capacity: Amounts,
}

impl Roster {
    fn of<'a>(nodes: impl Iterator<Item = &'a Known>) -> Self {
        let mut nodes: Vec<&Known> = nodes.collect();
        nodes.sort_by(|a, b| (&a.node.name, a.node.id).cmp(&(&b.node.name, b.node.id)));
        let mut classes: Vec<Arc<str>> = Vec::new();
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let entries = nodes.into_iter().map(|Known { node, class }| {
            let class = *numbers.entry(class).or_insert_with(|| {
                classes.push(class.clone());
                classes.len() - 1
            });
            RosterEntry {
                node: Arc::clone(node),
                class,
                is_schedulable: node.is_schedulable(),
                capacity: capacity(node),
            }
        });
        let entries: Vec<RosterEntry> = entries.collect();
        let positions = entries.iter().enumerate().map(|(n, entry)| (entry.node.id, n)).collect();
        Self { entries, classes, positions }
    }

    /// Returns the nodes.
    pub fn entries(&self) -> &[RosterEntry] {
        &self.entries
    }

    /// Returns the computed classes of the nodes, each once, in order of their first node.
    pub fn classes(&self) -> &[Arc<str>] {
        &self.classes
    }

    /// Returns where a node is.
    pub fn position(&self, id: &NodeId) -> Option<usize> {
        self.positions.get(id).copied()
    }
}

/// Returns what a node offers to allocations, after its own reservation.
pub fn capacity(node: &Node) -> Amounts {
    let (total, kept) = (&node.resources, &node.reserved);
    Amounts {
        cpu_mhz: u64::from(total.cpu_mhz.saturating_sub(kept.cpu_mhz)),
        memory_mb: u64::from(total.memory_mb.saturating_sub(kept.memory_mb)),
        disk_mb: u64::from(total.disk_mb.saturating_sub(kept.disk_mb)),
        mbits: total.networks.first().map_or(0, |network| u64::from(network.mbits)),
    }
}
