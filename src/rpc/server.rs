//! The answering side.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::error::RpcError;
use super::frame::{Reply, Request, envelope, frame, next_frame};
use crate::env::net::{Listen, Stream};
use crate::env::{Env, TaskHandle};

/// Connections at the same time; further ones wait in the listener's backlog.
const CONNECTIONS_MAX: usize = 16_384;

/// Requests of one connection under way at the same time; further ones wait in the connection.
const IN_FLIGHT_MAX: usize = 1_024;

/// Bytes waiting to be written after which no further request is read.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// The longest time a request may take, whatever its caller says.
const REQUEST_TIMEOUT_MAX: Duration = Duration::from_secs(15 * 60);

/// A connection that does nothing, or stops within a frame, for one such time is closed at the end of the next.
const IDLE_CHECK: Duration = Duration::from_secs(5 * 60);

/// How long the accept loop rests after an error, which is mostly that the process has no descriptors left.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// What answers requests.
pub trait Service: Send + Sync {
    /// Answers one request. The future is dropped when its time is up or its connection has ended.
    fn call(
        &self,
        method: String,
        body: Bytes,
        peer: SocketAddr,
    ) -> BoxFuture<'static, Result<Vec<u8>, RpcError>>;
}

/// Accepts connections and answers their requests, until it is dropped; then all connections end with it.
pub async fn serve(env: Env, listener: Box<dyn Listen>, service: Arc<dyn Service>) {
    let connections = Connections::default();
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut next_id = 0u64;
    loop {
        let permit = permits.clone().acquire_owned().await.expect("this semaphore is never closed");
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "no connection can be accepted; tried again");
                tokio::time::sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        next_id += 1;
        let (id, service, open) = (next_id, service.clone(), connections.open_weak());
        // Held while the task is started, so that it cannot leave the list before it is on it.
        let mut list = connections.open.lock().expect("no holder of this lock panics");
        let task = env.spawn("rpc-connection", async move {
            let connection = Connection { service, peer, input: BytesMut::new(), output: BytesMut::new() };
            if let Err(error) = connection.run(stream).await {
                debug!(%peer, %error, "connection ended");
            }
            if let Some(open) = open.upgrade() {
                open.lock().expect("no holder of this lock panics").remove(&id);
            }
            drop(permit);
        });
        list.insert(id, task);
    }
}

/// The tasks of all connections, ended when dropped.
#[derive(Default)]
struct Connections {
    open: Arc<Mutex<BTreeMap<u64, TaskHandle>>>,
}

impl Connections {
    fn open_weak(&self) -> Weak<Mutex<BTreeMap<u64, TaskHandle>>> {
        Arc::downgrade(&self.open)
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        for task in self.open.lock().expect("no holder of this lock panics").values() {
            task.abort();
        }
    }
}

/// The whole frame that answers a request.
type Answer = BoxFuture<'static, Vec<u8>>;

/// One connection and what it is doing.
struct Connection {
    service: Arc<dyn Service>,
    peer: SocketAddr,
    input: BytesMut,
    output: BytesMut,
}

impl Connection {
    async fn run(mut self, stream: Stream) -> Result<(), RpcError> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut in_flight: FuturesUnordered<Answer> = FuturesUnordered::new();
        let mut idle = IdleCheck::new();
        let check = tokio::time::sleep(IDLE_CHECK);
        tokio::pin!(check);
        loop {
            if let Err(error) = self.take_requests(&mut in_flight) {
                let answer = reply_frame(0, Err(error.clone()));
                // The connection ends either way; a peer that does not listen does not keep it open.
                let _ = tokio::time::timeout(ACCEPT_RETRY, writer.write_all(&answer)).await;
                return Err(error);
            }
            tokio::select! {
                biased;
                written = writer.write_buf(&mut self.output), if !self.output.is_empty() => {
                    if written? == 0 {
                        return Ok(());
                    }
                    if self.output.is_empty() {
                        writer.flush().await?;
                    }
                }
                Some(answer) = in_flight.next(), if !in_flight.is_empty() => {
                    self.output.extend_from_slice(&answer);
                    idle.is_active = true;
                }
                read = reader.read_buf(&mut self.input), if self.may_read(in_flight.len()) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    idle.is_active = true;
                }
                () = &mut check => {
                    if idle.is_over(in_flight.is_empty()) {
                        return Ok(());
                    }
                    check.as_mut().reset(Instant::now() + IDLE_CHECK);
                }
            }
        }
    }

    fn may_read(&self, in_flight: usize) -> bool {
        in_flight < IN_FLIGHT_MAX && self.output.len() < OUTPUT_BYTES_MAX
    }

    /// Starts the requests that have arrived as a whole.
    fn take_requests(&mut self, in_flight: &mut FuturesUnordered<Answer>) -> Result<(), RpcError> {
        while self.may_read(in_flight.len()) {
            let Some(frame) = next_frame(&mut self.input)? else { return Ok(()) };
            let request: Request<'_> = envelope(&frame)?;
            let body = frame.slice_ref(request.body);
            let call = self.service.call(request.method.to_owned(), body, self.peer);
            let timeout = Duration::from_millis(request.timeout_ms).min(REQUEST_TIMEOUT_MAX);
            let id = request.id;
            in_flight.push(Box::pin(async move {
                let result = tokio::time::timeout(timeout, call).await.unwrap_or(Err(RpcError::TimedOut));
                reply_frame(id, result)
            }));
        }
        Ok(())
    }
}

/// Returns the frame of a reply, which tells of an error when the answer itself cannot be sent.
fn reply_frame(id: u64, result: Result<Vec<u8>, RpcError>) -> Vec<u8> {
    let encoded = match &result {
        Ok(body) => frame(&Reply { id, error: None, body }, body.len()),
        Err(error) => Err(error.clone()),
    };
    encoded.unwrap_or_else(|error| {
        frame(&Reply { id, error: Some(error), body: &[] }, 0).expect("an error is small and can be encoded")
    })
}

/// Notices when nothing happens on a connection, by a timer that is not touched by what does happen.
struct IdleCheck {
    is_active: bool,
}

impl IdleCheck {
    fn new() -> Self {
        Self { is_active: true }
    }

    /// Tells whether nothing has happened since the last time, with nothing under way.
    fn is_over(&mut self, nothing_in_flight: bool) -> bool {
        let was_active = std::mem::take(&mut self.is_active);
        !was_active && nothing_in_flight
    }
}
