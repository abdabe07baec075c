//! `pasture job allocs`

use clap::Args;

use crate::api::client::{Options, encode_segment};
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::find;
use crate::cli::output;

/// List a job's allocations
///
/// Example:
///
///   pasture job allocs -verbose example
///
/// See also: job status, alloc status
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct JobAllocsArgs {
    /// Job's id, or the beginning of it
    #[arg(value_name = "JOB")]
    job: String,

    /// Accepted for scripts: allocations of all versions are shown anyway
    #[arg(long)]
    all: bool,

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
/// When there is no such job, or the cluster cannot be asked.
pub async fn run(args: &JobAllocsArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let style = context.style(args.verbose);
    let found = find::job(&api, &options, &args.job, &style).await?;
    let options = Options { namespace: Some(found.namespace), ..options };
    if args.json {
        let path = format!("/v1/job/{}/allocations", encode_segment(&found.id));
        context.print(&output::json(&api.get::<serde_json::Value>(&path, &options).await?.value));
        return Ok(Exit::SUCCESS);
    }
    let allocs = api.job_allocations(&found.id, &options).await?.value;
    context.print(&output::job::allocations(&style, &allocs, "No allocations placed"));
    Ok(Exit::SUCCESS)
}
