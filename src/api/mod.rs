//! The HTTP API.

pub mod client;
pub mod convert;
pub mod error;
pub mod query;
pub mod serve;
pub mod servers;
pub mod wire;

pub use serve::serve;
