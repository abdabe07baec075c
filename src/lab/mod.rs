//! Labs: declared machines, and the backends that turn them into a cluster.

pub mod spec;
