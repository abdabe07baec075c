//! `pasture job inspect`, `pasture inspect`

use clap::Args;

use crate::api::client::{Options, encode_segment};
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::find;
use crate::cli::output;
use crate::jobspec;
use crate::model::Job;

/// Print a job as the cluster keeps it
///
/// The JSON can be changed and run again, and so can the job file that -hcl prints.
///
/// Examples:
///
///   pasture job inspect example
///   pasture job inspect -hcl -version=0 example > example.nomad
///
/// See also: run, job history
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct JobInspectArgs {
    /// Job's id, or the beginning of it
    #[arg(value_name = "JOB")]
    job: String,

    /// Version of the job; the newest when not given
    #[arg(long, value_name = "NUMBER")]
    version: Option<u64>,

    /// Accepted for scripts: it is JSON anyway
    #[arg(long, conflicts_with = "hcl")]
    json: bool,

    /// Print a job file in HCL that makes the same job
    #[arg(long)]
    hcl: bool,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
///
/// # Errors
/// When there is no such job or version, or the cluster cannot be asked.
pub async fn run(args: &JobInspectArgs, context: &Context) -> Result<Exit, CommandError> {
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let found = find::job(&api, &options, &args.job, &context.style(false)).await?;
    let options = Options { namespace: Some(found.namespace), ..options };
    let job = match args.version {
        None => {
            api.get::<serde_json::Value>(&format!("/v1/job/{}", encode_segment(&found.id)), &options)
                .await?
                .value
        }
        Some(version) => {
            let kept = api.job_versions(&found.id, &options).await?.value.versions;
            let job = kept.into_iter().find(|job| job.version == version).ok_or_else(|| {
                CommandError::Other(format!(
                    "job {:?} has no version {version}; `pasture job history` lists those that are kept",
                    found.id
                ))
            })?;
            serde_json::json!(job)
        }
    };
    if args.hcl {
        let job: Job = serde_json::from_value(job)
            .map_err(|error| CommandError::Other(format!("the answer is no job: {error}")))?;
        context.print(&jobspec::print(&job));
        return Ok(Exit::SUCCESS);
    }
    context.print(&output::json(&serde_json::json!({ "Job": job })));
    Ok(Exit::SUCCESS)
}
