//! Which handler a route has.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::response::Redirect;
use axum::routing::{any, get, post};
use hyper::{Method, Uri};

use super::agent::Agent;
use super::error::ApiError;
use super::forward;
use super::handlers::{
    agent as agents, allocations, client, deployments, evaluations, jobs, nodes, operator, plan, search,
    status,
};

/// Returns the routes of an agent, with [`forward`] before them. PUT and POST are the same everywhere.
pub fn router(agent: Agent) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::temporary("/ui/") }))
        .route("/ui/", get(no_ui))
        .route("/v1/jobs", get(jobs::list).put(jobs::register).post(jobs::register))
        .route("/v1/jobs/parse", post(jobs::parse).put(jobs::parse))
        .route("/v1/validate/job", post(jobs::validate).put(jobs::validate))
        // Ids of jobs may contain slashes: the handler looks for the suffix itself.
        .route("/v1/job/{*path}", any(jobs::one))
        .route("/v1/nodes", get(nodes::list))
        .route("/v1/nodes/plan", post(plan::nodes).put(plan::nodes))
        .route("/v1/node/{id}", get(nodes::read))
        .route("/v1/node/{id}/allocations", get(nodes::allocations))
        .route("/v1/node/{id}/eligibility", post(nodes::eligibility).put(nodes::eligibility))
        .route("/v1/node/{id}/evaluate", post(nodes::evaluate).put(nodes::evaluate))
        .route("/v1/node/{id}/drain", post(nodes::drain).put(nodes::drain))
        .route("/v1/allocations", get(allocations::list))
        .route("/v1/allocation/{id}", get(allocations::read))
        .route("/v1/evaluations", get(evaluations::list))
        .route("/v1/evaluation/{id}", get(evaluations::read))
        .route("/v1/evaluation/{id}/allocations", get(evaluations::allocations))
        .route("/v1/deployments", get(deployments::list))
        .route("/v1/deployment/{id}", get(deployments::read))
        .route("/v1/deployment/allocations/{id}", get(deployments::allocations))
        .route("/v1/deployment/promote/{id}", post(deployments::promote).put(deployments::promote))
        .route("/v1/deployment/fail/{id}", post(deployments::fail).put(deployments::fail))
        .route("/v1/deployment/pause/{id}", post(deployments::pause).put(deployments::pause))
        .route(
            "/v1/deployment/allocation-health/{id}",
            post(deployments::allocation_health).put(deployments::allocation_health),
        )
        .route("/v1/status/leader", get(status::leader))
        .route("/v1/status/peers", get(status::peers))
        .route("/v1/regions", get(status::regions))
        .route("/v1/agent/self", get(agents::about))
        .route("/v1/agent/health", get(agents::health))
        .route("/v1/agent/members", get(agents::members))
        .route("/v1/agent/servers", get(agents::servers))
        .route("/v1/metrics", get(agents::metrics))
        .route("/v1/operator/raft/configuration", get(operator::raft_configuration))
        .route("/v1/search", post(search::search).put(search::search))
        .route("/v1/client/stats", get(client::stats))
        .route("/v1/client/fs/logs/{alloc}", get(client::logs))
        .method_not_allowed_fallback(|| async { ApiError::InvalidMethod })
        .fallback(unknown)
        .layer(from_fn_with_state(agent.clone(), forward::layer))
        // The layer above reads bodies and has a limit of its own.
        .layer(DefaultBodyLimit::disable())
        .with_state(agent)
}

async fn no_ui() -> ApiError {
    ApiError::NotFound("there is no browser interface yet; the API is under /v1".to_owned())
}

async fn unknown(method: Method, uri: Uri) -> ApiError {
    ApiError::NotFound(format!("no such route: {method} {}", uri.path()))
}
