//! Finds nodes for instances: feasible, fitting, best.
//!
//! A [`Stack`] is the cluster as it will be once the plan so far is carried out. Each group has a `Search`, made when its
//! first instance is placed: every node is looked at once. After a placement only what has changed is looked at again:
//! the chosen node, and what the job's spreads and distinct constraints say of the values of that node.
//!
//! # Vocabulary
//! - *Position*: where a node stands in the roster, which is in name order. The first wins among equally good ones.
//! - *Standing*: what a node is to a group: unavailable, filtered, exhausted or a candidate.
//! - *Boost*: what spread blocks say of a node. It depends on the node's values alone, so nodes of equal values are kept
//!   in one *bucket* and a boost is no reason to look at its nodes again.
//!
//! # Caveats
//! - With [`Sampled`](super::Search::Sampled) search the scores told are those of the sample, while the counts of nodes
//!   are those of the whole cluster.

mod distinct;
mod podium;
mod sample;
mod search;
mod seen;
mod spreads;
mod tree;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::Rng;

use self::sample::Sample;
use self::search::Search;
use super::fit::{Ask, Room};
use super::preempt::{self, Displaced};
use super::reconcile::Placement;
use super::{Options, feasible};
use crate::model::metric::NodeScore;
use crate::model::{
    AllocId, AllocMetric, AllocatedResources, Allocation, Job, Node, NodeId, Scorer, TaskGroup, Usage,
};
use crate::state::Snapshot;
use crate::state::tables::nodes::{Roster, RosterEntry};

/// All nodes with what is used on them, while a plan grows.
pub(super) struct Stack<'a> {
    cluster: Cluster<'a>,
    /// By the group's place in the job.
    searches: BTreeMap<usize, Search<'a>>,
    /// The order in which a sampled search walks.
    sample: Option<Sample>,
    view: &'a Snapshot,
    /// Allocations that the plan ends, those that make room among them.
    gone: BTreeSet<AllocId>,
    /// How many allocations of other groups make room.
    displaced: Displaced,
}

/// A node for an instance.
pub(super) struct Placed<'a> {
    /// Where it goes.
    pub node: &'a Arc<Node>,
    /// What it gets there.
    pub resources: Arc<AllocatedResources>,
    /// How the node was chosen.
    pub metric: Arc<AllocMetric>,
    /// Less important allocations that have to go.
    pub preempted: Vec<Arc<Allocation>>,
}

/// The nodes as they will be once the plan so far is carried out.
struct Cluster<'a> {
    job: &'a Arc<Job>,
    options: &'a Options,
    roster: &'a Roster,
    /// By position.
    usages: Vec<Cow<'a, Usage>>,
    /// How many allocations of the job there are, by group and position; the last is for groups that are gone. Empty for
    /// groups without any.
    counts: Vec<Vec<u32>>,
    /// Where the plan stops an allocation of which group, at its beginning.
    cleared: Vec<(usize, usize)>,
    /// Where an allocation of which group came or went, from the beginning.
    changes: Vec<Change>,
}

/// An allocation of the job has come or gone.
#[derive(Clone, Copy)]
struct Change {
    position: usize,
    group: usize,
    comes: bool,
}

impl<'a> Stack<'a> {
    /// Looks at all nodes as they will be once `freed` is stopped.
    pub(super) fn new(
        view: &'a Snapshot,
        job: &'a Arc<Job>,
        options: &'a Options,
        freed: &BTreeSet<AllocId>,
    ) -> Self {
        let roster = view.roster();
        let usage = |id: &NodeId| view.usage(id).map_or_else(Cow::default, |usage| Cow::Borrowed(&**usage));
        let mut cluster = Cluster {
            job,
            options,
            roster,
            usages: roster.entries().iter().map(|entry| usage(&entry.node.id)).collect(),
            counts: vec![Vec::new(); job.groups.len() + 1],
            cleared: Vec::new(),
            changes: Vec::new(),
        };
        let held = |alloc: &&Arc<Allocation>| !alloc.is_terminal();
        for alloc in view.allocs_by_job(&job.key()).filter(held) {
            let group = cluster.group_index(&alloc.group);
            let Some(position) = roster.position(&alloc.node_id) else { continue };
            if freed.contains(&alloc.id) {
                cluster.cleared.push((position, group));
            } else {
                cluster.count(position, group, true);
            }
        }
        for alloc in freed.iter().filter_map(|id| view.alloc(id)).filter(held) {
            if let Some(position) = roster.position(&alloc.node_id) {
                cluster.usages[position].to_mut().remove(&alloc.resources);
            }
        }
        Self {
            cluster,
            searches: BTreeMap::new(),
            sample: None,
            view,
            gone: freed.clone(),
            displaced: Displaced::new(),
        }
    }

