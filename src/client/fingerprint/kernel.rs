//! `kernel.name`, `kernel.version`.

use super::{Facts, Fingerprint, Machine};

/// The operating system's kernel.
pub struct Kernel;

impl Fingerprint for Kernel {
    fn run(&self, machine: &Machine<'_>, facts: &mut Facts) {
        let name = match std::env::consts::OS {
            "macos" => "darwin",
            other => other,
        };
        facts.set("kernel.name", name);
        facts.set("kernel.version", machine.system_file("/proc/sys/kernel/osrelease").unwrap_or_default());
    }
}
