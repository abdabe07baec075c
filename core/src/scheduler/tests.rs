//! Golden scripts: `testscripts/*.script` say why, what is done, and below the line what was recorded.
//!
//! Commands: `node NAME key=value...`, `nodes N key=value...` (n01, n02, ..., in racks r0 to `racks - 1`),
//! `job ID key=value...`, `eval JOB` (`eval JOB scores` tells each scorer), `count JOB N`, `stop JOB`, `purge JOB`,
//! `down NODE`, `up NODE`, `ineligible NODE`, `run JOB` (all pending allocations run), `fail ALLOC`, `finish ALLOC`,
//! `at SECONDS`, `preemption on|off`, `why JOB` (where one more instance could go), `whatif drained|lost NODE...`.
//! `UPDATE_GOLDEN=1 cargo test scheduler` records.

mod dry_runs;
mod placement;
mod room;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use super::explain::explain;
use super::{Options, dry_run, process};
use crate::model::*;
use crate::state::{Command, PlanCommit, Store};
use crate::testing;

const LINE: &str = "---";

#[test]
#[expect(clippy::disallowed_methods, reason = "golden files of this test; sorted below")]
fn scripts_give_what_was_recorded() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/scheduler/testscripts");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 20, "the scripts are there");
    let mut differing = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let (script, recorded) = text.split_once(&format!("{LINE}\n")).unwrap_or((&text, ""));
        let found = play(script);
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

/// Plays the commands of a script and returns what its evaluations decided.
fn play(script: &str) -> String {
    let mut world = World::new();
    for line in script.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap();
        let name = words.next().unwrap_or_default();
        let rest: Vec<&str> = words.collect();
        let keys: Vec<(&str, &str)> = rest.iter().filter_map(|word| word.split_once('=')).collect();
        match verb {
            "node" => world.node(name, &keys),
            "nodes" => world.nodes(name.parse().unwrap(), &keys),
            "job" => world.job(name, &keys),
            "count" => world.count(name, rest[0].parse().unwrap()),
            "stop" => world.deregister(name, false),
            "purge" => world.deregister(name, true),
            "down" => world.status(name, NodeStatus::Down),
            "up" => world.status(name, NodeStatus::Ready),
            "ineligible" => world.ineligible(name),
            "run" => world.run(name),
            "fail" => world.end(name, ClientStatus::Failed),
            "finish" => world.end(name, ClientStatus::Complete),
            "at" => world.now = Timestamp(1) + Duration::from_secs(name.parse().unwrap()),
            "eval" => {
                world.tells_scores = rest.contains(&"scores");
                world.eval(name);
            }
            "preemption" => world.options.preemption.service = name == "on",
            "why" => world.why(name),
            "whatif" => world.what_if(name, &rest),
            other => panic!("no verb {other:?}"),
        }
    }
    world.shown
}

struct World {
    store: Store,
    index: u64,
    now: Timestamp,
    rng: ChaCha8Rng,
    nodes: BTreeMap<String, NodeId>,
    options: Options,
    shown: String,
    tells_scores: bool,
}

impl World {
    fn new() -> Self {
        Self {
            store: Store::new(),
            index: 0,
            now: Timestamp(1),
            rng: ChaCha8Rng::seed_from_u64(1),
            nodes: BTreeMap::new(),
            options: Options::default(),
            shown: String::new(),
            tells_scores: false,
        }
    }

    fn apply(&mut self, command: &Command) {
        self.index += 1;
        self.store.apply(self.index, command).result.unwrap();
    }

