//! `pasture deployment pause`

use clap::Args;

use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::find;

/// Pause a deployment
///
/// Nothing more is replaced, and no deadline ends it, until it is resumed.
///
/// Examples:
///
///   pasture deployment pause 06ca68a2
///
/// See also: deployment resume, deployment status
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct DeploymentPauseArgs {
    /// Deployment's id, or the beginning of it
    #[arg(value_name = "DEPLOYMENT")]
    deployment: String,

    /// Show ids in full
    #[arg(long)]
    verbose: bool,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
///
/// # Errors
/// When there is no such deployment, it has ended, or the cluster cannot be asked.
pub async fn run(args: &DeploymentPauseArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let style = context.style(args.verbose);
    let id = find::deployment(&api, &options, &args.deployment, &style).await?;
    api.pause_deployment(&id, true, &options).await?;
    context.print(&format!("Deployment \"{}\" paused", style.id(&id)));
    Ok(Exit::SUCCESS)
}
