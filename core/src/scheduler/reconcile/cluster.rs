//! Service and batch jobs: a count over the cluster, group by group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;

use super::classify::Seen;
use super::group::Group;
use super::later::Later;
use super::rollout::Rollout;
use super::{Buckets, Changes, LOST, NOT_NEEDED, StopReason, by_group, number};
use crate::model::{
    Allocation, ClientStatus, DesiredStatus, Evaluation, Job, NodeStatus, TaskGroup, Timestamp, Trigger,
};
use crate::state::Snapshot;

/// What is asked.
pub struct Question<'a> {
    /// The cluster.
    pub view: &'a Snapshot,
    /// Why it is asked.
    pub eval: &'a Evaluation,
    /// The job as it shall be; `None` when it is gone.
    pub job: Option<&'a Arc<Job>>,
    /// What time it is.
    pub now: Timestamp,
    /// Whether changes roll out by deployments.
    pub deployments: bool,
    /// Tells whether the node of an allocation will do for the newest version of its group.
    pub may_stay: &'a dyn Fn(&TaskGroup, &Allocation) -> bool,
}

/// Returns what has to change for a service or batch job.
pub fn reconcile(question: &Question<'_>, rng: &mut dyn Rng) -> Changes {
    let Question { view, eval, job, now, deployments, .. } = *question;
    let key = &eval.job_key;
    let mut allocs = by_group(view.allocs_by_job(key));
    let mut rollout = Rollout::of(view, key, job.map(|job| &**job), deployments);
    let mut changes = Changes::default();
    let running = job.filter(|job| !job.stop);
    let gone = allocs.iter().filter(|(name, _)| running.is_none_or(|job| job.group(name).is_none()));
    for (name, allocs) in gone {
        changes.groups.push((name.clone(), stop_all(view, allocs, now)));
    }
    let Some(job) = running else {
        (changes.deployment, changes.current, changes.deployment_updates) = rollout.finish();
        finish_lost(view, question, &mut changes);
        return changes;
    };
    let mut later = Later::new(view, eval, Some(job), now, rng);
    let mut groups: Vec<Group<'_>> = Vec::new();
    for group in &job.groups {
        let allocs = allocs.remove(&group.name).unwrap_or_default();
        groups.push(Group::look(question, job, group, allocs, &rollout, &mut later));
    }
    pace(question, job, &mut groups, &mut later);
    for group in groups {
        let name = group.name().to_owned();
        changes.groups.push((name, group.decide(&mut rollout, &mut later)));
    }
    changes.follow_ups = later.into_evals();
    (changes.deployment, changes.current, changes.deployment_updates) = rollout.finish();
    finish_lost(view, question, &mut changes);
    changes
}

/// Lets groups paced by `stagger` change no more than `max_parallel` allocations in this evaluation, as in 2016: drain
/// migrations first, then updates, then replacements of what was lost. What is left waits for the next evaluation.
///
/// Where the job itself says so, its groups share one limit.
fn pace(question: &Question<'_>, job: &Job, groups: &mut [Group<'_>], later: &mut Later<'_>) {
    let of_job = job.update.as_ref().filter(|update| update.paced_by_stagger);
    let mut shared = of_job.map(|update| update.max_parallel as usize);
    let mut own: BTreeMap<String, usize> = BTreeMap::new();
    let mut next: Option<Duration> = None;
    for stage in 0..3 {
        for group in groups.iter_mut() {
            let Some(update) = group.stagger() else { continue };
            let is_shared = of_job
                .is_some_and(|job| (job.max_parallel, job.stagger) == (update.max_parallel, update.stagger));
            let (stagger, most) = (update.stagger, update.max_parallel as usize);
            let left = match shared.as_mut().filter(|_| is_shared) {
                Some(shared) => shared,
                None => own.entry(group.name().to_owned()).or_insert(most),
            };
            if group.pace(stage, left) {
                next = Some(next.map_or(stagger, |known| known.max(stagger)));
            }
        }
    }
    let Some(stagger) = next else { return };
    if later.waiting_within(Trigger::RollingUpdate, stagger).is_none() {
        later.at(question.now + stagger, Trigger::RollingUpdate, "the next batch of a rolling update");
    }
}

/// Stops what runs of a group or a job that is gone.
pub(super) fn stop_all(view: &Snapshot, allocs: &[Arc<Allocation>], now: Timestamp) -> Buckets {
    let mut buckets = Buckets::default();
    for alloc in allocs {
        if alloc.is_terminal() {
            buckets.counts.ignore += 1;
            continue;
        }
        // Its client cannot say any more that it has ended.
        let vanished = is_vanished(Seen { alloc, node: view.node(&alloc.node_id).map(|node| &**node), now });
        buckets.stop.push(match vanished {
            true => StopReason::lost(alloc, LOST),
            false => StopReason::new(alloc, NOT_NEEDED),
        });
    }
    buckets.counts.stop = number(buckets.stop.len());
    buckets
}

/// Tells whether nobody is left on an allocation's node to say that it has ended.
pub fn is_vanished(seen: Seen<'_>) -> bool {
    seen.node.is_none_or(|node| node.status == NodeStatus::Down)
}

/// Says of what was told to stop and has vanished with its node meanwhile that it is lost.
pub(super) fn finish_lost(view: &Snapshot, question: &Question<'_>, changes: &mut Changes) {
    let told = view.allocs_by_job(&question.eval.job_key).filter(|alloc| {
        let unfinished = matches!(alloc.client_status, ClientStatus::Pending | ClientStatus::Running);
        alloc.desired_status != DesiredStatus::Run && unfinished
    });
    for alloc in told {
        let node = view.node(&alloc.node_id).map(|node| &**node);
        if !is_vanished(Seen { alloc, node, now: question.now }) {
            continue;
        }
        let reason = StopReason::lost(alloc, LOST);
        match changes.groups.iter_mut().find(|(name, _)| *name == alloc.group) {
            Some((_, buckets)) => buckets.stop.push(reason),
            None => {
                let buckets = Buckets { stop: vec![reason], ..Buckets::default() };
                changes.groups.push((alloc.group.clone(), buckets));
            }
        }
    }
}
