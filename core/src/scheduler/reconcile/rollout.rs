//! The deployment a job is in: which one counts, when one begins, when it is over.

use std::collections::BTreeSet;
use std::sync::Arc;

use rand::Rng;

use super::cluster::Question;
use crate::model::deployment::describe;
use crate::model::{
    AllocId, Deployment, DeploymentId, DeploymentState, DeploymentStatus, DeploymentUpdate, Job, JobKey,
    JobType, TaskGroup, UpdateStrategy,
};
use crate::state::Snapshot;

/// The rollout of the present version of a job, as far as there is one.
#[derive(Debug, Default)]
pub struct Rollout {
    /// The deployment of the present version, until it has succeeded.
    current: Option<Deployment>,
    /// Whether `current` was there before.
    existed: bool,
    /// Whether `current` has to be written down.
    changed: bool,
    /// The last deployment, when it is of another version or has succeeded.
    old: Option<Arc<Deployment>>,
    updates: Vec<DeploymentUpdate>,
    /// Whether all groups looked at so far are as they shall be.
    complete: bool,
    enabled: bool,
}

/// Returns how changes of a group roll out by a deployment: by nothing but a service's update block that paces anything.
pub fn strategy<'g>(job: &Job, group: &'g TaskGroup) -> Option<&'g UpdateStrategy> {
    let has_deployments = matches!(job.job_type, JobType::Service | JobType::System);
    group
        .update
        .as_ref()
        .filter(|update| has_deployments && update.max_parallel > 0 && !update.paced_by_stagger)
}

impl Rollout {
    /// Finds the deployment that counts, and cancels one that a stop or a newer version has made pointless.
    pub fn of(view: &Snapshot, key: &JobKey, job: Option<&Job>, enabled: bool) -> Self {
        let mut rollout = Self { complete: true, enabled, ..Self::default() };
        let Some(latest) = view.latest_deployment(key).filter(|_| enabled) else { return rollout };
        let mut cancel = |description: &str| {
            if latest.is_active() {
                rollout.updates.push(DeploymentUpdate {
                    deployment_id: latest.id,
                    status: DeploymentStatus::Cancelled,
                    description: description.to_owned(),
                });
            }
        };
        match job.filter(|job| !job.stop) {
            None => cancel(describe::STOPPED_JOB),
            Some(job) if !latest.is_of(job) => cancel(describe::NEWER_JOB),
            Some(_) => {
                let over =
                    matches!(latest.status, DeploymentStatus::Successful | DeploymentStatus::Cancelled);
                if !over {
                    rollout.current = Some((**latest).clone());
                    rollout.existed = true;
                }
            }
        }
        rollout.old = rollout.current.is_none().then(|| latest.clone());
        rollout
    }

    /// Returns the deployment of the present version.
    pub fn current(&self) -> Option<&Deployment> {
        self.current.as_ref()
    }

    /// Tells whether changes roll out by deployments at all.
    pub fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Tells whether somebody asked to wait.
    pub fn is_paused(&self) -> bool {
        let waits = [DeploymentStatus::Paused, DeploymentStatus::Pending, DeploymentStatus::Initializing];
        self.current().is_some_and(|current| waits.contains(&current.status))
    }

    /// Tells whether the present version has failed.
    pub fn has_failed(&self) -> bool {
        self.current().is_some_and(|current| current.status == DeploymentStatus::Failed)
    }

    /// Returns how far a group is in a deployment that was there before.
    pub fn known(&self, group: &str) -> Option<&DeploymentState> {
        self.current.as_ref().filter(|_| self.existed)?.groups.get(group)
    }

    /// Returns how far a group is, or where it begins.
    pub fn state_of(&self, job: &Job, group: &TaskGroup) -> DeploymentState {
        if let Some(known) = self.known(&group.name) {
            return known.clone();
        }
        let update = strategy(job, group);
        update.map_or_else(DeploymentState::default, |update| DeploymentState {
            auto_revert: update.auto_revert,
            auto_promote: update.auto_promote,
            progress_deadline: update.progress_deadline,
            ..DeploymentState::default()
        })
    }

    /// Returns the canaries that nobody will promote any more: of an older deployment, or of one that failed.
    pub fn unneeded_canaries(&self) -> BTreeSet<AllocId> {
        let failed = self.current().filter(|_| self.has_failed());
        let of = self.old.as_deref().into_iter().chain(failed);
        let groups = of.flat_map(|deployment| deployment.groups.values());
        groups.filter(|group| !group.promoted).flat_map(|group| &group.placed_canaries).copied().collect()
    }

    /// Returns the canaries of a group in the present deployment, promoted or not.
    pub fn canaries(&self, group: &str) -> BTreeSet<AllocId> {
        let known = self.known(group);
        known.into_iter().flat_map(|group| &group.placed_canaries).copied().collect()
    }

    /// Takes in how far a group is now. A deployment begins with the first group that `begins` one.
    pub fn take(
        &mut self,
        question: &Question<'_>,
        job: &Job,
        group: &TaskGroup,
        state: DeploymentState,
        begins: bool,
        rng: &mut dyn Rng,
    ) {
        if !self.enabled || strategy(job, group).is_none() {
            return;
        }
        if let Some(known) = self.current.as_mut().filter(|_| self.existed) {
            if let Some(before) = known.groups.get_mut(&group.name)
                && *before != state
            {
                *before = state;
                self.changed = true;
            }
            return;
        }
        if !begins || state.desired_total == 0 {
            return;
        }
        let current = self.current.get_or_insert_with(|| {
            Deployment::new(DeploymentId::random(rng), job, question.eval.priority, question.now)
        });
        current.groups.insert(group.name.clone(), state);
        self.changed = true;
    }

    /// Notes whether a group is as it shall be.
    pub fn note_complete(&mut self, complete: bool) {
        self.complete &= complete;
    }

    /// Ends it: what is to be written down, what the placements belong to, and what is over.
    pub fn finish(mut self) -> (Option<Deployment>, Option<Deployment>, Vec<DeploymentUpdate>) {
        if let Some(current) = self.current.as_mut().filter(|_| self.changed) {
            let described = if current.has_auto_promote() {
                Some(describe::AUTO_PROMOTION)
            } else {
                current.requires_promotion().then_some(describe::NEEDS_PROMOTION)
            };
            if let Some(described) = described.filter(|_| current.requires_promotion()) {
                current.status_description = described.to_owned();
            }
        }
        if let Some(current) = self.current.as_ref().filter(|current| self.existed && current.is_active())
            && self.complete
        {
            self.updates.push(DeploymentUpdate {
                deployment_id: current.id,
                status: DeploymentStatus::Successful,
                description: describe::SUCCESSFUL.to_owned(),
            });
        }
        let written = self.current.clone().filter(|_| self.changed);
        (written, self.current.filter(Deployment::is_active), self.updates)
    }
}
