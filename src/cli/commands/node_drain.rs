//! `pasture node drain`, `pasture node-drain`

use clap::Args;

use crate::cli::error::CommandError;
use crate::cli::exit::Exit;

/// Move allocations off a node (not supported yet)
///
/// This version says so and exits with 1. A node can be kept from new allocations meanwhile.
///
/// Example:
///
///   pasture node eligibility -disable 3d823c52
///
/// See also: node eligibility, node status
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct NodeDrainArgs {
    /// Whatever Nomad's command takes
    #[arg(value_name = "ARGUMENTS", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Says that it is not supported.
///
/// # Errors
/// Always.
pub fn run(_args: &NodeDrainArgs) -> Result<Exit, CommandError> {
    Err(CommandError::NotSupported {
        what: "draining a node",
        instead: "`pasture node eligibility -disable NODE` keeps new allocations away, and `pasture job stop` ends jobs; nothing was changed",
    })
}
