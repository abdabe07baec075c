//! How agents call servers and servers each other.

pub mod messages;
