//! `cpu.numcores`, `cpu.frequency`, `cpu.totalcompute`, `cpu.modelname`, and the node's CPU.

use super::{Facts, Fingerprint, Machine};

/// What a core counts for where the system does not say how fast it is.
const MHZ_DEFAULT: u32 = 1_000;

/// Cores and their speed; the fastest core counts for all.
pub struct Cpu;

impl Fingerprint for Cpu {
    fn run(&self, machine: &Machine<'_>, facts: &mut Facts) {
        let info = machine.system_file("/proc/cpuinfo").unwrap_or_default();
        let cores =
            std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
        let mhz = max_frequency(machine).or_else(|| fastest(&info)).unwrap_or(MHZ_DEFAULT);
        let total = mhz.saturating_mul(cores);
        facts.resources.cpu_mhz = total;
        facts.set("cpu.numcores", cores);
        facts.set("cpu.frequency", mhz);
        facts.set("cpu.totalcompute", total);
        facts.set("cpu.modelname", field(&info, "model name").next().unwrap_or_default());
    }
}

/// Returns what the first core can run at, in MHz.
fn max_frequency(machine: &Machine<'_>) -> Option<u32> {
    let khz: u32 =
        machine.system_file("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")?.parse().ok()?;
    Some(khz / 1_000).filter(|mhz| *mhz > 0)
}

/// Returns what the fastest core runs at now, in MHz.
fn fastest(info: &str) -> Option<u32> {
    // Saturates, which for a frequency is never reached.
    let mhz = field(info, "cpu MHz").filter_map(|text| text.parse::<f64>().ok()).map(|mhz| mhz as u32);
    mhz.max().filter(|mhz| *mhz > 0)
}

/// Returns the values of a field of `/proc/cpuinfo`, one a core.
fn field<'a>(info: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    info.lines().filter_map(move |line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fastest_core_counts() {
        let info = "processor\t: 0\nmodel name\t: Fast CPU @ 2.50GHz\ncpu MHz\t\t: 1999.9\n\ncpu MHz\t\t: 2500.000\n";
        assert_eq!(fastest(info), Some(2500));
        assert_eq!(field(info, "model name").next(), Some("Fast CPU @ 2.50GHz"));
        assert_eq!(fastest("nothing: here"), None);
    }
}
