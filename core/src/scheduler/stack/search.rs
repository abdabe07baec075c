//! The search for nodes of one group.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::Cluster;
use super::distinct::Distinct;
use super::podium::{Podium, Standout};
use super::seen::Seen;
use super::spreads::Spreads;
use crate::model::metric::NodeScore;
use crate::model::{
    Affinity, AllocMetric, AllocatedResources, Allocation, Amounts, Node, NodeId, NodeVerdict, Scorer,
    TaskGroup,
};
use crate::scheduler::feasible::{self, Scope};
use crate::scheduler::fit::{self, Ask};
use crate::scheduler::rank::{self, Scores, Sum};
use crate::scheduler::{Algorithm, device, ports, target};
use crate::state::tables::nodes::RosterEntry;

/// How many constraints and dimensions are told apart in counts; more than this count as the last.
const TOLD_APART_MAX: usize = 64;

/// What is known of all nodes for one group.
pub(super) struct Search<'a> {
    group: &'a TaskGroup,
    index: usize,
    ask: Ask,
    /// What every instance gets, whatever its node.
    resources: Option<Arc<AllocatedResources>>,
    reasons: Reasons<'a>,
    /// By position: what the wishes say.
    affinities: Option<Vec<Option<f64>>>,
    /// By position.
    standings: Vec<Standing>,
    /// By position, of candidates: the scores that do not come from spreads.
    sums: Vec<Sum>,
    spreads: Spreads,
    podium: Podium,
    seen: Seen,
    /// By position: scores told already that still hold.
    told: Vec<Option<Arc<NodeScore>>>,
    /// How many changes of the cluster are taken in.
    changes: usize,
}

/// Why nodes are out of the question.
struct Reasons<'a> {
    /// By class: why its nodes are out of the question; `None` for classes outside of what the job asks for.
    classes: Vec<Option<Vec<String>>>,
    /// By position: why the node itself is, where constraints look beyond the class.
    nodes: Option<Vec<Vec<String>>>,
    distinct: Vec<Distinct<'a>>,
    /// What was lacking so far; a standing refers to it by bits.
    dimensions: Vec<String>,
}

/// What a node is to a group.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Not ready, not eligible, or not where the job may run: explained but not counted.
    Unavailable,
    /// Not feasible; a bit for each distinct constraint that forbids it.
    Filtered(u64),
    /// Feasible but too full; a bit for each dimension.
    Exhausted(u64),
    /// Feasible, and it fits.
    Candidate,
}

impl<'a> Search<'a> {
    /// Looks at all nodes.
    pub(super) fn new(cluster: &Cluster<'a>, group: &'a TaskGroup, index: usize) -> Self {
        let len = cluster.roster.entries().len();
        let spreads = Spreads::new(cluster, group, index);
        let podium = Podium::new(&spreads.bucket_of, spreads.buckets());
        let mut search = Self {
            group,
            index,
            ask: Ask::of(group),
            resources: same_everywhere(group),
            reasons: Reasons::new(cluster, group, index),
            affinities: affinities(cluster, group),
            standings: vec![Standing::Unavailable; len],
            sums: vec![Sum::default(); len],
            spreads,
            podium,
            seen: Seen::default(),
            told: vec![None; len],
            changes: cluster.changes.len(),
        };
        search.look_at_all(cluster);
        search
    }

    fn look_at_all(&mut self, cluster: &Cluster<'a>) {
        let mut last = Scored::default();
        for (position, entry) in cluster.roster.entries().iter().enumerate() {
            let standing = self.standing_of(cluster, position);
            self.standings[position] = standing;
            if standing != Standing::Unavailable {
                self.seen.available(&entry.node.datacenter);
            }
            self.note(entry, position, standing, true);
            if standing == Standing::Candidate {
                let sum = self.scores(cluster, position, &mut last).sum();
                self.sums[position] = sum;
                self.podium.prepare(position, sum);
            }
        }
        self.podium.rebuild();
    }

    /// Takes in what has changed since.
    pub(super) fn catch_up(&mut self, cluster: &Cluster<'a>) {
        for change in &cluster.changes[self.changes..] {
            let mut affected: Vec<usize> = vec![change.position];
            for distinct in &mut self.reasons.distinct {
                affected.extend(distinct.change(change.position, change.group, change.comes));
            }
            if change.group == self.index {
                self.spreads.change(change.position, change.comes);
            }
            for position in affected {
                self.look_again(cluster, position);
            }
        }
        self.changes = cluster.changes.len();
    }

