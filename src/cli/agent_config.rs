//! Agent configuration: HCL or JSON files, merged in the order given.
//!
//! ```hcl
//! data_dir = "/var/lib/pasture"
//! server { enabled = true  bootstrap_expect = 3  retry_join = ["10.0.0.2", "10.0.0.3"] }
//! client { enabled = true  options { "driver.raw_exec.enable" = "1" } }
//! ```
//!
//! Keys are Nomad's. What would weaken the user's intentions when ignored (`acl`, `tls`, `encrypt`) is an error; other
//! known keys without effect are warnings; unknown ones are errors with the nearest name.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::jobspec::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::jobspec::hcl::{self, Block, Fields, Reader};
use crate::model::resources::ReservedResources;

/// The most workers a server may have; more would only wait for each other's plans.
const SCHEDULERS_MAX: u32 = 64;

/// Known to Nomad, without effect here.
const IGNORED: &[&str] = &[
    "addresses",
    "audit",
    "autopilot",
    "consul",
    "disable_anonymous_signature",
    "disable_update_check",
    "enable_debug",
    "enable_syslog",
    "http_api_response_headers",
    "keyring",
    "limits",
    "log_file",
    "log_include_location",
    "log_json",
    "log_rotate_bytes",
    "log_rotate_duration",
    "log_rotate_max_files",
    "plugin_dir",
    "reporting",
    "sentinel",
    "syslog_facility",
    "telemetry",
    "ui",
    "vault",
];

/// What agents are told in files. What nothing was said about is `None` or empty; the caller knows the defaults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentSettings {
    /// Its name: of the node, and of the server.
    pub name: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The datacenter.
    pub datacenter: Option<String>,
    /// Where everything is kept.
    pub data_dir: Option<PathBuf>,
    /// The address to listen on.
    pub bind_addr: Option<IpAddr>,
    /// How much is logged: `error`, `warn`, `info`, `debug` or `trace`.
    pub log_level: Option<String>,
    /// The ports to listen on.
    pub ports: Ports,
    /// How others reach this machine.
    pub advertise: Advertise,
    /// What it does as a server.
    pub server: ServerSettings,
    /// What it does as a client.
    pub client: ClientSettings,
    /// Whether an interrupt makes it leave the cluster for good.
    pub leave_on_interrupt: Option<bool>,
    /// Whether a termination makes it leave the cluster for good.
    pub leave_on_terminate: Option<bool>,
}

/// The ports of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ports {
    /// The HTTP API.
    pub http: Option<u16>,
    /// The RPC.
    pub rpc: Option<u16>,
    /// Gossip; accepted, since every configuration has it, and not used.
    pub serf: Option<u16>,
}

/// The addresses others reach an agent by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advertise {
    /// The HTTP API.
    pub http: Option<Address>,
    /// The RPC.
    pub rpc: Option<Address>,
    /// Gossip; accepted and not used.
    pub serf: Option<Address>,
}

/// An address with or without a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// The port; the one listened on when nothing is said.
    pub port: Option<u16>,
}

/// What an agent does as a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerSettings {
    /// Whether it is one.
    pub enabled: Option<bool>,
    /// How many servers make the first cluster.
    pub bootstrap_expect: Option<u32>,
    /// Servers to look for, with or without port.
    pub retry_join: Vec<String>,
    /// How many workers run schedulers.
    pub num_schedulers: Option<u32>,
}

/// What an agent does as a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientSettings {
    /// Whether it is one.
    pub enabled: Option<bool>,
    /// Servers to begin with, with or without port.
    pub servers: Vec<String>,
    /// What kind of machine it is.
    pub node_class: Option<String>,
    /// The pool it belongs to.
    pub node_pool: Option<String>,
    /// The operator's own facts.
    pub meta: BTreeMap<String, String>,
    /// The operator's options, such as `driver.raw_exec.enable`.
    pub options: BTreeMap<String, String>,
    /// The interface whose address tasks get.
    pub network_interface: Option<String>,
    /// Its bandwidth in megabits a second.
    pub network_mbits: Option<u32>,
    /// CPU of the machine in MHz, where it shall not be found out.
    pub cpu_mhz: Option<u32>,
    /// Memory in MB, where it shall not be found out.
    pub memory_mb: Option<u32>,
    /// Disk for allocations in MB, where it shall not be found out.
    pub disk_mb: Option<u32>,
    /// What is kept back from the scheduler.
    pub reserved: ReservedResources,
    /// The most a job may ask for between asking a task to end and killing it.
    pub kill_timeout_max: Option<Duration>,
}

