//! What only a node's own agent can answer; others pass the question on to it.

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, StatusCode};
use serde_json::json;

use super::logs::{Logs, Stream};
use crate::api::agent::Agent;
use crate::api::client::{Api, ClientError};
use crate::api::error::ApiError;
use crate::api::query::Params;
use crate::api::reply::{Reply, plain};
use crate::model::{AllocId, NodeId};
use crate::rpc::messages::HttpRequest;

/// Marks a question that was passed on to a node, so that it goes no further.
const PASSED_ON: &str = "passed_on";

/// How long a node's agent may take to answer.
const NODE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(20);

/// `GET /v1/client/stats`, of another node by `node_id`
pub async fn stats(State(agent): State<Agent>, uri: Uri, params: Params) -> Reply {
    let own = agent.node().map(|node| node.node_id());
    let asked = match params.text("node_id") {
        "" => own,
        text => Some(text.parse().map_err(|_| ApiError::NotFound("node not found".to_owned()))?),
    };
    let asked =
        asked.ok_or_else(|| ApiError::BadRequest("this agent has no client; ask with node_id".to_owned()))?;
    if Some(asked) != own {
        return ask_node(&agent, asked, &uri, &params).await;
    }
    let node = agent.node().ok_or_else(|| ApiError::Internal("this agent has no client".to_owned()))?;
    let (disk, path) = (agent.env().disk.clone(), node.allocs_dir());
    let space = agent.env().blocking(move || disk.space(&path)).await;
    let disk = space.ok().map(|space| {
        let used = space.total_bytes.saturating_sub(space.free_bytes);
        json!({ "Size": space.total_bytes, "Available": space.free_bytes, "Used": used, "Device": "", "Mountpoint": "" })
    });
    // What a machine uses is not measured yet; Nomad's readers take null for that.
    let answer = json!({
        "AllocDirStats": disk, "CPU": null, "CPUTicksConsumed": 0.0, "DiskStats": null, "DeviceStats": null,
        "Memory": null, "Timestamp": agent.env().now().nanos(), "Uptime": 0,
    });
    plain(&params, &answer)
}

/// `GET /v1/client/fs/logs/:alloc`
pub async fn logs(State(agent): State<Agent>, uri: Uri, Path(id): Path<String>, params: Params) -> Reply {
    let missing = || ApiError::NotFound("alloc not found".to_owned());
    let id: AllocId = id.parse().map_err(|_| missing())?;
    let stream = match params.text("type") {
        "stdout" | "" => Stream::Stdout,
        "stderr" => Stream::Stderr,
        other => return Err(ApiError::BadRequest(format!("type must be stdout or stderr; it is {other:?}"))),
    };
    let dir = agent.node().map(|node| node.logs_dir(id));
    let here = match dir.clone() {
        Some(dir) => {
            let disk = agent.env().disk.clone();
            agent.env().blocking(move || disk.exists(&dir)).await
        }
        None => false,
    };
    match dir.filter(|_| here) {
        Some(dir) => {
            let task = match params.text("task") {
                "" => {
                    return Err(ApiError::BadRequest("task is missing: whose output is wanted?".to_owned()));
                }
                name if name.contains(['/', '\\']) => {
                    return Err(ApiError::BadRequest("task is not a name".to_owned()));
                }
                name => name.to_owned(),
            };
            let logs = Logs::open(agent.env().clone(), dir, &task, stream);
            let body = logs.read(&params).await?;
            let mut response = Response::new(body);
            let kind = HeaderValue::from_static(if params.bool("plain")? {
                "text/plain"
            } else {
                "application/json"
            });
            response.headers_mut().insert(CONTENT_TYPE, kind);
            Ok(response)
        }
        None if agent.server().is_some() => {
            let snapshot = agent.snapshot()?;
            let node = snapshot.alloc(&id).ok_or_else(missing)?.node_id;
            if agent.node().is_some_and(|own| own.node_id() == node) {
                return Err(ApiError::NotFound("the allocation's files are gone from its node".to_owned()));
            }
            ask_node(&agent, node, &uri, &params).await
        }
        None => ask_servers(&agent, &uri, &params).await,
    }
}

/// Asks the agent of a node and returns what it says.
async fn ask_node(agent: &Agent, id: NodeId, uri: &Uri, params: &Params) -> Reply {
    if params.get(PASSED_ON).is_some() {
        return Err(ApiError::NotFound("this agent does not run the node asked for".to_owned()));
    }
    if params.bool("follow")? {
        return Err(ApiError::NotSupported(
            "output is followed only at the agent of the allocation's own node; its address is HTTPAddr of /v1/node/:id"
                .to_owned(),
        ));
    }
    if agent.server().is_none() {
        return ask_servers(agent, uri, params).await;
    }
    let snapshot = agent.snapshot()?;
    let node = snapshot.node(&id).ok_or_else(|| ApiError::NotFound("node not found".to_owned()))?;
    let separator = if uri.query().is_some() { "&" } else { "?" };
    let path = format!("{uri}{separator}{PASSED_ON}=1");
    let api = Api::new(agent.env().clone(), node.http_addr.clone());
    let answer = api.send_raw(Method::GET, &path, bytes::Bytes::new(), NODE_TIMEOUT).await;
    let raw =
        answer.map_err(|error: ClientError| ApiError::Internal(format!("node {}: {error}", node.name)))?;
    let mut response = Response::new(raw.body.into());
    *response.status_mut() = StatusCode::from_u16(raw.status).unwrap_or(StatusCode::BAD_GATEWAY);
    if let Some(kind) = raw.headers.get(CONTENT_TYPE) {
        response.headers_mut().insert(CONTENT_TYPE, kind.clone());
    }
    Ok(response)
}

/// Asks a server, which knows where the node is.
async fn ask_servers(agent: &Agent, uri: &Uri, params: &Params) -> Reply {
    if params.get(PASSED_ON).is_some() {
        return Err(ApiError::NotFound("this agent does not run the node asked for".to_owned()));
    }
    let request = HttpRequest {
        method: "GET".to_owned(),
        path_and_query: uri.to_string(),
        body: Vec::new(),
        to_leader: false,
    };
    crate::api::forward::ask_servers(agent, request, params).await
}
