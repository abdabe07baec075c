//! The calling side.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

use super::error::RpcError;
use super::frame::{Reply, Request, decode, encode, envelope, frame, next_frame};
use super::messages::Message;
use crate::env::net::Stream;
use crate::env::{Env, TaskHandle};

/// How long a connection may take to be made: a lost first packet is sent again after one second.
const CONNECT_TIMEOUT_MAX: Duration = Duration::from_secs(3);

/// Requests that wait for the connection's task to take them.
const QUEUE_MAX: usize = 64;

/// Bytes waiting to be written after which no further request is taken.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// Requests whose caller gave up are forgotten when this many are open, and then whenever they have doubled.
const OPEN_MIN: usize = 64;

/// Calls servers. Cheap to clone; the clones share their connections.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    env: Env,
    /// By address; as many as there are servers.
    slots: Mutex<BTreeMap<String, Slot>>,
}

/// The place of the one connection to an address. Whoever finds it empty makes a connection; the others wait for it.
type Slot = Arc<tokio::sync::Mutex<Option<Arc<Connection>>>>;

impl Client {
    /// Creates a client that has no connection yet.
    pub fn new(env: Env) -> Self {
        Self { inner: Arc::new(Inner { env, slots: Mutex::default() }) }
    }

    /// Sends `message` to `address`, a `host:port`, and waits for the answer, all within `timeout`.
    ///
    /// # Errors
    /// What the other side answered; `Io` and `TimedOut` when it did not, and then the request may have been carried out.
    pub async fn call<M: Message>(
        &self,
        address: &str,
        message: &M,
        timeout: Duration,
    ) -> Result<M::Reply, RpcError> {
        let body = encode(message)?;
        decode(&self.call_encoded(address, M::METHOD, &body, timeout).await?)
    }

    async fn call_encoded(
        &self,
        address: &str,
        method: &str,
        body: &[u8],
        timeout: Duration,
    ) -> Result<Bytes, RpcError> {
        let mut waiting_on = None;
        let call = async {
            let connection = self.connection(address, timeout).await?;
            waiting_on = Some((connection.clone(), connection.received()));
            connection.request(method, body, timeout).await
        };
        match tokio::time::timeout(timeout, call).await {
            Ok(result) => result.map_err(|error| within(address, error)),
            Err(_) => {
                // Nothing at all has come since: the connection leads nowhere, and a new one may.
                if let Some((connection, received)) = waiting_on
                    && connection.received() == received
                {
                    connection.close();
                }
                Err(RpcError::TimedOut)
            }
        }
    }

    /// Returns the connection to `address`, made anew if there is none that works.
    async fn connection(&self, address: &str, timeout: Duration) -> Result<Arc<Connection>, RpcError> {
        let slot = {
            let mut slots = self.inner.slots.lock().expect("no holder of this lock panics");
            match slots.get(address) {
                Some(slot) => slot.clone(),
                None => slots.entry(address.to_owned()).or_default().clone(),
            }
        };
        let mut place = slot.lock().await;
        if let Some(connection) = place.as_ref().filter(|connection| connection.is_open()) {
            return Ok(connection.clone());
        }
        *place = None;
        let stream = self.inner.env.net.connect(address, timeout.min(CONNECT_TIMEOUT_MAX)).await;
        let stream = stream.map_err(|error| RpcError::Unreachable(error.to_string()))?;
        let connection = Arc::new(Connection::start(&self.inner.env, stream));
        *place = Some(connection.clone());
        Ok(connection)
    }
}

/// Says whom a call was for; what the other side answered speaks for itself.
fn within(address: &str, error: RpcError) -> RpcError {
    match error {
        RpcError::Io(text) => RpcError::Io(format!("{address}: {text}")),
        RpcError::Unreachable(text) => RpcError::Unreachable(format!("{address}: {text}")),
        other => other,
    }
}

/// An open connection and its task.
struct Connection {
    requests: mpsc::Sender<Outgoing>,
    next_id: AtomicU64,
    /// How often something was read.
    received: Arc<AtomicU64>,
    /// Set before the task has noticed, so that no further request is given to it.
    is_closed: AtomicBool,
    task: TaskHandle,
}

