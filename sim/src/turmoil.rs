//! The second engine: the same seam on the stock `turmoil` crate.
//!
//! Hosts, processes, tasks and disks are ours in both engines; here turmoil moves time and the network. Each host is
//! a turmoil host whose only software is a supervisor that never ends, so a machine without power is not a crashed
//! turmoil host but one whose links are all held: silence, as in the own engine.
//!
//! # Caveats
//! - turmoil wants addresses of 192.168.0.0/16, one per host: ours are translated, and all addresses of a host share
//!   their ports.
//! - A socket acts for the host that turmoil runs at that moment. One that is dropped elsewhere is kept and dropped
//!   when its host runs next.
//! - Faults: power, kill, partitions both ways. No resets by timeout, no retransmission, no backlog.

use std::any::Any;
use std::collections::BTreeSet;
use std::future::{pending, poll_fn};
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, UNIX_EPOCH};

use tokio::runtime::Handle;
use turmoil::Sim;

use crate::host::{HostId, HostSpec, Inner};
use crate::process::polled_host;
use crate::room::{End, Engine, MainFuture, Room, RoomConfig, RoomError, conclude, start_main, tear_down};
use crate::world::{RunClock, Shared, World};

/// Connections that may wait in a listener, and segments in a stream; turmoil panics beyond it.
const CAPACITY: usize = 65_536;

/// What the second engine keeps of a host.
pub(crate) struct TurmoilHost {
    address: IpAddr,
    /// Sockets that were dropped while another host ran.
    graveyard: Vec<Box<dyn Any + Send>>,
    supervisor: Option<Waker>,
}

impl TurmoilHost {
    pub fn new(id: HostId) -> TurmoilHost {
        TurmoilHost { address: inner_address(id), graveyard: Vec::new(), supervisor: None }
    }
}

/// What the second engine knows of its links.
#[derive(Default)]
pub(crate) struct Links {
    registered: BTreeSet<HostId>,
    /// Pairs whose link turmoil holds, lower id first.
    held: BTreeSet<(HostId, HostId)>,
    /// Pairs to look at between two steps.
    stale: BTreeSet<(HostId, HostId)>,
}

/// Runs `main` on the stock turmoil crate.
pub(crate) fn run(mut config: RoomConfig, workstation: HostSpec, main: MainFuture) -> Result<End, RoomError> {
    let mut sim = turmoil::Builder::new()
        .rng_seed(config.seed)
        .tick_duration(config.tick)
        .simulation_duration(config.simulated_max)
        .epoch(UNIX_EPOCH + Duration::from_millis(config.epoch_unix_ms))
        .min_message_latency(*config.latency.start())
        .max_message_latency(*config.latency.end())
        .tcp_capacity(CAPACITY)
        .udp_capacity(1_024)
        .build();
    let shared = Shared::new(&mut config, RunClock::Turmoil(Duration::ZERO));
    let room = Room { shared: shared.clone() };
    let added = shared.with(|world| world.add_host(workstation));
    let id = added.map_err(RoomError::Workstation)?;
    register_newcomers(&mut sim, &shared);
    step(&mut sim, &shared)?;
    let life = start_main(&room, id, main);
    let outcome = loop {
        register_newcomers(&mut sim, &shared);
        apply_links(&sim, &shared);
        if let Err(error) = step(&mut sim, &shared) {
            break Err(error);
        }
        if let Some(failure) = shared.lock().failure.take() {
            break Err(failure);
        }
        if !life.is_alive() {
            break Ok(sim.elapsed());
        }
    };
    tear_down(&shared);
    drop(sim);
    let dead: Vec<_> = {
        let mut world = shared.lock();
        world.hosts.iter_mut().flatten().map(|state| std::mem::take(&mut state.turmoil.graveyard)).collect()
    };
    drop(dead);
    conclude(&shared, outcome)
}

fn step(sim: &mut Sim<'_>, shared: &Shared) -> Result<(), RoomError> {
    shared.lock().clock = RunClock::Turmoil(sim.elapsed());
    match sim.step() {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(shared.lock().failure.take().unwrap_or_else(|| RoomError::Turmoil(error.to_string())))
        }
    }
}

/// Makes turmoil hosts of the hosts that were added since the last step.
fn register_newcomers(sim: &mut Sim<'_>, shared: &Arc<Shared>) {
    let newcomers = std::mem::take(&mut shared.lock().newcomers);
    for id in newcomers {
        let of_host = shared.clone();
        sim.host(inner_address(id), move || supervise(of_host.clone(), id));
        let mut world = shared.lock();
        let others: Vec<HostId> = world.second.registered.iter().copied().collect();
        world.second.registered.insert(id);
        for other in others {
            world.second.stale.insert((id.min(other), id.max(other)));
        }
    }
}

