//! `cpu.arch`.

use super::{Facts, Fingerprint, Machine};

/// The processor's architecture, by the names Go and hence Nomad use.
pub struct Arch;

impl Fingerprint for Arch {
    fn run(&self, _machine: &Machine<'_>, facts: &mut Facts) {
        let name = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "x86" => "386",
            "aarch64" => "arm64",
            other => other,
        };
        facts.set("cpu.arch", name);
    }
}
