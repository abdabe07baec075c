//! `pasture job status`

use clap::Args;

use super::why_not;
use crate::api::client::{Api, ClientError, Options, encode_segment};
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::find;
use crate::cli::output::{self, job as show};

/// List jobs, or show one
///
/// Of one job: how many of its allocations are where in their life, why some could not be
/// placed, node by node, and all its allocations.
///
/// Examples:
///
///   pasture job status
///   pasture job status -evals example
///
/// See also: alloc status, eval status, node status
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct JobStatusArgs {
    /// Job's id, or the beginning of it
    #[arg(value_name = "JOB")]
    job: Option<String>,

    #[command(flatten)]
    pub show: ShowArgs,

    #[command(flatten)]
    pub connection: Connection,
}

/// What of a job is shown.
#[derive(Args, Clone, Copy, Debug)]
pub struct ShowArgs {
    /// Show only the facts about the job itself
    #[arg(long)]
    pub short: bool,

    /// Show evaluations too
    #[arg(long)]
    pub evals: bool,

    /// Accepted for scripts: allocations of all versions are shown anyway
    #[arg(long)]
    pub all_allocs: bool,

    /// Print what the API answers
    #[arg(long)]
    pub json: bool,

    /// Show ids and times in full
    #[arg(long)]
    pub verbose: bool,
}

/// Runs the command.
///
/// # Errors
/// When there is no such job, or the cluster cannot be asked.
pub async fn run(args: &JobStatusArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    match &args.job {
        None => list(context, &api, &options, args.show).await,
        Some(given) => {
            let style = context.style(args.show.verbose);
            let found = find::job(&api, &options, given, &style).await?;
            let options = Options { namespace: Some(found.namespace), ..options };
            one(context, &api, &options, &found.id, args.show).await
        }
    }
}

/// Lists jobs.
///
/// # Errors
/// When the cluster cannot be asked.
pub async fn list(
    context: &Context,
    api: &Api,
    options: &Options,
    args: ShowArgs,
) -> Result<Exit, CommandError> {
    if args.json {
        let jobs: serde_json::Value = api.get("/v1/jobs", options).await?.value;
        context.print(&output::json(&jobs));
        return Ok(Exit::SUCCESS);
    }
    let jobs = api.jobs(options).await?.value;
    let all_namespaces = options.namespace.as_deref() == Some("*");
    context.print(&show::list(&context.style(args.verbose), &jobs, all_namespaces));
    Ok(Exit::SUCCESS)
}

/// Shows the job with that id.
///
/// # Errors
/// When there is no such job, or the cluster cannot be asked.
pub async fn one(
    context: &Context,
    api: &Api,
    options: &Options,
    id: &str,
    args: ShowArgs,
) -> Result<Exit, CommandError> {
    if args.json {
        let job: serde_json::Value =
            api.get(&format!("/v1/job/{}", encode_segment(id)), options).await?.value;
        context.print(&output::json(&job));
        return Ok(Exit::SUCCESS);
    }
    let status = gather(api, options, id, args.short).await?;
    let shown = show::Show { short: args.short, evals: args.evals };
    let style = context.style(args.verbose);
    let waiting = status.evals.iter().filter(|eval| eval.status == "blocked");
    let groups: Vec<String> = waiting.flat_map(|eval| eval.failed_tg_allocs.keys().cloned()).collect();
    let ways = why_not::ways_out(api, options, &style, id, groups.iter()).await;
    context.print(&output::sections([show::status(&style, &status, shown), ways]));
    Ok(Exit::SUCCESS)
}

async fn gather(api: &Api, options: &Options, id: &str, short: bool) -> Result<show::JobStatus, ClientError> {
    let job = api.job(id, options).await?.value;
    if short {
        return Ok(show::JobStatus { job, ..Default::default() });
    }
    Ok(show::JobStatus {
        job,
        allocs: api.job_allocations(id, options).await?.value,
        evals: api.job_evaluations(id, options).await?.value,
        summary: api.job_summary(id, options).await?.value,
    })
}
