//! What commands do to deployments, and what allocations count for in them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{ApplyError, Change};
use crate::model::{
    AllocDeploymentStatus, AllocHealth, AllocId, Allocation, Deployment, DeploymentId, DeploymentStatus,
    DeploymentUpdate, JobKey, Timestamp,
};
use crate::state::watch::WatchKey;

impl Change<'_> {
    /// Returns a deployment that may still change.
    pub(super) fn active_deployment(&self, id: DeploymentId) -> Result<Deployment, ApplyError> {
        let known = self.state.deployments.get(&id).ok_or(ApplyError::DeploymentNotFound(id))?;
        if !known.is_active() {
            return Err(ApplyError::DeploymentEnded { id, status: known.status });
        }
        Ok((**known).clone())
    }

    /// Puts in a deployment that a plan begins or adds to. What allocations have counted for in it stays.
    pub(super) fn begin_deployment(&mut self, planned: &Deployment, time: Timestamp) {
        let mut deployment = planned.clone();
        deployment.create_index = self.index;
        deployment.create_time = time;
        if let Some(known) = self.state.deployments.get(&planned.id) {
            if !known.is_active() {
                return;
            }
            deployment.create_index = known.create_index;
            deployment.create_time = known.create_time;
            // The plan was made on an older state: what has become of the deployment since is not its business.
            deployment.status = known.status;
            for (name, known) in &known.groups {
                let wanted = deployment.groups.remove(name).unwrap_or_default();
                let mut group = known.clone();
                group.desired_canaries = wanted.desired_canaries.max(known.desired_canaries);
                group.desired_total = wanted.desired_total.max(known.desired_total);
                deployment.groups.insert(name.clone(), group);
            }
        }
        deployment.modify_time = time;
        self.put_deployment(deployment);
    }

    /// Gives a deployment a new status; a version whose rollout succeeded is stable.
    pub(super) fn set_deployment_status(
        &mut self,
        update: &DeploymentUpdate,
        time: Timestamp,
    ) -> Result<(), ApplyError> {
        let mut deployment = self.active_deployment(update.deployment_id)?;
        let is_resumed =
            deployment.status == DeploymentStatus::Paused && update.status == DeploymentStatus::Running;
        if is_resumed {
            // Nothing was meant to happen meanwhile.
            for group in deployment.groups.values_mut().filter(|group| !group.progress_deadline.is_zero()) {
                group.require_progress_by = group.require_progress_by.max(time + group.progress_deadline);
            }
        }
        deployment.status = update.status;
        deployment.status_description.clone_from(&update.description);
        deployment.modify_time = time;
        if update.status == DeploymentStatus::Successful {
            let is_same_job = self
                .state
                .jobs
                .get(&deployment.job_key)
                .is_some_and(|job| job.create_index == deployment.job_create_index);
            if is_same_job {
                self.set_stability(&deployment.job_key.clone(), deployment.job_version, true);
            }
        }
        self.put_deployment(deployment);
        Ok(())
    }

    /// Promotes the canaries of `groups`, of all groups when nothing is said.
    ///
    /// # Errors
    /// When there are none, or not enough of them are healthy.
    pub(super) fn promote(
        &mut self,
        id: DeploymentId,
        groups: Option<&[String]>,
        time: Timestamp,
    ) -> Result<(), ApplyError> {
        let mut deployment = self.active_deployment(id)?;
        let mut canaries: BTreeSet<AllocId> = BTreeSet::new();
        let mut any = false;
        for (name, group) in &mut deployment.groups {
            let is_meant = groups.is_none_or(|groups| groups.contains(name));
            if !is_meant || group.desired_canaries == 0 {
                continue;
            }
            any = true;
            let healthy = group.placed_canaries.iter().filter(|id| {
                let alloc = self.state.allocs.get(id);
                alloc.is_some_and(|alloc| !alloc.is_terminal() && alloc.health() == Some(true))
            });
            let healthy = u32::try_from(healthy.count()).unwrap_or(u32::MAX);
            if healthy < group.desired_canaries {
                let wanted = group.desired_canaries;
                return Err(ApplyError::CanariesUnhealthy { group: name.clone(), healthy, wanted });
            }
            group.promoted = true;
            canaries.extend(&group.placed_canaries);
        }
        if !any {
            return Err(ApplyError::NoCanaries(id));
        }
        if !deployment.groups.values().any(crate::model::DeploymentState::is_canarying) {
            deployment.status_description = crate::model::deployment::describe::RUNNING.to_owned();
        }
        deployment.modify_time = time;
        self.put_deployment(deployment);
        for id in canaries {
            let Some(known) = self.state.allocs.get(&id).filter(|alloc| alloc.is_canary()) else { continue };
            let mut alloc = (**known).clone();
            if let Some(status) = &mut alloc.deployment_status {
                status.canary = false;
                status.modify_index = self.index;
            }
            alloc.modify_time = time;
            alloc.alloc_modify_index = self.index;
            self.put_alloc(alloc);
        }
        Ok(())
    }

    /// Notes somebody's word on the health of allocations of a deployment.
    pub(super) fn set_health(
        &mut self,
        id: DeploymentId,
        healthy: &[AllocId],
        unhealthy: &[AllocId],
        time: Timestamp,
    ) -> Result<(), ApplyError> {
        self.active_deployment(id)?;
        let said = healthy.iter().map(|id| (id, true)).chain(unhealthy.iter().map(|id| (id, false)));
        for (alloc_id, healthy) in said {
            let known = self.state.allocs.get(alloc_id).ok_or(ApplyError::AllocNotFound(*alloc_id))?;
            if known.deployment_id != Some(id) {
                return Err(ApplyError::AllocNotOfDeployment { alloc: *alloc_id, deployment: id });
            }
            let before = known.clone();
            let mut alloc = (**known).clone();
            self.take_health(&mut alloc, AllocHealth { healthy, time });
            alloc.modify_time = time;
            alloc.alloc_modify_index = self.index;
            self.count_health(&before, &alloc, time);
            self.put_alloc(alloc);
        }
        Ok(())
    }

    /// Writes a report of health on an allocation.
    pub(super) fn take_health(&self, alloc: &mut Allocation, health: AllocHealth) {
        let status = alloc.deployment_status.get_or_insert_with(AllocDeploymentStatus::default);
        if status.healthy != Some(health.healthy) {
            status.healthy = Some(health.healthy);
            status.timestamp = health.time;
            status.modify_index = self.index;
        }
    }

    /// Counts a new allocation, or one that became part of another deployment, for its deployment.
    pub(super) fn count_placed(&mut self, alloc: &Allocation, time: Timestamp) {
        let canary = alloc.is_canary().then_some(alloc.id);
        self.count(alloc, time, |group| {
            group.placed += 1;
            group.placed_canaries.extend(canary.filter(|id| !group.placed_canaries.contains(id)));
            if group.require_progress_by == Timestamp::NEVER && !group.progress_deadline.is_zero() {
                group.require_progress_by = time + group.progress_deadline;
            }
        });
        if alloc.health().is_some() {
            let before = Allocation { deployment_status: None, ..alloc.clone() };
            self.count_health(&before, alloc, time);
        }
    }

    /// Counts a change of health for the deployment. A healthy one gives the others more time.
    pub(super) fn count_health(&mut self, before: &Allocation, after: &Allocation, time: Timestamp) {
        let (was, is) = (before.health(), after.health());
        if was == is || before.deployment_id != after.deployment_id {
            return;
        }
        let since = after.deployment_status.as_ref().map_or(time, |status| status.timestamp);
        self.count(after, time, |group| {
            match was {
                Some(true) => group.healthy = group.healthy.saturating_sub(1),
                Some(false) => group.unhealthy = group.unhealthy.saturating_sub(1),
                None => {}
            }
            match is {
                Some(true) => {
                    group.healthy += 1;
                    if !group.progress_deadline.is_zero() {
                        let by = since + group.progress_deadline;
                        group.require_progress_by = group.require_progress_by.max(by);
                    }
                }
                Some(false) => group.unhealthy += 1,
                None => {}
            }
        });
    }

    fn count(
        &mut self,
        alloc: &Allocation,
        time: Timestamp,
        change: impl FnOnce(&mut crate::model::DeploymentState),
    ) {
        let Some(id) = alloc.deployment_id else { return };
        let Some(known) = self.state.deployments.get(&id).filter(|known| known.is_active()) else { return };
        let mut deployment = (**known).clone();
        let Some(group) = deployment.groups.get_mut(&alloc.group) else { return };
        change(group);
        deployment.modify_time = time;
        self.put_deployment(deployment);
    }

    /// Says of one version of a job whether it is stable.
    pub(super) fn set_stability(&mut self, key: &JobKey, version: u64, stable: bool) {
        let Some(known) = self.state.jobs.version(key, version) else { return };
        if known.stable == stable {
            return;
        }
        let mut job = (**known).clone();
        job.stable = stable;
        job.modify_index = self.index;
        self.woken.extend([WatchKey::Jobs, WatchKey::Job(key.clone())]);
        self.state.jobs.put_version(Arc::new(job), self.index);
    }

    pub(super) fn put_deployment(&mut self, mut deployment: Deployment) {
        deployment.modify_index = self.index;
        self.woken.extend([
            WatchKey::Deployments,
            WatchKey::Deployment(deployment.id),
            WatchKey::JobDeployments(deployment.job_key.clone()),
        ]);
        self.state.deployments.put(Arc::new(deployment), self.index);
    }
}
