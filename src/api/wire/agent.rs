//! Agents, servers and the cluster as a whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{null_as_default, null_when_empty};

/// What an agent says of itself. The top-level keys are lower case, as Nomad's are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentSelf {
    /// How it is configured.
    pub config: Map<String, Value>,
    /// The agent as a member of its cluster; empty for one that is no server.
    pub member: Member,
    /// Numbers and facts, all as text, by part: `client`, `nomad`, `raft`, `runtime`.
    pub stats: BTreeMap<String, BTreeMap<String, String>>,
}

/// All servers an agent knows of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Members {
    /// The name of the answering server.
    pub server_name: String,
    /// Its region.
    pub server_region: String,
    /// Its datacenter.
    #[serde(rename = "ServerDC")]
    pub server_dc: String,
    /// All servers.
    #[serde(deserialize_with = "null_as_default")]
    pub members: Vec<Member>,
}

/// One server.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Member {
    /// `name.region`.
    pub name: String,
    /// Its address.
    pub addr: String,
    /// Where it listens for servers: the RPC port.
    pub port: u16,
    /// `build`, `dc`, `id`, `port`, `raft_vsn`, `region`, `role`, `rpc_addr`, `http_addr`.
    #[serde(with = "null_when_empty")]
    pub tags: BTreeMap<String, String>,
    /// `alive` or `failed`.
    pub status: String,
    /// Versions of the membership protocol, which Pasture has none of: constants.
    pub protocol_min: u8,
    /// See `protocol_min`.
    pub protocol_max: u8,
    /// See `protocol_min`.
    pub protocol_cur: u8,
    /// See `protocol_min`.
    pub delegate_min: u8,
    /// See `protocol_min`.
    pub delegate_max: u8,
    /// See `protocol_min`.
    pub delegate_cur: u8,
}

/// Whether an agent is well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentHealth {
    /// Its client, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<RoleHealth>,
    /// Its server, when it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<RoleHealth>,
}

/// Whether one role of an agent is well.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoleHealth {
    /// Whether it is.
    pub ok: bool,
    /// Why not, or `ok`.
    pub message: String,
}

/// The servers of the log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RaftConfiguration {
    /// All of them.
    #[serde(deserialize_with = "null_as_default")]
    pub servers: Vec<RaftServer>,
    /// Not kept, always 0.
    pub index: u64,
}

/// A server of the log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RaftServer {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// Its name.
    pub node: String,
    /// `host:port` of its RPC.
    pub address: String,
    /// Whether it leads.
    pub leader: bool,
    /// Whether it votes; always.
    pub voter: bool,
    /// Always `3`.
    pub raft_protocol: String,
}

/// Numbers of an agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Metrics {
    /// When they were taken.
    pub timestamp: String,
    /// What is now.
    #[serde(deserialize_with = "null_as_default")]
    pub gauges: Vec<Gauge>,
    /// Always none.
    #[serde(deserialize_with = "null_as_default")]
    pub points: Vec<Value>,
    /// Always none.
    #[serde(deserialize_with = "null_as_default")]
    pub counters: Vec<Value>,
    /// Always none.
    #[serde(deserialize_with = "null_as_default")]
    pub samples: Vec<Value>,
}

/// One number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Gauge {
    /// Of what.
    pub name: String,
    /// How much.
    pub value: f64,
    /// Of whom.
    #[serde(deserialize_with = "null_as_default")]
    pub labels: BTreeMap<String, String>,
}

/// What to look for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SearchRequest {
    /// The beginning of an id.
    #[serde(deserialize_with = "null_as_default")]
    pub prefix: String,
    /// Where: `jobs`, `evals`, `allocs`, `nodes`, `deployment`, or `all`.
    #[serde(deserialize_with = "null_as_default")]
    pub context: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct SearchResponse {
    /// Ids, by context.
    #[serde(deserialize_with = "null_as_default")]
    pub matches: BTreeMap<String, Option<Vec<String>>>,
    /// Whether there are more, by context.
    #[serde(deserialize_with = "null_as_default")]
    pub truncations: BTreeMap<String, bool>,
}
