//! `pasture node eligibility`

use clap::Args;

use super::node_status::own_node;
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::find;

/// Say whether new allocations may go to a node
///
/// What runs there already stays.
///
/// Examples:
///
///   pasture node eligibility -disable 3d823c52
///   pasture node eligibility -enable -self
///
/// See also: node status
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
#[group(id = "direction", required = true, multiple = false, args = ["enable", "disable"])]
pub struct NodeEligibilityArgs {
    /// Node's id, or the beginning of it
    #[arg(value_name = "NODE", required_unless_present = "own")]
    node: Option<String>,

    /// Take new allocations
    #[arg(long)]
    enable: bool,

    /// Take no new allocations
    #[arg(long)]
    disable: bool,

    /// Mean the node of the agent that is asked
    #[arg(long = "self", conflicts_with = "node")]
    own: bool,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
///
/// # Errors
/// When there is no such node, or the cluster refuses or cannot be asked.
pub async fn run(args: &NodeEligibilityArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let id = match &args.node {
        Some(given) => find::node(&api, &options, given, &context.style(false)).await?,
        None => own_node(&api).await?,
    };
    api.set_eligibility(&id, args.enable, &options).await?;
    let word = if args.enable { "eligible" } else { "ineligible" };
    context.print(&format!("Node {id:?} is {word} for new allocations"));
    Ok(Exit::SUCCESS)
}
