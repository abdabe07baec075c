//! Finds out what the machine is and offers, one source of facts a file.
//!
//! Attributes have Nomad's names, because jobs name them in constraints. A source that finds nothing, because the
//! machine is another kind of machine, adds nothing; what the configuration declares is added last and wins.
//!
//! [`real`] lists the sources for the machine the agent runs on, [`portable`] those that ask nothing but the network and
//! the disk: for a machine whose other facts are declared.

pub mod arch;
pub mod cpu;
pub mod host;
pub mod kernel;
pub mod memory;
pub mod network;
pub mod nomad;
pub mod storage;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::client::config::ClientConfig;
use crate::env::Env;
use crate::model::NodeResources;

/// One source of facts about the machine. Called where blocking is allowed.
pub trait Fingerprint: Send + Sync {
    /// Adds what it finds out.
    fn run(&self, machine: &Machine<'_>, facts: &mut Facts);
}

/// What a source may ask.
pub struct Machine<'a> {
    /// The door to the machine.
    pub env: &'a Env,
    /// What the operator says.
    pub config: &'a ClientConfig,
}

impl Machine<'_> {
    /// Returns the text of a file the system tells about itself in, trimmed; `None` when it has none such.
    pub fn system_file(&self, path: &str) -> Option<String> {
        let bytes = self.env.disk.read(Path::new(path)).ok()?;
        Some(String::from_utf8_lossy(&bytes).trim().to_owned())
    }
}

/// What was found out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// By name, such as `kernel.name`.
    pub attributes: BTreeMap<String, String>,
    /// What the machine offers.
    pub resources: NodeResources,
}

impl Facts {
    /// Notes an attribute, unless it is empty.
    pub fn set(&mut self, name: &str, value: impl ToString) {
        let value = value.to_string();
        if !value.is_empty() {
            self.attributes.insert(name.to_owned(), value);
        }
    }
}

/// Returns the sources for the machine the agent runs on.
pub fn real() -> Vec<Arc<dyn Fingerprint>> {
    let mut sources: Vec<Arc<dyn Fingerprint>> = vec![
        Arc::new(arch::Arch),
        Arc::new(cpu::Cpu),
        Arc::new(memory::Memory),
        Arc::new(kernel::Kernel),
        Arc::new(host::Host),
    ];
    sources.extend(portable());
    sources
}

/// Returns the sources for a machine whose kernel, CPU and memory are declared.
pub fn portable() -> Vec<Arc<dyn Fingerprint>> {
    vec![Arc::new(network::Network), Arc::new(storage::Storage), Arc::new(nomad::Nomad)]
}

/// Asks all sources of the configuration, then adds what it declares.
pub fn run(env: &Env, config: &ClientConfig) -> Facts {
    let mut facts = Facts::default();
    let machine = Machine { env, config };
    for source in &config.fingerprints {
        source.run(&machine, &mut facts);
    }
    if let Some(cpu_mhz) = config.cpu_mhz {
        facts.resources.cpu_mhz = cpu_mhz;
        facts.set("cpu.totalcompute", cpu_mhz);
    }
    if let Some(memory_mb) = config.memory_mb {
        facts.resources.memory_mb = memory_mb;
        facts.set("memory.totalbytes", u64::from(memory_mb) << 20);
    }
    if let Some(disk_mb) = config.disk_mb {
        facts.resources.disk_mb = disk_mb;
    }
    facts.attributes.extend(config.attributes.clone());
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_facts_win_and_nothing_else_of_the_machine_shows() {
        let folder = tempfile::tempdir().unwrap();
        let config = ClientConfig {
            data_dir: folder.path().to_owned(),
            fingerprints: portable(),
            cpu_mhz: Some(2500),
            memory_mb: Some(1704),
            disk_mb: Some(7493),
            attributes: [("kernel.name".to_owned(), "linux".to_owned())].into(),
            ..ClientConfig::default()
        };
        let facts = run(&crate::env::real::env(), &config);
        let resources = &facts.resources;
        assert_eq!((resources.cpu_mhz, resources.memory_mb, resources.disk_mb), (2500, 1704, 7493));
        assert_eq!(facts.attributes["kernel.name"], "linux");
        assert_eq!(facts.attributes["memory.totalbytes"], "1786773504");
        assert!(
            !facts.attributes.contains_key("cpu.arch") && !facts.attributes.contains_key("unique.hostname")
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_real_machine_has_the_attributes_jobs_ask_for() {
        let folder = tempfile::tempdir().unwrap();
        let config = ClientConfig { data_dir: folder.path().to_owned(), ..ClientConfig::default() };
        let facts = run(&crate::env::real::env(), &config);
        for name in [
            "cpu.arch",
            "cpu.numcores",
            "cpu.frequency",
            "cpu.totalcompute",
            "memory.totalbytes",
            "kernel.name",
            "kernel.version",
            "os.name",
            "unique.hostname",
            "unique.network.ip-address",
            "unique.storage.bytestotal",
            "nomad.version",
        ] {
            assert!(facts.attributes.contains_key(name), "{name} in {:?}", facts.attributes);
        }
        let resources = &facts.resources;
        assert!(resources.cpu_mhz > 0 && resources.memory_mb > 0 && resources.disk_mb > 0, "{resources:?}");
        assert_eq!(resources.networks.len(), 1);
    }
}
