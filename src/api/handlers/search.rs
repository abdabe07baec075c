//! Finding things by the beginning of their id.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::State;

use super::allocations::starts_with;
use crate::api::agent::Agent;
use crate::api::error::ApiError;
use crate::api::query::Params;
use crate::api::reply::{Reply, indexed};
use crate::api::request;
use crate::api::wire::agent::{SearchRequest, SearchResponse};
use crate::state::Snapshot;

/// How many ids of a kind are returned.
const MATCHES_MAX: usize = 20;

/// What can be searched.
const CONTEXTS: [&str; 5] = ["allocs", "evals", "jobs", "nodes", "deployment"];

/// `PUT /v1/search`
pub async fn search(State(agent): State<Agent>, params: Params, body: Bytes) -> Reply {
    let asked: SearchRequest = request::decode(&body, &["Prefix", "Context"])?;
    let contexts: Vec<&str> = match asked.context.as_str() {
        "" | "all" => CONTEXTS.to_vec(),
        one if CONTEXTS.contains(&one) => vec![one],
        other => {
            return Err(ApiError::BadRequest(format!(
                "context must be one of {}, all; it is {other:?}",
                CONTEXTS.join(", ")
            )));
        }
    };
    let snapshot = agent.snapshot()?;
    let (mut matches, mut truncations) = (BTreeMap::new(), BTreeMap::new());
    for context in contexts {
        let mut found = find(&snapshot, context, &asked.prefix, &params);
        truncations.insert(context.to_owned(), found.len() > MATCHES_MAX);
        found.truncate(MATCHES_MAX);
        matches.insert(context.to_owned(), Some(found).filter(|found| !found.is_empty()));
    }
    indexed(&params, snapshot.index(), &SearchResponse { matches, truncations })
}

/// Returns up to one id more than is wanted.
fn find(snapshot: &Snapshot, context: &str, prefix: &str, params: &Params) -> Vec<String> {
    let most = MATCHES_MAX + 1;
    match context {
        "allocs" => snapshot
            .allocs()
            .filter(|alloc| params.covers(&alloc.job_key.namespace) && starts_with(&alloc.id, prefix))
            .map(|alloc| alloc.id.to_string())
            .take(most)
            .collect(),
        "evals" => snapshot
            .evals()
            .filter(|eval| params.covers(&eval.job_key.namespace) && starts_with(&eval.id, prefix))
            .map(|eval| eval.id.to_string())
            .take(most)
            .collect(),
        "jobs" => snapshot
            .jobs()
            .filter(|job| params.covers(&job.namespace) && job.id.starts_with(prefix))
            .map(|job| job.id.clone())
            .take(most)
            .collect(),
        "nodes" => snapshot
            .nodes()
            .filter(|node| starts_with(&node.id, prefix))
            .map(|node| node.id.to_string())
            .take(most)
            .collect(),
        "deployment" => snapshot
            .deployments()
            .filter(|known| params.covers(&known.job_key.namespace) && starts_with(&known.id, prefix))
            .map(|known| known.id.to_string())
            .take(most)
            .collect(),
        _ => Vec::new(),
    }
}
