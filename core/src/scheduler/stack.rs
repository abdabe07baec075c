//! Finds a node for one instance: feasible, fitting, best.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::feasible::{self, Reason};
use super::fit::{self, Ask, Usage};
use super::rank::{self, Scores};
use super::reconcile::Placement;
use super::{Options, target};
use crate::model::metric::NodeScore;
use crate::model::{
    AllocId, AllocMetric, AllocatedResources, Allocation, Constraint, Job, Node, NodeVerdict, Operator,
    TaskGroup,
};
use crate::state::Snapshot;

/// All nodes with what is used on them, while a plan grows.
pub(super) struct Stack<'a> {
    job: &'a Job,
    options: &'a Options,
    /// In name order, which decides between equally good ones.
    candidates: Vec<Candidate<'a>>,
}

struct Candidate<'a> {
    node: &'a Arc<Node>,
    usage: Usage,
    /// How many allocations of the job are there, by group.
    of_job: BTreeMap<String, u32>,
}

/// What holds for all instances of one group, found out once.
pub(super) struct GroupView<'a> {
    group: &'a TaskGroup,
    ask: Ask,
    /// For each candidate, why it is out of the question.
    reasons: Vec<Vec<Reason>>,
}

impl<'a> Stack<'a> {
    /// Looks at all nodes as they will be once `freed` is stopped.
    pub(super) fn new(
        view: &'a Snapshot,
        job: &'a Job,
        options: &'a Options,
        freed: &BTreeSet<AllocId>,
    ) -> Self {
        let key = job.key();
        let candidates = view.nodes().map(|node| {
            let there = view.allocs_by_node(&node.id).filter(|alloc| !freed.contains(&alloc.id));
            let mut candidate = Candidate { node, usage: Usage::reserved(node), of_job: BTreeMap::new() };
            for alloc in there.filter(|alloc| !alloc.is_terminal()) {
                candidate.usage.add(&alloc.resources);
                if alloc.job_key == key {
                    *candidate.of_job.entry(alloc.group.clone()).or_default() += 1;
                }
            }
            candidate
        });
        let mut candidates: Vec<_> = candidates.collect();
        candidates.sort_by(|a, b| (&a.node.name, a.node.id).cmp(&(&b.node.name, b.node.id)));
        Self { job, options, candidates }
    }

