//! What allocations of a group have in common is kept once.
//!
//! The scheduler shares it, but what is read from the log or from a snapshot has been written out for each allocation. A
//! million allocations fit into a gigabyte only if that is undone.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{AllocMetric, AllocatedResources, Allocation, JobKey, NodeId, NodeScore, NodesSeen};

/// How many different ones are compared with: neighbours are alike, or all differ.
const RECENT_MAX: usize = 2;

/// Parts of allocations met so far.
#[derive(Default)]
pub(super) struct Shared {
    groups: BTreeMap<JobKey, BTreeMap<String, Parts>>,
}

#[derive(Default)]
struct Parts {
    resources: Vec<Arc<AllocatedResources>>,
    seen: Vec<Arc<NodesSeen>>,
    /// By node and the bits of the mean.
    scores: BTreeMap<(NodeId, u64), Arc<NodeScore>>,
}

impl Shared {
    /// Lets an allocation share what others of its group have, too.
    pub(super) fn share(&mut self, alloc: &mut Allocation) {
        let parts = self.parts(&alloc.job_key, &alloc.group);
        share_recent(&mut parts.resources, &mut alloc.resources);
        let mut seen = alloc.metric.seen.clone();
        share_recent(&mut parts.seen, &mut seen);
        let scores: Vec<Arc<NodeScore>> =
            alloc.metric.scores.iter().map(|score| parts.score(score)).collect();
        if let Some((key, _)) = self.groups.get_key_value(&alloc.job_key) {
            alloc.job_key = key.clone();
        }
        let is_shared = Arc::ptr_eq(&seen, &alloc.metric.seen)
            && scores.iter().zip(&alloc.metric.scores).all(|(shared, own)| Arc::ptr_eq(shared, own));
        if !is_shared {
            let own = &alloc.metric;
            alloc.metric = Arc::new(AllocMetric { seen, scores, ..(**own).clone() });
        }
    }

    fn parts(&mut self, job: &JobKey, group: &str) -> &mut Parts {
        if !self.groups.contains_key(job) {
            self.groups.insert(job.clone(), BTreeMap::new());
        }
        let groups = self.groups.get_mut(job).expect("just made");
        if !groups.contains_key(group) {
            groups.insert(group.to_owned(), Parts::default());
        }
        groups.get_mut(group).expect("just made")
    }
}

impl Parts {
    fn score(&mut self, score: &Arc<NodeScore>) -> Arc<NodeScore> {
        let known =
            self.scores.entry((score.node_id, score.normalized.to_bits())).or_insert_with(|| score.clone());
        // The same mean can come of other scores.
        if Arc::ptr_eq(known, score) || known == score { known.clone() } else { score.clone() }
    }
}

fn share_recent<T: PartialEq>(recent: &mut Vec<Arc<T>>, own: &mut Arc<T>) {
    match recent.iter().find(|known| Arc::ptr_eq(known, own) || *known == own) {
        Some(known) => *own = known.clone(),
        None => {
            if recent.len() == RECENT_MAX {
                recent.remove(0);
            }
            recent.push(own.clone());
        }
    }
}
