//! `pasture node status`, `pasture node-status`

use std::collections::BTreeMap;

use clap::Args;

use crate::api::client::{Api, Options, encode_segment};
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::find;
use crate::cli::output::{self, node as show};

/// List nodes, or show one
///
/// Of one node: what it is, what of it is allocated, and its allocations; its attributes with
/// -verbose.
///
/// Examples:
///
///   pasture node status
///   pasture node status -verbose 3d823c52
///   pasture node status -self
///
/// See also: node eligibility, server members
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct NodeStatusArgs {
    /// Node's id, or the beginning of it
    #[arg(value_name = "NODE")]
    node: Option<String>,

    /// Show the node of the agent that is asked
    #[arg(long = "self", conflicts_with = "node")]
    own: bool,

    /// List how many allocations run on each node
    #[arg(long)]
    allocs: bool,

    /// Leave out what is allocated
    #[arg(long)]
    short: bool,

    /// Accepted for scripts: what tasks use is not measured yet
    #[arg(long)]
    stats: bool,

    /// Print what the API answers
    #[arg(long)]
    json: bool,

    /// Show ids, times and attributes in full
    #[arg(long)]
    verbose: bool,

    #[command(flatten)]
    connection: Connection,
}

/// What of a node is shown.
#[derive(Clone, Copy, Debug)]
pub struct Show {
    /// What the API answers.
    pub json: bool,
    /// Ids, times and attributes in full.
    pub verbose: bool,
    /// Not what is allocated.
    pub short: bool,
}

/// Runs the command.
///
/// # Errors
/// When there is no such node, or the cluster cannot be asked.
pub async fn run(args: &NodeStatusArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    if args.stats {
        context.warn("What tasks use is not measured yet: -stats shows nothing more.");
    }
    let id = match &args.node {
        None if args.own => own_node(&api).await?,
        None => return list(context, &api, &options, args).await,
        Some(given) => find::node(&api, &options, given, &context.style(args.verbose)).await?,
    };
    let what = Show { json: args.json, verbose: args.verbose, short: args.short };
    one(context, &api, &options, &id, what).await
}

/// Shows the node with that id.
///
/// # Errors
/// When there is no such node, or the cluster cannot be asked.
pub async fn one(
    context: &Context,
    api: &Api,
    options: &Options,
    id: &str,
    what: Show,
) -> Result<Exit, CommandError> {
    if what.json {
        let node: serde_json::Value =
            api.get(&format!("/v1/node/{}", encode_segment(id)), options).await?.value;
        context.print(&output::json(&node));
        return Ok(Exit::SUCCESS);
    }
    let node = api.node(id, options).await?.value;
    let allocs = api.node_allocations(id, options).await?.value;
    context.print(&show::status(&context.style(what.verbose), &node, &allocs, what.short));
    Ok(Exit::SUCCESS)
}

/// Asks the agent which node it is.
///
/// # Errors
/// When it is none.
pub async fn own_node(api: &Api) -> Result<String, CommandError> {
    let about = api.agent_self().await?.value;
    let id = about.stats.get("client").and_then(|client| client.get("node_id")).cloned();
    id.ok_or_else(|| {
        CommandError::Other(format!("the agent at {} is no client, so it has no node", api.address()))
    })
}

async fn list(
    context: &Context,
    api: &Api,
    options: &Options,
    args: &NodeStatusArgs,
) -> Result<Exit, CommandError> {
    if args.json {
        let nodes: serde_json::Value = api.get("/v1/nodes", options).await?.value;
        context.print(&output::json(&nodes));
        return Ok(Exit::SUCCESS);
    }
    let nodes = api.nodes(options).await?.value;
    let running = if args.allocs { Some(count_running(api, options).await?) } else { None };
    context.print(&show::list(&context.style(args.verbose), &nodes, running.as_ref()));
    Ok(Exit::SUCCESS)
}

/// Counts running allocations of all namespaces by node.
async fn count_running(api: &Api, options: &Options) -> Result<BTreeMap<String, usize>, CommandError> {
    let options = Options { namespace: Some("*".to_owned()), ..options.clone() };
    let mut counts = BTreeMap::new();
    for alloc in api.allocations(&options.with("task_states", "false")).await?.value {
        *counts.entry(alloc.node_id).or_default() += usize::from(alloc.client_status == "running");
    }
    Ok(counts)
}
