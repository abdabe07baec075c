//! Scenarios: what happens to a lab, step by step, and what must be true of it.
//!
//! A scenario file ([`spec`]) asks a question in words and plays it: jobs are submitted, machines die. The [`engine`] runs
//! its steps over a lab's [`Backend`](crate::lab::backend::Backend) and the cluster's own HTTP API, looks at [`facts`], and
//! records an [`outcome`] that people have reviewed ([`review`]): the verified answer.
//!
//! # Vocabulary
//! *await*: must become true within a time. *expect*: must be true now. *hold*: must stay true for a while. *portable*
//! facts hold wherever the scenario runs, the *timeline* in one engine and seed only.
//!
//! # Invariants
//! - Every fault ends: when the steps are done everything is mended, and the cluster must come to rest.
//! - Whatever happens, the properties of [`invariants`] hold after every step.
//! - Nothing waits for a number of seconds to pass; times are lab time.

pub mod spec;

pub mod cluster;
pub mod convergence;
pub mod disturbance;
pub mod engine;
pub mod facts;
pub mod invariants;
pub mod outcome;
pub mod prober;
pub mod review;
pub mod run;

#[cfg(test)]
mod tests;
