//! Constraints that look at where other allocations of the job are.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::Cluster;
use crate::model::{Constraint, Operator, TaskGroup};
use crate::scheduler::feasible::Reason;
use crate::scheduler::target;

/// One `distinct_hosts` or `distinct_property`, and how often each value of the property is used.
pub(super) struct Distinct<'a> {
    constraint: &'a Constraint,
    /// What is counted by.
    pub(super) key: String,
    /// The group whose allocations count; all of the job when `None`.
    within: Option<usize>,
    property: Option<Property>,
}

struct Property {
    /// How many allocations a value may have; `None` when that is no number.
    limit: Option<u32>,
    /// By position.
    numbers: Vec<Option<usize>>,
    /// By number of the value: its positions and how many allocations they have.
    values: Vec<(Vec<usize>, u32)>,
}

impl<'a> Distinct<'a> {
    /// Returns those of a group: the job's, which count all its allocations, and the group's own.
    pub(super) fn all(cluster: &Cluster<'a>, group: &'a TaskGroup, index: usize) -> Vec<Self> {
        let job: &'a crate::model::Job = cluster.job;
        let of_job = job.constraints.iter().map(|one| (one, None));
        let of_group = group.constraints.iter().map(|one| (one, Some(index)));
        let distinct = of_job.chain(of_group).filter_map(|(constraint, within)| {
            let property = match constraint.operator {
                Operator::DistinctHosts if constraint.right != "false" => None,
                Operator::DistinctProperty => Some(Property::new(cluster, constraint, within)),
                _ => return None,
            };
            Some(Self { constraint, key: constraint.to_string(), within, property })
        });
        distinct.collect()
    }

    /// Tells whether a node may not have one more.
    pub(super) fn forbids(&self, cluster: &Cluster<'_>, position: usize) -> bool {
        match &self.property {
            None => cluster.count_of(position, self.within) > 0,
            Some(property) => match (property.numbers[position], property.limit) {
                (Some(number), Some(limit)) => property.values[number].1 >= limit,
                _ => true,
            },
        }
    }

    /// Notes that an allocation of a group comes to a position, or goes, and returns the positions whose standing may
    /// differ now, the position itself aside.
    pub(super) fn change(&mut self, position: usize, group: usize, comes: bool) -> &[usize] {
        if self.within.is_some_and(|within| within != group) {
            return &[];
        }
        let Some(property) = &mut self.property else { return &[] };
        let Some(number) = property.numbers[position] else { return &[] };
        let (positions, count) = &mut property.values[number];
        let before = property.limit.map(|limit| *count >= limit);
        *count = if comes { *count + 1 } else { count.saturating_sub(1) };
        if before == property.limit.map(|limit| *count >= limit) { &[] } else { positions }
    }

    /// Says what is wrong with a node that has been forbidden.
    pub(super) fn reason(&self, cluster: &Cluster<'_>, position: usize) -> Reason {
        let detail = match &self.property {
            None => Cow::Borrowed("another instance is there"),
            Some(property) => property.detail(cluster, position, self.constraint),
        };
        Reason { key: self.key.clone(), detail: format!("{}: {detail}", self.constraint) }
    }
}

impl Property {
    fn new(cluster: &Cluster<'_>, constraint: &Constraint, within: Option<usize>) -> Self {
        let limit = if constraint.right.is_empty() { Some(1) } else { constraint.right.parse().ok() };
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        let numbers = cluster.by_node(target::is_unique(&constraint.left), |node| {
            let value = target::resolve(node, &constraint.left)?;
            let next = known.len();
            Some(match known.get(&*value) {
                Some(number) => *number,
                None => *known.entry(value.into_owned()).or_insert(next),
            })
        });
        let mut values: Vec<(Vec<usize>, u32)> = vec![(Vec::new(), 0); known.len()];
        for (position, number) in numbers.iter().enumerate() {
            if let Some(number) = number {
                values[*number].0.push(position);
                values[*number].1 += cluster.count_of(position, within);
            }
        }
        Self { limit, numbers, values }
    }

    fn detail(&self, cluster: &Cluster<'_>, position: usize, constraint: &Constraint) -> Cow<'static, str> {
        let Some(number) = self.numbers[position] else {
            return "the node does not have it".into();
        };
        let Some(limit) = self.limit else {
            return format!("{:?} is no number of allocations", constraint.right).into();
        };
        let node = &cluster.roster.entries()[position].node;
        let value = target::resolve(node, &constraint.left).unwrap_or_default();
        format!("{} of {limit} instances are at {value:?} already", self.values[number].1).into()
    }
}
