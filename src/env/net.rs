//! Sockets.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

/// The network as one process sees it.
pub trait Net: Send + Sync {
    /// Listens on `address`; port 0 picks a free port, the unspecified address listens on all.
    fn bind(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Listen>>>;

    /// Opens a stream to `target`, a `host:port` whose host may be a name or a literal address.
    ///
    /// # Errors
    /// `TimedOut` after `timeout` without an answer, `NotFound` for an unknown name, `ConnectionRefused` when the
    /// machine is there and nobody listens.
    fn connect(&self, target: &str, timeout: Duration) -> BoxFuture<'static, io::Result<Stream>>;

    /// Opens a datagram socket.
    fn bind_udp(&self, address: SocketAddr) -> BoxFuture<'static, io::Result<Box<dyn Datagrams>>>;

    /// Returns this machine's network interfaces, loopback last.
    fn interfaces(&self) -> Vec<Interface>;
}

/// A listening socket.
pub trait Listen: Send + Sync {
    /// Waits for the next connection.
    fn accept(&self) -> BoxFuture<'_, io::Result<(Stream, SocketAddr)>>;

    /// Returns the address listened on, its port filled in.
    fn local_addr(&self) -> SocketAddr;
}

/// A byte stream in both directions.
pub trait ReadWrite: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ReadWrite for T {}

/// An open connection.
pub type Stream = Box<dyn ReadWrite>;

/// A datagram socket.
pub trait Datagrams: Send + Sync {
    /// Sends one datagram; nothing is said about its arrival.
    fn send_to<'a>(&'a self, data: &'a [u8], to: SocketAddr) -> BoxFuture<'a, io::Result<()>>;

    /// Waits for a datagram and returns its length and sender.
    fn recv_from<'a>(&'a self, buffer: &'a mut [u8]) -> BoxFuture<'a, io::Result<(usize, SocketAddr)>>;

    /// Returns the address bound.
    fn local_addr(&self) -> SocketAddr;
}

/// One address of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, such as `eth0`.
    pub name: String,
    /// The address itself.
    pub address: IpAddr,
    /// Bits of the network part.
    pub prefix_len: u8,
    /// Whether it is the loopback interface.
    pub is_loopback: bool,
}
