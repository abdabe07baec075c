//! A few machines in memory, for the tests of this module and of `raft`.
//!
//! Streams are pipes with a pump between them, which a cut stops: what is under way arrives after the cut has healed, as
//! with real connections. A machine that is killed loses its tasks and connections, and keeps its disk.

#![expect(clippy::disallowed_methods, reason = "this is a machine as the tests have it")]

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rand::SeedableRng;
use rand_chacha::ChaCha12Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, watch};

use crate::env::disk::{DiskFile, Space};
use crate::env::net::{Datagrams, Interface, Listen, Stream};
use crate::env::process::{Command, Process, ProcessId};
use crate::env::rng::BoxRng;
use crate::env::{Clock, Disk, Env, Net, Processes, Random, Spawn, TaskHandle};
use crate::model::Timestamp;

/// Bytes that a connection holds on its way.
const PIPE_BYTES: usize = 256 << 10;

/// Connections that wait to be accepted.
type Backlog = mpsc::Sender<(Stream, SocketAddr)>;

/// The wire between the machines.
#[derive(Clone)]
pub(crate) struct Network {
    listeners: Arc<Mutex<BTreeMap<SocketAddr, Backlog>>>,
    /// Machines that nothing reaches and that reach nothing.
    cut: watch::Sender<BTreeSet<IpAddr>>,
}

impl Network {
    pub(crate) fn new() -> Self {
        Self { listeners: Arc::default(), cut: watch::Sender::new(BTreeSet::new()) }
    }

    /// Stops everything to and from a machine.
    pub(crate) fn cut(&self, machine: &Machine) {
        self.cut.send_modify(|cut| {
            let _ = cut.insert(machine.address);
        });
    }

    /// Lets a machine take part again.
    pub(crate) fn heal(&self, machine: &Machine) {
        self.cut.send_modify(|cut| {
            let _ = cut.remove(&machine.address);
        });
    }
}

/// A machine of the tests.
#[derive(Clone)]
pub(crate) struct Machine {
    pub(crate) address: IpAddr,
    network: Network,
    disk: Arc<MemoryDisk>,
    tasks: Arc<MachineTasks>,
}

impl Machine {
    /// Makes machine `number`, whose disk is empty.
    pub(crate) fn new(network: &Network, number: u8) -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, number)),
            network: network.clone(),
            disk: Arc::default(),
            tasks: Arc::default(),
        }
    }

    pub(crate) fn env(&self) -> Env {
        Env {
            net: Arc::new(MachineNet { network: self.network.clone(), address: self.address }),
            disk: self.disk.clone(),
            clock: Arc::new(StillClock),
            random: Arc::new(Seeded(self.address.to_string())),
            tasks: self.tasks.clone(),
            processes: Arc::new(NoProcesses),
        }
    }

    /// Ends all its tasks at once; its disk stays.
    pub(crate) fn kill(&self) {
        for task in self.tasks.running.lock().unwrap().drain(..) {
            task.abort();
        }
        self.network.listeners.lock().unwrap().retain(|address, _| address.ip() != self.address);
    }
}

struct MachineNet {
    network: Network,
    address: IpAddr,
}

impl Net for MachineNet {
    fn bind(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Listen>>> {
        let (sender, queue) = mpsc::channel(16);
        let local = SocketAddr::new(self.address, address.port());
        self.network.listeners.lock().unwrap().insert(local, sender);
        Box::pin(async move {
            Ok(Box::new(MemoryListener { local, queue: tokio::sync::Mutex::new(queue) }) as Box<dyn Listen>)
        })
    }

    fn connect(&self, target: &str, timeout: Duration) -> BoxFuture<'static, io::Result<Stream>> {
        let (target, network): (SocketAddr, _) = (target.parse().unwrap(), self.network.clone());
        let local = SocketAddr::new(self.address, 40_000);
        Box::pin(async move {
            let mut cut = network.cut.subscribe();
            let reachable = cut.wait_for(|cut| !cut.contains(&local.ip()) && !cut.contains(&target.ip()));
            if tokio::time::timeout(timeout, reachable).await.is_err() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            let listener = network.listeners.lock().unwrap().get(&target).cloned();
            let listener = listener.ok_or(io::ErrorKind::ConnectionRefused)?;
            let (near, middle_near) = tokio::io::duplex(PIPE_BYTES);
            let (middle_far, far) = tokio::io::duplex(PIPE_BYTES);
            tokio::spawn(pump(middle_near, middle_far, [local.ip(), target.ip()], network.cut.subscribe()));
            listener.send((Box::new(far), local)).await.map_err(|_| io::ErrorKind::ConnectionRefused)?;
            Ok(Box::new(near) as Stream)
        })
    }

