//! Counting what a search saw, kept up to date as nodes change.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::metric::NodesSeen;

/// The counts of a search. Metrics share them until the next change.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) counts: Arc<NodesSeen>,
}

impl Seen {
    /// Notes an available node of a datacenter.
    pub(super) fn available(&mut self, datacenter: &str) {
        let counts = Arc::make_mut(&mut self.counts);
        counts.nodes_evaluated += 1;
        counts.nodes_in_pool += 1;
        change(&mut counts.nodes_available, datacenter, true);
    }

    /// Notes that a node of a class is, or is no longer, filtered for these reasons.
    pub(super) fn filtered<'k>(&mut self, class: &str, keys: impl Iterator<Item = &'k str>, is: bool) {
        let counts = Arc::make_mut(&mut self.counts);
        step(&mut counts.nodes_filtered, is);
        if !class.is_empty() {
            change(&mut counts.class_filtered, class, is);
        }
        for key in keys {
            change(&mut counts.constraint_filtered, key, is);
        }
    }

    /// Notes that a node of a class has, or no longer has, too little of these.
    pub(super) fn exhausted<'k>(&mut self, class: &str, dimensions: impl Iterator<Item = &'k str>, is: bool) {
        let counts = Arc::make_mut(&mut self.counts);
        step(&mut counts.nodes_exhausted, is);
        if !class.is_empty() {
            change(&mut counts.class_exhausted, class, is);
        }
        for dimension in dimensions {
            change(&mut counts.dimension_exhausted, dimension, is);
        }
    }
}

fn change(counts: &mut BTreeMap<String, u32>, key: &str, up: bool) {
    match counts.get_mut(key) {
        Some(count) => {
            step(count, up);
            if *count == 0 {
                counts.remove(key);
            }
        }
        None if up => drop(counts.insert(key.to_owned(), 1)),
        None => {}
    }
}

fn step(count: &mut u32, up: bool) {
    *count = if up { *count + 1 } else { count.saturating_sub(1) };
}
