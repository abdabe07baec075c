//! Real sockets on loopback addresses: what all is compared with.

#![expect(clippy::disallowed_methods, reason = "the real machine is the yardstick here")]

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use pasture_sim::{HostId, Room};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};

use crate::lab::{Body, Kill, Lab, Site};

/// Two loopback addresses of this machine.
pub struct Real {
    here: RealSite,
    there: RealSite,
}

#[derive(Clone, Copy)]
pub struct RealSite(IpAddr);

impl Real {
    /// Returns a pair of addresses that no other check of this process uses.
    pub fn new() -> Real {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        Real { here: RealSite([127, 77, n, 1].into()), there: RealSite([127, 77, n, 2].into()) }
    }
}

impl Lab for Real {
    type Site = RealSite;

    fn here(&self) -> RealSite {
        self.here
    }

    fn there(&self) -> IpAddr {
        self.there.0
    }

    fn start(&self, body: Body<RealSite>) -> BoxFuture<'static, Kill> {
        let process = tokio::spawn(body(self.there));
        let kill: Kill = Box::new(move || {
            Box::pin(async move {
                process.abort();
                // Its sockets are closed when the task is gone.
                let _ = process.await;
            })
        });
        Box::pin(async move { kill })
    }

    fn settle(&self) -> Duration {
        Duration::from_millis(60)
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(2_500)
    }

    fn room(&self) -> Option<(Room, HostId, HostId)> {
        None
    }
}

fn reusing(at: IpAddr) -> io::Result<TcpSocket> {
    let socket = if at.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    Ok(socket)
}

impl Site for RealSite {
    type Stream = TcpStream;
    type Listener = TcpListener;
    type Udp = UdpSocket;

    fn address(&self) -> IpAddr {
        self.0
    }

    async fn connect(&self, to: &str, timeout: Duration) -> io::Result<TcpStream> {
        let to: SocketAddr = to.parse().map_err(|_| ErrorKind::InvalidInput)?;
        let connecting = async {
            let socket = reusing(to.ip())?;
            socket.bind(SocketAddr::new(self.0, 0))?;
            socket.connect(to).await
        };
        tokio::time::timeout(timeout, connecting).await?
    }

    async fn bind(&self, at: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
        let socket = reusing(at.ip())?;
        socket.bind(at)?;
        socket.listen(backlog)
    }

    async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        listener.accept().await
    }

    fn bound(listener: &TcpListener) -> SocketAddr {
        listener.local_addr().expect("a bound socket has an address")
    }

    fn local(stream: &TcpStream) -> SocketAddr {
        stream.local_addr().expect("a connected socket has an address")
    }

    async fn bind_udp(&self, at: SocketAddr) -> io::Result<UdpSocket> {
        UdpSocket::bind(at).await
    }

    fn udp_bound(socket: &UdpSocket) -> SocketAddr {
        socket.local_addr().expect("a bound socket has an address")
    }

    async fn udp_connect(socket: &UdpSocket, to: SocketAddr) -> io::Result<()> {
        socket.connect(to).await
    }

    async fn udp_send(socket: &UdpSocket, data: &[u8], to: Option<SocketAddr>) -> io::Result<usize> {
        match to {
            Some(to) => socket.send_to(data, to).await,
            None => socket.send(data).await,
        }
    }

    async fn udp_recv(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        socket.recv_from(buffer).await
    }
}