    /// Finds out which nodes may run `group` at all.
    pub(super) fn view_of(&self, group: &'a TaskGroup) -> GroupView<'a> {
        let reasons = self.candidates.iter().map(|one| feasible::reasons(self.job, group, one.node));
        GroupView { group, ask: Ask::of(group), reasons: reasons.collect() }
    }

    /// Takes the best node for an instance, or says why there is none.
    pub(super) fn select(
        &mut self,
        view: &GroupView<'a>,
        placement: &Placement,
        assign: impl FnOnce(&Node, &BTreeSet<u16>) -> AllocatedResources,
    ) -> Result<(&'a Arc<Node>, AllocatedResources, AllocMetric), Box<AllocMetric>> {
        let mut metric = AllocMetric::default();
        let mut scored: Vec<(usize, Scores)> = Vec::new();
        for (index, candidate) in self.candidates.iter().enumerate() {
            let mut reasons = view.reasons[index].clone();
            let available = feasible::availability(self.job, candidate.node).is_empty();
            if available {
                count_in(&mut metric.nodes_available, &candidate.node.datacenter);
                metric.nodes_in_pool += 1;
                metric.nodes_evaluated += 1;
                reasons.extend(self.distinct(view.group, candidate));
            }
            if !reasons.is_empty() {
                filtered(&mut metric, candidate.node, &reasons, available);
                continue;
            }
            let lacks = fit::lacks(candidate.node, &candidate.usage, &view.ask);
            if !lacks.is_empty() {
                exhausted(&mut metric, candidate.node, &lacks);
                continue;
            }
            scored.push((index, self.score(view, placement, candidate)));
        }
        let mut ranked: Vec<(f64, usize, Scores)> =
            scored.into_iter().map(|(index, scores)| (scores.mean(), index, scores)).collect();
        // Candidates are in name order, so the index decides between equal scores.
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let Some((_, best, _)) = ranked.first() else {
            metric.verdicts.sort();
            metric.verdicts.truncate(AllocMetric::VERDICTS_MAX);
            return Err(Box::new(metric));
        };
        let best = *best;
        metric.verdicts.clear();
        metric.scores = ranked
            .into_iter()
            .take(AllocMetric::SCORES_MAX)
            .map(|(normalized, index, scores)| NodeScore {
                node_id: self.candidates[index].node.id,
                scores: scores.into_map(),
                normalized,
            })
            .collect();
        let candidate = &mut self.candidates[best];
        let resources = assign(candidate.node, &candidate.usage.ports);
        candidate.usage.add(&resources);
        *candidate.of_job.entry(view.group.name.clone()).or_default() += 1;
        Ok((candidate.node, resources, metric))
    }

    /// Counts on an allocation's end: what it holds is free.
    pub(super) fn free(&mut self, alloc: &Allocation) {
        if let Some(candidate) = self.candidates.iter_mut().find(|one| one.node.id == alloc.node_id) {
            candidate.usage.remove(&alloc.resources);
            let there = candidate.of_job.entry(alloc.group.clone()).or_default();
            *there = there.saturating_sub(1);
        }
    }

    /// Takes back that an allocation would be stopped.
    pub(super) fn keep(&mut self, alloc: &Allocation) {
        if let Some(candidate) = self.candidates.iter_mut().find(|one| one.node.id == alloc.node_id) {
            candidate.usage.add(&alloc.resources);
            *candidate.of_job.entry(alloc.group.clone()).or_default() += 1;
        }
    }

    /// Returns, for each computed class, whether a node of it could hold one of `groups` if it had room.
    pub(super) fn class_eligibility(&self, groups: &[&'a TaskGroup]) -> BTreeMap<String, bool> {
        let mut classes: BTreeMap<String, bool> = BTreeMap::new();
        for candidate in &self.candidates {
            let could = groups.iter().any(|group| {
                let reasons = feasible::reasons(self.job, group, candidate.node);
                // A node that is down or ineligible now may be what helps later.
                reasons.iter().all(Reason::passes)
            });
            let known = classes.entry(super::class::computed_class(candidate.node)).or_default();
            *known = *known || could;
        }
        classes
    }

    fn score(&self, view: &GroupView<'_>, placement: &Placement, candidate: &Candidate<'_>) -> Scores {
        let node = candidate.node;
        let mut scores = Scores::default();
        let fill = rank::binpack::score(node, &candidate.usage, &view.ask, self.options.algorithm);
        scores.add("binpack", Some(fill));
        let collisions = candidate.of_job.get(&view.group.name).copied().unwrap_or(0);
        scores.add("job-anti-affinity", rank::anti_affinity::score(collisions, view.group.count));
        scores.add("node-reschedule-penalty", rank::reschedule::score(node.id, &placement.failed_on));
        scores
    }

    /// Checks the constraints that look at where other allocations of the job are.
    fn distinct(&self, group: &TaskGroup, candidate: &Candidate<'_>) -> Vec<Reason> {
        let of_job = self.job.constraints.iter().map(|one| (one, None));
        let of_group = group.constraints.iter().map(|one| (one, Some(group.name.as_str())));
        let broken = of_job.chain(of_group).filter_map(|(constraint, within)| {
            let detail = match constraint.operator {
                Operator::DistinctHosts if constraint.right != "false" => {
                    (candidate.count(within) > 0).then(|| "another instance is there".to_owned())
                }
                Operator::DistinctProperty => self.distinct_property(constraint, within, candidate),
                _ => None,
            };
            detail.map(|detail| Reason {
                key: constraint.to_string(),
                detail: format!("{constraint}: {detail}"),
            })
        });
        broken.collect()
    }

    fn distinct_property(
        &self,
        constraint: &Constraint,
        within: Option<&str>,
        candidate: &Candidate<'_>,
    ) -> Option<String> {
        let value = match target::resolve(candidate.node, &constraint.left) {
            Some(value) => value,
            None => return Some("the node does not have it".to_owned()),
        };
        let limit: u32 = match constraint.right.as_str() {
            "" => 1,
            text => match text.parse() {
                Ok(limit) => limit,
                Err(_) => return Some(format!("{text:?} is no number of allocations")),
            },
        };
        let alike = self.candidates.iter().filter(|other| {
            target::resolve(other.node, &constraint.left).is_some_and(|other| other == value)
        });
        let used: u32 = alike.map(|other| other.count(within)).sum();
        (used >= limit).then(|| format!("{used} of {limit} instances are at {value:?} already"))
    }
}

impl Candidate<'_> {
    /// Returns how many allocations of the job, or of one of its groups, are there.
    fn count(&self, group: Option<&str>) -> u32 {
        match group {
            Some(group) => self.of_job.get(group).copied().unwrap_or(0),
            None => self.of_job.values().sum(),
        }
    }
}

/// Notes that a node is not feasible; one outside of what the job asks for is explained but not counted.
fn filtered(metric: &mut AllocMetric, node: &Node, reasons: &[Reason], available: bool) {
    if available {
        metric.nodes_filtered += 1;
        if !node.class.is_empty() {
            count_in(&mut metric.class_filtered, &node.class);
        }
        for reason in reasons {
            count_in(&mut metric.constraint_filtered, &reason.key);
        }
    }
    metric.verdicts.push(verdict(node, reasons.iter().map(|reason| reason.detail.clone()).collect()));
}

fn exhausted(metric: &mut AllocMetric, node: &Node, lacks: &[fit::Lack]) {
    metric.nodes_exhausted += 1;
    if !node.class.is_empty() {
        count_in(&mut metric.class_exhausted, &node.class);
    }
    for lack in lacks {
        count_in(&mut metric.dimension_exhausted, &lack.dimension());
    }
    metric.verdicts.push(verdict(node, lacks.iter().map(ToString::to_string).collect()));
}

fn verdict(node: &Node, reasons: Vec<String>) -> NodeVerdict {
    NodeVerdict { node_name: node.name.clone(), node_id: node.id, reasons }
}

fn count_in(counts: &mut BTreeMap<String, u32>, key: &str) {
    *counts.entry(key.to_owned()).or_default() += 1;
}
