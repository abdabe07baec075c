//! Exit codes: the one table.

use std::process::ExitCode;

/// What a command tells its caller when it ends.
///
/// | code | `run`, and whatever else follows an evaluation | `test`, `scenario run` | all others |
/// |---|---|---|---|
/// | 0 | everything was placed | every outcome is as recorded | it worked |
/// | 1 | refused, failed, unreachable, misused, a deployment that did not succeed | an outcome has changed, or something demanded was not so | the same |
/// | 2 | the evaluation ended, but not everything could be placed | the cluster did not come to rest | - |
/// | 3 | - | the run broke: a bug in Pasture | - |
///
/// `plan` alone is different: 0 when no allocation would be created or destroyed, 1 when some would, 255 when it failed.
///
/// Misuse is 1 and not 2, as with Nomad: 2 has to mean that placements failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// It worked.
    pub const SUCCESS: Self = Self(0);
    /// It did not: the text on standard error says why.
    pub const FAILURE: Self = Self(1);
    /// The evaluation ended, but not everything could be placed.
    pub const NOT_PLACED: Self = Self(2);

    /// Running the job would create or destroy allocations.
    pub const PLAN_CHANGES: Self = Self(1);
    /// A job could not be planned.
    pub const PLAN_FAILED: Self = Self(255);

    /// Takes over a code from a command that has its own column in the table.
    pub fn from_code(code: i32) -> Self {
        u8::try_from(code).map_or(Self::FAILURE, Self)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}
