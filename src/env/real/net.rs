//! Sockets of the machine.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::BoxFuture;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::env::Net;
use crate::env::net::{Datagrams, Interface, Listen, Stream};

/// Connections the kernel finishes for us before `accept` takes them.
const BACKLOG: i32 = 1024;
/// Silence after which the kernel asks whether the other side is still there.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
/// Time between such questions.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// The machine's network stack.
pub struct RealNet;

impl Net for RealNet {
    fn bind(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Listen>>> {
        Box::pin(async move {
            let listener = listen(address).map_err(|error| describe(error, "can not listen on", address))?;
            let local = listener.local_addr()?;
            Ok(Box::new(RealListener { listener, local }) as Box<dyn Listen>)
        })
    }

    fn connect(&self, target: &str, timeout: Duration) -> BoxFuture<'static, io::Result<Stream>> {
        let target = target.to_owned();
        Box::pin(async move {
            match tokio::time::timeout(timeout, connect(&target)).await {
                Ok(result) => result.map(|stream| Box::new(stream) as Stream),
                Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("{target} did not answer"))),
            }
        })
    }

    fn bind_udp(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Datagrams>>> {
        Box::pin(async move {
            let socket = UdpSocket::bind(address)
                .await
                .map_err(|error| describe(error, "can not bind UDP", address))?;
            let local = socket.local_addr()?;
            Ok(Box::new(RealDatagrams { socket, local }) as Box<dyn Datagrams>)
        })
    }

    fn interfaces(&self) -> Vec<Interface> {
        interfaces()
    }
}

/// Opens a listener whose address can be bound again at once after a restart.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Resolves a `host:port` and connects to the first of its addresses that takes the call.
async fn connect(target: &str) -> io::Result<TcpStream> {
    let addresses = tokio::net::lookup_host(target).await.map_err(|error| match error.kind() {
        // What `host:port` does not even look like is the caller's mistake; all else is a name nobody knows.
        io::ErrorKind::InvalidInput => error,
        _ => io::Error::new(io::ErrorKind::NotFound, format!("unknown host in {target}: {error}")),
    })?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("{target} has no address"));
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                tune(&stream)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Sets what every connection has: small messages leave at once, and a vanished peer is noticed in the end.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(stream).set_tcp_keepalive(&keepalive)
}

/// Adds to an error what was tried, keeping its kind.
fn describe(error: io::Error, what: &str, address: SocketAddr) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {address}: {error}"))
}

struct RealListener {
    listener: TcpListener,
    local: SocketAddr,
}

impl Listen for RealListener {
    fn accept(&self) -> BoxFuture<'_, io::Result<(Stream, SocketAddr)>> {
        Box::pin(async move {
            loop {
                let (stream, peer) = self.listener.accept().await?;
                // A caller that hung up before it was tuned is no fault of the listener: take the next.
                if tune(&stream).is_ok() {
                    return Ok((Box::new(stream) as Stream, peer));
                }
            }
        })
    }

    fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

struct RealDatagrams {
    socket: UdpSocket,
    local: SocketAddr,
}

impl Datagrams for RealDatagrams {
    fn send_to<'a>(&'a self, data: &'a [u8], to: SocketAddr) -> BoxFuture<'a, io::Result<()>> {
        Box::pin(async move { self.socket.send_to(data, to).await.map(drop) })
    }

    fn recv_from<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddr)>> {
        Box::pin(self.socket.recv_from(buffer))
    }

    fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

/// Lists the addresses of interfaces that are up, in the kernel's order, loopback last.
fn interfaces() -> Vec<Interface> {
    use nix::net::if_::InterfaceFlags;
    let Ok(addresses) = nix::ifaddrs::getifaddrs() else { return Vec::new() };
    let mut found: Vec<Interface> = addresses
        .filter(|entry| entry.flags.contains(InterfaceFlags::IFF_UP))
        .filter_map(|entry| {
            let address = entry.address.as_ref().and_then(ip_of)?;
            let prefix_len = entry.netmask.as_ref().and_then(ip_of).map_or(0, ones);
            let is_loopback = entry.flags.contains(InterfaceFlags::IFF_LOOPBACK);
            Some(Interface { name: entry.interface_name, address, prefix_len, is_loopback })
        })
        .collect();
    found.sort_by_key(|interface| interface.is_loopback);
    found
}

fn ip_of(storage: &nix::sys::socket::SockaddrStorage) -> Option<IpAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(IpAddr::V4(v4.ip()));
    }
    storage.as_sockaddr_in6().map(|v6| IpAddr::V6(v6.ip()))
}

/// Counts the bits of a netmask.
fn ones(mask: IpAddr) -> u8 {
    let count = match mask {
        IpAddr::V4(mask) => mask.to_bits().count_ones(),
        IpAddr::V6(mask) => mask.to_bits().count_ones(),
    };
    u8::try_from(count).unwrap_or(128)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_byte_goes_there_and_back_and_the_port_can_be_bound_again() {
        let listener = RealNet.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let address = listener.local_addr();
        let client = async {
            let mut stream = RealNet.connect(&format!("localhost:{}", address.port()), SOON).await.unwrap();
            stream.write_all(b"x").await.unwrap();
            assert_eq!(stream.read_u8().await.unwrap(), b'x');
        };
        let server = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let byte = stream.read_u8().await.unwrap();
            stream.write_u8(byte).await.unwrap();
            // Closing first leaves the connection in TIME_WAIT on our side.
            stream.shutdown().await.unwrap();
        };
        tokio::join!(client, server);
        drop(listener);
        RealNet.bind(address).await.unwrap();
    }

    #[tokio::test]
    async fn errors_have_the_kind_callers_look_at() {
        let kind =
            |target: &'static str| async move { RealNet.connect(target, SOON).await.err().unwrap().kind() };
        assert_eq!(kind("127.0.0.1:1").await, io::ErrorKind::ConnectionRefused);
        assert_eq!(kind("127.0.0.1").await, io::ErrorKind::InvalidInput);
        assert_eq!(kind("no-such-host.invalid:80").await, io::ErrorKind::NotFound);
        let taken = RealNet.bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let error = RealNet.bind(taken.local_addr()).await.err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn loopback_comes_last() {
        let found = interfaces();
        let first_loopback = found.iter().position(|interface| interface.is_loopback);
        if let Some(at) = first_loopback {
            assert!(found[at..].iter().all(|interface| interface.is_loopback), "{found:?}");
        }
    }
}
