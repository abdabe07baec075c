//! The log that all servers agree on: openraft behind a plain handle.
//!
//! # Vocabulary
//! The *log* is a sequence of *entries*, each a *command*: bytes that mean nothing here. An entry is *committed* when a
//! majority of the *voters* has it on disk, and then *applied*, in order, to the [`StateMachine`]. One server *leads* per
//! *term*; the others follow it. A leader's *lease* lasts while a majority answers it. A *snapshot* is the state after some
//! entry, kept so that the entries before it can be *purged*.
//!
//! # How it works
//! [`Raft::start`] opens the disk and runs; the handle proposes commands and tells who leads. What one server says to
//! another goes through [`crate::rpc`] as a `RaftMessage`, which the receiver gives to [`Raft::handle`]. On disk are
//! `log.redb` (entries, vote, how far is committed) and `snapshot` (the state, with a checksum). The state machine lives
//! in memory and is rebuilt from both at start.
//!
//! # Invariants
//! - openraft and its generics stay in here: nothing public names a type of it.
//! - A vote and an entry are on disk before anybody hears of them.
//! - At most one server leads in a term, and one whose lease has run out does not say that it leads.
//! - A command is applied once in the life of a state machine; one that is restored has seen all commands before.
//! - Tasks, time, randomness, disk and network come from [`Env`](crate::env::Env), although openraft asks for them by
//!   static functions: see `runtime`.
//! - A server that dies writes nothing more, not even while it falls apart: see `backend`.
//!
//! # Caveats
//! - How far is committed is written along with later entries. After a restart the last entries are applied only when a
//!   leader has confirmed them; [`Raft::read_barrier`] waits for that.
//! - A write whose answer is [`ProposeError::TimedOut`] may still be committed later.
//! - Servers trust each other: a message from an impostor can break the log.

mod backend;
mod config;
mod error;
mod handle;
mod inbound;
mod leadership;
mod log_store;
mod machine;
mod network;
mod record;
mod runtime;
mod snapshot;
#[cfg(test)]
mod tests;
mod types;

pub use config::{COMMAND_BYTES_MAX, Config, Member, Timing};
pub use error::{BootstrapError, ProposeError, StartError};
pub use handle::{Applied, Metrics, Raft};
pub use leadership::Leadership;

/// What commands act on. It lives in memory; the log brings it to where it was.
pub trait StateMachine: Send + 'static {
    /// Applies the command at `index` and returns what its proposer shall get.
    ///
    /// Called in the order of indexes, which may have gaps. Must depend on nothing but the commands, since every server
    /// has to come to the same state.
    fn apply(&mut self, index: u64, command: &[u8]) -> Vec<u8>;

    /// Freezes the state, cheaply; what is returned encodes it later, beside further changes.
    fn snapshot(&self) -> Box<dyn FnOnce() -> Vec<u8> + Send>;

    /// Replaces everything by an encoded state, which contains all commands up to `index`.
    ///
    /// # Errors
    /// Says why the data cannot be read.
    fn restore(&mut self, index: u64, data: &[u8]) -> Result<(), String>;
}
