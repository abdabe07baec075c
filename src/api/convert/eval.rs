//! Evaluations.

use super::id_or_empty;
use super::metric::metric;
use crate::api::wire::eval::{Evaluation, EvaluationStub};
use crate::api::wire::time::GoTime;
use crate::model;

/// An evaluation in full, related ones left out.
pub fn evaluation(from: &model::Evaluation) -> Evaluation {
    let failed = from.failed_groups.iter().map(|(group, seen)| (group.clone(), metric(seen)));
    Evaluation {
        id: from.id.to_string(),
        namespace: from.job_key.namespace.clone(),
        priority: from.priority,
        eval_type: from.job_type.as_str().to_owned(),
        triggered_by: from.trigger.as_str().to_owned(),
        job_id: from.job_key.id.clone(),
        job_modify_index: from.job_modify_index,
        node_id: id_or_empty(from.node_id),
        deployment_id: id_or_empty(from.deployment_id),
        status: from.status.as_str().to_owned(),
        status_description: from.status_description.clone(),
        wait_until: GoTime(from.wait_until),
        next_eval: id_or_empty(from.next_eval),
        previous_eval: id_or_empty(from.previous_eval),
        blocked_eval: id_or_empty(from.blocked_eval),
        failed_tg_allocs: failed.collect(),
        class_eligibility: from.class_eligibility.clone(),
        escaped_computed_class: from.escaped,
        queued_allocations: from.queued.clone(),
        snapshot_index: from.snapshot_index,
        create_index: from.create_index,
        modify_index: from.modify_index,
        create_time: from.create_time.nanos(),
        modify_time: from.modify_time.nanos(),
        ..Evaluation::default()
    }
}

/// An evaluation as seen from a related one.
pub fn stub(from: &model::Evaluation) -> EvaluationStub {
    EvaluationStub {
        id: from.id.to_string(),
        namespace: from.job_key.namespace.clone(),
        priority: from.priority,
        eval_type: from.job_type.as_str().to_owned(),
        triggered_by: from.trigger.as_str().to_owned(),
        job_id: from.job_key.id.clone(),
        node_id: id_or_empty(from.node_id),
        deployment_id: id_or_empty(from.deployment_id),
        status: from.status.as_str().to_owned(),
        status_description: from.status_description.clone(),
        wait_until: GoTime(from.wait_until),
        next_eval: id_or_empty(from.next_eval),
        previous_eval: id_or_empty(from.previous_eval),
        blocked_eval: id_or_empty(from.blocked_eval),
        create_index: from.create_index,
        modify_index: from.modify_index,
        create_time: from.create_time.nanos(),
        modify_time: from.modify_time.nanos(),
    }
}
