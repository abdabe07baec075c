//! Labs: declared machines, and the backends that turn them into a cluster.
//!
//! A *lab* file ([`spec`]) says which machines there are, what is on their network and what their images do. A *backend*
//! ([`backend`]) makes them real somewhere: in simulation today. What drives a lab knows only the [`backend::Backend`]
//! trait and the cluster's own HTTP API, so that one scenario can run anywhere.
//!
//! # Invariants
//! - A lab is complete when it is read: every reference is resolved, every name and address known.
//! - Everything that follows from the lab alone (names, addresses) is the same in every seed.
//!
//! # Caveats
//! - `sim` is the only backend so far.

pub mod spec;

pub mod backend;
mod program;
