//! The network: streams, listeners and datagrams as users of sockets see them, on either engine.
//!
//! Our own engine models streams, not packets: a connection is two `stream::End`s, and what travels is a SYN, some
//! data, a FIN, each one event on a heap. An event that meets a cut link or a machine without power is *held* and
//! tried again when TCP would retransmit it.
//!
//! # Vocabulary
//! - *end*: one side of a connection, in its host's table while the kernel knows it, kept by its handle after that.
//! - *held*: on its way, but stopped by a cut, a freeze or missing power.
//! - *credit*: bytes a writer may still send before its reader has to read.
//!
//! # Invariants
//! - Within a connection and direction nothing is reordered or lost.
//! - Ends are found by address at delivery, and a connection has a number that nothing else ever has: a rebooted
//!   host or a re-used port needs no code, the stale event is unknown and answered by RST.
//! - No call is answered inside itself: loopback goes through the heap too, with zero latency.
//! - A host without power sends nothing.
//!
//! # Caveats
//! The latency of a stream is drawn once and the same both ways. There is no congestion control, no keepalive, and no
//! end of patience: a stream that is never answered stalls until somebody gives up. `[::]` does not accept IPv4.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

mod datagram;
mod deliver;
mod event;
mod link;
mod listener;
mod stream;

pub(crate) use deliver::Delivery;
pub(crate) use link::LinkChange;

use crate::host::{HostId, Inner};
use crate::room::{Engine, Sockets};
use crate::slots::{Key, Slots};
use crate::turmoil as second;
use crate::world::World;
use event::Event;

/// Connections that may wait for `accept`, unless a listener says otherwise; tokio's number.
pub const BACKLOG: u32 = 1_024;

/// Bytes that may be under way or unread in one direction of a stream.
pub const STREAM_WINDOW: usize = 256 << 10;

/// The longest datagram, in bytes.
pub const DATAGRAM_MAX: usize = 65_507;

/// Ports for sockets that did not ask for one, as on Linux.
const EPHEMERAL: RangeInclusive<u16> = 32_768..=60_999;

#[cfg(target_os = "macos")]
const EMSGSIZE: i32 = 40;
#[cfg(not(target_os = "macos"))]
const EMSGSIZE: i32 = 90;

/// What a process has open and its kernel closes for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SocketId {
    Stream(Key),
    Listener(Key),
    Datagram(Key),
}

/// The network of our own engine.
pub(crate) struct Net {
    latency: RangeInclusive<Duration>,
    /// What will arrive, by time and number.
    heap: BTreeMap<(Duration, u64), Event>,
    /// What is stopped, by number.
    held: BTreeMap<u64, Event>,
    ends: Slots<stream::End>,
    listeners: Slots<listener::Listener>,
    datagrams: Slots<datagram::Datagrams>,
    /// Links that are not as the room's, by direction.
    links: BTreeMap<(HostId, HostId), link::Link>,
    next_number: u64,
    next_connection: u64,
}

/// The sockets of one host's kernel.
pub(crate) struct HostNet {
    next_port: u16,
    listeners: BTreeMap<SocketAddr, Key>,
    datagrams: BTreeMap<SocketAddr, Key>,
    /// Ends by their own address and their peer's.
    ends: BTreeMap<(SocketAddr, SocketAddr), Key>,
    /// Ends whose owner has gone, oldest first, with the time of the closing.
    closing: VecDeque<(Duration, Key)>,
}

impl Net {
    pub fn new(latency: RangeInclusive<Duration>) -> Net {
        Net {
            latency,
            heap: BTreeMap::new(),
            held: BTreeMap::new(),
            ends: Slots::new(),
            listeners: Slots::new(),
            datagrams: Slots::new(),
            links: BTreeMap::new(),
            next_number: 0,
            next_connection: 1,
        }
    }

    pub fn held_len(&self) -> usize {
        self.held.len()
    }

    /// Returns all that is under way, for dropping outside the state.
    pub fn clear(&mut self) -> impl Sized + use<> {
        (std::mem::take(&mut self.heap), std::mem::take(&mut self.held))
    }
}

impl HostNet {
    pub fn new() -> HostNet {
        HostNet {
            next_port: *EPHEMERAL.start(),
            listeners: BTreeMap::new(),
            datagrams: BTreeMap::new(),
            ends: BTreeMap::new(),
            closing: VecDeque::new(),
        }
    }

    pub fn count(&self) -> Sockets {
        Sockets {
            connections: self.ends.len(),
            listeners: self.listeners.len(),
            datagrams: self.datagrams.len(),
        }
    }

    /// Returns the first ephemeral port, from the next one on, for which `is_free` holds.
    fn take_port(&mut self, is_free: impl Fn(&HostNet, u16) -> bool) -> io::Result<u16> {
        for _ in EPHEMERAL {
            let port = self.next_port;
            self.next_port = if port == *EPHEMERAL.end() { *EPHEMERAL.start() } else { port + 1 };
            if is_free(self, port) {
                return Ok(port);
            }
        }
        Err(ErrorKind::AddrNotAvailable.into())
    }
}

