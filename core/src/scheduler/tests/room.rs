//! Whatever jobs come and go: no node is over its capacity, nothing is given twice, nobody more important has to go, and
//! every way out leads out.

use std::collections::BTreeSet;

use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use crate::model::*;
use crate::scheduler::explain::{Change, Owner, explain};
use crate::scheduler::{Options, Preemption, check, preempt, process};
use crate::state::command::PlanCommit;
use crate::state::{Command, Snapshot};
use crate::testing;

/// What a random node offers: CPU and memory in hundreds, cores, devices, how many of these are unwell.
type NodeShape = (u32, u32, u16, u8, u8);

/// What a random job asks for: priority, count, CPU and memory in hundreds, cores, devices, a static port, whether it is
/// picky about its node, whether it ends afterwards.
type JobShape = ((u8, u32, u32, u32), (u32, u32, Option<u16>, bool, bool));

fn node(n: usize, shape: NodeShape) -> Node {
    let (cpu, memory, cores, devices, unwell) = shape;
    let mut node = testing::node();
    (node.id, node.name) = (NodeId(Uuid::from_u128(n as u128 + 1)), format!("n{n}"));
    node.class = if n.is_multiple_of(2) { "even" } else { "odd" }.to_owned();
    let network = Network { device: "eth0".to_owned(), mbits: 1000, ..Network::default() };
    let instance =
        |id: u8| DeviceInstance { id: id.to_string(), healthy: id >= unwell, description: String::new() };
    node.resources = NodeResources {
        cpu_mhz: cpu * 100,
        memory_mb: memory * 100,
        disk_mb: 100_000,
        networks: vec![network],
        cores: (0..cores).collect(),
        devices: vec![NodeDevice {
            vendor: "nvidia".to_owned(),
            device_type: "gpu".to_owned(),
            name: "k80".to_owned(),
            instances: (0..devices).map(instance).collect(),
            ..NodeDevice::default()
        }],
    };
    let well = DriverInfo { detected: true, healthy: true, ..DriverInfo::default() };
    node.drivers = [("docker".to_owned(), well)].into();
    node
}

fn job(n: usize, shape: JobShape) -> Job {
    let ((priority, count, cpu, memory), (cores, devices, port, picky, _)) = shape;
    let mut job = testing::job(&format!("job{n}"), "docker");
    job.priority = priority;
    let group = &mut job.groups[0];
    group.count = count;
    if picky {
        group.constraints.push(Constraint {
            left: "${node.class}".to_owned(),
            right: "odd".to_owned(),
            ..Constraint::default()
        });
    }
    let resources = &mut group.tasks[0].resources;
    (resources.cpu_mhz, resources.memory_mb, resources.cores) = (cpu * 100, memory * 100, cores);
    if devices > 0 {
        let (name, count) = ("nvidia/gpu".to_owned(), Some(devices));
        resources.devices.push(DeviceRequest { name, count, ..DeviceRequest::default() });
    }
    if let Some(value) = port {
        let port = Port { label: "http".to_owned(), value, ..Port::default() };
        resources.networks.push(Network { reserved_ports: vec![port], ..Network::default() });
    }
    job
}

/// Checks every node against what is on it.
fn check_nodes(view: &Snapshot) -> Result<(), TestCaseError> {
    for node in view.nodes() {
        let held: Vec<_> = view.allocs_by_node(&node.id).filter(|alloc| !alloc.is_terminal()).collect();
        let cpu: u64 = held.iter().map(|alloc| alloc.resources.cpu_mhz()).sum();
        let memory: u64 = held.iter().map(|alloc| alloc.resources.memory_mb()).sum();
        prop_assert!(cpu <= u64::from(node.resources.cpu_mhz), "{} is over its CPU", node.name);
        prop_assert!(memory <= u64::from(node.resources.memory_mb), "{} is over its memory", node.name);
        let (mut cores, mut devices, mut ports) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for alloc in held {
            for task in alloc.resources.tasks.values() {
                for core in &task.reserved_cores {
                    prop_assert!(node.resources.cores.contains(core), "{} has no core {core}", node.name);
                    prop_assert!(cores.insert(*core), "core {core} of {} is given twice", node.name);
                }
                for id in task.devices.iter().flat_map(|device| &device.ids) {
                    let known = node.resources.devices[0].instances.iter().find(|one| one.id == *id);
                    prop_assert!(known.is_some_and(|one| one.healthy), "{} cannot give {id}", node.name);
                    prop_assert!(devices.insert(id.clone()), "device {id} of {} is given twice", node.name);
                }
            }
            for port in alloc.resources.networks().flat_map(|network| &network.reserved_ports) {
                prop_assert!(ports.insert(port.value), "port {} of {} is given twice", port.value, node.name);
            }
        }
    }
    Ok(())
}

