//! The seam as software sees it: one process of one host.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::disk::Disk;
use crate::net::{self, TcpListener, TcpStream, UdpSocket};
use crate::process::{self, Life};
use crate::rng;
use crate::room::TopologyError;
use crate::slots::Key;
use crate::world::Shared;

/// A machine of a run. Numbers are never used again, names and addresses may be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostId(pub(crate) u32);

/// What a power-on starts as the first process, named [`INIT`].
pub type Boot = Arc<dyn Fn(Host) -> BoxFuture<'static, ()> + Send + Sync>;

/// Name of the process that a power-on starts, and of the one that runs `main` on the workstation.
pub const INIT: &str = "init";

/// A machine to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostSpec {
    /// Its name, which other hosts can connect to.
    pub name: String,
    /// Its addresses, the preferred one first; loopback is there without being named.
    pub addresses: Vec<IpAddr>,
    /// Size of its disk in bytes.
    pub disk_bytes: u64,
}

impl HostSpec {
    /// Describes a host with one address and a disk of 10 GiB.
    pub fn new(name: impl Into<String>, address: IpAddr) -> HostSpec {
        HostSpec { name: name.into(), addresses: vec![address], disk_bytes: 10 << 30 }
    }

    pub(crate) fn check(&self) -> Result<(), TopologyError> {
        if self.name.is_empty() || self.name.contains([':', ' ', '\n']) || self.name.parse::<IpAddr>().is_ok()
        {
            return Err(TopologyError::BadName(self.name.clone()));
        }
        if self.addresses.is_empty() {
            return Err(TopologyError::NoAddress(self.name.clone()));
        }
        for (n, address) in self.addresses.iter().enumerate() {
            if address.is_loopback() || address.is_unspecified() || address.is_multicast() {
                return Err(TopologyError::BadAddress(*address));
            }
            if self.addresses[..n].contains(address) {
                return Err(TopologyError::AddressTaken(*address));
            }
        }
        Ok(())
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Its first task returned.
    Finished,
    /// It was killed, or its machine lost power.
    Killed,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Exit::Finished => "finished",
            Exit::Killed => "killed",
        })
    }
}

/// One process's view of its host. Cheap to clone.
///
/// After the process has ended, its handle is dead: sockets and disk give errors, tasks are not started.
#[derive(Clone)]
pub struct Host {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub shared: Arc<Shared>,
    pub id: HostId,
    pub pid: u32,
    /// The how manieth process of its name this is on its host.
    start: u32,
    pub name: Arc<str>,
    pub addresses: Arc<[IpAddr]>,
    process_name: Arc<str>,
    pub life: Arc<Life>,
    /// Delay that disk operations have run up and nobody has waited for, in nanoseconds.
    pub disk_debt: AtomicU64,
}

