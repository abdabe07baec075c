//! `pasture version`

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::Exit;

/// What `-version` prints after the program's name.
pub const VERSION: &str = concat!("v", env!("CARGO_PKG_VERSION"));

/// Print the version
///
/// Example:
///
///   pasture version
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct VersionArgs {}

/// Runs the command.
pub fn run(context: &Context) -> Exit {
    context.print(&format!("Pasture {VERSION}"));
    Exit::SUCCESS
}
