//! Placement against a plain search that computes everything anew for every instance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use crate::model::*;
use crate::scheduler::fit::{self, Ask, Room};
use crate::scheduler::rank::spread::Block;
use crate::scheduler::rank::{self, Scores};
use crate::scheduler::reconcile::Placement;
use crate::scheduler::stack::Stack;
use crate::scheduler::{Options, Search, feasible, process, target};
use crate::state::tables::nodes::capacity;
use crate::state::{Command, PlanCommit, Snapshot, Store};
use crate::testing;

/// Few values each, so that nodes are alike, full, forbidden and tied.
#[derive(Clone, Debug)]
struct Case {
    nodes: Vec<NodeShape>,
    /// Job (0 is the one that is placed), node, size, port, whether the plan stops it.
    allocs: Vec<(u8, u8, u8, u8, bool)>,
    constraint: u8,
    affinities: Vec<(u8, i8)>,
    spreads: Vec<u8>,
    ports: u8,
    size: u8,
    count: u8,
    /// For each instance, the nodes where it failed before.
    failed_on: Vec<BTreeSet<u8>>,
}

#[derive(Clone, Debug)]
struct NodeShape {
    size: u8,
    rack: u8,
    class: u8,
    is_ready: bool,
    has_driver: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let node = (0..3_u8, 0..4_u8, 0..3_u8, prop::bool::weighted(0.9), prop::bool::weighted(0.9));
    let node = node.prop_map(|(size, rack, class, is_ready, has_driver)| NodeShape {
        size,
        rack,
        class,
        is_ready,
        has_driver,
    });
    let alloc = (0..3_u8, 0..12_u8, 0..4_u8, 0..3_u8, any::<bool>());
    let failed_on = prop::collection::btree_set(0..12_u8, 0..3);
    (
        prop::collection::vec(node, 1..12),
        prop::collection::vec(alloc, 0..16),
        0..7_u8,
        prop::collection::vec((0..3_u8, -3..4_i8), 0..3),
        prop::collection::vec(0..6_u8, 0..3),
        0..4_u8,
        0..3_u8,
        1..9_u8,
        prop::collection::vec(failed_on, 9),
    )
        .prop_map(|(nodes, allocs, constraint, affinities, spreads, ports, size, count, failed_on)| {
            Case { nodes, allocs, constraint, affinities, spreads, ports, size, count, failed_on }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn the_search_finds_what_a_plain_one_finds(case in cases()) {
        let world = World::of(&case);
        let mut plain = Plain::new(&world);
        let options = Options::default();
        let mut stack = Stack::new(&world.view, &world.job, &options, &world.freed);
        let group = &world.job.groups[0];
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for number in 0..group.count {
            let placement = world.placement(&case, number);
            let expected = plain.find(&placement);
            let found = stack.place(group, &placement, &mut rng);
            match (&found, &expected) {
                (Ok(found), Ok((node, scores))) => {
                    prop_assert_eq!(found.node.id, *node);
                    let told: Vec<_> = found.metric.scores.iter().map(|one| (one.node_id, one.normalized)).collect();
                    prop_assert_eq!(&told, scores);
                    prop_assert_eq!(&*found.metric.seen, &plain.seen());
                    plain.take(*node, &found.resources);
                }
                (Err(metric), Err(())) => {
                    prop_assert_eq!(&*metric.seen, &plain.seen());
                    let unavailable = plain.nodes.len() - plain.seen().nodes_evaluated as usize;
                    let left_out = (metric.seen.nodes_filtered + metric.seen.nodes_exhausted) as usize;
                    prop_assert_eq!(metric.verdicts.len(), left_out + unavailable);
                    prop_assert!(metric.verdicts.iter().all(|verdict| !verdict.reasons.is_empty()));
                    break;
                }
                _ => prop_assert!(false, "one finds a node and the other none: {:?}", expected),
            }
        }
    }

    #[test]
    fn nothing_is_given_out_twice(case in cases(), sampled in any::<bool>()) {
        let world = World::of(&case);
        let search = if sampled { Search::Sampled } else { Search::All };
        let places = world.place_all(&case, search, 1);
        prop_assert!(places.len() <= usize::from(case.count));
        let mut usages: BTreeMap<NodeId, Usage> = BTreeMap::new();
        let held = world.view.allocs().filter(|alloc| !alloc.is_terminal() && !world.freed.contains(&alloc.id));
        // What was there may have been over full or at odds before: only what is new counts against the node.
        for alloc in held {
            usages.entry(alloc.node_id).or_default().add(&alloc.resources);
        }
        for (node, resources) in &places {
            let usage = usages.entry(*node).or_default();
            for network in resources.networks() {
                for port in network.reserved_ports.iter().chain(&network.dynamic_ports) {
                    prop_assert!(!usage.ports.contains(port.value), "port {} twice", port.value);
                }
            }
            usage.add(resources);
            prop_assert!(usage.amounts.is_within(&capacity(world.view.node(node).unwrap())));
        }
    }

    #[test]
    fn equal_seeds_make_equal_plans(case in cases(), seed in 0..3_u64, sampled in any::<bool>()) {
        let world = World::of(&case);
        let search = if sampled { Search::Sampled } else { Search::All };
        prop_assert_eq!(world.place_all(&case, search, seed), world.place_all(&case, search, seed));
    }
}

/// Over many clusters that fill up job by job, the best of all nodes fills no more of them than the best of some does, and
/// its instances have no worse places on average.
#[test]
fn a_search_of_all_is_no_worse_than_of_some() {
    let (mut nodes_used, mut scores) = ([0, 0], [0.0, 0.0]);
    for seed in 0..8 {
        for (n, search) in [Search::All, Search::Sampled].into_iter().enumerate() {
            let (nodes, score) = fill(search, seed);
            nodes_used[n] += nodes;
            scores[n] += score;
        }
    }
    assert!(nodes_used[0] <= nodes_used[1], "nodes used: {nodes_used:?}");
    assert!(scores[0] >= scores[1], "mean scores: {scores:?}");
}

/// Fills half of a cluster and returns how many nodes that took and the mean score.
fn fill(search: Search, seed: u64) -> (usize, f64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let options = Options { search, ..Options::default() };
    let store = Store::new();
    let mut index = 0;
    let mut apply = |command: Command| {
        index += 1;
        store.apply(index, &command).result.unwrap();
    };
    for n in 0..80 {
        let shape = NodeShape { size: n % 3, rack: n % 4, class: n % 3, is_ready: true, has_driver: true };
        apply(Command::NodeRegister { node: node(n, &shape), time: Timestamp(1), evals: Vec::new() });
    }
    let mut scores = Vec::new();
    for n in 0..80 {
        let mut job = testing::job(&format!("job-{n}"), "docker");
        let group = &mut job.groups[0];
        group.count = rng.random_range(1..4);
        group.ephemeral_disk.size_mb = 10;
        group.tasks[0].resources.cpu_mhz = rng.random_range(50..400);
        group.tasks[0].resources.memory_mb = rng.random_range(50..400);
        let key = job.key();
        apply(Command::JobRegister { job: job.into(), eval: None, enforce_index: None });
        let id = EvalId::random(&mut rng);
        let eval = Evaluation::pending(id, key, JobType::Service, 50, Trigger::JobRegister, Timestamp(1));
        let places = process(&store.snapshot(), &eval, Timestamp(1), &mut rng, &options).plan.places;
        scores.extend(places.iter().map(|place| place.metric.scores[0].normalized));
        apply(Command::ApplyPlan(PlanCommit { places, time: Timestamp(1), ..PlanCommit::default() }));
    }
    let used: BTreeSet<NodeId> = store.snapshot().allocs().map(|alloc| alloc.node_id).collect();
    (used.len(), scores.iter().sum::<f64>() / scores.len() as f64)
}

struct World {
    view: Snapshot,
    job: Arc<Job>,
    freed: BTreeSet<AllocId>,
}

impl World {
    fn of(case: &Case) -> Self {
        let store = Store::new();
        let mut index = 0;
        let mut apply = |command: Command| {
            index += 1;
            store.apply(index, &command).result.unwrap();
        };
        for (n, shape) in (0..).zip(&case.nodes) {
            apply(Command::NodeRegister { node: node(n, shape), time: Timestamp(1), evals: Vec::new() });
        }
        let job = job(case);
        apply(Command::JobRegister { job: job.into(), eval: None, enforce_index: None });
        let job = store.snapshot().job(&JobKey::new("default", "job-0")).unwrap().clone();
        let mut freed = BTreeSet::new();
        let mut places = Vec::new();
        for (n, (of, node, size, port, stops)) in (0..).zip(&case.allocs) {
            let mut alloc = testing::alloc(&format!("job-{of}"), "docker");
            if *of == 0 {
                alloc.job = job.clone();
                alloc.group = job.groups[0].name.clone();
            }
            (alloc.id, alloc.node_id) = (AllocId(Uuid::from_u128(n + 1)), node_id(*node));
            let task = AllocatedTaskResources {
                cpu_mhz: u32::from(*size) * 100,
                memory_mb: u32::from(*size) * 50,
                networks: vec![network(&[u16::from(*port) * 80], 0)],
                ..AllocatedTaskResources::default()
            };
            alloc.resources = Arc::new(AllocatedResources {
                tasks: [("task".to_owned(), task)].into(),
                ..Default::default()
            });
            if *stops {
                freed.insert(alloc.id);
            }
            places.push(alloc);
        }
        apply(Command::ApplyPlan(PlanCommit { places, time: Timestamp(1), ..PlanCommit::default() }));
        Self { view: store.snapshot(), job, freed }
    }

    fn placement(&self, case: &Case, number: u32) -> Placement {
        let failed_on = case.failed_on[number as usize].iter().map(|n| node_id(*n)).collect();
        let name = Allocation::name_of("job-0", "job-0", number);
        Placement { failed_on, ..Placement::new(name) }
    }

    fn place_all(&self, case: &Case, search: Search, seed: u64) -> Vec<(NodeId, Arc<AllocatedResources>)> {
        let options = Options { search, ..Options::default() };
        let mut stack = Stack::new(&self.view, &self.job, &options, &self.freed);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let group = &self.job.groups[0];
        let found = (0..group.count).map_while(|number| {
            let placed = stack.place(group, &self.placement(case, number), &mut rng).ok()?;
            Some((placed.node.id, placed.resources))
        });
        found.collect()
    }
}

/// The plain search.
struct Plain<'a> {
    world: &'a World,
    group: &'a TaskGroup,
    /// In name order.
    nodes: Vec<&'a Arc<Node>>,
    /// What holds room: node, whether it is of the group, resources.
    held: Vec<(NodeId, bool, Arc<AllocatedResources>)>,
    /// Nodes where the plan stops one of the group.
    cleared: Vec<NodeId>,
    lowest: f64,
}

impl<'a> Plain<'a> {
    fn new(world: &'a World) -> Self {
        let mut nodes: Vec<_> = world.view.nodes().collect();
        nodes.sort_by_key(|node| (&node.name, node.id));
        let (mut held, mut cleared) = (Vec::new(), Vec::new());
        for alloc in world.view.allocs().filter(|alloc| !alloc.is_terminal()) {
            let is_own = alloc.job_key == world.job.key();
            if !world.freed.contains(&alloc.id) {
                held.push((alloc.node_id, is_own, alloc.resources.clone()));
            } else if is_own {
                cleared.push(alloc.node_id);
            }
        }
        Self { world, group: &world.job.groups[0], nodes, held, cleared, lowest: rank::spread::PENALTY }
    }

