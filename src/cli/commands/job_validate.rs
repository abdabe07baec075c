//! `pasture job validate`, `pasture validate`

use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::files;
use crate::cli::variables::VariableArgs;
use crate::jobspec;
use crate::model::Job;

/// Check a job file without running it
///
/// Needs no server. Shows everything that is wrong, each with its place in the file.
///
/// Variables take, later ones over earlier: their defaults, NOMAD_VAR_name and PASTURE_VAR_name of
/// the environment, -var-file in order, -var in order.
///
/// Examples:
///
///   pasture validate example.nomad
///   pasture validate -var-file=test.vars -var 'count=3' example.nomad
///
/// See also: init, run
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct JobValidateArgs {
    /// Job file in HCL or JSON; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Expect JSON; accepted for scripts, since both are told apart anyway
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    variables: VariableArgs,
}

/// Runs the command.
///
/// # Errors
/// When the file is no valid job.
pub fn run(args: &JobValidateArgs, context: &Context) -> Result<Exit, CommandError> {
    load(&args.file, &args.variables, context)?;
    context.print("Job validation successful");
    Ok(Exit::SUCCESS)
}

/// Reads a job file and warns of what is old-fashioned or has no effect yet.
///
/// # Errors
/// When the file cannot be read or is no valid job.
pub fn load(path: &Path, variables: &VariableArgs, context: &Context) -> Result<Job, CommandError> {
    let text = files::read(path)?;
    let name = if path.as_os_str() == "-" { "stdin".into() } else { path.to_string_lossy() };
    let parsed =
        jobspec::parse(&name, &text, &variables.options(path, context)?).map_err(CommandError::Invalid)?;
    for warning in &parsed.warnings {
        context.warn(&warning.render(context.terminal.colour_errors));
    }
    Ok(parsed.job)
}
