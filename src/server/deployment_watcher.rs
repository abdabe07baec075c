//! Moves deployments on: looks at their allocations' health and decides what follows.
//!
//! [`look`] is pure and takes no input beside the state and the time: it may be called at any time, and what it returned and
//! what was written down since it does not return again. [`run`] wakes it by change and by timer, on the leader only.
//!
//! # What follows from what
//! - An allocation has become healthy since the job was last looked at: an evaluation, which changes the next ones.
//! - An allocation is unhealthy: if it may be rescheduled, its replacement is allowed; if not, or if the group has no
//!   `progress_deadline`, the deployment fails.
//! - An allocation was healthy and has failed since: its replacement is allowed, if it may be rescheduled.
//! - No allocation has become healthy within `progress_deadline`: the deployment fails. One that is paused, or waits for
//!   nothing but its promotion, does not.
//! - All canaries are healthy and every group with canaries has `auto_promote`: they are promoted.
//! - A deployment fails and its group has `auto_revert`: the newest stable version is submitted anew, if it differs.
//!
//! Source: Nomad `nomad/deploymentwatcher/deployment_watcher.go`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tracing::{info, warn};

use super::Server;
use super::error::ServerError;
use crate::model::deployment::describe;
use crate::model::{
    AllocId, Allocation, ClientStatus, Deployment, DeploymentId, DeploymentState, DeploymentStatus,
    DeploymentUpdate, DesiredStatus, DesiredTransition, EvalStatus, Evaluation, Job, JobKey, Timestamp,
    Trigger,
};
use crate::state::{Command, Snapshot, WatchKey};

/// How long changes are gathered before they are looked at. Source: Nomad, across deployments.
const GATHER: Duration = Duration::from_millis(250);

/// How long to wait after a write that failed.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// What has to be done, in the order of deployments.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Steps {
    /// Failed allocations whose replacement is allowed.
    pub(super) replace: Vec<AllocId>,
    /// Deployments whose jobs have to be looked at again, those of `replace` among them.
    pub(super) evaluate: Vec<DeploymentId>,
    /// Deployments whose canaries are promoted.
    pub(super) promote: Vec<DeploymentId>,
    /// Deployments that have failed.
    pub(super) fail: Vec<Failure>,
    /// When to look again whatever happens.
    pub(super) next_look: Option<Timestamp>,
}

/// A deployment that has failed.
#[derive(Debug, PartialEq)]
pub(super) struct Failure {
    /// Which.
    pub(super) deployment_id: DeploymentId,
    /// Why, and what becomes of the job.
    pub(super) description: String,
    /// The version the job goes back to.
    pub(super) revert: Option<Job>,
}

/// Watches deployments for as long as this server leads.
pub(super) async fn run(server: Server) {
    loop {
        let view = server.store().snapshot();
        let watcher = server.store().watch(&interests(&view));
        // Once more, now that no change can be missed; a deployment begun in between is among the changes.
        let view = server.store().snapshot();
        let steps = look(&view, server.env().now());
        let next_look = steps.next_look;
        let done = act(&server, &view, steps).await;
        if let Err(error) = &done {
            warn!(%error, "a deployment could not be moved on; tried again");
            tokio::time::sleep(RETRY_DELAY).await;
            continue;
        }
        let now = server.env().now();
        match next_look {
            Some(next) => {
                let _ = tokio::time::timeout(next.since(now), watcher.changed()).await;
            }
            None => watcher.changed().await,
        }
        tokio::time::sleep(GATHER).await;
    }
}

/// Returns what is waited for: any deployment, and all about the jobs of those that may still change.
fn interests(view: &Snapshot) -> Vec<WatchKey> {
    let mut keys = vec![WatchKey::Deployments];
    let jobs: BTreeSet<&JobKey> =
        view.deployments().filter(|known| known.is_active()).map(|known| &known.job_key).collect();
    for job in jobs {
        keys.push(WatchKey::JobAllocs(job.clone()));
        keys.push(WatchKey::JobEvals(job.clone()));
    }
    keys
}

