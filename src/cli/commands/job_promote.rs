//! `pasture job promote`

use clap::Args;

use crate::api::client::Options;
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::{find, monitor};

/// Promote the canaries of a job
///
/// The same as `deployment promote` of the job's newest deployment.
///
/// Examples:
///
///   pasture job promote example
///   pasture job promote -group=web example
///
/// See also: deployment promote, job deployments
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct JobPromoteArgs {
    /// Job's id, or the beginning of it
    #[arg(value_name = "JOB")]
    job: String,

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
/// When there is no such job, nothing of it is to be promoted, or the cluster refuses or cannot be asked.
pub async fn run(args: &JobPromoteArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let style = context.style(args.verbose);
    let found = find::job(&api, &options, &args.job, &style).await?;
    let options = Options { namespace: Some(found.namespace), ..options };
    let Some(latest) = api.job_deployment(&found.id, &options).await?.value else {
        return Err(CommandError::Other(format!("job {:?} has no deployment to promote", found.id)));
    };
    let done = api.promote_deployment(&latest.id, &args.group, &options).await?.value;
    if args.detach || done.eval_id.is_empty() {
        context.print(&format!("Evaluation ID: {}", style.id(&done.eval_id)));
        return Ok(Exit::SUCCESS);
    }
    monitor::evaluation(context, &api, &options, &done.eval_id, args.verbose).await
}
