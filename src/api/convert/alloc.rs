//! Allocations.

use std::collections::BTreeMap;

use super::id_or_empty;
use super::metric::metric;
use super::resources::{networks, resources};
use crate::api::wire::alloc::{
    AllocDeploymentStatus, AllocStub, AllocatedCpu, AllocatedMemory, AllocatedResources,
    AllocatedSharedResources, AllocatedTaskResources, Allocation, DesiredTransition, PortMapping,
    RescheduleEvent, RescheduleTracker, TaskEvent, TaskState,
};
use crate::api::wire::time::GoTime;
use crate::api::wire::{Resources, Unset};
use crate::model;

/// An allocation in full, its job included.
pub fn allocation(from: &model::Allocation) -> Allocation {
    Allocation {
        id: from.id.to_string(),
        namespace: from.job_key.namespace.clone(),
        eval_id: from.eval_id.to_string(),
        name: from.name.clone(),
        node_id: from.node_id.to_string(),
        node_name: from.node_name.clone(),
        job_id: from.job_key.id.clone(),
        job: Some(from.job.clone()),
        task_group: from.group.clone(),
        resources: Some(total_2016(&from.resources)),
        shared_resources: Some(shared_2016(&from.resources)),
        task_resources: from
            .resources
            .tasks
            .iter()
            .map(|(task, held)| (task.clone(), resources(held)))
            .collect(),
        allocated_resources: Some(allocated(&from.resources)),
        metrics: Some(metric(&from.metric)),
        desired_status: from.desired_status.as_str().to_owned(),
        desired_description: from.desired_description.clone(),
        desired_transition: desired_transition(from),
        client_status: from.client_status.as_str().to_owned(),
        client_description: from.client_description.clone(),
        task_states: task_states(from),
        deployment_id: id_or_empty(from.deployment_id),
        deployment_status: deployment_status(from),
        followup_eval_id: id_or_empty(from.follow_up_eval),
        reschedule_tracker: reschedule_tracker(from),
        previous_allocation: id_or_empty(from.previous),
        next_allocation: id_or_empty(from.next),
        create_index: from.create_index,
        modify_index: from.modify_index,
        alloc_modify_index: from.alloc_modify_index,
        create_time: from.create_time.nanos(),
        modify_time: from.modify_time.nanos(),
        ..Allocation::default()
    }
}

/// An allocation in a list, with resources and task states if they are wanted.
pub fn stub(from: &model::Allocation, with_resources: bool, with_task_states: bool) -> AllocStub {
    AllocStub {
        id: from.id.to_string(),
        eval_id: from.eval_id.to_string(),
        name: from.name.clone(),
        namespace: from.job_key.namespace.clone(),
        node_id: from.node_id.to_string(),
        node_name: from.node_name.clone(),
        job_id: from.job_key.id.clone(),
        job_type: from.job.job_type.as_str().to_owned(),
        job_version: from.job.version,
        task_group: from.group.clone(),
        allocated_resources: with_resources.then(|| allocated(&from.resources)),
        desired_status: from.desired_status.as_str().to_owned(),
        desired_description: from.desired_description.clone(),
        desired_transition: desired_transition(from),
        client_status: from.client_status.as_str().to_owned(),
        client_description: from.client_description.clone(),
        task_states: if with_task_states { task_states(from) } else { BTreeMap::new() },
        deployment_status: deployment_status(from),
        followup_eval_id: id_or_empty(from.follow_up_eval),
        reschedule_tracker: reschedule_tracker(from),
        next_allocation: id_or_empty(from.next),
        create_index: from.create_index,
        modify_index: from.modify_index,
        create_time: from.create_time.nanos(),
        modify_time: from.modify_time.nanos(),
        ..AllocStub::default()
    }
}

fn total_2016(from: &model::AllocatedResources) -> Resources {
    let all: Vec<model::Network> = from.networks().cloned().collect();
    Resources {
        cpu: i64::try_from(from.cpu_mhz()).unwrap_or(i64::MAX),
        memory_mb: i64::try_from(from.memory_mb()).unwrap_or(i64::MAX),
        disk_mb: i64::try_from(from.disk_mb()).unwrap_or(i64::MAX),
        networks: networks(&all),
        ..Resources::default()
    }
}

