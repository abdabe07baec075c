//! `pasture deployment status`

use clap::Args;

use crate::api::client::{Api, Options};
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, deployment as show};
use crate::cli::{find, monitor};

/// Show a deployment
///
/// Shows how far each group is: what is wanted, placed, healthy and not, and until when the
/// next allocation has to be healthy. With `-monitor` it is followed until it ends; the exit
/// code is 0 however it ends.
///
/// Examples:
///
///   pasture deployment status 06ca68a2
///   pasture deployment status -monitor 06ca68a2
///
/// See also: deployment list, deployment promote, status
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct DeploymentStatusArgs {
    /// Deployment's id, or the beginning of it
    #[arg(value_name = "DEPLOYMENT")]
    deployment: String,

    /// Follow it until it ends
    #[arg(long)]
    monitor: bool,

    /// Print what the API answers
    #[arg(long)]
    json: bool,

    /// Show ids and times in full
    #[arg(long)]
    verbose: bool,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
///
/// # Errors
/// When there is no such deployment, or the cluster cannot be asked.
pub async fn run(args: &DeploymentStatusArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let id = find::deployment(&api, &options, &args.deployment, &context.style(args.verbose)).await?;
    if args.monitor {
        monitor::deployment(context, &api, &options, &id, args.verbose).await?;
        return Ok(Exit::SUCCESS);
    }
    one(context, &api, &options, &id, args.json, args.verbose).await
}

/// Shows the deployment with that id.
///
/// # Errors
/// When there is no such deployment, or the cluster cannot be asked.
pub async fn one(
    context: &Context,
    api: &Api,
    options: &Options,
    id: &str,
    json: bool,
    verbose: bool,
) -> Result<Exit, CommandError> {
    let found = api.deployment(id, options).await?.value;
    let text = if json { output::json(&found) } else { show::status(&context.style(verbose), &found) };
    context.print(&text);
    Ok(Exit::SUCCESS)
}
