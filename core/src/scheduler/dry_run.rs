//! What would happen: schedulers on a state that is only thought of.
//!
//! A snapshot costs nothing to copy, so a change is applied to a copy, the schedulers look at it, and their plans are
//! applied to the copy as well. Jobs are planned in the order given, each on what the ones before leave. A change of nodes
//! — a drain or a loss — is followed by an evaluation of every job it concerns, the most important first.
//!
//! # Caveats
//! - Only the end is shown, not the way there: a drain moves by turns, here all that moves moves at once, and what
//!   happens at a later time (a delayed replacement) is told but not played.
//! - Batch allocations on a drained node end by themselves or at the deadline; they are told, not moved.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand::Rng;

use super::explain::{Explanation, explain};
use super::{Options, process};
use crate::model::plan::{Decision, DesiredUpdates};
use crate::model::{
    AllocMetric, Allocation, DesiredTransition, DrainStrategy, EvalId, Evaluation, Job, JobKey, JobType,
    NodeId, NodeStatus, Timestamp, Trigger,
};
use crate::state::command::PlanCommit;
use crate::state::{ApplyError, Command, Snapshot};

/// How many evaluations one dry run plays at most. Evictions lead to more evaluations, of ever lower priority, so there is
/// an end anyway; this bounds the time.
const EVALS_MAX: usize = 10_000;

/// What would become of one job.
#[derive(Clone, Debug)]
pub struct JobPlan {
    /// The job as it would be registered.
    pub job: Arc<Job>,
    /// The version it would replace.
    pub before: Option<Arc<Job>>,
    /// What the scheduler decided.
    pub decision: Decision,
    /// Allocations of other jobs that would have to go.
    pub preempted: Vec<Arc<Allocation>>,
    /// The state afterwards.
    pub view: Snapshot,
}

impl JobPlan {
    /// Returns what was decided, in numbers, by group; counted from the plan where the scheduler says nothing itself.
    pub fn annotations(&self) -> BTreeMap<String, DesiredUpdates> {
        let plan = &self.decision.plan;
        if !plan.annotations.is_empty() {
            return plan.annotations.clone();
        }
        let mut groups: BTreeMap<String, DesiredUpdates> =
            self.job.groups.iter().map(|group| (group.name.clone(), DesiredUpdates::default())).collect();
        for place in &plan.places {
            let group = groups.entry(place.group.clone()).or_default();
            let previous = place.previous.and_then(|id| self.view.alloc(&id));
            match previous.is_some_and(|previous| !previous.is_client_terminal()) {
                true => group.destructive_update += 1,
                false => group.place += 1,
            }
            group.preemptions += u32::try_from(place.preempted.len()).unwrap_or(u32::MAX);
        }
        for (name, queued) in &self.decision.eval.queued {
            groups.entry(name.clone()).or_default().place += queued;
        }
        for update in &plan.updates {
            groups.entry(update.group.clone()).or_default().in_place_update += 1;
        }
        for stop in plan.stops.iter().filter(|stop| stop.next.is_none() && stop.preempted_by.is_none()) {
            if let Some(alloc) = self.view.alloc(&stop.alloc_id) {
                groups.entry(alloc.group.clone()).or_default().stop += 1;
            }
        }
        let key = self.job.key();
        let held = self.view.allocs_by_job(&key).filter(|alloc| !alloc.is_terminal());
        for alloc in held {
            let touched = plan.places.iter().chain(&plan.updates).any(|other| other.id == alloc.id);
            groups.entry(alloc.group.clone()).or_default().ignore += u32::from(!touched);
        }
        groups
    }

    /// Returns the groups that could not be placed in full.
    pub fn failed_groups(&self) -> &BTreeMap<String, AllocMetric> {
        &self.decision.eval.failed_groups
    }

    /// Tells whether allocations would come or go.
    pub fn changes_allocations(&self) -> bool {
        let plan = &self.decision.plan;
        let unplaced = self.decision.eval.queued.values().any(|queued| *queued > 0);
        !plan.places.is_empty() || !plan.stops.is_empty() || unplaced
    }