    fn find(&mut self, placement: &Placement) -> Result<(NodeId, Vec<(NodeId, f64)>), ()> {
        let boosts = self.boosts();
        let candidates = self.nodes.iter().enumerate();
        let candidates =
            candidates.filter(|(_, node)| self.is_available(node) && self.filters(node).is_empty());
        let candidates = candidates.filter(|(_, node)| self.lacks(node).is_empty());
        let mut scored: Vec<(usize, Scores)> = Vec::new();
        for (position, node) in candidates {
            let mut scores = Scores::default();
            let used = self.usage(node).amounts.plus(Ask::of(self.group).amounts);
            let fill = rank::binpack::score(&capacity(node), &used, Options::default().algorithm);
            scores.add(Scorer::Binpack, Some(fill));
            scores.add(Scorer::AntiAffinity, rank::anti_affinity::score(self.own(node.id), self.group.count));
            let failed = placement.failed_on.contains(&node.id);
            scores.add(Scorer::ReschedulePenalty, failed.then_some(-1.0));
            let wishes: Vec<&Affinity> = rank::affinity::of(&self.world.job, self.group).collect();
            scores.add(Scorer::NodeAffinity, rank::affinity::score(&wishes, node));
            scores.add(Scorer::Spread, boosts[position].filter(|boost| *boost != 0.0));
            scored.push((position, scores));
        }
        scored.sort_by_key(|(position, scores)| (std::cmp::Reverse(scores.sum().rank()), *position));
        let told = scored.iter().take(5).map(|(position, scores)| (self.nodes[*position].id, scores.mean()));
        let told: Vec<_> = told.collect();
        told.first().map(|(node, _)| *node).map(|node| (node, told)).ok_or(())
    }

