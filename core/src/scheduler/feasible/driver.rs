//! Whether a node has the drivers of all tasks.

use super::Reason;
use crate::model::{Node, TaskGroup};

/// Returns a reason for each driver that is missing or unwell.
pub fn check(group: &TaskGroup, node: &Node) -> Vec<Reason> {
    let mut names: Vec<&str> = group.tasks.iter().map(|task| task.driver.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let missing = names
        .into_iter()
        .filter(|name| !node.has_driver(name))
        .map(|name| Reason { key: "missing drivers".to_owned(), detail: problem(name, node) });
    missing.collect()
}

/// Says what is wrong with a driver that is missing or unwell.
pub fn problem(name: &str, node: &Node) -> String {
    match node.drivers.get(name) {
        Some(driver) if driver.detected => format!("driver {name} is unhealthy: {}", driver.description),
        _ => format!("missing driver {name}"),
    }
}