    fn bind_udp(&self, _address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Datagrams>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn interfaces(&self) -> Vec<Interface> {
        Vec::new()
    }
}

/// Carries bytes in both directions until one end is gone, except while one of the machines is cut off.
async fn pump(
    near: tokio::io::DuplexStream,
    far: tokio::io::DuplexStream,
    ends: [IpAddr; 2],
    cut: watch::Receiver<BTreeSet<IpAddr>>,
) {
    let ((near_read, near_write), (far_read, far_write)) = (tokio::io::split(near), tokio::io::split(far));
    let carry = |mut from: tokio::io::ReadHalf<_>, mut to: tokio::io::WriteHalf<_>| {
        let mut cut = cut.clone();
        async move {
            let mut buffer = vec![0; 64 << 10];
            loop {
                let read = from.read(&mut buffer).await.unwrap_or(0);
                let connected = cut.wait_for(|cut| !ends.iter().any(|end| cut.contains(end))).await.is_ok();
                if read == 0 || !connected || to.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = carry(near_read, far_write) => {}
        () = carry(far_read, near_write) => {}
    }
}

struct MemoryListener {
    local: SocketAddr,
    queue: tokio::sync::Mutex<mpsc::Receiver<(Stream, SocketAddr)>>,
}

impl Listen for MemoryListener {
    fn accept(&self) -> BoxFuture<'_, io::Result<(Stream, SocketAddr)>> {
        Box::pin(
            async move { self.queue.lock().await.recv().await.ok_or(io::ErrorKind::NotConnected.into()) },
        )
    }

    fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}

struct Seeded(String);

impl Random for Seeded {
    fn stream(&self, purpose: &str) -> BoxRng {
        let mut seed = [0; 32];
        for (n, byte) in self.0.bytes().chain(purpose.bytes()).enumerate() {
            seed[n % 32] ^= byte;
        }
        Box::new(ChaCha12Rng::from_seed(seed))
    }
}

#[derive(Default)]
struct MachineTasks {
    running: Mutex<Vec<tokio::task::AbortHandle>>,
}

impl Spawn for MachineTasks {
    fn spawn(&self, _name: &'static str, future: BoxFuture<'static, ()>) -> TaskHandle {
        let abort = tokio::spawn(future).abort_handle();
        let mut running = self.running.lock().unwrap();
        running.retain(|task| !task.is_finished());
        running.push(abort.clone());
        TaskHandle::new(move || abort.abort())
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        Box::pin(async move { work() })
    }
}

struct NoProcesses;

impl Processes for NoProcesses {
    fn start(&self, _command: Command) -> BoxFuture<'static, io::Result<Box<dyn Process>>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }

    fn attach(&self, _id: ProcessId) -> io::Result<Box<dyn Process>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// Files in memory; folders are not told apart from no folders.
#[derive(Default)]
pub(crate) struct MemoryDisk {
    files: Mutex<BTreeMap<PathBuf, Arc<MemoryFile>>>,
}

#[derive(Debug, Default)]
struct MemoryFile {
    content: Mutex<Vec<u8>>,
}

impl Disk for MemoryDisk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let files = self.files.lock().unwrap();
        let file = files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(file.content.lock().unwrap().clone())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let files = self.files.lock().unwrap();
        let inside = files.keys().filter(|file| file.parent() == Some(path));
        Ok(inside.filter_map(|file| Some(file.file_name()?.to_str()?.to_owned())).collect())
    }

    fn exists(&self, path: &Path) -> bool {
        self.files.lock().unwrap().keys().any(|file| file.starts_with(path))
    }

    fn append(&self, path: &Path, data: &[u8], _durable: bool) -> io::Result<()> {
        let mut files = self.files.lock().unwrap();
        files.entry(path.to_owned()).or_default().content.lock().unwrap().extend_from_slice(data);
        Ok(())
    }

    fn replace(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        let file = MemoryFile { content: Mutex::new(data.to_vec()) };
        self.files.lock().unwrap().insert(path.to_owned(), Arc::new(file));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.files.lock().unwrap().remove(path);
        Ok(())
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.files.lock().unwrap().retain(|file, _| !file.starts_with(path));
        Ok(())
    }

    fn make_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.files.lock().unwrap().entry(path.to_owned()).or_default().clone())
    }

    fn space(&self, _path: &Path) -> io::Result<Space> {
        Ok(Space { total_bytes: 1 << 40, free_bytes: 1 << 40 })
    }

    fn default_data_dir(&self) -> PathBuf {
        PathBuf::from("/data")
    }
}

impl DiskFile for MemoryFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.content.lock().unwrap().len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let content = self.content.lock().unwrap();
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let from = content.get(offset..offset + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(from);
        Ok(())
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut content = self.content.lock().unwrap();
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let end = content.len().max(offset + data.len());
        content.resize(end, 0);
        content[offset..offset + data.len()].copy_from_slice(data);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.content.lock().unwrap().resize(usize::try_from(length).map_err(io::Error::other)?, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