    /// Explains each group that could not be placed in full, as things would be.
    pub fn explanations(&self, options: &Options) -> Vec<Explanation> {
        let failed = self.failed_groups().keys();
        failed.filter_map(|group| explain(&self.view, &self.job, group, options)).collect()
    }
}

/// Plans a job without running it.
///
/// # Errors
/// Those of registering it.
pub fn job(
    view: &Snapshot,
    job: &Job,
    now: Timestamp,
    rng: &mut dyn Rng,
    options: &Options,
) -> Result<JobPlan, ApplyError> {
    let key = job.key();
    let register = Command::JobRegister { job: job.clone().into(), eval: None, enforce_index: None };
    let registered = view.after(&register)?;
    let known = registered.job(&key).ok_or_else(|| ApplyError::JobNotFound(key.clone()))?.clone();
    let eval = evaluation(&known, Trigger::JobRegister, now, rng);
    let (decision, after) = play(&registered, &eval, now, rng, options)?;
    let preempted = decision.plan.preemptions().filter_map(|stop| view.alloc(&stop.alloc_id).cloned());
    let preempted = preempted.collect();
    Ok(JobPlan { job: known, before: view.job(&key).cloned(), decision, preempted, view: after })
}

/// Plans several jobs, in order, each on what the ones before leave.
///
/// # Errors
/// Those of registering one.
pub fn jobs(
    view: &Snapshot,
    jobs: &[Job],
    now: Timestamp,
    rng: &mut dyn Rng,
    options: &Options,
) -> Result<Vec<JobPlan>, ApplyError> {
    let mut plans: Vec<JobPlan> = Vec::with_capacity(jobs.len());
    for one in jobs {
        let on = plans.last().map_or(view, |plan| &plan.view);
        let plan = job(on, one, now, rng, options)?;
        plans.push(plan);
    }
    Ok(plans)
}

/// What happens to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeChange {
    /// It is emptied.
    Drain,
    /// It is gone, without a word.
    Lost,
}

/// What would follow from changes of nodes.
#[derive(Clone, Debug)]
pub struct NodePlan {
    /// What becomes of each allocation on these nodes, and of those that have to go for them, by job and name.
    pub moves: Vec<Move>,
    /// Groups that would have fewer allocations than they want.
    pub shortfalls: Vec<Shortfall>,
    /// The state afterwards.
    pub view: Snapshot,
}

/// What becomes of one allocation.
#[derive(Clone, Debug)]
pub struct Move {
    /// The allocation, as it is.
    pub alloc: Arc<Allocation>,
    /// What becomes of it.
    pub outcome: Outcome,
}

/// What becomes of an allocation whose node changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Another takes its place there.
    To {
        /// The node.
        node_id: NodeId,
        /// Its name.
        node_name: String,
    },
    /// It ends, and nothing could be placed instead.
    NoPlace,
    /// It ends, and is replaced at a later time.
    Later(Timestamp),
    /// It ends, and nothing takes its place: a job that runs on every node, or one that is stopped.
    Ends,
    /// It goes on where it is: a batch job until it ends or the deadline comes, one that is cut off, one that may stay.
    Stays,
}

/// A group with fewer allocations than it wants.
#[derive(Clone, Debug)]
pub struct Shortfall {
    /// The job.
    pub job_key: JobKey,
    /// The group.
    pub group: String,
    /// How many it wants.
    pub wanted: u32,
    /// How many it has now.
    pub before: u32,
    /// How many it would have.
    pub after: u32,
    /// Why there is no place for more; `None` when none was looked for.
    pub explanation: Option<Explanation>,
}