    /// Returns, by position, what the spread blocks say together.
    fn boosts(&mut self) -> Vec<Option<f64>> {
        let mut blocks = Block::all(&self.world.job.spreads, self.group);
        let mut numbers: Vec<Vec<Option<usize>>> = Vec::new();
        for block in &mut blocks {
            let attribute = block.attribute.clone();
            let all = self
                .nodes
                .iter()
                .map(|node| target::resolve(node, &attribute).map(|value| block.number(&value)));
            let all: Vec<Option<usize>> = all.collect();
            for (node, number) in self.nodes.iter().zip(&all) {
                let Some(number) = *number else { continue };
                for _ in self.cleared.iter().filter(|cleared| **cleared == node.id) {
                    block.add(number);
                    block.remove(number);
                }
                for _ in 0..self.own(node.id) {
                    block.add(number);
                }
            }
            numbers.push(all);
        }
        for block in &blocks {
            block.lower(&mut self.lowest);
        }
        let boosts: Vec<Vec<f64>> = blocks.iter().map(|block| block.boosts(self.lowest)).collect();
        let of = |position: usize| {
            let parts = numbers.iter().zip(&boosts);
            let parts =
                parts.map(|(numbers, boosts)| numbers[position].map_or(-1.0, |number| boosts[number]));
            (!blocks.is_empty()).then(|| parts.sum())
        };
        (0..self.nodes.len()).map(of).collect()
    }

