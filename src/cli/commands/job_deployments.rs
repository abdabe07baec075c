//! `pasture job deployments`

use clap::Args;

use crate::api::client::Options;
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::find;
use crate::cli::output::{self, deployment as show};

/// List the deployments of a job
///
/// Examples:
///
///   pasture job deployments example
///   pasture job deployments -latest example
///
/// See also: deployment status, job history
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct JobDeploymentsArgs {
    /// Job's id, or the beginning of it
    #[arg(value_name = "JOB")]
    job: String,

    /// Show the newest one only, in full
    #[arg(long)]
    latest: bool,

    /// Show those of earlier jobs of the same name as well
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
pub async fn run(args: &JobDeploymentsArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let style = context.style(args.verbose);
    let found = find::job(&api, &options, &args.job, &style).await?;
    let options = Options { namespace: Some(found.namespace), ..options };
    let text = if args.latest {
        let latest = api.job_deployment(&found.id, &options).await?.value;
        match (&latest, args.json) {
            (_, true) => output::json(&latest),
            (Some(latest), false) => show::status(&style, latest),
            (None, false) => show::NONE.to_owned(),
        }
    } else {
        let all = api.job_deployments(&found.id, args.all, &options).await?.value;
        if args.json { output::json(&all) } else { show::list(&style, &all) }
    };
    context.print(&text);
    Ok(Exit::SUCCESS)
}
