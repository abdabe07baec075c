//! The job that `init` writes.

/// Returns a job file that explains itself and runs on an agent in development mode.
pub fn example() -> &'static str {
    include_str!("../../fixtures/jobs/example.nomad")
}
