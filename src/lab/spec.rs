//! Lab files: the machines a cluster is made of, and what their images do.
//!
//! ```hcl
//! lab "open-kitchen" {
//!   network { cidr = "10.20.30.0/24"  latency = "500us" }
//!   machine "gce-small" { cpu = 2500  memory = 1704  disk = 7493  mbits = 1000 }
//!   group "nomad" { count = 3  machine = "gce-small"  datacenter = "sys1"  roles = ["server", "client"] }
//!   image "cargonauts/helloworld:v1" { pull = "3s"  start = "300ms"  serve "http" { port = 80  body = "Hello v1\n" } }
//! }
//! ```

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::RangeInclusive;
use std::time::Duration;

use crate::jobspec::diagnostic::{Diagnostics, Source, Span};
use crate::jobspec::hcl::{self, Block, Fields, Label, Reader, ValueKind};

/// How long a packet takes one way when nothing is said.
const LATENCY_DEFAULT: Duration = Duration::from_micros(500);
/// Bandwidth of a machine, in megabits a second, when nothing is said.
const MBITS_DEFAULT: u32 = 1000;
/// How many machines a group can have: more than any simulation can hold in memory.
const MACHINES_MAX: u32 = 100_000;
/// How many bits of a network may be fixed.
const PREFIXES: RangeInclusive<u8> = 8..=30;

/// A lab as its file declares it: complete, checked, every reference resolved.
#[derive(Clone, Debug, PartialEq)]
pub struct LabSpec {
    /// What scenarios call it.
    pub name: String,
    /// The network its machines share.
    pub network: NetworkSpec,
    /// The kinds of machine, by name.
    pub machine_types: BTreeMap<String, MachineType>,
    /// The groups of machines, in the order written.
    pub groups: Vec<MachineGroup>,
    /// What the `docker` driver can run, by image name with tag.
    pub images: BTreeMap<String, ProgramSpec>,
    /// What `raw_exec` and `exec` can run where processes are simulated, by command.
    pub programs: BTreeMap<String, ProgramSpec>,
    /// The file, for errors found later.
    pub source: Source,
}

/// The network of a lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// The network address.
    pub address: Ipv4Addr,
    /// How many bits of it are fixed.
    pub prefix: u8,
    /// How long a packet takes one way, least and most; a value in between is drawn for each connection.
    pub latency: (Duration, Duration),
}

/// A kind of machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineType {
    /// What groups call it.
    pub name: String,
    /// CPU over all cores, in MHz.
    pub cpu_mhz: u32,
    /// Memory, in MB.
    pub memory_mb: u32,
    /// Disk, in MB.
    pub disk_mb: u32,
    /// Bandwidth, in megabits a second.
    pub mbits: u32,
    /// Facts its fingerprint finds, such as `kernel.name`.
    pub attributes: BTreeMap<String, String>,
    /// The operator's own facts.
    pub meta: BTreeMap<String, String>,
    /// Where it is declared.
    pub span: Span,
}

/// Machines of one kind in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineGroup {
    /// Its name, which its machines' names begin with.
    pub name: String,
    /// How many machines.
    pub count: u32,
    /// The name of their machine type.
    pub machine_type: String,
    /// Their datacenter.
    pub datacenter: String,
    /// Their node class; may be empty.
    pub class: String,
    /// Their node pool.
    pub pool: String,
    /// What the agent on them is.
    pub roles: Roles,
    /// How they are named.
    pub naming: Naming,
    /// Facts their fingerprint finds, beside those of the machine type.
    pub attributes: BTreeMap<String, String>,
    /// The operator's own facts, beside those of the machine type.
    pub meta: BTreeMap<String, String>,
    /// Where its machine type is named.
    pub span: Span,
}

/// What the agent on a machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roles {
    /// It takes part in consensus.
    pub server: bool,
    /// It runs tasks.
    pub client: bool,
}

/// How the machines of a group are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// `nomad-01`, `nomad-02`: for machines that come back under their name.
    Numbered,
    /// `farm-01-jmja`: four characters that follow from lab, group and position, for machines that are replaced.
    Cattle,
}

