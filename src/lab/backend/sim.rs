//! Labs in simulation: a machine is a simulated host, its agent a process there, an image a program.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use pasture_sim::{Boot, Direction, FaultError, Host, HostId, HostSpec, Room, RoomConfig, RoomError};

pub use pasture_sim::{Engine, Trace};

use super::{AGENT, Backend, BackendError};
use crate::agent::{Agent, AgentConfig, HTTP_PORT, RPC_PORT, ServerRole};
use crate::client::driver::image::{ImageDriver, ImageSpec};
use crate::client::driver::raw_exec::RawExec;
use crate::client::{ClientConfig, fingerprint};
use crate::env::Env;
use crate::env::sim::{INTERFACE, Machine as SimMachine, Program};
use crate::lab::program;
use crate::lab::spec::{LabSpec, Machine};

/// Where an agent keeps its files.
const DATA_DIR: &str = "/var/lib/pasture";

/// What is on a machine's disk beside what allocations may have, in MB: the log and its snapshots.
const SYSTEM_DISK_MB: u64 = 1_024;

/// What a simulated run grows from.
pub struct World {
    /// The lab.
    pub lab: LabSpec,
    /// Decides everything that is left to chance.
    pub seed: u64,
    /// What moves the machines.
    pub engine: Engine,
    /// How much of the run is written down.
    pub trace: Trace,
    /// Machines that are off at the start, by name.
    pub off: Vec<String>,
    /// Heartbeats and elections of the servers; their own when nothing is said.
    pub raft_timing: Option<crate::raft::Timing>,
    /// Plants a nondeterminism: machines get power in hash order. The determinism test has to catch it.
    pub planted: bool,
}

impl World {
    /// A lab with all machines on, of which only the hash is kept.
    pub fn new(lab: LabSpec, seed: u64) -> Self {
        Self {
            lab,
            seed,
            engine: Engine::Own,
            trace: Trace::Hash,
            off: Vec::new(),
            raft_timing: None,
            planted: false,
        }
    }

    /// Powers the machines and runs `operate` on the workstation until it returns.
    ///
    /// # Errors
    /// When the run itself breaks: a task panics, spins, or nothing is left that could happen.
    pub fn run<T, F>(self, operate: F) -> Result<Run<T>, RoomError>
    where
        T: Send + 'static,
        F: FnOnce(Arc<dyn Backend>) -> BoxFuture<'static, T> + Send + 'static,
    {
        let (least, most) = self.lab.network.latency;
        let config = RoomConfig {
            seed: self.seed,
            engine: self.engine,
            trace: self.trace,
            latency: least..=most,
            ..RoomConfig::default()
        };
        let workstation = HostSpec::new("workstation", IpAddr::V4(self.lab.workstation()));
        let (lab, off, timing, planted) = (self.lab, self.off, self.raft_timing, self.planted);
        let finished = pasture_sim::run(config, workstation, move |room, host| async move {
            let backend = SimBackend::build(lab, room, &host, timing);
            for machine in boot_order(&backend.spec, planted) {
                if !off.contains(&machine.name) {
                    let on = backend.power_on(&machine.name).await;
                    on.expect("a machine of the lab can be switched on");
                }
            }
            operate(Arc::new(backend)).await
        })?;
        Ok(Run {
            value: finished.value,
            trace_hash: finished.trace_hash,
            events: finished.events,
            simulated: finished.simulated,
        })
    }
}

/// What a simulated run left behind.
#[derive(Clone, Debug)]
pub struct Run<T> {
    /// What was returned on the workstation.
    pub value: T,
    /// Hash of everything that happened.
    pub trace_hash: u64,
    /// Packets, starts, ends, faults and notes, counted.
    pub events: u64,
    /// How much simulated time went by.
    pub simulated: Duration,
}

struct SimBackend {
    spec: LabSpec,
    room: Room,
    workstation: Env,
    hosts: BTreeMap<String, Simulated>,
}

/// A machine with what starts its agent.
struct Simulated {
    id: HostId,
    agent: Boot,
}