impl Host {
    /// Starts a process on a powered host and returns it, or `None` when the host is off or gone.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        id: HostId,
        name: &str,
        main: impl FnOnce(Host) -> BoxFuture<'static, ()>,
    ) -> Option<ProcessHandle> {
        let host = {
            let mut world = shared.lock();
            world.host(id)?.runtime.as_ref()?;
            let (pid, start, life) = world.add_process(id, name)?;
            let state = world.host(id)?;
            Host {
                inner: Arc::new(Inner {
                    shared: shared.clone(),
                    id,
                    pid,
                    start,
                    name: state.name.clone(),
                    addresses: state.addresses.clone(),
                    process_name: name.into(),
                    life,
                    disk_debt: AtomicU64::new(0),
                }),
            }
        };
        let handle = host.this_process();
        let future = main(host);
        process::spawn(shared, id, handle.pid, "main", future, true);
        Some(handle)
    }

    /// Returns the host's number.
    pub fn id(&self) -> HostId {
        self.inner.id
    }

    /// Returns the host's name.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Returns the host's addresses, the preferred one first, loopback not included.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.inner.addresses
    }

    /// Returns the name of this process.
    pub fn process_name(&self) -> &str {
        &self.inner.process_name
    }

    /// Returns the id of this process. A host never uses one again.
    pub fn process_id(&self) -> u32 {
        self.inner.pid
    }

    /// Starts a task of this process. `name` appears in errors.
    pub fn spawn(&self, name: &'static str, future: BoxFuture<'static, ()>) -> TaskHandle {
        let inner = &self.inner;
        let key = process::spawn(&inner.shared, inner.id, inner.pid, name, future, false);
        TaskHandle { shared: inner.shared.clone(), key }
    }

    /// Starts another process on this host; it outlives this one, and ends when what `main` builds is done.
    ///
    /// On a host without power nothing is started, and the handle says `Killed`.
    pub fn new_process(
        &self,
        name: &str,
        main: impl FnOnce(Host) -> BoxFuture<'static, ()>,
    ) -> ProcessHandle {
        let inner = &self.inner;
        if inner.life.is_alive()
            && let Some(handle) = Host::start(&inner.shared, inner.id, name, main)
        {
            return handle;
        }
        ProcessHandle { shared: inner.shared.clone(), host: inner.id, pid: 0, life: Life::dead() }
    }

    /// Finds a running process of this host by its id.
    pub fn find_process(&self, id: u32) -> Option<ProcessHandle> {
        let inner = &self.inner;
        let mut world = inner.shared.lock();
        let life = world.process_mut(inner.id, id)?.life.clone();
        drop(world);
        life.is_alive().then(|| ProcessHandle { shared: inner.shared.clone(), host: inner.id, pid: id, life })
    }

    /// Runs work that blocks, inline, and then waits as long as a slow disk would have taken for it.
    pub async fn blocking<T>(&self, work: impl FnOnce() -> T) -> T {
        let value = work();
        let debt = self.inner.disk_debt.swap(0, Ordering::Relaxed);
        if debt > 0 {
            tokio::time::sleep(Duration::from_nanos(debt)).await;
        }
        value
    }

    /// Opens a stream to `to`, a `host:port` whose host is a name of the room, `localhost` or a literal address.
    ///
    /// # Errors
    /// `NotFound` for an unknown name, `InvalidInput` for something that is no `host:port`, `ConnectionRefused` when
    /// the machine answers and nobody listens, `TimedOut` after `timeout` of silence.
    pub async fn connect(&self, to: &str, timeout: Duration) -> io::Result<TcpStream> {
        net::connect(&self.inner, to, timeout).await
    }

    /// Listens with room for [`net::BACKLOG`] connections that nobody has accepted; port 0 picks a free port.
    ///
    /// # Errors
    /// `AddrInUse`; `AddrNotAvailable` for an address that is not this host's.
    pub async fn bind(&self, address: SocketAddr) -> io::Result<TcpListener> {
        net::bind(&self.inner, address, net::BACKLOG).await
    }

    /// Listens as [`bind`](Host::bind) does, with another backlog. The turmoil engine ignores it.
    pub async fn bind_with_backlog(&self, address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
        net::bind(&self.inner, address, backlog).await
    }

    /// Opens a datagram socket; port 0 picks a free port.
    ///
    /// # Errors
    /// As [`bind`](Host::bind).
    pub async fn bind_udp(&self, address: SocketAddr) -> io::Result<UdpSocket> {
        net::bind_udp(&self.inner, address).await
    }

    /// Returns the disk of this host.
    pub fn disk(&self) -> Disk {
        Disk::new(self.inner.clone())
    }

    /// Returns the random stream of `purpose`: a function of seed, host, process name, how often a process of that
    /// name was started here, and `purpose`. Asking twice gives the same numbers twice.
    pub fn rng(&self, purpose: &str) -> rng::Stream {
        let inner = &self.inner;
        let start = inner.start.to_string();
        rng::stream(inner.shared.seed, &["process", &inner.name, &inner.process_name, &start, purpose])
    }

    /// Returns simulated time since the start of the run.
    pub fn now(&self) -> Duration {
        self.inner.shared.now()
    }

    /// Returns what this host's clock says, in milliseconds since 1970.
    pub fn wall_unix_ms(&self) -> u64 {
        self.wall_unix_nanos() / 1_000_000
    }

    /// Returns what this host's clock says, in nanoseconds since 1970.
    pub fn wall_unix_nanos(&self) -> u64 {
        let shared = &self.inner.shared;
        let world = shared.lock();
        let step_ms = world.host(self.inner.id).map_or(0, |state| state.clock_step_ms);
        // Good until the year 2554.
        let now = u64::try_from(world.now().as_nanos()).unwrap_or(u64::MAX);
        let now = now.saturating_add(shared.epoch_unix_ms.saturating_mul(1_000_000));
        let step = step_ms.unsigned_abs().saturating_mul(1_000_000);
        if step_ms < 0 { now.saturating_sub(step) } else { now.saturating_add(step) }
    }

    fn this_process(&self) -> ProcessHandle {
        let inner = &self.inner;
        ProcessHandle {
            shared: inner.shared.clone(),
            host: inner.id,
            pid: inner.pid,
            life: inner.life.clone(),
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Host({} {})", self.inner.name, self.inner.process_name)
    }
}

/// A task of a process. Dropping the handle leaves the task running.
#[derive(Clone)]
pub struct TaskHandle {
    shared: Arc<Shared>,
    key: Option<Key>,
}

impl TaskHandle {
    /// Drops the task's future at once, or when its present poll returns.
    pub fn abort(&self) {
        if let Some(key) = self.key {
            process::abort(&self.shared, key);
        }
    }

    /// Tells whether the task has returned or was dropped.
    pub fn is_finished(&self) -> bool {
        self.key.is_none_or(|key| process::is_finished(&self.shared, key))
    }
}

/// A process of a host. Dropping the handle leaves the process running.
#[derive(Clone)]
pub struct ProcessHandle {
    shared: Arc<Shared>,
    host: HostId,
    pid: u32,
    life: Arc<Life>,
}

impl ProcessHandle {
    /// Returns its id, unique on its host for the whole run.
    pub fn id(&self) -> u32 {
        self.pid
    }

    /// Kills it: its tasks are dropped in the order of their creation, its sockets closed, its files kept.
    pub fn kill(&self) {
        process::end_process(&self.shared, self.host, self.pid, Exit::Killed);
    }

    /// Stops it as SIGSTOP does, or lets it go on. Connects to it still succeed, and time goes on.
    pub fn set_paused(&self, paused: bool) {
        self.shared.with(|world| world.pause_process(self.host, self.pid, paused));
    }

    pub(crate) fn life(&self) -> Arc<Life> {
        self.life.clone()
    }

    /// Waits for its end; may be called again and then returns the same.
    pub fn wait(&self) -> impl Future<Output = Exit> + Send + 'static {
        let life = self.life.clone();
        async move { life.wait().await }
    }
}
