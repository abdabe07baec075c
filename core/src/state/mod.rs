//! The replicated state: what every server knows after the same log entries.
//!
//! A [`Command`] is a log entry; [`Store::apply`] is the only way to change anything. A [`Snapshot`] is the state at one
//! index, taken in O(1) and never changed afterwards: tables are persistent maps that share what did not change.
//! Somebody who waits for a change takes a [`Watcher`] *before* the snapshot it looks at, so that nothing is missed.
//!
//! # Invariants
//! - Applying is deterministic and makes no choice: ids, times and decisions are in the command.
//! - An error of applying is one every replica returns alike; it changes nothing.
//! - Indexes only grow. `modify_index` of an allocation moves with every change, `alloc_modify_index` only with the
//!   servers' own, which are what its client has to hear of.
//! - A client status that is terminal stays.
//! - No IO, no clock, no randomness.
//!
//! # Caveats
//! - Nothing is collected yet: evaluations and allocations that have ended stay, those of purged jobs too.

pub mod apply;
pub mod command;
mod shared;
pub mod store;
pub mod tables;
pub mod view;
pub mod watch;

pub use apply::ApplyError;
pub use command::{Command, PlanCommit};
pub use store::{Applied, Store};
pub use view::Snapshot;
pub use watch::{WatchKey, Watcher};

#[cfg(test)]
mod tests;
