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
/// Examples:
///
///   pasture init
///   pasture init -short web.nomad
///   pasture init -2016 then.nomad
///
/// See also: run, validate, fmt
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct JobInitArgs {
    /// File to write; `-` for standard output
    #[arg(value_name = "FILE", default_value = FILE)]
    file: PathBuf,

    /// Write it without comments
    #[arg(long, conflicts_with = "of_2016")]
    short: bool,

    /// Write a job as in January 2016, in the spelling of then, for the docker driver
    #[arg(long = "2016")]
    of_2016: bool,
}

/// Runs the command.
///
/// # Errors
/// When the file is there already or cannot be written.
pub fn run(args: &JobInitArgs, context: &Context) -> Result<Exit, CommandError> {
    let text = match args {
        JobInitArgs { of_2016: true, .. } => jobspec::example_of_2016().to_owned(),
        JobInitArgs { short: true, .. } => jobspec::short_example(),
        _ => jobspec::example().to_owned(),
    };
    if args.file.as_os_str() == "-" {
        context.terminal.print_bytes(text.as_bytes());
        return Ok(Exit::SUCCESS);
    }
    let path = args.file.display();
    files::write_new(&args.file, &text).map_err(|error| match error {
        CommandError::Write { source, .. } if source.kind() == std::io::ErrorKind::AlreadyExists => {
            CommandError::Other(format!("{path} is there already; remove it, or name another file"))
        }
        other => other,
    })?;
    context.print(&format!("Example job file written to {path}"));
    Ok(Exit::SUCCESS)
}
