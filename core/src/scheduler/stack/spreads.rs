//! The spread blocks of a group over the nodes of a cluster.

use std::collections::BTreeMap;

use super::Cluster;
use crate::model::TaskGroup;
use crate::scheduler::rank::parts;
use crate::scheduler::rank::spread::{Block, PENALTY};
use crate::scheduler::target;

/// What spread blocks say of each bucket. Without blocks there is one bucket, of which nothing is said.
pub(super) struct Spreads {
    blocks: Vec<Placed>,
    /// The bucket of each position.
    pub(super) bucket_of: Vec<usize>,
    /// By bucket: the value's number in each block.
    values: Vec<Vec<Option<usize>>>,
    /// By bucket; up to date unless `stale`.
    boosts: Vec<Option<f64>>,
    /// The same, in parts of a point.
    boost_parts: Vec<Option<i64>>,
    stale: bool,
    /// The lowest boost so far of a value that is wanted. Nomad begins with the penalty as well.
    lowest: f64,
}

/// A block, and the number of each position's value.
struct Placed {
    block: Block,
    numbers: Vec<Option<usize>>,
}

impl Spreads {
    pub(super) fn new(cluster: &Cluster<'_>, group: &TaskGroup, index: usize) -> Self {
        let blocks = Block::all(&cluster.job.spreads, group);
        let mut blocks: Vec<Placed> = blocks.into_iter().map(|block| Placed::new(cluster, block)).collect();
        for block in &mut blocks {
            block.count_existing(cluster, index);
        }
        let len = cluster.roster.entries().len();
        let mut spreads = Self {
            bucket_of: vec![0; len],
            values: vec![Vec::new()],
            boosts: vec![None],
            boost_parts: vec![None],
            stale: !blocks.is_empty(),
            lowest: PENALTY,
            blocks,
        };
        spreads.sort_into_buckets();
        spreads
    }

    /// Parts the nodes block by block until all of a bucket have the same values.
    fn sort_into_buckets(&mut self) {
        for placed in &self.blocks {
            let mut known: BTreeMap<(usize, Option<usize>), usize> = BTreeMap::new();
            let mut values: Vec<Vec<Option<usize>>> = Vec::new();
            for (bucket, number) in self.bucket_of.iter_mut().zip(&placed.numbers) {
                let next = known.len();
                let finer = *known.entry((*bucket, *number)).or_insert(next);
                if finer == values.len() {
                    let mut all = self.values[*bucket].clone();
                    all.push(*number);
                    values.push(all);
                }
                *bucket = finer;
            }
            self.values = values;
        }
        self.boosts = vec![None; self.values.len()];
        self.boost_parts = vec![None; self.values.len()];
    }

    /// Returns how many buckets there are.
    pub(super) fn buckets(&self) -> usize {
        self.values.len()
    }

    /// Tells whether there is nothing to spread over.
    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Notes that an instance of the group comes to a position, or goes.
    pub(super) fn change(&mut self, position: usize, comes: bool) {
        for placed in &mut self.blocks {
            placed.change(position, comes);
            self.stale = true;
        }
    }

    /// Brings the boosts up to date.
    pub(super) fn refresh(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        // The lowest boost is found out before it is used, so that the order of blocks does not matter.
        for placed in &self.blocks {
            placed.block.lower(&mut self.lowest);
        }
        let by_block: Vec<Vec<f64>> =
            self.blocks.iter().map(|placed| placed.block.boosts(self.lowest)).collect();
        for (bucket, values) in self.values.iter().enumerate() {
            let each = values.iter().zip(&by_block);
            let sum: f64 = each.map(|(value, boosts)| value.map_or(PENALTY, |value| boosts[value])).sum();
            // A sum of 0 says nothing, and does not dilute the mean.
            let boost = Some(sum).filter(|sum| *sum != 0.0);
            if boost != self.boosts[bucket] {
                self.boosts[bucket] = boost;
                self.boost_parts[bucket] = boost.map(parts);
            }
        }
    }

    /// Returns what the blocks say of each bucket, in parts of a point.
    pub(super) fn boost_parts(&self) -> &[Option<i64>] {
        &self.boost_parts
    }

    /// Returns what the blocks say of a bucket.
    pub(super) fn boost(&self, bucket: usize) -> Option<f64> {
        self.boosts[bucket]
    }
}

impl Placed {
    fn new(cluster: &Cluster<'_>, mut block: Block) -> Self {
        let attribute = block.attribute.clone();
        let numbers = cluster.by_node(target::is_unique(&attribute), |node| {
            target::resolve(node, &attribute).map(|value| block.number(&value))
        });
        Self { block, numbers }
    }

    fn count_existing(&mut self, cluster: &Cluster<'_>, group: usize) {
        for (position, of) in cluster.cleared.iter().filter(|(_, of)| *of == group) {
            debug_assert_eq!(*of, group);
            self.change(*position, true);
            self.change(*position, false);
        }
        for (position, count) in cluster.counts[group].iter().enumerate() {
            for _ in 0..*count {
                self.change(position, true);
            }
        }
    }

    fn change(&mut self, position: usize, comes: bool) {
        match self.numbers[position] {
            Some(number) if comes => self.block.add(number),
            Some(number) => self.block.remove(number),
            None => {}
        }
    }
}
