//! Behaviours that take a second machine: power, cuts, and what TCP tries again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use pasture_sim::{Direction, Engine, HostId, Room};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use crate::Check;
use crate::lab::{Facts, Lab, Site, connected, drain, kind, patient, read, serve, settle, write};

const NAMESPACES: Option<&str> = Some("needs namespaces");

pub fn all<L: Lab>() -> Vec<Check<L>> {
    let check = |number, name, body| Check { number, name, not_on_loopback: NAMESPACES, body };
    vec![
        check(3, "silence", silence),
        check(5, "sigstop", sigstop),
        check(7, "syn_into_a_cut", syn_into_a_cut),
        check(8, "abandoned_connects", abandoned),
        check(15, "peer_powered_off", powered_off),
        check(16, "stale_stream", stale),
        check(17, "data_into_a_cut", data_into_a_cut),
        check(18, "written_and_gone_in_a_cut", gone_in_a_cut),
    ]
}

struct Two {
    room: Room,
    here: HostId,
    there: HostId,
}

impl Two {
    fn of<L: Lab>(lab: &L) -> Two {
        let (room, here, there) = lab.room().expect("these checks run on simulated machines");
        Two { room, here, there }
    }

    fn is_own(&self) -> bool {
        self.room.engine() == Engine::Own
    }

    fn cut(&self) {
        self.room.partition(&[self.here], &[self.there], Direction::Both).expect("both engines can");
    }

    fn heal(&self) {
        self.room.heal(&[self.here], &[self.there]).expect("both engines can");
    }
}

fn to<L: Lab>(lab: &L, port: u16) -> String {
    SocketAddr::new(lab.there(), port).to_string()
}

/// States how long after `begun` it is: at `at`, give or take two round trips.
fn about(facts: &mut Facts, what: &'static str, begun: Instant, at: Duration) {
    let slack = Duration::from_millis(6);
    let seen = begun.elapsed();
    let is_close = seen >= at && seen <= at + slack;
    facts.see(what, if is_close { format!("{at:?}") } else { format!("{seen:?}") }, format!("{at:?}"));
}

fn silence<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let two = Two::of(&*lab);
        let limit = Duration::from_secs(2);
        let call = async |to: &str| kind(&lab.here().connect(to, limit).await);

        let begun = Instant::now();
        facts.see("to nobody's address", call("10.0.0.99:80").await, "TimedOut");
        facts.equal("its time-out is exact", begun.elapsed(), limit);
        two.cut();
        let begun = Instant::now();
        facts.see("across a cut", call(&to(&*lab, 80)).await, "TimedOut");
        facts.equal("its time-out is exact", begun.elapsed(), limit);
        two.heal();
        two.room.power_off(two.there).await.expect("it is on");
        facts.see("to a machine without power", call(&to(&*lab, 80)).await, "TimedOut");
        if two.is_own() {
            facts.equal("connections left", two.room.sockets(two.here).connections, 0);
            facts.equal("packets left", two.room.held_packets(), 0);
        }
        facts
    })
}

fn sigstop<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let two = Two::of(&*lab);
        let _kill = serve(&*lab, 80, |listener| async move {
            while let Ok((mut stream, _)) = <L::Site as Site>::accept(&listener).await {
                let _ = stream.write_all(b"welcome").await;
                let _ = stream.read(&mut [0; 8]).await;
            }
        })
        .await;
        if let Err(error) = two.room.pause(two.there, "server") {
            facts.see("pause", error.to_string(), "Ok");
            return facts;
        }
        let mut stream =
            lab.here().connect(&to(&*lab, 80), lab.patience()).await.expect("the kernel answers");
        facts.see("write", write(&*lab, &mut stream).await, "Ok");
        facts.see("read", read(&*lab, &mut stream).await, "hangs");
        two.room.resume(two.there, "server").expect("it is paused");
        facts.see("read after it goes on", read(&*lab, &mut stream).await, "7 bytes");
        facts
    })
}

