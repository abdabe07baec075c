//! Asking a cluster, over the seam's network: what command line and scenarios use.
//!
//! Every call has a deadline. Connections are kept and used again; one that turns out dead before anything was sent on
//! it is replaced without the caller noticing. Nothing that may have reached the other side is sent twice, except reads.
//!
//! `call` is how a question is sent and what can go wrong; `routes` has a method for each route.

mod call;
mod routes;

pub use call::{Answer, Api, ClientError, Options, Raw, Timeouts, encode_segment};
