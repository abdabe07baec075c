//! Pasture: a declarative, reproducible cluster lab with a Nomad-compatible scheduler inside.
//!
//! The modules in reading order, each with its own front page. `docs/architecture.md` is the map.

pub use pasture_core::{model, scheduler, state};

pub use pasture_jobspec as jobspec;

pub mod env;

pub mod rpc;

pub mod raft;

pub mod server;

pub mod client;

pub mod api;

pub mod agent;

pub mod lab;

pub mod scenario;

pub mod cli;

#[cfg(test)]
use pasture_core::testing;
