//! Allocations, also by job and by node.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use crate::model::{AllocId, Allocation, JobKey, NodeId, Usage};

/// All allocations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Allocs {
    by_id: OrdMap<AllocId, Arc<Allocation>>,
    /// Ids only: a change of what is known leaves them alone, and a new one moves no counts of references.
    by_job: OrdMap<JobKey, OrdSet<AllocId>>,
    by_node: OrdMap<NodeId, OrdSet<AllocId>>,
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
    pub fn of_job(&self, key: &JobKey) -> impl Iterator<Item = &Arc<Allocation>> + use<'_> {
        self.all(self.by_job.get(key))
    }

    /// Returns a node's allocations in id order.
    pub fn of_node(&self, id: &NodeId) -> impl Iterator<Item = &Arc<Allocation>> + use<'_> {
        self.all(self.by_node.get(id))
    }

    fn all<'a>(&'a self, ids: Option<&'a OrdSet<AllocId>>) -> impl Iterator<Item = &'a Arc<Allocation>> {
        ids.into_iter().flatten().filter_map(|id| self.by_id.get(id))
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
        // An allocation never changes its job or its node.
        if !self.by_id.contains_key(&alloc.id) {
            self.by_job.entry(alloc.job_key.clone()).or_default().insert(alloc.id);
            self.by_node.entry(alloc.node_id).or_default().insert(alloc.id);
        }
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
