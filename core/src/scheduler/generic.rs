//! Service and batch jobs: reconcile every group, then find nodes for what is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::Rng;

use super::reconcile::cluster::{self, UPDATING};
use super::reconcile::{Buckets, Placement, StopReason};
use super::stack::{Placed, Stack};
use super::{Options, feasible, preempt};
use crate::model::plan::{Decision, Plan, Stop};
use crate::model::{
    AllocId, AllocMetric, Allocation, ClientStatus, DesiredStatus, DesiredTransition, EvalId, EvalStatus,
    Evaluation, Job, TaskGroup, Timestamp, Trigger,
};
use crate::state::Snapshot;

pub(super) fn process(
    view: &Snapshot,
    eval: &Evaluation,
    now: Timestamp,
    rng: &mut dyn Rng,
    options: &Options,
) -> Decision {
    let groups = cluster::by_group(view.allocs_by_job(&eval.job_key));
    let Some(job) = view.job(&eval.job_key) else {
        return forgotten(view, eval, now, groups);
    };
    let mut planner = Planner::new(view, eval, job, now);
    let mut work: Vec<(&TaskGroup, Buckets)> = Vec::new();
    for (name, allocs) in &groups {
        if job.group(name).is_none() {
            planner.stop_all(cluster::reconcile(view, job, None, allocs, now).stop);
        }
    }
    for group in &job.groups {
        let allocs = groups.get(&group.name).map(Vec::as_slice).unwrap_or_default();
        let mut buckets = cluster::reconcile(view, job, Some(group), allocs, now);
        planner.stop_all(std::mem::take(&mut buckets.stop));
        planner.update_in_place(group, &mut buckets);
        planner.reschedule_at = [planner.reschedule_at, buckets.reschedule_at].into_iter().flatten().min();
        let replaced = std::mem::take(&mut buckets.destructive);
        buckets.place.splice(0..0, replaced.into_iter().map(newer_version));
        work.push((group, buckets));
    }
    planner.place(work, rng, options);
    planner.decide(rng)
}

/// Stops whatever is left of a job that is not there any more.
fn forgotten(
    view: &Snapshot,
    eval: &Evaluation,
    now: Timestamp,
    groups: BTreeMap<String, Vec<Arc<Allocation>>>,
) -> Decision {
    let stops = groups.into_values().flat_map(|allocs| cluster::stop_all(view, &allocs).stop);
    let stops = stops.map(|reason| stop(&reason, eval.id, None));
    let plan = Plan { stops: stops.collect(), snapshot_index: view.index(), ..Plan::default() };
    let mut ended = eval.clone();
    ended.status = EvalStatus::Complete;
    ended.snapshot_index = view.index();
    ended.modify_time = now;
    Decision { plan, eval: ended, blocked: None, follow_ups: Vec::new() }
}

struct Planner<'a> {
    view: &'a Snapshot,
    eval: &'a Evaluation,
    job: &'a Arc<Job>,
    now: Timestamp,
    plan: Plan,
    failed: BTreeMap<String, AllocMetric>,
    queued: BTreeMap<String, u32>,
    /// Classes that could help what is unplaced; `None` while everything found a place.
    classes: Option<BTreeMap<String, bool>>,
    reschedule_at: Option<Timestamp>,
}

impl<'a> Planner<'a> {
    fn new(view: &'a Snapshot, eval: &'a Evaluation, job: &'a Arc<Job>, now: Timestamp) -> Self {
        let plan = Plan { all_at_once: job.all_at_once, snapshot_index: view.index(), ..Plan::default() };
        Self {
            view,
            eval,
            job,
            now,
            plan,
            failed: BTreeMap::new(),
            queued: BTreeMap::new(),
            classes: None,
            reschedule_at: None,
        }
    }

    fn stop_all(&mut self, reasons: Vec<StopReason>) {
        self.plan.stops.extend(reasons.iter().map(|reason| stop(reason, self.eval.id, None)));
    }

