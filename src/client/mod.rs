//! The client: makes a machine a node of the cluster and runs what the servers place there.
//!
//! It finds out what the machine offers ([`fingerprint`]), introduces itself and stays in touch ([`registration`],
//! [`heartbeat`]), asks what shall run ([`alloc_sync`]), runs it ([`alloc`], [`task`], [`driver`]) and reports what it
//! sees ([`updates`]). [`Client`] ties these together; [`state_db`] is what it remembers across restarts.
//!
//! # Vocabulary
//! - *fingerprint*: a fact found out about the machine, as attribute or quantity.
//! - *driver*: what runs one kind of task; *handle*: what it needs to find a running task again.
//! - *recover*: to take up tasks that an earlier life of the agent started.
//! - *contacted*: the servers have said, since this agent started, what shall run here.
//!
//! # Invariants
//! - Tasks outlive the agent: neither its end nor the loss of all servers stops one. Only the servers' word does, or a
//!   client that leaves the cluster.
//! - After a restart a task that still runs is taken up at once, and one that does not is started only after the servers
//!   have been heard, because they may have placed it elsewhere.
//! - An allocation that an answer does not list is stopped only if the answer is newer than the allocation: a server that
//!   lags behind stops nothing.
//! - All that differs between a real machine and a simulated one comes in by `Env` and [`ClientConfig`].
//!
//! # Caveats
//! - The machine is fingerprinted once, at the start.
//! - What restarts have been used up is forgotten with the agent: a crash loop gets its attempts anew.
//! - `kill -9` between the start of a process and the write of its handle, a few milliseconds, leaves a process that no
//!   agent knows of.
//! - A client whose data directory outlives its cluster keeps that cluster's tasks until the directory is removed.

pub mod config;
pub mod run;

pub mod fingerprint;

pub mod link;
pub mod servers;

pub mod alloc_sync;
pub mod heartbeat;
pub mod registration;
pub mod updates;

pub mod alloc;
pub mod task;

pub mod driver;

pub mod dir;
pub mod environment;
pub mod interpolate;

pub mod state_db;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

pub use config::ClientConfig;
pub use run::{Client, ClientStats, StartError};
