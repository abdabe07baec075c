//! How a question is sent.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{HOST, HeaderMap};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::env::Env;
use crate::env::spawn::AbortOnDrop;
use crate::model::duration;

/// The port asked when an address names none.
const PORT: u16 = 4646;

/// How many idle connections are kept.
const IDLE_MAX: usize = 8;

/// The largest answer taken, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;

/// How long a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Until a connection is open.
    pub connect: Duration,
    /// From sending the question to the last byte of the answer; a blocking query adds its wait to it.
    pub request: Duration,
}

impl Default for Timeouts {
    /// 5 s to connect; 30 s for an answer, which a server may spend on waiting for a leader and a quorum.
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), request: Duration::from_secs(30) }
    }
}

/// What can be asked for beside the route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The namespace; the server's default when `None`, all when `*`.
    pub namespace: Option<String>,
    /// The region; the server's own when `None`.
    pub region: Option<String>,
    /// Ids must begin with this.
    pub prefix: Option<String>,
    /// Any server may answer, even without a leader, from what it knows.
    pub stale: bool,
    /// Wait until the answer is newer than this log index; 0 for no wait.
    pub index: u64,
    /// The longest wait; the server's default (5 minutes) when `None`.
    pub wait: Option<Duration>,
    /// Further parameters.
    pub extra: Vec<(String, String)>,
}

impl Options {
    /// Options of a read that any server may answer.
    pub fn stale() -> Self {
        Self { stale: true, ..Self::default() }
    }

    /// Adds a parameter.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.extra.push((name.to_owned(), value.into()));
        self
    }

    /// Asks to wait for an answer newer than `index`, for `wait` at most.
    pub fn blocking(mut self, index: u64, wait: Duration) -> Self {
        self.index = index;
        self.wait = Some(wait);
        self
    }

    fn query(&self) -> String {
        let mut pairs: Vec<(&str, String)> = Vec::new();
        for (name, value) in
            [("namespace", &self.namespace), ("region", &self.region), ("prefix", &self.prefix)]
        {
            pairs.extend(value.clone().map(|value| (name, value)));
        }
        if self.stale {
            pairs.push(("stale", "true".to_owned()));
        }
        if self.index > 0 {
            pairs.push(("index", self.index.to_string()));
            pairs.extend(self.wait.map(|wait| ("wait", duration::format(wait))));
        }
        pairs.extend(self.extra.iter().map(|(name, value)| (name.as_str(), value.clone())));
        let encoded =
            pairs.iter().map(|(name, value)| format!("{}={}", encode_segment(name), encode_segment(value)));
        encoded.collect::<Vec<_>>().join("&")
    }

    /// Returns how much longer than others a blocking query may take: its wait and the jitter servers add.
    fn patience(&self) -> Duration {
        match self.index {
            0 => Duration::ZERO,
            _ => {
                let wait = self.wait.unwrap_or(crate::api::query::WAIT_MAX);
                wait + wait / 16
            }
        }
    }
}

/// An answer with what its headers say.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer<T> {
    /// The body.
    pub value: T,
    /// Log index of the answer, for the next blocking query; 0 when there was none.
    pub index: u64,
    /// Whether the answering server knew a leader.
    pub known_leader: bool,
    /// Where the next page begins, if there is one.
    pub next_token: Option<String>,
}

