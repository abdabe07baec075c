//! Allocations, also by job and by node.

use std::sync::Arc;

use imbl::OrdMap;

use super::Grouped;
use crate::model::{AllocId, Allocation, JobKey, NodeId, Usage};

/// All allocations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Allocs {
    by_id: OrdMap<AllocId, Arc<Allocation>>,
    by_job: Grouped<JobKey, AllocId, Allocation>,
    by_node: Grouped<NodeId, AllocId, Allocation>,
    /// What the allocations of each node hold together that are not terminal.
    usages: OrdMap<NodeId, Arc<Usage>>,
    /// Log index of the servers' last change of an allocation of each node.
    node_indexes: OrdMap<NodeId, u64>,
    /// Log index of the last change of any allocation.
    pub(in crate::state) index: u64,
}

impl Allocs {
    /// Returns an allocation.
    pub fn get(&self, id: &AllocId) -> Option<&Arc<Allocation>> {
        self.by_id.get(id)
    }

    /// Returns all allocations in id order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Allocation>> {
        self.by_id.values()
    }

    /// Returns a job's allocations in id order.
    pub fn of_job(&self, key: &JobKey) -> impl Iterator<Item = &Arc<Allocation>> {
        super::of(&self.by_job, key)
    }

    /// Returns a node's allocations in id order.
    pub fn of_node(&self, id: &NodeId) -> impl Iterator<Item = &Arc<Allocation>> {
        super::of(&self.by_node, id)
    }

    /// Returns what the allocations of a node hold together that are not terminal; `None` for nothing.
    pub fn usage(&self, id: &NodeId) -> Option<&Arc<Usage>> {
        self.usages.get(id)
    }

    /// Returns the log index of the servers' last change of an allocation of a node; 0 when there was none.
    pub fn node_index(&self, id: &NodeId) -> u64 {
        self.node_indexes.get(id).copied().unwrap_or(0)
    }

    pub(in crate::state) fn put(&mut self, alloc: Arc<Allocation>, index: u64) {
        if alloc.alloc_modify_index > self.node_index(&alloc.node_id) {
            self.node_indexes.insert(alloc.node_id, alloc.alloc_modify_index);
        }
        self.count(&alloc);
        super::insert(&mut self.by_job, alloc.job_key.clone(), alloc.id, alloc.clone());
        super::insert(&mut self.by_node, alloc.node_id, alloc.id, alloc.clone());
        self.by_id.insert(alloc.id, alloc);
        self.index = index;
    }

    /// Brings the usage up to date with `alloc`, which is about to take the place of what is known of it.
    fn count(&mut self, alloc: &Allocation) {
        let holds = |alloc: &&Allocation| !alloc.is_terminal();
        let before = self.by_id.get(&alloc.id).map(|known| &**known).filter(holds);
        let after = Some(alloc).filter(holds);
        if let (Some(before), Some(after)) = (before, after)
            && before.node_id == after.node_id
            && before.resources == after.resources
        {
            return;
        }
        if let Some(before) = before {
            let usage = self.usages.entry(before.node_id).or_default();
            Arc::make_mut(usage).remove(&before.resources);
            if **usage == Usage::default() {
                self.usages.remove(&before.node_id);
            }
        }
        if let Some(after) = after {
            Arc::make_mut(self.usages.entry(after.node_id).or_default()).add(&after.resources);
        }
    }
}
