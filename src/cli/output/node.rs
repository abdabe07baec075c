//! Nodes and servers.

use std::collections::BTreeMap;

use super::{Cell, Style, Table, pairs, sections, titled};
use crate::api::wire::agent::{AgentSelf, Members, RaftConfiguration};
use crate::api::wire::node::NodeResources;
use crate::api::wire::{Allocation, Node, NodeStub};
use crate::model::Timestamp;

/// Lists nodes, with how many allocations run on each if that was counted.
pub fn list(style: &Style, nodes: &[NodeStub], running: Option<&BTreeMap<String, usize>>) -> String {
    if nodes.is_empty() {
        return "No nodes".to_owned();
    }
    // Nomad's own header is short where the columns are.
    let place = if style.verbose { "Datacenter" } else { "DC" };
    let mut header = vec!["ID", place, "Name", "Class"];
    header.extend(style.verbose.then_some(["Node Pool", "Address", "Version"]).into_iter().flatten());
    header.extend(["Drain", "Eligibility", "Status"]);
    header.extend(running.map(|_| "Running Allocs"));
    let mut table = Table::new(header);
    for node in nodes {
        let mut row: Vec<Cell> = vec![
            style.id(&node.id).into(),
            node.datacenter.as_str().into(),
            node.name.as_str().into(),
            node.node_class.as_str().into(),
        ];
        if style.verbose {
            let more = [&node.node_pool, &node.address, &node.version];
            row.extend(more.map(|text| Cell::from(text.as_str())));
        }
        row.extend([
            node.drain.to_string().into(),
            Cell::status(&node.scheduling_eligibility),
            Cell::status(&node.status),
        ]);
        row.extend(running.map(|counts| Cell::from(counts.get(&node.id).copied().unwrap_or(0).to_string())));
        table.row(row);
    }
    table.render(style)
}

/// Shows one node: facts, drivers, what is allocated of what it offers, allocations; attributes and meta when verbose.
pub fn status(style: &Style, node: &Node, allocs: &[Allocation], short: bool) -> String {
    let facts = pairs::<Cell>(
        style,
        [
            ("ID", node.id.as_str().into()),
            ("Name", node.name.as_str().into()),
            ("Node Pool", node.node_pool.as_str().into()),
            ("Class", node.node_class.as_str().into()),
            ("DC", node.datacenter.as_str().into()),
            ("Drain", node.drain.to_string().into()),
            ("Eligibility", Cell::status(&node.scheduling_eligibility)),
            ("Status", Cell::status(&node.status)),
            (
                "Status Since",
                style.time(Timestamp(node.status_updated_at.saturating_mul(1_000_000_000))).into(),
            ),
            ("HTTP Address", node.http_addr.as_str().into()),
            ("Driver Status", drivers(node).into()),
        ],
    );
    let mut parts = vec![facts];
    if !short {
        parts.push(titled(style, "Allocated Resources", &allocated(style, node, allocs)));
    }
    parts.push(titled(style, "Allocations", &allocations(style, allocs)));
    if style.verbose {
        parts.push(titled(style, "Attributes", &facts_of(&node.attributes)));
        parts.push(titled(style, "Meta", &facts_of(&node.meta)));
    }
    sections(parts)
}

/// Lists servers; `leader` is the leader's RPC address.
pub fn members(style: &Style, members: &Members, leader: &str) -> String {
    let mut table = Table::new([
        "Name",
        "Address",
        "Port",
        "HTTP Address",
        "Status",
        "Leader",
        "Build",
        "Datacenter",
        "Region",
    ]);
    for member in &members.members {
        let tag = |name: &str| Cell::from(member.tags.get(name).cloned().unwrap_or_default());
        let leads =
            !leader.is_empty() && member.tags.get("rpc_addr").is_some_and(|address| address == leader);
        table.row([
            member.name.as_str().into(),
            member.addr.as_str().into(),
            member.port.to_string().into(),
            tag("http_addr"),
            Cell::status(&member.status),
            leads.to_string().into(),
            tag("build"),
            tag("dc"),
            tag("region"),
        ]);
    }
    table.render(style)
}

