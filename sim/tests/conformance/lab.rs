//! What a check needs: two machines with sockets, processes on them, and patience.

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use pasture_sim::{HostId, Room};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// One process's sockets.
pub trait Site: Clone + Send + Sync + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    type Listener: Send + Sync + 'static;
    type Udp: Send + Sync + 'static;

    fn address(&self) -> IpAddr;
    fn connect(&self, to: &str, timeout: Duration) -> impl Future<Output = io::Result<Self::Stream>> + Send;
    fn bind(&self, at: SocketAddr, backlog: u32) -> impl Future<Output = io::Result<Self::Listener>> + Send;
    fn accept(
        listener: &Self::Listener,
    ) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
    fn bound(listener: &Self::Listener) -> SocketAddr;
    fn local(stream: &Self::Stream) -> SocketAddr;
    fn bind_udp(&self, at: SocketAddr) -> impl Future<Output = io::Result<Self::Udp>> + Send;
    fn udp_bound(socket: &Self::Udp) -> SocketAddr;
    fn udp_connect(socket: &Self::Udp, to: SocketAddr) -> impl Future<Output = io::Result<()>> + Send;
    fn udp_send(
        socket: &Self::Udp,
        data: &[u8],
        to: Option<SocketAddr>,
    ) -> impl Future<Output = io::Result<usize>> + Send;
    fn udp_recv(
        socket: &Self::Udp,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> + Send;
}

/// Two machines: `here`, where the check runs, and `there`.
pub trait Lab: Send + Sync + 'static {
    type Site: Site;

    fn here(&self) -> Self::Site;
    /// An address like `there`'s, for literals.
    fn there(&self) -> IpAddr;
    /// Runs `body` as a process over there; the result kills it.
    fn start(&self, body: Body<Self::Site>) -> BoxFuture<'static, Kill>;
    /// Long enough for anything on its way to arrive.
    fn settle(&self) -> Duration;
    /// After this long something hangs.
    fn patience(&self) -> Duration;
    /// Faults and the other machine, where faults can be had.
    fn room(&self) -> Option<(Room, HostId, HostId)>;
}

pub type Body<S> = Box<dyn FnOnce(S) -> BoxFuture<'static, ()> + Send>;
pub type Kill = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// What a check saw, beside what a user of Linux would have seen.
#[derive(Default)]
pub struct Facts(pub Vec<Fact>);

pub struct Fact {
    pub what: &'static str,
    pub seen: String,
    pub expected: String,
}

impl Facts {
    pub fn see(&mut self, what: &'static str, seen: impl Into<String>, expected: impl Into<String>) {
        self.0.push(Fact { what, seen: seen.into(), expected: expected.into() });
    }

    pub fn equal<T: Debug>(&mut self, what: &'static str, seen: T, expected: T) {
        self.see(what, format!("{seen:?}"), format!("{expected:?}"));
    }

    pub fn holds(&mut self, what: &'static str, holds: bool) {
        self.see(what, holds.to_string(), "true");
    }
}

/// Says how a call ended.
pub fn kind<T>(result: &io::Result<T>) -> String {
    match result {
        Ok(_) => "Ok".to_owned(),
        Err(error) if error.raw_os_error() == Some(90) => "EMSGSIZE".to_owned(),
        Err(error) => format!("{:?}", error.kind()),
    }
}

/// Waits for `future`, or says `hangs`.
pub async fn patient<L: Lab, T>(lab: &L, future: impl Future<Output = io::Result<T>>) -> String {
    match tokio::time::timeout(lab.patience(), future).await {
        Ok(result) => kind(&result),
        Err(_) => "hangs".to_owned(),
    }
}

/// Reads once and says what came.
pub async fn read<L: Lab>(lab: &L, stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut buffer = [0; 64 << 10];
    match tokio::time::timeout(lab.patience(), stream.read(&mut buffer)).await {
        Ok(Ok(0)) => "EOF".to_owned(),
        Ok(Ok(n)) => format!("{n} bytes"),
        Ok(Err(error)) => format!("{:?}", error.kind()),
        Err(_) => "hangs".to_owned(),
    }
}

/// Reads to the end and says how much came and how it ended.
pub async fn drain<L: Lab>(lab: &L, stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut total = 0;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match tokio::time::timeout(lab.patience(), stream.read(&mut buffer)).await {
            Ok(Ok(0)) => return format!("{total} bytes, EOF"),
            Ok(Ok(n)) => total += n,
            Ok(Err(error)) => return format!("{total} bytes, {:?}", error.kind()),
            Err(_) => return format!("{total} bytes, hangs"),
        }
    }
}

/// Writes a little and says how that went.
pub async fn write<L: Lab>(lab: &L, stream: &mut (impl AsyncWrite + Unpin)) -> String {
    patient(lab, stream.write_all(b"hello")).await
}

pub async fn settle<L: Lab>(lab: &L) {
    tokio::time::sleep(lab.settle()).await;
}

/// Starts a process over there that hands its listener out as `serve` likes.
pub async fn serve<L, F, Fut>(lab: &L, port: u16, serve: F) -> Kill
where
    L: Lab,
    F: FnOnce(<L::Site as Site>::Listener) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let at = SocketAddr::new(lab.there(), port);
    let kill = lab
        .start(Box::new(move |site| {
            Box::pin(async move {
                let listener = site.bind(at, 1_024).await.expect("the port is free");
                serve(listener).await;
                std::future::pending().await
            })
        }))
        .await;
    settle(lab).await;
    kill
}

/// Connects from here and accepts over there; the accepted stream goes to `hold`.
pub async fn connected<L, F, Fut>(lab: &Arc<L>, port: u16, hold: F) -> (<L::Site as Site>::Stream, Kill)
where
    L: Lab,
    F: FnOnce(<L::Site as Site>::Stream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let kill = serve(&**lab, port, move |listener| async move {
        let (stream, _) = <L::Site as Site>::accept(&listener).await.expect("somebody connects");
        hold(stream).await;
    })
    .await;
    let to = SocketAddr::new(lab.there(), port).to_string();
    let stream = lab.here().connect(&to, lab.patience()).await.expect("somebody listens");
    (stream, kill)
}
