//! `pasture node drain`, `pasture node-drain`

use clap::Args;

use super::node_status::own_node;
use crate::api::wire::NodePlanRequest;
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::find;
use crate::cli::output::{self, plan as show};

/// Show what would move if nodes were drained or lost
///
/// With -dry-run nothing is changed: it shows which allocation would move where, which would
/// find no place and why, and which jobs would have fewer allocations than they want.
///
/// Draining itself is not supported yet; this version says so and exits with 1. A node can be
/// kept from new allocations meanwhile.
///
/// Examples:
///
///   pasture node drain -dry-run 3d823c52
///   pasture node drain -dry-run -lost 3d823c52 81f0a1c7
///   pasture node eligibility -disable 3d823c52
///
/// See also: node eligibility, node status, plan
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct NodeDrainArgs {
    /// Nodes' ids, or the beginnings of them
    #[arg(value_name = "NODE", required_unless_present = "own")]
    nodes: Vec<String>,

    /// Show what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,

    /// Show what would happen if the nodes were lost instead, without a word
    #[arg(long, requires = "dry_run")]
    lost: bool,

    /// Mean the node of the agent that is asked
    #[arg(long = "self", conflicts_with = "nodes")]
    own: bool,

    /// Empty the node (not supported yet)
    #[arg(long)]
    enable: bool,

    /// Stop emptying the node (not supported yet)
    #[arg(long)]
    disable: bool,

    /// Print what the API answers
    #[arg(long)]
    json: bool,

    /// Show ids in full
    #[arg(long)]
    verbose: bool,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
///
/// # Errors
/// Without `-dry-run` always; else when there is no such node, or the cluster cannot be asked.
pub async fn run(args: &NodeDrainArgs, context: &Context) -> Result<Exit, CommandError> {
    if !args.dry_run || args.enable || args.disable {
        return Err(CommandError::NotSupported {
            what: "draining a node",
            instead: "`pasture node drain -dry-run NODE` shows what would move, and `pasture node eligibility -disable NODE` keeps new allocations away; nothing was changed",
        });
    }
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let style = context.style(args.verbose);
    let mut ids = Vec::new();
    for given in &args.nodes {
        ids.push(find::node(&api, &options, given, &style).await?);
    }
    if args.own {
        ids.push(own_node(&api).await?);
    }
    let request = match args.lost {
        true => NodePlanRequest { lost: ids, ..NodePlanRequest::default() },
        false => NodePlanRequest { drain: ids, ..NodePlanRequest::default() },
    };
    let plan = api.plan_nodes(&request, &options).await?.value;
    if args.json {
        context.print(&output::json(&plan));
    } else {
        context.print(&show::nodes(&style, &plan));
    }
    Ok(Exit::SUCCESS)
}
