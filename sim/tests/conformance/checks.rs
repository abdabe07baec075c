//! Behaviours that two processes can show each other without a fault of the network.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use crate::Check;
use crate::lab::{Facts, Lab, Site, connected, drain, kind, patient, read, serve, settle, write};

pub fn all<L: Lab>() -> Vec<Check<L>> {
    let seam = Some("names are resolved by the seam");
    let check = |number, name, body| Check { number, name, not_on_loopback: None, body };
    vec![
        check(1, "connect_to_a_listener", connect_to_a_listener),
        check(2, "refused_without_a_listener", refused),
        Check { number: 4, name: "unknown_name", not_on_loopback: seam, body: unknown_name },
        check(5, "a_process_that_hangs", hangs),
        check(6, "full_accept_queue", full_queue),
        check(9, "peer_gone_nothing_unread", gone_clean),
        check(10, "peer_gone_with_unread_data", gone_unread),
        check(11, "written_then_dropped", written_then_dropped),
        check(12, "half_close", half_close),
        check(13, "listener_dropped", listener_dropped),
        check(14, "many_connections", many),
        check(19, "http", http),
        check(20, "slow_reader", slow_reader),
        check(21, "bind", bind),
        check(22, "datagrams", datagrams),
    ]
}

fn to<L: Lab>(lab: &L, port: u16) -> String {
    SocketAddr::new(lab.there(), port).to_string()
}

/// Tells what `sockets` finds on both sides, where it can be asked.
fn tables_empty<L: Lab>(lab: &L, facts: &mut Facts) {
    if let Some((room, here, there)) = lab.room()
        && room.engine() == pasture_sim::Engine::Own
    {
        facts.equal("connections left here", room.sockets(here).connections, 0);
        facts.equal("connections left there", room.sockets(there).connections, 0);
    }
}

fn connect_to_a_listener<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let (go, wait) = oneshot::channel::<()>();
        let (report, reported) = oneshot::channel();
        let _kill = serve(&*lab, 80, move |listener| async move {
            let _ = wait.await;
            let Ok((mut stream, peer)) = <L::Site as Site>::accept(&listener).await else { return };
            let mut buffer = [0; 5];
            let _ = stream.read_exact(&mut buffer).await;
            let _ = stream.write_all(&buffer).await;
            let _ = report.send((peer, <L::Site as Site>::local(&stream), stream));
        })
        .await;
        let connecting =
            timeout(lab.patience(), lab.here().connect(&to(&*lab, 80), lab.patience() * 2)).await;
        facts.holds("connect returns before accept", matches!(connecting, Ok(Ok(_))));
        let _ = go.send(());
        let stream = match connecting {
            Ok(Ok(stream)) => Ok(stream),
            _ => lab.here().connect(&to(&*lab, 80), lab.patience()).await,
        };
        let Ok(mut stream) = stream else {
            facts.see("accept", "nothing to accept", "");
            return facts;
        };
        facts.see("write", write(&*lab, &mut stream).await, "Ok");
        facts.see("echo", read(&*lab, &mut stream).await, "5 bytes");
        let (peer, local, _kept) = reported.await.expect("the server reports");
        facts.equal("accepted peer", peer, <L::Site as Site>::local(&stream));
        facts.equal("accepted local", local, SocketAddr::new(lab.there(), 80));
        facts
    })
}

fn refused<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let connect =
            async |port| patient(&*lab, lab.here().connect(&to(&*lab, port), lab.patience() * 2)).await;
        facts.see("never started", connect(80).await, "ConnectionRefused");
        let kill = serve(&*lab, 81, |listener| async move {
            let _kept = listener;
            std::future::pending().await
        })
        .await;
        kill().await;
        facts.see("killed", connect(81).await, "ConnectionRefused");
        let _loopback_only = lab
            .start(Box::new(|site| {
                Box::pin(async move {
                    let _kept =
                        site.bind((Ipv4Addr::LOCALHOST, 8_182).into(), 16).await.expect("loopback is free");
                    std::future::pending().await
                })
            }))
            .await;
        settle(&*lab).await;
        facts.see("loopback-only listener", connect(8_182).await, "ConnectionRefused");
        facts
    })
}