    /// Takes the best node for an instance of a group of the job, or says why there is none.
    ///
    /// What it replaces and holds on to its node if there is none (`keep_if_unplaced`) makes room first.
    pub(super) fn place(
        &mut self,
        group: &'a TaskGroup,
        placement: &Placement,
        rng: &mut dyn Rng,
    ) -> Result<Placed<'a>, Arc<AllocMetric>> {
        let replaced = placement.replaces.as_ref().filter(|_| placement.keep_if_unplaced);
        if let Some(reason) = replaced {
            self.free(&reason.alloc);
        }
        let (search, cluster) = self.search(group);
        let found = match cluster.options.search {
            super::Search::All => search.best(cluster, &placement.failed_on),
            super::Search::Sampled => {
                let sample = self.sample.get_or_insert_with(|| Sample::new(&self.cluster, rng));
                let search =
                    self.searches.get_mut(&self.cluster.group_index(&group.name)).expect("just made");
                search.sampled(&self.cluster, &placement.failed_on, sample)
            }
        };
        match found {
            Some((position, scores)) => Ok(self.take(position, group, scores, rng)),
            None => {
                let (search, _) = self.search(group);
                let exhausted = search.exhausted();
                if let Some(placed) = self.preempt(group, exhausted, &placement.failed_on, &[], rng) {
                    return Ok(placed);
                }
                // Said with the room of the replaced one counted as free, as that is how it was looked for.
                let (search, cluster) = self.search(group);
                let failure = Arc::new(search.failure(cluster));
                if let Some(reason) = replaced {
                    // An old version that runs is better than none.
                    self.keep(&reason.alloc);
                }
                Err(failure)
            }
        }
    }

    /// Takes one given node for an instance, as jobs do that run on every node, or says why it will not do.
    ///
    /// Scored by how it is filled and by `more`; what looks at other nodes has no say. Distinct constraints hold.
    pub(super) fn place_on(
        &mut self,
        node: NodeId,
        group: &'a TaskGroup,
        more: &[(Scorer, f64)],
        rng: &mut dyn Rng,
    ) -> Result<Placed<'a>, Arc<AllocMetric>> {
        let Some(position) = self.cluster.roster.position(&node) else { return Err(Arc::default()) };
        let (search, cluster) = self.search(group);
        match search.only(cluster, position, more) {
            Ok(scores) => Ok(self.take(position, group, scores, rng)),
            Err(metric) => {
                let only = search.is_exhausted(position).then_some(position).into_iter().collect();
                match self.preempt(group, only, &BTreeSet::new(), more, rng) {
                    Some(placed) => Ok(placed),
                    None => Err(Arc::new(metric)),
                }
            }
        }
    }

    /// Takes the node on which least is lost when less important allocations make room, if they may for this kind of job
    /// and if that helps on one of the nodes, all of which are feasible and too full.
    fn preempt(
        &mut self,
        group: &'a TaskGroup,
        exhausted: Vec<usize>,
        failed_on: &BTreeSet<NodeId>,
        more: &[(Scorer, f64)],
        rng: &mut dyn Rng,
    ) -> Option<Placed<'a>> {
        if !self.cluster.options.preemption.is_enabled(self.cluster.job.job_type) {
            return None;
        }
        let index = self.cluster.group_index(&group.name);
        let ask = Ask::of(group);
        let mut best: Option<(i64, usize, Vec<Arc<Allocation>>)> = None;
        for position in exhausted {
            let room = self.cluster.room(position);
            let there = self.view.allocs_by_node(&room.node.id);
            let there: Vec<_> = there.filter(|alloc| !self.gone.contains(&alloc.id)).cloned().collect();
            let chosen = preempt::on_node(self.cluster.job, group, &ask, &room, &there, &self.displaced);
            let Some(chosen) = chosen.filter(|chosen| !chosen.is_empty()) else { continue };
            let search = self.searches.get(&index)?;
            let rank = search.scores_without(&self.cluster, position, &chosen, failed_on, more).sum().rank();
            if best.as_ref().is_none_or(|(known, _, _)| rank > *known) {
                best = Some((rank, position, chosen));
            }
        }
        let (_, position, chosen) = best?;
        let search = self.searches.get(&index)?;
        let metric = search.metric_without(&self.cluster, position, &chosen, failed_on, more);
        for alloc in &chosen {
            self.free(alloc);
            *self.displaced.entry((alloc.job_key.clone(), alloc.group.clone())).or_default() += 1;
        }
        let placed = self.take(position, group, metric, rng);
        Some(Placed { preempted: chosen, ..placed })
    }

    /// Returns the scores of every node on which an instance of a group fits, in name order; `None` for the others.
    pub(super) fn scores(&mut self, group: &'a TaskGroup) -> Vec<Option<NodeScore>> {
        let index = self.cluster.group_index(&group.name);
        self.search(group);
        let search = self.searches.get_mut(&index).expect("just made");
        search.all_scores(&self.cluster)
    }

    /// Counts on an allocation's end: what it holds is free.
    pub(super) fn free(&mut self, alloc: &Allocation) {
        let Some(position) = self.cluster.position_of(alloc) else { return };
        self.gone.insert(alloc.id);
        self.cluster.usages[position].to_mut().remove(&alloc.resources);
        self.cluster.change(position, alloc, false);
    }

    /// Takes back that an allocation would be stopped.
    pub(super) fn keep(&mut self, alloc: &Allocation) {
        let Some(position) = self.cluster.position_of(alloc) else { return };
        self.gone.remove(&alloc.id);
        self.cluster.usages[position].to_mut().add(&alloc.resources);
        self.cluster.change(position, alloc, true);
    }

    /// Returns, for each computed class, whether a node of it could hold one of `groups` if it had room.
    ///
    /// A node that is down or ineligible now may be what helps later.
    pub(super) fn class_eligibility(&self, groups: &[&'a TaskGroup]) -> BTreeMap<String, bool> {
        let (roster, job) = (self.cluster.roster, self.cluster.job);
        let mut could: Vec<Option<bool>> = vec![None; roster.classes().len()];
        let beyond = groups.iter().any(|group| feasible::looks_beyond_class(job, group));
        for entry in roster.entries() {
            let known = &mut could[entry.class];
            if *known == Some(true) || (known.is_some() && !beyond) {
                continue;
            }
            *known = Some(groups.iter().any(|group| {
                let reasons = feasible::reasons(job, group, &entry.node);
                reasons.iter().all(feasible::Reason::passes)
            }));
        }
        let classes = roster.classes().iter().map(ToString::to_string);
        classes.zip(could.into_iter().map(|could| could == Some(true))).collect()
    }

    /// Returns the search of a group, up to date.
    fn search(&mut self, group: &'a TaskGroup) -> (&mut Search<'a>, &Cluster<'a>) {
        let index = self.cluster.group_index(&group.name);
        let search = self.searches.entry(index).or_insert_with(|| Search::new(&self.cluster, group, index));
        search.catch_up(&self.cluster);
        (search, &self.cluster)
    }

    fn take(
        &mut self,
        position: usize,
        group: &'a TaskGroup,
        metric: AllocMetric,
        rng: &mut dyn Rng,
    ) -> Placed<'a> {
        let index = self.cluster.group_index(&group.name);
        let node = &self.cluster.roster.entries()[position].node;
        let resources = match self.searches.get(&index).and_then(Search::same_everywhere) {
            Some(resources) => resources,
            None => Arc::new(super::ports::assign(group, node, &self.cluster.usages[position], rng)),
        };
        self.cluster.usages[position].to_mut().add(&resources);
        self.cluster.count(position, index, true);
        self.cluster.changes.push(Change { position, group: index, comes: true });
        Placed { node, resources, metric: Arc::new(metric), preempted: Vec::new() }
    }
}

