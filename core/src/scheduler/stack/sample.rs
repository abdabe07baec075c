//! Nomad's limited search: some nodes in random order instead of all, to compare with. Source: Nomad
//! `scheduler/feasible/stack.go` and `select.go`.

use std::collections::BTreeSet;

use rand::{Rng, RngExt};

use super::Cluster;
use super::podium::Standout;
use super::search::Search;
use crate::model::{AllocMetric, JobType, NodeId};
use crate::scheduler::feasible;

/// How many options of no use are passed over in the hope of better ones.
const SKIPPED_MAX: usize = 3;
/// How many options are looked at when wishes or spreads have a say, at least.
const CHOOSY_LIMIT: usize = 100;

/// The nodes in the order in which an evaluation walks over them, round and round.
pub(super) struct Sample {
    order: Vec<usize>,
    next: usize,
}

impl Sample {
    /// Shuffles the nodes where the job may run.
    pub(super) fn new(cluster: &Cluster<'_>, rng: &mut dyn Rng) -> Self {
        let entries = cluster.roster.entries().iter().enumerate();
        let ready = entries
            .filter(|(_, entry)| entry.is_schedulable && feasible::is_in_place(cluster.job, &entry.node));
        let mut order: Vec<usize> = ready.map(|(position, _)| position).collect();
        for last in (1..order.len()).rev() {
            order.swap(last, rng.random_range(0..=last));
        }
        Self { order, next: 0 }
    }

    fn limit(&self, cluster: &Cluster<'_>, search: &Search<'_>) -> usize {
        if search.is_choosy() {
            return CHOOSY_LIMIT.max(search.count() as usize);
        }
        match cluster.job.job_type {
            JobType::Batch => 2,
            _ => (self.order.len().max(1).next_power_of_two().ilog2() as usize).max(2),
        }
    }
}

impl<'a> Search<'a> {
    /// Returns the best of the next candidates of a sample.
    pub(super) fn sampled(
        &mut self,
        cluster: &Cluster<'a>,
        failed_on: &BTreeSet<NodeId>,
        sample: &mut Sample,
    ) -> Option<(usize, AllocMetric)> {
        self.refresh();
        let penalised: BTreeSet<usize> =
            failed_on.iter().filter_map(|id| cluster.roster.position(id)).collect();
        let limit = sample.limit(cluster, self);
        let mut options: Vec<Standout> = Vec::new();
        let mut skipped: Vec<Standout> = Vec::new();
        for _ in 0..sample.order.len() {
            if options.len() == limit {
                break;
            }
            let position = sample.order[sample.next];
            sample.next = (sample.next + 1) % sample.order.len();
            let Some(option) = self.rank_at(position, penalised.contains(&position)) else { continue };
            if option.0 <= 0 && skipped.len() < SKIPPED_MAX {
                skipped.push(option);
            } else {
                options.push(option);
            }
        }
        let missing = limit - options.len();
        options.extend(skipped.into_iter().take(missing));
        // Stable, and the first of equal ones wins.
        options.sort_by_key(|(rank, _)| std::cmp::Reverse(*rank));
        self.told(cluster, options.into_iter().map(|(_, position)| position.0), &penalised)
    }
}
