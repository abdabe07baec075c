//! How long reading job files takes: `cargo bench -p pasture-jobspec`.
//!
//! The yardstick: a thousand files of the workshop's size within a second.

use std::path::Path;
use std::time::Duration;

use pasture_jobspec::{Options, json, parse, print};

/// How many files are read in one round.
const FILES: u32 = 1_000;
/// How many rounds there are; the shortest counts, since others share the machine.
const ROUNDS: u32 = 5;

fn main() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/jobs");
    let mut slowest = Duration::ZERO;
    for name in ["helloworld-v1.nomad", "helloworld-v2.nomad", "example.nomad"] {
        let text = read(&directory.join(name));
        let best = measure(&format!("parse {name}"), text.len(), || {
            parse(name, &text, &Options::default()).expect("the fixture is a job").job.groups.len()
        });
        slowest = slowest.max(best);
    }
    println!("figure\treading 1,000 job files of the workshop's size\t{} ms\t<= 1 s", slowest.as_millis());
    let text = read(&directory.join("helloworld-v1.json"));
    measure("parse helloworld-v1.json", text.len(), || json::parse(&text).expect("a job").job.groups.len());
    let job = json::parse(&text).expect("the fixture is a job").job;
    measure("print helloworld-v1", print(&job).len(), || print(&job).len());
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads its own fixtures")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("the fixture is there")
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn measure(what: &str, bytes: usize, mut run: impl FnMut() -> usize) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = std::time::Instant::now();
        for _ in 0..FILES {
            std::hint::black_box(run());
        }
        best = best.min(start.elapsed());
    }
    println!("{what} ({bytes} bytes), {FILES} times: {} ms", best.as_millis());
    best
}