impl World {
    /// Closes what a process has left open.
    pub fn close_socket(&mut self, socket: SocketId) {
        match socket {
            SocketId::Stream(key) => self.close_stream(key),
            SocketId::Listener(key) => self.close_listener(key),
            SocketId::Datagram(key) => self.close_datagrams(key),
        }
    }

    /// Empties a host's tables without a word to anybody; returns what is left to drop.
    pub fn clear_host_net(&mut self, host: HostId) -> impl Sized + use<> {
        let mut dropped = Vec::new();
        if let Some(state) = self.hosts.get_mut(host.0 as usize).and_then(Option::as_mut) {
            let net = &mut state.net;
            for key in std::mem::take(&mut net.ends).into_values() {
                dropped.extend(self.net.ends.remove(key));
            }
            for key in std::mem::take(&mut net.listeners).into_values() {
                let queue = self.net.listeners.remove(key).map(|listener| listener.queue).unwrap_or_default();
                // What was reset while it waited is in no table any more.
                dropped.extend(queue.into_iter().filter_map(|end| self.net.ends.remove(end)));
            }
            for key in std::mem::take(&mut net.datagrams).into_values() {
                self.net.datagrams.remove(key);
            }
            net.closing.clear();
        }
        self.net.held.retain(|_, event| event.from_host != host);
        dropped
    }

    /// Forgets a removed host: what is held for it, and its links.
    pub fn forget_host(&mut self, host: HostId, addresses: &[IpAddr]) {
        self.net.held.retain(|_, event| event.from_host != host && !addresses.contains(&event.to.ip()));
        self.net.links.retain(|(from, to), _| *from != host && *to != host);
    }

    /// Tells whether a socket of `host` may have `address`.
    fn check_local(&self, host: HostId, address: SocketAddr) -> io::Result<()> {
        let ip = address.ip();
        let state = self.host(host).filter(|state| state.powered).ok_or_else(ended)?;
        if ip.is_unspecified() || ip.is_loopback() || state.addresses.contains(&ip) {
            return Ok(());
        }
        Err(ErrorKind::AddrNotAvailable.into())
    }
}

fn ended() -> io::Error {
    io::Error::new(ErrorKind::NotConnected, "this process has ended")
}

/// Tells whether two sockets that listen on these addresses would get in each other's way.
fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port()
        && a.is_ipv4() == b.is_ipv4()
        && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

