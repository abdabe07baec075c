//! A million allocations: 1,000 jobs of 1,000 instances on 5,000 nodes, through the scheduler, the check of its plan and the
//! state store. No network, no log.
//!
//! `cargo bench -p pasture-core --bench million [JOBS]`

#![expect(clippy::disallowed_methods, reason = "measures the scheduler from outside")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pasture_core::model::{
    Allocation, DriverInfo, EvalId, Evaluation, Job, JobType, Network, NodeId, NodeResources, Plan,
    Timestamp, Trigger,
};
use pasture_core::scheduler::{Options, check, process};
use pasture_core::state::{Command, PlanCommit, Store};
use pasture_core::testing;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

const NODES: u32 = 5_000;
const JOBS: u32 = 1_000;
const COUNT: u32 = 1_000;

/// How many allocations a node has room for: as many as come on average, and a quarter more.
const PER_NODE: u32 = 250;

fn main() {
    let jobs = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(JOBS);
    let store = cluster();
    let before = resident_mb();
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let (start, cpu) = (Instant::now(), cpu_time());
    let (mut deciding, mut checking, mut applying) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut placed = 0_usize;
    for n in 0..jobs {
        let job = job(n);
        let (key, job_type) = (job.key(), job.job_type);
        apply(&store, Command::JobRegister { job: job.into(), eval: None, enforce_index: None });
        let id = EvalId::random(&mut rng);
        let eval = Evaluation::pending(id, key, job_type, 50, Trigger::JobRegister, Timestamp(1));

        let view = store.snapshot();
        let began = cpu_time();
        let decision = process(&view, &eval, Timestamp(1), &mut rng, &Options::default());
        deciding += cpu_time() - began;

        let began = cpu_time();
        let mut by_node: BTreeMap<NodeId, Vec<&Allocation>> = BTreeMap::new();
        for place in &decision.plan.places {
            by_node.entry(place.node_id).or_default().push(place);
        }
        for (node, places) in by_node {
            check::node_still_fits(&view, node, &[], &places).expect("nothing has changed");
        }
        checking += cpu_time() - began;
        drop(view);

        let began = cpu_time();
        placed += decision.plan.places.len();
        apply(&store, commit(decision.plan));
        apply(&store, Command::EvalUpdate { evals: vec![decision.eval] });
        applying += cpu_time() - began;
    }
    let (took, cpu) = (start.elapsed(), cpu_time() - cpu);
    let (after, peak) = (resident_mb(), status_mb("VmHWM"));
    println!("{placed} allocations of {jobs} jobs on {NODES} nodes");
    println!("{:.1} s, of which {:.1} s CPU time", took.as_secs_f64(), cpu.as_secs_f64());
    for (what, time) in [("scheduler", deciding), ("plan check", checking), ("state", applying)] {
        println!("  {what}: {:.1} s, {:.1} us an allocation", time.as_secs_f64(), us(time, placed));
    }
    println!("{:.0} MB resident, {peak:.0} MB at most", after);
    println!("{} bytes is an allocation without what it refers to", size_of::<Allocation>());
    let bytes = (after - before) * 1_048_576.0 / placed.max(1) as f64;
    println!("{bytes:.0} bytes an allocation");
    if jobs == JOBS {
        let what =
            "1,000,000 allocations of 1,000 jobs on 5,000 nodes, through scheduler, plan check and state";
        println!("figure\t{what}\t{:.1} s\t<= 60 s", cpu.as_secs_f64());
        println!("figure\tmemory of that, at most\t{:.1} GiB\t<= 4 GiB", peak / 1024.0);
        println!("figure\tmemory of an allocation in the state\t{bytes:.0} bytes\t<= 1,024 bytes");
    }
}

/// Makes the log entry that commits all of a plan.
fn commit(plan: Plan) -> Command {
    Command::ApplyPlan(PlanCommit {
        stops: plan.stops,
        places: plan.places,
        updates: plan.updates,
        time: Timestamp(1),
        ..PlanCommit::default()
    })
}

fn apply(store: &Store, command: Command) {
    let index = store.snapshot().index() + 1;
    store.apply(index, &command).result.expect("it is valid");
}

fn us(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / count.max(1) as f64
}

fn cluster() -> Store {
    let store = Store::new();
    for n in 0..NODES {
        let mut node = testing::node();
        node.id = NodeId(Uuid::from_u128(u128::from(n.wrapping_mul(2_654_435_761)) << 64 | u128::from(n)));
        node.name = format!("node-{n}");
        node.datacenter = "dc1".to_owned();
        node.drivers
            .insert("exec".to_owned(), DriverInfo { detected: true, healthy: true, ..Default::default() });
        node.resources = NodeResources {
            cpu_mhz: 20 * PER_NODE,
            memory_mb: 16 * PER_NODE,
            disk_mb: 10 * PER_NODE,
            networks: vec![Network { device: "eth0".to_owned(), mbits: 1_000, ..Network::default() }],
            ..NodeResources::default()
        };
        apply(&store, Command::NodeRegister { node, time: Timestamp(1), evals: Vec::new() });
    }
    store
}

fn job(n: u32) -> Job {
    let mut job = testing::job(&format!("job-{n:04}"), "exec");
    job.job_type = JobType::Service;
    let group = &mut job.groups[0];
    group.count = COUNT;
    group.ephemeral_disk.size_mb = 10;
    group.tasks[0].resources.cpu_mhz = 20;
    group.tasks[0].resources.memory_mb = 16;
    job
}

/// Returns the CPU time that this thread has used; the time of a clock where that is not told.
fn cpu_time() -> Duration {
    #[cfg(unix)]
    return nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID)
        .expect("the clock is there")
        .into();
    #[cfg(not(unix))]
    return {
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    };
}

fn resident_mb() -> f64 {
    status_mb("VmRSS")
}

/// Returns what the system says of this process's memory, 0 where it says nothing.
fn status_mb(key: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let kb = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kb.unwrap_or(0.0) / 1024.0
}