/// A request on its way to the connection's task.
struct Outgoing {
    id: u64,
    frame: Vec<u8>,
    reply: oneshot::Sender<Result<Bytes, RpcError>>,
}

impl Connection {
    fn start(env: &Env, stream: Stream) -> Self {
        let (requests, queue) = mpsc::channel(QUEUE_MAX);
        let received = Arc::new(AtomicU64::new(0));
        let driver = Driver {
            queue,
            received: received.clone(),
            open: BTreeMap::new(),
            forget_at: OPEN_MIN,
            input: BytesMut::new(),
            output: BytesMut::new(),
        };
        let task = env.spawn("rpc-client", driver.run(stream));
        Self { requests, next_id: AtomicU64::new(1), received, is_closed: AtomicBool::new(false), task }
    }

    fn is_open(&self) -> bool {
        !self.is_closed.load(Ordering::Relaxed) && !self.requests.is_closed()
    }

    fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Ends it; whoever waits for an answer gets an error.
    fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        self.task.abort();
    }

    async fn request(&self, method: &str, body: &[u8], timeout: Duration) -> Result<Bytes, RpcError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let frame = frame(&Request { id, method, timeout_ms, body }, body.len())?;
        let (reply, answer) = oneshot::channel();
        let lost = || RpcError::Io("the connection ended before the answer came".to_owned());
        self.requests.send(Outgoing { id, frame, reply }).await.map_err(|_| lost())?;
        answer.await.map_err(|_| lost())?
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The task of a connection: writes requests and hands out replies. Its end, for whatever reason, ends the connection.
struct Driver {
    queue: mpsc::Receiver<Outgoing>,
    received: Arc<AtomicU64>,
    /// Who waits for which reply.
    open: BTreeMap<u64, oneshot::Sender<Result<Bytes, RpcError>>>,
    forget_at: usize,
    input: BytesMut,
    output: BytesMut,
}

impl Driver {
    async fn run(mut self, stream: Stream) {
        if let Err(error) = self.drive(stream).await {
            for reply in std::mem::take(&mut self.open).into_values() {
                // A caller that gave up does not want to know.
                let _ = reply.send(Err(error.clone()));
            }
        }
    }

    async fn drive(&mut self, stream: Stream) -> Result<(), RpcError> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        loop {
            self.take_replies()?;
            tokio::select! {
                biased;
                written = writer.write_buf(&mut self.output), if !self.output.is_empty() => {
                    if written? == 0 {
                        return Err(closed());
                    }
                    if self.output.is_empty() {
                        writer.flush().await?;
                    }
                }
                read = reader.read_buf(&mut self.input) => {
                    if read? == 0 {
                        return Err(closed());
                    }
                    self.received.fetch_add(1, Ordering::Relaxed);
                }
                request = self.queue.recv(), if self.output.len() < OUTPUT_BYTES_MAX => match request {
                    Some(request) => self.put(request),
                    None => return Ok(()),
                },
            }
        }
    }

    /// Puts a request, and those right behind it, where the next write finds them.
    fn put(&mut self, first: Outgoing) {
        let mut next = Some(first);
        while let Some(request) = next {
            self.output.extend_from_slice(&request.frame);
            self.open.insert(request.id, request.reply);
            next = if self.output.len() < OUTPUT_BYTES_MAX { self.queue.try_recv().ok() } else { None };
        }
        if self.open.len() >= self.forget_at {
            self.open.retain(|_, reply| !reply.is_closed());
            self.forget_at = OPEN_MIN.max(self.open.len() * 2);
        }
    }

    fn take_replies(&mut self) -> Result<(), RpcError> {
        while let Some(frame) = next_frame(&mut self.input)? {
            let reply: Reply<'_> = envelope(&frame)?;
            let result = match reply.error {
                Some(error) if reply.id == 0 => return Err(error),
                Some(error) => Err(error),
                None => Ok(frame.slice_ref(reply.body)),
            };
            if let Some(waiting) = self.open.remove(&reply.id) {
                // A caller that gave up does not want to know.
                let _ = waiting.send(result);
            }
        }
        Ok(())
    }
}

fn closed() -> RpcError {
    RpcError::Io("the other side closed the connection".to_owned())
}
