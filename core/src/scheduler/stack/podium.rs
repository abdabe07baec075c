//! The candidates of a group in the order of their ranks, without sorting them.
//!
//! All candidates of a bucket and of the same number of scorers are boosted alike: among them the higher sum is the higher
//! mean, whatever the boost. So there is a tournament for each bucket and number of scorers, a *layer* being those of one
//! number. What the winners are worth with the boost of their bucket is compared whenever somebody asks.

use std::cmp::Reverse;

use super::tree::{OUT, Tree};
use crate::model::AllocMetric;
use crate::scheduler::rank::Sum;

/// A candidate's rank and its position; greater is better.
pub(super) type Standout = (i64, Reverse<usize>);

/// All candidates.
pub(super) struct Podium {
    /// By position.
    bucket_of: Vec<usize>,
    /// By position: the place in its bucket.
    slots: Vec<usize>,
    /// By bucket: its positions, ascending.
    members: Vec<Vec<usize>>,
    /// By the number of scorers that had a say.
    layers: Vec<Layer>,
}

/// The tournaments of one number of scorers.
#[derive(Default)]
struct Layer {
    /// By bucket.
    trees: Vec<Option<Tree>>,
    /// By bucket: the key and the position of the winner, side by side so that all can be looked over quickly.
    winners: Vec<(i64, usize)>,
}

impl Podium {
    /// Makes one in which nobody takes part yet.
    pub(super) fn new(bucket_of: &[usize], buckets: usize) -> Self {
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); buckets];
        let mut slots = Vec::with_capacity(bucket_of.len());
        for (position, bucket) in bucket_of.iter().enumerate() {
            slots.push(members[*bucket].len());
            members[*bucket].push(position);
        }
        Self { bucket_of: bucket_of.to_vec(), slots, members, layers: Vec::new() }
    }

    /// Adds a candidate without a match; [`rebuild`](Self::rebuild) has to follow.
    pub(super) fn prepare(&mut self, position: usize, sum: Sum) {
        let slot = self.slots[position];
        self.tree(position, sum.scorers).prepare(slot, sum.parts);
    }

    /// Plays all matches.
    pub(super) fn rebuild(&mut self) {
        for layer in &mut self.layers {
            for (bucket, tree) in layer.trees.iter_mut().enumerate() {
                if let Some(tree) = tree {
                    tree.rebuild();
                    layer.winners[bucket] = winner(tree, &self.members[bucket]);
                }
            }
        }
    }

    /// Moves a candidate from where it was, if it took part, to where it belongs, if it does now.
    pub(super) fn rank(&mut self, position: usize, before: Option<Sum>, sum: Option<Sum>) {
        if let Some(before) = before.filter(|before| sum.is_none_or(|sum| sum.scorers != before.scorers)) {
            self.set(position, before.scorers, None);
        }
        if let Some(sum) = sum {
            self.set(position, sum.scorers, Some(sum.parts));
        }
    }

    fn set(&mut self, position: usize, scorers: u8, key: Option<i64>) {
        let slot = self.slots[position];
        self.tree(position, scorers).set(slot, key);
        let (bucket, layer) = (self.bucket_of[position], &mut self.layers[usize::from(scorers)]);
        if let Some(tree) = &layer.trees[bucket] {
            layer.winners[bucket] = winner(tree, &self.members[bucket]);
        }
    }

    fn tree(&mut self, position: usize, scorers: u8) -> &mut Tree {
        let (bucket, scorers) = (self.bucket_of[position], usize::from(scorers));
        if self.layers.len() <= scorers {
            self.layers.resize_with(scorers + 1, Layer::default);
        }
        let layer = &mut self.layers[scorers];
        if layer.trees.is_empty() {
            layer.trees.resize_with(self.members.len(), || None);
            layer.winners.resize(self.members.len(), (OUT, 0));
        }
        let len = self.members[bucket].len();
        layer.trees[bucket].get_or_insert_with(|| Tree::new(len))
    }

    /// Returns the best candidates, best first; `boosts` are, by bucket, in parts of a point.
    pub(super) fn best(&self, boosts: &[Option<i64>]) -> Vec<Standout> {
        let mut best: Vec<Standout> = Vec::with_capacity(AllocMetric::SCORES_MAX + 1);
        // The best of all are within the tournaments whose winners are the best.
        for (_, bucket, scorers) in self.best_winners(boosts) {
            let (members, boost) = (&self.members[bucket], boosts[bucket]);
            let Some(tree) = &self.layers[usize::from(scorers)].trees[bucket] else { continue };
            tree.visit(|slot, parts| {
                let rank = Sum { parts, scorers }.and_parts(boost).rank();
                take_in(&mut best, (rank, Reverse(members[slot])))
            });
        }
        best
    }

    fn best_winners(&self, boosts: &[Option<i64>]) -> Vec<(Standout, usize, u8)> {
        let mut best = Vec::with_capacity(AllocMetric::SCORES_MAX + 1);
        for (scorers, layer) in (0_u8..).zip(&self.layers) {
            for (bucket, ((parts, position), boost)) in layer.winners.iter().zip(boosts).enumerate() {
                if *parts == OUT {
                    continue;
                }
                let rank = Sum { parts: *parts, scorers }.and_parts(*boost).rank();
                take_in(&mut best, ((rank, Reverse(*position)), bucket, scorers));
            }
        }
        best
    }
}

/// Takes one into the best so far, best first, and tells whether it belongs there.
fn take_in<T: Ord>(best: &mut Vec<T>, one: T) -> bool {
    if best.len() == AllocMetric::SCORES_MAX && best.last().is_some_and(|last| *last >= one) {
        return false;
    }
    let place = best.partition_point(|known| *known > one);
    best.insert(place, one);
    best.truncate(AllocMetric::SCORES_MAX);
    true
}

fn winner(tree: &Tree, members: &[usize]) -> (i64, usize) {
    tree.best().map_or((OUT, 0), |(slot, key)| (key, members[slot]))
}
