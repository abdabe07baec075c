//! System and sysbatch jobs: every group `count` times on every node that suits it.
//!
//! An instance belongs to its node: nothing of it moves. What ends on a drained node ends; what a new node lacks is placed
//! there. Source: Nomad `scheduler/reconciler/reconcile_node.go`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::Rng;

use super::classify::{self, Class, Seen};
use super::cluster::{Question, finish_lost, is_vanished, stop_all};
use super::diff::needs_restart;
use super::later::Later;
use super::{
    Buckets, Changes, EXPIRED, LOST, NODE_TAINTED, NODE_UNSUITABLE, NOT_NEEDED, Placement, StopReason,
    UNKNOWN, UPDATING, by_group, number,
};
use crate::model::plan::Mark;
use crate::model::{
    Allocation, ClientStatus, DesiredStatus, Job, JobType, Node, NodeId, TaskGroup, Trigger, UpdateStrategy,
};

/// What system jobs ask of nodes.
pub struct Nodes<'a> {
    /// Those in the job's datacenters and pool, ready or not.
    pub targeted: &'a BTreeSet<NodeId>,
    /// Of these: ready and eligible, in name order.
    pub ready: &'a [&'a Arc<Node>],
    /// Tells whether a node suits a group.
    pub suits: &'a dyn Fn(&TaskGroup, &Node) -> bool,
}

/// Returns what has to change for a system or sysbatch job.
pub fn reconcile(question: &Question<'_>, nodes: &Nodes<'_>, rng: &mut dyn Rng) -> Changes {
    let Question { view, eval, job, now, .. } = *question;
    let mut allocs = by_group(view.allocs_by_job(&eval.job_key));
    let mut changes = Changes::default();
    let running = job.filter(|job| !job.stop);
    let gone = allocs.iter().filter(|(name, _)| running.is_none_or(|job| job.group(name).is_none()));
    for (name, allocs) in gone {
        changes.groups.push((name.clone(), stop_all(view, allocs, now)));
    }
    if let Some(job) = running {
        let mut later = Later::new(view, eval, Some(job), now, rng);
        let mut work = Vec::new();
        for group in &job.groups {
            let allocs = allocs.remove(&group.name).unwrap_or_default();
            let mut work_of =
                Work { question, nodes, job, group, buckets: Buckets::default(), updates: Vec::new() };
            work_of.look(allocs, &mut later);
            work.push(work_of);
        }
        pace(question, job, &mut work, &mut later);
        for work in work {
            changes.groups.push((work.group.name.clone(), work.finish()));
        }
        changes.follow_ups = later.into_evals();
    }
    finish_lost(view, question, &mut changes);
    changes
}

/// Lets no more than `max_parallel` instances be replaced in this evaluation where `stagger` paces updates, as in 2016.
fn pace(question: &Question<'_>, job: &Job, work: &mut [Work<'_>], later: &mut Later<'_>) {
    let paced = |update: &&UpdateStrategy| {
        update.paced_by_stagger && update.max_parallel > 0 && !update.stagger.is_zero()
    };
    let of_job = job.update.as_ref().filter(paced);
    let mut shared = of_job.map(|update| update.max_parallel as usize);
    let mut next = None;
    for work in work {
        work.updates.sort_by_key(|alloc| (alloc.node_name.clone(), alloc.index(), alloc.id));
        let Some(update) = work.group.update.as_ref().filter(paced) else { continue };
        let mut own = update.max_parallel as usize;
        let is_shared = of_job
            .is_some_and(|job| (job.max_parallel, job.stagger) == (update.max_parallel, update.stagger));
        let left = shared.as_mut().filter(|_| is_shared).unwrap_or(&mut own);
        let now = work.updates.len().min(*left);
        *left -= now;
        if now < work.updates.len() {
            work.buckets.counts.ignore += number(work.updates.len() - now);
            work.updates.truncate(now);
            next = Some(next.map_or(update.stagger, |known: std::time::Duration| known.max(update.stagger)));
        }
    }
    let Some(stagger) = next else { return };
    if later.waiting_within(Trigger::RollingUpdate, stagger).is_none() {
        later.at(question.now + stagger, Trigger::RollingUpdate, "the next batch of a rolling update");
    }
}

/// One group while it is looked at.
struct Work<'a> {
    question: &'a Question<'a>,
    nodes: &'a Nodes<'a>,
    job: &'a Arc<Job>,
    group: &'a TaskGroup,
    buckets: Buckets,
    /// To be replaced by the newest version, in the order of their nodes' names.
    updates: Vec<Arc<Allocation>>,
}

