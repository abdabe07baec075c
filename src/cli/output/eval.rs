//! Evaluations.

use super::{Cell, Style, Table, metric, pairs, sections, titled};
use crate::api::wire::{AllocStub, Evaluation};
use crate::model::Timestamp;

/// Lists evaluations, newest first.
pub fn list(style: &Style, evals: &[Evaluation]) -> String {
    if evals.is_empty() {
        return "No evaluations found".to_owned();
    }
    let mut newest_first: Vec<&Evaluation> = evals.iter().collect();
    newest_first.sort_by(|a, b| (b.create_index, &b.id).cmp(&(a.create_index, &a.id)));
    let mut table =
        Table::new(["ID", "Priority", "Triggered By", "Job ID", "Status", "Placement Failures", "Created"]);
    for eval in newest_first {
        table.row([
            style.id(&eval.id).into(),
            eval.priority.to_string().into(),
            eval.triggered_by.as_str().into(),
            eval.job_id.as_str().into(),
            Cell::status(&eval.status),
            failures(eval).into(),
            style.time(Timestamp(eval.create_time)).into(),
        ]);
    }
    table.render(style)
}

/// Shows one evaluation: facts, what could not be placed and why, relatives, what it placed.
pub fn status(style: &Style, eval: &Evaluation, placed: &[AllocStub]) -> String {
    let mut facts: Vec<(&str, Cell)> = vec![
        ("ID", style.id(&eval.id).into()),
        ("Create Time", style.time(Timestamp(eval.create_time)).into()),
        ("Modify Time", style.time(Timestamp(eval.modify_time)).into()),
        ("Status", Cell::status(&eval.status)),
        ("Status Description", eval.status_description.as_str().into()),
        ("Type", eval.eval_type.as_str().into()),
        ("TriggeredBy", eval.triggered_by.as_str().into()),
        ("Job ID", eval.job_id.as_str().into()),
        ("Namespace", eval.namespace.as_str().into()),
        ("Priority", eval.priority.to_string().into()),
        ("Placement Failures", failures(eval).into()),
    ];
    for (name, id) in [
        ("Node ID", &eval.node_id),
        ("Previous Eval", &eval.previous_eval),
        ("Next Eval", &eval.next_eval),
        ("Blocked Eval", &eval.blocked_eval),
    ] {
        if !id.is_empty() {
            facts.push((name, style.id(id).into()));
        }
    }
    let failed = match eval.failed_tg_allocs.is_empty() {
        true => String::new(),
        false => titled(style, "Failed Placements", &metric::failures(style, &eval.failed_tg_allocs)),
    };
    let placed = super::job::allocations(style, placed, "No allocations placed");
    sections([
        pairs(style, facts),
        related(style, eval),
        failed,
        titled(style, "Placed Allocations", &placed),
    ])
}

fn related(style: &Style, eval: &Evaluation) -> String {
    let Some(related) = eval.related_evals.as_ref().filter(|related| !related.is_empty()) else {
        return String::new();
    };
    let mut table = Table::new(["ID", "Priority", "Triggered By", "Status", "Description"]);
    for one in related {
        table.row([
            style.id(&one.id).into(),
            one.priority.to_string().into(),
            one.triggered_by.as_str().into(),
            Cell::status(&one.status),
            one.status_description.as_str().into(),
        ]);
    }
    titled(style, "Related Evaluations", &table.render(style))
}

fn failures(eval: &Evaluation) -> &'static str {
    match eval.status.as_str() {
        "blocked" => "N/A - In Progress",
        _ if eval.failed_tg_allocs.is_empty() => "false",
        _ => "true",
    }
}
