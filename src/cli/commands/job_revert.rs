//! `pasture job revert`

use clap::Args;

use crate::api::client::Options;
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::{find, monitor};

/// Go back to an older version of a job
///
/// Submits that version anew, as a new version, and follows what comes of it. `job history`
/// lists the versions that are kept.
///
/// Examples:
///
///   pasture job revert example 0
///
/// See also: job history, run
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct JobRevertArgs {
    /// Job's id, or the beginning of it
    #[arg(value_name = "JOB")]
    job: String,

    /// Version to go back to
    #[arg(value_name = "VERSION")]
    version: u64,

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
/// When there is no such job or version, or the cluster refuses or cannot be asked.
pub async fn run(args: &JobRevertArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let found = find::job(&api, &options, &args.job, &context.style(args.verbose)).await?;
    let options = Options { namespace: Some(found.namespace), ..options };
    let done = api.revert_job(&found.id, args.version, None, &options).await?.value;
    if args.detach || done.eval_id.is_empty() {
        context.print(&format!("Evaluation ID: {}", done.eval_id));
        return Ok(Exit::SUCCESS);
    }
    monitor::evaluation(context, &api, &options, &done.eval_id, args.verbose).await
}
