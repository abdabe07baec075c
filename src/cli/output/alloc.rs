//! Allocations.

use super::{Cell, Style, Table, metric, pairs, sections, titled};
use crate::api::wire::alloc::AllocatedTaskResources;
use crate::api::wire::{Allocation, NetworkResource, Port, TaskState};
use crate::model::Timestamp;

/// How many events of a task are shown unless verbose.
const EVENTS_MAX: usize = 10;

/// Shows one allocation: facts, group addresses, its tasks with resources, addresses and events; how its node was
/// chosen when verbose.
pub fn status(style: &Style, alloc: &Allocation, short: bool) -> String {
    let mut parts = vec![facts(style, alloc)];
    let shared = alloc.allocated_resources.as_ref().map(|resources| resources.shared.networks.as_slice());
    let group_addresses = addresses(style, shared.unwrap_or_default());
    if !group_addresses.is_empty() {
        parts.push(titled(style, "Allocation Addresses", &group_addresses));
    }
    if short {
        parts.push(titled(style, "Tasks", &tasks(style, alloc)));
        return sections(parts);
    }
    for name in task_names(alloc) {
        parts.extend(task(style, alloc, name));
    }
    if style.verbose {
        parts.push(placement(style, alloc));
    }
    sections(parts)
}

fn facts(style: &Style, alloc: &Allocation) -> String {
    let mut facts: Vec<(&str, Cell)> = vec![
        ("ID", alloc.id.as_str().into()),
        ("Eval ID", style.id(&alloc.eval_id).into()),
        ("Name", alloc.name.as_str().into()),
        ("Node ID", style.id(&alloc.node_id).into()),
        ("Node Name", alloc.node_name.as_str().into()),
        ("Job ID", alloc.job_id.as_str().into()),
        ("Job Version", alloc.job.as_ref().map(|job| job.version.to_string()).unwrap_or_default().into()),
        ("Client Status", Cell::status(&alloc.client_status)),
        ("Client Description", alloc.client_description.as_str().into()),
        ("Desired Status", alloc.desired_status.as_str().into()),
        ("Desired Description", alloc.desired_description.as_str().into()),
        ("Created", style.time(Timestamp(alloc.create_time)).into()),
        ("Modified", style.time(Timestamp(alloc.modify_time)).into()),
    ];
    for (name, id) in
        [("Replacement Alloc ID", &alloc.next_allocation), ("Previous Alloc ID", &alloc.previous_allocation)]
    {
        if !id.is_empty() {
            facts.push((name, style.id(id).into()));
        }
    }
    pairs(style, facts)
}

/// Returns the names of all tasks: those that hold something, and those that were heard of.
fn task_names(alloc: &Allocation) -> Vec<&str> {
    let holding = alloc.allocated_resources.iter().flat_map(|resources| resources.tasks.keys());
    let mut names: Vec<&str> = holding.chain(alloc.task_states.keys()).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn tasks(style: &Style, alloc: &Allocation) -> String {
    let mut table = Table::new(["Name", "State", "Last Event", "Time"]);
    for name in task_names(alloc) {
        let state = alloc.task_states.get(name);
        let last = state.and_then(|state| state.events.last());
        table.row([
            name.into(),
            Cell::status(state.map_or("pending", |state| &state.state)),
            last.map(|event| event.event_type.clone()).unwrap_or_default().into(),
            last.map(|event| style.time(Timestamp(event.time))).unwrap_or_default().into(),
        ]);
    }
    table.render(style)
}

/// Returns the sections of one task.
fn task(style: &Style, alloc: &Allocation, name: &str) -> Vec<String> {
    let none = TaskState::default();
    let state = alloc.task_states.get(name).unwrap_or(&none);
    let word = match state.state.as_str() {
        "" => "pending",
        other => other,
    };
    let failed = if state.failed { " and has failed" } else { "" };
    let mut parts = vec![style.heading(&format!("Task {name:?} is {word:?}{failed}"))];
    if let Some(held) = alloc.allocated_resources.as_ref().and_then(|resources| resources.tasks.get(name)) {
        let disk_mb = alloc.allocated_resources.as_ref().map_or(0, |resources| resources.shared.disk_mb);
        parts[0] = format!("{}\n{}", parts[0], resources(style, held, disk_mb));
        let addresses = addresses(style, &held.networks);
        if !addresses.is_empty() {
            parts.push(titled(style, "Task Addresses", &addresses));
        }
    }
    let times = pairs(
        style,
        [
            ("Started At", style.time(state.started_at.0)),
            ("Finished At", style.time(state.finished_at.0)),
            ("Total Restarts", state.restarts.to_string()),
            ("Last Restart", style.time(state.last_restart.0)),
        ],
    );
    parts.push(titled(style, "Task Events", &times));
    parts.push(events(style, state));
    parts
}

fn resources(style: &Style, held: &AllocatedTaskResources, disk_mb: i64) -> String {
    let mut table = Table::new(["CPU", "Memory", "Disk"]);
    table.row([
        format!("{} MHz", held.cpu.cpu_shares).into(),
        format!("{} MB", held.memory.memory_mb).into(),
        format!("{disk_mb} MB").into(),
    ]);
    table.render(style)
}

/// Lists the ports of networks by label, with the address to reach each at.
fn addresses(style: &Style, networks: &[NetworkResource]) -> String {
    let mut table = Table::new(["Label", "Dynamic", "Address"]);
    for network in networks {
        let mut row = |port: &Port, is_dynamic: bool| {
            let inside = if port.to > 0 { format!(" -> {}", port.to) } else { String::new() };
            let dynamic = if is_dynamic { "yes" } else { "no" };
            table.row([
                port.label.as_str().into(),
                dynamic.into(),
                format!("{}:{}{inside}", network.ip, port.value).into(),
            ]);
        };
        network.reserved_ports.iter().for_each(|port| row(port, false));
        network.dynamic_ports.iter().for_each(|port| row(port, true));
    }
    if table.is_empty() { String::new() } else { table.render(style) }
}

fn events(style: &Style, state: &TaskState) -> String {
    if state.events.is_empty() {
        return "No events yet".to_owned();
    }
    let most = if style.verbose { usize::MAX } else { EVENTS_MAX };
    let mut table = Table::new(["Time", "Type", "Description"]);
    for event in state.events.iter().rev().take(most) {
        table.row([
            style.time(Timestamp(event.time)).into(),
            event.event_type.as_str().into(),
            event.display_message.as_str().into(),
        ]);
    }
    let title =
        if state.events.len() > most { "Recent Events (newest first):" } else { "Events (newest first):" };
    titled(style, title, &table.render(style))
}

fn placement(style: &Style, alloc: &Allocation) -> String {
    let Some(seen) = &alloc.metrics else { return String::new() };
    let counts = pairs(
        style,
        [
            ("Nodes Evaluated", seen.nodes_evaluated.to_string()),
            ("Nodes Ruled Out", seen.nodes_filtered.to_string()),
            ("Nodes Too Full", seen.nodes_exhausted.to_string()),
        ],
    );
    let parts = [counts, metric::explanation(style, seen), metric::scores(style, seen)];
    titled(style, "Placement Metrics", &sections(parts))
}
