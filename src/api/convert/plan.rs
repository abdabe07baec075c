//! Plans that are only thought of, and explanations.

use std::collections::BTreeMap;

use super::{alloc, eval, metric};
use crate::api::wire::GoTime;
use crate::api::wire::plan::{
    DesiredUpdates, Explanation, JobPlanResponse, Move, NodeExplanation, NodePlanResponse, PlanAnnotations,
    Preemptable, Reason, Shortfall, WayOut,
};
use crate::jobspec::diff::{self, diff as compare};
use crate::model::Timestamp;
use crate::model::plan as model;
use crate::scheduler::dry_run::{JobPlan, NodePlan, Outcome};
use crate::scheduler::explain::{self, FilterKind, Place};

/// What running a job would change; with `differs` the difference is told as well.
pub fn job(from: &JobPlan, differs: bool, explanations: &[explain::Explanation]) -> JobPlanResponse {
    let annotations = from.annotations();
    let failed = from.failed_groups().iter();
    let evals = from.decision.blocked.iter().chain(&from.decision.follow_ups);
    JobPlanResponse {
        diff: differs.then(|| difference(from, &annotations)),
        failed_tg_allocs: failed.map(|(group, one)| (group.clone(), metric::metric(one))).collect(),
        job_modify_index: from.before.as_ref().map_or(0, |job| job.job_modify_index),
        created_evals: evals.map(eval::evaluation).collect(),
        explanations: explanations.iter().map(explanation).collect(),
        annotations: Some(PlanAnnotations {
            desired_tg_updates: annotations
                .iter()
                .map(|(group, one)| (group.clone(), updates(one)))
                .collect(),
            preempted_allocs: from.preempted.iter().map(|one| alloc::stub(one, false, false)).collect(),
        }),
        ..JobPlanResponse::default()
    }
}

fn difference(from: &JobPlan, annotations: &BTreeMap<String, model::DesiredUpdates>) -> diff::JobDiff {
    let options = diff::Options { contextual: false };
    let mut difference = compare(from.before.as_deref(), Some(&from.job), options);
    let words = |one: &model::DesiredUpdates| -> diff::Updates {
        let counts = [
            ("create", one.place),
            ("destroy", one.stop),
            ("migrate", one.migrate),
            ("canary", one.canary),
            ("in-place update", one.in_place_update),
            ("create/destroy update", one.destructive_update),
            ("ignore", one.ignore),
        ];
        counts.into_iter().map(|(word, count)| (word.to_owned(), u64::from(count))).collect()
    };
    let updates = annotations.iter().map(|(group, one)| (group.clone(), words(one))).collect();
    diff::annotate(&mut difference, &updates);
    difference
}

fn updates(from: &model::DesiredUpdates) -> DesiredUpdates {
    DesiredUpdates {
        ignore: from.ignore,
        place: from.place,
        migrate: from.migrate,
        stop: from.stop,
        in_place_update: from.in_place_update,
        destructive_update: from.destructive_update,
        canary: from.canary,
        preemptions: from.preemptions,
        disconnect: from.disconnect,
        reconnect: from.reconnect,
        reschedule_now: from.reschedule_now,
        reschedule_later: from.reschedule_later,
    }
}

/// Where one more instance of a group could go.
pub fn explanation(from: &explain::Explanation) -> Explanation {
    Explanation {
        job_id: from.job_key.id.to_string(),
        namespace: from.job_key.namespace.to_string(),
        task_group: from.group.clone(),
        nodes: from.nodes.iter().map(node).collect(),
        ways_out: from.ways_out.iter().map(way_out).collect(),
    }
}

fn node(from: &explain::NodeExplanation) -> NodeExplanation {
    let filtered =
        from.filtered.iter().map(|one| reason(kind(&one.kind), one.text.clone(), one.place.as_ref()));
    let lacks = from.lacks.iter().map(|one| reason("capacity", one.lack.to_string(), one.place.as_ref()));
    let preemptable = from.preemptable.iter().map(|one| Preemptable {
        id: one.alloc_id.to_string(),
        name: one.name.clone(),
        priority: one.priority,
    });
    NodeExplanation {
        node_id: from.node_id.to_string(),
        node_name: from.node_name.clone(),
        fits: from.fits(),
        reasons: filtered.chain(lacks).collect(),
        preemptable: preemptable.collect(),
        score: from.score.as_ref().map(metric::score),
    }
}

fn kind(kind: &FilterKind) -> &'static str {
    match kind {
        FilterKind::NotReady(_) | FilterKind::Ineligible(_) => "condition",
        FilterKind::NodePool => "node_pool",
        FilterKind::Datacenter => "datacenter",
        FilterKind::Driver(_) => "driver",
        FilterKind::Constraint(_) => "constraint",
        FilterKind::Distinct(_) => "distinct",
        FilterKind::Volume(_) => "volume",
        FilterKind::Device(_) => "device",
    }
}

fn reason(kind: &str, text: String, place: Option<&Place>) -> Reason {
    Reason {
        kind: kind.to_owned(),
        text,
        owner: place.map(|place| place.owner.to_string()).unwrap_or_default(),
        path: place.map(|place| place.path.clone()).unwrap_or_default(),
    }
}

fn way_out(from: &explain::WayOut) -> WayOut {
    WayOut {
        text: from.to_string(),
        changes: from.changes.iter().map(ToString::to_string).collect(),
        nodes: from.nodes.clone(),
    }
}

/// What would follow from changes of nodes.
pub fn nodes(from: &NodePlan) -> NodePlanResponse {
    let moves = from.moves.iter().map(|one| {
        let (outcome, to, at) = match &one.outcome {
            Outcome::To { node_name, .. } => ("moves", node_name.as_str(), Timestamp::NEVER),
            Outcome::NoPlace => ("no place", "", Timestamp::NEVER),
            Outcome::Later(time) => ("later", "", *time),
            Outcome::Ends => ("ends", "", Timestamp::NEVER),
            Outcome::Stays => ("stays", "", Timestamp::NEVER),
        };
        Move {
            alloc_id: one.alloc.id.to_string(),
            name: one.alloc.name.clone(),
            job_id: one.alloc.job_key.id.to_string(),
            namespace: one.alloc.job_key.namespace.to_string(),
            from: one.alloc.node_name.clone(),
            to: to.to_owned(),
            outcome: outcome.to_owned(),
            at: GoTime(at),
        }
    });
    let shortfalls = from.shortfalls.iter().map(|one| Shortfall {
        job_id: one.job_key.id.to_string(),
        namespace: one.job_key.namespace.to_string(),
        task_group: one.group.clone(),
        wanted: one.wanted,
        before: one.before,
        after: one.after,
        explanation: one.explanation.as_ref().map(explanation),
    });
    NodePlanResponse { moves: moves.collect(), shortfalls: shortfalls.collect() }
}