/// What an image or a command does when it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramSpec {
    /// Image with tag, or command.
    pub name: String,
    /// How long a machine takes to fetch it the first time.
    pub pull: Duration,
    /// How long it takes from start to ready.
    pub start: Duration,
    /// When it exits by itself; never when nothing is said.
    pub run_for: Option<Duration>,
    /// What it exits with by itself.
    pub exit_code: i32,
    /// How long it takes to exit when asked to.
    pub stop: Duration,
    /// What it writes to its standard output when ready.
    pub stdout: String,
    /// What it answers, by port.
    pub serves: Vec<ServeSpec>,
    /// Where it is declared.
    pub span: Span,
}

/// One port a program answers on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeSpec {
    /// How it is spoken to.
    pub protocol: Protocol,
    /// The number inside the task; `port_map` or `to` of a job maps a label to it.
    pub port: u16,
    /// The status it answers with.
    pub status: u16,
    /// What it answers.
    pub body: String,
}

/// How a program is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1: any path is answered alike.
    Http,
}

/// One machine of a lab, with all that follows from its group and type.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    /// Its host name.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its group.
    pub group: String,
    /// Its position in the group, from 0.
    pub index: u32,
    /// Its datacenter.
    pub datacenter: String,
    /// Its node class; may be empty.
    pub class: String,
    /// Its node pool.
    pub pool: String,
    /// What the agent on it is.
    pub roles: Roles,
    /// CPU, in MHz.
    pub cpu_mhz: u32,
    /// Memory, in MB.
    pub memory_mb: u32,
    /// Disk, in MB.
    pub disk_mb: u32,
    /// Bandwidth, in megabits a second.
    pub mbits: u32,
    /// Facts its fingerprint finds.
    pub attributes: BTreeMap<String, String>,
    /// The operator's own facts.
    pub meta: BTreeMap<String, String>,
}

impl LabSpec {
    /// Returns the machines, group by group, with names and addresses.
    ///
    /// The first address of the network belongs to the workstation, the following ones to the machines in this order.
    pub fn machines(&self) -> Vec<Machine> {
        let mut machines = Vec::new();
        for group in &self.groups {
            for index in 0..group.count {
                let offset = u32::try_from(machines.len()).unwrap_or(u32::MAX);
                let address = self.network.host(offset.saturating_add(2));
                machines.push(self.machine(group, index, address));
            }
        }
        machines
    }

    /// Returns the address of the workstation, from which the cluster is operated.
    pub fn workstation(&self) -> Ipv4Addr {
        self.network.host(1)
    }

    /// Returns the machine `index` of a group, as it is at that address.
    fn machine(&self, group: &MachineGroup, index: u32, address: Ipv4Addr) -> Machine {
        let kind = self.machine_types.get(&group.machine_type);
        let merged = |of_type: Option<&BTreeMap<String, String>>, of_group: &BTreeMap<String, String>| {
            let mut all = of_type.cloned().unwrap_or_default();
            all.extend(of_group.clone());
            all
        };
        Machine {
            name: self.machine_name(group, index),
            address,
            group: group.name.clone(),
            index,
            datacenter: group.datacenter.clone(),
            class: group.class.clone(),
            pool: group.pool.clone(),
            roles: group.roles,
            cpu_mhz: kind.map_or(0, |kind| kind.cpu_mhz),
            memory_mb: kind.map_or(0, |kind| kind.memory_mb),
            disk_mb: kind.map_or(0, |kind| kind.disk_mb),
            mbits: kind.map_or(0, |kind| kind.mbits),
            attributes: merged(kind.map(|kind| &kind.attributes), &group.attributes),
            meta: merged(kind.map(|kind| &kind.meta), &group.meta),
        }
    }

    /// Returns the name of machine `index` of a group; indexes beyond its count name those that replace dead ones.
    pub fn machine_name(&self, group: &MachineGroup, index: u32) -> String {
        match group.naming {
            Naming::Numbered => format!("{}-{:02}", group.name, index + 1),
            Naming::Cattle => {
                format!("{}-{}", group.name, cattle_suffix(&format!("{}/{}/{index}", self.name, group.name)))
            }
        }
    }
}

impl NetworkSpec {
    /// Returns the address `offset` above the network's own.
    pub fn host(&self, offset: u32) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address).wrapping_add(offset))
    }

    /// Returns how many addresses machines and workstation can have.
    pub fn hosts(&self) -> u64 {
        (1_u64 << (32 - u32::from(self.prefix.min(32)))).saturating_sub(2)
    }
}

