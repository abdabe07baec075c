//! Making room: which less important allocations a more important one may displace.
//!
//! Tried when nothing has room, for kinds of job the operator has enabled it for. The lowest priority goes first; within
//! one, the allocation closest to what is still missing. A last pass spares whatever the others have made superfluous.
//! Source: Nomad `scheduler/feasible/preemption.go`.
//!
//! # Invariants
//! - Only allocations of other jobs whose priority is lower by [`PRIORITY_DELTA`] or more.
//! - What is returned is enough, and no single one of it can be spared.
//! - The order of the candidates does not matter: equals go by id.

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::Rng;

use super::fit::{self, Ask, Room};
use crate::model::plan::{Plan, Stop};
use crate::model::{AllocId, Allocation, EvalId, Evaluation, Job, JobKey, TaskGroup, Timestamp, Trigger};
use crate::state::Snapshot;

/// How much lower a priority must be.
pub const PRIORITY_DELTA: u8 = 10;

/// What each further allocation of a group costs, in distance, once as many are displaced as may move at a time.
const MAX_PARALLEL_PENALTY: f64 = 50.0;

/// The quantities that decide what is closest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Amount {
    /// CPU, in MHz.
    pub cpu_mhz: f64,
    /// Memory, in MB.
    pub memory_mb: f64,
    /// Disk, in MB.
    pub disk_mb: f64,
}

impl Amount {
    /// Returns what a group asks for.
    pub fn asked(group: &TaskGroup) -> Self {
        let of_tasks = |get: fn(&crate::model::Resources) -> u32| {
            group.tasks.iter().map(|task| f64::from(get(&task.resources))).sum::<f64>()
        };
        Self {
            cpu_mhz: of_tasks(|resources| resources.cpu_mhz),
            memory_mb: of_tasks(|resources| resources.memory_mb),
            disk_mb: f64::from(group.ephemeral_disk.size_mb) + of_tasks(|resources| resources.disk_mb),
        }
    }

    /// Returns what an allocation holds.
    pub fn held(alloc: &Allocation) -> Self {
        let resources = &alloc.resources;
        Self {
            cpu_mhz: resources.cpu_mhz() as f64,
            memory_mb: resources.memory_mb() as f64,
            disk_mb: resources.disk_mb() as f64,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            cpu_mhz: self.cpu_mhz - other.cpu_mhz,
            memory_mb: self.memory_mb - other.memory_mb,
            disk_mb: self.disk_mb - other.disk_mb,
        }
    }
}

/// How many allocations of each group other placements displace already.
pub type Displaced = BTreeMap<(JobKey, String), u32>;

/// Returns those of `there`, all on one node, that have to go for `job`; `None` when all that may go are not enough.
///
/// `fits` tells whether there is room without the allocations given; it is asked a few times for each candidate.
/// `needed` are allocations without whose end there never is, such as the holder of a port.
pub fn choose(
    job: &Job,
    asked: Amount,
    there: &[Arc<Allocation>],
    displaced: &Displaced,
    needed: &BTreeSet<AllocId>,
    fits: impl Fn(&[Arc<Allocation>]) -> bool,
) -> Option<Vec<Arc<Allocation>>> {
    let left = candidates(job, there);
    // Whether it is worth to look closer at all.
    if left.is_empty() || !fits(&left) {
        return None;
    }
    let mut going = Going { chosen: Vec::new(), missing: asked, displaced: displaced.clone() };
    let (first, mut left): (Vec<_>, Vec<_>) = left.into_iter().partition(|alloc| needed.contains(&alloc.id));
    first.into_iter().for_each(|alloc| going.add(alloc));
    while !fits(&going.chosen) {
        let priority = left.iter().map(|alloc| alloc.job.priority).min()?;
        let class = left.iter().enumerate().filter(|(_, alloc)| alloc.job.priority == priority);
        let closest =
            class.min_by(|(_, a), (_, b)| going.cost(a).total_cmp(&going.cost(b)).then(a.id.cmp(&b.id)));
        let (index, _) = closest?;
        going.add(left.remove(index));
    }
    Some(spare(going.chosen, asked, fits))
}

/// Returns those of `there` that have to go for one instance of a group to fit on a node, if that helps at all.
pub fn on_node(
    job: &Job,
    group: &TaskGroup,
    ask: &Ask,
    room: &Room<'_>,
    there: &[Arc<Allocation>],
    displaced: &Displaced,
) -> Option<Vec<Arc<Allocation>>> {
    let without = |gone: &[Arc<Allocation>]| {
        let mut usage = room.usage.clone();
        gone.iter().for_each(|alloc| usage.remove(&alloc.resources));
        usage
    };
    let fits = |gone: &[Arc<Allocation>]| fit::fits(&Room { usage: &without(gone), ..*room }, ask);
    let holds_port = |alloc: &Allocation| {
        let networks = alloc.resources.networks();
        let mut ports = networks.flat_map(|one| one.reserved_ports.iter().chain(&one.dynamic_ports));
        ports.any(|port| ask.static_ports.iter().any(|(number, _)| *number == port.value))
    };
    let needed: BTreeSet<AllocId> =
        there.iter().filter(|alloc| holds_port(alloc)).map(|alloc| alloc.id).collect();
    let asked = Amount { cpu_mhz: ask.amounts_on(room.node).cpu_mhz as f64, ..Amount::asked(group) };
    choose(job, asked, there, displaced, &needed, fits)
}

