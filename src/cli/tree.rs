//! The tree of commands: names, the 2016 aliases, and which file each is in.

use clap::{CommandFactory, Parser, Subcommand};

use super::commands::{
    agent, alloc_status, eval_status, job_init, job_run, job_status, job_stop, job_validate,
    node_eligibility, node_status, scenario, status, test, version,
};
use super::context::Context;
use super::error::CommandError;
use super::exit::Exit;
use super::terminal::ColourArgs;

/// Declare a cluster, break it, and see what happens
///
/// Pasture schedules jobs as Nomad does: on one machine, on many, or in a simulation in which minutes take milliseconds.
///
/// The first steps:
///
///   pasture agent -dev              start a server and a client in one process
///   pasture init                    write example.nomad
///   pasture run example.nomad       run it
///   pasture status example          see how it is
///   pasture test                    play the scenarios in simulation
#[derive(Parser, Clone, Debug)]
#[command(name = "pasture", verbatim_doc_comment, disable_version_flag = true, subcommand_required = true)]
#[command(arg_required_else_help = true, max_term_width = 110)]
pub struct Cli {
    /// Print the version
    #[arg(short = 'v', long, action = clap::ArgAction::Version)]
    version: Option<bool>,

    #[command(flatten)]
    pub colour: ColourArgs,

    #[command(subcommand)]
    pub command: Command,
}

/// The first words. Those of 2016 that have a newer name of two words still work and are not listed.
#[derive(Subcommand, Clone, Debug)]
#[command(disable_help_subcommand = true)]
pub enum Command {
    Run(job_run::JobRunArgs),
    Status(status::StatusArgs),
    Stop(job_stop::JobStopArgs),
    Init(job_init::JobInitArgs),
    Validate(job_validate::JobValidateArgs),
    #[command(hide = true)]
    AllocStatus(alloc_status::AllocStatusArgs),
    #[command(hide = true)]
    EvalStatus(eval_status::EvalStatusArgs),
    #[command(hide = true)]
    NodeStatus(node_status::NodeStatusArgs),
    Agent(agent::AgentArgs),
    Test(test::TestArgs),
    Scenario(scenario::ScenarioArgs),
    Version(version::VersionArgs),
}

/// Runs a command.
///
/// # Errors
/// When it did not do what it was told.
pub fn run(command: &Command, context: &Context) -> Result<Exit, CommandError> {
    let colour = context.terminal.colour;
    match command {
        Command::Init(args) => job_init::run(args, context),
        Command::Validate(args) => job_validate::run(args, context),
        // An agent runs on several threads, and each simulated world on one of its own.
        Command::Agent(args) => agent::run(args, colour).map(Exit::from_code).map_err(CommandError::Other),
        Command::Test(args) => test::run(args, colour).map(Exit::from_code).map_err(CommandError::Other),
        Command::Scenario(args) => {
            scenario::run(args, colour).map(Exit::from_code).map_err(CommandError::Other)
        }
        Command::Version(_) => Ok(version::run(context)),
        other => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| CommandError::Other(format!("cannot start: {error}")))?;
            runtime.block_on(ask(other, context))
        }
    }
}

/// Runs a command that asks a cluster.
async fn ask(command: &Command, context: &Context) -> Result<Exit, CommandError> {
    match command {
        Command::Run(args) => job_run::run(args, context).await,
        Command::Status(args) => status::run(args, context).await,
        Command::Stop(args) => job_stop::run(args, context).await,
        Command::AllocStatus(args) => alloc_status::run(args, context).await,
        Command::EvalStatus(args) => eval_status::run(args, context).await,
        Command::NodeStatus(args) => node_status::run(args, context).await,
        _ => Ok(Exit::FAILURE),
    }
}

/// Returns the tree for a program that is called `name`.
pub fn command(name: &'static str) -> clap::Command {
    let tree = Cli::command().version(version::VERSION).display_name("Pasture");
    if name == "pasture" { tree } else { renamed(tree.name(name), name) }
}

/// Puts the program's name into examples.
fn renamed(command: clap::Command, name: &str) -> clap::Command {
    let long_about =
        command.get_long_about().map(|text| text.to_string().replace("pasture ", &format!("{name} ")));
    let command = match long_about {
        Some(text) => command.long_about(text),
        None => command,
    };
    command.mut_subcommands(|below| renamed(below, name))
}
