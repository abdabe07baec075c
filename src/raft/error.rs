//! What can go wrong with the log.

use std::path::PathBuf;

use super::config::{COMMAND_BYTES_MAX, Member, Timing};

/// Why a server's log could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its folder or a file in it cannot be read or written.
    #[error("cannot use {path}: {source}; is the data directory writable, and no other agent using it?")]
    Disk {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file does not hold what was written to it.
    #[error(
        "{path} is damaged: {reason}; if the other servers are healthy, remove the server's data directory and let it join anew, otherwise restore it from a backup"
    )]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// A file is of another version of this program.
    #[error("{path} has format {found}, and this version reads {known}; start the version that wrote it")]
    Version {
        /// Which.
        path: PathBuf,
        /// The format of the file.
        found: u64,
        /// The format of this program.
        known: u64,
    },
    /// The folder belongs to a server of another id.
    #[error(
        "{path} belongs to server {found}, not to {expected}; give every server a data directory of its own"
    )]
    Foreign {
        /// Which.
        path: PathBuf,
        /// Whose it is.
        found: u64,
        /// Whose it should be.
        expected: u64,
    },
    /// The times contradict each other.
    #[error(
        "raft timing {0:?} cannot work: a heartbeat must take at least 5 ms and at most half of election_max, and election_min must be below election_max"
    )]
    Timing(Timing),
    /// Something else.
    #[error("the log in {path} cannot be started: {reason}")]
    Other {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Why a first cluster could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BootstrapError {
    /// This server is not among the members.
    #[error("a server can only start a cluster that it belongs to itself")]
    NotMember,
    /// Its log has stopped, mostly because the disk failed.
    #[error("the log has stopped: {0}")]
    Stopped(String),
}

/// Why a command or a read was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// This server does not lead, or cannot reach a majority; nothing has happened.
    #[error("this server is not the leader")]
    NotLeader {
        /// Who leads, if that is known.
        leader: Option<Member>,
    },
    /// Nobody knows yet whether it was committed: no majority answered in time, or another server took over.
    #[error("the servers did not confirm it in time; it may still take effect")]
    TimedOut,
    /// The command is larger than one may be; nothing has happened.
    #[error("a command of {bytes} bytes is too large; at most {COMMAND_BYTES_MAX} are possible")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Who belongs to the cluster cannot be changed like this now.
    #[error("the members cannot be changed: {0}")]
    Membership(String),
    /// The log of this server has stopped, mostly because the disk failed.
    #[error("the log has stopped: {0}")]
    Stopped(String),
}
