//! Datagram sockets.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::Bytes;

use super::event::{Event, Kind, Route};
use super::listener::wildcard;
use super::{SocketId, collide, ended};
use crate::host::{HostId, Inner};
use crate::rng;
use crate::slots::Key;
use crate::world::{Shared, World};

/// Bytes a socket queues, headers not counted; what comes beyond is dropped. Linux: 208 KiB.
const QUEUE_MAX: usize = 208 << 10;

/// What a queued datagram costs beside its bytes, so that empty ones are bounded too.
const OVERHEAD: usize = 256;

/// A datagram socket.
pub(crate) struct Datagrams {
    host: HostId,
    pid: u32,
    local: SocketAddr,
    peer: Option<SocketAddr>,
    queue: VecDeque<(Bytes, SocketAddr)>,
    queued: usize,
    error: Option<ErrorKind>,
    readers: Vec<Waker>,
}

impl World {
    /// Delivers a datagram, or drops it.
    pub fn deliver_datagram(&mut self, host: HostId, event: &Event, data: &Bytes) {
        let Some(key) = self.find_datagrams(host, event.to) else {
            // Port unreachable; only a connected sender hears of it.
            let fraction = self.datagram_fraction();
            let route = Route {
                from: event.to,
                to: event.from,
                from_host: host,
                connection: 0,
                sender: None,
                target: None,
                fraction,
            };
            self.send(Kind::Unreachable, route);
            return;
        };
        let socket = self.net.datagrams.get_mut(key).expect("found above");
        let cost = data.len() + OVERHEAD;
        if socket.peer.is_some_and(|peer| peer != event.from) || socket.queued + cost > QUEUE_MAX {
            return;
        }
        socket.queued += cost;
        socket.queue.push_back((data.clone(), event.from));
        self.wakers.append(&mut socket.readers);
    }

    /// Tells a connected socket that its peer has no such port.
    pub fn deliver_unreachable(&mut self, host: HostId, event: &Event) {
        let Some(key) = self.find_datagrams(host, event.to) else { return };
        let socket = self.net.datagrams.get_mut(key).expect("found above");
        if socket.peer == Some(event.from) {
            socket.error = Some(ErrorKind::ConnectionRefused);
            self.wakers.append(&mut socket.readers);
        }
    }

    pub fn close_datagrams(&mut self, key: Key) {
        let Some(socket) = self.net.datagrams.remove(key) else { return };
        if let Some(state) = self.host_mut(socket.host) {
            state.net.datagrams.remove(&socket.local);
        }
        if let Some(process) = self.process_mut(socket.host, socket.pid) {
            process.sockets.remove(&SocketId::Datagram(key));
        }
        self.trash.extend(socket.readers);
    }

    fn find_datagrams(&self, host: HostId, to: SocketAddr) -> Option<Key> {
        let sockets = &self.host(host)?.net.datagrams;
        sockets.get(&to).or_else(|| sockets.get(&wildcard(to))).copied()
    }

    /// Returns where in its link's latency range the next datagram lies.
    fn datagram_fraction(&self) -> u32 {
        rng::fraction(self.seed, b'd', self.net.next_number)
    }

    fn add_datagrams(&mut self, host: &Inner, address: SocketAddr) -> io::Result<(Key, SocketAddr)> {
        self.check_local(host.id, address)?;
        let state = self.host_mut(host.id).ok_or_else(ended)?;
        let is_taken = |net: &super::HostNet, wanted: SocketAddr| {
            net.datagrams.keys().any(|taken| collide(*taken, wanted))
        };
        let mut local = address;
        if local.port() == 0 {
            let port =
                state.net.take_port(|net, port| !is_taken(net, SocketAddr::new(address.ip(), port)))?;
            local.set_port(port);
        } else if is_taken(&state.net, local) {
            return Err(ErrorKind::AddrInUse.into());
        }
        let key = self.net.datagrams.insert(Datagrams {
            host: host.id,
            pid: host.pid,
            local,
            peer: None,
            queue: VecDeque::new(),
            queued: 0,
            error: None,
            readers: Vec::new(),
        });
        self.host_mut(host.id).ok_or_else(ended)?.net.datagrams.insert(local, key);
        if let Some(process) = self.process_mut(host.id, host.pid) {
            process.sockets.insert(SocketId::Datagram(key));
        }
        Ok((key, local))
    }

    fn send_datagram(&mut self, key: Key, data: &[u8], to: SocketAddr) -> io::Result<usize> {
        let socket = self.net.datagrams.get_mut(key).ok_or_else(ended)?;
        if let Some(kind) = socket.error.take() {
            return Err(kind.into());
        }
        let (host, mut from) = (socket.host, socket.local);
        if from.ip().is_unspecified() {
            let state = self.host(host).ok_or_else(ended)?;
            let own = state.addresses.iter().copied().find(|address| address.is_ipv4() == to.is_ipv4());
            let is_local = to.ip().is_loopback() || state.addresses.contains(&to.ip());
            let source = if is_local { Some(to.ip()) } else { own };
            from.set_ip(source.ok_or(ErrorKind::NetworkUnreachable)?);
        }
        let fraction = self.datagram_fraction();
        let route = Route { from, to, from_host: host, connection: 0, sender: None, target: None, fraction };
        self.send(Kind::Datagram(Bytes::copy_from_slice(data)), route);
        Ok(data.len())
    }
}

pub(crate) fn bind(host: &Arc<Inner>, address: SocketAddr) -> io::Result<Socket> {
    let (key, local) = host.shared.lock().add_datagrams(host, address)?;
    Ok(Socket { shared: host.shared.clone(), key, local })
}

/// An application's handle on a datagram socket.
pub(crate) struct Socket {
    shared: Arc<Shared>,
    key: Key,
    pub local: SocketAddr,
}

impl Socket {
    pub fn send_to(&self, data: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.shared.with(|world| world.send_datagram(self.key, data, to))
    }

    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        poll_fn(|cx| {
            self.shared.with(|world| {
                let Some(socket) = world.net.datagrams.get_mut(self.key) else {
                    return Poll::Ready(Err(ended()));
                };
                if let Some(kind) = socket.error.take() {
                    return Poll::Ready(Err(kind.into()));
                }
                let Some((data, from)) = socket.queue.pop_front() else {
                    socket.readers.push(cx.waker().clone());
                    return Poll::Pending;
                };
                socket.queued -= data.len() + OVERHEAD;
                let length = data.len().min(buffer.len());
                buffer[..length].copy_from_slice(&data[..length]);
                Poll::Ready(Ok((length, from)))
            })
        })
        .await
    }

    pub fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        let mut world = self.shared.lock();
        world.net.datagrams.get_mut(self.key).ok_or_else(ended)?.peer = Some(peer);
        Ok(())
    }

    pub fn peer(&self) -> io::Result<Option<SocketAddr>> {
        Ok(self.shared.lock().net.datagrams.get(self.key).ok_or_else(ended)?.peer)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.shared.with(|world| world.close_datagrams(self.key));
    }
}
