//! Nodes.

use std::sync::Arc;

use imbl::OrdMap;

use crate::model::{Node, NodeId};

/// All nodes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nodes {
    by_id: OrdMap<NodeId, Arc<Node>>,
    /// Log index of the last change of any node.
    pub(in crate::state) index: u64,
}

impl Nodes {
    /// Returns a node.
    pub fn get(&self, id: &NodeId) -> Option<&Arc<Node>> {
        self.by_id.get(id)
    }

    /// Returns all nodes in id order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.by_id.values()
    }

    pub(in crate::state) fn put(&mut self, node: Arc<Node>, index: u64) {
        self.by_id.insert(node.id, node);
        self.index = index;
    }
}