/// Makes the changes of a way out, where they are the job's to make.
fn changed(job: &Job, changes: &[Change]) -> Option<Job> {
    let mut job = job.clone();
    let group = &mut job.groups[0];
    for change in changes {
        let resources = &mut group.tasks[0].resources;
        match change {
            Change::AskLess { dimension, at_most, .. } => match dimension.as_str() {
                "cpu" => resources.cpu_mhz = u32::try_from(*at_most).unwrap(),
                "memory" => resources.memory_mb = u32::try_from(*at_most).unwrap(),
                "cores" => resources.cores = u32::try_from(*at_most).unwrap(),
                _ => return None,
            },
            Change::WithoutConstraint { place, .. } => {
                assert_eq!(place.owner, Owner::Group(group.name.clone()));
                assert_eq!(place.path, "TaskGroups[0].Constraints[0]");
                group.constraints.remove(0);
            }
            Change::FreePort { .. } => resources.networks.clear(),
            Change::Other(_) | Change::Preempt { .. } => return None,
        }
    }
    Some(job)
}

fn check_ways_out(view: &Snapshot, job: &Job, options: &Options) -> Result<(), TestCaseError> {
    let explanation = explain(view, job, &job.groups[0].name, options).unwrap();
    let fitting = explanation.nodes.iter().filter(|node| node.fits()).count();
    prop_assert_eq!(fitting, explanation.nodes.iter().filter(|node| node.score.is_some()).count());
    for way in &explanation.ways_out {
        prop_assert_eq!(fitting, 0, "who fits needs no way out");
        let Some(changed) = changed(job, &way.changes) else { continue };
        let then = explain(view, &changed, &changed.groups[0].name, options).unwrap();
        for name in &way.nodes {
            let node = then.nodes.iter().find(|node| node.node_name == *name).unwrap();
            prop_assert!(node.fits(), "{way}: {:?}", node.reasons());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn nothing_is_given_twice_and_every_way_out_leads_out(
        nodes in prop::collection::vec((1_u32..12, 1_u32..12, 0_u16..4, 0_u8..4, 0_u8..2), 1..5),
        jobs in prop::collection::vec(
            (
                (1_u8..=100, 1_u32..4, 1_u32..6, 1_u32..6),
                (
                    prop_oneof![3 => Just(0_u32), 1 => 1_u32..3],
                    prop_oneof![3 => Just(0_u32), 1 => 1_u32..3],
                    prop_oneof![3 => Just(None), 1 => (8080_u16..8082).prop_map(Some)],
                    any::<bool>(),
                    any::<bool>(),
                ),
            ),
            1..10,
        ),
        preemption in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let options = Options {
            preemption: Preemption { service: preemption, ..Preemption::default() },
            ..Options::default()
        };
        let now = Timestamp(1);
        let mut view = Snapshot::default();
        for (n, shape) in nodes.into_iter().enumerate() {
            let register = Command::NodeRegister { node: node(n, shape), time: now, evals: Vec::new() };
            view = view.after(&register).unwrap();
        }
        for (n, shape) in jobs.into_iter().enumerate() {
            let job = job(n, shape);
            let register = Command::JobRegister { job: job.clone().into(), eval: None, enforce_index: None };
            view = view.after(&register).unwrap();
            let eval = Evaluation::pending(
                EvalId::random(&mut rng), job.key(), job.job_type, job.priority, Trigger::JobRegister, now,
            );
            let plan = process(&view, &eval, now, &mut rng, &options).plan;
            for node in view.nodes() {
                let stops: Vec<_> = plan.stops.iter().filter(|stop| stop.node_id == node.id).collect();
                let places: Vec<_> = plan.places.iter().filter(|place| place.node_id == node.id).collect();
                let fits = check::node_still_fits(&view, node.id, &stops, &places);
                prop_assert!(places.is_empty() || fits.is_ok(), "{fits:?}");
            }
            let mut losing = BTreeSet::new();
            for stop in plan.preemptions() {
                prop_assert!(preemption, "nobody may be evicted");
                let evicted = view.alloc(&stop.alloc_id).unwrap();
                prop_assert!(evicted.job.priority + preempt::PRIORITY_DELTA <= job.priority);
                losing.insert(evicted.job_key.clone());
                let by = plan.places.iter().find(|place| Some(place.id) == stop.preempted_by).unwrap();
                prop_assert!(by.preempted.contains(&stop.alloc_id));
            }
            let looked_at: Vec<_> = plan.preemption_evals.iter().map(|eval| eval.job_key.clone()).collect();
            prop_assert_eq!(looked_at, losing.into_iter().collect::<Vec<_>>(), "one evaluation a job");
            let commit = PlanCommit { stops: plan.stops, places: plan.places, time: now, ..PlanCommit::default() };
            view = view.after(&Command::ApplyPlan(commit)).unwrap();
            check_nodes(&view)?;
            check_ways_out(&view, &job, &options)?;
            if shape.1.4 {
                let key = job.key();
                view = view.after(&Command::JobDeregister { key, purge: false, time: now, eval: None }).unwrap();
                let plan = process(&view, &eval, now, &mut rng, &options).plan;
                let commit = PlanCommit { stops: plan.stops, time: now, ..PlanCommit::default() };
                view = view.after(&Command::ApplyPlan(commit)).unwrap();
            }
        }
    }
}
