//! `pasture deployment fail`

use clap::Args;

use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::{find, monitor};

/// Make a deployment fail
///
/// Nothing more is replaced. A job whose group has `auto_revert` goes back to its newest stable
/// version.
///
/// Examples:
///
///   pasture deployment fail 06ca68a2
///
/// See also: deployment status, job revert
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct DeploymentFailArgs {
    /// Deployment's id, or the beginning of it
    #[arg(value_name = "DEPLOYMENT")]
    deployment: String,

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
pub async fn run(args: &DeploymentFailArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let style = context.style(args.verbose);
    let id = find::deployment(&api, &options, &args.deployment, &style).await?;
    let done = api.fail_deployment(&id, &options).await?.value;
    context.print(&format!("Deployment \"{}\" failed", style.id(&id)));
    if let Some(version) = done.reverted_job_version {
        context.print(&format!("The job goes back to version {version}"));
    }
    if args.detach || done.eval_id.is_empty() {
        context.print(&format!("Evaluation ID: {}", style.id(&done.eval_id)));
        return Ok(Exit::SUCCESS);
    }
    monitor::evaluation(context, &api, &options, &done.eval_id, args.verbose).await
}