impl<'a> Cluster<'a> {
    /// Returns the place of a group in the job, the one past the last for a group that is gone.
    fn group_index(&self, name: &str) -> usize {
        let groups = &self.job.groups;
        groups.iter().position(|group| group.name == name).unwrap_or(groups.len())
    }

    /// Returns where an allocation holds room; `None` for one that holds none.
    fn position_of(&self, alloc: &Allocation) -> Option<usize> {
        self.roster.position(&alloc.node_id).filter(|_| !alloc.is_terminal())
    }

    fn room(&self, position: usize) -> Room<'_> {
        let entry = &self.roster.entries()[position];
        Room { node: &entry.node, capacity: entry.capacity, usage: &self.usages[position] }
    }

    /// Asks something of all nodes; where the answer does not depend on unique facts, once for each class.
    fn by_node<T: Copy>(&self, is_unique: bool, mut ask: impl FnMut(&Node) -> T) -> Vec<T> {
        let mut known: Vec<Option<T>> = vec![None; self.roster.classes().len()];
        let answer = |entry: &RosterEntry| match known[entry.class].filter(|_| !is_unique) {
            Some(answer) => answer,
            None => *known[entry.class].insert(ask(&entry.node)),
        };
        self.roster.entries().iter().map(answer).collect()
    }

    /// Returns how many allocations of the job, or of one of its groups, are at a position.
    fn count_of(&self, position: usize, group: Option<usize>) -> u32 {
        let of = |counts: &Vec<u32>| counts.get(position).copied().unwrap_or(0);
        match group {
            Some(group) => of(&self.counts[group]),
            None => self.counts.iter().map(of).sum(),
        }
    }

    fn change(&mut self, position: usize, alloc: &Allocation, comes: bool) {
        if alloc.job_key.id != self.job.id || alloc.job_key.namespace != self.job.namespace {
            // Room changes, the job's own counts do not.
            self.changes.push(Change { position, group: usize::MAX, comes });
            return;
        }
        let group = self.group_index(&alloc.group);
        self.count(position, group, comes);
        self.changes.push(Change { position, group, comes });
    }

    fn count(&mut self, position: usize, group: usize, comes: bool) {
        let counts = &mut self.counts[group];
        if counts.is_empty() {
            counts.resize(self.roster.entries().len(), 0);
        }
        let count = &mut counts[position];
        *count = if comes { *count + 1 } else { count.saturating_sub(1) };
    }
}
