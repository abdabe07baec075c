//! Every node with all that speaks against it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Filter, FilterKind, Lacking, NodeExplanation, Options, Owner, Place, Preemptable, preempt};
use crate::model::metric::NodeScore;
use crate::model::{Allocation, Constraint, Job, Node, NodeStatus, Operator, TaskGroup};
use crate::scheduler::feasible::{self, constraint, datacenter, driver, volume};
use crate::scheduler::fit::{self, Ask, Lack, Room};
use crate::scheduler::stack::Stack;
use crate::scheduler::{cores, device, target};
use crate::state::Snapshot;

/// Looks at all nodes, in name order.
pub(super) fn look(view: &Snapshot, job: &Job, group: &TaskGroup) -> Vec<NodeExplanation> {
    let asked = Asked::new(view, job, group);
    let entries = view.roster().entries().iter();
    entries.map(|entry| asked.node(&entry.node, entry.capacity)).collect()
}

/// Returns the score of each node on which an instance fits, in name order.
pub(super) fn scores(
    view: &Snapshot,
    job: &Job,
    group: &TaskGroup,
    options: &Options,
) -> Vec<Option<NodeScore>> {
    let job = Arc::new(job.clone());
    let freed = BTreeSet::new();
    let mut stack = Stack::new(view, &job, options, &freed);
    match job.group(&group.name) {
        Some(group) => stack.scores(group),
        None => Vec::new(),
    }
}

/// A group with what is the same for all nodes.
struct Asked<'a> {
    view: &'a Snapshot,
    job: &'a Job,
    group: &'a TaskGroup,
    /// The group's place in the job, `TaskGroups[0]`.
    path: String,
    ask: Ask,
    /// The job's allocations that hold a place, by what distinct constraints count.
    of_job: Vec<&'a Arc<Allocation>>,
}

impl<'a> Asked<'a> {
    fn new(view: &'a Snapshot, job: &'a Job, group: &'a TaskGroup) -> Self {
        let index = job.groups.iter().position(|known| known.name == group.name).unwrap_or(0);
        let of_job = view.allocs_by_job(&job.key()).filter(|alloc| !alloc.is_terminal()).collect();
        Self { view, job, group, path: format!("TaskGroups[{index}]"), ask: Ask::of(group), of_job }
    }

    fn node(&self, node: &Node, capacity: crate::model::Amounts) -> NodeExplanation {
        let usage = self.view.usage(&node.id).map(|usage| (**usage).clone()).unwrap_or_default();
        let room = Room { node, capacity, usage: &usage };
        let mut filtered = self.condition(node);
        filtered.extend(self.whereabouts(node));
        filtered.extend(self.drivers(node));
        filtered.extend(self.constraints(node));
        filtered.extend(self.volumes(node));
        filtered.extend(self.devices(node));
        let lacks = self.lacks(&room);
        let lacks: Vec<Lacking> =
            lacks.into_iter().map(|lack| Lacking { place: self.place_of(&lack), lack }).collect();
        let preemptable = match filtered.is_empty() && !lacks.is_empty() {
            true => self.preemptable(&room),
            false => Vec::new(),
        };
        NodeExplanation {
            node_id: node.id,
            node_name: node.name.clone(),
            filtered,
            lacks,
            preemptable,
            score: None,
        }
    }

    /// Returns what is missing, without what is said already: devices that the node could never give, and the CPU that
    /// whole cores come to, which is a matter of cores.
    fn lacks(&self, room: &Room<'_>) -> Vec<Lack> {
        let mut lacks = fit::lacks(room, &self.ask);
        lacks.retain(|lack| !matches!(lack, Lack::Device(lack) if lack.is_for_good()));
        let free = room.capacity.minus(room.usage.amounts).cpu_mhz;
        let beside = self.ask.amounts.cpu_mhz;
        let mhz = u64::from(room.node.resources.mhz_per_core());
        let is_cpu = |lack: &Lack| matches!(lack, Lack::Amount { dimension: "cpu", .. });
        if self.ask.cores == 0 || mhz == 0 || beside > free || !lacks.iter().any(is_cpu) {
            return lacks;
        }
        let cores = cores::free(room.node, &room.usage.cores).min((free - beside) / mhz);
        lacks.retain(|lack| !is_cpu(lack) && !matches!(lack, Lack::Cores { .. }));
        lacks.insert(0, Lack::Cores { free: cores, asked: self.ask.cores });
        lacks
    }

    fn of_job(&self, path: &str) -> Option<Place> {
        Some(Place { owner: Owner::Job, path: path.to_owned() })
    }