fn apply_links(sim: &Sim<'_>, shared: &Shared) {
    let mut world = shared.lock();
    for (a, b) in std::mem::take(&mut world.second.stale) {
        world.apply_link(a, b, &|a, b| sim.hold(a, b), &|a, b| sim.release(a, b));
    }
}

/// The software of a turmoil host: lends its runtime to our tasks and buries sockets that died elsewhere.
async fn supervise(shared: Arc<Shared>, id: HostId) -> turmoil::Result {
    shared.with(|world| {
        let Some(state) = world.host_mut(id) else { return };
        state.runtime = Some(Handle::current());
        let waiting = std::mem::take(&mut state.ready_wakers);
        world.wakers.extend(waiting);
    });
    poll_fn(|cx| {
        let dead = shared.with(|world| {
            let state = world.host_mut(id)?;
            let replaced = state.turmoil.supervisor.replace(cx.waker().clone());
            let dead = std::mem::take(&mut state.turmoil.graveyard);
            world.trash.extend(replaced);
            Some(dead)
        });
        drop(dead);
        Poll::<()>::Pending
    })
    .await;
    Ok(())
}

impl World {
    /// Holds or releases the links of a host whose power has changed.
    pub fn turmoil_links_changed(&mut self, host: HostId) {
        if self.engine != Engine::Turmoil {
            return;
        }
        let others: Vec<HostId> =
            self.second.registered.iter().copied().filter(|other| *other != host).collect();
        for other in others {
            self.turmoil_link_changed(host, other);
        }
    }

    /// Holds or releases a link: at once inside a step, else before the next.
    pub fn turmoil_link_changed(&mut self, a: HostId, b: HostId) {
        if self.engine != Engine::Turmoil {
            return;
        }
        let (a, b) = (a.min(b), a.max(b));
        if turmoil::in_simulation() {
            self.apply_link(a, b, &|a, b| turmoil::hold(a, b), &|a, b| turmoil::release(a, b));
        } else {
            self.second.stale.insert((a, b));
        }
    }

    fn apply_link(
        &mut self,
        a: HostId,
        b: HostId,
        hold: &dyn Fn(IpAddr, IpAddr),
        release: &dyn Fn(IpAddr, IpAddr),
    ) {
        if !(self.second.registered.contains(&a) && self.second.registered.contains(&b)) {
            return;
        }
        let is_on = |id: HostId| self.host(id).is_some_and(|state| state.powered);
        let is_silent = !is_on(a) || !is_on(b) || self.is_cut(a, b) || self.is_cut(b, a);
        let (from, to) = (inner_address(a), inner_address(b));
        if is_silent && self.second.held.insert((a, b)) {
            hold(from, to);
        } else if !is_silent && self.second.held.remove(&(a, b)) {
            release(from, to);
        }
    }

    /// Translates an address of ours; `None` when it is nobody's.
    fn to_inner(&self, address: SocketAddr) -> Option<SocketAddr> {
        let ip = match address.ip() {
            ip if ip.is_loopback() || ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            ip => {
                let host = self.by_addr.get(&ip).copied()?;
                self.host(host).filter(|_| self.second.registered.contains(&host))?.turmoil.address
            }
        };
        Some(SocketAddr::new(ip, address.port()))
    }

    /// Translates an address of turmoil's.
    fn to_outer(&self, address: SocketAddr) -> SocketAddr {
        let IpAddr::V4(ip) = address.ip() else { return address };
        let [192, 168, high, low] = ip.octets() else { return address };
        let id = (u32::from(high) << 8 | u32::from(low)).wrapping_sub(1);
        self.host(HostId(id)).map_or(address, |state| SocketAddr::new(state.addresses[0], address.port()))
    }
}

/// Returns the address turmoil knows a host by.
fn inner_address(id: HostId) -> IpAddr {
    let [_, _, high, low] = (id.0 + 1).to_be_bytes();
    Ipv4Addr::new(192, 168, high, low).into()
}

/// A socket of turmoil's that is dropped under its own host.
struct Owned<T: Send + 'static> {
    socket: Option<T>,
    host: Arc<Inner>,
}

impl<T: Send + 'static> Owned<T> {
    fn new(socket: T, host: &Arc<Inner>) -> Owned<T> {
        Owned { socket: Some(socket), host: host.clone() }
    }

    fn get(&self) -> &T {
        self.socket.as_ref().expect("a socket is there until it is dropped")
    }

    fn get_mut(&mut self) -> &mut T {
        self.socket.as_mut().expect("a socket is there until it is dropped")
    }
}

