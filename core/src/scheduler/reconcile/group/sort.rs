//! What is there of a group: sorted by what it is to it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Allocs, Group, WHY_RESCHEDULED, is_present};
use crate::model::plan::Mark;
use crate::model::{
    AllocId, Allocation, ClientStatus, DesiredStatus, Job, JobType, NodeStatus, TaskGroup, Timestamp, Trigger,
};
use crate::scheduler::reconcile::classify::{self, Class, Seen};
use crate::scheduler::reconcile::cluster::is_vanished;
use crate::scheduler::reconcile::disconnect::{self, Keep};
use crate::scheduler::reconcile::later::Later;
use crate::scheduler::reconcile::names;
use crate::scheduler::reconcile::reschedule::{self, NOW_WINDOW};
use crate::scheduler::reconcile::rollout::Rollout;
use crate::scheduler::reconcile::{
    Buckets, EXPIRED, LOST, MIGRATING, NOT_NEEDED, RECONNECTED, RESCHEDULED, StopReason, UNKNOWN, number,
};

impl Group<'_> {
    /// Leaves out what has ended of older versions of a batch job: a new version is new work.
    pub(super) fn drop_old_batches(&mut self, mut allocs: Allocs) -> Allocs {
        if self.job.job_type != JobType::Batch {
            return allocs;
        }
        let before = allocs.len();
        let job = self.job;
        allocs.retain(|alloc| is_present(job, alloc) || !alloc.is_terminal());
        self.buckets.counts.ignore += number(before - allocs.len());
        allocs
    }

    /// Ends canaries nobody needs, and puts aside those of the present deployment. A canary whose node is lost or drained is
    /// just ended; the next look wants another.
    pub(super) fn settle_canaries(&mut self, mut allocs: Allocs, rollout: &Rollout) -> Allocs {
        let unneeded = rollout.unneeded_canaries();
        let present = rollout.canaries(&self.group.name);
        let mut kept = Vec::with_capacity(allocs.len());
        for alloc in allocs.drain(..) {
            if unneeded.contains(&alloc.id) {
                // One that has failed is told as well: nobody shall take it for an instance that waits to be replaced.
                if alloc.desired_status == DesiredStatus::Run {
                    self.stop(StopReason::new(&alloc, NOT_NEEDED));
                } else {
                    self.buckets.counts.ignore += 1;
                }
                continue;
            }
            if present.contains(&alloc.id) && self.state.is_canarying() {
                match classify::classify(self.seen(&alloc)) {
                    Class::Migrate => self.stop(StopReason::new(&alloc, MIGRATING)),
                    Class::Lost => self.stop(StopReason::lost(&alloc, LOST)),
                    Class::Ignore => self.buckets.counts.ignore += 1,
                    _ => {
                        self.canaries.push(alloc.clone());
                        kept.push(alloc);
                    }
                }
                continue;
            }
            if present.contains(&alloc.id) {
                self.canaries.push(alloc.clone());
            }
            kept.push(alloc);
        }
        kept
    }

    pub(super) fn sort_by_class(&mut self, allocs: &Allocs, later: &Later<'_>) -> (Allocs, Allocs) {
        let (mut reconnecting, mut disconnecting) = (Vec::new(), Vec::new());
        for alloc in allocs {
            let class = classify::classify(self.seen(alloc));
            if alloc.desired_status != DesiredStatus::Run
                && matches!(class, Class::Migrate | Class::Reconnecting)
            {
                // It was told to end while nobody heard it, and will.
                self.buckets.counts.ignore += 1;
                continue;
            }
            match class {
                Class::Untainted => self.untainted.push(alloc.clone()),
                Class::Ignore => {
                    // Its client may run it for some time yet, and then stop it by itself.
                    let waits = alloc.follow_up_eval.is_some_and(|id| later.is_waiting(id));
                    self.held_back |=
                        alloc.client_status == ClientStatus::Lost && alloc.next.is_none() && waits;
                    self.buckets.counts.ignore += 1;
                }
                Class::Migrate => self.migrate.push(alloc.clone()),
                Class::Lost => self.lost.push(StopReason::lost(alloc, LOST)),
                Class::Expiring => self.lost.push(StopReason::lost(alloc, EXPIRED)),
                Class::Disconnecting => disconnecting.push(alloc.clone()),
                Class::Reconnecting => reconnecting.push(alloc.clone()),
            }
        }
        (reconnecting, disconnecting)
    }

    /// Decides for each that is back whether it or what took its place stays.
    pub(super) fn settle_reconnecting(&mut self, reconnecting: Allocs, all: &Allocs) {
        for alloc in reconnecting {
            if alloc.client_status == ClientStatus::Unknown {
                // Its node is back, and will say soon what has become of it.
                match alloc.next {
                    Some(_) => self.buckets.counts.ignore += 1,
                    None => self.untainted.push(alloc),
                }
                continue;
            }
            self.buckets.counts.reconnect += 1;
            let strategy = self.group.disconnect.as_ref();
            let other = disconnect::replacement_of(&alloc, all.iter()).cloned();
            let failed = alloc.client_status == ClientStatus::Failed;
            match other {
                Some(_) if failed => {
                    self.stop(StopReason::new(&alloc, RESCHEDULED));
                    continue;
                }
                Some(other) => match disconnect::pick(strategy, &alloc, &other) {
                    Keep::Replacement => {
                        self.stop(StopReason::new(&alloc, NOT_NEEDED));
                        continue;
                    }
                    Keep::Original => {
                        let before = self.untainted.len();
                        self.untainted.retain(|known| known.id != other.id);
                        self.migrate.retain(|known| known.id != other.id);
                        if self.untainted.len() < before {
                            self.stop(StopReason::new(&other, RECONNECTED));
                        }
                    }
                },
                None => {}
            }
            self.buckets.marks.push(Mark {
                alloc_id: alloc.id,
                node_id: alloc.node_id,
                record: Some(alloc.client_status),
                description: String::new(),
                follow_up_eval: None,
            });
            self.untainted.push(alloc);
        }
        names::sort(&mut self.untainted);
    }

    /// Splits what has failed or is unknown by when it may be replaced, and leaves out what is over.
    pub(super) fn split_failed(&mut self, rollout: &Rollout) {
        for alloc in std::mem::take(&mut self.untainted) {
            let replaced = alloc.next.is_some() && !is_back(&self.buckets, &alloc);
            match alloc.client_status {
                // Its place is taken: it comes back, or it does not.
                ClientStatus::Unknown if replaced => self.buckets.counts.ignore += 1,
                _ if replaced && alloc.is_terminal() => self.buckets.counts.ignore += 1,
                _ if alloc.desired_status != DesiredStatus::Run => self.untainted.push(alloc),
                ClientStatus::Complete | ClientStatus::Lost if self.job.job_type != JobType::Batch => {
                    self.buckets.counts.ignore += 1;
                }
                ClientStatus::Failed | ClientStatus::Unknown => self.split_one(alloc, rollout),
                _ => self.untainted.push(alloc),
            }
        }
    }

    fn split_one(&mut self, alloc: Arc<Allocation>, rollout: &Rollout) {
        if alloc.client_status == ClientStatus::Unknown {
            let keeps = alloc.task_group().is_some_and(|group| !group.replaces_disconnected());
            let node = self.question.view.node(&alloc.node_id);
            if keeps || node.is_some_and(|node| node.status == NodeStatus::Ready) {
                self.untainted.push(alloc);
                return;
            }
        }
        match self.when(&alloc, rollout) {
            None => self.untainted.push(alloc),
            Some(time) if time <= self.question.now + NOW_WINDOW => self.reschedule_now.push(alloc),
            Some(time) => {
                self.reschedule_later.push((time, alloc.clone()));
                self.untainted.push(alloc);
            }
        }
    }

    /// Returns when an allocation that failed, or was cut off, is replaced, if at all.
    fn when(&self, alloc: &Allocation, rollout: &Rollout) -> Option<Timestamp> {
        let now = self.question.now;
        let of = rollout.current().filter(|current| current.is_active()).map(|current| current.id);
        let is_of = of.is_some() && alloc.deployment_id == of && alloc.client_status == ClientStatus::Failed;
        if is_of && !alloc.desired_transition.should_reschedule() {
            // It is the deployment that decides what its failures mean.
            return None;
        }
        if alloc.desired_transition.should_force_reschedule() {
            return Some(now);
        }
        let due = reschedule::due(alloc, reschedule::failed_at(alloc, now))?;
        Some(if alloc.follow_up_eval == Some(self.question.eval.id) { now } else { due })
    }

    /// Notes what is cut off, and replaces it now or later if its group wants that.
    pub(super) fn settle_disconnecting(&mut self, disconnecting: Allocs, later: &mut Later<'_>) {
        let now = self.question.now;
        for alloc in disconnecting {
            let of = alloc.task_group();
            self.buckets.counts.disconnect += 1;
            let mut mark = Mark {
                alloc_id: alloc.id,
                node_id: alloc.node_id,
                record: Some(ClientStatus::Unknown),
                description: UNKNOWN.to_owned(),
                follow_up_eval: None,
            };
            if let Some(time) = of.and_then(TaskGroup::lost_after) {
                let why = "looks whether allocations are still cut off";
                mark.follow_up_eval = Some(later.at(now + time, Trigger::MaxDisconnectTimeout, why));
            }
            let replaced = alloc.next.is_some();
            let wanted = !replaced && of.is_some_and(TaskGroup::replaces_disconnected);
            match reschedule::due(&alloc, now).filter(|_| wanted) {
                None if replaced => self.buckets.counts.ignore += 1,
                None => self.untainted.push(alloc),
                Some(time) if time <= now + NOW_WINDOW => self.reschedule_now.push(alloc),
                Some(time) => {
                    let id = later.at(time, Trigger::AllocReschedule, WHY_RESCHEDULED);
                    mark.follow_up_eval = Some(id);
                    self.buckets.counts.reschedule_later += 1;
                    self.untainted.push(alloc);
                }
            }
            self.buckets.marks.push(mark);
        }
        names::sort(&mut self.untainted);
    }

    /// Holds the group back while clients that are cut off may still run what is lost here.
    pub(super) fn delay_lost(&mut self, later: &mut Later<'_>) {
        let now = self.question.now;
        for reason in &mut self.lost {
            let Some(of) = reason.alloc.task_group() else { continue };
            let Some(stop_after) = of.stop_on_client_after() else { continue };
            let kill = of.tasks.iter().map(|task| task.kill_timeout).max().unwrap_or(Duration::ZERO);
            let why = "replaces what clients have stopped by themselves";
            reason.follow_up = Some(later.at(now + stop_after + kill, Trigger::AllocFailure, why));
            self.held_back = true;
        }
    }

    /// Stops what is more than the count: what canaries have replaced, what leaves its node anyway, then the highest names.
    pub(super) fn stop_surplus(&mut self) {
        let canaries: BTreeSet<AllocId> = self.canaries.iter().map(|alloc| alloc.id).collect();
        let canarying = self.state.is_canarying();
        let is_apart = |alloc: &Allocation| canarying && canaries.contains(&alloc.id);
        let there = self.untainted.iter().filter(|alloc| !is_apart(alloc)).count() + self.migrate.len();
        let mut surplus = there.saturating_sub(self.group.count as usize);
        if surplus == 0 {
            return;
        }
        let mut victims: BTreeSet<AllocId> = BTreeSet::new();
        if !canarying {
            let names: BTreeSet<&str> = self.canaries.iter().map(|alloc| alloc.name.as_str()).collect();
            let replaced = self
                .untainted
                .iter()
                .chain(&self.migrate)
                .filter(|alloc| !canaries.contains(&alloc.id) && names.contains(alloc.name.as_str()));
            victims.extend(replaced.take(surplus).map(|alloc| alloc.id));
            surplus -= victims.len();
        }
        let chosen = highest(self.migrate.iter(), &victims, surplus);
        surplus -= chosen.len();
        victims.extend(chosen);
        let rest = self.untainted.iter().filter(|alloc| !is_apart(alloc));
        victims.extend(highest(rest, &victims, surplus));
        for list in [&mut self.migrate, &mut self.untainted] {
            let (out, kept) = std::mem::take(list).into_iter().partition(|alloc| victims.contains(&alloc.id));
            *list = kept;
            let out: Allocs = out;
            for alloc in out {
                // What has ended by itself is over; only what runs is told to stop.
                if alloc.is_terminal() {
                    self.buckets.counts.ignore += 1;
                } else {
                    let vanished = is_vanished(Seen {
                        alloc: &alloc,
                        node: self.question.view.node(&alloc.node_id).map(|node| &**node),
                        now: self.question.now,
                    });
                    self.buckets.counts.stop += 1;
                    self.buckets.stop.push(match vanished {
                        true => StopReason::lost(&alloc, NOT_NEEDED),
                        false => StopReason::new(&alloc, NOT_NEEDED),
                    });
                }
            }
        }
        self.reschedule_later.retain(|(_, alloc)| !victims.contains(&alloc.id));
        self.buckets.marks.retain(|mark| !victims.contains(&mark.alloc_id));
    }

    /// Sorts what stays by what the newest version of the job means to it.
    pub(super) fn sort_by_change(&mut self) {
        for alloc in std::mem::take(&mut self.untainted) {
            let restart = !is_present(self.job, &alloc) && self.needs_restart(&alloc);
            let is_cut_off = alloc.client_status == ClientStatus::Unknown
                || self
                    .buckets
                    .marks
                    .iter()
                    .any(|mark| mark.alloc_id == alloc.id && mark.record == Some(ClientStatus::Unknown));
            if is_present(self.job, &alloc) || is_cut_off || alloc.desired_status != DesiredStatus::Run {
                self.untainted.push(alloc);
            } else if restart {
                self.destructive.push(alloc);
            } else if alloc.is_client_terminal() {
                self.untainted.push(alloc);
            } else if (self.question.may_stay)(self.group, &alloc) {
                self.buckets.in_place.push(alloc);
            } else {
                self.destructive.push(alloc);
            }
        }
        self.buckets.counts.in_place_update = number(self.buckets.in_place.len());
    }

    /// Finds the version that what is not a canary runs: the newest older one there is, else the last stable one.
    pub(super) fn find_older(&self, allocs: &Allocs) -> Option<Arc<Job>> {
        let running = allocs.iter().filter(|alloc| {
            alloc.desired_status == DesiredStatus::Run
                && alloc.job.create_index == self.job.create_index
                && alloc.job.version < self.job.version
                && !alloc.is_canary()
        });
        let running = running.map(|alloc| &alloc.job).max_by_key(|job| job.version).cloned();
        let stable = || {
            let mut versions = self.question.view.job_versions(&self.question.eval.job_key);
            versions.find(|job| job.stable && job.version < self.job.version).cloned()
        };
        running.or_else(stable).filter(|job| job.group(&self.group.name).is_some())
    }
}

/// Tells whether an allocation was found to be back in this evaluation.
fn is_back(buckets: &Buckets, alloc: &Allocation) -> bool {
    buckets.marks.iter().any(|mark| mark.alloc_id == alloc.id)
}

/// Returns `count` of the highest names that are not chosen yet; of equal ones the older version.
fn highest<'a>(
    allocs: impl Iterator<Item = &'a Arc<Allocation>>,
    chosen: &BTreeSet<AllocId>,
    count: usize,
) -> BTreeSet<AllocId> {
    let mut left: Vec<_> = allocs.filter(|alloc| !chosen.contains(&alloc.id)).collect();
    left.sort_by_key(|alloc| (std::cmp::Reverse(alloc.index()), alloc.job.version, alloc.id));
    left.into_iter().take(count).map(|alloc| alloc.id).collect()
}