/// Returns four letters and digits that follow from a text alone, so that scenarios can name the machine in any seed.
fn cattle_suffix(text: &str) -> String {
    const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    // FNV-1a with a final mix: short and the same on every machine and release, which std's hashers do not promise.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    (0..4)
        .map(|place| {
            let digit = (hash >> (place * 12)) % 36;
            char::from(ALPHABET[usize::try_from(digit).unwrap_or(0)])
        })
        .collect()
}

/// Reads a lab file.
///
/// # Errors
/// With all that is wrong with it, each at its place.
pub fn parse(source_name: &str, text: &str) -> Result<LabSpec, Diagnostics> {
    let source = Source::new(source_name, text);
    let mut warnings = Diagnostics::new();
    let options = hcl::Options { crowded_lines: true, ..hcl::Options::default() };
    let body = hcl::parse(&source, options, &mut warnings)?;
    let reader = Reader::new(&source, warnings);
    let fields = Fields::new(&reader, &body, "the lab file");
    let blocks = fields.blocks("lab");
    fields.finish();
    let spec = match blocks.as_slice() {
        [] => {
            reader.error_with_help(&(0..0), "the file has no lab", "write lab \"name\" { ... }");
            None
        }
        [block, others @ ..] => {
            for other in others {
                reader.error_with_help(
                    &other.span,
                    "the file has more than one lab",
                    "give each a file of its own",
                );
            }
            Some(lab(&reader, block))
        }
    };
    reader.finish()?;
    spec.ok_or_else(Diagnostics::new)
}

fn lab(reader: &Reader, block: &Block) -> LabSpec {
    let name = reader.label(block).map(|label| label.text.clone()).unwrap_or_default();
    let fields = Fields::new(reader, &block.body, format!("lab {name:?}"));
    let spec = LabSpec {
        name,
        network: network(&fields),
        machine_types: named(&fields, "machine", machine_type),
        groups: groups(&fields),
        images: named(&fields, "image", |reader, block, name| program(reader, block, name, true)),
        programs: named(&fields, "program", |reader, block, name| program(reader, block, name, false)),
        source: reader.source().clone(),
    };
    fields.finish();
    check(reader, &spec, &block.span, |group| group.span.clone());
    spec
}

/// Reads the blocks of one type into a map by their names.
fn named<T>(
    fields: &Fields<'_>,
    kind: &'static str,
    read: impl Fn(&Reader, &Block, String) -> T,
) -> BTreeMap<String, T> {
    let reader = fields.reader();
    let mut all = BTreeMap::new();
    for block in fields.blocks(kind) {
        let Some(label) = reader.label(block) else { continue };
        let value = read(reader, block, label.text.clone());
        if all.insert(label.text.clone(), value).is_some() {
            another(fields, kind, label);
        }
    }
    all
}

/// Complains that a block has the name of one before it.
fn another(fields: &Fields<'_>, kind: &'static str, label: &Label) {
    let reader = fields.reader();
    let named = |block: &&Block| block.labels.first().is_some_and(|other| other.text == label.text);
    let first =
        fields.blocks(kind).into_iter().find(named).map_or(label.span.start, |block| block.span.start);
    let (line, _) = reader.source().position(first);
    let message = format!("there is another {kind} {:?}", label.text);
    reader.error_with_help(&label.span, message, format!("the first is in line {line}"));
}

fn network(fields: &Fields<'_>) -> NetworkSpec {
    let reader = fields.reader();
    let mut spec = NetworkSpec {
        address: Ipv4Addr::new(10, 0, 0, 0),
        prefix: 8,
        latency: (LATENCY_DEFAULT, LATENCY_DEFAULT),
    };
    let Some(block) = fields.block("network") else {
        reader.error_with_help(
            fields.head(),
            format!("{} has no network", fields.what()),
            "write network { cidr = \"10.20.30.0/24\" }",
        );
        return spec;
    };
    let inner = Fields::new(reader, &block.body, "network");
    let cidr = inner.required_text("cidr");
    match parse_cidr(&cidr) {
        Ok((address, prefix)) => (spec.address, spec.prefix) = (address, prefix),
        Err(_) if cidr.is_empty() => {}
        Err(message) => reader.error(inner.span_of("cidr"), message),
    }
    if let Some(attribute) = inner.attribute("latency") {
        spec.latency = match &attribute.value.kind {
            ValueKind::List(values) if values.len() == 2 => {
                let ends = [0, 1].map(|end| reader.duration(&values[end], "latency").unwrap_or_default());
                if ends[0] > ends[1] {
                    reader.error(&attribute.value.span, "the least latency is larger than the most");
                }
                (ends[0], ends[1])
            }
            ValueKind::List(_) => {
                reader.error(&attribute.value.span, "latency is one duration, or a list of least and most");
                spec.latency
            }
            _ => {
                let one = reader.duration(&attribute.value, "latency").unwrap_or_default();
                (one, one)
            }
        };
    }
    inner.finish();
    spec
}

