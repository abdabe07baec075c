//! Builds a plan out of what has to change: finds nodes, and says what became of the evaluation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::Rng;

use super::reconcile::reschedule;
use super::reconcile::{Buckets, Changes, Placement, StopReason};
use super::stack::{Placed, Stack};
use super::{Options, feasible, preempt};
use crate::model::plan::{Decision, Plan, Stop};
use crate::model::{
    AllocDeploymentStatus, AllocId, AllocMetric, Allocation, ClientStatus, Deployment, DesiredStatus,
    DesiredTransition, EvalId, EvalStatus, Evaluation, Job, TaskGroup, Timestamp, Trigger,
};
use crate::state::Snapshot;

/// A plan while it grows.
pub(super) struct Planner<'a> {
    view: &'a Snapshot,
    eval: &'a Evaluation,
    now: Timestamp,
    options: &'a Options,
    plan: Plan,
    /// What placements of the present version belong to.
    current: Option<Deployment>,
    follow_ups: Vec<Evaluation>,
    failed: BTreeMap<String, AllocMetric>,
    queued: BTreeMap<String, u32>,
    /// Classes that could help what is unplaced; `None` while everything found a place.
    classes: Option<BTreeMap<String, bool>>,
}

impl<'a> Planner<'a> {
    /// Takes in what has to change, all but the placements, which are returned by group.
    pub(super) fn new(
        view: &'a Snapshot,
        eval: &'a Evaluation,
        job: Option<&'a Arc<Job>>,
        changes: Changes,
        now: Timestamp,
        options: &'a Options,
    ) -> (Self, Vec<(String, Vec<Placement>)>) {
        let plan = Plan {
            all_at_once: job.is_some_and(|job| job.all_at_once),
            snapshot_index: view.index(),
            deployment: changes.deployment,
            deployment_updates: changes.deployment_updates,
            ..Plan::default()
        };
        let mut planner = Self {
            view,
            eval,
            now,
            options,
            plan,
            current: changes.current,
            follow_ups: changes.follow_ups,
            failed: BTreeMap::new(),
            queued: BTreeMap::new(),
            classes: None,
        };
        let mut work = Vec::new();
        for (name, buckets) in changes.groups {
            if job.is_some_and(|job| job.group(&name).is_some() && !job.stop) {
                planner.queued.insert(name.clone(), 0);
            }
            planner.plan.annotations.insert(name.clone(), buckets.counts);
            let placements = planner.take(job, buckets);
            work.push((name, placements));
        }
        (planner, work)
    }

    fn take(&mut self, job: Option<&'a Arc<Job>>, buckets: Buckets) -> Vec<Placement> {
        let stops: Vec<Stop> = buckets.stop.iter().map(|reason| self.stop(reason, None)).collect();
        self.plan.stops.extend(stops);
        self.plan.marks.extend(buckets.marks);
        for alloc in buckets.in_place {
            let Some(job) = job else { continue };
            let mut updated = (*alloc).clone();
            updated.job = job.clone();
            updated.eval_id = self.eval.id;
            if self.options.deployments {
                updated.deployment_id = self.deployment_of(&alloc.group, job).map(|current| current.id);
            }
            self.plan.updates.push(updated);
        }
        buckets.place
    }

    /// Finds a node for every placement, or says why there is none.
    pub(super) fn place(&mut self, job: &Arc<Job>, work: Vec<(String, Vec<Placement>)>, rng: &mut dyn Rng) {
        if work.iter().all(|(_, placements)| placements.is_empty()) {
            return;
        }
        let freed = self.freed(&work);
        let older: BTreeMap<u64, Arc<Job>> = work
            .iter()
            .flat_map(|(_, placements)| placements)
            .filter_map(|placement| placement.job.clone())
            .map(|job| (job.version, job))
            .collect();
        // What stays at an older version is looked at with that version's own wishes. The stacks hear of each other.
        let mut stacks: BTreeMap<u64, Stack<'_>> =
            older.iter().map(|(version, job)| (*version, self.stack(job, &freed))).collect();
        stacks.insert(job.version, self.stack(job, &freed));
        for (name, placements) in work {
            for placement in placements {
                let version = placement.job.as_ref().map_or(job.version, |job| job.version);
                let of = older.get(&version).unwrap_or(job);
                let Some(group) = of.group(&name) else { continue };
                self.place_one(&mut stacks, of, group, placement, rng);
            }
        }
        let failed: Vec<&TaskGroup> =
            job.groups.iter().filter(|group| self.failed.contains_key(&group.name)).collect();
        if !failed.is_empty() {
            self.classes = stacks.get(&job.version).map(|stack| stack.class_eligibility(&failed));
        }
    }