fn shared_2016(from: &model::AllocatedResources) -> Resources {
    Resources {
        disk_mb: from.shared_disk_mb.into(),
        networks: networks(&from.shared_networks),
        ..Resources::default()
    }
}

fn allocated(from: &model::AllocatedResources) -> AllocatedResources {
    let task = |held: &model::AllocatedTaskResources| AllocatedTaskResources {
        cpu: AllocatedCpu { cpu_shares: held.cpu_mhz.into(), ..AllocatedCpu::default() },
        memory: AllocatedMemory { memory_mb: held.memory_mb.into(), ..AllocatedMemory::default() },
        networks: networks(&held.networks),
        ..AllocatedTaskResources::default()
    };
    AllocatedResources {
        tasks: from.tasks.iter().map(|(name, held)| (name.clone(), task(held))).collect(),
        task_lifecycles: from.tasks.keys().map(|name| (name.clone(), Unset)).collect(),
        shared: AllocatedSharedResources {
            disk_mb: from.shared_disk_mb.into(),
            networks: networks(&from.shared_networks),
            ports: from.shared_networks.iter().flat_map(port_mappings).collect(),
        },
    }
}

fn desired_transition(from: &model::Allocation) -> DesiredTransition {
    let wanted = from.desired_transition;
    DesiredTransition {
        migrate: wanted.migrate,
        reschedule: wanted.reschedule,
        force_reschedule: wanted.force_reschedule,
    }
}

fn deployment_status(from: &model::Allocation) -> Option<AllocDeploymentStatus> {
    let status = from.deployment_status.as_ref()?;
    Some(AllocDeploymentStatus {
        healthy: status.healthy,
        timestamp: GoTime(status.timestamp),
        canary: status.canary,
        modify_index: status.modify_index,
    })
}

fn reschedule_tracker(from: &model::Allocation) -> Option<RescheduleTracker> {
    let event = |event: &model::RescheduleEvent| RescheduleEvent {
        reschedule_time: event.time.nanos(),
        prev_alloc_id: event.previous_alloc.to_string(),
        prev_node_id: event.previous_node.to_string(),
        delay: i64::try_from(event.delay.as_nanos()).unwrap_or(i64::MAX),
    };
    let tracker = from.reschedule_tracker.as_ref()?;
    Some(RescheduleTracker {
        events: tracker.events.iter().map(event).collect(),
        ..RescheduleTracker::default()
    })
}

fn port_mappings(network: &model::Network) -> impl Iterator<Item = PortMapping> {
    network.reserved_ports.iter().chain(&network.dynamic_ports).map(|port| PortMapping {
        label: port.label.clone(),
        value: port.value,
        to: port.to,
        host_ip: network.ip.map(|ip| ip.to_string()).unwrap_or_default(),
    })
}

fn task_states(from: &model::Allocation) -> BTreeMap<String, TaskState> {
    from.task_states.iter().map(|(task, state)| (task.clone(), task_state(state))).collect()
}

fn task_state(from: &model::TaskState) -> TaskState {
    TaskState {
        state: from.state.as_str().to_owned(),
        failed: from.failed,
        restarts: from.restarts,
        last_restart: GoTime(from.last_restart),
        started_at: GoTime(from.started_at),
        finished_at: GoTime(from.finished_at),
        events: from.events.iter().map(task_event).collect(),
        ..TaskState::default()
    }
}

fn task_event(from: &model::TaskEvent) -> TaskEvent {
    let detail = |name: &str| from.details.get(name).cloned().unwrap_or_default();
    let number = |name: &str| from.details.get(name).and_then(|value| value.parse().ok()).unwrap_or_default();
    TaskEvent {
        event_type: from.kind.clone(),
        time: from.time.nanos(),
        display_message: from.message.clone(),
        details: from.details.clone(),
        message: from.message.clone(),
        fails_task: detail("fails_task") == "true",
        restart_reason: detail("restart_reason"),
        driver_error: detail("driver_error"),
        driver_message: detail("driver_message"),
        exit_code: number("exit_code"),
        signal: number("signal"),
        start_delay: number("start_delay"),
        ..TaskEvent::default()
    }
}
