//! Deployments, also by job.

use std::sync::Arc;

use imbl::OrdMap;

use super::Grouped;
use crate::model::{Deployment, DeploymentId, JobKey};

/// All deployments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deployments {
    by_id: OrdMap<DeploymentId, Arc<Deployment>>,
    by_job: Grouped<JobKey, DeploymentId, Deployment>,
    /// Log index of the last change of any deployment.
    pub(in crate::state) index: u64,
}

impl Deployments {
    /// Returns a deployment.
    pub fn get(&self, id: &DeploymentId) -> Option<&Arc<Deployment>> {
        self.by_id.get(id)
    }

    /// Returns all deployments in id order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        self.by_id.values()
    }

    /// Returns a job's deployments in id order.
    pub fn of_job(&self, key: &JobKey) -> impl Iterator<Item = &Arc<Deployment>> {
        super::of(&self.by_job, key)
    }

    pub(in crate::state) fn put(&mut self, deployment: Arc<Deployment>, index: u64) {
        super::insert(&mut self.by_job, deployment.job_key.clone(), deployment.id, deployment.clone());
        self.by_id.insert(deployment.id, deployment);
        self.index = index;
    }
}
