//! `nomad.version`, `pasture.version`, `nomad.advertise.address`.

use super::{Facts, Fingerprint, Machine};

/// The version of Nomad whose behaviour jobs may count on, for constraints that ask for it.
pub const NOMAD_VERSION: &str = "1.8.4";

/// The agent itself.
pub struct Nomad;

impl Fingerprint for Nomad {
    fn run(&self, machine: &Machine<'_>, facts: &mut Facts) {
        facts.set("nomad.version", NOMAD_VERSION);
        facts.set("pasture.version", env!("CARGO_PKG_VERSION"));
        facts.set("nomad.advertise.address", &machine.config.http_addr);
    }
}