/// Lists the servers of the log.
pub fn raft_peers(style: &Style, configuration: &RaftConfiguration) -> String {
    let mut table = Table::new(["Node", "ID", "Address", "State", "Voter", "RaftProtocol"]);
    for server in &configuration.servers {
        table.row([
            server.node.as_str().into(),
            server.id.as_str().into(),
            server.address.as_str().into(),
            Cell::status(if server.leader { "leader" } else { "follower" }),
            server.voter.to_string().into(),
            server.raft_protocol.as_str().into(),
        ]);
    }
    table.render(style)
}

/// Shows what an agent says of itself, part by part.
pub fn agent_info(style: &Style, about: &AgentSelf) -> String {
    sections(about.stats.iter().map(|(part, facts)| {
        let lines: Vec<String> = facts.iter().map(|(name, value)| format!("  {name} = {value}")).collect();
        titled(style, part, &lines.join("\n"))
    }))
}

fn drivers(node: &Node) -> String {
    let shown = node
        .drivers
        .iter()
        .filter(|(_, driver)| driver.detected)
        .map(|(name, driver)| if driver.healthy { name.clone() } else { format!("{name} (unhealthy)") });
    shown.collect::<Vec<_>>().join(",")
}

/// Compares what allocations hold with what the node offers after its own reservation.
fn allocated(style: &Style, node: &Node, allocs: &[Allocation]) -> String {
    let offered = offered(&node.node_resources, node);
    let mut held = [0_i64; 3];
    for alloc in allocs.iter().filter(|alloc| !is_over(&alloc.client_status)) {
        let Some(resources) = &alloc.allocated_resources else { continue };
        for task in resources.tasks.values() {
            held[0] += task.cpu.cpu_shares;
            held[1] += task.memory.memory_mb;
        }
        held[2] += resources.shared.disk_mb;
    }
    let mut table = Table::new(["CPU", "Memory", "Disk"]);
    let units = ["MHz", "MB", "MB"];
    table.row((0..3).map(|kind| Cell::from(format!("{}/{} {}", held[kind], offered[kind], units[kind]))));
    table.render(style)
}

fn offered(all: &NodeResources, node: &Node) -> [i64; 3] {
    let kept = &node.reserved_resources;
    [
        all.cpu.cpu_shares - kept.cpu.cpu_shares,
        all.memory.memory_mb - kept.memory.memory_mb,
        all.disk.disk_mb - kept.disk.disk_mb,
    ]
}

fn is_over(client_status: &str) -> bool {
    matches!(client_status, "complete" | "failed" | "lost")
}

fn allocations(style: &Style, allocs: &[Allocation]) -> String {
    if allocs.is_empty() {
        return "No allocations placed".to_owned();
    }
    let mut newest_first: Vec<&Allocation> = allocs.iter().collect();
    newest_first.sort_by(|a, b| (b.create_index, &b.id).cmp(&(a.create_index, &a.id)));
    let mut table =
        Table::new(["ID", "Job ID", "Task Group", "Version", "Desired", "Status", "Created", "Modified"]);
    for alloc in newest_first {
        table.row([
            style.id(&alloc.id).into(),
            alloc.job_id.as_str().into(),
            alloc.task_group.as_str().into(),
            alloc.job.as_ref().map(|job| job.version.to_string()).unwrap_or_default().into(),
            alloc.desired_status.as_str().into(),
            Cell::status(&alloc.client_status),
            style.time(Timestamp(alloc.create_time)).into(),
            style.time(Timestamp(alloc.modify_time)).into(),
        ]);
    }
    table.render(style)
}

fn facts_of(facts: &BTreeMap<String, String>) -> String {
    let widest = facts.keys().map(|name| name.chars().count()).max().unwrap_or(0);
    let lines = facts.iter().map(|(name, value)| format!("{name:<widest$} = {value}"));
    lines.collect::<Vec<_>>().join("\n")
}