    fn look_again(&mut self, cluster: &Cluster<'a>, position: usize) {
        let before = self.standings[position];
        let standing = self.standing_of(cluster, position);
        if before != standing {
            let entry = &cluster.roster.entries()[position];
            self.note(entry, position, before, false);
            self.note(entry, position, standing, true);
            self.standings[position] = standing;
        }
        let sum = (standing == Standing::Candidate)
            .then(|| self.scores(cluster, position, &mut Scored::default()).sum());
        self.podium.rank(position, (before == Standing::Candidate).then_some(self.sums[position]), sum);
        self.sums[position] = sum.unwrap_or_default();
        self.told[position] = None;
    }

    fn standing_of(&mut self, cluster: &Cluster<'a>, position: usize) -> Standing {
        match self.reasons.filter(cluster, position) {
            None => Standing::Unavailable,
            Some(Some(bits)) => Standing::Filtered(bits),
            Some(None) => {
                let room = cluster.room(position);
                if fit::fits(&room, &self.ask) {
                    return Standing::Candidate;
                }
                let lacks = fit::lacks(&room, &self.ask);
                Standing::Exhausted(lacks.iter().fold(0, |bits, lack| bits | self.reasons.dimension(lack)))
            }
        }
    }

    /// Counts a node's standing, or takes it out of the counts.
    fn note(&mut self, entry: &RosterEntry, position: usize, standing: Standing, is: bool) {
        self.reasons.count(&mut self.seen, entry, position, standing, is);
    }

    /// Scores a candidate by all that does not come from spreads. This is the list of scorers.
    fn scores(&self, cluster: &Cluster<'a>, position: usize, last: &mut Scored) -> Scores {
        let mut scores = Scores::default();
        let entry = &cluster.roster.entries()[position];
        let used = cluster.usages[position].amounts.plus(self.ask.amounts_on(&entry.node));
        scores.add(Scorer::Binpack, Some(last.binpack(&entry.capacity, &used, cluster.options.algorithm)));
        let collisions = cluster.count_of(position, Some(self.index));
        if !self.ask.devices.is_empty() {
            let devices = &cluster.usages[position].devices;
            let given = device::assign(&self.ask.devices, &entry.node, devices);
            scores.add(Scorer::Devices, given.ok().and_then(|given| given.score));
        }
        scores.add(Scorer::AntiAffinity, rank::anti_affinity::score(collisions, self.group.count));
        let wishes = self.affinities.as_ref().and_then(|affinities| affinities[position]);
        scores.add(Scorer::NodeAffinity, wishes);
        scores
    }

    /// Returns the best candidate, with what is to be told of its choice.
    pub(super) fn best(
        &mut self,
        cluster: &Cluster<'a>,
        failed_on: &BTreeSet<NodeId>,
    ) -> Option<(usize, AllocMetric)> {
        let penalised = self.penalise(cluster, failed_on);
        self.spreads.refresh();
        let best = self.podium.best(self.spreads.boost_parts());
        for position in &penalised {
            let sum = self.sums[*position];
            self.podium.rank(*position, Some(with_penalty(sum)), Some(sum));
        }
        self.told(cluster, best.iter().map(|(_, Reverse(position))| *position), &penalised)
    }

    /// Ranks down the candidates on which the instance has failed before, for one search.
    fn penalise(&mut self, cluster: &Cluster<'a>, failed_on: &BTreeSet<NodeId>) -> BTreeSet<usize> {
        let positions = failed_on.iter().filter_map(|id| cluster.roster.position(id));
        let candidates: BTreeSet<usize> =
            positions.filter(|position| self.standings[*position] == Standing::Candidate).collect();
        for position in &candidates {
            let sum = self.sums[*position];
            self.podium.rank(*position, Some(sum), Some(with_penalty(sum)));
        }
        candidates
    }

    /// Returns the rank of a candidate; `None` for a node that is none.
    pub(super) fn rank_at(&self, position: usize, is_penalised: bool) -> Option<Standout> {
        if self.standings[position] != Standing::Candidate {
            return None;
        }
        let sum = if is_penalised { with_penalty(self.sums[position]) } else { self.sums[position] };
        let boost = self.spreads.boost(self.spreads.bucket_of[position]);
        Some((sum.and(boost).rank(), Reverse(position)))
    }

    /// Brings up to date what spreads say.
    pub(super) fn refresh(&mut self) {
        self.spreads.refresh();
    }

    /// Tells whether wishes or spreads have a say.
    pub(super) fn is_choosy(&self) -> bool {
        self.affinities.is_some() || !self.spreads.is_empty()
    }

