//! Jobs.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::wire::job::{JobStub, JobSummary, ScaleStatus, TaskGroupScaleStatus, TaskGroupSummary};
use crate::model;
use crate::model::ClientStatus;

/// A job in a list, with its summary.
pub fn stub(from: &model::Job, summary: JobSummary) -> JobStub {
    JobStub {
        id: from.id.clone(),
        name: from.name.clone(),
        namespace: from.namespace.clone(),
        datacenters: from.datacenters.clone(),
        node_pool: from.node_pool.clone(),
        job_type: from.job_type.as_str().to_owned(),
        priority: from.priority,
        stop: from.stop,
        status: from.status.as_str().to_owned(),
        job_summary: Some(summary),
        create_index: from.create_index,
        modify_index: from.modify_index,
        job_modify_index: from.job_modify_index,
        submit_time: from.submit_time.nanos(),
        ..JobStub::default()
    }
}

/// Counts a job's allocations and what its last scheduled evaluation left to place.
///
/// Both are all there are of the job, in any order.
pub fn summary<'a>(
    job: &model::Job,
    allocs: impl Iterator<Item = &'a Arc<model::Allocation>>,
    evals: impl Iterator<Item = &'a Arc<model::Evaluation>>,
) -> JobSummary {
    let mut groups: BTreeMap<String, TaskGroupSummary> =
        job.groups.iter().map(|group| (group.name.clone(), TaskGroupSummary::default())).collect();
    let mut modify_index = job.modify_index;
    for alloc in allocs {
        modify_index = modify_index.max(alloc.modify_index);
        let counts = groups.entry(alloc.group.clone()).or_default();
        match alloc.client_status {
            ClientStatus::Pending => counts.starting += 1,
            ClientStatus::Running => counts.running += 1,
            ClientStatus::Complete => counts.complete += 1,
            ClientStatus::Failed => counts.failed += 1,
            ClientStatus::Lost => counts.lost += 1,
            ClientStatus::Unknown => counts.unknown += 1,
        }
    }
    let scheduled =
        evals.filter(|eval| !eval.queued.is_empty()).max_by_key(|eval| (eval.modify_index, eval.id));
    if let Some(eval) = scheduled.filter(|_| !job.stop) {
        modify_index = modify_index.max(eval.modify_index);
        for (group, queued) in &eval.queued {
            groups.entry(group.clone()).or_default().queued = *queued;
        }
    }
    JobSummary {
        job_id: job.id.clone(),
        namespace: job.namespace.clone(),
        summary: groups,
        create_index: job.create_index,
        modify_index,
        ..JobSummary::default()
    }
}

/// Counts how many instances of each group are wanted and there.
pub fn scale_status<'a>(
    job: &model::Job,
    allocs: impl Iterator<Item = &'a Arc<model::Allocation>>,
) -> ScaleStatus {
    let desired = |group: &model::TaskGroup| if job.stop { 0 } else { group.count };
    let mut groups: BTreeMap<String, TaskGroupScaleStatus> = job
        .groups
        .iter()
        .map(|group| {
            (group.name.clone(), TaskGroupScaleStatus { desired: desired(group), ..Default::default() })
        })
        .collect();
    for alloc in allocs.filter(|alloc| !alloc.is_terminal()) {
        let Some(counts) = groups.get_mut(&alloc.group) else { continue };
        counts.placed += 1;
        if alloc.client_status == ClientStatus::Running {
            counts.running += 1;
        }
    }
    ScaleStatus {
        job_id: job.id.clone(),
        namespace: job.namespace.clone(),
        job_create_index: job.create_index,
        job_modify_index: job.job_modify_index,
        job_stopped: job.stop,
        task_groups: groups,
    }
}
