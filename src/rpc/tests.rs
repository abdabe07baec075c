//! Calls between two machines, with what goes wrong between them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::messages::Message;
use super::testing::{Machine, Network};
use super::{Client, RpcError, Service, decode, encode, serve};
use crate::env::TaskHandle;

const ADDRESS: &str = "10.0.0.1:4647";
const SECOND: Duration = Duration::from_secs(1);

/// Answers with its text after a while.
#[derive(Serialize, Deserialize)]
struct Echo {
    text: String,
    after_ms: u64,
}
impl Message for Echo {
    const METHOD: &'static str = "Echo";
    type Reply = String;
}

/// Nobody answers this.
#[derive(Serialize, Deserialize)]
struct Unheard {}
impl Message for Unheard {
    const METHOD: &'static str = "Unheard";
    type Reply = ();
}

#[derive(Default)]
struct EchoService {
    running: Arc<AtomicUsize>,
}

impl Service for EchoService {
    fn call(
        &self,
        method: String,
        body: Bytes,
        _peer: SocketAddr,
    ) -> BoxFuture<'static, Result<Vec<u8>, RpcError>> {
        struct Running(Arc<AtomicUsize>);
        impl Drop for Running {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.running.fetch_add(1, Ordering::Relaxed);
        let running = Running(self.running.clone());
        Box::pin(async move {
            let _running = running;
            if method != Echo::METHOD {
                return Err(RpcError::UnknownMethod(method));
            }
            let echo: Echo = decode(&body)?;
            tokio::time::sleep(Duration::from_millis(echo.after_ms)).await;
            encode(&echo.text)
        })
    }
}

struct World {
    network: Network,
    server: Machine,
    other: Machine,
    client: Client,
    running: Arc<AtomicUsize>,
    serving: TaskHandle,
}

impl World {
    async fn new() -> Self {
        let network = Network::new();
        let (server, other) = (Machine::new(&network, 1), Machine::new(&network, 2));
        let client = Client::new(other.env());
        let (running, serving) = Self::serve(&server).await;
        Self { network, server, other, client, running, serving }
    }

    async fn serve(server: &Machine) -> (Arc<AtomicUsize>, TaskHandle) {
        let env = server.env();
        let listener = env.net.bind(ADDRESS.parse().unwrap()).await.unwrap();
        let service = EchoService::default();
        let running = service.running.clone();
        (running, env.spawn("rpc", serve(env.clone(), listener, Arc::new(service))))
    }

    async fn echo(&self, text: &str, after_ms: u64, timeout: Duration) -> Result<String, RpcError> {
        self.client.call(ADDRESS, &Echo { text: text.to_owned(), after_ms }, timeout).await
    }
}

