//! Jobs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::nanos;
use super::resources::{networks, resources};
use crate::api::wire::job::{
    Constraint, EphemeralDisk, Job, JobStub, JobSummary, LogConfig, RestartPolicy, ScaleStatus, Service,
    ServiceCheck, Task, TaskGroup, TaskGroupScaleStatus, TaskGroupSummary, UpdateStrategy,
};
use crate::model;
use crate::model::ClientStatus;

/// A job in full.
pub fn job(from: &model::Job) -> Job {
    Job {
        region: from.region.clone(),
        namespace: from.namespace.clone(),
        id: from.id.clone(),
        name: from.name.clone(),
        job_type: from.job_type.as_str().to_owned(),
        priority: from.priority,
        all_at_once: from.all_at_once,
        datacenters: from.datacenters.clone(),
        node_pool: from.node_pool.clone(),
        constraints: constraints(&from.constraints),
        task_groups: from.groups.iter().map(group).collect(),
        update: from.update.as_ref().map(update),
        meta: from.meta.clone(),
        stop: from.stop,
        status: from.status.as_str().to_owned(),
        version: from.version,
        submit_time: from.submit_time.nanos(),
        create_index: from.create_index,
        modify_index: from.modify_index,
        job_modify_index: from.job_modify_index,
        ..Job::default()
    }
}

fn group(from: &model::TaskGroup) -> TaskGroup {
    TaskGroup {
        name: from.name.clone(),
        count: from.count,
        constraints: constraints(&from.constraints),
        tasks: from.tasks.iter().map(task).collect(),
        restart_policy: restart(&from.restart),
        ephemeral_disk: EphemeralDisk { size_mb: from.ephemeral_disk_mb, ..EphemeralDisk::default() },
        update: from.update.as_ref().map(update),
        networks: networks(&from.networks),
        meta: from.meta.clone(),
        ..TaskGroup::default()
    }
}

fn task(from: &model::Task) -> Task {
    Task {
        name: from.name.clone(),
        driver: from.driver.clone(),
        user: from.user.clone(),
        config: from.config.clone(),
        constraints: constraints(&from.constraints),
        env: from.env.clone(),
        services: from.services.iter().map(service).collect(),
        resources: resources(&from.resources),
        meta: from.meta.clone(),
        kill_timeout: nanos(from.kill_timeout),
        kill_signal: from.kill_signal.clone(),
        log_config: LogConfig {
            max_files: from.logs.max_files,
            max_file_size_mb: from.logs.max_file_size_mb,
            disabled: false,
        },
        ..Task::default()
    }
}

fn constraints(from: &[model::Constraint]) -> Vec<Constraint> {
    let one = |from: &model::Constraint| Constraint {
        left: from.left.clone(),
        right: from.right.clone(),
        operand: from.operator.as_str().to_owned(),
    };
    from.iter().map(one).collect()
}

fn service(from: &model::job::Service) -> Service {
    Service {
        name: from.name.clone(),
        port_label: from.port.clone(),
        tags: from.tags.clone(),
        checks: from.checks.iter().map(check).collect(),
    }
}

fn check(from: &model::job::Check) -> ServiceCheck {
    ServiceCheck {
        name: from.name.clone(),
        check_type: from.check_type.clone(),
        path: from.path.clone(),
        interval: nanos(from.interval),
        timeout: nanos(from.timeout),
    }
}

fn restart(from: &model::RestartPolicy) -> RestartPolicy {
    RestartPolicy {
        attempts: from.attempts,
        interval: nanos(from.interval),
        delay: nanos(from.delay),
        mode: from.mode.as_str().to_owned(),
        on_success: from.on_success,
    }
}

fn update(from: &model::UpdateStrategy) -> UpdateStrategy {
    UpdateStrategy {
        stagger: nanos(from.stagger),
        max_parallel: from.max_parallel,
        ..UpdateStrategy::default()
    }
}

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
