//! Whom a command talks to.

use clap::Args;

use crate::api::client::{Api, Options};
use crate::env::Env;

/// The address asked when nothing else is said.
const ADDRESS: &str = "http://127.0.0.1:4646";

/// Flags of every command that asks a cluster.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// Agent to ask, as http://host:port; else PASTURE_ADDR, NOMAD_ADDR or http://127.0.0.1:4646
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,

    /// Region to ask; else NOMAD_REGION or the agent's own
    #[arg(long, value_name = "REGION")]
    region: Option<String>,

    /// Namespace to look in, `*` for all; else NOMAD_NAMESPACE or `default`
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,
}

impl Connection {
    /// Returns the client to ask with.
    pub fn api(&self, env: &Env) -> Api {
        let address =
            self.address.clone().or_else(|| variable("PASTURE_ADDR")).or_else(|| variable("NOMAD_ADDR"));
        Api::new(env.clone(), address.unwrap_or_else(|| ADDRESS.to_owned()))
    }

    /// Returns what to say with every question.
    pub fn options(&self) -> Options {
        Options {
            namespace: self.namespace.clone().or_else(|| variable("NOMAD_NAMESPACE")),
            region: self.region.clone().or_else(|| variable("NOMAD_REGION")),
            ..Options::default()
        }
    }
}

/// Returns an environment variable that says something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
