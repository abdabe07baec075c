//! Pasture: a declarative, reproducible cluster lab with a Nomad-compatible scheduler inside.
//!
//! The modules in reading order, each with its own front page. `docs/architecture.md` is the map.

pub mod model;

pub mod env;

pub mod jobspec;

pub mod state;

pub mod scheduler;

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
mod testing;