/// Reads configuration files and merges them: later files win, lists grow, maps are joined.
///
/// `files` are pairs of name and text in the order given; files of a directory in order of their names.
///
/// # Errors
/// With all that is wrong with any of them.
pub fn parse_all(files: &[(String, String)]) -> Result<(AgentSettings, Vec<Diagnostic>), Diagnostics> {
    let mut settings = AgentSettings::default();
    let mut warnings = Vec::new();
    let mut errors = Diagnostics::new();
    for (name, text) in files {
        match parse(name, text, settings.clone()) {
            Ok((merged, found)) => {
                settings = merged;
                warnings.extend(found);
            }
            Err(found) => errors.extend(found.iter().cloned()),
        }
    }
    if errors.has_errors() { Err(errors) } else { Ok((settings, warnings)) }
}

/// Reads one file, HCL or (when it begins with `{`) JSON, over what is known already.
///
/// # Errors
/// With all that is wrong with it.
pub fn parse(
    source_name: &str,
    text: &str,
    before: AgentSettings,
) -> Result<(AgentSettings, Vec<Diagnostic>), Diagnostics> {
    let source = Source::new(source_name, text);
    let mut warnings = Diagnostics::new();
    let body = if text.trim_start().starts_with('{') {
        hcl::parse_json(&source, hcl::Options::default(), &mut warnings)?
    } else {
        hcl::parse(
            &source,
            hcl::Options { quoted_names: true, crowded_lines: true, ..hcl::Options::default() },
            &mut warnings,
        )?
    };
    let reader = Reader::new(&source, warnings);
    let settings = agent(Fields::new(&reader, &body, "the agent configuration"), before);
    Ok((settings, reader.finish()?))
}

fn agent(fields: Fields<'_>, before: AgentSettings) -> AgentSettings {
    let reader = fields.reader();
    let mut settings = AgentSettings {
        name: fields.text("name").or(before.name),
        region: fields.text("region").or(before.region),
        datacenter: fields.text("datacenter").or(before.datacenter),
        data_dir: fields.text("data_dir").map(PathBuf::from).or(before.data_dir),
        bind_addr: address(&fields, "bind_addr").map(|address| address.ip).or(before.bind_addr),
        log_level: log_level(&fields).or(before.log_level),
        ports: ports(&fields, before.ports),
        advertise: advertise(&fields, before.advertise),
        server: server(&fields, before.server),
        client: client(&fields, before.client),
        leave_on_interrupt: fields.flag("leave_on_interrupt").or(before.leave_on_interrupt),
        leave_on_terminate: fields.flag("leave_on_terminate").or(before.leave_on_terminate),
    };
    for block in fields.blocks("plugin") {
        plugin(reader, block, &mut settings.client.options);
    }
    for name in ["acl", "tls"] {
        for block in fields.blocks(name) {
            protection(reader, block);
        }
    }
    fields.ignore(IGNORED);
    fields.finish();
    settings
}

fn log_level(fields: &Fields<'_>) -> Option<String> {
    const LEVELS: &[&str] = &["error", "warn", "info", "debug", "trace"];
    let level = fields.text("log_level")?.to_lowercase();
    // The longer spelling is Nomad's too.
    let level = if level == "warning" { "warn".to_owned() } else { level };
    if !LEVELS.contains(&level.as_str()) {
        fields.reader().unknown(fields.span_of("log_level"), "log level", &level, LEVELS.iter().copied());
    }
    Some(level)
}

/// Reads an address, with or without port.
fn address(fields: &Fields<'_>, name: &'static str) -> Option<Address> {
    let text = fields.text(name)?;
    let parsed = match (text.parse::<SocketAddr>(), text.parse::<IpAddr>()) {
        (Ok(both), _) => Some(Address { ip: both.ip(), port: Some(both.port()) }),
        (_, Ok(ip)) => Some(Address { ip, port: None }),
        _ => None,
    };
    if parsed.is_none() {
        fields.reader().error_with_help(
            fields.span_of(name),
            format!("{name} cannot be {text:?}"),
            "write an IP address, such as \"10.0.0.1\"; names and templates are not supported",
        );
    }
    parsed
}