    /// Returns what holds no room any more, whatever comes of the placements. What runs on if its replacement finds no place
    /// holds its room until then.
    pub(super) fn freed(&self, work: &[(String, Vec<Placement>)]) -> BTreeSet<AllocId> {
        let replaced = work.iter().flat_map(|(_, placements)| placements);
        let replaced = replaced.filter(|placement| !placement.keep_if_unplaced);
        let replaced =
            replaced.filter_map(|placement| placement.replaces.as_ref()).map(|reason| reason.alloc.id);
        replaced.chain(self.plan.stops.iter().map(|stop| stop.alloc_id)).collect()
    }

    /// Makes the stack of one version of the job.
    pub(super) fn stack<'s>(&self, job: &'s Arc<Job>, freed: &BTreeSet<AllocId>) -> Stack<'s>
    where
        'a: 's,
    {
        Stack::new(self.view, job, self.options, freed)
    }

    fn place_one<'s>(
        &mut self,
        stacks: &mut BTreeMap<u64, Stack<'s>>,
        job: &'s Arc<Job>,
        group: &'s TaskGroup,
        placement: Placement,
        rng: &mut dyn Rng,
    ) {
        // One that found no place says the same for the next of its group.
        let found = match self.failed.get_mut(&group.name) {
            Some(metric) => {
                metric.coalesced_failures += 1;
                None
            }
            None => {
                let Some(stack) = stacks.get_mut(&job.version) else { return };
                match stack.place(group, &placement, rng) {
                    Ok(placed) => Some(placed),
                    Err(metric) => {
                        self.failed.insert(group.name.clone(), Arc::unwrap_or_clone(metric));
                        None
                    }
                }
            }
        };
        let Some(placed) = found else {
            self.leave(&group.name, placement);
            return;
        };
        let alloc = self.add(job, group, &placement, placed, rng);
        for (version, stack) in stacks.iter_mut() {
            if *version == job.version {
                continue;
            }
            if let Some(reason) = placement.replaces.as_ref().filter(|_| placement.keep_if_unplaced) {
                stack.free(&reason.alloc);
            }
            stack.keep(alloc);
        }
    }

    /// Adds a placement with the end of the one it replaces.
    pub(super) fn add(
        &mut self,
        job: &Arc<Job>,
        group: &TaskGroup,
        placement: &Placement,
        placed: Placed<'_>,
        rng: &mut dyn Rng,
    ) -> &Allocation {
        let id = AllocId::random(rng);
        if let Some(reason) = &placement.replaces {
            let stop = self.stop(reason, Some(id));
            self.plan.stops.push(stop);
        }
        let preempted: Vec<AllocId> = placed.preempted.iter().map(|alloc| alloc.id).collect();
        let evicted = placed.preempted.iter().map(|alloc| preempt::eviction(alloc, id, job, self.eval.id));
        self.plan.stops.extend(evicted);
        let deployment_id = self.deployment_of(&group.name, job).map(|current| current.id);
        let canary = placement.canary && deployment_id.is_some();
        let previous = placement.previous_alloc().filter(|_| placement.reschedules);
        self.plan.places.push(Allocation {
            id,
            eval_id: self.eval.id,
            name: placement.name.clone(),
            node_id: placed.node.id,
            node_name: placed.node.name.clone(),
            // As the key of the job itself, and one for all.
            job_key: self.eval.job_key.clone(),
            job: job.clone(),
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
            deployment_id,
            deployment_status: canary
                .then(|| AllocDeploymentStatus { canary, ..AllocDeploymentStatus::default() }),
            desired_transition: DesiredTransition::default(),
            reschedule_tracker: previous.map(|previous| reschedule::tracker_of(previous, self.now)),
            follow_up_eval: None,
            states: Vec::new(),
            create_time: self.now,
            modify_time: self.now,
            create_index: 0,
            modify_index: 0,
            alloc_modify_index: 0,
        });
        self.plan.places.last().expect("just pushed")
    }

    /// Notes why an instance of a system job found no place on its node; failures of one group are told as one.
    pub(super) fn fail(&mut self, group: &str, metric: &AllocMetric, placement: Placement) {
        match self.failed.get_mut(group) {
            Some(known) => {
                known.coalesced_failures += 1;
                let seen = Arc::make_mut(&mut known.seen);
                seen.nodes_evaluated += metric.seen.nodes_evaluated;
                seen.nodes_exhausted += metric.seen.nodes_exhausted;
                for (dimension, count) in &metric.seen.dimension_exhausted {
                    *seen.dimension_exhausted.entry(dimension.clone()).or_default() += count;
                }
                known.verdicts.extend(metric.verdicts.iter().cloned());
                known.verdicts.truncate(AllocMetric::VERDICTS_MAX);
            }
            None => drop(self.failed.insert(group.to_owned(), metric.clone())),
        }
        self.leave(group, placement);
    }

    /// Sets which classes could help what is unplaced.
    pub(super) fn wait_for(&mut self, classes: BTreeMap<String, bool>) {
        self.classes = Some(classes);
    }

    /// Returns the groups with something unplaced.
    pub(super) fn failed_groups(&self) -> impl Iterator<Item = &str> {
        self.failed.keys().map(String::as_str)
    }

    /// Decides about the one that an instance without a place was to replace.
    fn leave(&mut self, group: &str, placement: Placement) {
        *self.queued.entry(group.to_owned()).or_default() += 1;
        // An old version that runs is better than none. What has failed has to be remembered until it is replaced.
        let ends = placement
            .replaces
            .filter(|reason| !placement.keep_if_unplaced && !reason.alloc.is_client_terminal());
        if let Some(reason) = ends {
            let stop = self.stop(&reason, None);
            self.plan.stops.push(stop);
        }
    }

    /// Returns the deployment that allocations of a group belong to, if they run its version.
    fn deployment_of(&self, group: &str, job: &Job) -> Option<&Deployment> {
        let current = self.current.as_ref().filter(|current| current.is_of(job));
        current.filter(|current| current.groups.contains_key(group))
    }

    fn stop(&self, reason: &StopReason, next: Option<AllocId>) -> Stop {
        Stop {
            alloc_id: reason.alloc.id,
            node_id: reason.alloc.node_id,
            description: reason.description.to_owned(),
            client_status: reason.client_status,
            next,
            preempted_by: None,
            follow_up_eval: reason.follow_up,
            eval_id: self.eval.id,
        }
    }

    /// Ends it.
    pub(super) fn decide(mut self, job: Option<&Arc<Job>>, rng: &mut dyn Rng) -> Decision {
        self.plan.stops.sort_by_key(|stop| stop.alloc_id);
        self.plan.marks.sort_by_key(|mark| mark.alloc_id);
        let mut ended = self.eval.clone();
        ended.status = EvalStatus::Complete;
        ended.status_description.clear();
        ended.snapshot_index = self.view.index();
        ended.modify_time = self.now;
        ended.failed_groups = self.failed;
        ended.queued = self.queued;
        ended.deployment_id = self.current.as_ref().map(|current| current.id).or(ended.deployment_id);
        let blocked = self.classes.zip(job).map(|(classes, job)| {
            let mut blocked = Evaluation::pending(
                EvalId::random(rng),
                self.eval.job_key.clone(),
                self.eval.job_type,
                job.priority,
                Trigger::QueuedAllocs,
                self.now,
            );
            blocked.previous_eval = Some(self.eval.id);
            blocked.snapshot_index = self.view.index();
            blocked.status = EvalStatus::Blocked;
            blocked.status_description = "waits for capacity to place the remaining allocations".to_owned();
            blocked.class_eligibility = classes;
            blocked.failed_groups = ended.failed_groups.clone();
            blocked.escaped = escapes(job);
            blocked
        });
        ended.blocked_eval = blocked.as_ref().map(|eval| eval.id);
        // The next batch of a rolling update is what people wait for.
        let rolling = self.follow_ups.iter().find(|eval| eval.trigger == Trigger::RollingUpdate);
        ended.next_eval = rolling.or(self.follow_ups.first()).map(|eval| eval.id);
        Decision { plan: self.plan, eval: ended, blocked, follow_ups: self.follow_ups }
    }
}

/// Tells whether a job's constraints look at facts that differ within a class.
fn escapes(job: &Job) -> bool {
    job.groups.iter().any(|group| feasible::looks_beyond_class(job, group))
}