fn syn_into_a_cut<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let two = Two::of(&*lab);
        let _kill = serve(&*lab, 80, |listener| async move {
            let mut kept = Vec::new();
            while let Ok(accepted) = <L::Site as Site>::accept(&listener).await {
                kept.push(accepted);
            }
        })
        .await;
        let cuts = [(1_500, 2, "a cut of 1.5 s"), (3_900, 4, "a cut of 3.9 s"), (9_000, 11, "a cut of 9 s")];
        for (cut_ms, tried_s, what) in cuts {
            two.cut();
            let (here, address) = (lab.here(), to(&*lab, 80));
            let begun = Instant::now();
            let (connected, ()) = tokio::join!(here.connect(&address, Duration::from_secs(20)), async {
                sleep(Duration::from_millis(cut_ms)).await;
                two.heal();
            });
            facts.see("connect", kind(&connected), "Ok");
            about(&mut facts, what, begun, Duration::from_secs(tried_s));
        }
        facts
    })
}

fn abandoned<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let two = Two::of(&*lab);
        for one_way in [false, true] {
            let (accepted, mut all_accepted) = mpsc::unbounded_channel();
            let kill = serve(&*lab, 80, move |listener| async move {
                while let Ok((stream, _)) = <L::Site as Site>::accept(&listener).await {
                    let _ = accepted.send(stream);
                }
            })
            .await;
            let cut = if one_way {
                // The SYNs arrive; their answers do not.
                two.room.partition(&[two.there], &[two.here], Direction::OneWay)
            } else {
                two.room.partition(&[two.here], &[two.there], Direction::Both)
            };
            if let Err(error) = cut {
                facts.see("a cut one way", error.to_string(), "Ok");
                kill().await;
                return facts;
            }
            for _ in 0..20 {
                let gone = lab.here().connect(&to(&*lab, 80), Duration::from_millis(500)).await;
                facts.see("connect in the cut", kind(&gone), "TimedOut");
            }
            two.heal();
            sleep(Duration::from_secs(130)).await;
            facts.equal("accepted", all_accepted.try_recv().is_ok(), false);
            if two.is_own() {
                facts.equal("connections left here", two.room.sockets(two.here).connections, 0);
                facts.equal("connections left there", two.room.sockets(two.there).connections, 0);
                facts.equal("packets left", two.room.held_packets(), 0);
            }
            two.room.power_off(two.there).await.expect("it is on");
            two.room.power_on(two.there).await.expect("it is off");
            settle(&*lab).await;
            drop(kill);
        }
        let again = serve(&*lab, 80, |listener| async move {
            let _ = <L::Site as Site>::accept(&listener).await;
        });
        let _kill = again.await;
        let connected = patient(&*lab, lab.here().connect(&to(&*lab, 80), lab.patience())).await;
        facts.see("bound and connected after the restart", connected, "Ok");
        facts
    })
}

fn powered_off<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let two = Two::of(&*lab);
        let (mut stream, _kill) = connected(&lab, 80, |stream| async move {
            let _kept = stream;
            std::future::pending().await
        })
        .await;
        two.room.power_off(two.there).await.expect("it is on");
        facts.see("read from a machine without power", read(&*lab, &mut stream).await, "hangs");
        facts.see("write to it", write(&*lab, &mut stream).await, "Ok");
        let much = vec![0; 16 << 20];
        let blocked = patient(&*lab, stream.write_all(&much)).await;
        facts.see("write more than a window", blocked, "hangs");
        // Silent so far, and nothing under way: a reader alone never learns of the reboot.
        let (mut idle, _kill) = {
            two.room.power_on(two.there).await.expect("it is off");
            settle(&*lab).await;
            connected(&lab, 81, |stream| async move {
                let _kept = stream;
                std::future::pending().await
            })
            .await
        };
        two.room.power_off(two.there).await.expect("it is on");
        sleep(Duration::from_secs(5)).await;
        two.room.power_on(two.there).await.expect("it is off");
        facts.see("idle read after the reboot", read(&*lab, &mut idle).await, "hangs");
        facts
    })
}