    /// Returns the group's count.
    pub(super) fn count(&self) -> u32 {
        self.group.count
    }

    /// Returns the first of the positions, with the scores of all of them.
    pub(super) fn told(
        &mut self,
        cluster: &Cluster<'a>,
        best: impl Iterator<Item = usize>,
        penalised: &BTreeSet<usize>,
    ) -> Option<(usize, AllocMetric)> {
        let mut first = None;
        let mut scores = Vec::with_capacity(AllocMetric::SCORES_MAX);
        for position in best.take(AllocMetric::SCORES_MAX) {
            first.get_or_insert(position);
            scores.push(self.score_told(cluster, position, penalised.contains(&position)));
        }
        scores.shrink_to_fit();
        let metric = AllocMetric { seen: self.seen.counts.clone(), scores, ..AllocMetric::default() };
        first.map(|position| (position, metric))
    }

    fn score_told(&mut self, cluster: &Cluster<'a>, position: usize, is_penalised: bool) -> Arc<NodeScore> {
        let boost = self.spreads.boost(self.spreads.bucket_of[position]);
        let known = self.told[position].as_ref().filter(|_| !is_penalised);
        let spread = |score: &NodeScore| {
            score.scores.iter().find(|(scorer, _)| *scorer == Scorer::Spread).map(|(_, boost)| *boost)
        };
        if let Some(known) = known.filter(|known| spread(known) == boost) {
            return known.clone();
        }
        let mut scores = self.scores(cluster, position, &mut Scored::default());
        scores.add(Scorer::ReschedulePenalty, is_penalised.then_some(rank::reschedule::PENALTY));
        scores.add(Scorer::Spread, boost);
        let told = Arc::new(told(cluster, position, &scores));
        if !is_penalised {
            self.told[position] = Some(told.clone());
        }
        told
    }

    /// Returns the scores of all candidates, by position.
    pub(super) fn all_scores(&mut self, cluster: &Cluster<'a>) -> Vec<Option<NodeScore>> {
        self.spreads.refresh();
        let is_candidate = |standing: &Standing| *standing == Standing::Candidate;
        let candidates: Vec<bool> = self.standings.iter().map(is_candidate).collect();
        let scores = candidates.into_iter().enumerate().map(|(position, is_candidate)| {
            is_candidate.then(|| Arc::unwrap_or_clone(self.score_told(cluster, position, false)))
        });
        scores.collect()
    }

    /// Looks at one node alone: scored by how it is filled and by `more`, or why it will not do.
    pub(super) fn only(
        &self,
        cluster: &Cluster<'a>,
        position: usize,
        more: &[(Scorer, f64)],
    ) -> Result<AllocMetric, AllocMetric> {
        let entry = &cluster.roster.entries()[position];
        let mut alone = self.seen_alone(cluster, position);
        if self.standings[position] != Standing::Candidate {
            alone.verdicts = vec![self.verdict(cluster, position)];
            return Err(alone);
        }
        let mut scores = Scores::default();
        let used = cluster.usages[position].amounts.plus(self.ask.amounts_on(&entry.node));
        let fill = rank::binpack::score(&entry.capacity, &used, cluster.options.algorithm);
        scores.add(Scorer::Binpack, Some(fill));
        for (scorer, score) in more {
            scores.add(*scorer, Some(*score));
        }
        alone.scores = vec![Arc::new(told(cluster, position, &scores))];
        Ok(alone)
    }

    /// Counts one node alone.
    fn seen_alone(&self, cluster: &Cluster<'a>, position: usize) -> AllocMetric {
        let entry = &cluster.roster.entries()[position];
        let standing = self.standings[position];
        let mut alone = Seen::default();
        if standing != Standing::Unavailable {
            alone.available(&entry.node.datacenter);
        }
        self.reasons.count(&mut alone, entry, position, standing, true);
        AllocMetric { seen: alone.counts, ..AllocMetric::default() }
    }

    /// Says why no node will do.
    pub(super) fn failure(&self, cluster: &Cluster<'a>) -> AllocMetric {
        let positions = (0..self.standings.len()).filter(|n| self.standings[*n] != Standing::Candidate);
        let verdicts = positions.take(AllocMetric::VERDICTS_MAX).map(|n| self.verdict(cluster, n));
        AllocMetric { seen: self.seen.counts.clone(), verdicts: verdicts.collect(), ..AllocMetric::default() }
    }

