//! Reconciling service and batch jobs: a count over the cluster.
//!
//! Each allocation is classified by `classify`, the first rule that matches; the buckets follow from the classes and the
//! count. Names carry an index; free ones are reused from the lowest, and a count that shrinks gives up the highest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::diff::needs_restart;
use super::{Buckets, Placement, StopReason};
use crate::model::{
    AllocId, Allocation, ClientStatus, DesiredStatus, Job, JobType, NodeId, NodeStatus, TaskGroup, Timestamp,
};
use crate::state::Snapshot;

/// What is said of an allocation whose job or group is gone, or whose count has shrunk.
pub const NOT_NEEDED: &str = "alloc not needed due to job update";
/// What is said of an allocation on a node that vanished.
pub const LOST: &str = "alloc is lost since its node is down";
/// What is said of an allocation replaced by a newer version.
pub const UPDATING: &str = "alloc is being updated due to job update";
/// What is said of a failed allocation that was replaced.
pub const RESCHEDULED: &str = "alloc was rescheduled because it failed";

/// The delay before the first replacement of a failed service allocation; it doubles each time. Nomad's default.
const RESCHEDULE_DELAY: Duration = Duration::from_secs(30);
/// The longest such delay.
const RESCHEDULE_DELAY_MAX: Duration = Duration::from_secs(3600);
/// The delay before the one replacement of a failed batch allocation.
const BATCH_RESCHEDULE_DELAY: Duration = Duration::from_secs(5);

/// What an allocation is to its job.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Class {
    /// Over and done with; its name is free.
    Ignore,
    /// Holds its name: runs, or has finished what it was for.
    Keep,
    /// Its node vanished.
    Lost,
    /// Failed, to be replaced now; the nodes where it and its predecessors failed.
    RescheduleNow(BTreeSet<NodeId>),
    /// Failed, to be replaced at a time; holds its name until then.
    RescheduleLater(Timestamp),
}

/// Returns what has to change for `group`; `None` for a group that is gone, or a job that is.
pub fn reconcile(
    view: &Snapshot,
    job: &Job,
    group: Option<&TaskGroup>,
    allocs: &[Arc<Allocation>],
    now: Timestamp,
) -> Buckets {
    let Some(group) = group.filter(|_| !job.stop) else { return stop_all(view, allocs) };
    let mut buckets = Buckets::default();
    let mut kept: Vec<Arc<Allocation>> = Vec::new();
    let mut replaced: Vec<Placement> = Vec::new();
    for alloc in allocs {
        match classify(view, job, alloc, now) {
            Class::Ignore => buckets.ignore += 1,
            Class::Keep => kept.push(alloc.clone()),
            Class::RescheduleLater(time) => {
                let earliest = buckets.reschedule_at.map_or(time, |known| known.min(time));
                buckets.reschedule_at = Some(earliest);
                kept.push(alloc.clone());
            }
            Class::Lost => replaced.push(replacement(alloc, LOST, BTreeSet::new())),
            Class::RescheduleNow(failed_on) => replaced.push(replacement(alloc, RESCHEDULED, failed_on)),
        }
    }
    let count = group.count as usize;
    kept.sort_by_key(|alloc| (alloc.index(), alloc.id));
    for alloc in kept.split_off(count.min(kept.len())) {
        // What has ended by itself is over; only what runs is told to stop.
        match alloc.is_client_terminal() {
            true => buckets.ignore += 1,
            false => buckets.stop.push(StopReason { alloc, description: NOT_NEEDED, client_status: None }),
        }
    }
    replaced.sort_by_key(|placement| placement.replaces.as_ref().map(|stop| stop.alloc.index()));
    for surplus in replaced.split_off((count - kept.len()).min(replaced.len())) {
        buckets.stop.extend(surplus.replaces);
    }
    let mut names: BTreeSet<String> = kept.iter().map(|alloc| alloc.name.clone()).collect();
    names.extend(replaced.iter().map(|placement| placement.name.clone()));
    let missing = count - kept.len() - replaced.len();
    buckets.place = replaced;
    let free = (0..).map(|index| Allocation::name_of(&job.id, &group.name, index));
    buckets.place.extend(free.filter(|name| !names.contains(name)).take(missing).map(new_instance));
    sort_by_change(&mut buckets, job, group, kept);
    buckets
}

/// Groups a job's allocations by task group.
pub fn by_group<'a>(
    allocs: impl Iterator<Item = &'a Arc<Allocation>>,
) -> BTreeMap<String, Vec<Arc<Allocation>>> {
    let mut groups: BTreeMap<String, Vec<Arc<Allocation>>> = BTreeMap::new();
    for alloc in allocs {
        groups.entry(alloc.group.clone()).or_default().push(alloc.clone());
    }
    groups
}

