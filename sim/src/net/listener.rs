//! Listening sockets.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::event::Kind;
use super::stream::{Phase, Stream};
use super::{SocketId, collide, ended};
use crate::host::{HostId, Inner};
use crate::slots::Key;
use crate::world::{Shared, World};

/// How long an answered SYN waits for the caller's ACK: five retries, as on Linux.
const HALF_OPEN_MAX: Duration = Duration::from_secs(63);

/// A listening socket.
pub(crate) struct Listener {
    host: HostId,
    pid: u32,
    local: SocketAddr,
    backlog: usize,
    /// Ends that have answered a SYN and wait for the ACK.
    pub half_open: usize,
    /// The same, oldest first, among others that have gone on since.
    answered: VecDeque<(Duration, Key)>,
    /// Connections to accept.
    pub queue: VecDeque<Key>,
    pub acceptors: Vec<Waker>,
}

impl World {
    /// Returns the listener that a SYN to `to` is for: of that address, else of all.
    pub fn find_listener(&self, host: HostId, to: SocketAddr) -> Option<Key> {
        let listeners = &self.host(host)?.net.listeners;
        if listeners.is_empty() {
            return None;
        }
        listeners.get(&to).or_else(|| listeners.get(&wildcard(to))).copied()
    }

    /// Tells whether a listener has room for one more; forgets callers that have not come back.
    pub fn has_room(&mut self, listener: Key, now: Duration) -> bool {
        loop {
            let Some(state) = self.net.listeners.get_mut(listener) else { return false };
            let Some((since, end)) = state.answered.front().copied() else { break };
            let waits = self.net.ends.get(end).is_some_and(|end| end.phase == Phase::HalfOpen(listener));
            if waits && since + HALF_OPEN_MAX > now {
                break;
            }
            state.answered.pop_front();
            if waits {
                state.half_open -= 1;
                self.remove_end(end);
            }
        }
        // Linux lets one more in than the backlog says.
        self.net
            .listeners
            .get(listener)
            .is_some_and(|state| state.half_open + state.queue.len() <= state.backlog)
    }

    /// Notes an end that has answered a SYN.
    pub fn add_half_open(&mut self, listener: Key, end: Key, now: Duration) {
        if let Some(state) = self.net.listeners.get_mut(listener) {
            state.half_open += 1;
            state.answered.push_back((now, end));
        }
    }

    /// Hands an end whose handshake is complete to its listener's queue.
    pub fn enqueue(&mut self, listener: Key, end: Key) {
        if let Some(state) = self.net.listeners.get_mut(listener) {
            state.half_open -= 1;
            state.queue.push_back(end);
            self.wakers.append(&mut state.acceptors);
        }
    }

    /// Closes a listener: what it has not accepted is reset.
    pub fn close_listener(&mut self, key: Key) {
        let Some(listener) = self.net.listeners.remove(key) else { return };
        if let Some(state) = self.host_mut(listener.host) {
            state.net.listeners.remove(&listener.local);
        }
        if let Some(process) = self.process_mut(listener.host, listener.pid) {
            process.sockets.remove(&SocketId::Listener(key));
        }
        for end in listener.queue {
            if self.net.ends.get(end).is_some_and(|end| end.in_table) {
                self.send_from(end, Kind::Rst);
            }
            self.remove_end(end);
        }
        // Their callers' ACKs will find nothing and be answered by RST.
        for (_, end) in listener.answered {
            if self.net.ends.get(end).is_some_and(|end| end.phase == Phase::HalfOpen(key)) {
                self.remove_end(end);
            }
        }
        self.trash.extend(listener.acceptors);
    }

    fn add_listener(
        &mut self,
        host: &Inner,
        address: SocketAddr,
        backlog: u32,
    ) -> io::Result<(Key, SocketAddr)> {
        self.check_local(host.id, address)?;
        let state = self.host_mut(host.id).ok_or_else(ended)?;
        let is_taken = |net: &super::HostNet, wanted: SocketAddr| {
            net.listeners.keys().any(|taken| collide(*taken, wanted))
        };
        let mut local = address;
        if local.port() == 0 {
            let port =
                state.net.take_port(|net, port| !is_taken(net, SocketAddr::new(address.ip(), port)))?;
            local.set_port(port);
        } else if is_taken(&state.net, local) {
            return Err(ErrorKind::AddrInUse.into());
        }
        let key = self.net.listeners.insert(Listener {
            host: host.id,
            pid: host.pid,
            local,
            backlog: backlog as usize,
            half_open: 0,
            answered: VecDeque::new(),
            queue: VecDeque::new(),
            acceptors: Vec::new(),
        });
        self.host_mut(host.id).ok_or_else(ended)?.net.listeners.insert(local, key);
        if let Some(process) = self.process_mut(host.id, host.pid) {
            process.sockets.insert(SocketId::Listener(key));
        }
        Ok((key, local))
    }
}

pub(crate) fn bind(host: &Arc<Inner>, address: SocketAddr, backlog: u32) -> io::Result<Accepting> {
    let (key, local) = host.shared.lock().add_listener(host, address, backlog)?;
    Ok(Accepting { shared: host.shared.clone(), host: host.id, pid: host.pid, key, local })
}

/// An application's handle on a listener.
pub(crate) struct Accepting {
    shared: Arc<Shared>,
    host: HostId,
    pid: u32,
    key: Key,
    pub local: SocketAddr,
}

impl Accepting {
    pub async fn accept(&self) -> io::Result<Stream> {
        poll_fn(|cx| {
            self.shared.with(|world| {
                let Some(listener) = world.net.listeners.get_mut(self.key) else {
                    return Poll::Ready(Err(ended()));
                };
                let Some(key) = listener.queue.pop_front() else {
                    listener.acceptors.push(cx.waker().clone());
                    return Poll::Pending;
                };
                let end = world.net.ends.get_mut(key).expect("a queued end stays until it is accepted");
                end.phase = Phase::Open;
                end.pid = self.pid;
                let (local, peer) = (end.local, end.remote);
                if let Some(process) = world.process_mut(self.host, self.pid) {
                    process.sockets.insert(SocketId::Stream(key));
                }
                Poll::Ready(Ok(Stream { shared: self.shared.clone(), key, local, peer }))
            })
        })
        .await
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.shared.with(|world| world.close_listener(self.key));
    }
}

/// Returns the address that listens on all addresses at a port.
pub(crate) fn wildcard(address: SocketAddr) -> SocketAddr {
    let any = match address {
        SocketAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    SocketAddr::new(any, address.port())
}
