//! How agents call servers and servers each other.
//!
//! # How it works
//! A [`Client`] keeps one connection to each address and sends any number of requests over it at once; [`serve`] answers
//! them in the order in which they get done. A *frame* is a length of four bytes, big-endian, and that many bytes of
//! MessagePack: a request `{id, method, timeout_ms, body}` or a reply `{id, error, body}`. A [`Message`](messages::Message)
//! names the method and the type of its answer.
//!
//! # Invariants
//! - Every wait is bounded: the caller's timeout travels with the request, so that the other side gives up as well.
//! - A frame leaves in one write, together with whatever else is waiting to be sent.
//! - One task a connection, at either end, and a connection that is dropped takes everything with it that it was doing.
//! - Memory is bounded by the constants of [`client`] and [`server`] times the number of connections.
//!
//! # Caveats
//! - No encryption and no identity: who reaches the port may call. Clients are known by the secret in their messages.
//! - After an error nobody knows whether the request was carried out.

pub mod client;
pub mod error;
mod frame;
pub mod messages;
pub mod server;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use client::Client;
pub use error::RpcError;
pub use frame::{FRAME_BYTES_MAX, decode, encode};
pub use server::{Service, serve};