/// An answer of any status.
#[derive(Clone, Debug)]
pub struct Raw {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Why there is no answer, or a bad one.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClientError {
    /// The address cannot be used.
    #[error("cannot use the address {address:?}: {problem}; write it as http://host:port")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// No connection: nobody listens, the machine is away, the name is unknown.
    #[error("cannot connect to {address}: {text}")]
    Connect {
        /// Where.
        address: String,
        /// What kind of trouble.
        kind: io::ErrorKind,
        /// What the machine says.
        text: String,
    },
    /// No answer in time. A write may have happened.
    #[error("no answer from {address} to {route} within {}", duration::format(*.limit))]
    TimedOut {
        /// Whom was asked.
        address: String,
        /// What.
        route: String,
        /// For how long.
        limit: Duration,
    },
    /// The connection broke before the answer was complete. A write may have happened.
    #[error("the connection to {address} broke during {route}: {text}")]
    Broken {
        /// Whom was asked.
        address: String,
        /// What.
        route: String,
        /// How.
        text: String,
    },
    /// The server refused.
    #[error("{text} (status {status}, from {address})")]
    Status {
        /// The status.
        status: u16,
        /// The body: what the server says.
        text: String,
        /// Who answered.
        address: String,
    },
    /// The answer is not what this route answers; is something else listening there?
    #[error("the answer of {address} to {route} cannot be read: {text}; is it a Pasture or Nomad agent?")]
    Body {
        /// Who answered.
        address: String,
        /// What was asked.
        route: String,
        /// What is wrong.
        text: String,
    },
}

impl ClientError {
    /// Returns the status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Returns what the server said in its refusal.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Status { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Tells whether there is no such thing.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// Tells whether nobody was reached, so that another server may be asked without doing anything twice.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::Address { .. })
    }
}

/// One agent's HTTP API. Cheap to clone; clones share connections.
#[derive(Clone)]
pub struct Api {
    inner: Arc<Inner>,
}

struct Inner {
    env: Env,
    given: String,
    target: Result<String, ClientError>,
    timeouts: Timeouts,
    idle: Mutex<Vec<Connection>>,
}

/// A kept connection. Dropping it closes it.
struct Connection {
    sender: SendRequest<Full<Bytes>>,
    _task: AbortOnDrop,
}

impl Api {
    /// Makes a client of the agent at `address`: `host:port`, `http://host:port`, or a host alone for port 4646.
    pub fn new(env: Env, address: impl Into<String>) -> Self {
        Self::with_timeouts(env, address, Timeouts::default())
    }

    /// As [`new`](Self::new), with other timeouts.
    pub fn with_timeouts(env: Env, address: impl Into<String>, timeouts: Timeouts) -> Self {
        let given = address.into();
        let target = target(&given);
        Self { inner: Arc::new(Inner { env, given, target, timeouts, idle: Mutex::default() }) }
    }

    /// Returns the address as given.
    pub fn address(&self) -> &str {
        &self.inner.given
    }