    fn node(&mut self, name: &str, keys: &[(&str, &str)]) {
        let next = u128::try_from(self.nodes.len()).unwrap() + 1;
        let id = *self.nodes.entry(name.to_owned()).or_insert(NodeId(Uuid::from_u128(next)));
        let mut node = testing::node();
        (node.id, node.name) = (id, name.to_owned());
        node.resources =
            NodeResources { cpu_mhz: 1000, memory_mb: 1000, disk_mb: 10_000, ..NodeResources::default() };
        let mut drivers = "docker";
        let mut mbits = 1000;
        for (key, value) in keys {
            match *key {
                "dc" => node.datacenter = (*value).to_owned(),
                "class" => node.class = (*value).to_owned(),
                "pool" => node.pool = (*value).to_owned(),
                "cpu" => node.resources.cpu_mhz = value.parse().unwrap(),
                "mem" => node.resources.memory_mb = value.parse().unwrap(),
                "disk" => node.resources.disk_mb = value.parse().unwrap(),
                "mbits" => mbits = value.parse().unwrap(),
                "reserved_mem" => node.reserved.memory_mb = value.parse().unwrap(),
                "drivers" => drivers = value,
                "cores" => node.resources.cores = (0..value.parse().unwrap()).collect(),
                "device" => node.resources.devices.push(device(value)),
                "volume" | "volume.ro" => {
                    let volume = HostVolume { path: "/srv".to_owned(), read_only: *key == "volume.ro" };
                    node.host_volumes.insert((*value).to_owned(), volume);
                }
                other => match other.split_once('.') {
                    Some(("meta", fact)) => drop(node.meta.insert(fact.to_owned(), (*value).to_owned())),
                    Some(("attr", fact)) => {
                        drop(node.attributes.insert(fact.to_owned(), (*value).to_owned()))
                    }
                    _ => panic!("no key {other:?} of a node"),
                },
            }
        }
        let well = DriverInfo { detected: true, healthy: true, ..DriverInfo::default() };
        node.drivers = drivers.split(',').map(|driver| (driver.to_owned(), well.clone())).collect();
        node.resources.networks = vec![Network {
            device: "eth0".to_owned(),
            ip: Some("10.0.0.1".parse().unwrap()),
            mbits,
            ..Network::default()
        }];
        let time = self.now;
        self.apply(&Command::NodeRegister { node, time, evals: Vec::new() });
    }

    /// Makes many nodes that differ in name and rack only.
    fn nodes(&mut self, count: u32, keys: &[(&str, &str)]) {
        let (racks, keys): (Vec<_>, Vec<_>) = keys.iter().partition(|(key, _)| *key == "racks");
        let racks = racks.first().map_or(1, |(_, racks)| racks.parse().unwrap());
        for n in 0..count {
            let rack = format!("r{}", n % racks);
            let mut keys = keys.clone();
            keys.push(("meta.rack", &rack));
            self.node(&format!("n{:02}", n + 1), &keys);
        }
    }

    fn job(&mut self, id: &str, keys: &[(&str, &str)]) {
        let mut job_type = JobType::Service;
        let mut resources = Resources { cpu_mhz: 100, memory_mb: 100, ..Resources::default() };
        let mut network = Network::default();
        let (mut datacenters, mut pool) = ("dc1", "default");
        let (mut group, mut count, mut driver, mut image, mut disk) = ("app", 1, "docker", "v1", 300);
        let mut constraints = Vec::new();
        let (mut priority, mut volumes) = (50, BTreeMap::new());
        let (mut affinities, mut group_affinities) = (Vec::new(), Vec::new());
        let (mut spreads, mut group_spreads) = (Vec::new(), Vec::new());
        for (key, value) in keys {
            match *key {
                "type" => job_type = JobType::from_name(value).unwrap(),
                "group" => group = value,
                "count" => count = value.parse().unwrap(),
                "cpu" => resources.cpu_mhz = value.parse().unwrap(),
                "mem" => resources.memory_mb = value.parse().unwrap(),
                "disk" => disk = value.parse().unwrap(),
                "priority" => priority = value.parse().unwrap(),
                "cores" => resources.cores = value.parse().unwrap(),
                "device" => {
                    let (name, count) = value.split_once('*').unwrap_or((value, "1"));
                    let (name, count) = (name.to_owned(), Some(count.parse().unwrap()));
                    resources.devices.push(DeviceRequest { name, count, ..DeviceRequest::default() });
                }
                "volume" | "volume.each" => {
                    let volume = VolumeRequest {
                        name: (*value).to_owned(),
                        volume_type: "host".to_owned(),
                        source: (*value).to_owned(),
                        per_alloc: *key == "volume.each",
                        ..VolumeRequest::default()
                    };
                    volumes.insert((*value).to_owned(), volume);
                }
                "driver" => driver = value,
                "image" => image = value,
                "dc" => datacenters = value,
                "pool" => pool = value,
                "mbits" => network.mbits = value.parse().unwrap(),
                "static" => network.reserved_ports.push(Port {
                    label: "http".to_owned(),
                    value: value.parse().unwrap(),
                    ..Port::default()
                }),
                "dynamic" => {
                    network.dynamic_ports.push(Port { label: (*value).to_owned(), ..Port::default() })
                }
                // `left|operator|right`, since the words of a line are parted by blanks.
                "constraint" => {
                    let parts: Vec<&str> = value.split('|').collect();
                    constraints.push(Constraint {
                        left: parts[0].to_owned(),
                        operator: parts[1].parse().unwrap(),
                        right: parts.get(2).copied().unwrap_or_default().to_owned(),
                    });
                }
                "affinity" => affinities.push(affinity(value)),
                "group_affinity" => group_affinities.push(affinity(value)),
                "spread" => spreads.push(spread(value)),
                "group_spread" => group_spreads.push(spread(value)),
                other => panic!("no key {other:?} of a job"),
            }
        }
        if network != Network::default() {
            resources.networks.push(network);
        }
        let mut job = testing::job(id, driver);
        (job.job_type, job.priority, job.groups[0].volumes) = (job_type, priority, volumes);
        job.datacenters = datacenters.split(',').map(str::to_owned).collect();
        (job.node_pool, job.constraints) = (pool.to_owned(), constraints);
        (job.affinities, job.spreads) = (affinities, spreads);
        let only = &mut job.groups[0];
        (only.affinities, only.spreads) = (group_affinities, group_spreads);
        (only.name, only.count, only.ephemeral_disk.size_mb) = (group.to_owned(), count, disk);
        only.tasks[0].config = [("image".to_owned(), image.into())].into_iter().collect();
        only.tasks[0].resources = resources;
        self.apply(&Command::JobRegister { job: job.into(), eval: None, enforce_index: None });
    }

