//! Allocations.

use axum::extract::{Path, State};

use crate::api::agent::Agent;
use crate::api::blocking::view;
use crate::api::convert;
use crate::api::error::ApiError;
use crate::api::query::Params;
use crate::api::reply::{Reply, indexed, list as reply_list};
use crate::model::AllocId;
use crate::state::WatchKey;

/// `GET /v1/allocations`
pub async fn list(State(agent): State<Agent>, params: Params) -> Reply {
    let (with_resources, with_states) = (params.bool("resources")?, params.bool_or("task_states", true)?);
    let view = view(&agent, &params, &[WatchKey::Allocs]).await?;
    let found = view
        .snapshot
        .allocs()
        .filter(|alloc| params.covers(&alloc.job_key.namespace) && starts_with(&alloc.id, &params.prefix));
    let to_wire = |alloc: &&std::sync::Arc<_>| convert::alloc::stub(alloc, with_resources, with_states);
    reply_list(&params, view.index, found, |alloc| alloc.id.to_string(), to_wire)
}

/// `GET /v1/allocation/:id`
pub async fn read(State(agent): State<Agent>, Path(id): Path<String>, params: Params) -> Reply {
    let id: AllocId = id.parse().map_err(|_| not_found())?;
    let view = view(&agent, &params, &[WatchKey::Alloc(id)]).await?;
    let alloc = view.snapshot.alloc(&id).ok_or_else(not_found)?;
    indexed(&params, view.index, &convert::alloc::allocation(alloc))
}

fn not_found() -> ApiError {
    ApiError::NotFound("alloc not found".to_owned())
}

/// Tells whether an id begins with `prefix`, in upper or lower case.
pub(super) fn starts_with(id: &impl ToString, prefix: &str) -> bool {
    prefix.is_empty() || id.to_string().starts_with(&prefix.to_ascii_lowercase())
}