/// Plays changes of nodes that happen at once.
///
/// # Errors
/// When a node does not exist.
pub fn nodes(
    view: &Snapshot,
    changes: &BTreeMap<NodeId, NodeChange>,
    now: Timestamp,
    rng: &mut dyn Rng,
    options: &Options,
) -> Result<NodePlan, ApplyError> {
    let mut after = view.clone();
    for (node_id, change) in changes {
        after = changed(&after, *node_id, *change, now)?;
    }
    let there: Vec<Arc<Allocation>> = changes
        .keys()
        .flat_map(|node_id| view.allocs_by_node(node_id))
        .filter(|alloc| !alloc.is_terminal())
        .cloned()
        .collect();
    let mut waiting: Vec<(JobKey, Trigger)> = concerned(&after, &there);
    let mut concerned: BTreeSet<JobKey> = waiting.iter().map(|(key, _)| key.clone()).collect();
    let mut displaced: Vec<Arc<Allocation>> = Vec::new();
    let mut later: BTreeMap<(JobKey, String), Timestamp> = BTreeMap::new();
    let mut played = 0;
    while let Some((key, trigger)) = waiting.pop() {
        played += 1;
        let Some(job) = after.job(&key).cloned().filter(|_| played <= EVALS_MAX) else { continue };
        let eval = evaluation(&job, trigger, now, rng);
        let (decision, next) = play(&after, &eval, now, rng, options)?;
        for stop in decision.plan.preemptions() {
            displaced.extend(after.alloc(&stop.alloc_id).cloned());
        }
        for follow_up in decision.follow_ups.iter().filter(|eval| eval.wait_until > now) {
            for group in &job.groups {
                let at = later.entry((key.clone(), group.name.clone())).or_insert(follow_up.wait_until);
                *at = (*at).min(follow_up.wait_until);
            }
        }
        for eval in decision.plan.preemption_evals {
            concerned.insert(eval.job_key.clone());
            waiting.push((eval.job_key, Trigger::Preemption));
        }
        after = next;
    }
    let shortfalls = shortfalls(view, &after, &concerned, options);
    let lacking: BTreeSet<(JobKey, String)> =
        shortfalls.iter().map(|one| (one.job_key.clone(), one.group.clone())).collect();
    let mut moves: Vec<Move> = there
        .into_iter()
        .chain(displaced)
        .map(|alloc| {
            let key = (alloc.job_key.clone(), alloc.group.clone());
            let outcome = outcome(&after, &alloc, later.get(&key).copied(), lacking.contains(&key));
            Move { alloc, outcome }
        })
        .collect();
    moves.sort_by(|a, b| {
        let key = |one: &Move| {
            (one.alloc.job_key.clone(), one.alloc.group.clone(), one.alloc.index(), one.alloc.id)
        };
        key(a).cmp(&key(b))
    });
    Ok(NodePlan { moves, shortfalls, view: after })
}

/// Applies a change of a node, and what it wants of the allocations there.
fn changed(
    view: &Snapshot,
    node_id: NodeId,
    change: NodeChange,
    time: Timestamp,
) -> Result<Snapshot, ApplyError> {
    let evals = Vec::new();
    match change {
        NodeChange::Lost => {
            let description = "what if it was lost".to_owned();
            view.after(&Command::NodeStatus { node_id, status: NodeStatus::Down, description, time, evals })
        }
        NodeChange::Drain => {
            let drain = Some(DrainStrategy { started_at: time, ..DrainStrategy::default() });
            let drained =
                view.after(&Command::NodeDrain { node_id, drain, mark_eligible: false, time, evals })?;
            let leave = DesiredTransition { migrate: Some(true), ..DesiredTransition::default() };
            let leaving = drained.allocs_by_node(&node_id).filter(|alloc| {
                let ends_by_itself = matches!(alloc.job.job_type, JobType::Batch | JobType::SysBatch);
                !alloc.is_terminal() && !ends_by_itself
            });
            let transitions = leaving.map(|alloc| (alloc.id, leave)).collect();
            drained.after(&Command::AllocDesiredTransition { transitions, time, evals: Vec::new() })
        }
    }
}

