//! The tree of commands: names, the 2016 aliases, and which file each is in.

use std::future::Future;

use clap::{CommandFactory, Parser, Subcommand};

use super::commands::{
    agent, agent_info, alloc_logs, alloc_status, completion, deployment_fail, deployment_list,
    deployment_pause, deployment_promote, deployment_resume, deployment_status, eval_list, eval_status, fmt,
    job_allocs, job_deployments, job_eval, job_history, job_init, job_inspect, job_plan, job_promote,
    job_revert, job_run, job_scale, job_status, job_stop, job_validate, node_drain, node_eligibility,
    node_status, operator_raft_list_peers, reference, scenario, server_members, status, test, version,
    why_not,
};
use super::context::Context;
use super::error::CommandError;
use super::exit::Exit;
use super::terminal::ColourArgs;

/// Declare a cluster, break it, and see what happens
///
/// Pasture schedules jobs as Nomad does: on one machine, on many, or in a simulation in which
/// minutes take milliseconds. Flags may be written with one dash or two.
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
    Inspect(job_inspect::JobInspectArgs),
    Plan(job_plan::JobPlanArgs),
    Logs(alloc_logs::AllocLogsArgs),
    WhyNot(why_not::WhyNotArgs),

    /// Work with jobs
    #[command(subcommand, disable_help_subcommand = true)]
    Job(JobCommand),
    /// Work with allocations
    #[command(subcommand, disable_help_subcommand = true)]
    Alloc(AllocCommand),
    /// Work with evaluations
    #[command(subcommand, disable_help_subcommand = true)]
    Eval(EvalCommand),
    /// Work with deployments
    #[command(subcommand, disable_help_subcommand = true)]
    Deployment(DeploymentCommand),
    /// Work with nodes
    #[command(subcommand, disable_help_subcommand = true)]
    Node(NodeCommand),
    /// Work with servers
    #[command(subcommand, disable_help_subcommand = true)]
    Server(ServerCommand),
    /// Look after a cluster
    #[command(subcommand, disable_help_subcommand = true)]
    Operator(OperatorCommand),

    Agent(agent::AgentArgs),
    AgentInfo(agent_info::AgentInfoArgs),

    Fmt(fmt::FmtArgs),
    Test(test::TestArgs),
    Scenario(scenario::ScenarioArgs),

    Version(version::VersionArgs),
    Completion(completion::CompletionArgs),
    #[command(hide = true)]
    Reference(reference::ReferenceArgs),

    #[command(hide = true)]
    AllocStatus(alloc_status::AllocStatusArgs),
    #[command(hide = true)]
    EvalStatus(eval_status::EvalStatusArgs),
    #[command(hide = true)]
    NodeStatus(node_status::NodeStatusArgs),
    #[command(hide = true)]
    NodeDrain(node_drain::NodeDrainArgs),
    #[command(hide = true)]
    ServerMembers(server_members::ServerMembersArgs),
}

/// What follows `job`.
#[derive(Subcommand, Clone, Debug)]
pub enum JobCommand {
    Run(job_run::JobRunArgs),
    Status(job_status::JobStatusArgs),
    Stop(job_stop::JobStopArgs),
    Init(job_init::JobInitArgs),
    Validate(job_validate::JobValidateArgs),
    Plan(job_plan::JobPlanArgs),
    Inspect(job_inspect::JobInspectArgs),
    History(job_history::JobHistoryArgs),
    Revert(job_revert::JobRevertArgs),
    Promote(job_promote::JobPromoteArgs),
    Deployments(job_deployments::JobDeploymentsArgs),
    Scale(job_scale::JobScaleArgs),
    Eval(job_eval::JobEvalArgs),
    Allocs(job_allocs::JobAllocsArgs),
}

/// What follows `alloc`.
#[derive(Subcommand, Clone, Debug)]
pub enum AllocCommand {
    Status(alloc_status::AllocStatusArgs),
    Logs(alloc_logs::AllocLogsArgs),
}

/// What follows `eval`.
#[derive(Subcommand, Clone, Debug)]
pub enum EvalCommand {
    Status(eval_status::EvalStatusArgs),
    List(eval_list::EvalListArgs),
}

/// What follows `deployment`.
#[derive(Subcommand, Clone, Debug)]
pub enum DeploymentCommand {
    List(deployment_list::DeploymentListArgs),
    Status(deployment_status::DeploymentStatusArgs),
    Promote(deployment_promote::DeploymentPromoteArgs),
    Fail(deployment_fail::DeploymentFailArgs),
    Pause(deployment_pause::DeploymentPauseArgs),
    Resume(deployment_resume::DeploymentResumeArgs),
}

/// What follows `node`.
#[derive(Subcommand, Clone, Debug)]
pub enum NodeCommand {
    Status(node_status::NodeStatusArgs),
    Eligibility(node_eligibility::NodeEligibilityArgs),
    Drain(node_drain::NodeDrainArgs),
}

/// What follows `server`.
#[derive(Subcommand, Clone, Debug)]
pub enum ServerCommand {
    Members(server_members::ServerMembersArgs),
}

/// What follows `operator`.
#[derive(Subcommand, Clone, Debug)]
pub enum OperatorCommand {
    /// Work with the log that servers agree on
    #[command(subcommand, disable_help_subcommand = true)]
    Raft(RaftCommand),
}

