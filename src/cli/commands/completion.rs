//! `pasture completion`

use clap::Args;
use clap_complete::Shell;

use crate::cli::context::Context;
use crate::cli::exit::Exit;
use crate::cli::tree;

/// Print what makes a shell complete commands and flags
///
/// Example:
///
///   pasture completion bash > ~/.local/share/bash-completion/completions/pasture
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct CompletionArgs {
    /// Shell to print it for
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Runs the command.
pub fn run(args: &CompletionArgs, context: &Context) -> Exit {
    let mut script = Vec::new();
    let program = context.program;
    clap_complete::generate(args.shell, &mut tree::command(program), program, &mut script);
    context.terminal.print_bytes(&script);
    Exit::SUCCESS
}
