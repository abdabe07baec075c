//! Answers: JSON with Nomad's headers, and lists cut into pages.

use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde::Serialize;

use super::agent::Agent;
use super::error::ApiError;
use super::query::Params;

/// Log index of the answer.
pub(super) const INDEX: HeaderName = HeaderName::from_static("x-nomad-index");
/// Whether a leader is known.
pub(super) const KNOWN_LEADER: HeaderName = HeaderName::from_static("x-nomad-knownleader");
/// Milliseconds since the answering server heard from the leader.
pub(super) const LAST_CONTACT: HeaderName = HeaderName::from_static("x-nomad-lastcontact");
/// Where the next page begins.
pub(super) const NEXT_TOKEN: HeaderName = HeaderName::from_static("x-nomad-nexttoken");

/// What handlers return.
pub(super) type Reply = Result<Response, ApiError>;

/// Answers a read that has no index of its own.
pub(super) fn plain(params: &Params, value: &impl Serialize) -> Reply {
    json(StatusCode::OK, params, value)
}

/// Answers with a status other than 200.
pub(super) fn json(status: StatusCode, params: &Params, value: &impl Serialize) -> Reply {
    let text = if params.pretty { serde_json::to_vec_pretty(value) } else { serde_json::to_vec(value) };
    let text = text.map_err(|error| ApiError::Internal(format!("the answer cannot be written: {error}")))?;
    Ok((status, [(CONTENT_TYPE, HeaderValue::from_static("application/json"))], text).into_response())
}

/// Answers a read of the state, or a write.
pub(super) fn indexed(params: &Params, index: u64, value: &impl Serialize) -> Reply {
    let mut response = plain(params, value)?;
    response.headers_mut().insert(INDEX, HeaderValue::from(index));
    Ok(response)
}

/// Answers with the wanted page of a list, which is in the order of `key`.
pub(super) fn list<T, W: Serialize>(
    params: &Params,
    index: u64,
    items: impl Iterator<Item = T>,
    key: impl Fn(&T) -> String,
    to_wire: impl FnMut(&T) -> W,
) -> Reply {
    let mut items: Vec<T> = items.collect();
    if params.reverse {
        items.reverse();
    }
    if !params.next_token.is_empty() {
        let begins = |item: &T| match params.reverse {
            true => key(item) <= params.next_token,
            false => key(item) >= params.next_token,
        };
        let start = items.iter().position(begins).unwrap_or(items.len());
        items.drain(..start);
    }
    let page = if params.per_page == 0 { items.len() } else { params.per_page.min(items.len()) };
    let next = items.get(page).map(&key);
    items.truncate(page);
    let mut response = indexed(params, index, &items.iter().map(to_wire).collect::<Vec<W>>())?;
    if let Some(next) = next.and_then(|key| HeaderValue::from_str(&key).ok()) {
        response.headers_mut().insert(NEXT_TOKEN, next);
    }
    Ok(response)
}

/// Adds what every answer to a read says, where a handler has not said it.
pub(super) fn add_read_headers(agent: &Agent, response: &mut Response) {
    let headers = response.headers_mut();
    if !headers.contains_key(INDEX) {
        let index = agent.server().map_or(0, |server| server.store().snapshot().index());
        headers.insert(INDEX, HeaderValue::from(index.max(1)));
    }
    let known = HeaderValue::from_static(if agent.knows_leader() { "true" } else { "false" });
    headers.entry(KNOWN_LEADER).or_insert(known);
    headers.entry(LAST_CONTACT).or_insert(HeaderValue::from_static("0"));
}
