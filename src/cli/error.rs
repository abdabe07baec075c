//! Why a command did not do what it was told.

use std::path::PathBuf;

use crate::api::client::ClientError;
use crate::jobspec::Diagnostics;

/// Why a command did not do what it was told. The texts go to standard error and say what to do next.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The cluster was not reached, or refused.
    #[error("{}", explain(.0))]
    Api(#[from] ClientError),
    /// A file is not what it should be.
    #[error("{0}")]
    Invalid(Diagnostics),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the machine says.
        source: std::io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", .path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the machine says.
        source: std::io::Error,
    },
    /// A prefix is too short to look for.
    #[error("{0:?} is too short; give at least the first two characters of the id")]
    ShortPrefix(String),
    /// Nothing has that id or an id that begins so.
    #[error("no {kind} has an id that begins with {prefix:?}; {hint}")]
    NotFound {
        /// Of what.
        kind: &'static str,
        /// What was given.
        prefix: String,
        /// Where to look.
        hint: String,
    },
    /// Several ids begin so.
    #[error("{prefix:?} matches several {kind}; give more of the id\n\n{matches}")]
    Ambiguous {
        /// Of what.
        kind: &'static str,
        /// What was given.
        prefix: String,
        /// A table of them.
        matches: String,
    },
    /// Nomad can do this and this version cannot.
    #[error("{what} is not supported yet; {instead}")]
    NotSupported {
        /// What.
        what: &'static str,
        /// What to do meanwhile.
        instead: &'static str,
    },
    /// Anything else, told as it is.
    #[error("{0}")]
    Other(String),
}

/// Says what to do about a failed call beside what went wrong.
fn explain(error: &ClientError) -> String {
    match error {
        ClientError::Connect { address, .. } => format!(
            "{error}\n\nIs an agent running at {address}? Start one with `pasture agent -dev`, or name another by -address or NOMAD_ADDR."
        ),
        ClientError::TimedOut { .. } => {
            format!(
                "{error}\n\nThe agent may be overloaded or cut off; another can be named by -address or NOMAD_ADDR."
            )
        }
        ClientError::Status { text, .. } if text.contains("No cluster leader") => format!(
            "{error}\n\nThe servers have no leader: more than half of them have to be up. `pasture server members` shows them."
        ),
        _ => error.to_string(),
    }
}