/// Writes down what has to be done: all evaluations in one log entry, each end of a deployment in one of its own.
async fn act(server: &Server, view: &Snapshot, steps: Steps) -> Result<(), ServerError> {
    let time = server.env().now();
    for Failure { deployment_id, description, revert } in steps.fail {
        let Some(deployment) = view.deployment(&deployment_id) else { continue };
        info!(deployment = %deployment_id, job = %deployment.job_key, description, "deployment fails");
        let update = DeploymentUpdate { deployment_id, status: DeploymentStatus::Failed, description };
        let eval = server.eval_for_deployment(view, deployment);
        let revert = revert.map(|job| Box::new(Job { submit_time: time, ..job }));
        write(server, &Command::DeploymentStatusUpdate { update, revert, time, eval }).await?;
    }
    for deployment_id in steps.promote {
        let Some(deployment) = view.deployment(&deployment_id) else { continue };
        info!(deployment = %deployment_id, job = %deployment.job_key, "canaries are promoted by themselves");
        let eval = server.eval_for_deployment(view, deployment);
        write(server, &Command::DeploymentPromote { deployment_id, groups: None, time, eval }).await?;
    }
    let evals: Vec<Evaluation> = steps
        .evaluate
        .iter()
        .filter_map(|id| server.eval_for_deployment(view, view.deployment(id)?))
        .collect();
    if !steps.replace.is_empty() {
        let transition = DesiredTransition { reschedule: Some(true), ..DesiredTransition::default() };
        let transitions = steps.replace.into_iter().map(|id| (id, transition)).collect();
        write(server, &Command::AllocDesiredTransition { transitions, time, evals }).await?;
    } else if !evals.is_empty() {
        write(server, &Command::EvalUpdate { evals }).await?;
    }
    Ok(())
}

