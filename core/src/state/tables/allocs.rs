//! Allocations, also by job and by node.

use std::sync::Arc;

use imbl::OrdMap;

use super::Grouped;
use crate::model::{AllocId, Allocation, JobKey, NodeId};

/// All allocations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Allocs {
    by_id: OrdMap<AllocId, Arc<Allocation>>,
    by_job: Grouped<JobKey, AllocId, Allocation>,
    by_node: Grouped<NodeId, AllocId, Allocation>,
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

    /// Returns the log index of the servers' last change of an allocation of a node; 0 when there was none.
    pub fn node_index(&self, id: &NodeId) -> u64 {
        self.node_indexes.get(id).copied().unwrap_or(0)
    }

    pub(in crate::state) fn put(&mut self, alloc: Arc<Allocation>, index: u64) {
        if alloc.alloc_modify_index > self.node_index(&alloc.node_id) {
            self.node_indexes.insert(alloc.node_id, alloc.alloc_modify_index);
        }
        super::insert(&mut self.by_job, alloc.job_key.clone(), alloc.id, alloc.clone());
        super::insert(&mut self.by_node, alloc.node_id, alloc.id, alloc.clone());
        self.by_id.insert(alloc.id, alloc);
        self.index = index;
    }
}
