//! What changes of a group, now and later.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Allocs, Group, WHY_RESCHEDULED, is_present};
use crate::model::plan::Mark;
use crate::model::{AllocId, Allocation, ClientStatus, JobType, NodeId, Trigger, UpdateStrategy};
use crate::scheduler::reconcile::cluster::is_vanished;
use crate::scheduler::reconcile::later::Later;
use crate::scheduler::reconcile::names::{self, NameIndex};
use crate::scheduler::reconcile::rollout::{self, Rollout};
use crate::scheduler::reconcile::{
    Buckets, MIGRATING, NOT_NEEDED, Placement, RESCHEDULED, StopReason, UPDATING, number,
};

impl Group<'_> {
    /// Decides what changes now.
    pub fn decide(mut self, rollout: &mut Rollout, later: &mut Later<'_>) -> Buckets {
        let update = rollout::strategy(self.job, self.group).filter(|_| rollout.is_enabled());
        let began = rollout.known(&self.group.name).is_some();
        let wanted = update.map_or(0, |update| update.canary as usize);
        let older = self.older_ones();
        let wants_canaries = wanted > self.canaries.len() && !older.is_empty() && !self.state.promoted;
        let mut names = self.names();
        let mut canary_places = Vec::new();
        if wants_canaries {
            self.state.desired_canaries = number(wanted);
            if !rollout.is_paused() && !rollout.has_failed() {
                let missing = wanted - self.canaries.len();
                let names = names.take_for_canaries(missing, &self.canaries, &older);
                let placement = |name| Placement { canary: true, ..Placement::new(name) };
                canary_places = names.into_iter().map(placement).collect();
                self.buckets.counts.canary = number(missing);
            }
        }
        let canarying = self.state.is_canarying();
        let ready = !canarying && !rollout.is_paused() && !rollout.has_failed();
        let mut allowed = self.allowance(update, rollout, ready);
        let (total, placed) = self.fill_up(&mut names, canarying, ready, rollout);
        if ready {
            allowed = allowed.saturating_sub(placed);
        }
        if !began {
            let changed = self.destructive.len() + self.buckets.in_place.len();
            self.state.desired_total += number(changed + total);
        }
        let changes_spec = !self.destructive.is_empty() || !self.buckets.in_place.is_empty();
        let replaces = self.replace(if ready { allowed } else { 0 });
        let is_moving = !self.migrate.is_empty();
        self.move_off(canarying);
        self.await_failed(later);
        let idle = !changes_spec && total == 0 && !is_moving && !self.put_off;
        let waits = !self.reschedule_later.is_empty() || !self.reschedule_now.is_empty() || wants_canaries;
        rollout.note_complete(idle && !waits && self.is_healthy(began));
        let begins = !self.has_run || changes_spec;
        let question = self.question;
        rollout.take(question, self.job, self.group, self.state.clone(), begins, later.rng());
        self.buckets.place.splice(0..0, replaces);
        self.part_names(canarying, names);
        self.buckets.place.extend(canary_places);
        self.buckets.counts.ignore += number(self.untainted.len());
        // What ends needs no note; if it does not end, the next look notes it.
        let stops = self.buckets.stop.iter();
        let replaced = self.buckets.place.iter().filter_map(|placement| placement.replaces.as_ref());
        let ended: BTreeSet<AllocId> = stops.chain(replaced).map(|reason| reason.alloc.id).collect();
        self.buckets.marks.retain(|mark| !ended.contains(&mark.alloc_id));
        self.buckets
    }

    /// Returns what canaries are to take over from: what the newest version replaces, and, once there have been canaries, what
    /// is replaced at the old version meanwhile.
    fn older_ones(&self) -> Allocs {
        let mut older = self.destructive.clone();
        if self.state.is_canarying() {
            let lost = self.lost.iter().map(|reason| &reason.alloc);
            let replaced = lost.chain(&self.migrate).chain(&self.reschedule_now);
            older.extend(replaced.filter(|alloc| !is_present(self.job, alloc)).cloned());
        }
        older
    }

    /// Returns how many allocations may change by a deployment at this moment.
    fn allowance(&self, update: Option<&UpdateStrategy>, rollout: &Rollout, ready: bool) -> usize {
        let Some(update) = update else { return usize::MAX };
        if self.destructive.is_empty() && self.migrate.is_empty() {
            return self.group.count as usize;
        }
        let most = update.max_parallel as usize;
        let Some(current) = rollout.current() else { return most };
        if !ready {
            return 0;
        }
        let part_of = || {
            let all = self.untainted.iter().chain(&self.buckets.in_place).chain(&self.destructive);
            all.filter(|alloc| alloc.deployment_id == Some(current.id))
        };
        if part_of().any(|alloc| alloc.health() == Some(false)) {
            // Nothing else happens until somebody has decided what that means.
            return 0;
        }
        most.saturating_sub(part_of().filter(|alloc| alloc.health().is_none()).count())
    }

    /// Replaces what failed and was lost, and places what is missing. Returns how many placements that would be if nothing
    /// stood in the way, and how many it is.
    fn fill_up(
        &mut self,
        names: &mut NameIndex,
        canarying: bool,
        ready: bool,
        rollout: &Rollout,
    ) -> (usize, usize) {
        let canaries: BTreeSet<AllocId> = self.canaries.iter().map(|alloc| alloc.id).collect();
        let is_apart = |alloc: &Allocation| canarying && canaries.contains(&alloc.id);
        let holds = self.untainted.iter().chain(&self.destructive).chain(&self.buckets.in_place);
        let there = holds.filter(|alloc| !is_apart(alloc)).count() + self.migrate.len();
        let mut room = (self.group.count as usize).saturating_sub(there);
        let mut replaced: Vec<Placement> = Vec::new();
        let (mut total, mut surplus) = (0, Vec::new());
        let failed_of = rollout.current().filter(|_| rollout.has_failed()).map(|current| current.id);
        for alloc in std::mem::take(&mut self.reschedule_now) {
            let apart = is_apart(&alloc);
            if !apart && room == 0 {
                surplus.push(StopReason::new(&alloc, NOT_NEEDED));
                continue;
            }
            if !apart {
                room -= 1;
            }
            total += 1;
            // What a failed deployment has placed is not tried again.
            if failed_of.is_some() && alloc.deployment_id == failed_of {
                self.untainted.push(alloc);
                continue;
            }
            self.buckets.counts.reschedule_now += 1;
            replaced.push(self.reschedule(&alloc, canarying && !apart));
        }
        let held_back = self.held_back;
        for reason in std::mem::take(&mut self.lost) {
            if room == 0 || held_back {
                surplus.push(reason);
                continue;
            }
            room -= 1;
            total += 1;
            let job = self.older_for(canarying && !reason.alloc.is_canary());
            replaced.push(Placement { job, ..Placement::instead_of(reason) });
        }
        for reason in surplus {
            if reason.alloc.is_client_terminal() {
                self.buckets.counts.ignore += 1;
            } else {
                self.stop(reason);
            }
        }
        replaced.sort_by_key(|placement| placement.previous_alloc().and_then(|alloc| alloc.index()));
        let stops = replaced.iter().filter(|placement| placement.replaces.is_some());
        self.buckets.counts.stop += number(stops.count());
        if !held_back {
            total += room;
        }
        if !held_back && ready {
            replaced.extend(names.take(room).into_iter().map(Placement::new));
        }
        let placed = replaced.len();
        self.buckets.counts.place += number(placed);
        self.buckets.place.extend(replaced);
        (total, placed)
    }

    /// Makes the instance that replaces what failed, or stands in for what is cut off.
    fn reschedule(&self, alloc: &Arc<Allocation>, downgrade: bool) -> Placement {
        let mut placement = Placement::instead_of(StopReason::new(alloc, RESCHEDULED));
        placement.job = self.older_for(downgrade);
        // What failed was another version: that says nothing about this one.
        let mended = placement.job.is_none() && !is_present(self.job, alloc) && self.needs_restart(alloc);
        placement.reschedules = !mended;
        placement.failed_on = BTreeSet::from([alloc.node_id]);
        let events = alloc.reschedule_tracker.iter().flat_map(|tracker| &tracker.events);
        let earlier: BTreeSet<NodeId> = events.map(|event| event.previous_node).collect();
        placement.failed_on.extend(earlier.into_iter().filter(|_| !mended));
        if alloc.client_status != ClientStatus::Failed {
            placement.replaces = None;
            placement.stands_in_for = Some(alloc.clone());
        }
        placement
    }

    /// Replaces by the newest version, in name order, as many as may be.
    fn replace(&mut self, allowed: usize) -> Vec<Placement> {
        names::sort(&mut self.destructive);
        let now = self.destructive.len().min(allowed);
        self.buckets.counts.destructive_update = number(now);
        self.untainted.extend(self.destructive.split_off(now));
        let replaced: BTreeSet<AllocId> = self.destructive.iter().map(|alloc| alloc.id).collect();
        self.reschedule_later.retain(|(_, alloc)| !replaced.contains(&alloc.id));
        let replaced = self.destructive.iter().map(|alloc| Placement {
            keep_if_unplaced: true,
            canary: false,
            ..Placement::instead_of(StopReason::new(alloc, UPDATING))
        });
        replaced.collect()
    }

    /// Moves what has to leave its node.
    fn move_off(&mut self, canarying: bool) {
        names::sort(&mut self.migrate);
        self.buckets.counts.migrate = number(self.migrate.len());
        self.buckets.counts.stop += number(self.migrate.len());
        for alloc in std::mem::take(&mut self.migrate) {
            let vanished = is_vanished(self.seen(&alloc));
            let reason = match vanished {
                true => StopReason::lost(&alloc, MIGRATING),
                false => StopReason::new(&alloc, MIGRATING),
            };
            let for_good =
                alloc.job.job_type == JobType::Batch && alloc.desired_transition.disables_placement();
            if for_good {
                self.buckets.stop.push(reason);
                continue;
            }
            let job = self.older_for(canarying && !alloc.is_canary());
            self.buckets.place.push(Placement { job, ..Placement::instead_of(reason) });
        }
    }

    /// Gives another name to what would share one: a promoted canary keeps the name that it has taken over, though the count
    /// still asks for what had it before.
    fn part_names(&mut self, canarying: bool, mut names: NameIndex) {
        let canaries: BTreeSet<AllocId> = self.canaries.iter().map(|alloc| alloc.id).collect();
        // While canaries run, both versions have each name.
        let counts = |alloc: &&Arc<Allocation>| !canarying || !canaries.contains(&alloc.id);
        let stay = self.untainted.iter().chain(&self.buckets.in_place).filter(counts);
        let mut held: BTreeSet<String> = stay.map(|alloc| alloc.name.clone()).collect();
        for placement in self.buckets.place.iter_mut().filter(|placement| !(canarying && placement.canary)) {
            if !held.insert(placement.name.clone()) {
                placement.name = names.take(1).remove(0);
                held.insert(placement.name.clone());
            }
        }
    }

    /// Lets an evaluation look again when what failed may be replaced.
    fn await_failed(&mut self, later: &mut Later<'_>) {
        self.reschedule_later.sort_by_key(|(time, alloc)| (*time, alloc.id));
        self.buckets.counts.reschedule_later += number(self.reschedule_later.len());
        for (time, alloc) in &self.reschedule_later {
            if alloc.follow_up_eval.is_some_and(|id| later.is_awaited(id)) {
                continue;
            }
            let id = later.at(*time, Trigger::AllocReschedule, WHY_RESCHEDULED);
            let known = self.buckets.marks.iter_mut().find(|mark| mark.alloc_id == alloc.id);
            if let Some(mark) = known {
                mark.follow_up_eval = Some(id);
                continue;
            }
            self.buckets.marks.push(Mark {
                alloc_id: alloc.id,
                node_id: alloc.node_id,
                record: None,
                description: String::new(),
                follow_up_eval: Some(id),
            });
        }
    }

    /// Tells whether a deployment that was there before has what it wants of this group.
    fn is_healthy(&self, began: bool) -> bool {
        let state = &self.state;
        !began
            || (state.healthy >= state.desired_total.max(state.desired_canaries)
                && (state.desired_canaries == 0 || state.promoted))
    }

    /// Returns the names that are taken.
    fn names(&self) -> NameIndex {
        let all = self.untainted.iter().chain(&self.destructive).chain(&self.buckets.in_place);
        let all = all.chain(&self.migrate).chain(&self.reschedule_now);
        let all = all.chain(self.lost.iter().map(|reason| &reason.alloc));
        NameIndex::new(&self.job.id, &self.group.name, all)
    }
}
