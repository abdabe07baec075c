//! `pasture operator raft list-peers`

use clap::Args;

use crate::api::client::Options;
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::output;

/// List the servers that agree on the log
///
/// Example:
///
///   pasture operator raft list-peers
///
/// See also: server members
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct OperatorRaftListPeersArgs {
    /// Let any server answer, even without a leader
    #[arg(long)]
    stale: bool,

    /// Print what the API answers
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
///
/// # Errors
/// When the cluster cannot be asked.
pub async fn run(args: &OperatorRaftListPeersArgs, context: &Context) -> Result<Exit, CommandError> {
    let api = args.connection.api(&context.env);
    let options = Options { stale: args.stale, ..args.connection.options() };
    let configuration = api.raft_configuration(&options).await?.value;
    let text = match args.json {
        true => output::json(&configuration),
        false => output::node::raft_peers(&context.style(false), &configuration),
    };
    context.print(&text);
    Ok(Exit::SUCCESS)
}
