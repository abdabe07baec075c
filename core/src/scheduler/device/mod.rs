//! Devices: which a node has, which of them are free, and who gets them.
//!
//! A task asks for devices by `type`, `vendor/type` or `vendor/type/name`, with conditions and wishes about them. All
//! instances of one request come from one *kind*: the node's devices of one make and model. Source: Nomad
//! `scheduler/feasible/device.go` and `feasible.go`, `DeviceChecker`.
//!
//! # Invariants
//! - An instance is given to one task at a time; one that is not healthy is given to nobody.
//! - Of the kinds that will do, the one that meets the wishes best is taken, the first in the node's order among equals;
//!   of a kind, the first free instances.
//! - Requests that fewer kinds can meet go first, so that a modest one does not take what only another can use.

pub mod quantity;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::model::usage::InstanceKey;
use crate::model::{
    AllocatedDevice, Constraint, DeviceRequest, Instances, Node, NodeDevice, Operator, TaskGroup,
};
use crate::scheduler::feasible::constraint;

/// Returns `vendor/type/name` of a kind.
pub fn kind_of(device: &NodeDevice) -> String {
    format!("{}/{}/{}", device.vendor, device.device_type, device.name)
}

/// Devices for all tasks of a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assignment {
    /// By task name.
    pub tasks: BTreeMap<String, Vec<AllocatedDevice>>,
    /// Weights of the wishes that are met, over those of all, from -1 to 1; `None` where nobody has wishes. Source:
    /// Nomad `scheduler/feasible/rank.go`.
    pub score: Option<f64>,
}

/// Why a request cannot be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceLack {
    /// Whose request.
    pub task: String,
    /// The request's name.
    pub request: String,
    /// How many were asked for.
    pub asked: u32,
    /// What is in the way.
    pub cause: Cause,
}

/// What is in the way of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The node has no device of that name.
    Missing,
    /// It has, but a condition is not met: by each kind the first that is not.
    Constraint {
        /// The kind, `vendor/type/name`.
        kind: String,
        /// The condition.
        constraint: Constraint,
        /// What holds instead.
        found: Option<String>,
    },
    /// Too few that are well.
    TooFew {
        /// How many are, of the kind that has most.
        healthy: u32,
    },
    /// Enough are well, but too few are free.
    InUse {
        /// How many are free, of the kind that has most.
        free: u32,
    },
}

impl DeviceLack {
    /// Tells whether it is for good: the node is not feasible, whatever is free.
    pub fn is_for_good(&self) -> bool {
        !matches!(self.cause, Cause::InUse { .. })
    }
}

impl fmt::Display for DeviceLack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request, asked, .. } = self;
        match &self.cause {
            Cause::Missing => write!(f, "missing device {request}"),
            Cause::Constraint { kind, constraint, found: Some(found) } => {
                write!(f, "device {request}: {constraint}: it is {found:?} of {kind}")
            }
            Cause::Constraint { kind, constraint, found: None } => {
                write!(f, "device {request}: {constraint}: {kind} does not have it")
            }
            Cause::TooFew { healthy } => write!(f, "device {request}: {healthy} healthy, {asked} asked"),
            Cause::InUse { free } => write!(f, "device {request}: {free} free, {asked} asked"),
        }
    }
}

/// A request of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The task's name.
    pub task: String,
    /// What it asks for.
    pub request: DeviceRequest,
}

/// Returns what the tasks of a group ask for, in the order written.
pub fn wanted(group: &TaskGroup) -> Vec<Wanted> {
    let all = group.tasks.iter().flat_map(|task| {
        let requests = task.resources.devices.iter();
        requests.map(|request| Wanted { task: task.name.clone(), request: request.clone() })
    });
    all.collect()
}

