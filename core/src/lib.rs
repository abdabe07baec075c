//! The pure core of Pasture: the nouns of a cluster, its replicated state, and the scheduler.
//!
//! Three modules in reading order: [`model`] names things, [`state`] keeps them, [`scheduler`] decides about them.
//!
//! # Invariants
//! - No IO, no clock, no randomness of its own, no `async`, no thread: what is needed is given from outside, so the crate
//!   can be used as a library, tried on a laptop and replayed from a seed.
//! - Nothing here knows of networks, disks, job files or HTTP.

pub mod model;

pub mod state;

pub mod scheduler;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
