//! How long the scheduler thinks: one evaluation over clusters of several sizes, its plan not submitted.
//!
//! The cells are those of Nomad's own benchmark (`scheduler/benchmarks/benchmarks_test.go`): nodes alternate between two
//! datacenters and go round the racks; the job asks 6,000 MHz and 6,000 MB an instance and wants half of the racks. The
//! fastest round is the figure, as other work on the machine only ever adds to it; it is CPU time, as Nomad's is.
//!
//! `cargo bench -p pasture-core --bench scheduler [WORD...]` measures the cells whose line holds all the words, such as
//! `nodes=5000 spread=none`; `goals` stands for those that have a goal, which print a line for `benches/run` as well.

use std::hint::black_box;
use std::time::Duration;

use pasture_core::model::{
    Constraint, EvalId, Evaluation, Job, JobType, Network, NodeId, NodeResources, Operator, Spread,
    Timestamp, Trigger,
};
use pasture_core::scheduler::{Options, process};
use pasture_core::state::{Command, Snapshot, Store};
use pasture_core::testing;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

const NODES: [u32; 4] = [500, 1_000, 5_000, 10_000];
const RACKS: [u32; 3] = [25, 50, 75];
const ALLOCS: [u32; 5] = [50, 300, 600, 900, 1_200];
/// Nomad's benchmark spreads over racks. A spread over hosts has as many values as there are nodes.
const SPREADS: [(&str, Option<&str>); 4] = [
    ("none", None),
    ("rack", Some("${meta.rack}")),
    ("datacenter", Some("${node.datacenter}")),
    ("host", Some("${node.unique.name}")),
];

/// How many evaluations a cell is measured with, after one that warms up.
const ROUNDS: usize = 15;

/// Nomad's CPU time in ms at best, with 25 racks; its spread is over racks. Go 1.27.3, two cores of an AMD EPYC.
const NOMAD: &[(&str, u32, u32, f64)] = &[
    ("none", 500, 50, 5.9),
    ("none", 500, 300, 52.0),
    ("none", 1_000, 50, 7.2),
    ("none", 1_000, 300, 50.0),
    ("none", 1_000, 600, 120.0),
    ("none", 5_000, 50, 12.0),
    ("none", 5_000, 300, 59.0),
    ("none", 5_000, 600, 141.0),
    ("none", 5_000, 1_200, 367.0),
    ("none", 10_000, 50, 20.0),
    ("none", 10_000, 300, 73.0),
    ("none", 10_000, 600, 137.0),
    ("none", 10_000, 1_200, 274.0),
    ("rack", 1_000, 50, 72.0),
    ("rack", 1_000, 300, 3_386.0),
    ("rack", 5_000, 50, 78.0),
    ("rack", 5_000, 300, 2_928.0),
    ("rack", 10_000, 50, 92.0),
    ("rack", 10_000, 300, 3_280.0),
];

/// What is wanted, in ms: spread, nodes, allocations. All with 25 racks.
const GOALS: &[(&str, u32, u32, f64)] = &[
    ("none", 5_000, 600, 14.0),
    ("none", 10_000, 1_200, 27.0),
    ("rack", 1_000, 300, 30.0),
    ("rack", 5_000, 300, 30.0),
    ("rack", 10_000, 300, 30.0),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    println!("{:52} {:>9} {:>9} {:>9} {:>7}", "cell", "min ms", "median", "Nomad", "ratio");
    for nodes in NODES {
        for racks in RACKS {
            let store = cluster(nodes, racks);
            for (spread, attribute) in SPREADS {
                for allocs in ALLOCS {
                    let cell = format!("nodes={nodes} racks={racks} spread={spread} allocs={allocs}");
                    let goal = of(GOALS, spread, nodes, racks, allocs);
                    let is_meant = |word: &String| match word.as_str() {
                        "goals" => goal.is_some(),
                        word => cell.split(' ').any(|part| part == word),
                    };
                    if !words.iter().all(is_meant) {
                        continue;
                    }
                    let nomad = of(NOMAD, spread, nodes, racks, allocs);
                    let min = measure(&store, &cell, &job(racks, allocs, attribute), nomad);
                    if let Some(goal) = goal {
                        let what =
                            format!("scheduling {allocs} allocations on {nodes} nodes, spread: {spread}");
                        println!("figure\t{what}\t{min:.1} ms\t<= {goal:.0} ms");
                    }
                }
            }
        }
    }
}

