//! The canonical node, job and allocation for tests: what a test sets on them is what matters to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::node::{Eligibility, NodeStatus};
use crate::model::resources::{AllocatedResources, NodeResources, ReservedResources};
use crate::model::{
    AllocId, AllocatedTaskResources, Allocation, ClientStatus, DesiredStatus, DesiredTransition, EvalId, Job,
    JobStatus, Node, NodeId, Task, TaskGroup, Timestamp,
};

/// Returns a ready node.
pub fn node() -> Node {
    Node {
        id: NodeId(uuid::Uuid::from_u128(1)),
        secret_id: "secret".to_owned(),
        name: "node-1".to_owned(),
        datacenter: "dc1".to_owned(),
        class: String::new(),
        pool: "default".to_owned(),
        http_addr: String::new(),
        attributes: BTreeMap::new(),
        meta: BTreeMap::new(),
        resources: NodeResources::default(),
        reserved: ReservedResources::default(),
        drivers: BTreeMap::new(),
        host_volumes: BTreeMap::new(),
        status: NodeStatus::Ready,
        status_description: String::new(),
        eligibility: Eligibility::Eligible,
        drain: None,
        status_updated_at: Timestamp::NEVER,
        create_index: 0,
        modify_index: 0,
    }
}

/// Returns a service job with one group and one task, all of that name.
pub fn job(name: &str, driver: &str) -> Job {
    let task = Task { name: name.to_owned(), driver: driver.to_owned(), ..Task::default() };
    let group = TaskGroup { name: name.to_owned(), tasks: vec![task], ..TaskGroup::default() };
    Job {
        region: "global".to_owned(),
        namespace: "default".to_owned(),
        id: name.to_owned(),
        name: name.to_owned(),
        datacenters: vec!["*".to_owned()],
        node_pool: "default".to_owned(),
        groups: vec![group],
        status: JobStatus::Running,
        ..Job::default()
    }
}

/// Returns an allocation of such a job.
pub fn alloc(name: &str, driver: &str) -> Allocation {
    let job = job(name, driver);
    Allocation {
        id: AllocId(uuid::Uuid::from_u128(7)),
        eval_id: EvalId(uuid::Uuid::from_u128(8)),
        name: Allocation::name_of(name, name, 0),
        node_id: node().id,
        node_name: node().name,
        job_key: job.key(),
        group: name.to_owned(),
        resources: AllocatedResources {
            tasks: [(
                name.to_owned(),
                AllocatedTaskResources { cpu_mhz: 100, memory_mb: 300, ..AllocatedTaskResources::default() },
            )]
            .into(),
            shared_disk_mb: 300,
            shared_networks: Vec::new(),
        }
        .into(),
        job: Arc::new(job),
        metric: Arc::default(),
        desired_status: DesiredStatus::Run,
        desired_description: String::new(),
        client_status: ClientStatus::Pending,
        client_description: String::new(),
        task_states: BTreeMap::new(),
        previous: None,
        next: None,
        preempted_by: None,
        preempted: Vec::new(),
        deployment_id: None,
        deployment_status: None,
        desired_transition: DesiredTransition::default(),
        reschedule_tracker: None,
        follow_up_eval: None,
        states: Vec::new(),
        create_time: Timestamp::NEVER,
        modify_time: Timestamp::NEVER,
        create_index: 10,
        modify_index: 10,
        alloc_modify_index: 10,
    }
}