    /// Moves allocations to the new version where they are; those whose node will not do are to be replaced.
    fn update_in_place(&mut self, group: &TaskGroup, buckets: &mut Buckets) {
        for alloc in std::mem::take(&mut buckets.in_place) {
            let feasible = self.view.node(&alloc.node_id).is_some_and(|node| {
                // Whether new allocations may go there does not matter to one that is there.
                feasible::reasons(self.job, group, node).iter().all(feasible::Reason::passes)
            });
            if !feasible {
                buckets.destructive.push(alloc);
                continue;
            }
            let mut updated = (*alloc).clone();
            updated.job = self.job.clone();
            updated.eval_id = self.eval.id;
            self.plan.updates.push(updated);
        }
        buckets.destructive.sort_by_key(|alloc| (alloc.index(), alloc.id));
    }

    fn place(&mut self, work: Vec<(&'a TaskGroup, Buckets)>, rng: &mut dyn Rng, options: &'a Options) {
        // What runs on if its replacement finds no place holds its room until then.
        let replaced = work.iter().flat_map(|(_, buckets)| &buckets.place);
        let replaced =
            replaced.filter(|placement| !placement.keep_if_unplaced).filter_map(Placement::previous);
        let freed: BTreeSet<AllocId> =
            replaced.chain(self.plan.stops.iter().map(|stop| stop.alloc_id)).collect();
        let nothing_to_place = work.iter().all(|(_, buckets)| buckets.place.is_empty());
        if nothing_to_place {
            self.queued.extend(work.iter().map(|(group, _)| (group.name.clone(), 0)));
            return;
        }
        let job: &'a Arc<Job> = self.job;
        let mut stack = Stack::new(self.view, job, options, &freed);
        for (group, buckets) in work {
            self.queued.insert(group.name.clone(), 0);
            self.place_group(&mut stack, group, buckets.place, rng);
        }
        let failed: Vec<&TaskGroup> =
            job.groups.iter().filter(|group| self.failed.contains_key(&group.name)).collect();
        if !failed.is_empty() {
            self.classes = Some(stack.class_eligibility(&failed));
        }
    }

    fn place_group(
        &mut self,
        stack: &mut Stack<'a>,
        group: &'a TaskGroup,
        placements: Vec<Placement>,
        rng: &mut dyn Rng,
    ) {
        for placement in placements {
            // One that found no place says the same for the next of its group.
            let found = match self.failed.get_mut(&group.name) {
                Some(metric) => {
                    metric.coalesced_failures += 1;
                    None
                }
                None => match stack.place(group, &placement, rng) {
                    Ok(placed) => Some(placed),
                    Err(metric) => {
                        self.failed.insert(group.name.clone(), Arc::unwrap_or_clone(metric));
                        None
                    }
                },
            };
            match found {
                Some(placed) => self.add(AllocId::random(rng), group, &placement, placed),
                None => {
                    *self.queued.entry(group.name.clone()).or_default() += 1;
                    self.leave(placement);
                }
            }
        }
    }

    /// Adds a placement with the end of the one it replaces.
    fn add(&mut self, id: AllocId, group: &TaskGroup, placement: &Placement, placed: Placed<'a>) {
        if let Some(reason) = &placement.replaces {
            self.plan.stops.push(stop(reason, self.eval.id, Some(id)));
        }
        let preempted: Vec<AllocId> = placed.preempted.iter().map(|alloc| alloc.id).collect();
        let evicted =
            placed.preempted.iter().map(|alloc| preempt::eviction(alloc, id, self.job, self.eval.id));
        self.plan.stops.extend(evicted);
        self.plan.places.push(Allocation {
            id,
            eval_id: self.eval.id,
            name: placement.name.clone(),
            node_id: placed.node.id,
            node_name: placed.node.name.clone(),
            job_key: self.job.key(),
            job: self.job.clone(),
            group: group.name.clone(),
            resources: placed.resources,
            metric: placed.metric,
            desired_status: DesiredStatus::Run,
            desired_description: String::new(),
            client_status: ClientStatus::Pending,
            client_description: String::new(),
            task_states: BTreeMap::new(),
            previous: placement.previous(),
            next: None,
            preempted_by: None,
            preempted,
            deployment_id: None,
            deployment_status: None,
            desired_transition: DesiredTransition::default(),
            reschedule_tracker: None,
            follow_up_eval: None,
            states: Vec::new(),
            create_time: self.now,
            modify_time: self.now,
            create_index: 0,
            modify_index: 0,
            alloc_modify_index: 0,
        });
    }

    /// Decides about the one that an instance without a place was to replace.
    fn leave(&mut self, placement: Placement) {
        let ends = placement.replaces.filter(|_| !placement.keep_if_unplaced);
        self.plan.stops.extend(ends.map(|reason| stop(&reason, self.eval.id, None)));
    }

    /// Tells whether an evaluation waits already that will look at the job between now and `time`.
    fn is_looked_at_by(&self, time: Timestamp) -> bool {
        self.view.evals_by_job(&self.eval.job_key).any(|other| {
            let waits = other.status == EvalStatus::Pending && other.id != self.eval.id;
            waits && other.wait_until > self.now && other.wait_until <= time
        })
    }

    fn decide(mut self, rng: &mut dyn Rng) -> Decision {
        self.plan.stops.sort_by_key(|stop| stop.alloc_id);
        let reschedule_at = self.reschedule_at.filter(|time| !self.is_looked_at_by(*time));
        let mut ended = self.eval.clone();
        ended.status = EvalStatus::Complete;
        ended.status_description.clear();
        ended.snapshot_index = self.view.index();
        ended.modify_time = self.now;
        ended.failed_groups = self.failed;
        ended.queued = self.queued;
        let successor = |trigger: Trigger, rng: &mut dyn Rng| {
            let mut next = Evaluation::pending(
                EvalId::random(rng),
                self.eval.job_key.clone(),
                self.eval.job_type,
                self.job.priority,
                trigger,
                self.now,
            );
            next.previous_eval = Some(self.eval.id);
            next.snapshot_index = self.view.index();
            next
        };
        let blocked = self.classes.map(|classes| {
            let mut blocked = successor(Trigger::QueuedAllocs, rng);
            blocked.status = EvalStatus::Blocked;
            blocked.status_description = "waits for capacity to place the remaining allocations".to_owned();
            blocked.class_eligibility = classes;
            blocked.failed_groups = ended.failed_groups.clone();
            blocked.escaped = escapes(self.job);
            blocked
        });
        ended.blocked_eval = blocked.as_ref().map(|eval| eval.id);
        let follow_ups: Vec<Evaluation> = reschedule_at
            .map(|time| {
                let mut later = successor(Trigger::AllocFailure, rng);
                later.wait_until = time;
                later.status_description = "replaces a failed allocation once its delay is over".to_owned();
                later
            })
            .into_iter()
            .collect();
        ended.next_eval = follow_ups.first().map(|eval| eval.id);
        Decision { plan: self.plan, eval: ended, blocked, follow_ups }
    }
}

/// Makes the placement that replaces an allocation of an older version; it keeps its name.
fn newer_version(alloc: Arc<Allocation>) -> Placement {
    Placement {
        name: alloc.name.clone(),
        replaces: Some(StopReason { alloc, description: UPDATING, client_status: None }),
        failed_on: BTreeSet::new(),
        keep_if_unplaced: true,
    }
}

fn stop(reason: &StopReason, eval_id: EvalId, next: Option<AllocId>) -> Stop {
    Stop {
        alloc_id: reason.alloc.id,
        node_id: reason.alloc.node_id,
        description: reason.description.to_owned(),
        client_status: reason.client_status,
        next,
        preempted_by: None,
        follow_up_eval: None,
        eval_id,
    }
}

/// Tells whether a job's constraints look at facts that differ within a class.
fn escapes(job: &Job) -> bool {
    job.groups.iter().any(|group| feasible::looks_beyond_class(job, group))
}