/// Decides by the first rule that matches.
fn classify(view: &Snapshot, job: &Job, alloc: &Allocation, now: Timestamp) -> Class {
    if alloc.desired_status != DesiredStatus::Run {
        return Class::Ignore;
    }
    let is_older = alloc.job.version != job.version || alloc.job.create_index != job.create_index;
    match alloc.client_status {
        ClientStatus::Lost => Class::Ignore,
        // A new version of a batch job is new work, whatever became of the old.
        status if job.job_type == JobType::Batch && is_older && status.is_terminal() => Class::Ignore,
        ClientStatus::Failed if alloc.next.is_some() => Class::Ignore,
        ClientStatus::Failed => classify_failed(view, job, alloc, now),
        ClientStatus::Complete if job.job_type == JobType::Batch => Class::Keep,
        ClientStatus::Complete => Class::Ignore,
        ClientStatus::Pending | ClientStatus::Running | ClientStatus::Unknown => {
            match is_on_lost_node(view, alloc) {
                true => Class::Lost,
                false => Class::Keep,
            }
        }
    }
}

fn classify_failed(view: &Snapshot, job: &Job, alloc: &Allocation, now: Timestamp) -> Class {
    let mut failed_on = BTreeSet::from([alloc.node_id]);
    let mut failures = 0_u32;
    let mut previous = alloc.previous;
    while let Some(known) = previous.and_then(|id: AllocId| view.alloc(&id)) {
        if known.client_status == ClientStatus::Failed && !is_mended(job, known) {
            failures += 1;
            failed_on.insert(known.node_id);
        }
        previous = known.previous;
    }
    if is_mended(job, alloc) {
        return Class::RescheduleNow(failed_on);
    }
    let delay = match job.job_type {
        JobType::Batch if failures > 0 => return Class::Keep,
        JobType::Batch => BATCH_RESCHEDULE_DELAY,
        _ => RESCHEDULE_DELAY.saturating_mul(2_u32.saturating_pow(failures)).min(RESCHEDULE_DELAY_MAX),
    };
    let ended = alloc.task_states.values().map(|state| state.finished_at).max();
    let due = ended.filter(|time| *time != Timestamp::NEVER).unwrap_or(alloc.modify_time) + delay;
    if due <= now { Class::RescheduleNow(failed_on) } else { Class::RescheduleLater(due) }
}

/// Tells whether what failed was another version, so that its failure says nothing about the present one.
fn is_mended(job: &Job, alloc: &Allocation) -> bool {
    let (before, group) = (alloc.task_group(), job.group(&alloc.group));
    let (Some(before), Some(group)) = (before, group) else { return true };
    alloc.job.version != job.version && needs_restart(&alloc.job, before, job, group)
}

/// Stops what runs of a group or a job that is gone.
pub(in crate::scheduler) fn stop_all(view: &Snapshot, allocs: &[Arc<Allocation>]) -> Buckets {
    let (ended, running): (Vec<_>, Vec<_>) = allocs.iter().partition(|alloc| alloc.is_terminal());
    let stop = running.into_iter().map(|alloc| {
        let alloc = alloc.clone();
        match is_on_lost_node(view, &alloc) {
            // Its client cannot say any more that it has ended.
            true => StopReason { alloc, description: LOST, client_status: Some(ClientStatus::Lost) },
            false => StopReason { alloc, description: NOT_NEEDED, client_status: None },
        }
    });
    Buckets { stop: stop.collect(), ignore: ended.len(), ..Buckets::default() }
}

fn is_on_lost_node(view: &Snapshot, alloc: &Allocation) -> bool {
    view.node(&alloc.node_id).is_none_or(|node| node.status == NodeStatus::Down)
}

fn replacement(alloc: &Arc<Allocation>, description: &'static str, failed_on: BTreeSet<NodeId>) -> Placement {
    let client_status = (description == LOST).then_some(ClientStatus::Lost);
    Placement {
        name: alloc.name.clone(),
        replaces: Some(StopReason { alloc: alloc.clone(), description, client_status }),
        failed_on,
        keep_if_unplaced: false,
    }
}

fn new_instance(name: String) -> Placement {
    Placement { name, replaces: None, failed_on: BTreeSet::new(), keep_if_unplaced: false }
}

/// Sorts what stays by what the newest version of the job means to it.
fn sort_by_change(buckets: &mut Buckets, job: &Job, group: &TaskGroup, kept: Vec<Arc<Allocation>>) {
    for alloc in kept {
        let current = alloc.job.version == job.version && alloc.job.create_index == job.create_index;
        if current || alloc.is_client_terminal() {
            buckets.ignore += 1;
            continue;
        }
        let before = alloc.task_group();
        if before.is_none_or(|before| needs_restart(&alloc.job, before, job, group)) {
            buckets.destructive.push(alloc);
        } else {
            // Whether its node still will do for the new version is seen when it is looked at.
            buckets.in_place.push(alloc);
        }
    }
}