/// Returns the jobs to look at, the most important last: those with allocations there, and all that run everywhere.
fn concerned(view: &Snapshot, there: &[Arc<Allocation>]) -> Vec<(JobKey, Trigger)> {
    let everywhere = view
        .jobs()
        .filter(|job| matches!(job.job_type, JobType::System | JobType::SysBatch) && !job.stop)
        .map(|job| job.key());
    let keys: BTreeSet<JobKey> = there.iter().map(|alloc| alloc.job_key.clone()).chain(everywhere).collect();
    let mut keys: Vec<JobKey> = keys.into_iter().collect();
    let priority = |key: &JobKey| view.job(key).map_or(0, |job| job.priority);
    keys.sort_by(|a, b| (priority(a), b).cmp(&(priority(b), a)));
    keys.into_iter().map(|key| (key, Trigger::NodeUpdate)).collect()
}

/// Lets a scheduler look at a job and carries out what it decides.
fn play(
    view: &Snapshot,
    eval: &Evaluation,
    now: Timestamp,
    rng: &mut dyn Rng,
    options: &Options,
) -> Result<(Decision, Snapshot), ApplyError> {
    let decision = process(view, eval, now, rng, options);
    let plan = decision.plan.clone();
    let commit = PlanCommit {
        stops: plan.stops,
        places: plan.places,
        updates: plan.updates,
        marks: plan.marks,
        deployment: plan.deployment,
        deployment_updates: plan.deployment_updates,
        evals: Vec::new(),
        time: now,
    };
    let after = view.after(&Command::ApplyPlan(commit))?;
    Ok((decision, after))
}

fn evaluation(job: &Job, trigger: Trigger, now: Timestamp, rng: &mut dyn Rng) -> Evaluation {
    Evaluation::pending(EvalId::random(rng), job.key(), job.job_type, job.priority, trigger, now)
}

/// Returns the groups that want more than they have and have less than before.
fn shortfalls(
    before: &Snapshot,
    after: &Snapshot,
    concerned: &BTreeSet<JobKey>,
    options: &Options,
) -> Vec<Shortfall> {
    let jobs = concerned.iter().filter_map(|key| after.job(key)).filter(|job| !job.stop);
    let counted = jobs.filter(|job| matches!(job.job_type, JobType::Service | JobType::Batch));
    let of_group = counted.flat_map(|job| job.groups.iter().map(move |group| (job, group)));
    let shortfalls = of_group.filter_map(|(job, group)| {
        let key = job.key();
        let (had, has) = (holders(before, &key, &group.name), holders(after, &key, &group.name));
        (has < had && has < group.count).then(|| Shortfall {
            explanation: explain(after, job, &group.name, options)
                .filter(|explanation| !explanation.ways_out.is_empty() || explanation.nodes.is_empty()),
            job_key: key,
            group: group.name.clone(),
            wanted: group.count,
            before: had,
            after: has,
        })
    });
    shortfalls.collect()
}

/// Counts the allocations of a group that run or will, and need not leave.
fn holders(view: &Snapshot, key: &JobKey, group: &str) -> u32 {
    let held = view.allocs_by_job(key).filter(|alloc| alloc.group == group && !alloc.is_terminal());
    u32::try_from(held.filter(|alloc| !is_leaving(alloc)).count()).unwrap_or(u32::MAX)
}

fn is_leaving(alloc: &Allocation) -> bool {
    alloc.desired_transition.migrate == Some(true)
}

fn outcome(after: &Snapshot, alloc: &Allocation, later: Option<Timestamp>, is_lacking: bool) -> Outcome {
    let now = after.alloc(&alloc.id);
    if now.is_some_and(|now| !now.is_terminal() && now.node_id == alloc.node_id) {
        // Told to leave, but kept until there is a place.
        return if now.is_some_and(|now| is_leaving(now)) { Outcome::NoPlace } else { Outcome::Stays };
    }
    let mut instead = after
        .allocs_by_job(&alloc.job_key)
        .filter(|other| other.previous == Some(alloc.id) && !other.is_terminal());
    match (instead.next(), later) {
        (Some(other), _) => Outcome::To { node_id: other.node_id, node_name: other.node_name.clone() },
        (None, Some(time)) => Outcome::Later(time),
        (None, None) if is_lacking => Outcome::NoPlace,
        (None, None) => Outcome::Ends,
    }
}
