//! Deployments.

use crate::api::wire::deployment::{Deployment, DeploymentState};
use crate::api::wire::time::GoTime;
use crate::model;

/// A deployment in full.
pub fn deployment(from: &model::Deployment) -> Deployment {
    Deployment {
        id: from.id.to_string(),
        namespace: from.job_key.namespace.clone(),
        job_id: from.job_key.id.clone(),
        job_version: from.job_version,
        job_modify_index: from.job_modify_index,
        job_spec_modify_index: from.job_spec_modify_index,
        job_create_index: from.job_create_index,
        is_multiregion: false,
        task_groups: from.groups.iter().map(|(name, group)| (name.clone(), state(group))).collect(),
        status: from.status.as_str().to_owned(),
        status_description: from.status_description.clone(),
        eval_priority: from.eval_priority,
        create_index: from.create_index,
        modify_index: from.modify_index,
        create_time: from.create_time.nanos(),
        modify_time: from.modify_time.nanos(),
    }
}

fn state(from: &model::DeploymentState) -> DeploymentState {
    DeploymentState {
        auto_revert: from.auto_revert,
        auto_promote: from.auto_promote,
        progress_deadline: i64::try_from(from.progress_deadline.as_nanos()).unwrap_or(i64::MAX),
        require_progress_by: GoTime(from.require_progress_by),
        promoted: from.promoted,
        placed_canaries: from.placed_canaries.iter().map(ToString::to_string).collect(),
        desired_canaries: from.desired_canaries,
        desired_total: from.desired_total,
        placed_allocs: from.placed,
        healthy_allocs: from.healthy,
        unhealthy_allocs: from.unhealthy,
    }
}
