//! The command line.

pub mod agent_config;
pub mod commands {
    pub mod scenario;
    pub mod test;
}
pub mod suite;
