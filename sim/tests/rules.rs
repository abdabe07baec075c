//! Rules of our own engine: order, retries, drops, faults, and what ends a run that goes wrong.

use std::io::{ErrorKind, Write};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use pasture_sim::{
    Direction, FaultError, Finished, Host, HostId, HostSpec, Room, RoomConfig, RoomError, TcpStream,
    TopologyError, Trace, current, run,
};
use rand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

const SECOND: Duration = Duration::from_secs(1);

fn address(n: u8) -> IpAddr {
    IpAddr::from([10, 20, 30, n])
}

fn config() -> RoomConfig {
    RoomConfig { simulated_max: Duration::from_secs(7_200), ..RoomConfig::default() }
}

fn attempt<T, F, Fut>(config: RoomConfig, main: F) -> Result<Finished<T>, RoomError>
where
    F: FnOnce(Room, Host) -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    run(config, HostSpec::new("desk", address(250)), main)
}

fn play<T, F, Fut>(main: F) -> T
where
    F: FnOnce(Room, Host) -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    attempt(config(), main).expect("the run finishes").value
}

async fn machine(room: &Room, n: u8) -> HostId {
    let id = room.add_host(HostSpec::new(format!("n{n}"), address(n))).unwrap();
    room.power_on(id).await.unwrap();
    id
}

/// Accepts on port 80 for ever and reports every stream with the time of each chunk read.
fn sink(
    chunks: mpsc::UnboundedSender<(usize, Instant)>,
) -> impl Fn(Host) -> BoxFuture<'static, ()> + Clone + Send + Sync {
    move |host| {
        let chunks = chunks.clone();
        Box::pin(async move {
            let listener = host.bind("0.0.0.0:80".parse().unwrap()).await.unwrap();
            while let Ok((mut stream, _)) = listener.accept().await {
                let chunks = chunks.clone();
                host.spawn(
                    "sink",
                    Box::pin(async move {
                        let mut buffer = vec![0; 64 << 10];
                        while let Ok(n) = stream.read(&mut buffer).await {
                            let _ = chunks.send((n, Instant::now()));
                            if n == 0 {
                                break;
                            }
                        }
                    }),
                );
            }
        })
    }
}

/// A busy minute with faults, returning the trace.
fn busy(seed: u64) -> (Finished<()>, Vec<u8>) {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl Write for Lines {
        fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(data);
            Ok(data.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let config = RoomConfig { seed, trace: Trace::Full(Box::new(lines.clone())), ..config() };
    let done = attempt(config, |room, desk| async move {
        let (chunks, mut arrivals) = mpsc::unbounded_channel();
        let mut machines = Vec::new();
        for n in 1..=5 {
            let id = machine(&room, n).await;
            room.install(
                id,
                Arc::new({
                    let sink = sink(chunks.clone());
                    move |host| sink(host)
                }),
            );
            room.power_off(id).await.unwrap();
            room.power_on(id).await.unwrap();
            machines.push(id);
        }
        let mut rng = desk.rng("load");
        room.loss(desk.id(), machines[0], 0.2).unwrap();
        for round in 0..60 {
            let victim = machines[(rng.next_u32() % 5) as usize];
            match round % 6 {
                0 => room.power_off(victim).await.unwrap(),
                1 => room.partition(&[desk.id()], &[victim], Direction::OneWay).unwrap(),
                2 => room.heal(&[desk.id()], &[victim]).unwrap(),
                3 => room.freeze(victim).unwrap(),
                4 => room.heal_all(),
                _ => {
                    for id in &machines {
                        room.power_on(*id).await.unwrap();
                    }
                }
            }
            let to = format!("n{}:80", 1 + rng.next_u32() % 5);
            if let Ok(mut stream) = desk.connect(&to, SECOND).await {
                let size = (rng.next_u32() % 100_000) as usize;
                let _ = timeout(SECOND, stream.write_all(&vec![3; size])).await;
            }
            room.note(&format!("round {round}"));
        }
        while arrivals.try_recv().is_ok() {}
    });
    let text = lines.0.lock().unwrap().clone();
    (done.expect("the run finishes"), text)
}

#[test]
fn a_seed_is_a_run() {
    for seed in 1..=5 {
        let (first, first_lines) = busy(seed);
        let (second, second_lines) = busy(seed);
        assert_eq!(first_lines, second_lines);
        assert_eq!(first, second);
        assert_eq!(first_lines.iter().filter(|byte| **byte == b'\n').count() as u64, first.events);
    }
    let (one, one_lines) = busy(1);
    let (other, other_lines) = busy(2);
    assert_ne!(one.trace_hash, other.trace_hash);
    assert_ne!(one_lines, other_lines);
}

#[test]
fn the_hash_needs_no_reader() {
    let hash = |trace| {
        let config = RoomConfig { trace, ..config() };
        attempt(config, |room, _desk| async move { room.note("here") }).unwrap().trace_hash
    };
    assert_eq!(hash(Trace::Hash), hash(Trace::Full(Box::new(std::io::sink()))));
}

#[test]
fn random_streams_differ_by_purpose_host_and_life() {
    let draws = play(|room, desk| async move {
        let n1 = machine(&room, 1).await;
        let (sender, mut drawn) = mpsc::unbounded_channel();
        let mut draws = vec![desk.rng("a").next_u64(), desk.rng("b").next_u64()];
        for _ in 0..2 {
            let sender = sender.clone();
            let life = room.start_process(n1, "init", move |host| {
                Box::pin(async move {
                    sender.send(host.rng("a").next_u64()).unwrap();
                })
            });
            life.await.unwrap().wait().await;
            draws.push(drawn.recv().await.unwrap());
        }
        assert_eq!(desk.rng("a").next_u64(), draws[0]);
        draws
    });
    let mut unique = draws.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), draws.len());
}