/// Writes a command; that the state does not allow it any more means that somebody was faster.
async fn write(server: &Server, command: &Command) -> Result<(), ServerError> {
    match server.propose(command).await {
        Ok(_) | Err(ServerError::Invalid(_) | ServerError::DeploymentNotFound) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Looks at all deployments as they are in `view` at `now`.
pub(super) fn look(view: &Snapshot, now: Timestamp) -> Steps {
    let mut steps = Steps::default();
    for deployment in view.deployments().filter(|deployment| deployment.is_active()) {
        look_at(view, deployment, now, &mut steps);
    }
    steps
}

fn look_at(view: &Snapshot, deployment: &Deployment, now: Timestamp, steps: &mut Steps) {
    // The scheduler ends the deployment of a job that was changed, stopped or forgotten.
    if view.job(&deployment.job_key).is_none_or(|job| job.stop || !deployment.is_of(job)) {
        return;
    }
    let is_running = deployment.status == DeploymentStatus::Running;
    let allocs: Vec<&Allocation> = view
        .allocs_by_job(&deployment.job_key)
        .filter(|alloc| alloc.deployment_id == Some(deployment.id))
        .map(|alloc| &**alloc)
        .collect();
    if is_running && let Some(failure) = failure(view, deployment, &allocs, now) {
        steps.fail.push(failure);
        return;
    }
    if is_running {
        steps.next_look = steps.next_look.into_iter().chain(next_deadline(deployment)).min();
    }
    if may_promote(deployment, &allocs) {
        steps.promote.push(deployment.id);
        return;
    }
    let to_replace = |alloc: &&&Allocation| waits_for_leave(alloc) || has_failed_since(alloc, now);
    let replace = allocs.iter().filter(to_replace).map(|alloc| alloc.id);
    let before = steps.replace.len();
    steps.replace.extend(replace);
    let healthy = allocs.iter().filter(|alloc| alloc.health() == Some(true));
    let healthy_since =
        healthy.filter_map(|alloc| Some(alloc.deployment_status.as_ref()?.modify_index)).max();
    let is_news = healthy_since.is_some_and(|index| !is_seen(view, deployment, index, now));
    if steps.replace.len() > before || is_news {
        steps.evaluate.push(deployment.id);
    }
}

/// Tells whether a scheduler has looked at the job since `index`, or is about to.
fn is_seen(view: &Snapshot, deployment: &Deployment, index: u64, now: Timestamp) -> bool {
    view.evals_by_job(&deployment.job_key).any(|eval| match eval.status {
        // A scheduler looks at the state as it is when its turn comes.
        EvalStatus::Pending => eval.wait_until <= now,
        EvalStatus::Complete => eval.snapshot_index >= index,
        // What could not be processed is not helped by more of it.
        EvalStatus::Failed => eval.modify_index >= index,
        EvalStatus::Blocked | EvalStatus::Canceled => false,
    })
}

/// Tells whether an allocation is unwell and its replacement neither there nor allowed yet.
fn waits_for_leave(alloc: &Allocation) -> bool {
    alloc.health() == Some(false)
        && alloc.desired_status == DesiredStatus::Run
        && alloc.next.is_none()
        && !alloc.desired_transition.should_reschedule()
}

/// Tells whether an allocation was well, has failed since, and may be replaced. That says nothing against the deployment, but
/// while it lasts nobody else replaces its allocations.
fn has_failed_since(alloc: &Allocation, now: Timestamp) -> bool {
    alloc.health() == Some(true)
        && alloc.client_status == ClientStatus::Failed
        && alloc.desired_status == DesiredStatus::Run
        && alloc.next.is_none()
        && !alloc.desired_transition.should_reschedule()
        && may_be_rescheduled(alloc, now)
}

/// Returns why a running deployment has failed, if it has.
fn failure(
    view: &Snapshot,
    deployment: &Deployment,
    allocs: &[&Allocation],
    now: Timestamp,
) -> Option<Failure> {
    let hopeless = allocs.iter().find(|alloc| {
        let has_time =
            deployment.groups.get(&alloc.group).is_some_and(|group| !group.progress_deadline.is_zero());
        waits_for_leave(alloc) && !(has_time && may_be_rescheduled(alloc, now))
    });
    if let Some(alloc) = hopeless {
        let reverts = deployment.groups.get(&alloc.group).is_some_and(|group| group.auto_revert);
        return Some(fail(view, deployment, describe::FAILED_ALLOCS, reverts));
    }
    let late: Vec<&DeploymentState> = deployment
        .groups
        .values()
        .filter(|group| deadline(group).is_some_and(|deadline| deadline <= now))
        .collect();
    if late.is_empty() {
        return None;
    }
    let reverts = late.iter().any(|group| group.auto_revert);
    Some(fail(view, deployment, describe::PROGRESS_DEADLINE, reverts))
}

/// Returns when a group fails unless another of its allocations becomes healthy; `None` when it has what it wants for now.
fn deadline(group: &DeploymentState) -> Option<Timestamp> {
    let wanted = if group.is_canarying() { group.desired_canaries } else { group.desired_total };
    let waits = group.require_progress_by != Timestamp::NEVER && group.healthy < wanted;
    waits.then_some(group.require_progress_by)
}

fn next_deadline(deployment: &Deployment) -> Option<Timestamp> {
    deployment.groups.values().filter_map(deadline).min()
}

/// Tells whether an allocation's policy allows one more replacement.
fn may_be_rescheduled(alloc: &Allocation, now: Timestamp) -> bool {
    let Some(policy) = alloc.task_group().and_then(|group| group.reschedule.as_ref()) else { return false };
    if policy.unlimited {
        return true;
    }
    let events = alloc.reschedule_tracker.iter().flat_map(|tracker| &tracker.events);
    let recent = events.filter(|event| now.since(event.time) < policy.interval).count();
    recent < usize::try_from(policy.attempts).unwrap_or(usize::MAX)
}

/// Tells whether canaries wait for nothing and nobody.
fn may_promote(deployment: &Deployment, allocs: &[&Allocation]) -> bool {
    if !deployment.has_auto_promote() || !deployment.requires_promotion() {
        return false;
    }
    let mut healthy: BTreeMap<&str, u32> = BTreeMap::new();
    let canaries = allocs.iter().filter(|alloc| alloc.is_canary() && !alloc.is_terminal());
    for alloc in canaries.filter(|alloc| alloc.health() == Some(true)) {
        *healthy.entry(&alloc.group).or_default() += 1;
    }
    let mut waiting = deployment.groups.iter().filter(|(_, group)| group.is_canarying());
    waiting
        .all(|(name, group)| healthy.get(name.as_str()).is_some_and(|ready| *ready >= group.desired_canaries))
}

/// Describes the end of a deployment that failed because of `reason`, and finds what its job goes back to if it `reverts`.
pub(super) fn fail(view: &Snapshot, deployment: &Deployment, reason: &str, reverts: bool) -> Failure {
    let (description, revert) = match reverts.then(|| stable_version(view, deployment)) {
        None => (reason.to_owned(), None),
        Some(None) => (format!("{reason} - no stable job version to auto revert to"), None),
        Some(Some((stable, true))) => {
            let version = stable.version;
            (format!("{reason} - rolling back to job version {version}"), Some(stable))
        }
        Some(Some((stable, false))) => (
            format!(
                "{reason} - not rolling back to stable job version {} as current job has same specification",
                stable.version
            ),
            None,
        ),
    };
    Failure { deployment_id: deployment.id, description, revert }
}

/// Returns the newest stable version of the job before this one, and whether it asks for something else than the current.
fn stable_version(view: &Snapshot, deployment: &Deployment) -> Option<(Job, bool)> {
    let current = view.job(&deployment.job_key)?;
    let mut versions = view.job_versions(&deployment.job_key);
    let stable = versions.find(|job| job.stable && job.version != deployment.job_version)?;
    Some(((**stable).clone(), !current.is_same_specification(stable)))
}

impl Server {
    /// Makes the evaluation that goes on after a deployment has changed; nothing when its job is gone.
    pub(super) fn eval_for_deployment(&self, view: &Snapshot, deployment: &Deployment) -> Option<Evaluation> {
        let job = view.job(&deployment.job_key)?;
        let (id, now) = (self.new_eval_id(), self.env().now());
        let trigger = Trigger::DeploymentWatcher;
        let mut eval = Evaluation::pending(id, job.key(), job.job_type, job.priority, trigger, now);
        eval.deployment_id = Some(deployment.id);
        Some(eval)
    }
}

#[cfg(test)]
mod tests;