fn unknown_name<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let connect = async |to: &str| patient(&*lab, lab.here().connect(to, lab.patience())).await;
        facts.see("unknown name", connect("nowhere:80").await, "NotFound");
        facts.see("no port", connect("nowhere").await, "InvalidInput");
        facts
    })
}

fn hangs<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let _kill = serve(&*lab, 80, |listener| async move {
            let _kept = listener;
            std::future::pending().await
        })
        .await;
        let stream = timeout(lab.patience(), lab.here().connect(&to(&*lab, 80), lab.patience() * 2)).await;
        facts.holds("connect succeeds", matches!(stream, Ok(Ok(_))));
        let Ok(Ok(mut stream)) = stream else { return facts };
        facts.see("write", write(&*lab, &mut stream).await, "Ok");
        facts.see("read", read(&*lab, &mut stream).await, "hangs");
        facts
    })
}

fn full_queue<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let (go, wait) = oneshot::channel::<()>();
        let at = SocketAddr::new(lab.there(), 80);
        let _kill = lab
            .start(Box::new(move |site| {
                Box::pin(async move {
                    let listener = site.bind(at, 2).await.expect("the port is free");
                    let _ = wait.await;
                    let mut kept = Vec::new();
                    while let Ok(accepted) = <L::Site as Site>::accept(&listener).await {
                        kept.push(accepted);
                    }
                })
            }))
            .await;
        settle(&*lab).await;
        let mut kept = Vec::new();
        for _ in 0..3 {
            let one = lab.here().connect(&to(&*lab, 80), Duration::from_millis(500)).await;
            facts.see("one of three with a backlog of two", kind(&one), "Ok");
            kept.push(one);
        }
        let fourth = lab.here().connect(&to(&*lab, 80), Duration::from_millis(500)).await;
        facts.see("the fourth", kind(&fourth), "TimedOut");
        let (here, address) = (lab.here(), to(&*lab, 80));
        let late = here.connect(&address, Duration::from_secs(4));
        let begun = Instant::now();
        let (late, ()) = tokio::join!(late, async {
            sleep(Duration::from_millis(300)).await;
            let _ = go.send(());
        });
        facts.see("the fifth, when the queue is emptied", kind(&late), "Ok");
        facts.holds("it comes with a later try", begun.elapsed() >= Duration::from_millis(900));
        facts
    })
}

fn gone_clean<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let (mut stream, kill) = connected(&lab, 80, |stream| async move {
            let _kept = stream;
            std::future::pending().await
        })
        .await;
        settle(&*lab).await;
        kill().await;
        facts.see("killed: idle read", read(&*lab, &mut stream).await, "EOF");
        after_close(&*lab, &mut stream, &mut facts).await;
        let (mut stream, _kill) = connected(&lab, 81, |stream| async move { drop(stream) }).await;
        facts.see("dropped: idle read", read(&*lab, &mut stream).await, "EOF");
        after_close(&*lab, &mut stream, &mut facts).await;
        facts
    })
}

async fn after_close<L: Lab>(lab: &L, stream: &mut <L::Site as Site>::Stream, facts: &mut Facts) {
    facts.see("first write", write(lab, stream).await, "Ok");
    settle(lab).await;
    facts.see("second write", write(lab, stream).await, "BrokenPipe");
    facts.see("read after that", read(lab, stream).await, "EOF");
    facts.see("third write", write(lab, stream).await, "BrokenPipe");
}

fn gone_unread<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        // It says something, never reads what we say, and drops the stream or is killed.
        for (port, is_killed) in [(80, false), (81, true)] {
            let (go, wait) = oneshot::channel::<()>();
            let (mut stream, kill) = connected(&lab, port, move |mut stream| async move {
                let _ = stream.write_all(b"bye").await;
                if is_killed {
                    std::future::pending::<()>().await;
                }
                let _ = wait.await;
            })
            .await;
            facts.see("our write", write(&*lab, &mut stream).await, "Ok");
            settle(&*lab).await;
            if is_killed {
                kill().await;
            } else {
                let _ = go.send(());
            }
            settle(&*lab).await;
            facts.see("what it had sent", read(&*lab, &mut stream).await, "3 bytes");
            facts.see("then", read(&*lab, &mut stream).await, "ConnectionReset");
            facts.see("then again", read(&*lab, &mut stream).await, "EOF");
            facts.see("write", write(&*lab, &mut stream).await, "BrokenPipe");
        }
        blocked_read(&lab, &mut facts).await;
        blocked_write(&lab, &mut facts).await;
        never_accepted(&lab, &mut facts).await;
        facts
    })
}