    fn count(&mut self, id: &str, count: u32) {
        let mut job = (**self.store.snapshot().job(&JobKey::new("default", id)).unwrap()).clone();
        job.groups[0].count = count;
        self.apply(&Command::JobRegister { job: job.into(), eval: None, enforce_index: None });
    }

    fn deregister(&mut self, id: &str, purge: bool) {
        let key = JobKey::new("default", id);
        let time = self.now;
        self.apply(&Command::JobDeregister { key, purge, time, eval: None });
    }

    fn status(&mut self, name: &str, status: NodeStatus) {
        let command = Command::NodeStatus {
            node_id: self.nodes[name],
            status,
            description: String::new(),
            time: self.now,
            evals: Vec::new(),
        };
        self.apply(&command);
    }

    fn ineligible(&mut self, name: &str) {
        let command = Command::NodeEligibility {
            node_id: self.nodes[name],
            eligibility: Eligibility::Ineligible,
            time: self.now,
            evals: Vec::new(),
        };
        self.apply(&command);
    }

    fn run(&mut self, job: &str) {
        let view = self.store.snapshot();
        let pending: Vec<Allocation> = view
            .allocs_by_job(&JobKey::new("default", job))
            .filter(|alloc| alloc.client_status == ClientStatus::Pending)
            .map(|alloc| (**alloc).clone())
            .collect();
        for alloc in pending {
            self.see(&alloc, ClientStatus::Running);
        }
    }

    fn end(&mut self, name: &str, status: ClientStatus) {
        let view = self.store.snapshot();
        let alloc = view.allocs().find(|alloc| alloc.name == name && !alloc.is_terminal());
        let alloc = (**alloc.expect("it runs")).clone();
        self.see(&alloc, status);
    }

    fn see(&mut self, alloc: &Allocation, client_status: ClientStatus) {
        let finished_at = if client_status.is_terminal() { self.now } else { Timestamp::NEVER };
        let state = TaskState { finished_at, ..TaskState::default() };
        let update = AllocUpdate {
            id: alloc.id,
            client_status,
            client_description: String::new(),
            task_states: [("task".to_owned(), state)].into(),
            health: None,
            time: self.now,
        };
        let command = Command::ClientUpdate {
            node_id: alloc.node_id,
            updates: vec![update],
            time: self.now,
            evals: Vec::new(),
        };
        self.apply(&command);
    }

