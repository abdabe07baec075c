//! `memory.totalbytes`, and the node's memory.

use super::{Facts, Fingerprint, Machine};

/// The machine's memory.
pub struct Memory;

impl Fingerprint for Memory {
    fn run(&self, machine: &Machine<'_>, facts: &mut Facts) {
        let info = machine.system_file("/proc/meminfo").unwrap_or_default();
        let Some(bytes) = total_bytes(&info) else { return };
        facts.resources.memory_mb = u32::try_from(bytes >> 20).unwrap_or(u32::MAX);
        facts.set("memory.totalbytes", bytes);
    }
}

fn total_bytes(info: &str) -> Option<u64> {
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_total() {
        assert_eq!(total_bytes("MemTotal:        2048 kB\nMemFree: 1 kB\n"), Some(2 << 20));
        assert_eq!(total_bytes("MemFree: 1 kB\n"), None);
    }
}