/// Gives tasks the devices they want of `node` that are not `taken`, or says of every request that cannot be met why.
///
/// # Errors
/// One entry for each request without devices, in the order written.
pub fn assign(wanted: &[Wanted], node: &Node, taken: &Instances) -> Result<Assignment, Vec<DeviceLack>> {
    let mut requests: Vec<(usize, &Wanted)> = wanted.iter().enumerate().collect();
    let kinds = &node.resources.devices;
    let will_do = |request: &DeviceRequest| {
        kinds.iter().filter(|kind| is_named(&request.name, kind) && unmet(request, kind).is_none()).count()
    };
    requests.sort_by_key(|(position, wanted)| (will_do(&wanted.request), *position));

    let mut given: BTreeSet<InstanceKey> = taken.iter().cloned().collect();
    let mut chosen: BTreeMap<usize, (String, AllocatedDevice)> = BTreeMap::new();
    let mut lacks: BTreeMap<usize, DeviceLack> = BTreeMap::new();
    let mut weights = Weights::default();
    for (position, Wanted { task, request }) in requests {
        match best_kind(request, kinds, &given) {
            Ok((kind, ids)) => {
                weights.add(request, kind);
                given.extend(ids.iter().map(|id| (kind_of(kind), id.clone())));
                let device = AllocatedDevice {
                    vendor: kind.vendor.clone(),
                    device_type: kind.device_type.clone(),
                    name: kind.name.clone(),
                    ids,
                };
                chosen.insert(position, (task.clone(), device));
            }
            Err(cause) => {
                let asked = request.count.unwrap_or(1);
                let (task, request) = (task.clone(), request.name.clone());
                lacks.insert(position, DeviceLack { task, request, asked, cause });
            }
        }
    }
    if !lacks.is_empty() {
        return Err(lacks.into_values().collect());
    }
    let mut tasks: BTreeMap<String, Vec<AllocatedDevice>> = BTreeMap::new();
    for (task, device) in chosen.into_values() {
        tasks.entry(task).or_default().push(device);
    }
    Ok(Assignment { tasks, score: weights.score() })
}

/// Returns what a node's devices lack for a group even if none was in use.
pub fn lacks_for_good(group: &TaskGroup, node: &Node) -> Vec<DeviceLack> {
    let lacks = assign(&wanted(group), node, &Instances::default()).err().unwrap_or_default();
    lacks.into_iter().map(for_good).collect()
}

/// Of an empty node the requests of the group itself have taken what is in use: there are too few.
fn for_good(lack: DeviceLack) -> DeviceLack {
    let cause = match lack.cause {
        Cause::InUse { free } => Cause::TooFew { healthy: free },
        cause => cause,
    };
    DeviceLack { cause, ..lack }
}

/// Returns the kind that meets a request best, with free instances of it.
fn best_kind<'a>(
    request: &DeviceRequest,
    kinds: &'a [NodeDevice],
    given: &BTreeSet<InstanceKey>,
) -> Result<(&'a NodeDevice, Vec<String>), Cause> {
    let asked = request.count.unwrap_or(1) as usize;
    let mut best: Option<(f64, &NodeDevice, Vec<String>)> = None;
    let (mut named, mut unmet_by) = (false, None);
    let (mut most_healthy, mut most_free) = (None, 0);
    for kind in kinds.iter().filter(|kind| is_named(&request.name, kind)) {
        named = true;
        if let Some(constraint) = unmet(request, kind) {
            unmet_by = unmet_by.or_else(|| {
                let found = resolve(kind, &constraint.left).map(Cow::into_owned);
                Some(Cause::Constraint { kind: kind_of(kind), constraint: constraint.clone(), found })
            });
            continue;
        }
        let key = kind_of(kind);
        let healthy: Vec<&str> =
            kind.instances.iter().filter(|one| one.healthy).map(|one| one.id.as_str()).collect();
        let free = healthy.iter().filter(|id| !given.contains(&(key.clone(), (**id).to_owned())));
        let free: Vec<String> = free.map(|id| (*id).to_owned()).collect();
        most_healthy = most_healthy.max(Some(healthy.len()));
        most_free = most_free.max(free.len());
        if free.len() < asked {
            continue;
        }
        let score = Weights::of(request, kind).score().unwrap_or(0.0);
        if best.as_ref().is_none_or(|(known, _, _)| score > *known) {
            best = Some((score, kind, free.into_iter().take(asked).collect()));
        }
    }
    if let Some((_, kind, ids)) = best {
        return Ok((kind, ids));
    }
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Err(match most_healthy {
        _ if !named => Cause::Missing,
        None => unmet_by.unwrap_or(Cause::Missing),
        Some(healthy) if healthy < asked => Cause::TooFew { healthy: number(healthy) },
        Some(_) => Cause::InUse { free: number(most_free) },
    })
}

