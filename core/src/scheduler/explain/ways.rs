//! The nearest way out: the fewest changes that let an instance fit somewhere.

use std::collections::BTreeMap;

use super::{Change, Filter, FilterKind, Lacking, NodeExplanation, WayOut};
use crate::scheduler::fit::Lack;

/// How many ways are told, the nearest first.
const WAYS_MAX: usize = 5;

/// What a task cannot do without.
const NEEDED: &[&str] = &["cpu", "memory", "cores"];

/// Returns the ways with the fewest changes, those that help on most nodes first.
///
/// Nodes with the same obstacles are one way. Where less of one thing is enough, the most that fits on any of them is
/// told. That less important allocations could go is a way of its own.
pub(super) fn out(nodes: &[NodeExplanation], preemption_enabled: bool) -> Vec<WayOut> {
    let mut ways: BTreeMap<Vec<Key>, WayOut> = BTreeMap::new();
    for node in nodes {
        let changes = changes(node);
        // Whoever is told to ask for nothing is told nothing.
        let to_nothing = |change: &Change| match change {
            Change::AskLess { dimension, at_most: 0, .. } => NEEDED.contains(&dimension.as_str()),
            _ => false,
        };
        if !changes.is_empty() && !changes.iter().any(to_nothing) {
            offer(&mut ways, node, changes);
        }
        if node.filtered.is_empty() && !node.preemptable.is_empty() {
            let count = node.preemptable.len();
            offer(&mut ways, node, vec![Change::Preempt { count, enabled: preemption_enabled }]);
        }
    }
    let nearest = ways.values().map(|way| way.changes.len()).min().unwrap_or(0);
    let mut ways: Vec<WayOut> = ways.into_values().filter(|way| way.changes.len() == nearest).collect();
    ways.sort_by(|a, b| (b.nodes.len(), &a.changes).cmp(&(a.nodes.len(), &b.changes)));
    ways.truncate(WAYS_MAX);
    ways
}

/// What makes two nodes' ways the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// Amounts differ from node to node.
    Ask(String),
    /// With several amounts at once each node is a way of its own.
    Node(String),
    Preempt,
    Same(Change),
}

fn offer(ways: &mut BTreeMap<Vec<Key>, WayOut>, node: &NodeExplanation, changes: Vec<Change>) {
    let mut keys: Vec<Key> = changes.iter().map(key).collect();
    if keys.iter().filter(|key| matches!(key, Key::Ask(_))).count() > 1 {
        keys.push(Key::Node(node.node_name.clone()));
    }
    let name = || vec![node.node_name.clone()];
    match ways.get_mut(&keys) {
        None => drop(ways.insert(keys, WayOut { changes, nodes: name() })),
        Some(known) => {
            use std::cmp::Ordering::{Equal, Greater, Less};
            match ease(&changes).cmp(&ease(&known.changes)) {
                Greater => *known = WayOut { changes, nodes: name() },
                Equal => known.nodes.extend(name()),
                Less => {}
            }
        }
    }
}

fn key(change: &Change) -> Key {
    match change {
        Change::AskLess { dimension, .. } => Key::Ask(dimension.clone()),
        Change::Preempt { .. } => Key::Preempt,
        other => Key::Same(other.clone()),
    }
}

/// Of two ways of the same kind the one that demands less: more of what is asked for, fewer that have to go.
fn ease(changes: &[Change]) -> Vec<i64> {
    let of = |change: &Change| match change {
        Change::AskLess { at_most, .. } => i64::try_from(*at_most).unwrap_or(i64::MAX),
        Change::Preempt { count, .. } => -i64::try_from(*count).unwrap_or(i64::MAX),
        _ => 0,
    };
    changes.iter().map(of).collect()
}

/// Returns what would have to change for an instance to fit on one node.
fn changes(node: &NodeExplanation) -> Vec<Change> {
    let mut changes: Vec<Change> = node.filtered.iter().map(of_filter).collect();
    changes.extend(node.lacks.iter().map(of_lack));
    changes.sort();
    changes.dedup();
    changes
}

fn of_filter(filter: &Filter) -> Change {
    match (&filter.kind, &filter.place) {
        (FilterKind::Constraint(constraint) | FilterKind::Distinct(constraint), Some(place)) => {
            Change::WithoutConstraint { constraint: constraint.clone(), place: place.clone() }
        }
        (FilterKind::NotReady(_), _) => Change::Other("it were ready".to_owned()),
        (FilterKind::Ineligible(_), _) => Change::Other("it were eligible for new allocations".to_owned()),
        (FilterKind::NodePool, _) => Change::Other("the job asked for its node pool".to_owned()),
        (FilterKind::Datacenter, _) => Change::Other("the job asked for its datacenter".to_owned()),
        (FilterKind::Driver(name), _) => Change::Other(format!("it had a healthy driver {name}")),
        (FilterKind::Volume(name), _) => Change::Other(format!("it had the volume {name}")),
        (FilterKind::Device(name), _) => Change::Other(format!("it had the devices {name}")),
        (FilterKind::Constraint(constraint) | FilterKind::Distinct(constraint), None) => {
            Change::Other(format!("it met {constraint}"))
        }
    }
}

fn of_lack(lacking: &Lacking) -> Change {
    let less = |dimension: &str, unit: &str, at_most: u64, asked: u64| Change::AskLess {
        dimension: dimension.to_owned(),
        unit: unit.to_owned(),
        at_most,
        asked,
    };
    match &lacking.lack {
        Lack::Amount { dimension, unit, free, asked } => less(dimension, unit, *free, *asked),
        Lack::Port { number, label } => Change::FreePort { number: *number, label: label.clone() },
        Lack::DynamicPorts { free, asked } => less("dynamic ports", "", *free as u64, *asked as u64),
        Lack::Cores { free, asked } => less("cores", "", *free, *asked),
        Lack::NoNetwork => Change::Other("it had a network".to_owned()),
        Lack::Device(device) => Change::Other(format!("more of the devices {} were free", device.request)),
    }
}
