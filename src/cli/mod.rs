//! The command line: Nomad's commands, flags and layouts, today's and those of 2016.
//!
//! [`main`] gives single-dash flags their second dash ([`argv`]), lets clap read them into the [`tree`], and runs the
//! one file of [`commands`] that is meant. A command asks a cluster by its HTTP API ([`connection`]), like any other
//! program, and shows what [`output`] makes of the answers.
//!
//! # Vocabulary
//! - *prefix*: the beginning of an id, of two characters at least, taken for the only id that begins so ([`find`]).
//! - *monitor*: to follow an evaluation until it has ended.
//!
//! # Invariants
//! - Exit codes are listed in [`exit`] and nowhere else.
//! - Results go to standard output, all else to standard error; an error says what to do next.
//! - What is shown is a pure function of answers, time and style.
//! - What Nomad can do and this version cannot is a command that says so, with exit code 1.
//!
//! # Caveats
//! - Times are shown in UTC. `-t` templates are not supported; `-json` and a JSON tool do the same.
//! - The program's name (`nomad`, say) changes what help shows and nothing else.

pub mod exit;
pub mod tree;

pub mod commands;

pub mod argv;
pub mod confirm;
pub mod connection;
pub mod context;
pub mod error;
pub mod files;
pub mod find;
pub mod monitor;
pub mod output;
pub mod reference;
pub mod terminal;
pub mod variables;

pub mod agent_config;
pub mod suite;

#[cfg(test)]
mod golden;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::FromArgMatches;

use context::Context;
use error::CommandError;
use exit::Exit;
use terminal::Terminal;
use tree::Cli;

use crate::env;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let program = program(&argv);
    let command = tree::command(program);
    let argv = argv::normalize(&command, argv);
    let parsed = command.try_get_matches_from(argv).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is left to be told when the terminal is gone.
            let _ = error.print();
            return if error.use_stderr() { Exit::FAILURE } else { Exit::SUCCESS }.into();
        }
    };
    let terminal = Terminal::new(cli.colour);
    let context = Context { env: env::real::env(), terminal, program };
    match tree::run(&cli.command, &context) {
        Ok(exit) => exit.into(),
        Err(error) => {
            context.warn(&render(&error, terminal.colour_errors));
            Exit::FAILURE.into()
        }
    }
}

/// Returns what the program is called: `nomad` when it is installed under that name.
fn program(argv: &[OsString]) -> &'static str {
    let stem = argv.first().and_then(|path| Path::new(path).file_stem());
    if stem.is_some_and(|stem| stem == "nomad") { "nomad" } else { "pasture" }
}

fn render(error: &CommandError, colour: bool) -> String {
    match error {
        // Diagnostics say themselves that they are errors.
        CommandError::Invalid(problems) => problems.render(colour),
        other if colour => format!("\x1b[31mError:\x1b[0m {other}"),
        other => format!("Error: {other}"),
    }
}
