//! How full a node would be.

use crate::model::Node;
use crate::scheduler::Algorithm;
use crate::scheduler::fit::{Ask, Usage};

/// The highest value of the formulas, by which they are scaled to 1.
const SCORE_MAX: f64 = 18.0;

/// Scores how `node` would be filled with `ask` on top of `usage`, from 0.0 to 1.0.
///
/// Binpack: `(20 - 10^free_cpu - 10^free_memory) / 18`; spread: `(10^free_cpu + 10^free_memory - 2) / 18`. The free
/// shares are fractions of what the node offers after its own reservation. Disk does not count. Source: Nomad
/// `nomad/structs/funcs.go`, `ScoreFitBinPack` and `ScoreFitSpread`.
pub fn score(node: &Node, usage: &Usage, ask: &Ask, algorithm: Algorithm) -> f64 {
    let reserved = Usage::reserved(node);
    let free = |total: u32, reserved: u64, used: u64, asked: u64| {
        let offered = u64::from(total).saturating_sub(reserved);
        let taken = (used + asked).saturating_sub(reserved);
        if offered == 0 { 0.0 } else { 1.0 - taken as f64 / offered as f64 }
    };
    let cpu = free(node.resources.cpu_mhz, reserved.cpu_mhz, usage.cpu_mhz, ask.cpu_mhz);
    let memory = free(node.resources.memory_mb, reserved.memory_mb, usage.memory_mb, ask.memory_mb);
    let total = 10_f64.powf(cpu) + 10_f64.powf(memory);
    let score = match algorithm {
        Algorithm::Binpack => 20.0 - total,
        Algorithm::Spread => total - 2.0,
    };
    score.clamp(0.0, SCORE_MAX) / SCORE_MAX
}
