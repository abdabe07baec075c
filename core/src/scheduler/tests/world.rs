//! What scripts act on: a state, a clock, and the verbs that change them.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use crate::model::*;
use crate::scheduler::Options;
use crate::state::{Command, Store};
use crate::testing;

/// What a script acts on.
pub(super) struct World {
    pub(super) file: String,
    pub(super) store: Store,
    pub(super) index: u64,
    pub(super) now: Timestamp,
    pub(super) rng: ChaCha8Rng,
    pub(super) options: Options,
    pub(super) tells_scores: bool,
    pub(super) nodes: BTreeMap<String, NodeId>,
    pub(super) shown: String,
    /// What plans did not keep.
    pub(super) broken: Vec<String>,
}

impl World {
    pub(super) fn new(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            store: Store::new(),
            index: 0,
            now: Timestamp(1),
            rng: ChaCha8Rng::seed_from_u64(1),
            // Scripts say so where services roll out by deployments.
            options: Options { deployments: false, ..Options::default() },
            tells_scores: false,
            nodes: BTreeMap::new(),
            shown: String::new(),
            broken: Vec::new(),
        }
    }

    pub(super) fn apply(&mut self, command: &Command) {
        self.index += 1;
        self.store.apply(self.index, command).result.unwrap();
    }

    pub(super) fn node(&mut self, name: &str, keys: &[(&str, &str)]) {
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
    pub(super) fn nodes(&mut self, count: u32, keys: &[(&str, &str)]) {
        let (racks, keys): (Vec<_>, Vec<_>) = keys.iter().partition(|(key, _)| *key == "racks");
        let racks = racks.first().map_or(1, |(_, racks)| racks.parse().unwrap());
        for n in 0..count {
            let rack = format!("r{}", n % racks);
            let mut keys = keys.clone();
            keys.push(("meta.rack", &rack));
            self.node(&format!("n{:02}", n + 1), &keys);
        }
    }

    pub(super) fn job(&mut self, id: &str, keys: &[(&str, &str)]) {
        let mut job = testing::job(id, "docker");
        let mut of_group: Vec<(&str, &str)> = Vec::new();
        let mut group = "app";
        for (key, value) in keys {
            match *key {
                "type" => job.job_type = JobType::from_name(value).unwrap(),
                "group" => group = value,
                "dc" => job.datacenters = value.split(',').map(str::to_owned).collect(),
                "pool" => job.node_pool = (*value).to_owned(),
                "priority" => job.priority = value.parse().unwrap(),
                "all_at_once" => job.all_at_once = true,
                "job_meta" => drop(job.meta.insert("fact".to_owned(), (*value).to_owned())),
                "constraint" => job.constraints.push(constraint(value)),
                "affinity" => job.affinities.push(affinity(value)),
                "spread" => job.spreads.push(spread(value)),
                _ => of_group.push((key, value)),
            }
        }
        if !keys.iter().any(|(key, _)| *key == "dc") {
            job.datacenters = vec!["dc1".to_owned()];
        }
        job.groups = vec![self.make_group(group, &of_group)];
        // As in 2016: the block belongs to the job, and its groups share it.
        job.update = job.groups[0].update.clone().filter(|update| update.paced_by_stagger);
        self.submit(job);
    }

    /// Submits a job once more with a group added, or put in the place of the one of that name.
    pub(super) fn group(&mut self, id: &str, name: &str, keys: &[(&str, &str)]) {
        let group = self.make_group(name, keys);
        let mut job = self.known(id);
        job.groups.retain(|known| known.name != name);
        job.groups.push(group);
        self.submit(job);
    }

    fn make_group(&self, name: &str, keys: &[(&str, &str)]) -> TaskGroup {
        let file = &self.file;
        let mut only = testing::job("any", "docker").groups.remove(0);
        only.name = name.to_owned();
        let mut resources = Resources { cpu_mhz: 100, memory_mb: 100, ..Resources::default() };
        let mut network = Network::default();
        let mut update = UpdateStrategy::default();
        let mut disconnect = DisconnectStrategy::default();
        let (mut driver, mut image) = ("docker", "v1");
        let (mut has_update, mut has_disconnect) = (false, false);
        let seconds = |value: &str| Duration::from_secs(value.parse().unwrap());
        for (key, value) in keys {
            has_update |= ["max_parallel", "canary", "auto_promote", "auto_revert", "progress", "stagger"]
                .contains(key);
            has_disconnect |= ["lost_after", "stop_after", "replace", "reconcile"].contains(key);
            match *key {
                "count" => only.count = value.parse().unwrap(),
                "cpu" => resources.cpu_mhz = value.parse().unwrap(),
                "mem" => resources.memory_mb = value.parse().unwrap(),
                "disk" => only.ephemeral_disk.size_mb = value.parse().unwrap(),
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
                    only.volumes.insert((*value).to_owned(), volume);
                }
                "group_affinity" => only.affinities.push(affinity(value)),
                "group_spread" => only.spreads.push(spread(value)),
                "driver" => driver = value,
                "image" => image = value,
                "kill" => only.tasks[0].kill_timeout = seconds(value),
                "mbits" => network.mbits = value.parse().unwrap(),
                "static" => network.reserved_ports.push(Port {
                    label: "http".to_owned(),
                    value: value.parse().unwrap(),
                    ..Port::default()
                }),
                "dynamic" => {
                    network.dynamic_ports.push(Port { label: (*value).to_owned(), ..Port::default() })
                }
                "max_parallel" => update.max_parallel = value.parse().unwrap(),
                "canary" => update.canary = value.parse().unwrap(),
                "auto_promote" => update.auto_promote = *value == "true",
                "auto_revert" => update.auto_revert = *value == "true",
                "progress" => update.progress_deadline = seconds(value),
                "stagger" => (update.stagger, update.paced_by_stagger) = (seconds(value), true),
                "lost_after" => disconnect.lost_after = Some(seconds(value)),
                "stop_after" => disconnect.stop_on_client_after = Some(seconds(value)),
                "replace" => disconnect.replace = Some(*value == "true"),
                "reconcile" => disconnect.reconcile = Some(serde_json::from_value((*value).into()).unwrap()),
                "reschedule" => only.reschedule = Some(policy(value)),
                "group_constraint" => only.constraints.push(constraint(value)),
                other => panic!("{file}: no key {other:?} of a job or group"),
            }
        }
        if network != Network::default() {
            resources.networks.push(network);
        }
        only.update = has_update.then_some(update);
        only.disconnect = has_disconnect.then_some(disconnect);
        only.tasks[0].driver = driver.to_owned();
        only.tasks[0].name = "task".to_owned();
        only.tasks[0].config = [("image".to_owned(), image.into())].into_iter().collect();
        only.tasks[0].resources = resources;
        only
    }

    fn known(&self, id: &str) -> Job {
        (**self.store.snapshot().job(&JobKey::new("default", id)).unwrap()).clone()
    }

    fn submit(&mut self, job: Job) {
        self.apply(&Command::JobRegister { job: job.into(), eval: None, enforce_index: None });
    }

    pub(super) fn count(&mut self, id: &str, count: u32) {
        let mut job = self.known(id);
        job.groups[0].count = count;
        self.submit(job);
    }

    pub(super) fn deregister(&mut self, id: &str, purge: bool) {
        let key = JobKey::new("default", id);
        let time = self.now;
        self.apply(&Command::JobDeregister { key, purge, time, eval: None });
    }

    pub(super) fn status(&mut self, name: &str, status: NodeStatus) {
        let command = Command::NodeStatus {
            node_id: self.nodes[name],
            status,
            description: String::new(),
            time: self.now,
            evals: Vec::new(),
        };
        self.apply(&command);
    }

    pub(super) fn eligibility(&mut self, name: &str, eligibility: Eligibility) {
        let (node_id, time) = (self.nodes[name], self.now);
        self.apply(&Command::NodeEligibility { node_id, eligibility, time, evals: Vec::new() });
    }

    /// Empties a node at once: all that is there is marked.
    pub(super) fn drain(&mut self, name: &str, on: bool) {
        let (node_id, time) = (self.nodes[name], self.now);
        let drain = on.then(DrainStrategy::default);
        self.apply(&Command::NodeDrain { node_id, drain, mark_eligible: true, time, evals: Vec::new() });
        if on {
            let view = self.store.snapshot();
            let there = view.allocs_by_node(&node_id).filter(|alloc| !alloc.is_terminal());
            let migrate = DesiredTransition { migrate: Some(true), ..DesiredTransition::default() };
            let transitions = there.map(|alloc| (alloc.id, migrate)).collect();
            self.apply(&Command::AllocDesiredTransition { transitions, time, evals: Vec::new() });
        }
    }

    pub(super) fn run(&mut self, job: &str) {
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

    /// Returns the newest allocation of a name, or of one on a node, that has not ended.
    fn pick(&self, name: &str) -> Allocation {
        let (name, node) = name.split_once('@').map_or((name, None), |(name, node)| (name, Some(node)));
        let view = self.store.snapshot();
        let found = view.allocs().filter(|alloc| {
            alloc.name == name
                && !alloc.is_client_terminal()
                && node.is_none_or(|node| alloc.node_name == node)
        });
        let newest = found.max_by_key(|alloc| (!alloc.is_terminal(), alloc.create_index));
        (**newest.unwrap_or_else(|| panic!("{}: {name} does not run", self.file))).clone()
    }

    pub(super) fn end(&mut self, name: &str, status: ClientStatus) {
        let alloc = self.pick(name);
        self.see(&alloc, status);
    }

    pub(super) fn health(&mut self, name: &str, healthy: bool) {
        let alloc = self.pick(name);
        self.say(&alloc, alloc.client_status, Some(AllocHealth { healthy, time: self.now }));
    }

    pub(super) fn healthy_all(&mut self, job: &str) {
        let view = self.store.snapshot();
        let key = JobKey::new("default", job);
        let running = view.allocs_by_job(&key).filter(|alloc| {
            !alloc.is_terminal() && alloc.deployment_id.is_some() && alloc.health().is_none()
        });
        for alloc in running {
            self.say(alloc, ClientStatus::Running, Some(AllocHealth { healthy: true, time: self.now }));
        }
    }

    pub(super) fn want(&mut self, name: &str, transition: DesiredTransition) {
        // What has failed has ended, and is meant by its name all the same.
        let view = self.store.snapshot();
        let (name, node) = name.split_once('@').map_or((name, None), |(name, node)| (name, Some(node)));
        let of = view
            .allocs()
            .filter(|alloc| alloc.name == name && node.is_none_or(|node| alloc.node_name == node));
        let newest = of.max_by_key(|alloc| (alloc.next.is_none(), alloc.create_index));
        let id = newest.expect("there is one").id;
        let time = self.now;
        self.apply(&Command::AllocDesiredTransition {
            transitions: vec![(id, transition)],
            time,
            evals: Vec::new(),
        });
    }

    pub(super) fn promote(&mut self, job: &str) {
        let view = self.store.snapshot();
        let deployment_id = view.latest_deployment(&JobKey::new("default", job)).expect("it has one").id;
        let time = self.now;
        self.apply(&Command::DeploymentPromote { deployment_id, groups: None, time, eval: None });
    }

    /// Promotes canaries, if they are well.
    pub(super) fn try_promote(&mut self, job: &str) {
        let view = self.store.snapshot();
        let deployment_id = view.latest_deployment(&JobKey::new("default", job)).expect("it has one").id;
        let time = self.now;
        self.index += 1;
        let command = Command::DeploymentPromote { deployment_id, groups: None, time, eval: None };
        let _ = self.store.apply(self.index, &command);
    }

    pub(super) fn set_deployment(&mut self, job: &str, status: DeploymentStatus) {
        let view = self.store.snapshot();
        let deployment_id = view.latest_deployment(&JobKey::new("default", job)).expect("it has one").id;
        let update = DeploymentUpdate { deployment_id, status, description: "said so".to_owned() };
        let time = self.now;
        self.apply(&Command::DeploymentStatusUpdate { update, revert: None, time, eval: None });
    }

    fn see(&mut self, alloc: &Allocation, client_status: ClientStatus) {
        self.say(alloc, client_status, None);
    }

    fn say(&mut self, alloc: &Allocation, client_status: ClientStatus, health: Option<AllocHealth>) {
        let finished_at = if client_status.is_terminal() { self.now } else { Timestamp::NEVER };
        let known = alloc.task_states.get("task").map_or(Timestamp::NEVER, |state| state.started_at);
        let started = client_status == ClientStatus::Running && known == Timestamp::NEVER;
        let started_at = if started { self.now } else { known };
        let state = TaskState { started_at, finished_at, ..TaskState::default() };
        let update = AllocUpdate {
            id: alloc.id,
            client_status,
            client_description: String::new(),
            task_states: [("task".to_owned(), state)].into(),
            health,
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
}

/// Reads `left|operator|right`, since the words of a line are parted by blanks.
fn constraint(text: &str) -> Constraint {
    let parts: Vec<&str> = text.split('|').collect();
    Constraint {
        left: parts[0].to_owned(),
        operator: parts[1].parse().unwrap(),
        right: parts.get(2).copied().unwrap_or_default().to_owned(),
    }
}

/// Reads a reschedule policy: `exponential,30,3600` without limit, `constant,5,0,2/600` for two in 600 s, `never`.
fn policy(text: &str) -> ReschedulePolicy {
    if text == "never" {
        return ReschedulePolicy::default();
    }
    let parts: Vec<&str> = text.split(',').collect();
    let seconds = |text: &str| Duration::from_secs(text.parse().unwrap());
    let mut policy = ReschedulePolicy {
        delay_function: serde_json::from_value(parts[0].into()).unwrap(),
        delay: seconds(parts[1]),
        max_delay: seconds(parts[2]),
        unlimited: true,
        ..ReschedulePolicy::default()
    };
    if let Some((attempts, interval)) = parts.get(3).and_then(|limit| limit.split_once('/')) {
        policy.unlimited = false;
        (policy.attempts, policy.interval) = (attempts.parse().unwrap(), seconds(interval));
    }
    policy
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
