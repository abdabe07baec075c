//! `pasture fmt`

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::files;
use crate::jobspec::{self, Diagnostics, Source};

/// Endings of the files that are looked for in folders.
const ENDINGS: &[&str] = &["nomad", "hcl"];

/// Write job, lab, scenario and agent files in their one form
///
/// Indents by two spaces, lines up the = of neighbouring lines, takes out empty lines that are
/// too many, and writes what was spelt as in 2016 in today's way. Comments stay, and so does what
/// a file means. In folders, files that end in .nomad and .hcl are taken.
///
/// The names of the files that were not in that form are listed. Exits with 1 when a file is no
/// HCL, which is then left as it is, and with -check when a file is not in that form.
///
/// Examples:
///
///   pasture fmt
///   pasture fmt -check -recursive .
///   pasture fmt -write=false -list=false example.nomad
///   pasture fmt - < example.nomad
///
/// See also: validate, init
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct FmtArgs {
    /// Files and folders; `-` to read standard input and write standard output
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,

    /// Write nothing; exit with 1 if a file is not in its one form
    #[arg(long)]
    check: bool,

    /// List the files that are not in their one form
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true")]
    #[arg(num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    list: bool,

    /// Write the files; when false and nothing is listed, the formatted text is printed
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true")]
    #[arg(num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    write: bool,

    /// Take files in the folders of folders too
    #[arg(long)]
    recursive: bool,
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read or written, or is no HCL; the others are done all the same.
pub fn run(args: &FmtArgs, context: &Context) -> Result<Exit, CommandError> {
    let from_stdin = args.paths.iter().any(|path| path.as_os_str() == "-");
    if from_stdin && args.paths.len() > 1 {
        return Err(CommandError::Other("standard input (-) cannot be named beside files".to_owned()));
    }
    let mut problems = Diagnostics::new();
    let mut is_formatted = true;
    for path in files::find(&args.paths, ENDINGS, args.recursive)? {
        let text = files::read(&path)?;
        let name = if from_stdin { "<standard input>".into() } else { path.to_string_lossy() };
        let formatted = match jobspec::format(&Source::new(&name, &text)) {
            Ok(formatted) => formatted,
            Err(found) => {
                problems.extend(found.iter().cloned());
                continue;
            }
        };
        let differs = formatted != text;
        is_formatted &= !differs;
        if from_stdin {
            if args.check {
                continue;
            }
            context.terminal.print_bytes(formatted.as_bytes());
            continue;
        }
        if differs && args.list {
            context.print(&name);
        }
        if differs && args.write && !args.check {
            files::replace(&path, &formatted)?;
        }
        if !args.write && !args.list && !args.check {
            context.terminal.print_bytes(formatted.as_bytes());
        }
    }
    if !problems.is_empty() {
        return Err(CommandError::Invalid(problems));
    }
    Ok(if args.check && !is_formatted { Exit::FAILURE } else { Exit::SUCCESS })
}