impl SimBackend {
    /// Adds all machines to the room, without power.
    fn build(spec: LabSpec, room: Room, workstation: &Host, timing: Option<crate::raft::Timing>) -> Self {
        let servers: Vec<String> = spec
            .machines()
            .iter()
            .filter(|machine| machine.roles.server)
            .map(|machine| format!("{}:{RPC_PORT}", machine.address))
            .collect();
        let programs = programs(&spec);
        let mut hosts = BTreeMap::new();
        for machine in spec.machines() {
            let address = IpAddr::V4(machine.address);
            let disk_bytes = (u64::from(machine.disk_mb) + SYSTEM_DISK_MB) << 20;
            let host = HostSpec { disk_bytes, ..HostSpec::new(machine.name.clone(), address) };
            let id = room.add_host(host).expect("names and addresses of a lab differ");
            let config = agent_config(&spec, &machine, &servers, timing);
            let agent =
                agent_boot(config, SimMachine::new(programs.clone(), spec.network.prefix), room.clone());
            room.install(id, init_boot(agent.clone()));
            hosts.insert(machine.name.clone(), Simulated { id, agent });
        }
        let machine = SimMachine::new(BTreeMap::new(), spec.network.prefix);
        let workstation = crate::env::sim::env(workstation.clone(), machine);
        Self { spec, room, workstation, hosts }
    }

    fn host(&self, machine: &str) -> Result<&Simulated, BackendError> {
        self.hosts.get(machine).ok_or_else(|| BackendError::NoMachine(machine.to_owned()))
    }

    fn ids(&self, machines: &[String]) -> Result<Vec<HostId>, BackendError> {
        machines.iter().map(|machine| Ok(self.host(machine)?.id)).collect()
    }
}

impl Backend for SimBackend {
    fn spec(&self) -> &LabSpec {
        &self.spec
    }

    fn workstation(&self) -> &Env {
        &self.workstation
    }

    fn now(&self) -> Duration {
        self.room.now()
    }

    fn is_on(&self, machine: &str) -> bool {
        self.hosts.get(machine).is_some_and(|host| self.room.is_powered(host.id))
    }

    fn power_on<'a>(&'a self, machine: &'a str) -> BoxFuture<'a, Result<(), BackendError>> {
        async move {
            if self.is_on(machine) {
                return Ok(());
            }
            Ok(self.room.power_on(self.host(machine)?.id).await?)
        }
        .boxed()
    }

    fn power_off<'a>(&'a self, machine: &'a str) -> BoxFuture<'a, Result<(), BackendError>> {
        async move { Ok(self.room.power_off(self.host(machine)?.id).await?) }.boxed()
    }

    fn kill<'a>(&'a self, machine: &'a str, process: &'a str) -> BoxFuture<'a, Result<(), BackendError>> {
        async move { Ok(self.room.kill(self.host(machine)?.id, process).await?) }.boxed()
    }

    fn start<'a>(&'a self, machine: &'a str, process: &'a str) -> BoxFuture<'a, Result<(), BackendError>> {
        async move {
            let host = self.host(machine)?;
            if process != AGENT {
                return Err(BackendError::Unsupported(format!(
                    "only the process {AGENT:?} can be started by hand; tasks are started by it"
                )));
            }
            let agent = host.agent.clone();
            self.room.start_process(host.id, AGENT, move |own| agent(own)).await?;
            Ok(())
        }
        .boxed()
    }

    fn partition(&self, from: &[String], to: &[String], both: bool) -> Result<(), BackendError> {
        let direction = if both { Direction::Both } else { Direction::OneWay };
        Ok(self.room.partition(&self.ids(from)?, &self.ids(to)?, direction)?)
    }

    fn heal(&self) -> Result<(), BackendError> {
        self.room.heal_all();
        Ok(())
    }

    fn note(&self, line: &str) {
        self.room.note(line);
    }
}