/// Reads `10.20.30.0/24`.
fn parse_cidr(text: &str) -> Result<(Ipv4Addr, u8), String> {
    let bad = || {
        format!("{text:?} is no network; write an address and a number of bits, such as \"10.20.30.0/24\"")
    };
    let (address, prefix) = text.split_once('/').ok_or_else(bad)?;
    let address: Ipv4Addr = address.parse().map_err(|_| bad())?;
    let prefix: u8 = prefix.parse().map_err(|_| bad())?;
    if !PREFIXES.contains(&prefix) {
        let (least, most) = (PREFIXES.start(), PREFIXES.end());
        return Err(format!("a network of {prefix} bits is not supported; write {least} to {most}"));
    }
    let mask = u32::MAX << (32 - u32::from(prefix));
    let network = Ipv4Addr::from(u32::from(address) & mask);
    if network != address {
        return Err(format!(
            "{address} is not the first address of its network; write \"{network}/{prefix}\""
        ));
    }
    Ok((address, prefix))
}

fn machine_type(reader: &Reader, block: &Block, name: String) -> MachineType {
    let fields = Fields::new(reader, &block.body, format!("machine {name:?}"));
    let required = |field: &'static str| {
        if fields.attribute(field).is_none() {
            fields.missing(field);
        }
        fields.number(field).unwrap_or(0)
    };
    let spec = MachineType {
        cpu_mhz: required("cpu"),
        memory_mb: required("memory"),
        disk_mb: required("disk"),
        mbits: fields.number("mbits").unwrap_or(MBITS_DEFAULT),
        attributes: fields.text_map("attributes").unwrap_or_default(),
        meta: fields.text_map("meta").unwrap_or_default(),
        span: block.span.clone(),
        name,
    };
    fields.finish();
    spec
}

fn groups(fields: &Fields<'_>) -> Vec<MachineGroup> {
    let reader = fields.reader();
    let mut groups: Vec<MachineGroup> = Vec::new();
    for block in fields.blocks("group") {
        let Some(label) = reader.label(block) else { continue };
        if groups.iter().any(|group| group.name == label.text) {
            another(fields, "group", label);
        }
        if !is_host_name(&label.text) {
            reader.error_with_help(
                &label.span,
                format!("{:?} cannot begin the name of a machine", label.text),
                "use small letters, digits and -",
            );
        }
        let default = MachineGroup {
            name: label.text.clone(),
            count: 1,
            machine_type: String::new(),
            datacenter: "dc1".to_owned(),
            class: String::new(),
            pool: "default".to_owned(),
            roles: Roles { server: false, client: true },
            naming: Naming::Cattle,
            attributes: BTreeMap::new(),
            meta: BTreeMap::new(),
            span: block.span.clone(),
        };
        groups.push(group(reader, block, default));
    }
    groups
}