impl Work<'_> {
    fn look(&mut self, allocs: Vec<Arc<Allocation>>, later: &mut Later<'_>) {
        // What each node has: names that are taken, and the last one that has ended for each name.
        let mut taken: BTreeSet<(NodeId, String)> = BTreeSet::new();
        let mut ended: BTreeMap<(NodeId, String), Arc<Allocation>> = BTreeMap::new();
        for alloc in allocs {
            let key = (alloc.node_id, alloc.name.clone());
            if alloc.is_terminal() && !alloc.is_returning() {
                self.buckets.counts.ignore += 1;
                let newest = ended.get(&key).is_none_or(|known| known.create_index <= alloc.create_index);
                if newest {
                    ended.insert(key, alloc);
                }
            } else if self.keep(&alloc, later) {
                taken.insert(key);
            }
        }
        for node in self.nodes.ready {
            if !(self.nodes.suits)(self.group, node) {
                continue;
            }
            for index in 0..self.group.count {
                let name = Allocation::name_of(&self.job.id, &self.group.name, index);
                let key = (node.id, name);
                if taken.contains(&key) {
                    continue;
                }
                let before = ended.get(&key);
                if before.is_some_and(|before| self.is_done(before)) {
                    continue;
                }
                let mut placement = Placement::new(key.1);
                placement.node = Some(node.id);
                placement.stands_in_for = before.cloned();
                self.buckets.place.push(placement);
            }
        }
        self.buckets.counts.place = number(self.buckets.place.len());
    }

    /// Decides about one that has not ended; returns whether its name stays taken on its node.
    fn keep(&mut self, alloc: &Arc<Allocation>, later: &mut Later<'_>) -> bool {
        let node = self.question.view.node(&alloc.node_id);
        let seen = Seen { alloc, node: node.map(|node| &**node), now: self.question.now };
        let class = classify::classify(seen);
        if alloc.desired_status != DesiredStatus::Run && !matches!(class, Class::Lost | Class::Expiring) {
            // It was told to end while nobody heard it, and will.
            self.buckets.counts.ignore += 1;
            return false;
        }
        match class {
            Class::Ignore => {
                self.buckets.counts.ignore += 1;
                return false;
            }
            Class::Lost => {
                self.stop(StopReason::lost(alloc, LOST));
                return false;
            }
            Class::Expiring => {
                self.stop(StopReason::lost(alloc, EXPIRED));
                return false;
            }
            Class::Migrate => {
                self.stop(match is_vanished(seen) {
                    true => StopReason::lost(alloc, NODE_TAINTED),
                    false => StopReason::new(alloc, NODE_TAINTED),
                });
                return false;
            }
            Class::Disconnecting => {
                self.cut_off(alloc, later);
                return true;
            }
            // Its node is back, and will say soon what has become of it.
            Class::Reconnecting if alloc.client_status == ClientStatus::Unknown => {}
            Class::Reconnecting => {
                self.buckets.counts.reconnect += 1;
                self.mark(alloc, alloc.client_status);
                if alloc.is_client_terminal() {
                    return false;
                }
            }
            Class::Untainted => {}
        }
        let Some(node) = node else { return true };
        let is_too_high = alloc.index().is_none_or(|index| index >= self.group.count);
        if is_too_high {
            self.stop(StopReason::new(alloc, NOT_NEEDED));
            return false;
        }
        let is_present =
            alloc.job.version == self.job.version && alloc.job.create_index == self.job.create_index;
        if !self.nodes.targeted.contains(&node.id) {
            self.stop(StopReason::new(alloc, NODE_UNSUITABLE));
            return false;
        }
        // A node that takes nothing new keeps what it has, of whatever version.
        if is_present || !node.is_schedulable() || alloc.client_status == ClientStatus::Unknown {
            self.buckets.counts.ignore += 1;
        } else if !(self.nodes.suits)(self.group, node) {
            self.stop(StopReason::new(alloc, NODE_UNSUITABLE));
        } else if alloc
            .task_group()
            .is_none_or(|before| needs_restart(&alloc.job, before, self.job, self.group).is_some())
        {
            self.updates.push(alloc.clone());
        } else {
            self.buckets.in_place.push(alloc.clone());
        }
        true
    }

    /// Tells whether what has ended is not run again: a sysbatch job's, unless the job has changed since.
    fn is_done(&self, before: &Allocation) -> bool {
        self.job.job_type == JobType::SysBatch
            && before.job.version == self.job.version
            && before.job.create_index == self.job.create_index
    }

    fn cut_off(&mut self, alloc: &Arc<Allocation>, later: &mut Later<'_>) {
        self.buckets.counts.disconnect += 1;
        self.mark(alloc, ClientStatus::Unknown);
        let Some(time) = alloc.task_group().and_then(TaskGroup::lost_after) else { return };
        let why = "looks whether allocations are still cut off";
        let id = later.at(self.question.now + time, Trigger::MaxDisconnectTimeout, why);
        if let Some(mark) = self.buckets.marks.last_mut() {
            mark.follow_up_eval = Some(id);
        }
    }

    fn mark(&mut self, alloc: &Allocation, status: ClientStatus) {
        let description = if status == ClientStatus::Unknown { UNKNOWN } else { "" };
        self.buckets.marks.push(Mark {
            alloc_id: alloc.id,
            node_id: alloc.node_id,
            record: Some(status),
            description: description.to_owned(),
            follow_up_eval: None,
        });
    }

    fn stop(&mut self, reason: StopReason) {
        self.buckets.counts.stop += 1;
        self.buckets.stop.push(reason);
    }

    fn finish(mut self) -> Buckets {
        self.buckets.counts.destructive_update = number(self.updates.len());
        self.buckets.counts.in_place_update = number(self.buckets.in_place.len());
        let replaced = self.updates.iter().map(|alloc| Placement {
            keep_if_unplaced: true,
            node: Some(alloc.node_id),
            ..Placement::instead_of(StopReason::new(alloc, UPDATING))
        });
        let replaced: Vec<Placement> = replaced.collect();
        self.buckets.place.splice(0..0, replaced);
        self.buckets
    }
}
