//! What a lab runs on. One small trait; a backend is one file and one line in whoever starts it.

pub mod sim;

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::spec::LabSpec;
use crate::env::Env;

/// The process of a machine that is its agent.
pub const AGENT: &str = "agent";

/// A running lab, as a scenario drives it. Machines are called by the names the lab gives them.
pub trait Backend: Send + Sync {
    /// Returns what the lab declares.
    fn spec(&self) -> &LabSpec;

    /// Returns the door of the workstation, from which the cluster is operated over its network.
    fn workstation(&self) -> &Env;

    /// Returns the lab time since the machines were first powered.
    fn now(&self) -> Duration;

    /// Tells whether a machine has power.
    fn is_on(&self, machine: &str) -> bool;

    /// Gives a machine power; one that has it is left alone.
    fn power_on<'a>(&'a self, machine: &'a str) -> BoxFuture<'a, Result<(), BackendError>>;

    /// Cuts a machine's power: what its disk was not told to keep is gone.
    fn power_off<'a>(&'a self, machine: &'a str) -> BoxFuture<'a, Result<(), BackendError>>;

    /// Kills one process of a machine, as `kill -9` does.
    fn kill<'a>(&'a self, machine: &'a str, process: &'a str) -> BoxFuture<'a, Result<(), BackendError>>;

    /// Starts a killed agent again; what else ran is started by the agent.
    fn start<'a>(&'a self, machine: &'a str, process: &'a str) -> BoxFuture<'a, Result<(), BackendError>>;

    /// Cuts what `from` sends to `to`, and with `both` what comes back.
    fn partition(&self, from: &[String], to: &[String], both: bool) -> Result<(), BackendError>;

    /// Mends every cut.
    fn heal(&self) -> Result<(), BackendError>;

    /// Puts a line into the run's trace, where there is one.
    fn note(&self, line: &str);
}

/// Why a backend did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// No machine of that name.
    #[error("the lab has no machine {0:?}")]
    NoMachine(String),
    /// This backend cannot do it.
    #[error("{0}")]
    Unsupported(String),
    /// It went wrong.
    #[error("{0}")]
    Failed(String),
}