fn ports(fields: &Fields<'_>, before: Ports) -> Ports {
    let Some(block) = fields.block("ports") else { return before };
    let inner = Fields::new(fields.reader(), &block.body, "ports");
    let ports = Ports {
        http: inner.number("http").or(before.http),
        rpc: inner.number("rpc").or(before.rpc),
        serf: inner.number("serf").or(before.serf),
    };
    inner.finish();
    ports
}

fn advertise(fields: &Fields<'_>, before: Advertise) -> Advertise {
    let Some(block) = fields.block("advertise") else { return before };
    let inner = Fields::new(fields.reader(), &block.body, "advertise");
    let advertise = Advertise {
        http: address(&inner, "http").or(before.http),
        rpc: address(&inner, "rpc").or(before.rpc),
        serf: address(&inner, "serf").or(before.serf),
    };
    inner.finish();
    advertise
}

fn server(fields: &Fields<'_>, before: ServerSettings) -> ServerSettings {
    let Some(block) = fields.block("server") else { return before };
    let inner = Fields::new(fields.reader(), &block.body, "server");
    let mut retry_join = before.retry_join;
    retry_join.extend(inner.texts("retry_join").unwrap_or_default());
    retry_join.extend(inner.texts("start_join").unwrap_or_default());
    retry_join.extend(server_join(&inner));
    let settings = ServerSettings {
        enabled: inner.flag("enabled").or(before.enabled),
        bootstrap_expect: inner.number("bootstrap_expect").or(before.bootstrap_expect),
        retry_join,
        num_schedulers: inner.number("num_schedulers").or(before.num_schedulers),
    };
    if settings.bootstrap_expect == Some(0) {
        fields.reader().error(inner.span_of("bootstrap_expect"), "bootstrap_expect must be at least 1");
    }
    if settings.num_schedulers.is_some_and(|number| !(1..=SCHEDULERS_MAX).contains(&number)) {
        let message = format!("num_schedulers must be from 1 to {SCHEDULERS_MAX}");
        fields.reader().error(inner.span_of("num_schedulers"), message);
    }
    if let Some(attribute) = inner.attribute("encrypt") {
        fields.reader().error_with_help(
            &attribute.span,
            "encryption between servers is not supported by this version",
            "remove it only if the network is trusted",
        );
    }
    inner.ignore(&[
        "raft_protocol",
        "protocol_version",
        "enabled_schedulers",
        "retry_interval",
        "retry_max",
        "rejoin_after_leave",
        "heartbeat_grace",
        "min_heartbeat_ttl",
        "max_heartbeats_per_second",
        "node_gc_threshold",
        "job_gc_threshold",
        "job_gc_interval",
        "eval_gc_threshold",
        "deployment_gc_threshold",
        "authoritative_region",
        "non_voting_server",
        "upgrade_version",
        "redundancy_zone",
        "default_scheduler_config",
        "plan_rejection_tracker",
    ]);
    inner.finish();
    settings
}

fn server_join(fields: &Fields<'_>) -> Vec<String> {
    let Some(block) = fields.block("server_join") else { return Vec::new() };
    let inner = Fields::new(fields.reader(), &block.body, "server_join");
    let mut servers = inner.texts("retry_join").unwrap_or_default();
    servers.extend(inner.texts("start_join").unwrap_or_default());
    inner.ignore(&["retry_interval", "retry_max"]);
    inner.finish();
    servers
}

fn client(fields: &Fields<'_>, before: ClientSettings) -> ClientSettings {
    let Some(block) = fields.block("client") else { return before };
    let inner = Fields::new(fields.reader(), &block.body, "client");
    let mut servers = before.servers;
    servers.extend(inner.texts("servers").unwrap_or_default());
    servers.extend(server_join(&inner));
    let mut meta = before.meta;
    meta.extend(inner.text_map("meta").unwrap_or_default());
    let mut options = before.options;
    options.extend(inner.text_map("options").unwrap_or_default());
    let settings = ClientSettings {
        enabled: inner.flag("enabled").or(before.enabled),
        servers,
        node_class: inner.text("node_class").or(before.node_class),
        node_pool: inner.text("node_pool").or(before.node_pool),
        meta,
        options,
        network_interface: inner.text("network_interface").or(before.network_interface),
        network_mbits: inner.number("network_speed").or(before.network_mbits),
        cpu_mhz: inner.number("cpu_total_compute").or(before.cpu_mhz),
        memory_mb: inner.number("memory_total_mb").or(before.memory_mb),
        disk_mb: inner.number("disk_total_mb").or(before.disk_mb),
        reserved: reserved(&inner, before.reserved),
        kill_timeout_max: inner.duration("max_kill_timeout").or(before.kill_timeout_max),
    };
    inner.ignore(&[
        "alloc_dir",
        "state_dir",
        "artifact",
        "bridge_network_name",
        "bridge_network_subnet",
        "chroot_env",
        "client_max_port",
        "client_min_port",
        "cni_config_dir",
        "cni_path",
        "disable_remote_exec",
        "drain_on_shutdown",
        "gc_disk_usage_threshold",
        "gc_inode_usage_threshold",
        "gc_interval",
        "gc_max_allocs",
        "gc_parallel_destroys",
        "host_network",
        "host_volume",
        "max_dynamic_port",
        "min_dynamic_port",
        "no_host_uuid",
        "template",
    ]);
    inner.finish();
    settings
}

