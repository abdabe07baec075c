//! `pasture alloc status`, `pasture alloc-status`

use clap::Args;

use crate::api::client::{Api, Options, encode_segment};
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::find;
use crate::cli::output::{self, alloc as show};

/// Show an allocation
///
/// Shows each task's state, what it holds, the addresses it is reached at and what happened to
/// it; with -verbose also how its node was chosen.
///
/// Examples:
///
///   pasture alloc status 3d823c52
///   pasture alloc status -verbose 3d823c52
///
/// See also: alloc logs, status, eval status
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct AllocStatusArgs {
    /// Allocation's id, or the beginning of it
    #[arg(value_name = "ALLOC")]
    alloc: String,

    /// Show each task in one line
    #[arg(long)]
    short: bool,

    /// Accepted for scripts: what tasks use is not measured yet
    #[arg(long)]
    stats: bool,

    /// Print what the API answers
    #[arg(long)]
    json: bool,

    /// Show ids and times in full, all events, and how the node was chosen
    #[arg(long)]
    verbose: bool,

    #[command(flatten)]
    connection: Connection,
}

/// What of an allocation is shown.
#[derive(Clone, Copy, Debug)]
pub struct Show {
    /// What the API answers.
    pub json: bool,
    /// Everything.
    pub verbose: bool,
    /// Each task in one line.
    pub short: bool,
}

/// Runs the command.
///
/// # Errors
/// When there is no such allocation, or the cluster cannot be asked.
pub async fn run(args: &AllocStatusArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    if args.stats {
        context.warn("What tasks use is not measured yet: -stats shows nothing more.");
    }
    let id = find::alloc(&api, &options, &args.alloc, &context.style(args.verbose)).await?;
    let what = Show { json: args.json, verbose: args.verbose, short: args.short };
    one(context, &api, &options, &id, what).await
}

/// Shows the allocation with that id.
///
/// # Errors
/// When there is no such allocation, or the cluster cannot be asked.
pub async fn one(
    context: &Context,
    api: &Api,
    options: &Options,
    id: &str,
    what: Show,
) -> Result<Exit, CommandError> {
    if what.json {
        let path = format!("/v1/allocation/{}", encode_segment(id));
        let alloc: serde_json::Value = api.get(&path, options).await?.value;
        context.print(&output::json(&alloc));
        return Ok(Exit::SUCCESS);
    }
    let alloc = api.allocation(id, options).await?.value;
    context.print(&show::status(&context.style(what.verbose), &alloc, what.short));
    Ok(Exit::SUCCESS)
}
