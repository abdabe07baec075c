//! The machine room, on either engine.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::future::BoxFuture;
use pasture_sim::{Host, HostId, HostSpec, Room, TcpListener, TcpStream, UdpSocket};

use crate::lab::{Body, Kill, Lab, Site};

/// Two hosts of a room.
pub struct Simulated {
    room: Room,
    here: Host,
    there: HostId,
    address: IpAddr,
}

impl Simulated {
    pub async fn new(room: Room, here: Host) -> Simulated {
        let address: IpAddr = [10, 0, 0, 2].into();
        let there = room.add_host(HostSpec::new("there", address)).expect("the name is free");
        room.power_on(there).await.expect("it can be switched on");
        Simulated { room, here, there, address }
    }
}

impl Lab for Simulated {
    type Site = Host;

    fn here(&self) -> Host {
        self.here.clone()
    }

    fn there(&self) -> IpAddr {
        self.address
    }

    fn start(&self, body: Body<Host>) -> BoxFuture<'static, Kill> {
        let (room, there) = (self.room.clone(), self.there);
        Box::pin(async move {
            let process = room.start_process(there, "server", body).await.expect("the host is on");
            let kill: Kill = Box::new(move || {
                Box::pin(async move {
                    process.kill();
                })
            });
            kill
        })
    }

    fn settle(&self) -> Duration {
        Duration::from_millis(200)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn room(&self) -> Option<(Room, HostId, HostId)> {
        Some((self.room.clone(), self.here.id(), self.there))
    }
}

impl Site for Host {
    type Stream = TcpStream;
    type Listener = TcpListener;
    type Udp = UdpSocket;

    fn address(&self) -> IpAddr {
        self.addresses()[0]
    }

    async fn connect(&self, to: &str, timeout: Duration) -> io::Result<TcpStream> {
        Host::connect(self, to, timeout).await
    }

    async fn bind(&self, at: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
        self.bind_with_backlog(at, backlog).await
    }

    async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        listener.accept().await
    }

    fn bound(listener: &TcpListener) -> SocketAddr {
        listener.local_addr()
    }

    fn local(stream: &TcpStream) -> SocketAddr {
        stream.local_addr()
    }

    async fn bind_udp(&self, at: SocketAddr) -> io::Result<UdpSocket> {
        Host::bind_udp(self, at).await
    }

    fn udp_bound(socket: &UdpSocket) -> SocketAddr {
        socket.local_addr()
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
