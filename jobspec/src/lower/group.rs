//! `group` blocks.

use crate::canonical::EPHEMERAL_DISK_MB_DEFAULT;
use crate::hcl::{Block, Fields, Reader};
use pasture_core::model::{EphemeralDisk, JobType, Network, Port, RestartMode, RestartPolicy, TaskGroup};

use super::{Places, constraint, task, update};

/// What Nomad knows of groups and this version does not run.
const REFUSED: &[&str] = &[
    "affinity",
    "spread",
    "volume",
    "scaling",
    "consul",
    "vault",
    "secret",
    "disconnect",
    "shutdown_delay",
    "max_run_duration",
    "stop_after_client_disconnect",
    "max_client_disconnect",
    "prevent_reschedule_on_lost",
];

/// Lowers a `group` block.
pub(super) fn group(
    reader: &Reader,
    block: &Block,
    path: &str,
    kind: JobType,
    places: &mut Places,
) -> TaskGroup {
    let name = reader.label(block).map(|label| label.text.clone()).unwrap_or_default();
    let fields = Fields::new(reader, &block.body, format!("group {name:?}"));
    places.set(path, &block.span);
    places.set(format!("{path}.Count"), fields.span_of("count"));
    let mut group = TaskGroup {
        count: fields.number("count").unwrap_or(1),
        constraints: constraint::all(&fields, path, places),
        restart: restart(&fields, path, kind, places),
        update: update(&fields),
        ephemeral_disk: EphemeralDisk { size_mb: ephemeral_disk(&fields), ..EphemeralDisk::default() },
        networks: networks(&fields, path, places),
        tasks: Vec::new(),
        meta: fields.text_map("meta").unwrap_or_default(),
        name,
        ..TaskGroup::default()
    };
    for (index, block) in fields.blocks("task").into_iter().enumerate() {
        group.tasks.push(task::task(reader, block, &format!("{path}.Tasks[{index}]"), places));
    }
    for service in fields.blocks("service") {
        reader.error_with_help(
            &service.span,
            "a service of a group is not supported by this version",
            "move the service block into the task that offers it",
        );
    }
    fields.refuse(REFUSED);
    fields.ignore(&["reschedule", "migrate"]);
    fields.finish();
    group
}

/// Makes the group of a task that stands in the job itself.
pub(super) fn of_task(
    reader: &Reader,
    block: &Block,
    path: &str,
    kind: JobType,
    places: &mut Places,
) -> TaskGroup {
    places.set(path, &block.span);
    let task = task::task(reader, block, &format!("{path}.Tasks[0]"), places);
    TaskGroup {
        name: task.name.clone(),
        restart: RestartPolicy::default_for(kind),
        tasks: vec![task],
        ..TaskGroup::default()
    }
}

/// Lowers `restart`; what it leaves out is as the job type has it.
fn restart(fields: &Fields<'_>, path: &str, kind: JobType, places: &mut Places) -> RestartPolicy {
    let default = RestartPolicy::default_for(kind);
    let Some(block) = fields.block("restart") else { return default };
    places.set(format!("{path}.RestartPolicy"), &block.span);
    let inner = Fields::new(fields.reader(), &block.body, "restart");
    let policy = RestartPolicy {
        attempts: inner.number("attempts").unwrap_or(default.attempts),
        interval: inner.duration("interval").unwrap_or(default.interval),
        delay: inner.duration("delay").unwrap_or(default.delay),
        mode: restart_mode(&inner).unwrap_or(default.mode),
        on_success: inner.flag("on_success"),
        render_templates: false,
    };
    inner.refuse(&["render_templates"]);
    inner.finish();
    policy
}

fn restart_mode(fields: &Fields<'_>) -> Option<RestartMode> {
    let attribute = fields.attribute("mode")?;
    match fields.reader().text(&attribute.value, "mode")?.as_str() {
        "fail" => Some(RestartMode::Fail),
        "delay" => Some(RestartMode::Delay),
        other => {
            fields.reader().unknown(&attribute.value.span, "restart mode", other, ["fail", "delay"]);
            None
        }
    }
}

fn ephemeral_disk(fields: &Fields<'_>) -> u32 {
    let Some(block) = fields.block("ephemeral_disk") else { return EPHEMERAL_DISK_MB_DEFAULT };
    let inner = Fields::new(fields.reader(), &block.body, "ephemeral_disk");
    let size_mb = inner.number("size").unwrap_or(EPHEMERAL_DISK_MB_DEFAULT);
    inner.ignore(&["sticky", "migrate"]);
    inner.finish();
    size_mb
}

/// Lowers the `network` blocks of a group, or of a task's resources.
pub(super) fn networks(fields: &Fields<'_>, path: &str, places: &mut Places) -> Vec<Network> {
    let mut networks = Vec::new();
    for block in fields.blocks("network") {
        fields.reader().no_labels(block);
        places.set(format!("{path}.Networks[{}]", networks.len()), &block.span);
        networks.push(network(fields.reader(), block));
    }
    networks
}

fn network(reader: &Reader, block: &Block) -> Network {
    let fields = Fields::new(reader, &block.body, "network");
    let mut network = Network { mbits: fields.number("mbits").unwrap_or(0), ..Network::default() };
    if let Some(attribute) = fields.attribute("mode") {
        network.mode = reader.text(&attribute.value, "mode").unwrap_or_default();
        if network.mode != "host" {
            reader.error_with_help(
                &attribute.value.span,
                format!("network mode {:?} is not supported by this version", network.mode),
                "remove it or write mode = \"host\": tasks share the node's network",
            );
        }
    }
    for block in fields.blocks("port") {
        if let Some(port) = port(reader, block) {
            let ports =
                if port.value == 0 { &mut network.dynamic_ports } else { &mut network.reserved_ports };
            ports.push(port);
        }
    }
    fields.refuse(&["device", "cidr", "ip", "hostname", "dns", "cni"]);
    fields.finish();
    network
}

fn port(reader: &Reader, block: &Block) -> Option<Port> {
    let label = reader.label(block)?;
    let fields = Fields::new(reader, &block.body, format!("port {:?}", label.text));
    let port = Port {
        label: label.text.clone(),
        value: fields.number("static").unwrap_or(0),
        to: fields.number("to").unwrap_or(0),
        ..Port::default()
    };
    fields.refuse(&["host_network", "ignore_collision"]);
    fields.finish();
    Some(port)
}