async fn blocked_read<L: Lab>(lab: &Arc<L>, facts: &mut Facts) {
    let (mut stream, kill) = connected(lab, 82, |stream| async move {
        let _kept = stream;
        std::future::pending().await
    })
    .await;
    facts.see("write before the blocked read", write(&**lab, &mut stream).await, "Ok");
    let wait = lab.settle();
    let (seen, ()) = tokio::join!(read(&**lab, &mut stream), async {
        sleep(wait).await;
        kill().await;
    });
    facts.see("blocked read", seen, "ConnectionReset");
    facts.see("read after the blocked read", read(&**lab, &mut stream).await, "EOF");
}

async fn blocked_write<L: Lab>(lab: &Arc<L>, facts: &mut Facts) {
    let (mut stream, kill) = connected(lab, 83, |stream| async move {
        let _kept = stream;
        std::future::pending().await
    })
    .await;
    let wait = lab.settle();
    let much = vec![0; 64 << 20];
    let (seen, ()) = tokio::join!(patient(&**lab, stream.write_all(&much)), async {
        sleep(wait).await;
        kill().await;
    });
    facts.see("blocked write", seen, "ConnectionReset");
    facts.see("write after the blocked write", write(&**lab, &mut stream).await, "BrokenPipe");
}

async fn never_accepted<L: Lab>(lab: &Arc<L>, facts: &mut Facts) {
    let kill = serve(&**lab, 84, |listener| async move {
        let _kept = listener;
        std::future::pending().await
    })
    .await;
    let stream = timeout(lab.patience(), lab.here().connect(&to(&**lab, 84), lab.patience() * 2)).await;
    facts.holds("connect to one that never accepts", matches!(stream, Ok(Ok(_))));
    let Ok(Ok(mut stream)) = stream else { return };
    facts.see("write to one that never accepts", write(&**lab, &mut stream).await, "Ok");
    settle(&**lab).await;
    kill().await;
    settle(&**lab).await;
    facts.see("read from one that never accepted", read(&**lab, &mut stream).await, "ConnectionReset");
    facts.see("write to one that never accepted", write(&**lab, &mut stream).await, "BrokenPipe");
}

fn written_then_dropped<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let (mut stream, _kill) = connected(&lab, 80, |mut stream| async move {
            let _ = stream.write_all(&[7; 60_000]).await;
        })
        .await;
        settle(&*lab).await;
        facts.see("arrives", drain(&*lab, &mut stream).await, "60000 bytes, EOF");
        facts
    })
}

fn half_close<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let (report, reported) = oneshot::channel();
        let (mut stream, _kill) = connected(&lab, 80, |mut stream| async move {
            let mut all = Vec::new();
            let end = stream.read_to_end(&mut all).await;
            let _ = report.send((kind(&end), all.len()));
            let _ = stream.write_all(b"answer").await;
        })
        .await;
        facts.see("write", write(&*lab, &mut stream).await, "Ok");
        facts.see("shutdown", patient(&*lab, stream.shutdown()).await, "Ok");
        facts.equal("the peer reads to the end", reported.await.ok(), Some(("Ok".to_owned(), 5)));
        facts.see("its answer", drain(&*lab, &mut stream).await, "6 bytes, EOF");
        facts.see("write after shutdown", write(&*lab, &mut stream).await, "BrokenPipe");
        facts.see("second shutdown", patient(&*lab, stream.shutdown()).await, "Ok");
        let (mut stream, kill) = connected(&lab, 81, |stream| async move {
            let _kept = stream;
            std::future::pending().await
        })
        .await;
        let _ = write(&*lab, &mut stream).await;
        settle(&*lab).await;
        kill().await;
        settle(&*lab).await;
        let _ = read(&*lab, &mut stream).await;
        facts.see("shutdown after a reset", patient(&*lab, stream.shutdown()).await, "Ok");
        facts
    })
}