    fn is_available(&self, node: &Node) -> bool {
        node.is_schedulable()
    }

    /// Returns the keys of why a node is not feasible.
    fn filters(&self, node: &Node) -> Vec<String> {
        let reasons = feasible::reasons(&self.world.job, self.group, node);
        let mut keys: Vec<String> = reasons.into_iter().map(|reason| reason.key).collect();
        for constraint in &self.world.job.constraints {
            let value = |node: &Node| target::resolve(node, &constraint.left).map(|value| value.into_owned());
            let forbids = match constraint.operator {
                Operator::DistinctHosts => self.own(node.id) > 0,
                Operator::DistinctProperty => value(node).is_none_or(|own| {
                    let alike = self.nodes.iter().filter(|other| value(other).as_ref() == Some(&own));
                    let used: u32 = alike.map(|other| self.own(other.id)).sum();
                    used >= constraint.right.parse().unwrap()
                }),
                _ => false,
            };
            keys.extend(forbids.then(|| constraint.to_string()));
        }
        keys
    }

    fn lacks(&self, node: &Node) -> Vec<fit::Lack> {
        let usage = self.usage(node);
        fit::lacks(&Room { node, capacity: capacity(node), usage: &usage }, &Ask::of(self.group))
    }

    fn usage(&self, node: &Node) -> Usage {
        let mut usage = Usage::default();
        for (_, _, resources) in self.held.iter().filter(|held| held.0 == node.id) {
            usage.add(resources);
        }
        usage
    }

    fn own(&self, node: NodeId) -> u32 {
        self.held.iter().filter(|held| held.0 == node && held.1).count() as u32
    }

    fn take(&mut self, node: NodeId, resources: &Arc<AllocatedResources>) {
        self.held.push((node, true, resources.clone()));
    }

