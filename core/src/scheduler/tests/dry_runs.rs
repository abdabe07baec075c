//! Plans that are only thought of.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::model::*;
use crate::scheduler::{Options, Preemption, dry_run};
use crate::state::{Command, Snapshot};
use crate::testing;

fn cluster() -> Snapshot {
    let mut node = testing::node();
    node.resources = NodeResources { cpu_mhz: 1000, memory_mb: 1000, disk_mb: 9000, ..Default::default() };
    let well = DriverInfo { detected: true, healthy: true, ..DriverInfo::default() };
    node.drivers = [("docker".to_owned(), well)].into();
    Snapshot::default().after(&Command::NodeRegister { node, time: Timestamp(1), evals: Vec::new() }).unwrap()
}

fn job(name: &str, priority: u8, memory: u32) -> Job {
    let mut job = testing::job(name, "docker");
    job.priority = priority;
    job.groups[0].tasks[0].resources.memory_mb = memory;
    job
}

#[test]
fn several_jobs_are_planned_in_order_and_nothing_is_changed() {
    let view = cluster();
    for (order, expected) in [(["a", "b"], [true, false]), (["b", "a"], [true, false])] {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let jobs = order.map(|name| job(name, 50, 600));
        let plans = dry_run::jobs(&view, &jobs, Timestamp(2), &mut rng, &Options::default()).unwrap();
        let placed: Vec<bool> = plans.iter().map(|plan| plan.failed_groups().is_empty()).collect();
        assert_eq!(placed, expected, "the first takes the room of the second");
        assert_eq!(plans[0].annotations()[order[0]].place, 1);
        assert_eq!(plans[1].annotations()[order[1]].place, 1, "wanted, although there is no place");
        let explanations = plans[1].explanations(&Options::default());
        let way = explanations[0].ways_out[0].to_string();
        assert_eq!(way, "fits on node-1 if memory <= 400 MB (it asks for 600 MB)");
    }
    assert_eq!((view.jobs().count(), view.allocs().count()), (0, 0));
}

#[test]
fn a_plan_tells_whom_it_would_evict_and_what_a_new_version_would_do() {
    let options =
        Options { preemption: Preemption { service: true, ..Preemption::default() }, ..Options::default() };
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (low, high) = (job("low", 20, 600), job("high", 70, 600));
    let plans = dry_run::jobs(&cluster(), &[low.clone(), high], Timestamp(2), &mut rng, &options).unwrap();
    assert_eq!(
        plans[1].preempted.iter().map(|alloc| alloc.name.as_str()).collect::<Vec<_>>(),
        ["low.low[0]"]
    );
    assert_eq!(plans[1].annotations()["high"].preemptions, 1);
    let running = &plans[0].view;
    let unchanged = dry_run::job(running, &low, Timestamp(3), &mut rng, &options).unwrap();
    assert!(!unchanged.changes_allocations());
    assert_eq!(unchanged.annotations()["low"].ignore, 1);
    let mut changed = low.clone();
    changed.groups[0].tasks[0].env.insert("A".to_owned(), "b".to_owned());
    let changed = dry_run::job(running, &changed, Timestamp(3), &mut rng, &options).unwrap();
    assert!(changed.changes_allocations());
    let updates = changed.annotations()["low"];
    assert_eq!((updates.destructive_update, updates.place, updates.ignore), (1, 0, 0));
    assert_eq!(changed.before.as_ref().unwrap().version, 0);
}
