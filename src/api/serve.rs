//! The accept loop: HTTP/1.1 over the seam's streams.
//!
//! `axum::serve` spawns outside the seam and its answers carry a `Date` that differs between runs, hence this loop. Every
//! connection has limits, so that one that hangs, trickles or floods costs a bounded amount of memory for a bounded time.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::{Request, server};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tower::ServiceExt;
use tracing::{debug, warn};

use crate::env::Env;
use crate::env::net::{Listen, Stream};

/// How many connections are served at once; further ones are answered 503. Blocking queries hold one for minutes.
pub const CONNECTIONS_MAX: usize = 2_048;

/// How long a connection may take to send a request's head, idle time before it included.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// How large a request's head may be, in bytes; larger ones are answered 431.
pub const HEADER_BYTES_MAX: usize = 64 * 1024;

/// How long a peer may refuse to take any bytes of an answer before its connection is given up.
pub const WRITE_STALL_MAX: Duration = Duration::from_secs(30);

/// How long requests may go on after the server was told to stop.
const STOP_GRACE: Duration = Duration::from_secs(1);

/// How long the loop pauses after a failed accept: out of file descriptors, most likely.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// What a connection over the limit is told.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\n\
    content-length: 22\r\nconnection: close\r\n\r\ntoo many connections\r\n";

/// Answers HTTP on `listener` for as long as the future is polled.
///
/// Connections run as tasks of their own; when the future is dropped they finish what they are at, within a second.
pub async fn serve(env: Env, listener: Box<dyn Listen>, router: Router) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Nothing is ever sent: that the sender is gone is the message.
    let (_running, stopped) = watch::channel(());
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _peer)) => stream,
            Err(error) => {
                warn!(%error, "cannot accept HTTP connections; tried again");
                sleep(ACCEPT_RETRY).await;
                continue;
            }
        };
        match permits.clone().try_acquire_owned() {
            Ok(permit) => {
                env.spawn("http-connection", connection(stream, router.clone(), stopped.clone(), permit));
            }
            Err(_) => {
                env.spawn("http-refusal", refuse(stream));
            }
        }
    }
}

async fn refuse(mut stream: Stream) {
    // The peer may be gone already; it gets no more than this one attempt.
    let _ = timeout(STOP_GRACE, async {
        stream.write_all(TOO_MANY).await?;
        stream.shutdown().await
    })
    .await;
}

async fn connection(
    stream: Stream,
    router: Router,
    mut stopped: watch::Receiver<()>,
    _permit: OwnedSemaphorePermit,
) {
    let service = router.map_request(|request: Request<Incoming>| request.map(Body::new));
    let mut builder = server::conn::http1::Builder::new();
    builder
        .auto_date_header(false)
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(HEADER_BYTES_MAX);
    let serving =
        builder.serve_connection(TokioIo::new(Impatient::new(stream)), TowerToHyperService::new(service));
    tokio::pin!(serving);
    let result = tokio::select! {
        biased;
        result = serving.as_mut() => result,
        _ = stopped.changed() => {
            serving.as_mut().graceful_shutdown();
            match timeout(STOP_GRACE, serving).await {
                Ok(result) => result,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = result {
        debug!(%error, "an HTTP connection ended badly");
    }
}

/// A stream whose writes fail when the peer takes nothing for [`WRITE_STALL_MAX`].
struct Impatient {
    stream: Stream,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Impatient {
    fn new(stream: Stream) -> Self {
        Self { stream, stalled: None }
    }

    /// Passes on what a write said, and gives up when it has said "wait" for too long.
    fn watch<T>(&mut self, said: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if said.is_ready() {
            self.stalled = None;
            return said;
        }
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + WRITE_STALL_MAX)));
        match stalled.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Impatient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Impatient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write(cx, data);
        self.watch(said, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let said = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch(said, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let said = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.watch(said, cx)
    }
}