#[tokio::test(start_paused = true)]
async fn answers_come_in_the_order_in_which_they_get_done() {
    let world = World::new().await;
    let calls = (0..200u64).map(|n| {
        let world = &world;
        async move { world.echo(&n.to_string(), 200 - n, SECOND).await.unwrap() }
    });
    let answers = join_all(calls).await;
    assert_eq!(answers, (0..200).map(|n| n.to_string()).collect::<Vec<_>>());
    let slow = world.echo("slow", 900, SECOND);
    let fast = async {
        world.echo("fast", 0, SECOND).await.unwrap();
        tokio::time::Instant::now()
    };
    let start = tokio::time::Instant::now();
    let (slow, fast) = tokio::join!(slow, fast);
    assert_eq!(slow.unwrap(), "slow");
    assert!(fast - start < Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn large_messages_pass_and_too_large_ones_are_refused() {
    let world = World::new().await;
    let text = "x".repeat(3 << 20);
    assert_eq!(world.echo(&text, 0, SECOND).await.unwrap(), text);
    let text = "x".repeat(super::FRAME_BYTES_MAX);
    assert!(matches!(world.echo(&text, 0, SECOND).await, Err(RpcError::TooLarge { .. })));
    assert_eq!(world.echo("still there", 0, SECOND).await.unwrap(), "still there");
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_service_come_back() {
    let world = World::new().await;
    let unheard = world.client.call(ADDRESS, &Unheard {}, SECOND).await;
    assert_eq!(unheard, Err(RpcError::UnknownMethod("Unheard".to_owned())));
    let nobody = world.client.call("10.0.0.9:1", &Unheard {}, SECOND).await;
    assert!(matches!(nobody, Err(RpcError::Unreachable(_))), "{nobody:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_is_given_up_on_both_sides_and_costs_no_other() {
    let world = World::new().await;
    let long = world.echo("long", 5_000, 3 * SECOND);
    let short = world.echo("short", 5_000, SECOND);
    let (long, short, ()) = tokio::join!(long, short, async {
        // Something arrives all the time, so the connection is not what is at fault.
        for _ in 0..8 {
            tokio::time::sleep(SECOND / 3).await;
            assert_eq!(world.echo("between", 0, SECOND).await.unwrap(), "between");
        }
    });
    assert_eq!((long, short), (Err(RpcError::TimedOut), Err(RpcError::TimedOut)));
    tokio::time::sleep(SECOND).await;
    assert_eq!(world.running.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_made_anew() {
    let world = World::new().await;
    world.echo("first", 0, SECOND).await.unwrap();
    world.network.cut(&world.server);
    let start = tokio::time::Instant::now();
    assert_eq!(world.echo("cut", 0, SECOND).await, Err(RpcError::TimedOut));
    let unreachable = world.echo("cut", 0, 10 * SECOND).await;
    assert!(matches!(unreachable, Err(RpcError::Unreachable(_))), "{unreachable:?}");
    assert!(start.elapsed() < 5 * SECOND, "a connect has a bound of its own");
    world.network.heal(&world.server);
    assert_eq!(world.echo("healed", 0, SECOND).await.unwrap(), "healed");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_ends_calls_at_once_and_may_come_back() {
    let world = World::new().await;
    let start = tokio::time::Instant::now();
    let (lost, ()) = tokio::join!(world.echo("lost", 60_000, 600 * SECOND), async {
        tokio::time::sleep(SECOND).await;
        world.server.kill();
    });
    assert!(matches!(lost, Err(RpcError::Io(_))), "{lost:?}");
    assert!(start.elapsed() < 2 * SECOND);
    assert_eq!(world.running.load(Ordering::Relaxed), 0, "what it was doing has ended with it");
    World::serve(&world.server).await;
    assert_eq!(world.echo("back", 0, SECOND).await.unwrap(), "back");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_serving_ends_connections() {
    let world = World::new().await;
    let (lost, ()) = tokio::join!(world.echo("lost", 60_000, 600 * SECOND), async {
        tokio::time::sleep(SECOND).await;
        world.serving.abort();
    });
    assert!(matches!(lost, Err(RpcError::Io(_))), "{lost:?}");
}

#[tokio::test(start_paused = true)]
async fn strangers_are_told_off_and_block_nobody() {
    let world = World::new().await;
    let net = world.other.env().net;
    let mut half = net.connect(ADDRESS, SECOND).await.unwrap();
    half.write_all(&[0, 0, 1, 0, 7, 7]).await.unwrap();
    let mut http = net.connect(ADDRESS, SECOND).await.unwrap();
    http.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    http.read_to_end(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer).contains("TooLarge"), "{answer:?}");
    let mut nonsense = net.connect(ADDRESS, SECOND).await.unwrap();
    nonsense.write_all(&[0, 0, 0, 3, 1, 2, 3]).await.unwrap();
    answer.clear();
    nonsense.read_to_end(&mut answer).await.unwrap();
    assert!(String::from_utf8_lossy(&answer).contains("cannot be read"), "{answer:?}");
    assert_eq!(world.echo("fine", 0, SECOND).await.unwrap(), "fine");
    answer.clear();
    let start = tokio::time::Instant::now();
    half.read_to_end(&mut answer).await.unwrap();
    assert!(start.elapsed() <= Duration::from_secs(600), "half a frame is not waited for for ever");
}

#[tokio::test(start_paused = true)]
async fn callers_that_gave_up_are_forgotten() {
    let world = World::new().await;
    for _ in 0..300 {
        let given_up =
            tokio::join!(world.echo("given up", 5, Duration::from_millis(2)), world.echo("kept", 1, SECOND));
        assert_eq!(given_up, (Err(RpcError::TimedOut), Ok("kept".to_owned())));
    }
    assert_eq!(world.echo("last", 0, SECOND).await.unwrap(), "last");
}
