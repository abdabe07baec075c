//! Evaluations.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};

use super::allocations::starts_with;
use crate::api::agent::Agent;
use crate::api::blocking::view;
use crate::api::convert;
use crate::api::error::ApiError;
use crate::api::query::Params;
use crate::api::reply::{Reply, indexed, list as reply_list};
use crate::model::{EvalId, Evaluation};
use crate::state::{Snapshot, WatchKey};

/// How many related evaluations are shown.
const RELATED_MAX: usize = 100;

/// `GET /v1/evaluations`, also by `job` and `status`
pub async fn list(State(agent): State<Agent>, params: Params) -> Reply {
    let view = view(&agent, &params, &[WatchKey::Evals]).await?;
    let (job, status) = (params.text("job"), params.text("status"));
    let found = view.snapshot.evals().filter(|eval| {
        params.covers(&eval.job_key.namespace)
            && starts_with(&eval.id, &params.prefix)
            && (job.is_empty() || eval.job_key.id == job)
            && (status.is_empty() || eval.status.as_str() == status)
    });
    reply_list(&params, view.index, found, |eval| eval.id.to_string(), |eval| convert::eval::evaluation(eval))
}

/// `GET /v1/evaluation/:id`, with its relatives if `related`
pub async fn read(State(agent): State<Agent>, Path(id): Path<String>, params: Params) -> Reply {
    let with_related = params.bool("related")?;
    let id: EvalId = id.parse().map_err(|_| not_found())?;
    let view = view(&agent, &params, &[WatchKey::Eval(id)]).await?;
    let eval = view.snapshot.eval(&id).ok_or_else(not_found)?;
    let mut found = convert::eval::evaluation(eval);
    if with_related {
        found.related_evals =
            Some(related(&view.snapshot, eval).iter().map(|eval| convert::eval::stub(eval)).collect());
    }
    indexed(&params, view.index, &found)
}

/// `GET /v1/evaluation/:id/allocations`
pub async fn allocations(State(agent): State<Agent>, Path(id): Path<String>, params: Params) -> Reply {
    let id: EvalId = id.parse().map_err(|_| not_found())?;
    let view = view(&agent, &params, &[WatchKey::Eval(id), WatchKey::Allocs]).await?;
    let eval = view.snapshot.eval(&id).ok_or_else(not_found)?;
    let placed = view.snapshot.allocs_by_job(&eval.job_key).filter(|alloc| alloc.eval_id == id);
    let to_wire = |alloc: &&Arc<_>| convert::alloc::stub(alloc, false, true);
    reply_list(&params, view.index, placed, |alloc| alloc.id.to_string(), to_wire)
}

/// Returns all evaluations linked with `eval` over any number of steps, itself left out, in the order found.
fn related(snapshot: &Snapshot, eval: &Arc<Evaluation>) -> Vec<Arc<Evaluation>> {
    let mut seen = BTreeSet::from([eval.id]);
    let mut found: Vec<Arc<Evaluation>> = Vec::new();
    let mut looked_at = eval.clone();
    loop {
        for id in [looked_at.previous_eval, looked_at.next_eval, looked_at.blocked_eval].into_iter().flatten()
        {
            if found.len() < RELATED_MAX && seen.insert(id) {
                found.extend(snapshot.eval(&id).cloned());
            }
        }
        let position = found.iter().position(|known| known.id == looked_at.id).map_or(0, |index| index + 1);
        match found.get(position) {
            Some(next) => looked_at = next.clone(),
            None => return found,
        }
    }
}

fn not_found() -> ApiError {
    ApiError::NotFound("eval not found".to_owned())
}