    /// Lets the scheduler look at a job, shows what it decides, and carries it out.
    fn eval(&mut self, job: &str) {
        let key = JobKey::new("default", job);
        let view = self.store.snapshot();
        let job_type = view.job(&key).map_or(JobType::Service, |job| job.job_type);
        let id = EvalId::random(&mut self.rng);
        let eval = Evaluation::pending(id, key, job_type, 50, Trigger::JobRegister, self.now);
        let decision = process(&view, &eval, self.now, &mut self.rng, &self.options.clone());
        self.show(job, &decision);
        let plan = decision.plan;
        let command = Command::ApplyPlan(PlanCommit {
            stops: plan.stops,
            places: plan.places,
            updates: plan.updates,
            evals: plan.preemption_evals,
            time: self.now,
            ..PlanCommit::default()
        });
        self.apply(&command);
    }

    /// Shows everything about where one more instance of a job's group could go.
    fn why(&mut self, job: &str) {
        let view = self.store.snapshot();
        let job = view.job(&JobKey::new("default", job)).unwrap().clone();
        let explanation = explain(&view, &job, &job.groups[0].name, &self.options).unwrap();
        writeln!(self.shown, "why {}:", job.id).unwrap();
        for node in &explanation.nodes {
            let places: Vec<String> = node
                .filtered
                .iter()
                .filter_map(|one| one.place.as_ref())
                .map(|place| place.path.clone())
                .collect();
            let places = if places.is_empty() { String::new() } else { format!(" ({})", places.join(", ")) };
            let said = match &node.score {
                Some(score) => format!("fits, score {:.3}", score.normalized),
                None => node.reasons().join("; "),
            };
            writeln!(self.shown, "  {}: {said}{places}", node.node_name).unwrap();
        }
        for way in &explanation.ways_out {
            writeln!(self.shown, "  {way}").unwrap();
        }
    }

    /// Shows what would follow if nodes were drained or lost; nothing is changed.
    fn what_if(&mut self, what: &str, names: &[&str]) {
        let change = match what {
            "drained" => dry_run::NodeChange::Drain,
            "lost" => dry_run::NodeChange::Lost,
            other => panic!("no change {other:?} of a node"),
        };
        let changes = names.iter().map(|name| (self.nodes[*name], change)).collect();
        let view = self.store.snapshot();
        let plan = dry_run::nodes(&view, &changes, self.now, &mut self.rng, &self.options).unwrap();
        writeln!(self.shown, "if {} {what}:", names.join(" and ")).unwrap();
        for one in &plan.moves {
            let outcome = match &one.outcome {
                dry_run::Outcome::To { node_name, .. } => format!("to {node_name}"),
                other => format!("{other:?}").to_lowercase(),
            };
            writeln!(self.shown, "  {} on {}: {outcome}", one.alloc.name, one.alloc.node_name).unwrap();
        }
        for short in &plan.shortfalls {
            writeln!(self.shown, "  {} {}: {} of {}", short.job_key, short.group, short.after, short.wanted)
                .unwrap();
            for way in short.explanation.iter().flat_map(|explanation| &explanation.ways_out) {
                writeln!(self.shown, "    {way}").unwrap();
            }
        }
    }