    /// Asks for a path such as `/v1/jobs`.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        options: &Options,
    ) -> Result<Answer<T>, ClientError> {
        let raw = self.send(Method::GET, path, options, Bytes::new()).await?;
        self.decode(path, raw)
    }

    /// Sends a change.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        options: &Options,
        body: &impl Serialize,
    ) -> Result<Answer<T>, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| self.unreadable(path, &error))?;
        let raw = self.send(Method::PUT, path, options, body.into()).await?;
        self.decode(path, raw)
    }

    /// Sends a change whose body is text already.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn put_text<T: DeserializeOwned>(
        &self,
        path: &str,
        options: &Options,
        body: impl Into<Bytes>,
    ) -> Result<Answer<T>, ClientError> {
        let raw = self.send(Method::PUT, path, options, body.into()).await?;
        self.decode(path, raw)
    }

    /// Removes something.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn delete<T: DeserializeOwned>(
        &self,
        path: &str,
        options: &Options,
    ) -> Result<Answer<T>, ClientError> {
        let raw = self.send(Method::DELETE, path, options, Bytes::new()).await?;
        self.decode(path, raw)
    }

    /// Asks for a path and returns the body as it came.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn get_bytes(&self, path: &str, options: &Options) -> Result<Bytes, ClientError> {
        let raw = self.send(Method::GET, path, options, Bytes::new()).await?;
        Ok(self.accept(raw)?.body)
    }

    /// Sends any request and returns the answer, whatever its status.
    ///
    /// # Errors
    /// All of [`ClientError`] but `Status` and `Body`.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        options: &Options,
        body: Bytes,
    ) -> Result<Raw, ClientError> {
        let query = options.query();
        let separator = if query.is_empty() { "" } else { "?" };
        let limit = self.inner.timeouts.request + options.patience();
        self.send_raw(method, &format!("{path}{separator}{query}"), body, limit).await
    }

    /// Sends any request, its query written out, and returns the answer, whatever its status, within `limit`.
    ///
    /// # Errors
    /// All of [`ClientError`] but `Status` and `Body`.
    pub async fn send_raw(
        &self,
        method: Method,
        path_and_query: &str,
        body: Bytes,
        limit: Duration,
    ) -> Result<Raw, ClientError> {
        let target = self.inner.target.clone()?;
        let route = format!("{method} {}", path_and_query.split('?').next().unwrap_or_default());
        match timeout(limit, self.exchange(&target, &method, path_and_query, &body, &route)).await {
            Ok(result) => result,
            Err(_) => Err(ClientError::TimedOut { address: target, route, limit }),
        }
    }

    /// Sends a request on a kept connection or a new one, and reads the whole answer.
    async fn exchange(
        &self,
        target: &str,
        method: &Method,
        path_and_query: &str,
        body: &Bytes,
        route: &str,
    ) -> Result<Raw, ClientError> {
        let broken =
            |text: String| ClientError::Broken { address: target.to_owned(), route: route.to_owned(), text };
        loop {
            let (mut connection, is_kept) = match self.take_idle() {
                Some(connection) => (connection, true),
                None => (self.connect(target, route).await?, false),
            };
            let request = Request::builder()
                .method(method)
                .uri(path_and_query)
                .header(HOST, target)
                .body(Full::new(body.clone()))
                .map_err(|error| broken(error.to_string()))?;
            let response = match connection.sender.try_send_request(request).await {
                Ok(response) => response,
                Err(mut error) => {
                    let is_unsent = error.take_message().is_some();
                    if is_kept && (is_unsent || method == Method::GET) {
                        // Each kept connection is tried once only, so this ends with a new one.
                        continue;
                    }
                    return Err(broken(error.into_error().to_string()));
                }
            };
            let (parts, incoming) = response.into_parts();
            let body = Limited::new(incoming, ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| broken(error.to_string()))?.to_bytes();
            self.give_back(connection);
            return Ok(Raw { status: parts.status.as_u16(), headers: parts.headers, body });
        }
    }

    async fn connect(&self, target: &str, route: &str) -> Result<Connection, ClientError> {
        let stream = self.inner.env.net.connect(target, self.inner.timeouts.connect).await;
        let stream = stream.map_err(|error| ClientError::Connect {
            address: target.to_owned(),
            kind: error.kind(),
            text: error.to_string(),
        })?;
        let (sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| ClientError::Broken {
                address: target.to_owned(),
                route: route.to_owned(),
                text: error.to_string(),
            })?;
        let task = self.inner.env.spawn("http-client", async move {
            // What goes wrong here reaches the caller through the request it breaks.
            let _ = connection.await;
        });
        Ok(Connection { sender, _task: task.abort_on_drop() })
    }

    fn take_idle(&self) -> Option<Connection> {
        let mut idle = self.inner.idle.lock().expect("no holder of this lock panics");
        while let Some(connection) = idle.pop() {
            if connection.sender.is_ready() {
                return Some(connection);
            }
        }
        None
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.inner.idle.lock().expect("no holder of this lock panics");
        if idle.len() < IDLE_MAX && !connection.sender.is_closed() {
            idle.push(connection);
        }
    }

    fn accept(&self, raw: Raw) -> Result<Raw, ClientError> {
        if raw.status == 200 {
            return Ok(raw);
        }
        let text = String::from_utf8_lossy(&raw.body).trim().to_owned();
        let text = if text.is_empty() { "the server gave no reason".to_owned() } else { text };
        Err(ClientError::Status { status: raw.status, text, address: self.inner.given.clone() })
    }

    fn decode<T: DeserializeOwned>(&self, path: &str, raw: Raw) -> Result<Answer<T>, ClientError> {
        let raw = self.accept(raw)?;
        let value = serde_json::from_slice(&raw.body).map_err(|error| self.unreadable(path, &error))?;
        let header = |name: &str| raw.headers.get(name).and_then(|value| value.to_str().ok());
        Ok(Answer {
            value,
            index: header("x-nomad-index").and_then(|text| text.parse().ok()).unwrap_or(0),
            known_leader: header("x-nomad-knownleader") == Some("true"),
            next_token: header("x-nomad-nexttoken").map(str::to_owned),
        })
    }

    fn unreadable(&self, path: &str, error: &serde_json::Error) -> ClientError {
        ClientError::Body {
            address: self.inner.given.clone(),
            route: path.to_owned(),
            text: error.to_string(),
        }
    }
}

