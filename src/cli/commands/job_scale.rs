//! `pasture job scale`

use clap::Args;

use crate::api::client::Options;
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::{find, monitor};

/// Change how many instances of a task group run
///
/// The group may be left out when the job has only one. Exits with 2 when not everything could
/// be placed.
///
/// Examples:
///
///   pasture job scale example 5
///   pasture job scale example web 0
///
/// See also: run, job status
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment, override_usage = "pasture job scale [OPTIONS] <JOB> [GROUP] <COUNT>")]
pub struct JobScaleArgs {
    /// Job's id, or the beginning of it
    #[arg(value_name = "JOB")]
    job: String,

    /// Task group, and then how many instances; or only how many
    #[arg(value_name = "GROUP", required = true, num_args = 1..=2, allow_negative_numbers = true)]
    target: Vec<String>,

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
/// When there is no such job or group, or the cluster refuses or cannot be asked.
pub async fn run(args: &JobScaleArgs, context: &Context) -> Result<Exit, CommandError> {
    let (group, count) = match args.target.as_slice() {
        [group, count] => (Some(group.clone()), count),
        [count] => (None, count),
        _ => return Err(CommandError::Other("say how many instances are wanted".to_owned())),
    };
    let count: u32 = count.parse().map_err(|_| {
        CommandError::Other(format!(
            "{count:?} is not a number of instances; give 0 or more, after the group"
        ))
    })?;
    let (api, options) = (args.connection.api(&context.env), args.connection.options());
    let found = find::job(&api, &options, &args.job, &context.style(args.verbose)).await?;
    let options = Options { namespace: Some(found.namespace), ..options };
    let group = match group {
        Some(group) => group,
        None => {
            let groups = api.scale_status(&found.id, &options).await?.value.task_groups;
            only_group(&found.id, groups.into_keys().collect())?
        }
    };
    let message = "submitted using the command line";
    let done = api.scale(&found.id, &group, count, message, &options).await?.value;
    if done.eval_id.is_empty() {
        context.print("The count is changed; nothing has to be placed");
        return Ok(Exit::SUCCESS);
    }
    if args.detach {
        context.print(&format!("Evaluation ID: {}", done.eval_id));
        return Ok(Exit::SUCCESS);
    }
    monitor::evaluation(context, &api, &options, &done.eval_id, args.verbose).await
}

fn only_group(job: &str, mut groups: Vec<String>) -> Result<String, CommandError> {
    match groups.len() {
        1 => Ok(groups.remove(0)),
        _ => Err(CommandError::Other(format!(
            "job {job:?} has several task groups; name one of {}",
            groups.join(", ")
        ))),
    }
}