    fn of_group(&self, path: &str) -> Option<Place> {
        let owner = Owner::Group(self.group.name.clone());
        Some(Place { owner, path: format!("{}.{path}", self.path) })
    }

    fn of_task(&self, index: usize, path: &str) -> Option<Place> {
        let owner = Owner::Task(self.group.tasks[index].name.clone());
        Some(Place { owner, path: format!("{}.Tasks[{index}].{path}", self.path) })
    }

    fn condition(&self, node: &Node) -> Vec<Filter> {
        let kind = match node.status {
            NodeStatus::Ready if node.is_schedulable() => return Vec::new(),
            NodeStatus::Ready => FilterKind::Ineligible(node.eligibility),
            status => FilterKind::NotReady(status),
        };
        let text = match &kind {
            FilterKind::NotReady(status) => format!("node is {}", status.as_str()),
            _ if node.drain.is_some() => "node is being drained".to_owned(),
            _ => "node is not eligible for new allocations".to_owned(),
        };
        vec![Filter { kind, text, place: None }]
    }

    fn whereabouts(&self, node: &Node) -> Vec<Filter> {
        let mut filters = Vec::new();
        let job = self.job;
        if !feasible::is_in_pool(job, node) {
            let text = format!("node pool is {:?}, the job asks for {:?}", node.pool, job.node_pool);
            filters.push(Filter { kind: FilterKind::NodePool, text, place: self.of_job("NodePool") });
        }
        if !datacenter::matches(&job.datacenters, &node.datacenter) {
            let wanted = job.datacenters.join(", ");
            let text = format!("datacenter is {:?}, the job asks for {wanted}", node.datacenter);
            filters.push(Filter { kind: FilterKind::Datacenter, text, place: self.of_job("Datacenters") });
        }
        filters
    }

    fn drivers(&self, node: &Node) -> Vec<Filter> {
        let mut seen = BTreeSet::new();
        let mut filters = Vec::new();
        for (index, task) in self.group.tasks.iter().enumerate() {
            if !node.has_driver(&task.driver) && seen.insert(&task.driver) {
                let text = driver::problem(&task.driver, node);
                let kind = FilterKind::Driver(task.driver.clone());
                filters.push(Filter { kind, text, place: self.of_task(index, "Driver") });
            }
        }
        filters
    }

    /// Returns all constraints with where they stand, and what counts for those on other allocations: of the job or of
    /// the group.
    fn all_constraints(&self) -> Vec<(&'a Constraint, Option<Place>, Option<&'a str>)> {
        let mut all = Vec::new();
        for (index, one) in self.job.constraints.iter().enumerate() {
            all.push((one, self.of_job(&format!("Constraints[{index}]")), None));
        }
        for (index, one) in self.group.constraints.iter().enumerate() {
            let within = Some(self.group.name.as_str());
            all.push((one, self.of_group(&format!("Constraints[{index}]")), within));
        }
        for (task_index, task) in self.group.tasks.iter().enumerate() {
            let distinct_has_no_say = |one: &&Constraint| !feasible::is_distinct(one);
            for (index, one) in
                task.constraints.iter().enumerate().filter(|(_, one)| distinct_has_no_say(one))
            {
                all.push((one, self.of_task(task_index, &format!("Constraints[{index}]")), None));
            }
        }
        all
    }

    fn constraints(&self, node: &Node) -> Vec<Filter> {
        let mut filters = Vec::new();
        for (one, place, within) in self.all_constraints() {
            let broken = match feasible::is_distinct(one) {
                true => self.distinct(one, within, node).map(|detail| format!("{one}: {detail}")),
                false => constraint::check(one, node).err().map(|reason| reason.detail),
            };
            filters.extend(broken.map(|text| {
                let kind = match feasible::is_distinct(one) {
                    true => FilterKind::Distinct(one.to_string()),
                    false => FilterKind::Constraint(one.to_string()),
                };
                Filter { kind, text, place }
            }));
        }
        filters
    }

    /// Says what a constraint on the places of the job's other allocations has against one more on a node.
    fn distinct(&self, one: &Constraint, within: Option<&str>, node: &Node) -> Option<String> {
        let counted = self.of_job.iter().filter(|alloc| within.is_none_or(|group| alloc.group == group));
        if one.operator == Operator::DistinctHosts {
            let is_there = one.right != "false" && counted.into_iter().any(|alloc| alloc.node_id == node.id);
            return is_there.then(|| "another instance is there".to_owned());
        }
        let Some(value) = target::resolve(node, &one.left) else {
            return Some("the node does not have it".to_owned());
        };
        let limit: usize = match one.right.as_str() {
            "" => 1,
            text => match text.parse() {
                Ok(limit) => limit,
                Err(_) => return Some(format!("{text:?} is no number of allocations")),
            },
        };
        let alike = counted.filter(|alloc| {
            let there = self.view.node(&alloc.node_id);
            there.and_then(|other| target::resolve(other, &one.left)).is_some_and(|other| other == value)
        });
        let used = alike.count();
        (used >= limit).then(|| format!("{used} of {limit} instances are at {value:?} already"))
    }

