//! The HTTP API.

pub mod convert;
pub mod wire;
