//! The indexes in the names of a group's allocations: `web.app[3]` has 3.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::Allocation;

/// Which indexes of a group are taken.
#[derive(Clone, Debug)]
pub struct NameIndex {
    job: String,
    group: String,
    taken: BTreeSet<u32>,
}

impl NameIndex {
    /// Begins with the names of `allocs`.
    pub fn new<'a>(job: &str, group: &str, allocs: impl IntoIterator<Item = &'a Arc<Allocation>>) -> Self {
        let taken = allocs.into_iter().filter_map(|alloc| alloc.index()).collect();
        Self { job: job.to_owned(), group: group.to_owned(), taken }
    }

    /// Takes the lowest `count` free indexes and returns the names.
    pub fn take(&mut self, count: usize) -> Vec<String> {
        // What is taken is walked over once for all of them.
        let mut names = Vec::with_capacity(count);
        let mut taken = self.taken.iter().copied().peekable();
        let mut index = 0;
        while names.len() < count {
            if taken.next_if_eq(&index).is_none() {
                names.push(index);
            }
            index += 1;
        }
        drop(taken);
        self.taken.extend(&names);
        names.into_iter().map(|index| self.name(index)).collect()
    }

    /// Returns names for `count` canaries: those of what they are to take over from, the lowest first, as far as no canary
    /// has them, then free ones.
    pub fn take_for_canaries(
        &mut self,
        count: usize,
        canaries: &[Arc<Allocation>],
        replaced: &[Arc<Allocation>],
    ) -> Vec<String> {
        let of_canaries: BTreeSet<u32> = canaries.iter().filter_map(|alloc| alloc.index()).collect();
        let of_replaced: BTreeSet<u32> = replaced.iter().filter_map(|alloc| alloc.index()).collect();
        let shared = of_replaced.difference(&of_canaries).take(count).copied();
        let mut names: Vec<String> = shared.map(|index| self.name(index)).collect();
        names.extend(self.take(count - names.len()));
        names
    }

    fn name(&self, index: u32) -> String {
        Allocation::name_of(&self.job, &self.group, index)
    }
}

/// Puts allocations into the order of their names.
pub fn sort(allocs: &mut [Arc<Allocation>]) {
    allocs.sort_by_key(|alloc| (alloc.index(), alloc.id));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn allocs(indexes: &[u32]) -> Vec<Arc<Allocation>> {
        let named = indexes.iter().map(|index| {
            let mut alloc = testing::alloc("web", "docker");
            alloc.name = Allocation::name_of("web", "web", *index);
            Arc::new(alloc)
        });
        named.collect()
    }

    #[test]
    fn free_names_are_given_out_from_the_lowest() {
        let mut names = NameIndex::new("web", "web", &allocs(&[0, 2, 2, 5]));
        assert_eq!(names.take(3), ["web.web[1]", "web.web[3]", "web.web[4]"]);
        assert_eq!(names.take(1), ["web.web[6]"]);
        assert_eq!(names.take(0), [""; 0]);
    }

    #[test]
    fn canaries_take_the_names_they_will_take_over_and_then_free_ones() {
        let all = allocs(&[0, 1, 2]);
        let mut names = NameIndex::new("web", "web", &all);
        let canaries = allocs(&[0]);
        assert_eq!(names.take_for_canaries(3, &canaries, &all), ["web.web[1]", "web.web[2]", "web.web[3]"]);
    }
}
