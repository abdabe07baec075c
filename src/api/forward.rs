//! Who answers a request.
//!
//! A write, and a read that does not say `stale`, is answered by the leader, which makes sure first that it still leads.
//! A server that does not lead passes such a request on to it as a whole; an agent that is no server passes nearly
//! everything on to one. What has been passed on by a server is marked, and refused by a server that does not lead: two
//! servers that each take the other for the leader do not send a request back and forth.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};
use hyper::{Method, StatusCode};
use tokio::time::timeout;
use tower::ServiceExt;

use super::agent::{Agent, WeakAgent};
use super::error::ApiError;
use super::query::Params;
use super::reply;
use super::servers::ServerError;
use crate::rpc::messages::{HttpReply, HttpRequest};

/// The largest body of a request, in bytes.
pub const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;

/// How long a body may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long whoever is asked may take, beside the wait of a blocking query.
const FORWARD_TIMEOUT: Duration = Duration::from_secs(20);

/// Marks a request that came by RPC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PassedOn {
    /// By a server, to the one it takes for the leader.
    to_leader: bool,
}

/// Where a request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Here, whoever leads.
    Here,
    /// Here, because this server leads; reads make sure of it first.
    HereAsLeader,
    /// At the leader.
    Leader,
    /// At any server.
    Server,
    /// Nowhere: it was passed on to a leader that is none.
    Nowhere,
}

/// Answers a request, here or elsewhere; the layer around all routes.
pub(super) async fn layer(State(agent): State<Agent>, request: Request, next: Next) -> Response {
    match answer(&agent, request, next).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn answer(agent: &Agent, request: Request, next: Next) -> reply::Reply {
    let (parts, body) = request.into_parts();
    let is_read = is_read(&parts.method);
    let path = parts.uri.path().to_owned();
    if !path.starts_with("/v1/") {
        return Ok(next.run(Request::from_parts(parts, Body::empty())).await);
    }
    let body = read_body(body).await?;
    let params = Params::of(&parts.uri)?;
    if let Some(region) = params.region.as_deref().filter(|region| *region != agent.info().region) {
        return Err(ApiError::Internal(format!(
            "No path to region {region:?}; this one is {:?}",
            agent.info().region
        )));
    }
    let passed_on = parts.extensions.get::<PassedOn>().copied();
    let place = place(agent, &parts.method, &path, &params, passed_on);
    match place {
        Place::Nowhere => return Err(ServerError::NoLeader.into()),
        Place::Leader => {
            let timeout = FORWARD_TIMEOUT + patience(&params);
            let reply = agent.servers()?.forward_http(to_message(&parts, &body, true), timeout).await?;
            return from_message(reply);
        }
        Place::Server => return ask_servers(agent, to_message(&parts, &body, false), &params).await,
        Place::HereAsLeader if is_read => {
            agent.servers()?.barrier().await?;
        }
        Place::HereAsLeader | Place::Here => {}
    }
    let mut response = next.run(Request::from_parts(parts, Body::from(body))).await;
    if is_read && response.status() == StatusCode::OK {
        reply::add_read_headers(agent, &mut response);
    }
    Ok(response)
}

fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// Decides where a request is answered.
fn place(agent: &Agent, method: &Method, path: &str, params: &Params, passed_on: Option<PassedOn>) -> Place {
    if is_about_agent(path) {
        return Place::Here;
    }
    let Some(server) = agent.server() else {
        // A client's agent is never asked to answer for others.
        return if passed_on.is_some() { Place::Nowhere } else { Place::Server };
    };
    if is_about_servers(path) || (is_read(method) && params.stale) {
        return Place::Here;
    }
    if server.leadership().is_leader {
        return Place::HereAsLeader;
    }
    match passed_on {
        Some(PassedOn { to_leader: true }) => Place::Nowhere,
        _ => Place::Leader,
    }
}

/// Tells whether a route is about the agent that was asked, or needs no state at all.
fn is_about_agent(path: &str) -> bool {
    path.starts_with("/v1/client/")
        || matches!(
            path,
            "/v1/agent/self"
                | "/v1/agent/health"
                | "/v1/agent/servers"
                | "/v1/jobs/parse"
                | "/v1/metrics"
                | "/v1/regions"
                | "/v1/validate/job"
        )
}

/// Tells whether a route is about the servers as the asked one sees them, so that it works without a leader.
fn is_about_servers(path: &str) -> bool {
    matches!(path, "/v1/agent/members" | "/v1/status/leader" | "/v1/status/peers")
}

/// Returns how much longer than others a blocking query may take.
fn patience(params: &Params) -> Duration {
    if params.index == 0 { Duration::ZERO } else { params.wait + params.wait / 16 }
}

/// Asks the known servers one after the other until one can be reached.
pub(super) async fn ask_servers(agent: &Agent, request: HttpRequest, params: &Params) -> reply::Reply {
    let timeout = FORWARD_TIMEOUT + patience(params);
    let is_repeatable = request.method == "GET";
    let mut last = ServerError::NoLeader;
    for address in agent.known_servers() {
        match agent.ask(address, request.clone(), timeout).await {
            Ok(reply) => return from_message(reply),
            Err(error) => last = error,
        }
        if !is_repeatable {
            // It may have been done before the connection broke.
            break;
        }
    }
    Err(last.into())
}

async fn read_body(body: Body) -> Result<Bytes, ApiError> {
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        // Its head says so already; nobody has to wait for the rest.
        return Err(ApiError::TooLarge { limit: BODY_BYTES_MAX });
    }
    let limited = Limited::new(body, BODY_BYTES_MAX).collect();
    match timeout(BODY_TIMEOUT, limited).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ApiError::TooLarge { limit: BODY_BYTES_MAX }),
        Ok(Err(error)) => Err(ApiError::BadRequest(format!("request body cannot be read: {error}"))),
        Err(_) => Err(ApiError::Slow(BODY_TIMEOUT.as_secs())),
    }
}

