//! Deployments.

use std::sync::Arc;

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
use crate::api::servers::DeploymentChange;
use crate::api::wire::deployment::{DeploymentUpdateResponse, HealthRequest, PauseRequest, PromoteRequest};
use crate::model::{AllocId, DeploymentId};
use crate::state::WatchKey;

/// `GET /v1/deployments`
pub async fn list(State(agent): State<Agent>, params: Params) -> Reply {
    let view = view(&agent, &params, &[WatchKey::Deployments]).await?;
    let found = view.snapshot.deployments().filter(|deployment| {
        params.covers(&deployment.job_key.namespace) && starts_with(&deployment.id, &params.prefix)
    });
    reply_list(
        &params,
        view.index,
        found,
        |found| found.id.to_string(),
        |found| convert::deployment::deployment(found),
    )
}

/// `GET /v1/deployment/:id`
pub async fn read(State(agent): State<Agent>, Path(id): Path<String>, params: Params) -> Reply {
    let id = parse(&id)?;
    let view = view(&agent, &params, &[WatchKey::Deployment(id)]).await?;
    let found = view.snapshot.deployment(&id).ok_or_else(not_found)?;
    indexed(&params, view.index, &convert::deployment::deployment(found))
}

/// `GET /v1/deployment/allocations/:id`
pub async fn allocations(State(agent): State<Agent>, Path(id): Path<String>, params: Params) -> Reply {
    let id = parse(&id)?;
    let view = view(&agent, &params, &[WatchKey::Deployment(id), WatchKey::Allocs]).await?;
    let deployment = view.snapshot.deployment(&id).ok_or_else(not_found)?;
    let found = view.snapshot.allocs_by_job(&deployment.job_key);
    let found = found.filter(|alloc| alloc.deployment_id == Some(id));
    let to_wire = |alloc: &&Arc<_>| convert::alloc::stub(alloc, false, true);
    reply_list(&params, view.index, found, |alloc| alloc.id.to_string(), to_wire)
}

/// `PUT /v1/deployment/promote/:id`: of some groups or of all
pub async fn promote(
    State(agent): State<Agent>,
    Path(id): Path<String>,
    params: Params,
    body: Bytes,
) -> Reply {
    let asked: PromoteRequest = request::decode(&body, &["DeploymentID", "All", "Groups"])?;
    let id = meant(&id, &asked.deployment_id)?;
    let groups = match (asked.all, asked.groups.is_empty()) {
        (true, true) => None,
        (false, false) => Some(asked.groups),
        (true, false) => {
            return Err(ApiError::BadRequest("give All or Groups, not both".to_owned()));
        }
        (false, true) => {
            return Err(ApiError::BadRequest("say what to promote: All, or some Groups".to_owned()));
        }
    };
    change(&agent, &params, id, DeploymentChange::Promote { groups }).await
}

/// `PUT /v1/deployment/fail/:id`: the body, if there is one, says nothing more
pub async fn fail(State(agent): State<Agent>, Path(id): Path<String>, params: Params) -> Reply {
    change(&agent, &params, parse(&id)?, DeploymentChange::Fail).await
}

/// `PUT /v1/deployment/pause/:id`: or let it go on
pub async fn pause(State(agent): State<Agent>, Path(id): Path<String>, params: Params, body: Bytes) -> Reply {
    let asked: PauseRequest = request::decode(&body, &["DeploymentID", "Pause"])?;
    let id = meant(&id, &asked.deployment_id)?;
    change(&agent, &params, id, DeploymentChange::Pause(asked.pause)).await
}

/// `PUT /v1/deployment/allocation-health/:id`
pub async fn allocation_health(
    State(agent): State<Agent>,
    Path(id): Path<String>,
    params: Params,
    body: Bytes,
) -> Reply {
    let fields = ["DeploymentID", "HealthyAllocationIDs", "UnhealthyAllocationIDs"];
    let asked: HealthRequest = request::decode(&body, &fields)?;
    let id = meant(&id, &asked.deployment_id)?;
    if asked.healthy.is_empty() && asked.unhealthy.is_empty() {
        return Err(ApiError::BadRequest(
            "no allocation is named in HealthyAllocationIDs or UnhealthyAllocationIDs".to_owned(),
        ));
    }
    let ids = |ids: &[String]| -> Result<Vec<AllocId>, ApiError> {
        let wrong = |id: &str| ApiError::BadRequest(format!("{id:?} is not the id of an allocation"));
        ids.iter().map(|id| id.parse().map_err(|_| wrong(id))).collect()
    };
    let (healthy, unhealthy) = (ids(&asked.healthy)?, ids(&asked.unhealthy)?);
    change(&agent, &params, id, DeploymentChange::Health { healthy, unhealthy }).await
}

async fn change(agent: &Agent, params: &Params, id: DeploymentId, change: DeploymentChange) -> Reply {
    let done = agent.servers()?.change_deployment(id, change).await?;
    let answer = DeploymentUpdateResponse {
        eval_id: convert::id_or_empty(done.eval_id),
        eval_create_index: if done.eval_id.is_some() { done.index } else { 0 },
        deployment_modify_index: done.index,
        reverted_job_version: done.reverted_to,
        index: done.index,
    };
    indexed(params, done.index, &answer)
}

/// Returns the id in the path, which the body may repeat.
fn meant(path: &str, body: &str) -> Result<DeploymentId, ApiError> {
    if !body.is_empty() && body != path {
        return Err(ApiError::BadRequest("Deployment ID does not match path".to_owned()));
    }
    parse(path)
}

fn parse(id: &str) -> Result<DeploymentId, ApiError> {
    id.parse().map_err(|_| not_found())
}

fn not_found() -> ApiError {
    ApiError::NotFound("deployment not found".to_owned())
}
