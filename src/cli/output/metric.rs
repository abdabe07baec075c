//! Why something was placed where it was, or nowhere.

use std::collections::BTreeMap;

use super::{Cell, Style, Table};
use crate::api::wire::AllocMetric;

/// Explains each group that could not be placed, with the reasons node by node.
pub fn failures(style: &Style, failed: &BTreeMap<String, AllocMetric>) -> String {
    let texts = failed.iter().map(|(group, metric)| {
        let count = metric.coalesced_failures + 1;
        let noun = if count == 1 { "allocation" } else { "allocations" };
        let title = style.heading(&format!("Task Group {group:?} ({count} {noun} not placed):"));
        format!("{title}\n{}", indent(&explanation(style, metric), 2))
    });
    texts.collect::<Vec<_>>().join("\n\n")
}

/// Explains one search for a node.
pub fn explanation(style: &Style, metric: &AllocMetric) -> String {
    let mut lines = summary(metric);
    if !metric.node_verdicts.is_empty() {
        lines.push("Node by node:".to_owned());
        let mut table = Table::new(["Node", "ID", "Reasons"]);
        for verdict in &metric.node_verdicts {
            table.row([
                verdict.node_name.as_str().into(),
                style.id(&verdict.node_id).into(),
                Cell::from(verdict.reasons.join("; ")),
            ]);
        }
        lines.push(indent(&table.render(style), 2));
    }
    lines.join("\n")
}

/// Writes the scores of the nodes that came into question.
pub fn scores(style: &Style, metric: &AllocMetric) -> String {
    if metric.score_meta_data.is_empty() {
        return String::new();
    }
    let mut scorers: Vec<&str> = Vec::new();
    for name in metric.score_meta_data.iter().flat_map(|node| node.scores.keys()) {
        if !scorers.contains(&name.as_str()) {
            scorers.push(name);
        }
    }
    scorers.sort_unstable();
    let mut table = Table::new(["Node", "Score", "Scorers"]);
    for node in &metric.score_meta_data {
        let parts = scorers
            .iter()
            .filter_map(|name| node.scores.get(*name).map(|score| format!("{name} {score:.3}")));
        table.row([
            style.id(&node.node_id).into(),
            format!("{:.3}", node.norm_score).into(),
            parts.collect::<Vec<_>>().join(", ").into(),
        ]);
    }
    table.render(style)
}

/// Writes what the search saw, a line for each kind of obstacle.
fn summary(metric: &AllocMetric) -> Vec<String> {
    let mut lines = Vec::new();
    if metric.nodes_evaluated == 0 {
        lines.push("* No node came into question".to_owned());
    }
    let available = metric.nodes_available.iter();
    let empty: Vec<&str> =
        available.filter(|(_, count)| **count == 0).map(|(datacenter, _)| datacenter.as_str()).collect();
    lines.extend(empty.iter().map(|datacenter| format!("* No ready node in datacenter {datacenter:?}")));
    let obstacles = [
        (&metric.class_filtered, "ruled out, of class:"),
        (&metric.constraint_filtered, "ruled out by:"),
        (&metric.class_exhausted, "too full, of class:"),
        (&metric.dimension_exhausted, "too full, short of:"),
    ];
    for (counts, what) in obstacles {
        lines.extend(counts.iter().map(|(name, count)| {
            let nodes = if *count == 1 { "node" } else { "nodes" };
            format!("* {count} {nodes} {what} {name}")
        }));
    }
    lines
}

/// Puts spaces before each line.
pub fn indent(text: &str, spaces: usize) -> String {
    let padding = " ".repeat(spaces);
    let lines =
        text.lines().map(|line| if line.is_empty() { String::new() } else { format!("{padding}{line}") });
    lines.collect::<Vec<_>>().join("\n")
}
