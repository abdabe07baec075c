//! One scenario in one world: seed and file in, verdict out.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::engine::{self, Failure};
use super::outcome::Outcome;
use super::spec::ScenarioSpec;
use crate::lab::backend::sim::World;

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What was recorded, up to the failure if there was one.
    pub outcome: Outcome,
    /// What went wrong, if anything.
    pub failure: Option<Failure>,
    /// Hash of everything that happened.
    pub trace_hash: u64,
    /// Packets, starts, ends, faults and notes, counted.
    pub events: u64,
    /// How much simulated time went by.
    pub simulated: Duration,
}

/// Plays `spec` in the world that `world` makes of its lab.
///
/// # Errors
/// When the run itself breaks, which is a bug: a task panicked or spun, or nothing was left that could happen.
pub fn simulate(spec: &ScenarioSpec, world: World) -> Result<Verdict, String> {
    let spec = Arc::new(spec.clone());
    let run =
        world.run(move |backend| engine::play(backend, spec).boxed()).map_err(|error| error.to_string())?;
    Ok(Verdict {
        outcome: run.value.outcome,
        failure: run.value.failure,
        trace_hash: run.trace_hash,
        events: run.events,
        simulated: run.simulated,
    })
}
