//! The servers as a whole.

use axum::extract::State;

use crate::api::agent::Agent;
use crate::api::query::Params;
use crate::api::reply::{Reply, plain};

/// `GET /v1/status/leader`: the leader's RPC address, empty when there is none
pub async fn leader(State(agent): State<Agent>, params: Params) -> Reply {
    plain(&params, &agent.servers()?.leadership().leader.unwrap_or_default())
}

/// `GET /v1/status/peers`: the RPC addresses of all servers
pub async fn peers(State(agent): State<Agent>, params: Params) -> Reply {
    let members = agent.servers()?.members().await;
    let addresses: Vec<String> = members.into_iter().map(|member| member.rpc_address).collect();
    plain(&params, &addresses)
}

/// `GET /v1/regions`: always the one
pub async fn regions(State(agent): State<Agent>, params: Params) -> Reply {
    plain(&params, &[&agent.info().region])
}
