//! From what a cluster stores (`model`) to what travels over HTTP (`wire`), by hand, one resource a file.
//!
//! The other way, a job that comes in, is `jobspec::json`: a submission is text of a user and gets errors that say where.

pub mod alloc;
pub mod deployment;
pub mod eval;
pub mod job;
pub mod metric;
pub mod node;
pub mod plan;
pub mod resources;

/// Returns an id as text, empty for none.
pub(crate) fn id_or_empty<T: ToString>(id: Option<T>) -> String {
    id.map(|id| id.to_string()).unwrap_or_default()
}
