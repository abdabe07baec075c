//! Rules of a run: processes, power, faults, teardown, and the same trace for the same seed.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use pasture_sim::{Direction, Engine, Exit, Finished, Host, HostId, HostSpec, Room, RoomConfig, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);
const ENGINES: [Engine; 2] = [Engine::Own, Engine::Turmoil];

fn address(n: u8) -> IpAddr {
    IpAddr::from([10, 20, 30, n])
}

fn config(engine: Engine) -> RoomConfig {
    RoomConfig { engine, simulated_max: Duration::from_secs(3_600), ..RoomConfig::default() }
}

fn play<T, F, Fut>(config: RoomConfig, main: F) -> Finished<T>
where
    F: FnOnce(Room, Host) -> Fut + Send + 'static,
    Fut: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    run(config, HostSpec::new("desk", address(250)), main).expect("the run finishes")
}

/// Sends back what it gets, connection by connection.
fn echo(host: Host) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let listener = host.bind("0.0.0.0:7".parse().unwrap()).await.unwrap();
        while let Ok((mut stream, _)) = listener.accept().await {
            host.spawn(
                "echo",
                Box::pin(async move {
                    let mut buffer = [0; 1024];
                    while let Ok(n) = stream.read(&mut buffer).await {
                        if n == 0 || stream.write_all(&buffer[..n]).await.is_err() {
                            break;
                        }
                    }
                }),
            );
        }
    })
}

async fn server(room: &Room, n: u8) -> HostId {
    let id = room.add_host(HostSpec::new(format!("n{n}"), address(n))).unwrap();
    room.install(id, Arc::new(echo));
    room.power_on(id).await.unwrap();
    id
}

async fn ask(host: &Host, to: &str, text: &str) -> io::Result<String> {
    let mut stream = host.connect(to, SECOND).await?;
    stream.write_all(text.as_bytes()).await?;
    let mut buffer = vec![0; text.len()];
    tokio::time::timeout(SECOND, stream.read_exact(&mut buffer)).await??;
    Ok(String::from_utf8(buffer).unwrap())
}

#[test]
fn an_echo_answers_by_name_and_address() {
    for engine in ENGINES {
        let done = play(config(engine), |room, desk| async move {
            server(&room, 1).await;
            sleep(SECOND).await;
            let by_name = ask(&desk, "n1:7", "hello").await.unwrap();
            let by_address = ask(&desk, "10.20.30.1:7", "there").await.unwrap();
            (by_name, by_address)
        });
        assert_eq!(done.value, ("hello".to_owned(), "there".to_owned()), "{engine}");
        assert!(done.events > 3, "{engine}");
    }
}

#[test]
fn lab_addresses_are_seen_on_both_sides() {
    for engine in ENGINES {
        let done = play(config(engine), |room, desk| async move {
            let id = room.add_host(HostSpec::new("n1", address(1))).unwrap();
            let (seen, mut saw) = tokio::sync::mpsc::unbounded_channel();
            room.install(
                id,
                Arc::new(move |host: Host| {
                    let seen = seen.clone();
                    Box::pin(async move {
                        let listener = host.bind("10.20.30.1:80".parse().unwrap()).await.unwrap();
                        let (stream, peer) = listener.accept().await.unwrap();
                        seen.send((listener.local_addr(), stream.local_addr(), peer.ip())).unwrap();
                    })
                }),
            );
            room.power_on(id).await.unwrap();
            sleep(SECOND).await;
            let stream = desk.connect("n1:80", SECOND).await.unwrap();
            (saw.recv().await.unwrap(), stream.peer_addr(), stream.local_addr().ip())
        });
        let server: SocketAddr = "10.20.30.1:80".parse().unwrap();
        assert_eq!(done.value, ((server, server, address(250)), server, address(250)), "{engine}");
    }
}

