//! One allocation on its node: all tasks of a group, from the servers' wish to the last exit.
//!
//! [`core`] sums up what is heard of the tasks and decides what follows for the others; [`health`] decides whether one
//! of a deployment is well. Both are pure. [`runner`] feeds them, runs the tasks, writes down what a restarted agent needs
//! and passes changes on to the servers.
//!
//! # Invariants
//! - An allocation is reported terminal only when none of its tasks runs any more: from then on the servers give its
//!   resources to others.
//! - What a later life of the agent needs to find a task again is written before the task's start is reported.

pub mod core;
pub mod health;
pub mod runner;