fn reserved(fields: &Fields<'_>, before: ReservedResources) -> ReservedResources {
    let Some(block) = fields.block("reserved") else { return before };
    let inner = Fields::new(fields.reader(), &block.body, "reserved");
    let ports = match inner.text("reserved_ports") {
        Some(text) => port_list(&text).unwrap_or_else(|message| {
            fields.reader().error(inner.span_of("reserved_ports"), message);
            Vec::new()
        }),
        None => before.ports,
    };
    let reserved = ReservedResources {
        cpu_mhz: inner.number("cpu").unwrap_or(before.cpu_mhz),
        memory_mb: inner.number("memory").unwrap_or(before.memory_mb),
        disk_mb: inner.number("disk").unwrap_or(before.disk_mb),
        ports,
    };
    inner.ignore(&["cores"]);
    inner.finish();
    reserved
}

/// Reads `22,80,8500-8600`.
fn port_list(text: &str) -> Result<Vec<u16>, String> {
    let mut ports = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let bad = || format!("{part:?} is neither a port nor a range of ports such as \"8500-8600\"");
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let first: u16 = first.trim().parse().map_err(|_| bad())?;
        let last: u16 = last.trim().parse().map_err(|_| bad())?;
        if first == 0 || first > last {
            return Err(bad());
        }
        ports.extend(first..=last);
    }
    ports.sort_unstable();
    ports.dedup();
    Ok(ports)
}

/// Reads today's spelling of a driver's options: `plugin "raw_exec" { config { enabled = true } }`.
fn plugin(reader: &Reader, block: &Block, options: &mut BTreeMap<String, String>) {
    let Some(label) = reader.label(block) else { return };
    if label.text != "raw_exec" {
        reader.warn(
            &block.span,
            format!("plugin {:?} has no effect yet", label.text),
            "it is accepted and ignored",
        );
        return;
    }
    let fields = Fields::new(reader, &block.body, "plugin \"raw_exec\"");
    if let Some(config) = fields.block("config") {
        let inner = Fields::new(reader, &config.body, "config");
        if let Some(enabled) = inner.flag("enabled") {
            options.insert("driver.raw_exec.enable".to_owned(), if enabled { "1" } else { "0" }.to_owned());
        }
        inner.ignore(&["no_cgroups", "denied_envvars", "denied_host_uids", "denied_host_gids"]);
        inner.finish();
    }
    fields.ignore(&["args"]);
    fields.finish();
}

