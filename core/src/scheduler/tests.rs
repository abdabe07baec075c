//! Golden scripts: `testscripts/**/*.script` say why, what is done, and below the line what was recorded.
//!
//! An allocation is named as in `web.app[0]`, the newest that has not ended; `web.app[0]@n1` is the one on that node. Keys
//! of nodes and jobs are in `world.rs`.
//!
//! | verb | what it does |
//! |---|---|
//! | `deployments` | changes of services roll out by deployments from here on |
//! | `node NAME key=value...` | a node registers |
//! | `job ID key=value...` | a job is submitted |
//! | `group ID NAME key=value...` | the job is submitted again with that group added or changed |
//! | `count ID N`, `stop ID`, `purge ID` | the job is scaled, stopped, forgotten |
//! | `down`, `disconnect`, `up`, `eligible`, `ineligible`, `drain`, `undrain` `NODE` | the node changes |
//! | `run ID` | all pending allocations run |
//! | `fail`, `finish`, `back` `ALLOC` | a client says that it failed, finished, runs |
//! | `healthy`, `unhealthy` `ALLOC`, `healthy-all ID` | a client says how well it is |
//! | `migrate`, `move-for-good`, `retry`, `force` `ALLOC` | it shall leave its node; nothing shall replace it; its deployment lets it be replaced; whatever its policy says |
//! | `promote`, `pause`, `resume`, `break`, `succeed` `ID` | the job's deployment changes |
//! | `at SECONDS` | it is that late |
//! | `nodes N key=value...` | n01, n02, ... register, in racks r0 to `racks - 1` |
//! | `preemption on` | services may take the room of less important jobs |
//! | `why ID` | tells where one more instance could go, and why not elsewhere |
//! | `whatif drained NODE...`, `whatif lost NODE...` | tells what would follow; nothing is changed |
//! | `eval ID` (`eval ID scores` tells each scorer) | the scheduler looks at the job, and what it decides is carried out |
//! | `wake ID` | the same for the evaluation that waits for the earliest time, which it is then |
//! | `show ID` | tells what of the job has not ended |
//!
//! `UPDATE_GOLDEN=1 cargo test -p pasture-core scripts` records.

mod dry_runs;
mod explain;
mod invariants;
mod placement;
mod room;
mod show;
mod world;

use std::path::{Path, PathBuf};
use std::time::Duration;

use self::world::World;
use crate::model::*;

const LINE: &str = "---";

#[test]
#[expect(clippy::disallowed_methods, reason = "golden files of this test; sorted below")]
fn scripts_give_what_was_recorded() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/scheduler/testscripts");
    let mut files = Vec::new();
    collect(&folder, &mut files);
    files.sort();
    assert!(files.len() >= 150, "the scripts are there");
    let mut differing = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let (script, recorded) = text.split_once(&format!("{LINE}\n")).unwrap_or((&text, ""));
        let (found, broken) = play(&file.display().to_string(), script);
        differing.extend(broken);
        if found == recorded {
            continue;
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&file, format!("{script}{LINE}\n{found}")).unwrap();
        } else {
            differing.push(format!("{}\nrecorded:\n{recorded}\nfound:\n{found}", file.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[expect(clippy::disallowed_methods, reason = "golden files of this test; sorted by the caller")]
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// Plays the commands of a script and returns what its evaluations decided, and what these did not keep.
fn play(file: &str, script: &str) -> (String, Vec<String>) {
    let mut world = World::new(file);
    for line in script.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap();
        let name = words.next().unwrap_or_default();
        let rest: Vec<&str> = words.collect();
        let keys: Vec<(&str, &str)> =
            rest.iter().map(|word| word.split_once('=').unwrap_or((word, "true"))).collect();
        let transition = DesiredTransition::default();
        match verb {
            "deployments" => world.options.deployments = true,
            "node" => world.node(name, &keys),
            "nodes" => world.nodes(name.parse().unwrap(), &keys),
            "preemption" => world.options.preemption.service = name == "on",
            "why" => world.why(name),
            "whatif" => world.what_if(name, &rest),
            "job" => world.job(name, &keys),
            "group" => world.group(name, rest[0], &keys[1..]),
            "count" => world.count(name, rest[0].parse().unwrap()),
            "stop" => world.deregister(name, false),
            "purge" => world.deregister(name, true),
            "down" => world.status(name, NodeStatus::Down),
            "disconnect" => world.status(name, NodeStatus::Disconnected),
            "up" => world.status(name, NodeStatus::Ready),
            "eligible" => world.eligibility(name, Eligibility::Eligible),
            "ineligible" => world.eligibility(name, Eligibility::Ineligible),
            "drain" => world.drain(name, true),
            "undrain" => world.drain(name, false),
            "run" => world.run(name),
            "fail" => world.end(name, ClientStatus::Failed),
            "finish" => world.end(name, ClientStatus::Complete),
            "back" => world.end(name, ClientStatus::Running),
            "healthy" => world.health(name, true),
            "unhealthy" => world.health(name, false),
            "healthy-all" => world.healthy_all(name),
            "migrate" => world.want(name, DesiredTransition { migrate: Some(true), ..transition }),
            "move-for-good" => world.want(
                name,
                DesiredTransition {
                    migrate: Some(true),
                    migrate_disable_placement: Some(true),
                    ..transition
                },
            ),
            "retry" => world.want(name, DesiredTransition { reschedule: Some(true), ..transition }),
            "force" => world.want(name, DesiredTransition { force_reschedule: Some(true), ..transition }),
            "promote" => world.promote(name),
            "pause" => world.set_deployment(name, DeploymentStatus::Paused),
            "resume" => world.set_deployment(name, DeploymentStatus::Running),
            "break" => world.set_deployment(name, DeploymentStatus::Failed),
            "succeed" => world.set_deployment(name, DeploymentStatus::Successful),
            "at" => world.now = Timestamp(1) + Duration::from_secs(name.parse().unwrap()),
            "eval" => {
                world.tells_scores = rest.contains(&"scores");
                world.eval(name);
            }
            "wake" => world.wake(name),
            "show" => world.show_allocs(name),
            other => panic!("{file}: no verb {other:?}"),
        }
    }
    (world.shown, world.broken)
}
