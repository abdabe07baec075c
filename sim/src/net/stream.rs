//! Connections: their two ends, and the handle an application holds.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::ReadBuf;

use super::event::{Kind, Route};
use super::{STREAM_WINDOW, SocketId, ended};
use crate::host::{HostId, Inner};
use crate::slots::Key;
use crate::world::{Shared, World, set_waker};

/// What one write sends at most, in bytes.
const WRITE_MAX: usize = 64 << 10;

/// How long the kernel remembers an end whose owner has gone, as Linux does.
const CLOSING_MAX: Duration = Duration::from_secs(60);

/// One side of a connection.
pub(crate) struct End {
    pub host: HostId,
    pub pid: u32,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub connection: u64,
    pub phase: Phase,
    /// Whether its host's table leads to it: not after a reset.
    pub in_table: bool,
    /// The other end, once known.
    pub peer: Option<Key>,
    /// Received and unread.
    pub received: VecDeque<Bytes>,
    /// The peer has sent all it will.
    pub fin_seen: bool,
    /// What one call will return.
    pub error: Option<ErrorKind>,
    pub write_shut: bool,
    /// Bytes it may still send.
    pub credit: usize,
    pub reader: Option<Waker>,
    /// Waits for credit, or for the connection.
    pub writer: Option<Waker>,
    /// When the last of what it sent arrives.
    pub last_delivery: Duration,
    /// Its SYN, while that is held.
    pub held_syn: Option<u64>,
    /// Where in its link's latency range the stream lies, in units of 2^-32.
    pub fraction: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Has sent a SYN.
    Connecting,
    /// Has answered a SYN that this listener got.
    HalfOpen(Key),
    /// Waits for this listener's `accept`.
    Queued(Key),
    /// An application holds it.
    Open,
    /// Its owner has gone; waits for the peer's FIN.
    Closing,
}

impl End {
    /// Returns the way of what this end sends.
    pub fn route(&self, own: Key) -> Route {
        Route {
            from: self.local,
            to: self.remote,
            from_host: self.host,
            connection: self.connection,
            sender: Some(own),
            target: self.peer,
            fraction: self.fraction,
        }
    }

    /// Tells whether an application may use it: not once the kernel has closed it on the process's behalf.
    fn is_held(&self) -> bool {
        self.phase != Phase::Closing
    }

    pub fn is_reset(&self) -> bool {
        !self.in_table
    }
}

impl World {
    /// Adds an end to its host's table.
    pub fn add_end(&mut self, end: End) -> Key {
        let (host, id) = (end.host, (end.local, end.remote));
        let key = self.net.ends.insert(end);
        self.host_mut(host).expect("caller has looked it up").net.ends.insert(id, key);
        key
    }

    /// Takes an end out of its host's table; its handle, if any, keeps it.
    pub fn unlist_end(&mut self, key: Key) {
        let Some(end) = self.net.ends.get_mut(key) else { return };
        if !std::mem::replace(&mut end.in_table, false) {
            return;
        }
        let (host, id) = (end.host, (end.local, end.remote));
        if let Some(state) = self.host_mut(host) {
            state.net.ends.remove(&id);
        }
    }

    /// Forgets an end.
    pub fn remove_end(&mut self, key: Key) {
        self.unlist_end(key);
        if let Some(end) = self.net.ends.remove(key) {
            self.trash.extend(end.reader);
            self.trash.extend(end.writer);
        }
    }

    /// Sends something of an end.
    pub fn send_from(&mut self, key: Key, kind: Kind) {
        if let Some(end) = self.net.ends.get(key) {
            let route = end.route(key);
            self.send(kind, route);
        }
    }

    /// Does what a kernel does when the owner of a stream lets go of it.
    pub fn close_stream(&mut self, key: Key) {
        let Some(end) = self.net.ends.get_mut(key).filter(|end| end.is_held()) else { return };
        let (host, pid) = (end.host, end.pid);
        let unread = !end.received.is_empty();
        let says_fin = !std::mem::replace(&mut end.write_shut, true);
        let (phase, is_reset, fin_seen, held_syn) = (end.phase, end.is_reset(), end.fin_seen, end.held_syn);
        if let Some(process) = self.process_mut(host, pid) {
            process.sockets.remove(&SocketId::Stream(key));
        }
        match phase {
            Phase::Connecting => {
                if let Some(number) = held_syn {
                    self.net.held.remove(&number);
                }
                self.remove_end(key);
            }
            _ if is_reset => self.remove_end(key),
            _ if unread => {
                self.send_from(key, Kind::Rst);
                self.remove_end(key);
            }
            _ => {
                if says_fin {
                    self.send_from(key, Kind::Fin);
                }
                if fin_seen { self.remove_end(key) } else { self.begin_closing(host, key) }
            }
        }
    }