    fn seen(&self) -> NodesSeen {
        let mut seen = NodesSeen::default();
        let count = |counts: &mut BTreeMap<String, u32>, key: &str| {
            if !key.is_empty() {
                *counts.entry(key.to_owned()).or_default() += 1;
            }
        };
        for node in self.nodes.iter().filter(|node| self.is_available(node)) {
            seen.nodes_evaluated += 1;
            seen.nodes_in_pool += 1;
            count(&mut seen.nodes_available, &node.datacenter);
            let (filters, lacks) = (self.filters(node), self.lacks(node));
            if !filters.is_empty() {
                seen.nodes_filtered += 1;
                count(&mut seen.class_filtered, &node.class);
                filters.iter().for_each(|key| count(&mut seen.constraint_filtered, key));
            } else if !lacks.is_empty() {
                seen.nodes_exhausted += 1;
                count(&mut seen.class_exhausted, &node.class);
                lacks.iter().for_each(|lack| count(&mut seen.dimension_exhausted, &lack.dimension()));
            }
        }
        seen
    }
}

fn node_id(n: u8) -> NodeId {
    // Not in name order.
    NodeId(Uuid::from_u128(u128::from(n.wrapping_mul(101)) + 1))
}

fn node(n: u8, shape: &NodeShape) -> Node {
    let mut node = testing::node();
    (node.id, node.name) = (node_id(n), format!("n{n}"));
    if shape.rack > 0 {
        node.meta.insert("rack".to_owned(), format!("r{}", shape.rack));
    }
    node.class = ["", "small", "large"][usize::from(shape.class)].to_owned();
    if !shape.is_ready {
        node.eligibility = Eligibility::Ineligible;
    }
    let driver = DriverInfo { detected: true, healthy: shape.has_driver, ..DriverInfo::default() };
    node.drivers.insert("docker".to_owned(), driver);
    node.resources.cpu_mhz = 500 * (u32::from(shape.size) + 1);
    node.resources.memory_mb = 1000;
    node.resources.disk_mb = 1000;
    node.resources.networks = vec![network(&[], 1000)];
    node.reserved.cpu_mhz = 50;
    node.reserved.ports = vec![22];
    node
}

fn network(ports: &[u16], mbits: u32) -> Network {
    let ports = ports.iter().map(|value| Port { label: "p".to_owned(), value: *value, ..Port::default() });
    Network { mbits, reserved_ports: ports.collect(), ..Network::default() }
}

fn job(case: &Case) -> Job {
    let mut job = testing::job("job-0", "docker");
    let constraint = |left: &str, operator, right: &str| {
        vec![Constraint { left: left.to_owned(), operator, right: right.to_owned() }]
    };
    job.constraints = match case.constraint {
        1 => constraint("${meta.rack}", Operator::SetContainsAny, "r1,r2"),
        2 => constraint("", Operator::DistinctHosts, ""),
        3 => constraint("${meta.rack}", Operator::DistinctProperty, "2"),
        4 => constraint("${node.unique.name}", Operator::NotEqual, "n3"),
        5 => constraint("${node.unique.name}", Operator::DistinctProperty, "1"),
        _ => Vec::new(),
    };
    let affinity = |(what, weight): &(u8, i8)| {
        let (left, right) =
            [("${node.class}", "small"), ("${meta.rack}", "r1"), ("${node.unique.name}", "n1")]
                [usize::from(*what)];
        Affinity {
            left: left.to_owned(),
            right: right.to_owned(),
            operator: Operator::Equal,
            weight: *weight,
        }
    };
    job.affinities = case.affinities.iter().map(affinity).collect();
    let target = |value: &str, percent| SpreadTarget { value: value.to_owned(), percent };
    let spread = |what: &u8| {
        let (attribute, targets) = match what {
            0 => ("${meta.rack}", vec![]),
            1 => ("${node.class}", vec![]),
            2 => ("${meta.rack}", vec![target("r1", 60), target("r2", 40)]),
            3 => ("${meta.rack}", vec![target("r1", 30)]),
            4 => ("${node.class}", vec![target("large", 100), target("small", 0)]),
            _ => ("${node.unique.name}", vec![]),
        };
        Spread { attribute: attribute.to_owned(), weight: 20 + 30 * (*what as i8 % 2), targets }
    };
    job.spreads = case.spreads.iter().map(spread).collect();
    let group = &mut job.groups[0];
    group.count = u32::from(case.count);
    group.ephemeral_disk.size_mb = 100;
    group.tasks[0].resources.cpu_mhz = 100 * (u32::from(case.size) + 1);
    group.tasks[0].resources.memory_mb = 50;
    let mut asked = match case.ports {
        1 => network(&[80], 10),
        2 => network(&[22], 0),
        3 => network(&[], 100),
        _ => return job,
    };
    asked.dynamic_ports.push(Port { label: "d".to_owned(), ..Port::default() });
    group.networks = vec![asked];
    job
}
