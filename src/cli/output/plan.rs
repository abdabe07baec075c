//! What would happen, and why something is not placed.

use super::{Cell, Style, Table, diff, metric, sections, titled};
use crate::api::wire::plan::{
    DesiredUpdates, Explanation, JobPlanResponse, Move, NodeExplanation, NodePlanResponse,
};

/// Shows the plan of a job that was read from `file`, with how it differs from what runs if `with_diff`.
pub fn job(style: &Style, file: &str, plan: &JobPlanResponse, with_diff: bool) -> String {
    let diff = match (&plan.diff, with_diff) {
        (Some(diff), true) => diff::job(style, diff),
        _ => String::new(),
    };
    let index = plan.job_modify_index;
    let again = format!(
        "{}\nTo submit the job with version verification run:\n\npasture job run -check-index {index} {file}\n\nWhen running the job with the check-index flag, it is only run if it is still\nat that index: if somebody has changed it meanwhile, the plan does not hold.",
        style.heading(&format!("Job Modify Index: {index}"))
    );
    let mut parts = vec![diff, titled(style, "Scheduler dry-run:", &scheduler(style, plan))];
    parts.push(preempted(style, plan));
    parts.extend(plan.explanations.iter().map(|one| explanation(style, one)));
    if !plan.warnings.is_empty() {
        parts.push(titled(style, "Job Warnings:", &plan.warnings));
    }
    parts.push(again);
    sections(parts)
}

fn scheduler(style: &Style, plan: &JobPlanResponse) -> String {
    let mut lines = Vec::new();
    if plan.failed_tg_allocs.is_empty() {
        lines.push("- All tasks successfully allocated.".to_owned());
    } else {
        lines.push("- WARNING: Failed to place all allocations.".to_owned());
        lines.push(metric::indent(&metric::failures(style, &plan.failed_tg_allocs), 2));
    }
    let annotations = plan.annotations.iter().flat_map(|annotations| &annotations.desired_tg_updates);
    for (group, updates) in annotations {
        lines.push(format!("- Task group {group:?}: {}", counts(updates)));
    }
    lines.join("\n")
}

/// Writes what is done to a group: `2 create, 1 ignore`.
fn counts(updates: &DesiredUpdates) -> String {
    let counts = [
        (updates.place, "create"),
        (updates.stop, "destroy"),
        (updates.migrate, "migrate"),
        (updates.canary, "canary"),
        (updates.in_place_update, "in-place update"),
        (updates.destructive_update, "create/destroy update"),
        (updates.preemptions, "preempt"),
        (updates.disconnect, "disconnect"),
        (updates.reconnect, "reconnect"),
        (updates.reschedule_now, "reschedule now"),
        (updates.reschedule_later, "reschedule later"),
        (updates.ignore, "ignore"),
    ];
    let written: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if written.is_empty() { "nothing to do".to_owned() } else { written.join(", ") }
}

fn preempted(style: &Style, plan: &JobPlanResponse) -> String {
    let allocs = plan.annotations.iter().flat_map(|annotations| &annotations.preempted_allocs);
    let mut table = Table::new(["Alloc ID", "Job ID", "Task Group", "Node"]);
    let mut any = false;
    for alloc in allocs {
        any = true;
        table.row([
            style.id(&alloc.id).into(),
            alloc.job_id.as_str().into(),
            alloc.task_group.as_str().into(),
            alloc.node_name.as_str().into(),
        ]);
    }
    match any {
        true => titled(style, "Preempted Allocations:", &table.render(style)),
        false => String::new(),
    }
}

/// Shows where one more instance of a group could go.
pub fn explanation(style: &Style, from: &Explanation) -> String {
    let title = format!("Task Group {:?}: where one more instance could go", from.task_group);
    let mut table = Table::new(["Node", "ID", "Reasons"]);
    for node in &from.nodes {
        table.row([
            node.node_name.as_str().into(),
            style.id(&node.node_id).into(),
            Cell::from(reasons(node, style.verbose)),
        ]);
    }
    let nodes = match from.nodes.is_empty() {
        true => "There are no nodes".to_owned(),
        false => table.render(style),
    };
    let ways = ways_out(from);
    let text = if ways.is_empty() { nodes } else { format!("{nodes}\n{ways}") };
    titled(style, &title, &text)
}

/// Writes what would have to change, a line for each way.
pub fn ways_out(from: &Explanation) -> String {
    let lines: Vec<String> = from.ways_out.iter().map(|way| format!("* It {}", way.text)).collect();
    lines.join("\n")
}

fn reasons(node: &NodeExplanation, verbose: bool) -> String {
    if node.fits {
        let score = node.score.as_ref().map(|score| {
            let parts = score.scores.iter().map(|(scorer, value)| format!("{scorer} {value:.3}"));
            format!(", score {:.3} ({})", score.norm_score, parts.collect::<Vec<_>>().join(", "))
        });
        return format!("fits{}", score.unwrap_or_default());
    }
    let reasons = node.reasons.iter().map(|reason| match (verbose, reason.path.as_str()) {
        (true, path) if !path.is_empty() => format!("{} [{path}]", reason.text),
        _ => reason.text.clone(),
    });
    reasons.collect::<Vec<_>>().join("; ")
}

/// Shows what would follow from changes of nodes.
pub fn nodes(style: &Style, plan: &NodePlanResponse) -> String {
    if plan.moves.is_empty() {
        return "Nothing runs there: nothing would move".to_owned();
    }
    let mut table = Table::new(["Alloc ID", "Allocation", "From", "To", "Outcome"]);
    for one in &plan.moves {
        table.row([
            style.id(&one.alloc_id).into(),
            one.name.as_str().into(),
            one.from.as_str().into(),
            if one.to.is_empty() { "-".into() } else { one.to.as_str().into() },
            Cell::from(outcome(style, one)),
        ]);
    }
    let short = plan.shortfalls.iter().map(|one| {
        let title =
            format!("Job {:?}, group {:?}: {} of {}", one.job_id, one.task_group, one.after, one.wanted);
        let text = match &one.explanation {
            None => "no place was looked for".to_owned(),
            Some(explanation) => explanation_body(style, explanation),
        };
        titled(style, &title, &text)
    });
    let moves = titled(style, "Allocations", &table.render(style));
    let summary = match plan.shortfalls.len() {
        0 => "Every job would keep what it has.".to_owned(),
        1 => "1 group would have fewer allocations than it wants:".to_owned(),
        count => format!("{count} groups would have fewer allocations than they want:"),
    };
    sections([moves, summary].into_iter().chain(short))
}

fn explanation_body(style: &Style, from: &Explanation) -> String {
    let mut table = Table::new(["Node", "Reasons"]);
    for node in &from.nodes {
        table.row([node.node_name.as_str().into(), Cell::from(reasons(node, false))]);
    }
    let ways = ways_out(from);
    let nodes = table.render(style);
    if ways.is_empty() { nodes } else { format!("{nodes}\n{ways}") }
}

fn outcome(style: &Style, one: &Move) -> String {
    match one.outcome.as_str() {
        "later" => format!("replaced {}", style.time(one.at.0)),
        "no place" => "finds no place".to_owned(),
        "stays" => "stays until it ends or the deadline".to_owned(),
        other => other.to_owned(),
    }
}
