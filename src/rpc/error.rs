//! Why a call failed.

use std::io;

use serde::{Deserialize, Serialize};

use super::frame::FRAME_BYTES_MAX;

/// Why a call failed. Travels in replies, so variants are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum RpcError {
    /// The connection ended before the answer came; what was asked for may have been done.
    #[error("{0}")]
    Io(String),
    /// No answer came in time.
    #[error("no answer in time")]
    TimedOut,
    /// Whoever was asked does not lead and knows of no leader.
    #[error("there is no leader at the moment")]
    NoLeader,
    /// What the request is about does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The caller may not do this.
    #[error("{0}")]
    Denied(String),
    /// The receiver does not know this method.
    #[error("the other side does not know the call {0:?}; does it run another version?")]
    UnknownMethod(String),
    /// A message is larger than a frame may be.
    #[error("a message of {bytes} bytes is too large to send; at most {FRAME_BYTES_MAX} are possible")]
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// Something else; a bug, or a machine that fails.
    #[error("{0}")]
    Internal(String),
    /// No connection could be made, so nothing was sent.
    #[error("{0}")]
    Unreachable(String),
}

impl From<io::Error> for RpcError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Io(error.to_string()),
        }
    }
}