    fn verdict(&self, cluster: &Cluster<'a>, position: usize) -> NodeVerdict {
        let node = &cluster.roster.entries()[position].node;
        let feasible = || feasible::reasons(cluster.job, self.group, node).into_iter().map(|one| one.detail);
        let reasons = match self.standings[position] {
            Standing::Candidate => Vec::new(),
            Standing::Unavailable => feasible().collect(),
            Standing::Filtered(_) => {
                let distinct = self.reasons.distinct.iter().filter(|one| one.forbids(cluster, position));
                feasible().chain(distinct.map(|one| one.reason(cluster, position).detail)).collect()
            }
            Standing::Exhausted(_) => {
                fit::lacks(&cluster.room(position), &self.ask).iter().map(ToString::to_string).collect()
            }
        };
        NodeVerdict { node_name: node.name.clone(), node_id: node.id, reasons }
    }

    /// Returns the positions of nodes that are feasible but too full.
    pub(super) fn exhausted(&self) -> Vec<usize> {
        let is_exhausted = |n: &usize| matches!(self.standings[*n], Standing::Exhausted(_));
        (0..self.standings.len()).filter(is_exhausted).collect()
    }

    /// Tells whether a node is feasible but too full.
    pub(super) fn is_exhausted(&self, position: usize) -> bool {
        matches!(self.standings[position], Standing::Exhausted(_))
    }

    /// Scores a node on which `gone` make room. `more` is all that counts beside, where it is given.
    pub(super) fn scores_without(
        &self,
        cluster: &Cluster<'a>,
        position: usize,
        gone: &[Arc<Allocation>],
        failed_on: &BTreeSet<NodeId>,
        more: &[(Scorer, f64)],
    ) -> Scores {
        let entry = &cluster.roster.entries()[position];
        let mut scores = match more {
            [] => self.scores(cluster, position, &mut Scored::default()),
            more => {
                let mut scores = Scores::default();
                more.iter().for_each(|(scorer, score)| scores.add(*scorer, Some(*score)));
                scores
            }
        };
        let freed = gone.iter().fold(Amounts::default(), |sum, one| sum.plus(Amounts::of(&one.resources)));
        let used = cluster.usages[position].amounts.minus(freed).plus(self.ask.amounts_on(&entry.node));
        let fill = rank::binpack::score(&entry.capacity, &used, cluster.options.algorithm);
        scores.add(Scorer::Binpack, Some(fill));
        if more.is_empty() {
            let has_failed = failed_on.contains(&entry.node.id);
            scores.add(Scorer::ReschedulePenalty, has_failed.then_some(rank::reschedule::PENALTY));
            scores.add(Scorer::Spread, self.spreads.boost(self.spreads.bucket_of[position]));
        }
        let priorities: Vec<u8> = gone.iter().map(|alloc| alloc.job.priority).collect();
        scores.add(Scorer::Preemption, rank::preemption::score(&priorities));
        scores
    }

    /// Tells how a node was chosen on which `gone` make room.
    pub(super) fn metric_without(
        &self,
        cluster: &Cluster<'a>,
        position: usize,
        gone: &[Arc<Allocation>],
        failed_on: &BTreeSet<NodeId>,
        more: &[(Scorer, f64)],
    ) -> AllocMetric {
        let scores = self.scores_without(cluster, position, gone, failed_on, more);
        let scores = vec![Arc::new(told(cluster, position, &scores))];
        AllocMetric { seen: self.seen.counts.clone(), scores, ..AllocMetric::default() }
    }

    /// Returns what every instance gets, whatever its node; `None` when that depends on the node.
    pub(super) fn same_everywhere(&self) -> Option<Arc<AllocatedResources>> {
        self.resources.clone()
    }
}

impl<'a> Reasons<'a> {
    fn new(cluster: &Cluster<'a>, group: &'a TaskGroup, index: usize) -> Self {
        let job = cluster.job;
        let keys = |scope: Scope, node: &Node| -> Vec<String> {
            feasible::reasons_of(scope, job, group, node).into_iter().map(|reason| reason.key).collect()
        };
        let mut classes: Vec<Option<Option<Vec<String>>>> = vec![None; cluster.roster.classes().len()];
        for entry in cluster.roster.entries() {
            classes[entry.class].get_or_insert_with(|| {
                feasible::is_in_place(job, &entry.node).then(|| keys(Scope::Class, &entry.node))
            });
        }
        let all = cluster.roster.entries().iter();
        let nodes = feasible::looks_beyond_class(job, group)
            .then(|| all.map(|entry| keys(Scope::Node, &entry.node)).collect());
        Self {
            classes: classes.into_iter().map(Option::flatten).collect(),
            nodes,
            distinct: Distinct::all(cluster, group, index),
            dimensions: Vec::new(),
        }
    }