/// Tells whether a kind is called so: `type`, `vendor/type` or `vendor/type/name`.
fn is_named(name: &str, kind: &NodeDevice) -> bool {
    let parts: Vec<&str> = name.splitn(3, '/').collect();
    match parts[..] {
        [device_type] => kind.device_type == device_type,
        [vendor, device_type] => kind.vendor == vendor && kind.device_type == device_type,
        [vendor, device_type, model] => {
            kind.vendor == vendor && kind.device_type == device_type && kind.name == model
        }
        _ => false,
    }
}

/// Returns the first condition of a request that a kind does not meet.
fn unmet<'a>(request: &'a DeviceRequest, kind: &NodeDevice) -> Option<&'a Constraint> {
    request.constraints.iter().find(|one| !meets(kind, &one.left, one.operator, &one.right))
}

/// Tells whether a kind meets one condition. Numbers with units are compared as such, all else as facts of nodes are.
fn meets(kind: &NodeDevice, left: &str, operator: Operator, right: &str) -> bool {
    let (left, right) = (resolve(kind, left), resolve(kind, right));
    let (left, right) = match (operator, &left, &right) {
        (Operator::IsSet, left, _) => return left.is_some(),
        (Operator::IsNotSet, left, _) => return left.is_none(),
        (_, Some(left), Some(right)) => (left, right),
        (operator, left, right) => return operator == Operator::NotEqual && left != right,
    };
    let order = quantity::compare(left, right);
    match (operator, order) {
        (Operator::Equal, Some(order)) => order.is_eq(),
        (Operator::NotEqual, Some(order)) => order.is_ne(),
        (Operator::Less, Some(order)) => order.is_lt(),
        (Operator::LessOrEqual, Some(order)) => order.is_le(),
        (Operator::Greater, Some(order)) => order.is_gt(),
        (Operator::GreaterOrEqual, Some(order)) => order.is_ge(),
        (Operator::NotEqual, None) => left != right,
        // Sizes and speeds have no order among each other, nor has a number without its unit.
        (Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual, None)
            if quantity::Quantity::parse(left).is_some() || quantity::Quantity::parse(right).is_some() =>
        {
            false
        }
        (Operator::DistinctHosts | Operator::DistinctProperty, _) => false,
        (operator, _) => constraint::compare(operator, left, right).unwrap_or(false),
    }
}

/// Returns what a side of a condition means for a kind: `${device.attr.x}`, `${device.model}`, `${device.vendor}`,
/// `${device.type}`, `${device.ids}`, or itself.
fn resolve<'a>(kind: &'a NodeDevice, text: &'a str) -> Option<Cow<'a, str>> {
    let Some(name) = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) else {
        return Some(Cow::Borrowed(text));
    };
    match name.trim() {
        "device.model" => Some(Cow::Borrowed(&kind.name)),
        "device.vendor" => Some(Cow::Borrowed(&kind.vendor)),
        "device.type" => Some(Cow::Borrowed(&kind.device_type)),
        "device.ids" => {
            let ids: Vec<&str> = kind.instances.iter().map(|one| one.id.as_str()).collect();
            Some(Cow::Owned(ids.join(",")))
        }
        name => {
            kind.attributes.get(name.strip_prefix("device.attr.")?).map(|value| Cow::Borrowed(value.as_str()))
        }
    }
}

/// Weights of wishes.
#[derive(Clone, Copy, Debug, Default)]
struct Weights {
    met: f64,
    all: f64,
}

impl Weights {
    fn of(request: &DeviceRequest, kind: &NodeDevice) -> Self {
        let mut weights = Self::default();
        weights.add(request, kind);
        weights
    }

    fn add(&mut self, request: &DeviceRequest, kind: &NodeDevice) {
        for wish in &request.affinities {
            self.all += f64::from(wish.weight).abs();
            if meets(kind, &wish.left, wish.operator, &wish.right) {
                self.met += f64::from(wish.weight);
            }
        }
    }

    fn score(self) -> Option<f64> {
        (self.all > 0.0).then(|| self.met / self.all)
    }
}