fn listener_dropped<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let at = SocketAddr::new(lab.there(), 80);
        let (drop_it, dropping) = oneshot::channel::<()>();
        let (again, rebinding) = oneshot::channel::<()>();
        let (report, rebound) = oneshot::channel();
        let kill = lab
            .start(Box::new(move |site| {
                Box::pin(async move {
                    let listener = site.bind(at, 16).await.expect("the port is free");
                    let Ok((mut stream, _)) = <L::Site as Site>::accept(&listener).await else { return };
                    let _ = dropping.await;
                    drop(listener);
                    let _ = rebinding.await;
                    let second = site.bind(at, 16).await;
                    let _ = report.send(kind(&second));
                    let mut buffer = [0; 5];
                    while stream.read_exact(&mut buffer).await.is_ok() {
                        let _ = stream.write_all(&buffer).await;
                    }
                    std::future::pending().await
                })
            }))
            .await;
        settle(&*lab).await;
        let mut stream = lab.here().connect(&to(&*lab, 80), lab.patience()).await.expect("somebody listens");
        let _ = drop_it.send(());
        settle(&*lab).await;
        let connect = patient(&*lab, lab.here().connect(&to(&*lab, 80), lab.patience() * 2)).await;
        facts.see("connect after the drop", connect, "ConnectionRefused");
        let _ = again.send(());
        facts.see("bind again with a stream open", rebound.await.expect("the server reports"), "Ok");
        facts.see("write on the open stream", write(&*lab, &mut stream).await, "Ok");
        facts.see("echo on the open stream", read(&*lab, &mut stream).await, "5 bytes");
        kill().await;
        let kill = serve(&*lab, 80, |listener| async move {
            let _kept = listener;
            std::future::pending().await
        })
        .await;
        kill().await;
        facts
    })
}

fn many<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let rounds = if lab.room().is_some() { 1_000 } else { 100 };
        for (port, they_close) in [(80, true), (81, false)] {
            let kill = serve(&*lab, port, move |listener| async move {
                while let Ok((mut stream, _)) = <L::Site as Site>::accept(&listener).await {
                    if !they_close {
                        let _ = stream.read(&mut [0; 8]).await;
                    }
                }
            })
            .await;
            let mut ends = 0;
            for _ in 0..rounds {
                let Ok(mut stream) = lab.here().connect(&to(&*lab, port), lab.patience()).await else {
                    break;
                };
                if they_close {
                    ends += usize::from(matches!(stream.read(&mut [0; 8]).await, Ok(0)));
                } else {
                    ends += 1;
                }
            }
            facts.equal("connections made and closed", ends, rounds);
            settle(&*lab).await;
            tables_empty(&*lab, &mut facts);
            kill().await;
        }
        facts
    })
}

fn http<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let _kill = serve(&*lab, 80, |listener| async move {
            while let Ok((stream, _)) = <L::Site as Site>::accept(&listener).await {
                let serving = hyper::server::conn::http1::Builder::new()
                    .auto_date_header(false)
                    .serve_connection(TokioIo::new(stream), service_fn(answer));
                let _ = serving.await;
            }
        })
        .await;
        facts.see("50 pipelined requests", pipelined(&lab).await, "50 answers in order");
        for size in [50_000, 1 << 20, 8 << 20] {
            let begun = Instant::now();
            facts.see("a body both ways", posted(&lab, size).await, format!("{size} bytes back"));
            if let Some((room, here, there)) = lab.room()
                && room.engine() == pasture_sim::Engine::Own
                && size == 1 << 20
            {
                facts.holds(
                    "without a limit it takes below a second",
                    begun.elapsed() < Duration::from_secs(1),
                );
                room.rate(here, there, 1 << 20).expect("the engine can");
                let begun = Instant::now();
                facts.see("a body at a limited rate", posted(&lab, size).await, format!("{size} bytes back"));
                facts.holds("it takes size / rate, both ways", begun.elapsed() >= Duration::from_secs(1));
                facts.holds("and not much longer", begun.elapsed() < Duration::from_millis(2_300));
                room.rate(here, there, None).expect("the engine can");
            }
        }
        facts
    })
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Ok(Response::new(Full::new(if body.is_empty() { path.into() } else { body })))
}