    /// Returns, of an available node that is filtered, by which distinct constraints.
    fn filter(&self, cluster: &Cluster<'a>, position: usize) -> Option<Option<u64>> {
        let entry = &cluster.roster.entries()[position];
        let of_class = self.classes[entry.class].as_ref().filter(|_| entry.is_schedulable)?;
        let forbid = self.distinct.iter().enumerate().filter(|(_, one)| one.forbids(cluster, position));
        let forbid = forbid.fold(0, |bits, (number, _)| bits | bit(number));
        let of_node = self.nodes.as_ref().is_some_and(|nodes| !nodes[position].is_empty());
        Some((forbid != 0 || of_node || !of_class.is_empty()).then_some(forbid))
    }

    /// Returns the bit of a dimension.
    fn dimension(&mut self, lack: &fit::Lack) -> u64 {
        let dimension = lack.dimension();
        let known = self.dimensions.iter().position(|known| *known == dimension);
        bit(known.unwrap_or_else(|| {
            self.dimensions.push(dimension);
            self.dimensions.len() - 1
        }))
    }

    /// Counts a node's standing in `seen`, or takes it out.
    fn count(&self, seen: &mut Seen, entry: &RosterEntry, position: usize, standing: Standing, is: bool) {
        match standing {
            Standing::Unavailable | Standing::Candidate => {}
            Standing::Filtered(bits) => {
                let of_class = self.classes[entry.class].iter().flatten();
                let of_node = self.nodes.iter().flat_map(|nodes| &nodes[position]);
                let distinct =
                    self.distinct.iter().enumerate().filter(|(number, _)| bits & bit(*number) != 0);
                let keys = of_class.chain(of_node).chain(distinct.map(|(_, distinct)| &distinct.key));
                seen.filtered(&entry.node.class, keys.map(String::as_str), is);
            }
            Standing::Exhausted(bits) => {
                let lacking = self.dimensions.iter().enumerate();
                let lacking = lacking.filter(|(number, _)| bits & bit(*number) != 0);
                seen.exhausted(&entry.node.class, lacking.map(|(_, name)| name.as_str()), is);
            }
        }
    }
}

/// The last fill that was scored: in a cluster of equal machines the next is often the same.
#[derive(Default)]
struct Scored {
    capacity: Amounts,
    used: Amounts,
    score: Option<f64>,
}

impl Scored {
    fn binpack(&mut self, capacity: &Amounts, used: &Amounts, algorithm: Algorithm) -> f64 {
        match self.score.filter(|_| self.capacity == *capacity && self.used == *used) {
            Some(score) => score,
            None => {
                let score = rank::binpack::score(capacity, used, algorithm);
                *self = Self { capacity: *capacity, used: *used, score: Some(score) };
                score
            }
        }
    }
}

fn affinities(cluster: &Cluster<'_>, group: &TaskGroup) -> Option<Vec<Option<f64>>> {
    let affinities: Vec<&Affinity> = rank::affinity::of(cluster.job, group).collect();
    let is_unique = |one: &&Affinity| target::is_unique(&one.left) || target::is_unique(&one.right);
    let unique = affinities.iter().any(is_unique);
    let all = || cluster.by_node(unique, |node| rank::affinity::score(&affinities, node));
    (!affinities.is_empty()).then(all)
}

/// Fills in what an instance gets, when that does not depend on its node.
fn same_everywhere(group: &TaskGroup) -> Option<Arc<AllocatedResources>> {
    let is_plain = group.tasks.iter().all(|task| {
        let asked = &task.resources;
        asked.networks.is_empty() && asked.cores == 0 && asked.devices.is_empty()
    });
    (group.networks.is_empty() && is_plain).then(|| Arc::new(ports::without_networks(group)))
}

fn told(cluster: &Cluster<'_>, position: usize, scores: &Scores) -> NodeScore {
    let node_id = cluster.roster.entries()[position].node.id;
    // Kept for each of a million allocations: no larger than it has to be.
    let mut each: Vec<(Scorer, f64)> = scores.iter().collect();
    each.shrink_to_fit();
    NodeScore { node_id, scores: each, normalized: scores.mean() }
}

fn with_penalty(sum: Sum) -> Sum {
    sum.and(Some(rank::reschedule::PENALTY))
}

fn bit(number: usize) -> u64 {
    1 << number.min(TOLD_APART_MAX - 1)
}
