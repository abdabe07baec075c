//! `pasture job plan`, `pasture plan`

use std::path::PathBuf;

use clap::Args;

use super::job_validate;
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::output::{self, plan as show};
use crate::cli::variables::VariableArgs;

/// Show what running a job would change
///
/// Reads a job file and lets the scheduler look at it as if it had been submitted; nothing is
/// changed. Shows how it differs from the job that runs, how many allocations would be created,
/// destroyed and updated, and what would find no place. With -why it says of every node what
/// speaks against it, and what would have to change.
///
/// Exits with 0 when no allocation would be created or destroyed, 1 when some would, and 255
/// when something went wrong.
///
/// Examples:
///
///   pasture plan example.nomad
///   pasture plan -why -verbose example.nomad
///
/// See also: run, validate, why-not
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct JobPlanArgs {
    /// Job file in HCL or JSON; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Show how the job differs from the one that runs; `-diff=false` leaves it out
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true")]
    #[arg(default_missing_value = "true", action = clap::ArgAction::Set)]
    diff: bool,

    /// Say of every node what speaks against what finds no place, and what would have to change
    #[arg(long)]
    why: bool,

    /// Print what the API answers
    #[arg(long, alias = "json-output")]
    json: bool,

    /// Show ids in full, groups and tasks without changes, and where in the job each reason stands
    #[arg(long)]
    verbose: bool,

    #[command(flatten)]
    variables: VariableArgs,

    #[command(flatten)]
    connection: Connection,
}

/// Runs the command.
///
/// # Errors
/// None: what goes wrong is told here, since its code is 255.
pub async fn run(args: &JobPlanArgs, context: &Context) -> Result<Exit, CommandError> {
    match plan(args, context).await {
        Ok(exit) => Ok(exit),
        Err(error) => {
            context.warn(&error.to_string());
            Ok(Exit::PLAN_FAILED)
        }
    }
}

async fn plan(args: &JobPlanArgs, context: &Context) -> Result<Exit, CommandError> {
    let mut job = job_validate::load(&args.file, &args.variables, context)?;
    let options = args.connection.options();
    if let Some(namespace) = options.namespace.as_ref().filter(|_| job.namespace == "default") {
        job.namespace.clone_from(namespace);
    }
    if let Some(region) = options.region.as_ref().filter(|_| job.region == "global") {
        job.region.clone_from(region);
    }
    let api = args.connection.api(&context.env);
    let plan = api.plan_job(&job, args.diff, args.why, &options).await?.value;
    if args.json {
        context.print(&output::json(&plan));
    } else {
        let file = args.file.to_string_lossy();
        context.print(&show::job(&context.style(args.verbose), &file, &plan, args.diff));
    }
    let updates = plan.annotations.iter().flat_map(|one| one.desired_tg_updates.values());
    let changes = updates.map(|one| {
        one.place + one.stop + one.migrate + one.canary + one.destructive_update + one.reschedule_now
    });
    Ok(if changes.sum::<u32>() > 0 { Exit::PLAN_CHANGES } else { Exit::SUCCESS })
}
