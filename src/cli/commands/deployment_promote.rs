//! `pasture deployment promote`

use clap::Args;

use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::{find, monitor};

/// Promote the canaries of a deployment
///
/// The groups named, or all, go on from their canaries to the rest. All canaries have to be
/// healthy.
///
/// Examples:
///
///   pasture deployment promote 06ca68a2
///   pasture deployment promote -group=web 06ca68a2
///
/// See also: deployment status, deployment fail
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct DeploymentPromoteArgs {
    /// Deployment's id, or the beginning of it
    #[arg(value_name = "DEPLOYMENT")]
    deployment: String,

    /// Promote this group only; may be repeated
    #[arg(long, value_name = "GROUP")]
    group: Vec<String>,

    /// Return at once and print the evaluation's id
    #[arg(long)]
    detach: bool,

    /// Show ids in full
    #[arg(long)]
    verbose: bool,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
///
/// # Errors
/// When there is no such deployment, it has ended, or the cluster refuses or cannot be asked.
pub async fn run(args: &DeploymentPromoteArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let style = context.style(args.verbose);
    let id = find::deployment(&api, &options, &args.deployment, &style).await?;
    let done = api.promote_deployment(&id, &args.group, &options).await?.value;
    context.print(&format!("Deployment \"{}\" promoted", style.id(&id)));
    if args.detach || done.eval_id.is_empty() {
        context.print(&format!("Evaluation ID: {}", style.id(&done.eval_id)));
        return Ok(Exit::SUCCESS);
    }
    monitor::evaluation(context, &api, &options, &done.eval_id, args.verbose).await
}