fn to_message(parts: &Parts, body: &Bytes, to_leader: bool) -> HttpRequest {
    let path_and_query = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    HttpRequest {
        method: parts.method.as_str().to_owned(),
        path_and_query: path_and_query.to_owned(),
        body: body.to_vec(),
        to_leader,
    }
}

fn from_message(reply: HttpReply) -> reply::Reply {
    let unusable = |what: &str| ApiError::Internal(format!("the server's answer has an impossible {what}"));
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).map_err(|_| unusable("status"))?;
    for (name, value) in reply.headers {
        let name = HeaderName::try_from(name).map_err(|_| unusable("header name"))?;
        let value = HeaderValue::try_from(value).map_err(|_| unusable("header value"))?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

/// Answers requests that other agents passed on by RPC.
#[derive(Clone)]
pub struct RpcHandler {
    agent: WeakAgent,
}

impl RpcHandler {
    /// Makes the handler of an agent, without keeping it alive.
    pub fn new(agent: &Agent) -> Self {
        Self { agent: agent.downgrade() }
    }

    /// Answers one request.
    pub fn handle(&self, request: HttpRequest) -> BoxFuture<'static, HttpReply> {
        let agent = self.agent.upgrade();
        Box::pin(async move {
            let response = match agent {
                Some(agent) => run(agent, request).await,
                // The agent is stopping; another server will lead.
                None => ApiError::from(ServerError::NoLeader).into_response(),
            };
            to_reply(response).await
        })
    }
}

async fn run(agent: Agent, request: HttpRequest) -> Response {
    let built = axum::http::Request::builder()
        .method(request.method.as_str())
        .uri(request.path_and_query)
        .extension(PassedOn { to_leader: request.to_leader })
        .body(Body::from(request.body));
    match built {
        Ok(built) => match super::router(agent).oneshot(built).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        Err(error) => {
            ApiError::BadRequest(format!("the request passed on cannot be read: {error}")).into_response()
        }
    }
}

async fn to_reply(response: Response) -> HttpReply {
    let (parts, body) = response.into_parts();
    let kept =
        parts.headers.iter().filter(|(name, _)| **name != CONTENT_LENGTH && **name != TRANSFER_ENCODING);
    let headers = kept
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    match body.collect().await {
        Ok(body) => HttpReply { status: parts.status.as_u16(), headers, body: body.to_bytes().to_vec() },
        Err(error) => HttpReply { status: 500, headers: Vec::new(), body: error.to_string().into_bytes() },
    }
}