    fn show(&mut self, job: &str, decision: &plan::Decision) {
        let view = self.store.snapshot();
        let mut lines = Vec::new();
        for place in &decision.plan.places {
            let score = place.metric.scores.first().map_or(0.0, |best| best.normalized);
            let instead = place
                .previous
                .map(|id| format!(" instead of the one on {}", view.alloc(&id).unwrap().node_name));
            let ports = place.resources.networks().flat_map(|network| {
                let fixed =
                    network.reserved_ports.iter().map(|port| format!(" {}={}", port.label, port.value));
                fixed.chain(network.dynamic_ports.iter().map(|port| {
                    assert!((20_000..=32_000).contains(&port.value), "dynamic ports have a range");
                    format!(" {}=dynamic", port.label)
                }))
            });
            let ports: String = ports.collect();
            let cores: Vec<String> = place
                .resources
                .tasks
                .values()
                .flat_map(|task| &task.reserved_cores)
                .map(u16::to_string)
                .collect();
            let cores = if cores.is_empty() { String::new() } else { format!(" cores {}", cores.join(",")) };
            let devices = place.resources.tasks.values().flat_map(|task| &task.devices);
            let devices: String = devices.map(|one| format!(" {}:{}", one.name, one.ids.join(","))).collect();
            let ports = format!("{ports}{cores}{devices}");
            let of_each = place.metric.scores.first().map(|best| &best.scores).filter(|_| self.tells_scores);
            let of_each = of_each.map(|scores| {
                let each = scores.iter().map(|(scorer, score)| format!("{} {score:.3}", scorer.as_str()));
                format!(": {}", each.collect::<Vec<_>>().join(", "))
            });
            lines.push(format!(
                "place {} on {}{ports}{} score {score:.3}{}",
                place.name,
                place.node_name,
                instead.unwrap_or_default(),
                of_each.unwrap_or_default()
            ));
        }
        for stop in &decision.plan.stops {
            let alloc = view.alloc(&stop.alloc_id).unwrap();
            let status =
                stop.client_status.map(|status| format!(" as {}", status.as_str())).unwrap_or_default();
            lines.push(format!("stop {} on {}{status}: {}", alloc.name, alloc.node_name, stop.description));
        }
        for update in &decision.plan.updates {
            lines.push(format!("update {} on {} in place", update.name, update.node_name));
        }
        lines.sort();
        for (group, metric) in &decision.eval.failed_groups {
            let queued = decision.eval.queued[group];
            lines.push(format!(
                "unplaced {group}: {queued}; evaluated {}, filtered {}, exhausted {}",
                metric.seen.nodes_evaluated, metric.seen.nodes_filtered, metric.seen.nodes_exhausted
            ));
            for verdict in &metric.verdicts {
                lines.push(format!("  {}: {}", verdict.node_name, verdict.reasons.join("; ")));
            }
        }
        if let Some(blocked) = &decision.blocked {
            let could = blocked.class_eligibility.values().filter(|could| **could).count();
            let escaped = if blocked.escaped { ", escaped" } else { "" };
            lines.push(format!(
                "blocked: {could} of {} classes could help{escaped}",
                blocked.class_eligibility.len()
            ));
        }
        for later in &decision.follow_ups {
            lines.push(format!("again in {:.0} s", later.wait_until.since(self.now).as_secs_f64()));
        }
        let status = decision.eval.status.as_str();
        let said = &decision.eval.status_description;
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        writeln!(self.shown, "eval {job}: {status}{said}").unwrap();
        for line in lines {
            writeln!(self.shown, "  {line}").unwrap();
        }
    }
}

/// Reads `vendor/type/name:id,id!`; `!` marks an instance that is not healthy.
fn device(text: &str) -> NodeDevice {
    let (kind, ids) = text.split_once(':').unwrap();
    let parts: Vec<&str> = kind.split('/').collect();
    let instances = ids.split(',').map(|id| DeviceInstance {
        id: id.trim_end_matches('!').to_owned(),
        healthy: !id.ends_with('!'),
        description: String::new(),
    });
    NodeDevice {
        vendor: parts[0].to_owned(),
        device_type: parts[1].to_owned(),
        name: parts[2].to_owned(),
        instances: instances.collect(),
        ..NodeDevice::default()
    }
}

/// Reads `left|operator|right|weight`.
fn affinity(text: &str) -> Affinity {
    let parts: Vec<&str> = text.split('|').collect();
    Affinity {
        left: parts[0].to_owned(),
        operator: parts[1].parse().unwrap(),
        right: parts[2].to_owned(),
        weight: parts[3].parse().unwrap(),
    }
}

/// Reads `attribute|weight|value:percent,value:percent`; even without values.
fn spread(text: &str) -> Spread {
    let parts: Vec<&str> = text.split('|').collect();
    let targets = parts.get(2).into_iter().flat_map(|targets| targets.split(','));
    let target = |text: &str| {
        let (value, percent) = text.split_once(':').unwrap();
        SpreadTarget { value: value.to_owned(), percent: percent.parse().unwrap() }
    };
    Spread {
        attribute: parts[0].to_owned(),
        weight: parts[1].parse().unwrap(),
        targets: targets.map(target).collect(),
    }
}
