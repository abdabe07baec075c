//! What a file is evaluated with: values for its variables, and what functions may reach.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::diagnostic::Source;
use crate::hcl::functions::{Files, Outside};

/// Fills a buffer with random bytes.
pub type Fill = dyn Fn(&mut [u8]) + Send + Sync;

/// Values for variables, and what functions may reach outside of the file.
///
/// A variable takes the last value given: its default, then the environment, then the files in order, then the
/// assignments in order.
#[derive(Clone, Default)]
pub struct Inputs {
    /// The environment: of it, `NOMAD_VAR_name` and `PASTURE_VAR_name` count, the latter wins. Names no variable of the
    /// file has are ignored.
    pub environment: BTreeMap<String, String>,
    /// Files of values: `name = value` lines, or a JSON object.
    pub files: Vec<Source>,
    /// Values as `name=value`. The value is an expression where the variable's type is a list, set, map, object or
    /// tuple, and plain text otherwise.
    pub assignments: Vec<String>,
    /// Whether a value for a variable that the file does not declare is a warning rather than an error.
    pub allow_undeclared: bool,
    /// The files that functions such as `file` may read; None where they may read none.
    pub readable: Option<Arc<dyn Files + Send + Sync>>,
    /// Fills a buffer with random bytes, for `uuidv4` and its like; None where they are refused.
    pub random: Option<Arc<Fill>>,
}

impl Inputs {
    /// Returns what functions may reach.
    pub(super) fn outside(&self) -> Outside<'_> {
        Outside {
            files: self.readable.as_deref().map(|files| files as &dyn Files),
            random: self.random.as_deref().map(|random| random as &dyn Fn(&mut [u8])),
        }
    }
}

impl fmt::Debug for Inputs {
    /// Leaves out the environment, which holds more than is meant for this file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inputs")
            .field("files", &self.files)
            .field("assignments", &self.assignments)
            .field("allow_undeclared", &self.allow_undeclared)
            .finish_non_exhaustive()
    }
}