#[test]
fn a_machine_without_power_is_silent_and_comes_back() {
    for engine in ENGINES {
        let done = play(config(engine), |room, desk| async move {
            let n1 = server(&room, 1).await;
            sleep(SECOND).await;
            room.power_off(n1).await.unwrap();
            let off = ask(&desk, "n1:7", "x").await.unwrap_err().kind();
            let faults = room.faults();
            room.power_on(n1).await.unwrap();
            sleep(SECOND).await;
            (off, faults, ask(&desk, "n1:7", "x").await.unwrap(), room.faults())
        });
        let expected = (ErrorKind::TimedOut, vec!["n1 is powered off".to_owned()], "x".to_owned(), vec![]);
        assert_eq!(done.value, expected, "{engine}");
    }
}

#[test]
fn a_killed_process_refuses_and_can_be_started_again() {
    for engine in ENGINES {
        let done = play(config(engine), |room, desk| async move {
            let n1 = server(&room, 1).await;
            sleep(SECOND).await;
            let mut kept = desk.connect("n1:7", SECOND).await.unwrap();
            sleep(SECOND).await;
            room.kill(n1, "init").await.unwrap();
            let end = kept.read(&mut [0; 8]).await;
            sleep(SECOND).await;
            let refused = ask(&desk, "n1:7", "x").await.unwrap_err().kind();
            let faults = room.faults();
            room.start_process(n1, "init", echo).await.unwrap();
            sleep(SECOND).await;
            (end.unwrap(), refused, faults, ask(&desk, "n1:7", "x").await.is_ok(), room.faults())
        });
        let killed = vec!["init on n1 was killed".to_owned()];
        assert_eq!(done.value, (0, ErrorKind::ConnectionRefused, killed, true, vec![]), "{engine}");
    }
}

#[test]
fn a_partition_silences_and_its_heal_delivers() {
    for engine in ENGINES {
        let done = play(config(engine), |room, desk| async move {
            let n1 = server(&room, 1).await;
            sleep(SECOND).await;
            let mut kept = desk.connect("n1:7", SECOND).await.unwrap();
            room.partition(&[desk.id()], &[n1], Direction::Both).unwrap();
            let cut = ask(&desk, "n1:7", "x").await.unwrap_err().kind();
            kept.write_all(b"kept").await.unwrap();
            sleep(SECOND).await;
            room.heal(&[n1], &[desk.id()]).unwrap();
            let mut buffer = [0; 4];
            kept.read_exact(&mut buffer).await.unwrap();
            (cut, buffer, ask(&desk, "n1:7", "x").await.is_ok(), room.faults().len())
        });
        assert_eq!(done.value, (ErrorKind::TimedOut, *b"kept", true, 0), "{engine}");
    }
}

#[test]
fn a_process_outlives_its_parent_but_not_the_power() {
    for engine in ENGINES {
        let done = play(config(engine), |room, _desk| async move {
            let n1 = room.add_host(HostSpec::new("n1", address(1))).unwrap();
            let (handles, mut handle) = tokio::sync::mpsc::unbounded_channel();
            room.install(
                n1,
                Arc::new(move |host: Host| {
                    let handles = handles.clone();
                    Box::pin(async move {
                        let forever: fn(Host) -> BoxFuture<'static, ()> =
                            |_| Box::pin(std::future::pending());
                        let child = host.new_process("task", forever);
                        let brief = host.new_process("brief", |_| Box::pin(sleep(SECOND)));
                        handles.send((host.clone(), child.id(), child, brief)).unwrap();
                        std::future::pending().await
                    })
                }),
            );
            room.power_on(n1).await.unwrap();
            let (host, id, child, brief) = handle.recv().await.unwrap();
            let brief = brief.wait().await;
            room.kill(n1, "init").await.unwrap();
            let after_kill = (room.processes(n1), host.find_process(id).is_some());
            room.power_off(n1).await.unwrap();
            (brief, after_kill, room.processes(n1), child.wait().await, child.wait().await)
        });
        let (brief, after_kill, left, exit, again) = done.value;
        assert_eq!(brief, Exit::Finished, "{engine}");
        assert_eq!(after_kill, (vec!["task".to_owned()], true), "{engine}");
        assert_eq!((left.len(), exit, again), (0, Exit::Killed, Exit::Killed), "{engine}");
    }
}

