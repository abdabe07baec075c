//! Time of day.

use crate::model::Timestamp;

/// A wall clock. It may be wrong and may jump; durations are measured with `tokio::time`.
pub trait Clock: Send + Sync {
    /// Returns the time of day.
    fn now(&self) -> Timestamp;
}
