//! `task` blocks and what is in them.

use serde_json::{Map, Value as Json};

use crate::canonical::KILL_TIMEOUT_DEFAULT;
use crate::hcl::{Block, Body, Fields, Reader};
use pasture_core::model::{Check, LogConfig, Resources, Service, Task};

use super::{Places, constraint, group};

/// What Nomad knows of tasks and this version does not run.
const REFUSED: &[&str] = &[
    "lifecycle",
    "affinity",
    "artifact",
    "template",
    "vault",
    "consul",
    "secret",
    "identity",
    "dispatch_payload",
    "volume_mount",
    "csi_plugin",
    "scaling",
    "action",
    "schedule",
    "restart",
    "leader",
    "shutdown_delay",
    "kind",
];

/// Lowers a `task` block.
pub(super) fn task(reader: &Reader, block: &Block, path: &str, places: &mut Places) -> Task {
    places.set(path, &block.span);
    let name = reader.label(block).map(|label| label.text.clone()).unwrap_or_default();
    let fields = Fields::new(reader, &block.body, format!("task {name:?}"));
    let task = Task {
        driver: fields.text("driver").unwrap_or_default(),
        user: fields.text("user").unwrap_or_default(),
        config: fields.block("config").map(|block| config(reader, &block.body)).unwrap_or_default(),
        env: fields.text_map("env").unwrap_or_default(),
        resources: resources(&fields, path, places),
        constraints: constraint::all(&fields, path, places),
        services: services(&fields, path, places),
        meta: fields.text_map("meta").unwrap_or_default(),
        kill_timeout: fields.duration("kill_timeout").unwrap_or(KILL_TIMEOUT_DEFAULT),
        kill_signal: fields.text("kill_signal").unwrap_or_default(),
        logs: logs(&fields, path, places),
        name,
        ..Task::default()
    };
    fields.refuse(REFUSED);
    fields.finish();
    task
}

/// Lowers what a driver is told: a block is a list of maps, each label a level more; an attribute is its value, but a map
/// is a list of one map, so that drivers see no difference between `port_map { ... }` and `port_map = { ... }`.
fn config(reader: &Reader, body: &Body) -> Map<String, Json> {
    let mut config = Map::new();
    for attribute in &body.attributes {
        let value = match attribute.value.to_json() {
            map @ Json::Object(_) => Json::Array(vec![map]),
            other => other,
        };
        config.insert(attribute.name.clone(), value);
    }
    for block in &body.blocks {
        let mut content = Json::Object(self::config(reader, &block.body));
        for label in block.labels.iter().rev() {
            let mut level = Map::new();
            level.insert(label.text.clone(), Json::Array(vec![content]));
            content = Json::Object(level);
        }
        match config.entry(block.name.clone()).or_insert_with(|| Json::Array(Vec::new())) {
            Json::Array(list) if !body.attributes.iter().any(|attribute| attribute.name == block.name) => {
                list.push(content);
            }
            _ => {
                reader.error(&block.span, format!("{:?} is given both as attribute and as block", block.name))
            }
        }
    }
    config
}

fn resources(fields: &Fields<'_>, path: &str, places: &mut Places) -> Resources {
    let default = Resources::default();
    let Some(block) = fields.block("resources") else { return default };
    let path = format!("{path}.Resources");
    places.set(&*path, &block.span);
    let inner = Fields::new(fields.reader(), &block.body, "resources");
    places.set(format!("{path}.CPU"), inner.span_of("cpu"));
    places.set(format!("{path}.MemoryMB"), inner.span_of("memory"));
    let resources = Resources {
        cpu_mhz: inner.number("cpu").unwrap_or(default.cpu_mhz),
        memory_mb: inner.number("memory").unwrap_or(default.memory_mb),
        disk_mb: inner.number("disk").unwrap_or(0),
        iops: inner.number("iops").unwrap_or(0),
        networks: group::networks(&inner, &path, places),
        ..Resources::default()
    };
    inner.refuse(&["cores", "memory_max", "device", "numa", "secrets"]);
    inner.finish();
    resources
}