/// Refuses protection this version does not have, so that nobody believes to have it; switched off it is fine.
fn protection(reader: &Reader, block: &Block) {
    let switched_on = block.body.attributes.iter().find(|attribute| {
        matches!(attribute.name.as_str(), "enabled" | "http" | "rpc")
            && reader.flag(&attribute.value, &attribute.name) == Some(true)
    });
    if let Some(attribute) = switched_on {
        reader.error_with_help(
            &attribute.span,
            format!(
                "{:?} is not supported by this version: everybody who reaches a port is let in",
                block.name
            ),
            "remove it only if the network is trusted",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (AgentSettings, Vec<String>) {
        let (settings, warnings) =
            parse("agent.hcl", text, AgentSettings::default()).unwrap_or_else(|errors| panic!("{errors}"));
        (settings, warnings.iter().map(|one| one.message.clone()).collect())
    }

    fn errors(text: &str) -> Vec<String> {
        let errors = parse("agent.hcl", text, AgentSettings::default()).unwrap_err();
        errors.iter().map(Diagnostic::one_line).collect()
    }

    #[test]
    fn reads_the_workshops_keys() {
        let (settings, warnings) = read(
            r#"
            region = "global"
            datacenter = "dc1"
            data_dir = "/var/lib/nomad"
            bind_addr = "0.0.0.0"
            log_level = "INFO"
            enable_debug = true
            disable_update_check = true
            leave_on_interrupt = true
            ports { http = 4646 rpc = 4647 serf = 4648 }
            advertise { rpc = "10.20.30.5:4647" serf = "10.20.30.5" }
            client {
              enabled = true
              servers = ["10.20.30.2:4647", "10.20.30.3"]
              node_class = "docker"
              network_speed = 1000
              options { "driver.raw_exec.enable" = "1" }
              meta { rack = "r1" }
              reserved { cpu = 100 memory = "64" reserved_ports = "22,8500-8502" }
            }
            server { enabled = true bootstrap_expect = 3 num_schedulers = 2 retry_join = ["10.20.30.3"] }
            telemetry { statsite_address = "10.0.0.1:8125" }
            "#,
        );
        assert_eq!(settings.client.options["driver.raw_exec.enable"], "1");
        assert_eq!(settings.client.reserved.ports, [22, 8500, 8501, 8502]);
        assert_eq!(settings.client.servers.len(), 2);
        assert_eq!((settings.server.bootstrap_expect, settings.ports.serf), (Some(3), Some(4648)));
        assert_eq!(settings.advertise.rpc.unwrap().port, Some(4647));
        assert_eq!(settings.log_level.as_deref(), Some("info"));
        assert_eq!(warnings.len(), 3, "{warnings:#?}");
        assert!(warnings[0].contains("\"enable_debug\" in the agent configuration has no effect yet"));
    }

    #[test]
    fn reads_json() {
        let (settings, _) = read(
            r#" {"name": "a", "ports": {"http": 4646, "rpc": null}, "advertise": {"http": "127.0.0.1"},
                "server": {"enabled": true, "bootstrap_expect": 1},
                "client": {"enabled": false, "options": {"driver.raw_exec.enable": "1"}, "meta": {"a-b": 1}},
                "acl": {"enabled": false}, "vault": {"enabled": false}, "disable_update_check": true}"#,
        );
        assert_eq!((settings.name.as_deref(), settings.client.enabled), (Some("a"), Some(false)));
        assert_eq!(settings.client.options["driver.raw_exec.enable"], "1");
        assert_eq!(settings.client.meta["a-b"], "1");
        assert!(errors("{\"name\": }")[0].starts_with("agent.hcl:1:10: error: not JSON: expected value"));
        assert!(errors("{\n \"prots\": {}}")[0].starts_with("agent.hcl:2:2: error: unknown block \"prots\""));
    }

    #[test]
    fn later_files_win_and_lists_grow() {
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let (settings, _) = parse_all(&[
            file("a.hcl", "name = \"a\"\nserver { retry_join = [\"x\"] }\nclient { options { a = 1 b = 1 } }"),
            file("b.json", "{\"name\": \"b\", \"server\": {\"retry_join\": [\"y\"]}, \"client\": {\"options\": {\"b\": 2}}}"),
            file("c.hcl", "plugin \"raw_exec\" {\n config {\n enabled = true\n }\n}"),
        ])
        .unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(settings.name.as_deref(), Some("b"));
        assert_eq!(settings.server.retry_join, ["x", "y"]);
        let options = &settings.client.options;
        assert_eq!((options["a"].as_str(), options["b"].as_str()), ("1", "2"));
        assert_eq!(options["driver.raw_exec.enable"], "1");
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, error) in [
            (
                "datacentre = \"x\"",
                "unknown attribute \"datacentre\" in the agent configuration (did you mean \"datacenter\"?)",
            ),
            ("acl { enabled = true }", "\"acl\" is not supported by this version"),
            ("server { encrypt = \"x\" }", "encryption between servers is not supported"),
            ("bind_addr = \"eth0\"", "bind_addr cannot be \"eth0\""),
            ("ports { http = 70000 }", "http is too large: 70000"),
            ("log_level = \"lots\"", "unknown log level \"lots\""),
            ("server { bootstrap_expect = 0 }", "at least 1"),
            ("client { reserved { reserved_ports = \"9-1\" } }", "\"9-1\" is neither a port nor a range"),
            ("client = 3", "is a block, not an attribute"),
        ] {
            let found = errors(text);
            assert!(found.iter().any(|one| one.contains(error)), "{error} is not in {found:#?}");
        }
    }
}