/// Returns the `host:port` of an address.
fn target(given: &str) -> Result<String, ClientError> {
    let bad = |problem| Err(ClientError::Address { address: given.to_owned(), problem });
    let rest = match given.split_once("://") {
        Some(("http", rest)) => rest,
        Some(("https", _)) => return bad("TLS is not supported yet"),
        Some(_) => return bad("only http is understood"),
        None => given,
    };
    let host = rest.trim_end_matches('/');
    if host.is_empty() {
        return bad("it names no host");
    }
    if host.contains(['/', '?', '#', '@', ' ']) {
        return bad("only host and port belong there");
    }
    // A colon inside brackets, or one of several without them, belongs to an IPv6 address.
    let (after_brackets, bare_v6) = match host.rsplit_once(']') {
        Some((_, after)) => (after, false),
        None => (host, host.matches(':').count() > 1),
    };
    match after_brackets.rsplit_once(':') {
        _ if bare_v6 => Ok(format!("[{host}]:{PORT}")),
        None => Ok(format!("{host}:{PORT}")),
        Some((_, port)) if port.parse::<u16>().is_ok_and(|port| port > 0) => Ok(host.to_owned()),
        Some(_) => bad("the port is not a number from 1 to 65535"),
    }
}

/// Writes text so that it can be one segment of a path, or a name or value of a query.
pub fn encode_segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_in_every_usual_form() {
        for (given, expected) in [
            ("127.0.0.1:4646", Ok("127.0.0.1:4646")),
            ("http://127.0.0.1:4646/", Ok("127.0.0.1:4646")),
            ("nomad-01", Ok("nomad-01:4646")),
            ("http://[::1]:80", Ok("[::1]:80")),
            ("[::1]", Ok("[::1]:4646")),
            ("::1", Ok("[::1]:4646")),
            ("https://x", Err("TLS is not supported yet")),
            ("ftp://x", Err("only http is understood")),
            ("http://", Err("it names no host")),
            ("x:port", Err("the port is not a number from 1 to 65535")),
            ("x:0", Err("the port is not a number from 1 to 65535")),
            ("http://x/v1", Err("only host and port belong there")),
        ] {
            match (target(given), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected),
                (Err(ClientError::Address { problem, .. }), Err(expected)) => assert_eq!(problem, expected),
                (found, _) => panic!("{given}: {found:?}"),
            }
        }
    }

    #[test]
    fn queries_are_encoded() {
        let options = Options { prefix: Some("a/b c".to_owned()), stale: true, ..Options::default() }
            .blocking(7, Duration::from_secs(90))
            .with("type", "x&y");
        assert_eq!(options.query(), "prefix=a%2Fb%20c&stale=true&index=7&wait=1m30s&type=x%26y");
        assert_eq!(Options::default().query(), "");
    }
}