impl From<FaultError> for BackendError {
    fn from(error: FaultError) -> Self {
        match error {
            FaultError::Unsupported { .. } => Self::Unsupported(error.to_string()),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Returns the machines in the order in which they get power: the lab's, unless a mistake is planted.
fn boot_order(lab: &LabSpec, planted: bool) -> Vec<Machine> {
    if !planted {
        return lab.machines();
    }
    let hashed: std::collections::HashMap<String, Machine> =
        lab.machines().into_iter().map(|machine| (machine.name.clone(), machine)).collect();
    hashed.into_values().collect()
}

/// What a machine does when it gets power: it starts its agent, as a process that can be killed alone.
fn init_boot(agent: Boot) -> Boot {
    Arc::new(move |host: Host| {
        let agent = agent.clone();
        async move {
            host.new_process(AGENT, move |own| agent(own));
        }
        .boxed()
    })
}

/// What the agent's process does.
fn agent_boot(config: AgentConfig, machine: Arc<SimMachine>, room: Room) -> Boot {
    Arc::new(move |host: Host| {
        let (config, room, name) = (config.clone(), room.clone(), host.name().to_owned());
        let env = crate::env::sim::env(host, machine.clone());
        async move {
            match Agent::start(env, config).await {
                // It runs until it is killed; what it started lives in its tasks.
                Ok(agent) => {
                    std::future::pending::<()>().await;
                    drop(agent);
                }
                Err(error) => room.note(&format!("the agent of {name} did not start: {error}")),
            }
        }
        .boxed()
    })
}

fn agent_config(
    lab: &LabSpec,
    machine: &Machine,
    servers: &[String],
    timing: Option<crate::raft::Timing>,
) -> AgentConfig {
    let server = machine.roles.server.then(|| ServerRole {
        bootstrap_expect: u32::try_from(servers.len()).unwrap_or(u32::MAX),
        retry_join: servers.to_vec(),
        raft_timing: timing.unwrap_or_default(),
        ..ServerRole::default()
    });
    AgentConfig {
        name: machine.name.clone(),
        region: "global".to_owned(),
        datacenter: machine.datacenter.clone(),
        data_dir: PathBuf::from(DATA_DIR),
        bind: std::net::Ipv4Addr::UNSPECIFIED.into(),
        http_port: HTTP_PORT,
        rpc_port: RPC_PORT,
        advertise: machine.address.into(),
        server,
        client: machine.roles.client.then(|| client_config(lab, machine, servers)),
    }
}

fn client_config(lab: &LabSpec, machine: &Machine, servers: &[String]) -> ClientConfig {
    let mut drivers: Vec<Arc<dyn crate::client::driver::Driver>> = Vec::new();
    if !lab.images.is_empty() {
        let known = lab.images.iter().map(|(name, image)| (name.clone(), ImageSpec { pull: image.pull }));
        drivers.push(Arc::new(ImageDriver::new("docker", known.collect())));
    }
    if !lab.programs.is_empty() {
        drivers.push(Arc::new(RawExec::new(true, BTreeMap::new())));
    }
    ClientConfig {
        data_dir: PathBuf::from(DATA_DIR),
        servers: servers.to_vec(),
        name: machine.name.clone(),
        datacenter: machine.datacenter.clone(),
        class: machine.class.clone(),
        pool: machine.pool.clone(),
        meta: machine.meta.clone(),
        network_interface: INTERFACE.to_owned(),
        network_mbits: machine.mbits,
        cpu_mhz: Some(machine.cpu_mhz),
        memory_mb: Some(machine.memory_mb),
        disk_mb: Some(machine.disk_mb),
        attributes: machine.attributes.clone(),
        fingerprints: fingerprint::portable(),
        drivers,
        ..ClientConfig::default()
    }
}

/// Returns what the machines of a lab can run: images under the name their driver asks for, commands under their own.
fn programs(lab: &LabSpec) -> BTreeMap<String, Program> {
    let images = lab.images.iter().map(|(name, image)| (format!("image:{name}"), image));
    let commands = lab.programs.iter().map(|(name, command)| (name.clone(), command));
    images.chain(commands).map(|(name, spec)| (name, program::simulated(spec.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::client::{Api, Options};

    fn lab() -> LabSpec {
        let text = include_str!("../../../labs/open-kitchen.hcl");
        crate::lab::spec::parse("open-kitchen.hcl", text).expect("the lab is right")
    }

    #[test]
    fn nine_machines_become_a_cluster() {
        let run = World::new(lab(), 1).run(|backend| {
            async move {
                let api = Api::new(backend.workstation().clone(), "10.20.30.2:4646");
                loop {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    let nodes = api.nodes(&Options::default()).await.map(|nodes| nodes.value);
                    backend.note(&format!("{:?}", nodes.as_ref().map(Vec::len)));
                    if nodes
                        .is_ok_and(|nodes| nodes.iter().filter(|node| node.status == "ready").count() == 9)
                    {
                        return backend.now();
                    }
                    assert!(backend.now() < Duration::from_secs(60), "nine nodes are ready within a minute");
                }
            }
            .boxed()
        });
        let run = run.expect("the run ends well");
        assert!(run.value < Duration::from_secs(30), "{:?}", run.value);
    }
}
