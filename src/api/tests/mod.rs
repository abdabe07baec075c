//! The API as a whole: real requests over streams in memory, a store without servers behind them.

mod bad_input;
mod conformance;
mod fixture;
mod forwarding;
mod queries;
mod routes;

/// How long a test waits for an answer.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(20);
