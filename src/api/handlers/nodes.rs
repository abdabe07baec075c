//! Nodes.

use axum::body::Bytes;
use axum::extract::{Path, State};

use super::allocations::starts_with;
use crate::api::agent::Agent;
use crate::api::blocking::view;
use crate::api::convert;
use crate::api::error::ApiError;
use crate::api::query::Params;
use crate::api::reply::{Reply, indexed, list as reply_list};
use crate::api::request;
use crate::api::wire::NodeUpdateResponse;
use crate::api::wire::node::EligibilityRequest;
use crate::model::class::computed_class;
use crate::model::{Eligibility, NodeId};
use crate::state::WatchKey;

/// `GET /v1/nodes`
pub async fn list(State(agent): State<Agent>, params: Params) -> Reply {
    let (with_os, with_resources) = (params.bool("os")?, params.bool("resources")?);
    let view = view(&agent, &params, &[WatchKey::Nodes]).await?;
    let found = view.snapshot.nodes().filter(|node| starts_with(&node.id, &params.prefix));
    let to_wire = |node: &&std::sync::Arc<_>| convert::node::stub(node, with_os, with_resources);
    reply_list(&params, view.index, found, |node| node.id.to_string(), to_wire)
}

/// `GET /v1/node/:id`
pub async fn read(State(agent): State<Agent>, Path(id): Path<String>, params: Params) -> Reply {
    let id = node_id(&id)?;
    let view = view(&agent, &params, &[WatchKey::Node(id)]).await?;
    let node = view.snapshot.node(&id).ok_or_else(not_found)?;
    indexed(&params, view.index, &convert::node::node(node, computed_class(node)))
}

/// `GET /v1/node/:id/allocations`: in full, as those who drain a node need their jobs
pub async fn allocations(State(agent): State<Agent>, Path(id): Path<String>, params: Params) -> Reply {
    let id = node_id(&id)?;
    // What its client reports counts as a change here.
    let view = view(&agent, &params, &[WatchKey::NodeAllocsSeen(id)]).await?;
    if view.snapshot.node(&id).is_none() {
        return Err(not_found());
    }
    let there = view.snapshot.allocs_by_node(&id);
    reply_list(
        &params,
        view.index,
        there,
        |alloc| alloc.id.to_string(),
        |alloc| convert::alloc::allocation(alloc),
    )
}

/// `PUT /v1/node/:id/eligibility`
pub async fn eligibility(
    State(agent): State<Agent>,
    Path(id): Path<String>,
    params: Params,
    body: Bytes,
) -> Reply {
    let asked: EligibilityRequest = request::decode(&body, &["NodeID", "Eligibility"])?;
    if !asked.node_id.is_empty() && asked.node_id != id {
        return Err(ApiError::BadRequest("NodeID of the body differs from the one in the path".to_owned()));
    }
    let eligibility = match asked.eligibility.as_str() {
        "eligible" => Eligibility::Eligible,
        "ineligible" => Eligibility::Ineligible,
        other => {
            return Err(ApiError::BadRequest(format!(
                "invalid scheduling eligibility {other:?}: write \"eligible\" or \"ineligible\""
            )));
        }
    };
    let index = agent.servers()?.set_eligibility(node_id(&id)?, eligibility).await?;
    let answer = NodeUpdateResponse { node_modify_index: index, index, ..NodeUpdateResponse::default() };
    indexed(&params, index, &answer)
}

/// `PUT /v1/node/:id/evaluate`
pub async fn evaluate(State(agent): State<Agent>, Path(id): Path<String>, params: Params) -> Reply {
    let (evals, index) = agent.servers()?.evaluate_node(node_id(&id)?).await?;
    let answer = NodeUpdateResponse {
        eval_ids: evals.iter().map(ToString::to_string).collect(),
        eval_create_index: if evals.is_empty() { 0 } else { index },
        index,
        ..NodeUpdateResponse::default()
    };
    indexed(&params, index, &answer)
}

/// `PUT /v1/node/:id/drain`: not there yet
pub async fn drain() -> ApiError {
    ApiError::NotSupported(
        "draining nodes is not supported yet; make the node ineligible and stop its jobs instead".to_owned(),
    )
}

fn node_id(text: &str) -> Result<NodeId, ApiError> {
    text.parse().map_err(|_| not_found())
}

fn not_found() -> ApiError {
    ApiError::NotFound("node not found".to_owned())
}
