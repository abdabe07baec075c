//! Measures what a network event costs: three echo servers and N clients that each keep a connection and ask once
//! every ten seconds, for one simulated hour. The yardstick is the same exchange over channels, without a network.
//!
//! `cargo run --release -p pasture-sim --example speed -- [sim|turmoil] [clients] [simulated seconds]`

#![expect(clippy::disallowed_methods, reason = "it measures real time, from outside the run")]

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pasture_sim::{Engine, Host, HostSpec, RoomConfig, run};
use rand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

const PAUSE: Duration = Duration::from_secs(10);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let engine: Engine =
        arguments.next().map_or(Ok(Engine::Own), |text| text.parse()).expect("sim or turmoil");
    let clients: u16 = arguments.next().map_or(1_000, |text| text.parse().expect("a number of clients"));
    let seconds: u64 = arguments.next().map_or(3_600, |text| text.parse().expect("a number of seconds"));

    let begun = Instant::now();
    let config = RoomConfig { engine, ..RoomConfig::default() };
    let desk = HostSpec::new("desk", IpAddr::from([10, 255, 0, 1]));
    let done = run(config, desk, move |room, _desk| async move {
        for n in 0..3 {
            let id = room
                .add_host(HostSpec::new(format!("server-{n}"), [10, 0, 0, n + 1].into()))
                .expect("it is new");
            room.install(id, Arc::new(|host| Box::pin(serve(host))));
            room.power_on(id).await.expect("it is off");
        }
        sleep(Duration::from_secs(1)).await;
        for n in 0..clients {
            let [high, low] = n.to_be_bytes();
            let id = room
                .add_host(HostSpec::new(format!("client-{n}"), [10, 1, high, low].into()))
                .expect("it is new");
            room.install(id, Arc::new(move |host| Box::pin(ask(host, n % 3))));
            room.power_on(id).await.expect("it is off");
        }
        sleep(Duration::from_secs(seconds)).await;
    })
    .expect("the run finishes");
    let real = begun.elapsed();
    println!(
        "{engine}: 3+{clients}, {} s simulated in {:.3} s: {:.0}x; {} events, {:.2} us each; trace {:016x}",
        done.simulated.as_secs(),
        real.as_secs_f64(),
        done.simulated.as_secs_f64() / real.as_secs_f64(),
        done.events,
        real.as_secs_f64() * 1e6 / done.events as f64,
        done.trace_hash,
    );
    println!("channels only: {:.2} us per message", channels(done.events.min(5_000_000)));
}

async fn serve(host: Host) {
    let listener = host.bind("0.0.0.0:7".parse().expect("an address")).await.expect("the port is free");
    while let Ok((mut stream, _)) = listener.accept().await {
        host.spawn(
            "echo",
            Box::pin(async move {
                let mut buffer = [0; 256];
                while let Ok(n) = stream.read(&mut buffer).await {
                    if n == 0 || stream.write_all(&buffer[..n]).await.is_err() {
                        break;
                    }
                }
            }),
        );
    }
}

async fn ask(host: Host, server: u16) {
    // Spread over the period, as heartbeats are.
    sleep(Duration::from_millis(host.rng("start").next_u64() % 10_000)).await;
    let to = format!("server-{server}:7");
    let Ok(mut stream) = host.connect(&to, Duration::from_secs(5)).await else { return };
    let mut buffer = [0; 64];
    loop {
        if stream.write_all(&[1; 64]).await.is_err() || stream.read_exact(&mut buffer).await.is_err() {
            return;
        }
        sleep(PAUSE).await;
    }
}

/// Passes `messages` between tasks of one runtime and returns the microseconds each took.
fn channels(messages: u64) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let begun = Instant::now();
    runtime.expect("a runtime").block_on(async {
        let (to, mut asked) = tokio::sync::mpsc::unbounded_channel::<Vec<u8>>();
        let (back, mut answered) = tokio::sync::mpsc::unbounded_channel();
        let echo = tokio::spawn(async move {
            while let Some(message) = asked.recv().await {
                let _ = back.send(message);
            }
        });
        for _ in 0..messages / 2 {
            let _ = to.send(vec![1; 64]);
            let _ = answered.recv().await;
        }
        drop(to);
        let _ = echo.await;
    });
    begun.elapsed().as_secs_f64() * 1e6 / messages as f64
}