    /// Keeps an end for the rest of the conversation; forgets those of the same host that are too old.
    fn begin_closing(&mut self, host: HostId, key: Key) {
        let now = self.now();
        if let Some(end) = self.net.ends.get_mut(key) {
            end.phase = Phase::Closing;
            let wakers = [end.reader.take(), end.writer.take()];
            self.trash.extend(wakers.into_iter().flatten());
        }
        let Some(state) = self.host_mut(host) else { return };
        state.net.closing.push_back((now, key));
        loop {
            let Some(state) = self.host_mut(host) else { return };
            let Some((since, oldest)) = state.net.closing.front().copied() else { return };
            let is_gone = self.net.ends.get(oldest).is_none();
            if !is_gone && since + CLOSING_MAX > now {
                return;
            }
            self.host_mut(host).expect("looked up above").net.closing.pop_front();
            self.remove_end(oldest);
        }
    }

    /// Gives bytes that an application has read back to the writer.
    fn return_credit(&mut self, key: Key, bytes: usize) {
        let Some(end) = self.net.ends.get(key) else { return };
        let (host, connection, in_table) = (end.host, end.connection, end.in_table);
        let Some(peer_key) = end.peer.filter(|_| in_table) else { return };
        let Some(peer) = self.net.ends.get(peer_key) else { return };
        if peer.connection != connection || peer.phase == Phase::Closing {
            return;
        }
        let (waits, peer_host) = (peer.writer.is_some(), peer.host);
        if waits || self.is_blocked(host, Some(peer_host)) {
            self.send_from(key, Kind::Credit(bytes));
        } else if let Some(peer) = self.net.ends.get_mut(peer_key) {
            peer.credit += bytes;
        }
    }

    /// Starts a connection.
    fn begin_connect(&mut self, host: &Inner, to: SocketAddr) -> io::Result<(Key, SocketAddr)> {
        let state = self.host_mut(host.id).filter(|state| state.powered).ok_or_else(ended)?;
        let is_own = state.addresses.contains(&to.ip());
        let source = if to.ip().is_loopback() || is_own {
            Some(to.ip())
        } else {
            state.addresses.iter().copied().find(|address| address.is_ipv4() == to.is_ipv4())
        };
        // Connecting to "any address" means this host.
        let (source, to) = match (to.ip().is_unspecified(), to) {
            (true, SocketAddr::V4(_)) => {
                (Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), (Ipv4Addr::LOCALHOST, to.port()).into())
            }
            (true, SocketAddr::V6(_)) => {
                (Some(IpAddr::V6(Ipv6Addr::LOCALHOST)), (Ipv6Addr::LOCALHOST, to.port()).into())
            }
            (false, to) => (source, to),
        };
        let source = source.ok_or(ErrorKind::NetworkUnreachable)?;
        let port = state.net.take_port(|net, port| {
            let local = SocketAddr::new(source, port);
            local != to && !net.ends.contains_key(&(local, to))
        })?;
        let local = SocketAddr::new(source, port);
        let connection = self.net.next_connection;
        self.net.next_connection += 1;
        let fraction = self.fraction_of(connection);
        let key = self.add_end(End {
            host: host.id,
            pid: host.pid,
            local,
            remote: to,
            connection,
            phase: Phase::Connecting,
            in_table: true,
            peer: None,
            received: VecDeque::new(),
            fin_seen: false,
            error: None,
            write_shut: false,
            credit: STREAM_WINDOW,
            reader: None,
            writer: None,
            last_delivery: Duration::ZERO,
            held_syn: None,
            fraction,
        });
        if let Some(process) = self.process_mut(host.id, host.pid) {
            process.sockets.insert(SocketId::Stream(key));
        }
        self.send_from(key, Kind::Syn);
        Ok((key, local))
    }
}