    fn volumes(&self, node: &Node) -> Vec<Filter> {
        let reasons = volume::problems(self.group, node);
        let filters = reasons.into_iter().map(|(name, text)| {
            let place = self.of_group(&format!("Volumes.{name}"));
            Filter { kind: FilterKind::Volume(name), text, place }
        });
        filters.collect()
    }

    fn devices(&self, node: &Node) -> Vec<Filter> {
        let lacks = device::lacks_for_good(self.group, node).into_iter();
        let filters = lacks.map(|lack| Filter {
            kind: FilterKind::Device(lack.request.clone()),
            text: lack.to_string(),
            place: self.place_of_device(&lack),
        });
        filters.collect()
    }

    fn place_of_device(&self, lack: &device::DeviceLack) -> Option<Place> {
        let index = self.group.tasks.iter().position(|task| task.name == lack.task)?;
        let devices = &self.group.tasks[index].resources.devices;
        let device = devices.iter().position(|device| device.name == lack.request)?;
        self.of_task(index, &format!("Resources.Devices[{device}]"))
    }

    /// Returns what asks for something that is missing: the task that asks for most of it.
    fn place_of(&self, lack: &Lack) -> Option<Place> {
        let largest = |get: fn(&crate::model::Resources) -> u32, name: &str| {
            let tasks = self.group.tasks.iter().enumerate();
            let (index, task) =
                tasks.max_by_key(|(index, task)| (get(&task.resources), std::cmp::Reverse(*index)))?;
            (get(&task.resources) > 0).then(|| self.of_task(index, &format!("Resources.{name}"))).flatten()
        };
        match lack {
            Lack::Amount { dimension: "cpu", .. } => largest(|asked| asked.cpu_mhz, "CPU"),
            Lack::Amount { dimension: "memory", .. } => largest(|asked| asked.memory_mb, "MemoryMB"),
            Lack::Cores { .. } => largest(|asked| asked.cores, "Cores"),
            Lack::Amount { dimension: "disk", .. } => self.of_group("EphemeralDisk.SizeMB"),
            Lack::Amount { .. } | Lack::DynamicPorts { .. } | Lack::NoNetwork => self.place_of_networks(),
            Lack::Port { label, .. } => self.place_of_port(label),
            Lack::Device(lack) => self.place_of_device(lack),
        }
    }

    fn place_of_networks(&self) -> Option<Place> {
        if !self.group.networks.is_empty() {
            return self.of_group("Networks");
        }
        let task = self.group.tasks.iter().position(|task| !task.resources.networks.is_empty())?;
        self.of_task(task, "Resources.Networks")
    }

    fn place_of_port(&self, label: &str) -> Option<Place> {
        let in_networks = |networks: &[crate::model::Network]| {
            let labelled = networks.iter().enumerate().find_map(|(n, network)| {
                Some((n, network.reserved_ports.iter().position(|port| port.label == label)?))
            });
            labelled.map(|(network, port)| format!("Networks[{network}].ReservedPorts[{port}]"))
        };
        if let Some(path) = in_networks(&self.group.networks) {
            return self.of_group(&path);
        }
        let tasks = self.group.tasks.iter().enumerate();
        let (task, path) =
            tasks.filter_map(|(index, task)| Some((index, in_networks(&task.resources.networks)?))).next()?;
        self.of_task(task, &format!("Resources.{path}"))
    }

    /// Returns the less important allocations that would have to go for an instance to fit.
    fn preemptable(&self, room: &Room<'_>) -> Vec<Preemptable> {
        let there: Vec<Arc<Allocation>> = self.view.allocs_by_node(&room.node.id).cloned().collect();
        let chosen = preempt::on_node(self.job, self.group, &self.ask, room, &there, &Default::default());
        let preemptable = chosen.unwrap_or_default().into_iter().map(|alloc| Preemptable {
            alloc_id: alloc.id,
            name: alloc.name.clone(),
            priority: alloc.job.priority,
        });
        preemptable.collect()
    }
}