/// What follows `operator raft`.
#[derive(Subcommand, Clone, Debug)]
pub enum RaftCommand {
    ListPeers(operator_raft_list_peers::OperatorRaftListPeersArgs),
}

/// Runs a command.
///
/// # Errors
/// When it did not do what it was told.
pub fn run(command: &Command, context: &Context) -> Result<Exit, CommandError> {
    let colour = context.terminal.colour;
    match command {
        Command::Run(args) | Command::Job(JobCommand::Run(args)) => asking(job_run::run(args, context)),
        Command::Status(args) => asking(status::run(args, context)),
        Command::Job(JobCommand::Status(args)) => asking(job_status::run(args, context)),
        Command::Stop(args) | Command::Job(JobCommand::Stop(args)) => asking(job_stop::run(args, context)),
        Command::Init(args) | Command::Job(JobCommand::Init(args)) => job_init::run(args, context),
        Command::Validate(args) | Command::Job(JobCommand::Validate(args)) => {
            job_validate::run(args, context)
        }
        Command::Inspect(args) | Command::Job(JobCommand::Inspect(args)) => {
            asking(job_inspect::run(args, context))
        }
        Command::Plan(args) | Command::Job(JobCommand::Plan(args)) => asking(job_plan::run(args, context)),
        Command::Job(JobCommand::History(args)) => asking(job_history::run(args, context)),
        Command::Job(JobCommand::Revert(args)) => asking(job_revert::run(args, context)),
        Command::Job(JobCommand::Promote(args)) => asking(job_promote::run(args, context)),
        Command::Job(JobCommand::Deployments(args)) => asking(job_deployments::run(args, context)),
        Command::Deployment(command) => asking(deployment(command, context)),
        Command::Job(JobCommand::Scale(args)) => asking(job_scale::run(args, context)),
        Command::Job(JobCommand::Eval(args)) => asking(job_eval::run(args, context)),
        Command::Job(JobCommand::Allocs(args)) => asking(job_allocs::run(args, context)),
        Command::Logs(args) | Command::Alloc(AllocCommand::Logs(args)) => {
            asking(alloc_logs::run(args, context))
        }
        Command::AllocStatus(args) | Command::Alloc(AllocCommand::Status(args)) => {
            asking(alloc_status::run(args, context))
        }
        Command::EvalStatus(args) | Command::Eval(EvalCommand::Status(args)) => {
            asking(eval_status::run(args, context))
        }
        Command::Eval(EvalCommand::List(args)) => asking(eval_list::run(args, context)),
        Command::NodeStatus(args) | Command::Node(NodeCommand::Status(args)) => {
            asking(node_status::run(args, context))
        }
        Command::Node(NodeCommand::Eligibility(args)) => asking(node_eligibility::run(args, context)),
        Command::NodeDrain(args) | Command::Node(NodeCommand::Drain(args)) => {
            asking(node_drain::run(args, context))
        }
        Command::ServerMembers(args) | Command::Server(ServerCommand::Members(args)) => {
            asking(server_members::run(args, context))
        }
        Command::Operator(OperatorCommand::Raft(RaftCommand::ListPeers(args))) => {
            asking(operator_raft_list_peers::run(args, context))
        }
        Command::WhyNot(args) => asking(why_not::run(args, context)),
        Command::AgentInfo(args) => asking(agent_info::run(args, context)),
        // An agent runs on several threads, and each simulated world on one of its own.
        Command::Agent(args) => agent::run(args, context),
        Command::Test(args) => test::run(args, colour).map(Exit::from_code).map_err(CommandError::Other),
        Command::Scenario(args) => {
            scenario::run(args, colour).map(Exit::from_code).map_err(CommandError::Other)
        }
        Command::Fmt(args) => fmt::run(args, context),
        Command::Version(_) => Ok(version::run(context)),
        Command::Completion(args) => Ok(completion::run(args, context)),
        Command::Reference(_) => Ok(reference::run(context)),
    }
}

async fn deployment(command: &DeploymentCommand, context: &Context) -> Result<Exit, CommandError> {
    match command {
        DeploymentCommand::List(args) => deployment_list::run(args, context).await,
        DeploymentCommand::Status(args) => deployment_status::run(args, context).await,
        DeploymentCommand::Promote(args) => deployment_promote::run(args, context).await,
        DeploymentCommand::Fail(args) => deployment_fail::run(args, context).await,
        DeploymentCommand::Pause(args) => deployment_pause::run(args, context).await,
        DeploymentCommand::Resume(args) => deployment_resume::run(args, context).await,
    }
}

/// Runs a command that asks a cluster, on this thread.
fn asking(command: impl Future<Output = Result<Exit, CommandError>>) -> Result<Exit, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CommandError::Other(format!("cannot start: {error}")))?;
    runtime.block_on(command)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_makes_sense_under_either_name() {
        command("pasture").debug_assert();
        command("nomad").debug_assert();
    }

    #[test]
    fn examples_name_the_program_as_it_is_called() {
        let help = command("nomad").find_subcommand_mut("run").unwrap().render_long_help().to_string();
        assert!(help.contains("  nomad run example.nomad") && !help.contains("pasture run"), "{help}");
    }
}