/// Opens a connection; gives it up when dropped.
pub(crate) async fn connect(host: &Arc<Inner>, to: SocketAddr) -> io::Result<Stream> {
    let (key, local) = host.shared.with(|world| world.begin_connect(host, to))?;
    // Dropped while it waits, this closes the half-made connection.
    let stream = Stream { shared: host.shared.clone(), key, local, peer: to };
    poll_fn(|cx| {
        stream.shared.with(|world| {
            let Some(end) = world.net.ends.get_mut(key) else { return Poll::Ready(Err(ended())) };
            if let Some(kind) = end.error.take() {
                return Poll::Ready(Err(kind.into()));
            }
            if end.phase == Phase::Connecting && end.in_table {
                set_waker(&mut end.writer, cx.waker(), &mut world.trash);
                return Poll::Pending;
            }
            Poll::Ready(Ok(()))
        })
    })
    .await?;
    Ok(stream)
}

/// An application's handle on an end. It knows its host by the key, so it may be used and dropped anywhere.
pub(crate) struct Stream {
    pub shared: Arc<Shared>,
    pub key: Key,
    pub local: SocketAddr,
    pub peer: SocketAddr,
}

impl Stream {
    pub fn poll_read(&mut self, cx: &Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buffer.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        self.shared.with(|world| {
            let end = world.net.ends.get_mut(self.key).filter(|end| end.is_held());
            let Some(end) = end else { return Poll::Ready(Err(ended())) };
            let mut read = 0;
            while buffer.remaining() > 0
                && let Some(chunk) = end.received.front_mut()
            {
                let taken = chunk.len().min(buffer.remaining());
                buffer.put_slice(&chunk[..taken]);
                chunk.advance(taken);
                read += taken;
                if chunk.is_empty() {
                    end.received.pop_front();
                }
            }
            if read > 0 {
                world.return_credit(self.key, read);
                return Poll::Ready(Ok(()));
            }
            if let Some(kind) = end.error.take() {
                return Poll::Ready(Err(kind.into()));
            }
            if end.fin_seen || end.is_reset() {
                return Poll::Ready(Ok(()));
            }
            set_waker(&mut end.reader, cx.waker(), &mut world.trash);
            Poll::Pending
        })
    }

    pub fn poll_write(&mut self, cx: &Context<'_>, data: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let length: usize = data.iter().map(|slice| slice.len()).sum();
        if length == 0 {
            return Poll::Ready(Ok(0));
        }
        self.shared.with(|world| {
            let end = world.net.ends.get_mut(self.key).filter(|end| end.is_held());
            let Some(end) = end else { return Poll::Ready(Err(ended())) };
            if let Some(kind) = end.error.take() {
                return Poll::Ready(Err(kind.into()));
            }
            if end.write_shut || end.is_reset() {
                return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
            }
            if end.credit == 0 {
                set_waker(&mut end.writer, cx.waker(), &mut world.trash);
                return Poll::Pending;
            }
            let taken = length.min(end.credit).min(WRITE_MAX);
            end.credit -= taken;
            let bytes = gather(data, taken);
            let route = end.route(self.key);
            world.send(Kind::Data(bytes), route);
            Poll::Ready(Ok(taken))
        })
    }

    /// Sends a FIN. A second call, or one after a reset, changes nothing: tokio hides `NotConnected`.
    pub fn shutdown(&mut self) -> io::Result<()> {
        self.shared.with(|world| {
            let end = world.net.ends.get_mut(self.key).filter(|end| end.is_held());
            let Some(end) = end else { return Ok(()) };
            if end.is_reset() || std::mem::replace(&mut end.write_shut, true) {
                return Ok(());
            }
            world.send_from(self.key, Kind::Fin);
            Ok(())
        })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.shared.with(|world| world.close_stream(self.key));
    }
}

/// Copies the first `length` bytes of some slices.
fn gather(data: &[IoSlice<'_>], length: usize) -> Bytes {
    if let [only] = data {
        return Bytes::copy_from_slice(&only[..length]);
    }
    let mut bytes = Vec::with_capacity(length);
    for slice in data {
        let room = length - bytes.len();
        bytes.extend_from_slice(&slice[..slice.len().min(room)]);
    }
    bytes.into()
}