/// Reads a `group` block; what it does not say stays as in `before`. Scenarios change the groups of a lab this way.
pub(crate) fn group(reader: &Reader, block: &Block, before: MachineGroup) -> MachineGroup {
    let fields = Fields::new(reader, &block.body, format!("group {:?}", before.name));
    let roles = roles(&fields).unwrap_or(before.roles);
    // Servers come back under their names, clients are cattle.
    let is_new = before.machine_type.is_empty();
    let by_role = match (is_new, roles.server) {
        (false, _) => before.naming,
        (true, true) => Naming::Numbered,
        (true, false) => Naming::Cattle,
    };
    let mut attributes = before.attributes;
    attributes.extend(fields.text_map("attributes").unwrap_or_default());
    let mut meta = before.meta;
    meta.extend(fields.text_map("meta").unwrap_or_default());
    let machine_type = if is_new {
        fields.required_text("machine")
    } else {
        fields.text("machine").unwrap_or(before.machine_type)
    };
    let naming = match fields.text("names").as_deref() {
        Some("numbered") => Naming::Numbered,
        Some("cattle") => Naming::Cattle,
        Some(other) => {
            reader.unknown(fields.span_of("names"), "way to name machines", other, ["numbered", "cattle"]);
            by_role
        }
        None => by_role,
    };
    let count = fields.number("count").unwrap_or(before.count);
    if count > MACHINES_MAX {
        reader.error(fields.span_of("count"), format!("at most {MACHINES_MAX} machines can be declared"));
    }
    let group = MachineGroup {
        count: count.min(MACHINES_MAX),
        machine_type,
        datacenter: fields.text("datacenter").unwrap_or(before.datacenter),
        class: fields.text("class").unwrap_or(before.class),
        pool: fields.text("pool").unwrap_or(before.pool),
        roles,
        naming,
        attributes,
        meta,
        name: before.name,
        span: if is_new { fields.span_of("machine").clone() } else { before.span },
    };
    if let Some(attribute) = fields.attribute("heal") {
        reader.error_with_help(
            &attribute.span,
            "groups that replace their dead machines are not supported yet",
            "remove heal; a scenario can switch machines on and off itself",
        );
    }
    fields.finish();
    group
}

fn roles(fields: &Fields<'_>) -> Option<Roles> {
    let reader = fields.reader();
    let attribute = fields.attribute("roles")?;
    let names = reader.texts(&attribute.value, "roles")?;
    let mut roles = Roles { server: false, client: false };
    for (position, name) in names.iter().enumerate() {
        match name.as_str() {
            "server" => roles.server = true,
            "client" => roles.client = true,
            other => {
                let member = match &attribute.value.kind {
                    ValueKind::List(members) => members.get(position),
                    _ => None,
                };
                let span = member.map_or(&attribute.value.span, |member| &member.span);
                reader.unknown(span, "role", other, ["server", "client"]);
            }
        }
    }
    if names.is_empty() {
        reader.error(&attribute.value.span, "a machine is a server, a client, or both");
    }
    Some(roles)
}

fn program(reader: &Reader, block: &Block, name: String, is_image: bool) -> ProgramSpec {
    let kind = if is_image { "image" } else { "program" };
    let fields = Fields::new(reader, &block.body, format!("{kind} {name:?}"));
    let spec = ProgramSpec {
        pull: if is_image { fields.duration("pull").unwrap_or_default() } else { Duration::ZERO },
        start: fields.duration("start").unwrap_or_default(),
        run_for: fields.duration("run_for"),
        exit_code: fields.number("exit_code").unwrap_or(0),
        stop: fields.duration("stop").unwrap_or_default(),
        stdout: fields.text("stdout").unwrap_or_default(),
        serves: fields.blocks("serve").into_iter().filter_map(|block| serve(reader, block)).collect(),
        span: block.span.clone(),
        name,
    };
    fields.finish();
    spec
}

fn serve(reader: &Reader, block: &Block) -> Option<ServeSpec> {
    let label = reader.label(block)?;
    if label.text != "http" {
        reader.unknown(&label.span, "protocol", &label.text, ["http"]);
    }
    let fields = Fields::new(reader, &block.body, format!("serve {:?}", label.text));
    if fields.attribute("port").is_none() {
        fields.missing("port");
    }
    let spec = ServeSpec {
        protocol: Protocol::Http,
        port: fields.number("port").unwrap_or(0),
        status: fields.number("status").unwrap_or(200),
        body: fields.text("body").unwrap_or_default(),
    };
    if !(100..=599).contains(&spec.status) {
        reader.error(fields.span_of("status"), format!("{} is no HTTP status", spec.status));
    }
    fields.finish();
    Some(spec)
}