#[test]
fn a_stall_a_spin_and_a_panic_end_the_run_with_a_reason() {
    let stalled = attempt(config(), |_, _| std::future::pending::<()>());
    assert!(matches!(stalled, Err(RoomError::Stalled(_))), "{stalled:?}");

    let long = RoomConfig { simulated_max: Duration::from_secs(60), ..config() };
    let long = attempt(long, |_, _| async {
        loop {
            sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(matches!(long.map(|_: Finished<()>| ()), Err(RoomError::TooLong(_))));

    let spinning = RoomConfig { polls_per_instant_max: 10_000, ..config() };
    let spinning = attempt(spinning, |_, desk| async move {
        desk.spawn(
            "spinner",
            Box::pin(async {
                loop {
                    tokio::task::yield_now().await;
                }
            }),
        );
        sleep(SECOND).await;
    });
    assert!(matches!(spinning, Err(RoomError::Spinning { task: "spinner", .. })), "{spinning:?}");

    let panicked = attempt(config(), |_, desk| async move {
        desk.spawn("fragile", Box::pin(async { panic!("as planned") }));
        sleep(SECOND).await;
    });
    let text = panicked.unwrap_err().to_string();
    assert_eq!(text, "task `fragile` on desk panicked: as planned");
}

#[test]
fn bad_topology_is_refused() {
    play(|room, desk| async move {
        let add = |name: &str, n: u8| room.add_host(HostSpec::new(name, address(n)));
        assert_eq!(add("desk", 1), Err(TopologyError::NameTaken("desk".to_owned())));
        assert_eq!(add("x", 250), Err(TopologyError::AddressTaken(address(250))));
        assert_eq!(add("a:1", 1), Err(TopologyError::BadName("a:1".to_owned())));
        assert_eq!(room.power_off(desk.id()).await, Err(FaultError::Workstation));
        let n1 = machine(&room, 1).await;
        room.remove_host(n1).unwrap();
        assert_eq!(room.power_on(n1).await, Err(FaultError::NoSuchHost(n1)));
        let again = machine(&room, 1).await;
        assert_ne!(again, n1);
        assert!(room.loss(desk.id(), again, 1.0).is_err());
        assert!(room.rate(desk.id(), again, 0).is_err());
    });
}

#[test]
fn a_stream_keeps_its_order_under_loss_and_no_byte_is_lost() {
    play(|room, desk| async move {
        let n1 = machine(&room, 1).await;
        let (report, mut reported) = mpsc::unbounded_channel();
        room.start_process(n1, "server", move |host| {
            Box::pin(async move {
                let listener = host.bind("0.0.0.0:80".parse().unwrap()).await.unwrap();
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut all = Vec::new();
                stream.read_to_end(&mut all).await.unwrap();
                report.send(all).unwrap();
            })
        })
        .await
        .unwrap();
        room.loss(desk.id(), n1, 0.3).unwrap();
        let mut stream = desk.connect("n1:80", 60 * SECOND).await.unwrap();
        let begun = Instant::now();
        let mut sent = Vec::new();
        for n in 0..500_u32 {
            stream.write_all(&n.to_be_bytes()).await.unwrap();
            sent.extend_from_slice(&n.to_be_bytes());
            sleep(Duration::from_millis(1)).await;
        }
        drop(stream);
        assert_eq!(reported.recv().await.unwrap(), sent);
        assert!(begun.elapsed() > Duration::from_millis(600), "loss takes time");
        assert_eq!(room.faults().len(), 2);
        room.heal_all();
        assert_eq!(room.faults(), Vec::<String>::new());
    });
}

#[test]
fn latency_and_rate_are_what_they_are_set_to() {
    play(|room, desk| async move {
        let n1 = machine(&room, 1).await;
        let (chunks, mut arrivals) = mpsc::unbounded_channel();
        room.start_process(n1, "sink", sink(chunks)).await.unwrap();
        let half = Duration::from_millis(500);
        room.latency(desk.id(), n1, half..=half).unwrap();
        sleep(SECOND).await;
        let begun = Instant::now();
        let mut stream = desk.connect("n1:80", 5 * SECOND).await.unwrap();
        assert_eq!(begun.elapsed(), SECOND);
        room.latency(desk.id(), n1, None).unwrap();
        room.rate(desk.id(), n1, 10_000).unwrap();
        let begun = Instant::now();
        stream.write_all(&[1; 50_000]).await.unwrap();
        let mut total = 0;
        let mut last = begun;
        while total < 50_000 {
            let (n, at) = arrivals.recv().await.unwrap();
            total += n;
            last = at;
        }
        let took = last - begun;
        assert!(took >= 5 * SECOND && took < 5 * SECOND + Duration::from_millis(10), "{took:?}");
    });
}

#[test]
fn a_cut_one_way_lets_the_other_way_through() {
    play(|room, desk| async move {
        let n1 = machine(&room, 1).await;
        let (received, mut receiving) = mpsc::unbounded_channel();
        room.start_process(n1, "server", move |host| {
            Box::pin(async move {
                let listener = host.bind("0.0.0.0:80".parse().unwrap()).await.unwrap();
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut buffer = [0; 4];
                while stream.read_exact(&mut buffer).await.is_ok() {
                    received.send(Instant::now()).unwrap();
                    stream.write_all(&buffer).await.unwrap();
                }
            })
        })
        .await
        .unwrap();
        let mut stream = desk.connect("n1:80", SECOND).await.unwrap();
        room.partition(&[n1], &[desk.id()], Direction::OneWay).unwrap();
        assert_eq!(room.faults(), ["n1 to desk is cut"]);
        stream.write_all(b"ping").await.unwrap();
        receiving.recv().await.unwrap();
        let mut buffer = [0; 4];
        assert!(timeout(SECOND, stream.read_exact(&mut buffer)).await.is_err());
        room.heal(&[desk.id()], &[n1]).unwrap();
        timeout(5 * SECOND, stream.read_exact(&mut buffer)).await.unwrap().unwrap();
        assert_eq!(&buffer, b"ping");
    });
}

#[test]
fn a_paused_process_and_a_frozen_machine_go_on_where_they_stopped() {
    play(|room, desk| async move {
        let n1 = machine(&room, 1).await;
        let (ticks, mut ticking) = mpsc::unbounded_channel();
        let (chunks, mut arrivals) = mpsc::unbounded_channel();
        room.start_process(n1, "sink", sink(chunks)).await.unwrap();
        room.start_process(n1, "clock", move |_| {
            Box::pin(async move {
                loop {
                    sleep(SECOND).await;
                    ticks.send(()).unwrap();
                }
            })
        })
        .await
        .unwrap();
        let mut count = || {
            let mut n = 0;
            while ticking.try_recv().is_ok() {
                n += 1;
            }
            n
        };
        sleep(SECOND / 2).await;
        room.pause(n1, "clock").unwrap();
        sleep(10 * SECOND).await;
        assert_eq!(count(), 0);
        room.resume(n1, "clock").unwrap();
        sleep(SECOND / 2).await;
        // The timer that came due is noticed once, as by a real sleeper.
        assert_eq!(count(), 1);
        let mut stream = desk.connect("n1:80", SECOND).await.unwrap();
        room.freeze(n1).unwrap();
        stream.write_all(b"x").await.unwrap();
        assert_eq!(
            desk.connect("n1:80", SECOND).await.err().map(|error| error.kind()),
            Some(ErrorKind::TimedOut)
        );
        sleep(5 * SECOND).await;
        assert_eq!(count(), 0);
        assert!(arrivals.try_recv().is_err());
        assert_eq!(room.faults(), ["n1 is frozen"]);
        room.thaw(n1).unwrap();
        sleep(10 * SECOND).await;
        assert!(count() > 5);
        assert_eq!(arrivals.recv().await.unwrap().0, 1);
    });
}

#[test]
fn a_slow_machine_takes_longer_and_recovers() {
    play(|room, desk| async move {
        let n1 = machine(&room, 1).await;
        room.start_process(n1, "echo", |host| {
            Box::pin(async move {
                let listener = host.bind("0.0.0.0:80".parse().unwrap()).await.unwrap();
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut buffer = [0; 1];
                while stream.read_exact(&mut buffer).await.is_ok() {
                    stream.write_all(&buffer).await.unwrap();
                }
            })
        })
        .await
        .unwrap();
        let mut stream = desk.connect("n1:80", SECOND).await.unwrap();
        let mut buffer = [0; 1];
        let mut once = async |stream: &mut TcpStream| {
            let begun = Instant::now();
            stream.write_all(b"x").await.unwrap();
            stream.read_exact(&mut buffer).await.unwrap();
            begun.elapsed()
        };
        once(&mut stream).await;
        let normal = once(&mut stream).await;
        room.slow(n1, 101).unwrap();
        let slow = once(&mut stream).await;
        room.slow(n1, 1).unwrap();
        let after = once(&mut stream).await;
        assert_eq!((slow - normal, after), (Duration::from_millis(100), normal));
    });
}

#[test]
fn a_disk_is_full_fails_and_is_slow_when_told_to() {
    play(|room, _desk| async move {
        let n1 = machine(&room, 1).await;
        let (hosts, mut host) = mpsc::unbounded_channel();
        room.start_process(n1, "writer", move |host| {
            Box::pin(async move {
                hosts.send(host).unwrap();
                std::future::pending().await
            })
        })
        .await
        .unwrap();
        let host = host.recv().await.unwrap();
        let disk = host.disk();
        disk.replace("/a", b"1").unwrap();
        room.disk_full(n1, true).unwrap();
        assert_eq!(disk.replace("/a", b"2").unwrap_err().kind(), ErrorKind::StorageFull);
        assert_eq!(disk.read("/a").unwrap(), b"1");
        assert_eq!(disk.space().unwrap().free_bytes, 0);
        room.disk_full(n1, false).unwrap();
        room.disk_errors(n1, 1.0).unwrap();
        assert_eq!(disk.read("/a").unwrap_err().raw_os_error(), Some(5));
        room.heal_all();
        room.disk_delay(n1, Duration::from_millis(20)).unwrap();
        let begun = Instant::now();
        host.blocking(|| disk.replace("/a", b"3")).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::from_millis(20));
        room.disk_delay(n1, Duration::ZERO).unwrap();
        assert_eq!(disk.read("relative").unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(disk.read("/nothing").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(disk.list("/nothing").unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(disk.read("/").unwrap_err().kind(), ErrorKind::IsADirectory);
        disk.remove("/a").unwrap();
        disk.remove("/a").unwrap();
        disk.make_dir("/x/y").unwrap();
        disk.replace("/x/y/z", b"deep").unwrap();
        disk.remove_dir_all("/x").unwrap();
        assert!(disk.list("/").unwrap().is_empty());
        assert_eq!(room.faults(), Vec::<String>::new());
    });
}

#[test]
fn a_positional_file_reads_back_and_survives_only_what_was_synced() {
    play(|room, _desk| async move {
        let n1 = machine(&room, 1).await;
        let (files, mut file) = mpsc::unbounded_channel();
        room.start_process(n1, "db", move |host| {
            Box::pin(async move {
                let file = host.disk().open("/db").unwrap();
                file.set_len(100).unwrap();
                file.write_at(10, b"synced").unwrap();
                file.sync().unwrap();
                file.write_at(50, b"pending").unwrap();
                files.send((host.clone(), file)).unwrap();
                std::future::pending().await
            })
        })
        .await
        .unwrap();
        let (host, file) = file.recv().await.unwrap();
        let mut buffer = [0; 7];
        file.read_at(50, &mut buffer).unwrap();
        assert_eq!(&buffer, b"pending");
        assert_eq!(file.read_at(99, &mut buffer).unwrap_err().kind(), ErrorKind::UnexpectedEof);
        room.power_off(n1).await.unwrap();
        assert!(file.write_at(0, b"ghost").is_err(), "a dead process writes nothing");
        assert!(host.disk().read("/db").is_err());
        drop(file);
        room.power_on(n1).await.unwrap();
        let (report, mut reported) = mpsc::unbounded_channel();
        room.start_process(n1, "db", move |host| {
            Box::pin(async move {
                let file = host.disk().open("/db").unwrap();
                let mut synced = [0; 6];
                file.read_at(10, &mut synced).unwrap();
                let mut ghost = [0; 5];
                file.read_at(0, &mut ghost).unwrap();
                report.send((file.length().unwrap(), synced, ghost)).unwrap();
            })
        })
        .await
        .unwrap();
        assert_eq!(reported.recv().await.unwrap(), (100, *b"synced", [0; 5]));
    });
}

#[test]
fn a_clock_can_be_wrong_while_durations_are_right() {
    play(|room, desk| async move {
        let start = desk.wall_unix_ms();
        assert_eq!(start, RoomConfig::default().epoch_unix_ms);
        room.clock_step(desk.id(), -5_000).unwrap();
        let begun = Instant::now();
        sleep(SECOND).await;
        assert_eq!(begun.elapsed(), SECOND);
        assert_eq!(desk.wall_unix_ms(), start - 4_000);
        assert_eq!(room.faults(), ["the clock of desk is -5000 ms off"]);
        room.clock_step(desk.id(), 0).unwrap();
        assert_eq!(desk.wall_unix_nanos(), (start + 1_000) * 1_000_000);
    });
}

#[test]
fn tasks_are_dropped_in_order_as_tasks_of_their_host() {
    struct Witness(u32, mpsc::UnboundedSender<(u32, Option<HostId>)>);
    impl Drop for Witness {
        fn drop(&mut self) {
            let _ = self.1.send((self.0, current().map(|(host, _)| host)));
        }
    }
    play(|room, _desk| async move {
        let n1 = machine(&room, 1).await;
        let (sender, mut dropped) = mpsc::unbounded_channel();
        room.start_process(n1, "many", move |host| {
            Box::pin(async move {
                for n in 1..=5 {
                    let witness = Witness(n, sender.clone());
                    host.spawn(
                        "witness",
                        Box::pin(async move {
                            let _witness = witness;
                            std::future::pending::<()>().await;
                        }),
                    );
                }
                let _witness = Witness(0, sender);
                std::future::pending::<()>().await;
            })
        })
        .await
        .unwrap();
        sleep(SECOND).await;
        room.kill(n1, "many").await.unwrap();
        for n in 0..=5 {
            assert_eq!(dropped.recv().await.unwrap(), (n, Some(n1)));
        }
    });
}

#[test]
fn a_task_can_be_aborted_from_outside_and_from_inside() {
    play(|_room, desk| async move {
        let task = desk.spawn("waits", Box::pin(std::future::pending()));
        assert!(!task.is_finished());
        task.abort();
        assert!(task.is_finished());
        let (handles, handle) = tokio::sync::oneshot::channel::<pasture_sim::TaskHandle>();
        let (after, mut reached) = mpsc::unbounded_channel();
        let suicide = desk.spawn(
            "suicide",
            Box::pin(async move {
                handle.await.unwrap().abort();
                after.send("before the next await").unwrap();
                tokio::task::yield_now().await;
                after.send("after it").unwrap();
            }),
        );
        let _ = handles.send(suicide.clone());
        assert_eq!(reached.recv().await, Some("before the next await"));
        assert_eq!(reached.recv().await, None);
        assert!(suicide.is_finished());
    });
}

#[test]
fn a_stream_that_outlives_its_process_is_closed_by_the_kernel() {
    play(|room, desk| async move {
        let n1 = machine(&room, 1).await;
        let (streams, mut stolen) = mpsc::unbounded_channel();
        room.start_process(n1, "server", move |host| {
            Box::pin(async move {
                let listener = host.bind("0.0.0.0:80".parse().unwrap()).await.unwrap();
                let (stream, _) = listener.accept().await.unwrap();
                streams.send(stream).unwrap();
                std::future::pending().await
            })
        })
        .await
        .unwrap();
        let mut stream = desk.connect("n1:80", SECOND).await.unwrap();
        let mut stolen = stolen.recv().await.unwrap();
        room.kill(n1, "server").await.unwrap();
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(stolen.write_all(b"x").await.is_err());
        assert!(stolen.read(&mut [0; 8]).await.is_err());
        drop(stolen);
        drop(stream);
        sleep(SECOND).await;
        assert_eq!(room.sockets(n1).connections, 0);
        assert_eq!(room.sockets(desk.id()).connections, 0);
    });
}

#[test]
fn a_socket_dropped_under_another_host_acts_for_its_own() {
    play(|room, desk| async move {
        let n1 = machine(&room, 1).await;
        let (streams, mut streaming) = mpsc::unbounded_channel::<TcpStream>();
        room.start_process(n1, "server", |host| {
            Box::pin(async move {
                let listener = host.bind("0.0.0.0:80".parse().unwrap()).await.unwrap();
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    host.spawn(
                        "hold",
                        Box::pin(async move {
                            let mut stream = stream;
                            let _ = stream.read(&mut [0; 8]).await;
                        }),
                    );
                }
            })
        })
        .await
        .unwrap();
        room.start_process(n1, "thief", move |_| {
            Box::pin(async move { while streaming.recv().await.is_some() {} })
        })
        .await
        .unwrap();
        let stream = desk.connect("n1:80", SECOND).await.unwrap();
        streams.send(stream).unwrap();
        sleep(SECOND).await;
        assert_eq!(room.sockets(n1).connections, 0);
        assert_eq!(room.sockets(n1).listeners, 1);
        assert!(desk.connect("n1:80", SECOND).await.is_ok());
    });
}

#[test]
fn a_new_machine_with_an_old_address_resets_old_streams() {
    play(|room, desk| async move {
        let (chunks, _arrivals) = mpsc::unbounded_channel();
        let n1 = machine(&room, 1).await;
        room.start_process(n1, "sink", sink(chunks.clone())).await.unwrap();
        let mut stream = desk.connect("n1:80", SECOND).await.unwrap();
        room.remove_host(n1).unwrap();
        sleep(SECOND).await;
        let again = machine(&room, 1).await;
        room.start_process(again, "sink", sink(chunks)).await.unwrap();
        stream.write_all(b"who is there").await.unwrap();
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
        assert!(desk.connect("n1:80", SECOND).await.is_ok());
    });
}

#[test]
fn a_datagram_vanishes_in_a_cut_and_without_power() {
    play(|room, desk| async move {
        let n1 = machine(&room, 1).await;
        let (arrived, mut arrivals) = mpsc::unbounded_channel();
        let serve = move |host: Host| -> BoxFuture<'static, ()> {
            let arrived = arrived.clone();
            Box::pin(async move {
                let socket = host.bind_udp("0.0.0.0:53".parse().unwrap()).await.unwrap();
                let mut buffer = [0; 8];
                while let Ok((n, _)) = socket.recv_from(&mut buffer).await {
                    arrived.send(buffer[..n].to_vec()).unwrap();
                }
            })
        };
        room.start_process(n1, "dns", serve.clone()).await.unwrap();
        let to: SocketAddr = "10.20.30.1:53".parse().unwrap();
        let socket = desk.bind_udp("0.0.0.0:0".parse().unwrap()).await.unwrap();
        room.partition(&[desk.id()], &[n1], Direction::Both).unwrap();
        socket.send_to(b"cut", to).await.unwrap();
        sleep(SECOND).await;
        room.heal_all();
        room.power_off(n1).await.unwrap();
        socket.send_to(b"off", to).await.unwrap();
        sleep(SECOND).await;
        room.power_on(n1).await.unwrap();
        room.start_process(n1, "dns", serve).await.unwrap();
        sleep(SECOND).await;
        socket.send_to(b"there", to).await.unwrap();
        assert_eq!(arrivals.recv().await.unwrap(), b"there");
        assert_eq!(room.held_packets(), 0);
    });
}
