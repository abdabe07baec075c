//! `pasture job inspect`, `pasture inspect`

use clap::Args;

use crate::api::client::{Options, encode_segment};
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::find;
use crate::cli::output;

/// Print a job as the cluster keeps it
///
/// The JSON can be changed and run again.
///
/// Example:
///
///   pasture job inspect example
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
    #[arg(long)]
    json: bool,

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
    context.print(&output::json(&serde_json::json!({ "Job": job })));
    Ok(Exit::SUCCESS)
}
