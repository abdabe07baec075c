//! `pasture job plan`, `pasture plan`

use clap::Args;

use crate::cli::error::CommandError;
use crate::cli::exit::Exit;

/// Show what running a job would change (not supported yet)
///
/// This version says so and exits with 1. `pasture validate` checks a file without running it.
///
/// Example:
///
///   pasture validate example.nomad
///
/// See also: validate, run
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct JobPlanArgs {
    /// Whatever Nomad's command takes
    #[arg(value_name = "ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Says that it is not supported.
///
/// # Errors
/// Always.
pub fn run(_args: &JobPlanArgs) -> Result<Exit, CommandError> {
    Err(CommandError::NotSupported {
        what: "planning a job without running it",
        instead: "`pasture validate` checks its file, and `pasture status` shows after a run what could not be placed",
    })
}