fn logs(fields: &Fields<'_>, path: &str, places: &mut Places) -> LogConfig {
    let default = LogConfig::default();
    let Some(block) = fields.block("logs") else { return default };
    places.set(format!("{path}.LogConfig"), &block.span);
    let inner = Fields::new(fields.reader(), &block.body, "logs");
    let logs = LogConfig {
        max_files: inner.number("max_files").unwrap_or(default.max_files),
        max_file_size_mb: inner.number("max_file_size").unwrap_or(default.max_file_size_mb),
        ..LogConfig::default()
    };
    inner.refuse(&["disabled", "enabled"]);
    inner.finish();
    logs
}

fn services(fields: &Fields<'_>, path: &str, places: &mut Places) -> Vec<Service> {
    let blocks = fields.blocks("service");
    let service = |(index, block): (usize, &Block)| {
        places.set(format!("{path}.Services[{index}]"), &block.span);
        service(fields.reader(), block)
    };
    blocks.into_iter().enumerate().map(service).collect()
}

fn service(reader: &Reader, block: &Block) -> Service {
    reader.no_labels(block);
    reader.warn(
        &block.span,
        "services are kept and shown, but not registered or checked by this version",
        "an allocation's addresses are in `alloc status`",
    );
    let fields = Fields::new(reader, &block.body, "service");
    let service = Service {
        name: fields.text("name").unwrap_or_default(),
        port: fields.text("port").unwrap_or_default(),
        tags: fields.texts("tags").unwrap_or_default(),
        checks: fields.blocks("check").into_iter().filter_map(|block| check(reader, block)).collect(),
        ..Service::default()
    };
    fields.ignore(&["provider"]);
    fields.refuse(&[
        "canary_tags",
        "enable_tag_override",
        "address_mode",
        "address",
        "task",
        "on_update",
        "cluster",
        "kind",
        "check_restart",
        "connect",
        "meta",
        "canary_meta",
        "tagged_addresses",
        "identity",
        "weights",
    ]);
    fields.finish();
    service
}

fn check(reader: &Reader, block: &Block) -> Option<Check> {
    reader.no_labels(block);
    let fields = Fields::new(reader, &block.body, "check");
    let mut interval = fields.duration("interval");
    if let Some(attribute) = fields.attribute("delay") {
        reader.warn(
            &attribute.span,
            "\"delay\" of a check is the 2016 spelling",
            "today it is interval = ...",
        );
        interval = interval.or_else(|| reader.duration(&attribute.value, "delay"));
    }
    let check = Check {
        name: fields.text("name").unwrap_or_default(),
        check_type: fields.required_text("type"),
        path: fields.text("path").unwrap_or_default(),
        interval: interval.unwrap_or_default(),
        timeout: fields.duration("timeout").unwrap_or_default(),
        ..Check::default()
    };
    let kind = check.check_type.as_str();
    if !kind.is_empty() && !matches!(kind, "http" | "tcp") {
        match kind {
            "script" | "grpc" => reader.error(
                fields.span_of("type"),
                format!("checks of type {kind:?} are known to Nomad, but not supported by this version"),
            ),
            _ => reader.unknown(fields.span_of("type"), "check type", kind, ["http", "tcp"]),
        }
    }
    fields.refuse(&[
        "address_mode",
        "args",
        "body",
        "check_restart",
        "command",
        "expose",
        "failures_before_critical",
        "failures_before_warning",
        "grpc_service",
        "grpc_use_tls",
        "header",
        "initial_status",
        "method",
        "notes",
        "on_update",
        "port",
        "protocol",
        "success_before_passing",
        "task",
        "tls_server_name",
        "tls_skip_verify",
    ]);
    fields.finish();
    (!check.check_type.is_empty()).then_some(check)
}