async fn pipelined<L: Lab>(lab: &Arc<L>) -> String {
    let Ok(mut stream) = lab.here().connect(&to(&**lab, 80), lab.patience()).await else {
        return "no connection".to_owned();
    };
    let mut text = String::new();
    for n in 0..50 {
        let close = if n == 49 { "connection: close\r\n" } else { "" };
        text.push_str(&format!("GET /{n:02} HTTP/1.1\r\nhost: there\r\n{close}\r\n"));
    }
    if stream.write_all(text.as_bytes()).await.is_err() {
        return "write failed".to_owned();
    }
    let mut answers = String::new();
    if timeout(lab.patience(), stream.read_to_string(&mut answers)).await.is_err() {
        return "hangs".to_owned();
    }
    let mut at = 0;
    for n in 0..50 {
        let Some(found) = answers[at..].find(&format!("/{n:02}")) else { return format!("{n} answers") };
        at += found;
    }
    "50 answers in order".to_owned()
}

async fn posted<L: Lab>(lab: &Arc<L>, size: usize) -> String {
    let exchange = async {
        let stream = lab.here().connect(&to(&**lab, 80), lab.patience()).await.ok()?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await.ok()?;
        let request =
            Request::post("/").header("host", "there").body(Full::new(vec![1; size].into())).ok()?;
        let call = async move {
            let response = sender.send_request(request).await.ok()?;
            Some(response.into_body().collect().await.ok()?.to_bytes().len())
        };
        let (back, _) = tokio::join!(call, connection);
        back
    };
    match timeout(Duration::from_secs(30), exchange).await {
        Ok(Some(back)) => format!("{back} bytes back"),
        Ok(None) => "failed".to_owned(),
        Err(_) => "hangs".to_owned(),
    }
}

fn slow_reader<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        // Faster where time is real, so that the suite stays short.
        let pause = if lab.room().is_some() { Duration::from_millis(100) } else { Duration::from_millis(10) };
        const SIZE: usize = 512 << 10;
        let (report, reported) = oneshot::channel();
        let (mut stream, _kill) = connected(&lab, 80, move |mut stream| async move {
            let mut buffer = vec![0; 10 << 10];
            let mut total = 0;
            while let Ok(n) = stream.read(&mut buffer).await {
                if n == 0 {
                    break;
                }
                total += n;
                sleep(pause).await;
            }
            let _ = report.send(total);
        })
        .await;
        let begun = Instant::now();
        let much = vec![1; SIZE];
        let written = timeout(Duration::from_secs(20), stream.write_all(&much)).await;
        facts.holds("the writer gets done", matches!(written, Ok(Ok(()))));
        if lab.room().is_some() {
            facts.holds("the writer is throttled", begun.elapsed() > Duration::from_secs(1));
        }
        drop(stream);
        let total = timeout(Duration::from_secs(20), reported).await;
        facts.see("read", format!("{:?}", total.ok().and_then(Result::ok)), format!("{:?}", Some(SIZE)));
        facts
    })
}

