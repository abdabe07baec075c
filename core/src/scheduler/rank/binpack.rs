//! How full a node would be.

use crate::model::Amounts;
use crate::scheduler::Algorithm;

/// The highest value of the formulas, by which they are scaled to 1.
const SCORE_MAX: f64 = 18.0;

/// Scores a node that offers `capacity` to allocations and of which `used` would be taken, from 0.0 to 1.0.
///
/// Binpack: `(20 - 10^free_cpu - 10^free_memory) / 18`; spread: `(10^free_cpu + 10^free_memory - 2) / 18`. The free
/// shares are fractions of what the node offers after its own reservation. Disk does not count. Source: Nomad
/// `nomad/structs/funcs.go`, `ScoreFitBinPack` and `ScoreFitSpread`.
pub fn score(capacity: &Amounts, used: &Amounts, algorithm: Algorithm) -> f64 {
    let free = |offered: u64, taken: u64| {
        if offered == 0 { 0.0 } else { 1.0 - taken as f64 / offered as f64 }
    };
    let cpu = free(capacity.cpu_mhz, used.cpu_mhz);
    let memory = free(capacity.memory_mb, used.memory_mb);
    let total = 10_f64.powf(cpu) + 10_f64.powf(memory);
    let score = match algorithm {
        Algorithm::Binpack => 20.0 - total,
        Algorithm::Spread => total - 2.0,
    };
    score.clamp(0.0, SCORE_MAX) / SCORE_MAX
}
