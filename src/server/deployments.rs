//! What people ask for about deployments and versions of jobs.

use super::Server;
use super::deployment_watcher::{self, Failure};
use super::error::ServerError;
use super::jobs::Registered;
use crate::model::deployment::describe;
use crate::model::{
    AllocId, Deployment, DeploymentId, DeploymentStatus, DeploymentUpdate, EvalId, Evaluation, Job, JobKey,
    Trigger,
};
use crate::state::{Command, Snapshot};

/// What became of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentChanged {
    /// The evaluation that goes on from there.
    pub eval_id: Option<EvalId>,
    /// The version its job goes back to.
    pub reverted_to: Option<u64>,
    /// Log index of the write.
    pub index: u64,
}

impl Server {
    /// Promotes the canaries of `groups`, of all groups when nothing is said.
    ///
    /// # Errors
    /// [`ServerError::DeploymentNotFound`], [`ServerError::DeploymentEnded`], [`ServerError::Invalid`] when there are no
    /// canaries or one is not healthy, and what a write can meet.
    pub async fn promote_deployment(
        &self,
        deployment_id: DeploymentId,
        groups: Option<Vec<String>>,
    ) -> Result<DeploymentChanged, ServerError> {
        let view = self.store().snapshot();
        let deployment = active(&view, deployment_id, "promote")?;
        if let Some(unknown) =
            groups.iter().flatten().find(|group| !deployment.groups.contains_key(group.as_str()))
        {
            let known: Vec<&str> = deployment.groups.keys().map(String::as_str).collect();
            return Err(ServerError::Invalid(format!(
                "deployment {deployment_id} has no group {unknown:?}; it has {}",
                known.join(", ")
            )));
        }
        let eval = self.eval_for_deployment(&view, &deployment);
        let time = self.env().now();
        let changed = changed(eval.as_ref(), None);
        let index = self.propose(&Command::DeploymentPromote { deployment_id, groups, time, eval }).await?;
        Ok(DeploymentChanged { index, ..changed })
    }

    /// Makes a deployment fail; its job goes back to the last stable version if a group says so.
    ///
    /// # Errors
    /// [`ServerError::DeploymentNotFound`], [`ServerError::DeploymentEnded`], and what a write can meet.
    pub async fn fail_deployment(
        &self,
        deployment_id: DeploymentId,
    ) -> Result<DeploymentChanged, ServerError> {
        let view = self.store().snapshot();
        let deployment = active(&view, deployment_id, "fail")?;
        let reverts = deployment.groups.values().any(|group| group.auto_revert);
        let Failure { description, revert, .. } =
            deployment_watcher::fail(&view, &deployment, describe::FAILED_BY_USER, reverts);
        let update = DeploymentUpdate { deployment_id, status: DeploymentStatus::Failed, description };
        self.set_deployment_status(&view, &deployment, update, revert).await
    }

    /// Lets a deployment wait, or go on.
    ///
    /// # Errors
    /// [`ServerError::DeploymentNotFound`], [`ServerError::DeploymentEnded`], and what a write can meet.
    pub async fn pause_deployment(
        &self,
        deployment_id: DeploymentId,
        pause: bool,
    ) -> Result<DeploymentChanged, ServerError> {
        let view = self.store().snapshot();
        let deployment = active(&view, deployment_id, if pause { "pause" } else { "resume" })?;
        let (status, description) = match pause {
            true => (DeploymentStatus::Paused, describe::PAUSED),
            false if deployment.groups.values().any(|group| group.is_canarying()) => {
                let goes_on_alone =
                    deployment.groups.values().all(|group| group.desired_canaries == 0 || group.auto_promote);
                let words = if goes_on_alone { describe::AUTO_PROMOTION } else { describe::NEEDS_PROMOTION };
                (DeploymentStatus::Running, words)
            }
            false => (DeploymentStatus::Running, describe::RUNNING),
        };
        let update = DeploymentUpdate { deployment_id, status, description: description.to_owned() };
        self.set_deployment_status(&view, &deployment, update, None).await
    }