impl<T: Send + 'static> Drop for Owned<T> {
    fn drop(&mut self) {
        if polled_host() == Some(self.host.id) {
            return;
        }
        let Some(socket) = self.socket.take() else { return };
        let unburied = self.host.shared.with(|world| match world.host_mut(self.host.id) {
            Some(state) => {
                state.turmoil.graveyard.push(Box::new(socket));
                let supervisor = state.turmoil.supervisor.take();
                world.wakers.extend(supervisor);
                None
            }
            None => Some(socket),
        });
        drop(unburied);
    }
}

/// A connection.
pub(crate) struct Stream {
    inner: Owned<turmoil::net::TcpStream>,
    pub local: SocketAddr,
    pub peer: SocketAddr,
}

impl Stream {
    pub fn inner(&mut self) -> &mut turmoil::net::TcpStream {
        self.inner.get_mut()
    }
}

/// A listening socket.
pub(crate) struct Listener {
    inner: Owned<turmoil::net::TcpListener>,
    pub local: SocketAddr,
}

impl Listener {
    pub async fn accept(&self) -> io::Result<Stream> {
        let (stream, peer) = self.inner.get().accept().await?;
        let local = stream.local_addr()?;
        let host = &self.inner.host;
        let world = host.shared.lock();
        let mut local = world.to_outer(local);
        if !self.local.ip().is_unspecified() {
            local.set_ip(self.local.ip());
        }
        let peer = world.to_outer(peer);
        drop(world);
        Ok(Stream { inner: Owned::new(stream, host), local, peer })
    }
}

/// A datagram socket.
pub(crate) struct Udp {
    inner: Owned<turmoil::net::UdpSocket>,
    pub local: SocketAddr,
    peer: Mutex<Option<SocketAddr>>,
}

impl Udp {
    pub async fn send_to(&self, data: &[u8], to: SocketAddr) -> io::Result<usize> {
        let inner = self.inner.host.shared.lock().to_inner(to);
        // To nobody's address: it vanishes.
        let Some(inner) = inner else { return Ok(data.len()) };
        self.inner.get().send_to(data, inner).await
    }

    pub async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        loop {
            let (length, from) = self.inner.get().recv_from(buffer).await?;
            let from = self.inner.host.shared.lock().to_outer(from);
            if self.peer().is_none_or(|peer| peer == from) {
                return Ok((length, from));
            }
        }
    }

    pub async fn connect(&self, peer: SocketAddr) -> io::Result<()> {
        *self.peer.lock().expect("held for single statements only") = Some(peer);
        Ok(())
    }

    pub fn peer(&self) -> Option<SocketAddr> {
        *self.peer.lock().expect("held for single statements only")
    }
}

pub(crate) async fn connect(host: &Arc<Inner>, to: SocketAddr) -> io::Result<Stream> {
    let inner = host.shared.lock().to_inner(to);
    let Some(inner) = inner else {
        // Nobody answers.
        return pending().await;
    };
    let stream = turmoil::net::TcpStream::connect(inner).await?;
    let local = stream.local_addr()?;
    let local = host.shared.lock().to_outer(local);
    Ok(Stream { inner: Owned::new(stream, host), local, peer: to })
}

pub(crate) async fn bind(host: &Arc<Inner>, address: SocketAddr) -> io::Result<Listener> {
    let inner = bindable(host, address)?;
    let listener = turmoil::net::TcpListener::bind(inner).await?;
    let local = SocketAddr::new(address.ip(), listener.local_addr()?.port());
    Ok(Listener { inner: Owned::new(listener, host), local })
}

pub(crate) async fn bind_udp(host: &Arc<Inner>, address: SocketAddr) -> io::Result<Udp> {
    let inner = bindable(host, address)?;
    let socket = turmoil::net::UdpSocket::bind(inner).await?;
    let local = SocketAddr::new(address.ip(), socket.local_addr()?.port());
    Ok(Udp { inner: Owned::new(socket, host), local, peer: Mutex::new(None) })
}

/// Translates an address to listen on: turmoil knows the wildcard and loopback.
fn bindable(host: &Arc<Inner>, address: SocketAddr) -> io::Result<SocketAddr> {
    let ip = address.ip();
    let is_own = ip.is_unspecified() || ip.is_loopback() || host.addresses.contains(&ip);
    if !is_own {
        return Err(ErrorKind::AddrNotAvailable.into());
    }
    let inner = if ip.is_loopback() { Ipv4Addr::LOCALHOST } else { Ipv4Addr::UNSPECIFIED };
    Ok(SocketAddr::new(inner.into(), address.port()))
}