/// Finds the address that `to` means.
fn resolve(world: &World, to: &str) -> io::Result<SocketAddr> {
    if let Ok(address) = to.parse() {
        return Ok(address);
    }
    let invalid = || io::Error::new(ErrorKind::InvalidInput, format!("`{to}` is not host:port"));
    let (name, port) = to.rsplit_once(':').ok_or_else(invalid)?;
    let port: u16 = port.parse().map_err(|_| invalid())?;
    if name == "localhost" {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    let unknown = || io::Error::new(ErrorKind::NotFound, format!("no host is named `{name}`"));
    let state = world.by_name.get(name).and_then(|id| world.host(*id)).ok_or_else(unknown)?;
    Ok((state.addresses[0], port).into())
}

pub(crate) async fn connect(host: &Arc<Inner>, to: &str, timeout: Duration) -> io::Result<TcpStream> {
    if !host.life.is_alive() {
        return Err(ended());
    }
    let to = resolve(&host.shared.lock(), to)?;
    let connecting = async {
        match host.shared.engine {
            Engine::Own => stream::connect(host, to).await.map(StreamKind::Own),
            Engine::Turmoil => second::connect(host, to).await.map(StreamKind::Turmoil),
        }
    };
    match tokio::time::timeout(timeout, connecting).await {
        Ok(done) => done.map(|kind| TcpStream { kind }),
        Err(_) => Err(io::Error::new(ErrorKind::TimedOut, format!("{to} did not answer within {timeout:?}"))),
    }
}

pub(crate) async fn bind(host: &Arc<Inner>, address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    if !host.life.is_alive() {
        return Err(ended());
    }
    let kind = match host.shared.engine {
        Engine::Own => ListenerKind::Own(listener::bind(host, address, backlog)?),
        Engine::Turmoil => ListenerKind::Turmoil(second::bind(host, address).await?),
    };
    Ok(TcpListener { kind })
}

pub(crate) async fn bind_udp(host: &Arc<Inner>, address: SocketAddr) -> io::Result<UdpSocket> {
    if !host.life.is_alive() {
        return Err(ended());
    }
    let kind = match host.shared.engine {
        Engine::Own => UdpKind::Own(datagram::bind(host, address)?),
        Engine::Turmoil => UdpKind::Turmoil(second::bind_udp(host, address).await?),
    };
    Ok(UdpSocket { kind })
}

/// An open connection. Dropping it closes it: with a FIN, or with a reset if something it received is unread.
pub struct TcpStream {
    kind: StreamKind,
}

enum StreamKind {
    Own(stream::Stream),
    Turmoil(second::Stream),
}

impl TcpStream {
    /// Returns the address of this side.
    pub fn local_addr(&self) -> SocketAddr {
        match &self.kind {
            StreamKind::Own(stream) => stream.local,
            StreamKind::Turmoil(stream) => stream.local,
        }
    }

    /// Returns the address of the other side.
    pub fn peer_addr(&self) -> SocketAddr {
        match &self.kind {
            StreamKind::Own(stream) => stream.peer,
            StreamKind::Turmoil(stream) => stream.peer,
        }
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.kind {
            StreamKind::Own(stream) => stream.poll_read(cx, buffer),
            StreamKind::Turmoil(stream) => Pin::new(stream.inner()).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.kind {
            StreamKind::Own(stream) => stream.poll_write(cx, &[io::IoSlice::new(data)]),
            StreamKind::Turmoil(stream) => Pin::new(stream.inner()).poll_write(cx, data),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.kind {
            StreamKind::Own(stream) => stream.poll_write(cx, data),
            StreamKind::Turmoil(stream) => Pin::new(stream.inner()).poll_write_vectored(cx, data),
        }
    }

    fn is_write_vectored(&self) -> bool {
        matches!(self.kind, StreamKind::Own(_))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What was written is on its way.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.kind {
            StreamKind::Own(stream) => Poll::Ready(stream.shutdown()),
            StreamKind::Turmoil(stream) => match Pin::new(stream.inner()).poll_shutdown(cx) {
                // As tokio does on real sockets.
                Poll::Ready(Err(error)) if error.kind() == ErrorKind::NotConnected => Poll::Ready(Ok(())),
                done => done,
            },
        }
    }
}

/// A listening socket. Dropping it resets what it has not accepted.
pub struct TcpListener {
    kind: ListenerKind,
}

enum ListenerKind {
    Own(listener::Accepting),
    Turmoil(second::Listener),
}

impl TcpListener {
    /// Waits for the next connection; may be dropped while it waits.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (kind, peer) = match &self.kind {
            ListenerKind::Own(listener) => {
                let stream = listener.accept().await?;
                let peer = stream.peer;
                (StreamKind::Own(stream), peer)
            }
            ListenerKind::Turmoil(listener) => {
                let stream = listener.accept().await?;
                let peer = stream.peer;
                (StreamKind::Turmoil(stream), peer)
            }
        };
        Ok((TcpStream { kind }, peer))
    }

    /// Returns the address listened on, its port filled in.
    pub fn local_addr(&self) -> SocketAddr {
        match &self.kind {
            ListenerKind::Own(listener) => listener.local,
            ListenerKind::Turmoil(listener) => listener.local,
        }
    }
}

/// A datagram socket.
pub struct UdpSocket {
    kind: UdpKind,
}

enum UdpKind {
    Own(datagram::Socket),
    Turmoil(second::Udp),
}

impl UdpSocket {
    /// Sends one datagram; nothing is said about its arrival.
    ///
    /// # Errors
    /// The system's `EMSGSIZE` above [`DATAGRAM_MAX`] bytes; `ConnectionRefused` once after a connected peer had no
    /// such socket.
    pub async fn send_to(&self, data: &[u8], to: SocketAddr) -> io::Result<usize> {
        if data.len() > DATAGRAM_MAX {
            return Err(io::Error::from_raw_os_error(EMSGSIZE));
        }
        match &self.kind {
            UdpKind::Own(socket) => socket.send_to(data, to),
            UdpKind::Turmoil(socket) => socket.send_to(data, to).await,
        }
    }

    /// Waits for a datagram and returns its length, cut to the buffer's, and its sender.
    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match &self.kind {
            UdpKind::Own(socket) => socket.recv_from(buffer).await,
            UdpKind::Turmoil(socket) => socket.recv_from(buffer).await,
        }
    }

    /// Sets the peer that [`send`](UdpSocket::send) sends to and that alone is heard.
    pub async fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        match &self.kind {
            UdpKind::Own(socket) => socket.connect(peer),
            UdpKind::Turmoil(socket) => socket.connect(peer).await,
        }
    }

    /// Sends one datagram to the connected peer.
    ///
    /// # Errors
    /// `NotConnected` without one, and as [`send_to`](UdpSocket::send_to).
    pub async fn send(&self, data: &[u8]) -> io::Result<usize> {
        let peer = match &self.kind {
            UdpKind::Own(socket) => socket.peer()?,
            UdpKind::Turmoil(socket) => socket.peer(),
        };
        let peer = peer.ok_or(ErrorKind::NotConnected)?;
        self.send_to(data, peer).await
    }

    /// Waits for a datagram of the connected peer and returns its length.
    pub async fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.recv_from(buffer).await?.0)
    }

    /// Returns the address bound.
    pub fn local_addr(&self) -> SocketAddr {
        match &self.kind {
            UdpKind::Own(socket) => socket.local,
            UdpKind::Turmoil(socket) => socket.local,
        }
    }
}
