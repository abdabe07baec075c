//! What operators look at.

use axum::extract::State;

use crate::api::agent::Agent;
use crate::api::query::Params;
use crate::api::reply::{Reply, plain};
use crate::api::wire::agent::{RaftConfiguration, RaftServer};

/// `GET /v1/operator/raft/configuration`
pub async fn raft_configuration(State(agent): State<Agent>, params: Params) -> Reply {
    let members = agent.servers()?.members().await.into_iter().map(|member| RaftServer {
        id: member.id.to_string(),
        node: format!("{}.{}", member.name, agent.info().region),
        address: member.rpc_address,
        leader: member.is_leader,
        voter: true,
        raft_protocol: "3".to_owned(),
    });
    plain(&params, &RaftConfiguration { servers: members.collect(), index: 0 })
}
