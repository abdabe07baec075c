//! Lab files: the machines a cluster is made of, and what their images do.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::jobspec::diagnostic::{Source, Span};

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
    /// Where it is declared.
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
