//! The HTTP API: Nomad's routes, shapes and habits under `/v1`.
//!
//! # How a request is answered
//! [`mod@serve`] accepts connections and reads requests; [`mod@router`] says which handler a route has; before it, [`forward`]
//! decides whether this agent may answer at all: writes and consistent reads belong to the leader, and an agent without
//! a server passes nearly everything on to one. A handler takes a snapshot of the state ([`blocking`] waits for one that
//! is new enough), [converts](convert) what was asked for into its [`wire`] shape, and is done. The other direction is
//! [`client`], which the command line and scenarios use.
//!
//! # Invariants
//! - HTTP shapes live in [`wire`] and nowhere else; nothing that is stored has one of them.
//! - Every GET that succeeds carries `X-Nomad-Index`, `X-Nomad-KnownLeader` and `X-Nomad-LastContact`.
//! - A refusal is a status from the one table in [`error`] with a text that says why, in `text/plain`.
//! - A request is passed on at most twice: to a server, and by that one to the leader. What ends up at a server that does
//!   not lead is refused with `No cluster leader`.
//! - Nothing waits without limit: heads, bodies, answers, blocking queries and connections have theirs.
//! - No `Date` header, no compression, no random ids: an answer is a function of state and question.
//!
//! # Caveats
//! - `stale` reads are answered by whatever agent is asked; `X-Nomad-LastContact` is always 0.
//! - No TLS, tokens, filters, event stream or variables yet; each says so where a user meets it.

pub mod agent;
pub mod blocking;
pub mod client;
mod connect;
pub mod convert;
pub mod error;
pub mod forward;
pub mod handlers;
pub mod query;
mod reply;
mod request;
pub mod router;
pub mod serve;
pub mod servers;
pub mod wire;

pub use agent::{Agent, AgentInfo, LocalNode};
pub use router::router;
pub use serve::serve;

#[cfg(test)]
mod tests;
