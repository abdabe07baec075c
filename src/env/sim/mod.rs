//! The door to a simulated machine: the seam of `pasture_sim`, whichever engine moves it.

mod process;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use pasture_sim::{Host, TcpListener, UdpSocket};

use super::Env;
use super::clock::Clock;
use super::disk::{Disk, DiskFile, Space};
use super::net::{Datagrams, Interface, Listen, Net, Stream};
use super::rng::{BoxRng, Random};
use super::spawn::{Spawn, TaskHandle};
use crate::model::Timestamp;

pub use process::{Machine, Program, ProgramContext};

/// The name of a simulated machine's network interface.
pub const INTERFACE: &str = "eth0";

/// Returns the door of one process of a simulated host; `machine` is what lives on while processes come and go.
pub fn env(host: Host, machine: Arc<Machine>) -> Env {
    let net = Arc::new(SimNet { host: host.clone(), prefix_len: machine.prefix_len() });
    Env {
        net,
        disk: Arc::new(SimDisk { disk: host.disk() }),
        clock: Arc::new(SimClock { host: host.clone() }),
        random: Arc::new(SimRandom { host: host.clone() }),
        tasks: Arc::new(SimTasks { host: host.clone() }),
        processes: Arc::new(process::SimProcesses::new(host, machine)),
    }
}

struct SimClock {
    host: Host,
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp(i64::try_from(self.host.wall_unix_nanos()).unwrap_or(i64::MAX))
    }
}

struct SimRandom {
    host: Host,
}

impl Random for SimRandom {
    fn stream(&self, purpose: &str) -> BoxRng {
        Box::new(self.host.rng(purpose))
    }
}

struct SimTasks {
    host: Host,
}

impl Spawn for SimTasks {
    fn spawn(&self, name: &'static str, future: BoxFuture<'static, ()>) -> TaskHandle {
        let task = self.host.spawn(name, future);
        TaskHandle::new(move || task.abort())
    }

    fn blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        let host = self.host.clone();
        async move { host.blocking(work).await }.boxed()
    }
}

struct SimNet {
    host: Host,
    prefix_len: u8,
}

impl Net for SimNet {
    fn bind(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Listen>>> {
        let host = self.host.clone();
        async move { Ok(Box::new(SimListener(host.bind(address).await?)) as Box<dyn Listen>) }.boxed()
    }

    fn connect(&self, target: &str, timeout: Duration) -> BoxFuture<'static, io::Result<Stream>> {
        let (host, target) = (self.host.clone(), target.to_owned());
        async move { Ok(Box::new(host.connect(&target, timeout).await?) as Stream) }.boxed()
    }

    fn bind_udp(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Datagrams>>> {
        let host = self.host.clone();
        async move { Ok(Box::new(SimDatagrams(host.bind_udp(address).await?)) as Box<dyn Datagrams>) }.boxed()
    }

    fn interfaces(&self) -> Vec<Interface> {
        let own = self.host.addresses().iter().map(|address| Interface {
            name: INTERFACE.to_owned(),
            address: *address,
            prefix_len: self.prefix_len,
            is_loopback: false,
        });
        let loopback = Interface {
            name: "lo".to_owned(),
            address: std::net::Ipv4Addr::LOCALHOST.into(),
            prefix_len: 8,
            is_loopback: true,
        };
        own.chain([loopback]).collect()
    }
}

struct SimListener(TcpListener);

impl Listen for SimListener {
    fn accept(&self) -> BoxFuture<'_, io::Result<(Stream, SocketAddr)>> {
        async {
            let (stream, peer) = self.0.accept().await?;
            Ok((Box::new(stream) as Stream, peer))
        }
        .boxed()
    }

    fn local_addr(&self) -> SocketAddr {
        self.0.local_addr()
    }
}

struct SimDatagrams(UdpSocket);

impl Datagrams for SimDatagrams {
    fn send_to<'a>(&'a self, data: &'a [u8], to: SocketAddr) -> BoxFuture<'a, io::Result<()>> {
        async move { self.0.send_to(data, to).await.map(drop) }.boxed()
    }

    fn recv_from<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddr)>> {
        self.0.recv_from(buffer).boxed()
    }

    fn local_addr(&self) -> SocketAddr {
        self.0.local_addr()
    }
}

struct SimDisk {
    disk: pasture_sim::Disk,
}

impl Disk for SimDisk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.disk.read(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        self.disk.list(path)
    }

    fn exists(&self, path: &Path) -> bool {
        self.disk.exists(path)
    }

    fn append(&self, path: &Path, data: &[u8], durable: bool) -> io::Result<()> {
        self.disk.append(path, data, durable)
    }

    fn replace(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.disk.replace(path, data)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.disk.remove_dir_all(path)
    }

    fn make_dir(&self, path: &Path) -> io::Result<()> {
        self.disk.make_dir(path)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(SimFile(self.disk.open(path)?)))
    }

    fn space(&self, _path: &Path) -> io::Result<Space> {
        let space = self.disk.space()?;
        Ok(Space { total_bytes: space.total_bytes, free_bytes: space.free_bytes })
    }

    fn default_data_dir(&self) -> PathBuf {
        PathBuf::from("/var/lib/pasture")
    }
}

#[derive(Debug)]
struct SimFile(pasture_sim::DiskFile);

impl DiskFile for SimFile {
    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_at(offset, buffer)
    }

    fn write_at(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_at(offset, data)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }
}
