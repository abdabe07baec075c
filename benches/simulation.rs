//! How fast the simulation is: an hour and a day of the workshop's lab, an hour of a thousand clients, all scenarios.
//!
//! Prints a line a figure, which `benches/run` puts into the README. Give a name to measure one of them.

#![expect(clippy::disallowed_methods, reason = "measures the simulation from outside")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use pasture::agent::HTTP_PORT;
use pasture::api::client::{Api, Options};
use pasture::cli::suite;
use pasture::lab::backend::Backend;
use pasture::lab::backend::sim::{Trace, World};
use pasture::lab::spec::LabSpec;
use pasture::raft::Timing;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    for (name, bench) in [
        ("hour", workshop_hour as fn()),
        ("day", workshop_day),
        ("thousand", thousand_clients_hour),
        ("scenarios", all_scenarios),
    ] {
        if name.contains(&wanted) {
            bench();
        }
    }
}

/// The workshop's lab for an hour, with a service of five instances.
fn workshop_hour() {
    let world = World::new(lab("open-kitchen.hcl", |text| text), 1);
    let seconds = measured(|| operate(world, HOUR, 5));
    println!("figure\tsimulated hour of the workshop's lab, a service running\t{seconds:.2} s\t<= 1 s");
}

/// The workshop's lab for a day, idle. A lab that runs for days can do with slower elections.
fn workshop_day() {
    let mut world = World::new(lab("open-kitchen.hcl", |text| text), 1);
    world.raft_timing = Some(slow_elections());
    let seconds = measured(|| operate(world, DAY, 0));
    println!("figure\tsimulated day of the same, idle, raft heartbeat 1 s\t{seconds:.2} s\t<= 10 s");
}

/// Three servers and a thousand clients for an hour.
fn thousand_clients_hour() {
    let mut world = World::new(lab("open-kitchen.hcl", thousand), 1);
    world.raft_timing = Some(slow_elections());
    let seconds = measured(|| operate(world, HOUR, 5));
    println!("figure\tsimulated hour of 3 servers and 1,000 clients\t{seconds:.2} s\t<= 60 s");
    match peak_resident_mb() {
        Some(mb) => println!("figure\tits memory, at most\t{mb:.0} MB\t<= 1 GiB"),
        None => println!("its memory is not known on this system"),
    }
}

/// All scenarios, one after the other.
fn all_scenarios() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let files = suite::find(&[folder]).expect("there are scenarios");
    let mut walls = Vec::new();
    for path in &files {
        let spec = suite::load(path).expect("the scenarios are right");
        let report = suite::play(path, &spec, suite::Settings::default(), Trace::Hash);
        assert!(report.verdict.is_some(), "{} plays to its end", report.name);
        walls.push(report.wall);
    }
    let total: Duration = walls.iter().sum();
    walls.sort();
    let median = walls[walls.len() / 2].as_secs_f64() * 1_000.0;
    println!(
        "figure\tall {} scenarios, one after the other\t{:.2} s\t<= 30 s",
        files.len(),
        total.as_secs_f64()
    );
    println!("figure\tmedian scenario\t{median:.0} ms\t<= 300 ms");
}

/// Runs a lab until `end`, with so many instances of the workshop's service.
fn operate(world: World, end: Duration, instances: u32) {
    let run = world.run(move |backend| {
        async move {
            let first = backend.spec().machines()[0].address;
            let api = Api::new(backend.workstation().clone(), format!("{first}:{HTTP_PORT}"));
            if instances > 0 {
                launch(&backend, &api, instances).await;
            }
            tokio::time::sleep(end.saturating_sub(backend.now())).await;
            let nodes = api.nodes(&Options::default()).await.expect("the servers answer to the end").value;
            let ready = nodes.iter().filter(|node| node.status == "ready").count();
            assert_eq!(ready, nodes.len(), "no node was lost");
            if instances > 0 {
                let allocs = api.job_allocations("helloworld", &Options::default()).await;
                let allocs = allocs.expect("the servers answer to the end").value;
                let running = allocs.iter().filter(|alloc| alloc.client_status == "running").count();
                assert_eq!(
                    (allocs.len(), running),
                    (instances as usize, instances as usize),
                    "all run throughout"
                );
            }
            nodes.len()
        }
        .boxed()
    });
    assert!(run.expect("the run ends well").value >= 9, "all machines take part");
}

async fn launch(backend: &Arc<dyn Backend>, api: &Api, instances: u32) {
    let text = include_str!("../fixtures/jobs/helloworld-v1.nomad");
    let parsed = pasture::jobspec::parse("helloworld-v1.nomad", text, &pasture::jobspec::Options::default());
    let mut job = parsed.expect("the job is right").job;
    job.groups[0].count = instances;
    loop {
        let ready = api.nodes(&Options::default()).await.map(|nodes| nodes.value.len()).unwrap_or(0);
        if ready >= 9 {
            break;
        }
        assert!(backend.now() < HOUR, "the cluster comes up");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    api.register(&job, None, &Options::default()).await.expect("the job is taken");
}

fn slow_elections() -> Timing {
    Timing {
        heartbeat: Duration::from_secs(1),
        election_min: Duration::from_secs(4),
        election_max: Duration::from_secs(8),
    }
}

fn lab(file: &str, change: fn(String) -> String) -> LabSpec {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("labs").join(file);
    let text = change(std::fs::read_to_string(path).expect("the lab is there"));
    pasture::lab::spec::parse(file, &text).expect("the lab is right")
}

/// Makes the farms 1,000 clients large, and the network wide enough for them. The servers are clients, too.
fn thousand(text: String) -> String {
    text.replacen("10.20.30.0/24", "10.20.16.0/20", 1)
        .replacen("group \"farm-01\" {\n    count      = 3", "group \"farm-01\" {\n    count      = 497", 1)
        .replacen("group \"farm-02\" {\n    count      = 3", "group \"farm-02\" {\n    count      = 500", 1)
}

fn measured(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

/// Returns the most memory this process has held so far, in MB; `None` where /proc does not tell.
fn peak_resident_mb() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