/// Returns what a table of cells with 25 racks says of one.
fn of(table: &[(&str, u32, u32, f64)], spread: &str, nodes: u32, racks: u32, allocs: u32) -> Option<f64> {
    let found = table.iter().find(|one| (one.0, one.1, one.2, 25) == (spread, nodes, allocs, racks));
    found.map(|(_, _, _, ms)| *ms)
}

/// Measures a cell, prints its line and returns the time of the fastest round, in ms.
fn measure(store: &Store, cell: &str, job: &Job, nomad: Option<f64>) -> f64 {
    let allocs = job.groups[0].count;
    let index = store.snapshot().index() + 1;
    store
        .apply(index, &Command::JobRegister { job: job.clone().into(), eval: None, enforce_index: None })
        .result
        .expect("it is valid");
    let view = store.snapshot();
    let mut times: Vec<Duration> = Vec::new();
    let mut placed = 0;
    for round in 0..=ROUNDS {
        let before = cpu_time();
        placed = black_box(evaluate(&view, job, round as u64));
        if round > 0 {
            times.push(cpu_time() - before);
        }
    }
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let (min, median) = (ms(times[0]), ms(times[times.len() / 2]));
    let (nomad, ratio) =
        nomad.map_or(Default::default(), |nomad| (format!("{nomad:.1}"), format!("{:.0}x", nomad / min)));
    let note = if placed == allocs { String::new() } else { format!("  {placed} of {allocs} fit") };
    println!("{cell:52} {min:9.2} {median:9.2} {nomad:>9} {ratio:>7}{note}");
    min
}

/// Runs the scheduler once and returns how many instances found a place.
fn evaluate(view: &Snapshot, job: &Job, seed: u64) -> u32 {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let id = EvalId::random(&mut rng);
    let eval = Evaluation::pending(id, job.key(), JobType::Service, 50, Trigger::JobRegister, Timestamp(1));
    let decision = process(view, &eval, Timestamp(1), &mut rng, &Options::default());
    decision.plan.places.len() as u32
}

fn cluster(nodes: u32, racks: u32) -> Store {
    let store = Store::new();
    for n in 0..nodes {
        let mut node = testing::node();
        node.id = NodeId(Uuid::from_u128(u128::from(n) << 64 | u128::from(n.wrapping_mul(2_654_435_761))));
        node.name = format!("node-{n}");
        node.datacenter = ["dc-1", "dc-2"][n as usize % 2].to_owned();
        node.meta.insert("rack".to_owned(), format!("r{}", n % racks));
        node.drivers.insert(
            "exec".to_owned(),
            pasture_core::model::DriverInfo { detected: true, healthy: true, ..Default::default() },
        );
        node.resources = NodeResources {
            cpu_mhz: 32_000,
            memory_mb: 32_000,
            disk_mb: 100 * 1024,
            networks: vec![Network { device: "eth0".to_owned(), mbits: 1_000, ..Network::default() }],
            ..NodeResources::default()
        };
        let command = Command::NodeRegister { node, time: Timestamp(1), evals: Vec::new() };
        store.apply(u64::from(n) + 1, &command).result.expect("it is valid");
    }
    store
}

fn job(racks: u32, count: u32, spread: Option<&str>) -> Job {
    let mut job = testing::job("bench", "exec");
    job.datacenters = vec!["dc-1".to_owned(), "dc-2".to_owned()];
    let half: Vec<String> = (0..racks / 2).map(|rack| format!("r{rack}")).collect();
    job.constraints = vec![Constraint {
        left: "${meta.rack}".to_owned(),
        operator: Operator::SetContainsAny,
        right: half.join(","),
    }];
    let even = |attribute: &str| Spread { attribute: attribute.to_owned(), weight: 50, targets: Vec::new() };
    job.spreads = spread.map(even).into_iter().collect();
    let group = &mut job.groups[0];
    group.count = count;
    group.ephemeral_disk.size_mb = 150;
    group.tasks[0].resources.cpu_mhz = 6_000;
    group.tasks[0].resources.memory_mb = 6_000;
    job
}

/// Returns the CPU time that this thread has used.
#[cfg(unix)]
fn cpu_time() -> Duration {
    let id = nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID;
    nix::time::clock_gettime(id).expect("the clock is there").into()
}

/// Returns the time, where CPU time is not told.
#[cfg(not(unix))]
#[expect(clippy::disallowed_methods, reason = "measures the scheduler from outside")]
fn cpu_time() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}
