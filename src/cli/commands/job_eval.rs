//! `pasture job eval`

use clap::Args;

use crate::api::client::Options;
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::{find, monitor};

/// Look at a job again and place what is missing
///
/// Exits with 2 when not everything could be placed.
///
/// Example:
///
///   pasture job eval example
///
/// See also: eval status, job status
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct JobEvalArgs {
    /// Job's id, or the beginning of it
    #[arg(value_name = "JOB")]
    job: String,

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
/// When there is no such job, or the cluster refuses or cannot be asked.
pub async fn run(args: &JobEvalArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let found = find::job(&api, &options, &args.job, &context.style(args.verbose)).await?;
    let options = Options { namespace: Some(found.namespace), ..options };
    let done = api.evaluate_job(&found.id, &options).await?.value;
    if args.detach {
        context.print(&format!("Created eval ID: {}", done.eval_id));
        return Ok(Exit::SUCCESS);
    }
    monitor::evaluation(context, &api, &options, &done.eval_id, args.verbose).await
}
