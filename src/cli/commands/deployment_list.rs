//! `pasture deployment list`

use clap::Args;

use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, deployment as show};

/// List deployments
///
/// Newest first.
///
/// Examples:
///
///   pasture deployment list
///
/// See also: deployment status, job deployments
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct DeploymentListArgs {
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
/// When the cluster cannot be asked.
pub async fn run(args: &DeploymentListArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let found = api.deployments(&options).await?.value;
    let text =
        if args.json { output::json(&found) } else { show::list(&context.style(args.verbose), &found) };
    context.print(&text);
    Ok(Exit::SUCCESS)
}
