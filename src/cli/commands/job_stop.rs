//! `pasture job stop`, `pasture stop`

use clap::Args;

use crate::api::client::Options;
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::{confirm, find, monitor};

/// Stop a job
///
/// Its allocations are stopped; the job itself is kept and can be looked at, until it is
/// purged. Asks first when only the beginning of the id is given.
///
/// Examples:
///
///   pasture stop example
///   pasture stop -purge -yes exam
///
/// See also: run, status
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct JobStopArgs {
    /// Job's id, or the beginning of it
    #[arg(value_name = "JOB")]
    job: String,

    /// Return at once and print the evaluation's id
    #[arg(long)]
    detach: bool,

    /// Forget the job as well
    #[arg(long)]
    purge: bool,

    /// Do not ask
    #[arg(long)]
    yes: bool,

    /// Show ids in full
    #[arg(long)]
    verbose: bool,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
///
/// # Errors
/// When there is no such job, or the cluster cannot be asked.
pub async fn run(args: &JobStopArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let job = find::job(&api, &options, &args.job, &context.style(args.verbose)).await?;
    if job.id != args.job && !args.yes && !confirm::ask(&format!("Stop the job {:?}?", job.id))? {
        context.print("Nothing was stopped");
        return Ok(Exit::SUCCESS);
    }
    let options = Options { namespace: Some(job.namespace), ..options };
    let done = api.deregister(&job.id, args.purge, &options).await?.value;
    if done.eval_id.is_empty() {
        context.print("Job stopped");
        return Ok(Exit::SUCCESS);
    }
    if args.detach {
        context.print(&done.eval_id);
        return Ok(Exit::SUCCESS);
    }
    monitor::evaluation(context, &api, &options, &done.eval_id, args.verbose).await
}