    /// Takes a person's word on the health of allocations; one that is not makes the deployment fail.
    ///
    /// # Errors
    /// [`ServerError::DeploymentNotFound`]; [`ServerError::Invalid`] when the deployment has ended, or an allocation is not
    /// part of it; and what a write can meet.
    pub async fn set_alloc_health(
        &self,
        deployment_id: DeploymentId,
        healthy: Vec<AllocId>,
        unhealthy: Vec<AllocId>,
    ) -> Result<DeploymentChanged, ServerError> {
        let view = self.store().snapshot();
        let deployment = view.deployment(&deployment_id).ok_or(ServerError::DeploymentNotFound)?;
        if !deployment.is_active() {
            // Clients match on the text.
            let text = "can't set health of allocations for a terminal deployment";
            return Err(ServerError::Internal(text.to_owned()));
        }
        let (update, revert) = match unhealthy.is_empty() {
            true => (None, None),
            false => {
                let failure = unwell(&view, deployment, &unhealthy);
                let (status, description) = (DeploymentStatus::Failed, failure.description);
                (Some(DeploymentUpdate { deployment_id, status, description }), failure.revert)
            }
        };
        let time = self.env().now();
        let revert = revert.map(|job| Box::new(Job { submit_time: time, ..job }));
        let eval = self.eval_for_deployment(&view, deployment);
        let changed = changed(eval.as_ref(), revert.as_deref());
        let command =
            Command::DeploymentAllocHealth { deployment_id, healthy, unhealthy, update, revert, time, eval };
        let index = self.propose(&command).await?;
        Ok(DeploymentChanged { index, ..changed })
    }

    /// Submits an older version of a job anew. With `enforce_prior` its current version must be that one.
    ///
    /// # Errors
    /// [`ServerError::JobNotFound`], [`ServerError::Invalid`] when there is no such version or another one is current, and
    /// what a write can meet.
    pub async fn revert_job(
        &self,
        key: &JobKey,
        version: u64,
        enforce_prior: Option<u64>,
    ) -> Result<Registered, ServerError> {
        let view = self.store().snapshot();
        let current = view.job(key).ok_or_else(|| ServerError::JobNotFound(key.clone()))?;
        if let Some(wanted) = enforce_prior.filter(|wanted| *wanted != current.version) {
            return Err(ServerError::Invalid(format!(
                "Current job has version {}; enforcing version {wanted}",
                current.version
            )));
        }
        if version == current.version {
            return Err(ServerError::Invalid("can't revert to current version".to_owned()));
        }
        let Some(job) = view.job_version(key, version) else {
            return Err(ServerError::Invalid(format!("job {key} at version {version} not found")));
        };
        self.register((**job).clone(), Some(current.job_modify_index), Trigger::JobRegister).await
    }

    /// Says of a version of a job whether it is stable; returns the log index of the write.
    ///
    /// # Errors
    /// [`ServerError::JobNotFound`], [`ServerError::Invalid`] when there is no such version, and what a write can meet.
    pub async fn set_job_stability(
        &self,
        key: &JobKey,
        version: u64,
        stable: bool,
    ) -> Result<u64, ServerError> {
        let view = self.store().snapshot();
        view.job(key).ok_or_else(|| ServerError::JobNotFound(key.clone()))?;
        self.propose(&Command::JobStability { key: key.clone(), version, stable }).await
    }

    async fn set_deployment_status(
        &self,
        view: &Snapshot,
        deployment: &Deployment,
        update: DeploymentUpdate,
        revert: Option<Job>,
    ) -> Result<DeploymentChanged, ServerError> {
        let time = self.env().now();
        let revert = revert.map(|job| Box::new(Job { submit_time: time, ..job }));
        // One that waits has nothing to look at.
        let eval = match update.status {
            DeploymentStatus::Paused => None,
            _ => self.eval_for_deployment(view, deployment),
        };
        let changed = changed(eval.as_ref(), revert.as_deref());
        let index = self.propose(&Command::DeploymentStatusUpdate { update, revert, time, eval }).await?;
        Ok(DeploymentChanged { index, ..changed })
    }
}

fn active(
    view: &Snapshot,
    id: DeploymentId,
    verb: &'static str,
) -> Result<std::sync::Arc<Deployment>, ServerError> {
    let deployment = view.deployment(&id).ok_or(ServerError::DeploymentNotFound)?;
    if deployment.is_active() { Ok(deployment.clone()) } else { Err(ServerError::DeploymentEnded { verb }) }
}

/// Describes the end of a deployment of which a person says that these allocations are not healthy.
fn unwell(view: &Snapshot, deployment: &Deployment, allocs: &[AllocId]) -> Failure {
    let mut groups = allocs.iter().filter_map(|id| view.alloc(id)).map(|alloc| &alloc.group);
    let reverts = groups.any(|name| deployment.groups.get(name).is_some_and(|group| group.auto_revert));
    deployment_watcher::fail(view, deployment, describe::FAILED_ALLOCS, reverts)
}

fn changed(eval: Option<&Evaluation>, revert: Option<&Job>) -> DeploymentChanged {
    let reverted_to = revert.map(|job| job.version);
    DeploymentChanged { eval_id: eval.map(|eval| eval.id), reverted_to, index: 0 }
}
