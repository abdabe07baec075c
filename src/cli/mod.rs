//! The command line.

pub mod agent_config;
pub mod suite;
