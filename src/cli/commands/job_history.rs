//! `pasture job history`

use clap::Args;

use crate::api::client::Options;
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::find;
use crate::cli::output;

/// List the kept versions of a job
///
/// Examples:
///
///   pasture job history example
///   pasture job history -p example
///   pasture job history -version=0 example
///
/// See also: job inspect, run
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct JobHistoryArgs {
    /// Job's id, or the beginning of it
    #[arg(value_name = "JOB")]
    job: String,

    /// Show this version only
    #[arg(long, value_name = "NUMBER")]
    version: Option<u64>,

    /// Show how each version differs from the one before it
    #[arg(short = 'p')]
    differences: bool,

    /// Print what the API answers
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
///
/// # Errors
/// When there is no such job or version, or the cluster cannot be asked.
pub async fn run(args: &JobHistoryArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let style = context.style(false);
    let found = find::job(&api, &options, &args.job, &style).await?;
    let options = Options { namespace: Some(found.namespace), ..options };
    let options = if args.differences { options.with("diffs", "true") } else { options };
    let mut answer = api.job_versions(&found.id, &options).await?.value;
    if let Some(version) = args.version {
        let known = answer.versions.iter().position(|job| job.version == version);
        let Some(at) = known else {
            return Err(CommandError::Other(format!(
                "job {:?} has no version {version} that is kept",
                found.id
            )));
        };
        answer.versions = vec![answer.versions.swap_remove(at)];
        answer.diffs = answer.diffs.map(|diffs| diffs.into_iter().skip(at).take(1).collect());
    }
    let text = match (args.json, args.differences) {
        (true, false) => output::json(&answer.versions),
        (true, true) => output::json(&answer),
        (false, _) => output::job::versions(&style, &answer.versions, answer.diffs.as_deref()),
    };
    context.print(&text);
    Ok(Exit::SUCCESS)
}