/// Checks what one block alone cannot show. `span` is the place of the lab, `span_of` that of a group.
pub(crate) fn check(reader: &Reader, spec: &LabSpec, span: &Span, span_of: impl Fn(&MachineGroup) -> Span) {
    for group in &spec.groups {
        if !group.machine_type.is_empty() && !spec.machine_types.contains_key(&group.machine_type) {
            let known = spec.machine_types.keys().map(String::as_str);
            reader.unknown(&span_of(group), "machine type", &group.machine_type, known);
        }
    }
    let machines: u64 = spec.groups.iter().map(|group| u64::from(group.count)).sum();
    // One address is the workstation's.
    if machines + 1 > spec.network.hosts() {
        reader.error(
            span,
            format!(
                "{machines} machines and the workstation do not fit into a network of {} addresses",
                spec.network.hosts()
            ),
        );
        return;
    }
    // Where something could not be read, what is missing may be just that.
    if !reader.has_errors() && !spec.groups.iter().any(|group| group.roles.server && group.count > 0) {
        reader.error_with_help(span, "no machine is a server", "give a group roles = [\"server\"]");
    }
    let mut names = BTreeMap::new();
    for machine in spec.machines() {
        if let Some(other) = names.insert(machine.name.clone(), machine.group.clone()) {
            reader.error(
                span,
                format!("groups {other:?} and {:?} both have a machine {:?}", machine.group, machine.name),
            );
            return;
        }
    }
}

/// Tells whether a text may be (the beginning of) a host name.
fn is_host_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 48
        && !text.starts_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAB: &str = r#"
        lab "small" {
          network { cidr = "10.20.30.0/24"  latency = ["300us", "700us"] }
          machine "box" { cpu = 2500  memory = 1704  disk = 7493  meta { rack = "a" } }
          group "nomad" { count = 3  machine = "box"  datacenter = "sys1"  class = "system"  roles = ["server", "client"] }
          group "farm" { count = 2  machine = "box"  class = "docker"  meta { rack = "b" } }
          image "hello:v1" { pull = "3s"  start = "300ms"  serve "http" { port = 80  body = "Hello\n" } }
        }"#;

    fn errors(text: &str) -> Vec<String> {
        parse("lab.hcl", text).unwrap_err().iter().map(|one| one.one_line()).collect()
    }

    #[test]
    fn machines_have_names_and_addresses() {
        let lab = parse("lab.hcl", LAB).unwrap_or_else(|error| panic!("{error}"));
        let machines = lab.machines();
        let names: Vec<&str> = machines.iter().map(|machine| machine.name.as_str()).collect();
        assert_eq!(&names[..3], ["nomad-01", "nomad-02", "nomad-03"]);
        assert!(names[3].starts_with("farm-") && names[3].len() == 9 && names[3] != names[4], "{names:?}");
        assert_eq!(machines[0].address, Ipv4Addr::new(10, 20, 30, 2));
        assert_eq!(machines[4].address, Ipv4Addr::new(10, 20, 30, 6));
        assert_eq!((machines[0].meta["rack"].as_str(), machines[4].meta["rack"].as_str()), ("a", "b"));
        assert_eq!(lab.images["hello:v1"].serves[0].body, "Hello\n");
        assert_eq!(lab.network.latency, (Duration::from_micros(300), Duration::from_micros(700)));
    }

    #[test]
    fn says_where_and_what_was_meant() {
        for (from, to, error) in [
            (
                "machine = \"box\"  class",
                "machine = \"bix\"  class",
                "lab.hcl:6:47: error: unknown machine type \"bix\" (did you mean \"box\"?)",
            ),
            (
                "roles = [\"server\", \"client\"]",
                "roles = [\"servers\", \"client\"]",
                "unknown role \"servers\" (did you mean \"server\"?)",
            ),
            ("10.20.30.0/24", "10.20.30.1/24", "write \"10.20.30.0/24\""),
            (
                "10.20.30.0/24",
                "10.20.30.0/30",
                "5 machines and the workstation do not fit into a network of 2",
            ),
            ("count = 2", "heal = \"90s\"", "not supported yet"),
            ("disk = 7493", "", "machine \"box\" has no \"disk\""),
            ("count = 2", "count = 2000000000", "at most"),
            ("serve \"http\"", "serve \"htpp\"", "unknown protocol \"htpp\" (did you mean \"http\"?)"),
        ] {
            let found = errors(&LAB.replace(from, to));
            assert!(found.iter().any(|one| one.contains(error)), "{error} is not in {found:#?}");
        }
        assert_eq!(errors(""), ["lab.hcl:1:1: error: the file has no lab (write lab \"name\" { ... })"]);
    }
}
