//! `pasture job init`, `pasture init`

use std::path::PathBuf;

use clap::Args;

use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::files;
use crate::jobspec;

/// Where the example goes when no file is named.
const FILE: &str = "example.nomad";

/// Write an example job file
///
/// The job runs on an agent that was started by `pasture agent -dev`. A file that is there
/// already is left alone.
///
/// Example:
///
///   pasture init
///   pasture run example.nomad
///
/// See also: run, validate
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct JobInitArgs {
    /// File to write
    #[arg(value_name = "FILE", default_value = FILE)]
    file: PathBuf,

    /// Accepted for scripts: the example is short anyway
    #[arg(long)]
    short: bool,
}

/// Runs the command.
///
/// # Errors
/// When the file is there already or cannot be written.
pub fn run(args: &JobInitArgs, context: &Context) -> Result<Exit, CommandError> {
    let path = args.file.display();
    files::write_new(&args.file, jobspec::example()).map_err(|error| match error {
        CommandError::Write { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists => {
            CommandError::Other(format!("{path} is there already; remove it, or name another file"))
        }
        other => other,
    })?;
    context.print(&format!("Example job file written to {path}"));
    Ok(Exit::SUCCESS)
}
