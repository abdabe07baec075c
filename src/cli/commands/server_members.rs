//! `pasture server members`, `pasture server-members`

use clap::Args;

use crate::api::client::Options;
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::output;

/// List servers, whether they are alive, and which of them leads
///
/// Example:
///
///   pasture server members
///
/// See also: operator raft list-peers, agent-info
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct ServerMembersArgs {
    /// Accepted for scripts: everything is shown anyway
    #[arg(long)]
    detailed: bool,

    /// Accepted for scripts: everything is shown anyway
    #[arg(long)]
    verbose: bool,

    /// Print what the API answers
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
///
/// # Errors
/// When the agent is no server, or cannot be asked.
pub async fn run(args: &ServerMembersArgs, context: &Context) -> Result<Exit, CommandError> {
    let api = args.connection.api(&context.env);
    let members = api.members().await?.value;
    if args.json {
        context.print(&output::json(&members));
        return Ok(Exit::SUCCESS);
    }
    // Without a leader the list is all the more wanted; any server's word is good enough.
    let leader = api.leader(&Options { stale: true, ..args.connection.options() }).await;
    let leader = leader.map(|answer| answer.value).unwrap_or_default();
    context.print(&output::node::members(&context.style(false), &members, &leader));
    if leader.is_empty() {
        context.warn("There is no leader: more than half of the servers have to be up.");
    }
    Ok(Exit::SUCCESS)
}
