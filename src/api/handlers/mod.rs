//! What each route does, one resource a file.
//!
//! A handler looks at a snapshot and writes an answer, or hands a change to the server and says what became of it.

pub mod agent;
pub mod allocations;
pub mod client;
pub mod deployments;
pub mod evaluations;
pub mod jobs;
mod logs;
pub mod nodes;
pub mod operator;
pub mod plan;
pub mod search;
pub mod status;
