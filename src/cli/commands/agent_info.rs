//! `pasture agent-info`

use clap::Args;

use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::output;

/// Show what an agent says of itself
///
/// Its parts (client, server, log) with their numbers: whom it knows, whether it leads, how far
/// its log is.
///
/// Example:
///
///   pasture agent-info
///
/// See also: server members, node status
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct AgentInfoArgs {
    /// Print what the API answers
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
///
/// # Errors
/// When the agent cannot be asked.
pub async fn run(args: &AgentInfoArgs, context: &Context) -> Result<Exit, CommandError> {
    let about = args.connection.api(&context.env).agent_self().await?.value;
    let text = match args.json {
        true => output::json(&about),
        false => output::node::agent_info(&context.style(false), &about),
    };
    context.print(&text);
    Ok(Exit::SUCCESS)
}