/// Makes the end of an allocation that makes room for allocation `by` of a job.
pub fn eviction(alloc: &Allocation, by: AllocId, job: &Job, eval_id: EvalId) -> Stop {
    Stop {
        alloc_id: alloc.id,
        node_id: alloc.node_id,
        description: format!("preempted by an allocation of job {} with priority {}", job.id, job.priority),
        client_status: None,
        next: None,
        preempted_by: Some(by),
        follow_up_eval: None,
        eval_id,
    }
}

/// Makes one evaluation for each job that a plan takes allocations from, in job order.
pub fn evaluations(view: &Snapshot, plan: &Plan, now: Timestamp, rng: &mut dyn Rng) -> Vec<Evaluation> {
    let losing = plan.preemptions().filter_map(|stop| view.alloc(&stop.alloc_id));
    let jobs: BTreeMap<&JobKey, &Arc<Job>> = losing.map(|alloc| (&alloc.job_key, &alloc.job)).collect();
    let evals = jobs.into_iter().map(|(key, known)| {
        let job = view.job(key).unwrap_or(known);
        let id = EvalId::random(rng);
        Evaluation::pending(id, key.clone(), job.job_type, job.priority, Trigger::Preemption, now)
    });
    evals.collect()
}

/// Returns what may go for a job, the least important first.
pub fn candidates(job: &Job, there: &[Arc<Allocation>]) -> Vec<Arc<Allocation>> {
    let key = job.key();
    let lower = |alloc: &Allocation| alloc.job.priority.saturating_add(PRIORITY_DELTA) <= job.priority;
    let may_go = there.iter().filter(|alloc| !alloc.is_terminal() && alloc.job_key != key && lower(alloc));
    let mut candidates: Vec<Arc<Allocation>> = may_go.cloned().collect();
    candidates.sort_by_key(|alloc| (alloc.job.priority, alloc.id));
    candidates
}

/// What goes so far.
struct Going {
    chosen: Vec<Arc<Allocation>>,
    missing: Amount,
    displaced: Displaced,
}

impl Going {
    fn add(&mut self, alloc: Arc<Allocation>) {
        *self.displaced.entry(group_of(&alloc)).or_default() += 1;
        self.missing = self.missing.minus(Amount::held(&alloc));
        self.chosen.push(alloc);
    }

    /// Returns how far an allocation is from what is still missing, with the penalty for groups that lose many.
    fn cost(&self, alloc: &Allocation) -> f64 {
        let migrate = alloc.task_group().and_then(|group| group.migrate.as_ref());
        let max_parallel = migrate.map_or(0, |migrate| migrate.max_parallel);
        let lost = self.displaced.get(&group_of(alloc)).copied().unwrap_or(0);
        let penalty = match max_parallel > 0 && lost >= max_parallel {
            true => f64::from(lost + 1 - max_parallel) * MAX_PARALLEL_PENALTY,
            false => 0.0,
        };
        distance(self.missing, Amount::held(alloc)) + penalty
    }
}

fn group_of(alloc: &Allocation) -> (JobKey, String) {
    (alloc.job_key.clone(), alloc.group.clone())
}

/// Returns how different two amounts are, as shares of what is missing; what is not missing does not count.
fn distance(missing: Amount, held: Amount) -> f64 {
    let share = |missing: f64, held: f64| if missing > 0.0 { (missing - held) / missing } else { 0.0 };
    let parts = [
        share(missing.cpu_mhz, held.cpu_mhz),
        share(missing.memory_mb, held.memory_mb),
        share(missing.disk_mb, held.disk_mb),
    ];
    parts.into_iter().map(|part| part * part).sum::<f64>().sqrt()
}

/// Leaves out whatever the others make superfluous: the most important first, of equals the one that is least like what
/// was asked for.
fn spare(
    chosen: Vec<Arc<Allocation>>,
    asked: Amount,
    fits: impl Fn(&[Arc<Allocation>]) -> bool,
) -> Vec<Arc<Allocation>> {
    let mut order: Vec<Arc<Allocation>> = chosen.clone();
    order.sort_by(|a, b| {
        let far = |alloc: &Allocation| distance(asked, Amount::held(alloc));
        let by_priority: Ordering = b.job.priority.cmp(&a.job.priority);
        by_priority.then(far(b).total_cmp(&far(a))).then(b.id.cmp(&a.id))
    });
    let mut kept = chosen;
    for alloc in order {
        let without: Vec<_> = kept.iter().filter(|other| other.id != alloc.id).cloned().collect();
        if fits(&without) {
            kept = without;
        }
    }
    kept
}