fn bind<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let site = lab.here();
        let own = site.address();
        let any: IpAddr = Ipv4Addr::UNSPECIFIED.into();
        let loopback: IpAddr = Ipv4Addr::LOCALHOST.into();
        // Ports that only this check uses, since loopback and wildcard are shared by all checks on real sockets.
        let at = |ip: IpAddr, port: u16| SocketAddr::new(ip, 17_000 + port);

        let first = site.bind(at(own, 1), 16).await;
        facts.see("own address", kind(&first), "Ok");
        facts.see("the same again", kind(&site.bind(at(own, 1), 16).await), "AddrInUse");
        facts.see("the wildcard beside it", kind(&site.bind(at(any, 1), 16).await), "AddrInUse");
        let beside = site.bind(at(loopback, 1), 16).await;
        facts.see("loopback on the same port", kind(&beside), "Ok");
        facts.see("datagrams on the same port", kind(&site.bind_udp(at(own, 1)).await), "Ok");
        let wildcard = site.bind(at(any, 2), 16).await;
        facts.see("the wildcard", kind(&wildcard), "Ok");
        facts.see("own address beside it", kind(&site.bind(at(own, 2), 16).await), "AddrInUse");
        let foreign: IpAddr = [203, 0, 113, 7].into();
        facts.see("foreign address", kind(&site.bind(at(foreign, 3), 16).await), "AddrNotAvailable");
        let zero = site.bind(SocketAddr::new(own, 0), 16).await;
        facts.holds("port 0", zero.is_ok_and(|listener| <L::Site as Site>::bound(&listener).port() != 0));

        let mut kept = Vec::new();
        for port in 0..300 {
            kept.push(site.bind(at(own, 100 + port), 16).await);
        }
        facts.equal("300 listeners", kept.iter().filter(|one| one.is_ok()).count(), 300);

        for (what, ip) in [("connect to own address", own), ("connect to loopback", loopback)] {
            let called = at(ip, 2).to_string();
            let here = site.clone();
            let listener = wildcard.as_ref().expect("the wildcard is free");
            let both = timeout(lab.patience(), async {
                tokio::join!(here.connect(&called, lab.patience()), <L::Site as Site>::accept(listener))
            });
            let seen = match both.await {
                Ok((Ok(_), Ok((stream, _)))) => format!("accepted at {}", <L::Site as Site>::local(&stream)),
                Ok((Err(error), _)) => format!("{:?}", error.kind()),
                Ok((_, Err(error))) => format!("{:?}", error.kind()),
                Err(_) => "hangs".to_owned(),
            };
            facts.see(what, seen, format!("accepted at {called}"));
        }
        facts
    })
}

fn datagrams<L: Lab>(lab: Arc<L>) -> BoxFuture<'static, Facts> {
    Box::pin(async move {
        let mut facts = Facts::default();
        let at = SocketAddr::new(lab.there(), 53);
        let _kill = lab
            .start(Box::new(move |site| {
                Box::pin(async move {
                    let socket = site.bind_udp(at).await.expect("the port is free");
                    let mut buffer = vec![0; 70_000];
                    while let Ok((n, from)) = <L::Site as Site>::udp_recv(&socket, &mut buffer).await {
                        let _ = <L::Site as Site>::udp_send(&socket, &buffer[..n], Some(from)).await;
                    }
                })
            }))
            .await;
        settle(&*lab).await;
        let here = lab.here();
        let socket = here.bind_udp(SocketAddr::new(here.address(), 0)).await.expect("a free port");
        facts.holds("port 0", <L::Site as Site>::udp_bound(&socket).port() != 0);
        let mut buffer = vec![0; 70_000];
        for size in [5, 9_000, 65_507] {
            let sent = <L::Site as Site>::udp_send(&socket, &vec![1; size], Some(at)).await;
            facts.see("send", kind(&sent), "Ok");
            let back = timeout(lab.patience(), <L::Site as Site>::udp_recv(&socket, &mut buffer)).await;
            let seen = back.map(|back| back.map_err(|error| error.kind()));
            facts.see("echo", format!("{seen:?}"), format!("Ok(Ok(({size}, {at})))"));
        }
        let long = <L::Site as Site>::udp_send(&socket, &vec![1; 65_508], Some(at)).await;
        facts.see("too long", kind(&long), "EMSGSIZE");
        let nobody = SocketAddr::new(lab.there(), 54);
        let vanishes = <L::Site as Site>::udp_send(&socket, b"x", Some(nobody)).await;
        facts.see("to a port that is closed", kind(&vanishes), "Ok");
        settle(&*lab).await;
        let again = <L::Site as Site>::udp_send(&socket, b"x", Some(at)).await;
        facts.see("an unconnected sender hears nothing", kind(&again), "Ok");
        let connected = here.bind_udp(SocketAddr::new(here.address(), 0)).await.expect("a free port");
        <L::Site as Site>::udp_connect(&connected, nobody).await.expect("a peer can be set");
        facts.see("connected send", kind(&<L::Site as Site>::udp_send(&connected, b"x", None).await), "Ok");
        settle(&*lab).await;
        let later = <L::Site as Site>::udp_send(&connected, b"x", None).await;
        facts.see("a connected sender is told later", kind(&later), "ConnectionRefused");
        facts
    })
}
