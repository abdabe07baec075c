//! One task of an allocation, from its first start to its last exit.
//!
//! [`restart`] decides, from how a task ended, whether and when it starts again: a pure policy. [`runner`] is the loop
//! around a driver that starts, waits, asks the policy and reports to the allocation. [`event`] makes what it reports.
//!
//! # Invariants
//! - The runner's loop ends with exactly one [`Finished`](runner::Change::Finished); nothing of the task runs after it.
//! - A stop that was asked for is final: no restart follows it.

pub mod event;
pub mod restart;
pub mod runner;