fn stale<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let two = Two::of(&*lab);
        let hold = |stream: <L::Site as Site>::Stream| async move {
            let _kept = stream;
            std::future::pending::<()>().await
        };
        let (mut stream, _kill) = connected(&lab, 80, hold).await;
        two.room.power_off(two.there).await.expect("it is on");
        facts.see("write while it is off", write(&*lab, &mut stream).await, "Ok");
        sleep(Duration::from_secs(2)).await;
        two.room.power_on(two.there).await.expect("it is off");
        facts.see("read when it is back", read(&*lab, &mut stream).await, "ConnectionReset");
        facts.see("read again", read(&*lab, &mut stream).await, "EOF");
        facts.see("write then", write(&*lab, &mut stream).await, "BrokenPipe");

        let (mut stream, _kill) = connected(&lab, 81, hold).await;
        two.room.power_off(two.there).await.expect("it is on");
        two.room.power_on(two.there).await.expect("it is off");
        facts.see("first write after the boot", write(&*lab, &mut stream).await, "Ok");
        facts.see("read after it", read(&*lab, &mut stream).await, "ConnectionReset");
        facts.see("second read after it", read(&*lab, &mut stream).await, "EOF");
        facts
    })
}

fn data_into_a_cut<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let two = Two::of(&*lab);
        let (arrived, mut arrivals) = mpsc::unbounded_channel();
        let (mut stream, _kill) = connected(&lab, 80, |mut stream| async move {
            let mut buffer = [0; 10];
            while stream.read_exact(&mut buffer).await.is_ok() {
                let _ = arrived.send((buffer, Instant::now()));
            }
        })
        .await;
        let cuts = [(1, 1_400, "1 s"), (4, 6_200, "4 s"), (10, 12_600, "10 s"), (30, 51_000, "30 s")];
        for (cut_s, tried_ms, what) in cuts {
            two.cut();
            let begun = Instant::now();
            facts.see("write into the cut", write(&*lab, &mut stream).await, "Ok");
            sleep(Duration::from_millis(500)).await;
            facts.see("another", patient(&*lab, stream.write_all(b"world")).await, "Ok");
            sleep(Duration::from_secs(cut_s) - Duration::from_millis(500)).await;
            two.heal();
            let Ok(Some((data, _))) = timeout(Duration::from_secs(60), arrivals.recv()).await else {
                facts.see(what, "nothing arrived", "arrived");
                return facts;
            };
            facts.see("whole and in order", String::from_utf8_lossy(&data), "helloworld");
            facts.holds(
                "not before the next try of the first",
                begun.elapsed() >= Duration::from_millis(tried_ms),
            );
            facts.holds("within a minute", begun.elapsed() < Duration::from_secs(60));
        }
        facts
    })
}

fn gone_in_a_cut<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let two = Two::of(&*lab);
        for (port, is_killed) in [(80, false), (81, true)] {
            let (go, mut wait) = mpsc::unbounded_channel::<()>();
            let (mut stream, kill) = connected(&lab, port, move |mut stream| async move {
                let _ = wait.recv().await;
                let _ = stream.write_all(&[1; 60_000]).await;
                let _ = wait.recv().await;
            })
            .await;
            // Past the handshake: a listener that dies with it half done answers nobody.
            settle(&*lab).await;
            two.cut();
            let _ = go.send(());
            settle(&*lab).await;
            if is_killed {
                kill().await;
            } else {
                let _ = go.send(());
            }
            sleep(Duration::from_secs(3)).await;
            two.heal();
            facts.see("after the heal", drain(&*lab, &mut stream).await, "60000 bytes, EOF");
        }
        facts
    })
}
