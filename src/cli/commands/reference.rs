//! `pasture reference`: docs/cli.md, from the tree of commands itself

use clap::Args;

use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::reference;

/// Print the reference of all commands as Markdown
///
/// Example:
///
///   pasture reference > docs/cli.md
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct ReferenceArgs {}

/// Runs the command.
pub fn run(context: &Context) -> Exit {
    context.print(&reference::markdown());
    Exit::SUCCESS
}
