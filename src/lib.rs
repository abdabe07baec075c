//! Pasture: a declarative, reproducible cluster lab with a Nomad-compatible scheduler inside.
//!
//! The modules in reading order, each with its own front page.

pub mod model;

pub mod env;

pub mod rpc;

pub mod client;

pub mod raft;

pub mod api;

pub mod jobspec;

pub mod lab;

pub mod scenario;

pub mod state;

pub mod cli;
pub mod scheduler;

pub mod server;
