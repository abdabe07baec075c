//! Scenarios: what happens to a lab, step by step, and what must be true of it.

pub mod spec;