#[test]
fn unsynced_data_dies_with_the_power_and_not_with_the_process() {
    for engine in ENGINES {
        let done = play(config(engine), |room, _desk| async move {
            let n1 = room.add_host(HostSpec::new("n1", address(1))).unwrap();
            room.power_on(n1).await.unwrap();
            let write: fn(Host) -> BoxFuture<'static, ()> = |host| {
                Box::pin(async move {
                    let disk = host.disk();
                    disk.make_dir("/data/deep").unwrap();
                    disk.replace("/data/deep/kept", b"one").unwrap();
                    disk.replace("/data/deep/kept", b"two").unwrap();
                    disk.append("/data/log", b"synced", true).unwrap();
                    disk.append("/data/log", b" lost", false).unwrap();
                })
            };
            let read = |(sender,): (tokio::sync::mpsc::UnboundedSender<_>,)| {
                move |host: Host| -> BoxFuture<'static, ()> {
                    Box::pin(async move {
                        let disk = host.disk();
                        let names = disk.list("/data").unwrap();
                        sender.send((names, disk.read("/data/deep/kept"), disk.read("/data/log"))).unwrap();
                    })
                }
            };
            let (sender, mut results) = tokio::sync::mpsc::unbounded_channel();
            room.start_process(n1, "write", write).await.unwrap().wait().await;
            room.start_process(n1, "read", read((sender.clone(),))).await.unwrap();
            let (_, _, cached) = results.recv().await.unwrap();
            room.power_off(n1).await.unwrap();
            room.power_on(n1).await.unwrap();
            room.start_process(n1, "read", read((sender,))).await.unwrap();
            let (names, kept, durable) = results.recv().await.unwrap();
            (cached.unwrap(), names, kept.unwrap(), durable.unwrap())
        });
        let (cached, names, kept, durable) = done.value;
        assert_eq!(cached, b"synced lost", "{engine}");
        assert_eq!(names, ["deep", "log"], "{engine}");
        assert_eq!((kept.as_slice(), durable.as_slice()), (&b"two"[..], &b"synced"[..]), "{engine}");
    }
}

/// A run with a bit of everything that both engines can do.
fn eventful(engine: Engine, seed: u64) -> Finished<u32> {
    play(RoomConfig { seed, ..config(engine) }, |room, desk| async move {
        let mut machines = Vec::new();
        for n in 1..=4 {
            machines.push(server(&room, n).await);
        }
        let mut answered = 0;
        for round in 0..20_usize {
            let machine = machines[round % 4];
            match round % 5 {
                0 => room.power_off(machine).await.unwrap(),
                1 => room.partition(&[desk.id()], &[machine], Direction::Both).unwrap(),
                2 => room.heal_all(),
                3 => {
                    for machine in &machines {
                        room.power_on(*machine).await.unwrap();
                    }
                }
                _ => {
                    // Fails when an earlier round killed it or cut its power.
                    let _ = room.kill(machine, "init").await;
                }
            }
            for n in 1..=4 {
                answered += u32::from(ask(&desk, &format!("n{n}:7"), "hello").await.is_ok());
            }
            room.note(&format!(
                "round {round} answered {answered} draw {}",
                rand::Rng::next_u32(&mut desk.rng("x"))
            ));
        }
        answered
    })
}

#[test]
fn a_seed_is_a_run_on_both_engines() {
    for engine in ENGINES {
        let first = eventful(engine, 7);
        assert_eq!(first, eventful(engine, 7), "{engine}");
        assert_ne!(first.trace_hash, eventful(engine, 8).trace_hash, "{engine}");
    }
}

/// Prints what [`a_seed_is_a_run_in_every_process`] compares; on its own it shows nothing.
#[test]
fn print_hashes() {
    for engine in ENGINES {
        println!("hash {engine} {:016x}", eventful(engine, 3).trace_hash);
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "other processes are what this is about")]
fn a_seed_is_a_run_in_every_process() {
    let hashes = || {
        let this = std::env::current_exe().unwrap();
        let output =
            std::process::Command::new(this).args(["--exact", "print_hashes", "--nocapture"]).output();
        let text = String::from_utf8(output.unwrap().stdout).unwrap();
        text.lines().filter(|line| line.contains("hash ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let first = hashes();
    assert_eq!(first.len(), 2);
    assert_eq!(first, hashes());
}
