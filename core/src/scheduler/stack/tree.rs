//! A tournament of candidates: the best is known at once, and a change of one costs as many matches as there are rounds.

use std::collections::BinaryHeap;

/// Candidates in a fixed order, each with a key or out of it. The highest key wins; of equal ones, the first.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    /// A complete binary tree: the root at 1, the leaves from `leaves` on. Each holds the winner below it.
    keys: Vec<i64>,
    leaves: usize,
}

/// The key of one that does not take part.
pub(super) const OUT: i64 = i64::MIN;

impl Tree {
    /// Makes one for `len` candidates, none of which takes part yet.
    pub(super) fn new(len: usize) -> Self {
        let leaves = len.next_power_of_two();
        Self { keys: vec![OUT; 2 * leaves], leaves }
    }

    /// Sets a key without a match; [`rebuild`](Self::rebuild) has to follow.
    pub(super) fn prepare(&mut self, index: usize, key: i64) {
        self.keys[self.leaves + index] = key;
    }

    /// Plays all matches.
    pub(super) fn rebuild(&mut self) {
        for node in (1..self.leaves).rev() {
            self.keys[node] = self.keys[2 * node].max(self.keys[2 * node + 1]);
        }
    }

    /// Sets a key, or takes a candidate out.
    pub(super) fn set(&mut self, index: usize, key: Option<i64>) {
        let mut node = self.leaves + index;
        self.keys[node] = key.unwrap_or(OUT);
        while node > 1 {
            node /= 2;
            let winner = self.keys[2 * node].max(self.keys[2 * node + 1]);
            if self.keys[node] == winner {
                return;
            }
            self.keys[node] = winner;
        }
    }

    /// Returns the best candidate and its key.
    pub(super) fn best(&self) -> Option<(usize, i64)> {
        let key = self.keys[1];
        if key == OUT {
            return None;
        }
        let mut node = 1;
        while node < self.leaves {
            node = if self.keys[2 * node] == key { 2 * node } else { 2 * node + 1 };
        }
        Some((node - self.leaves, key))
    }

    /// Calls `take` with candidates and their keys from the best on, until it returns false.
    pub(super) fn visit(&self, mut take: impl FnMut(usize, i64) -> bool) {
        // A winner stands for all below it; opened, it makes room for two. Left before right, as the first wins.
        let mut open = BinaryHeap::new();
        open.push((self.keys[1], std::cmp::Reverse(self.first_leaf(1)), 1));
        while let Some((key, _, node)) = open.pop() {
            if key == OUT {
                return;
            }
            if node >= self.leaves {
                if !take(node - self.leaves, key) {
                    return;
                }
                continue;
            }
            for child in [2 * node, 2 * node + 1] {
                open.push((self.keys[child], std::cmp::Reverse(self.first_leaf(child)), child));
            }
        }
    }

    fn first_leaf(&self, mut node: usize) -> usize {
        while node < self.leaves {
            node *= 2;
        }
        node
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_tree_is_a_stable_sort(
            keys in prop::collection::vec(prop::option::of(-3..3_i64), 0..40),
            changes in prop::collection::vec((0..40_usize, prop::option::of(-3..3_i64)), 0..20),
        ) {
            let mut keys = keys;
            let mut tree = Tree::new(keys.len());
            for (index, key) in keys.iter().enumerate() {
                tree.prepare(index, key.unwrap_or(OUT));
            }
            tree.rebuild();
            for (index, key) in changes.into_iter().filter(|(index, _)| *index < keys.len()).collect::<Vec<_>>() {
                keys[index] = key;
                tree.set(index, key);
            }
            let mut sorted: Vec<(usize, i64)> =
                keys.iter().enumerate().filter_map(|(index, key)| Some((index, (*key)?))).collect();
            sorted.sort_by_key(|(index, key)| (std::cmp::Reverse(*key), *index));
            let mut visited = Vec::new();
            tree.visit(|index, key| { visited.push((index, key)); true });
            prop_assert_eq!(tree.best(), sorted.first().copied());
            prop_assert_eq!(visited, sorted);
        }
    }
}
