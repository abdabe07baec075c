//! `unique.storage.volume`, `unique.storage.bytestotal`, `unique.storage.bytesfree`, and the node's disk.

use super::{Facts, Fingerprint, Machine};

/// The file system that holds the agent's data, which is where allocations keep theirs.
pub struct Storage;

impl Fingerprint for Storage {
    fn run(&self, machine: &Machine<'_>, facts: &mut Facts) {
        let folder = &machine.config.data_dir;
        let Ok(space) = machine.env.disk.space(folder) else { return };
        facts.resources.disk_mb = u32::try_from(space.free_bytes >> 20).unwrap_or(u32::MAX);
        facts.set("unique.storage.volume", folder.display());
        facts.set("unique.storage.bytestotal", space.total_bytes);
        facts.set("unique.storage.bytesfree", space.free_bytes);
    }
}
