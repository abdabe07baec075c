//! How long `pasture agent -dev` takes until its node is ready, and how much memory it then holds. The best of five starts,
//! because the machine has other things to do as well.

#![expect(clippy::disallowed_methods, reason = "measures a real agent from outside")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const STARTS: usize = 5;

fn main() {
    let mut best_ms = u128::MAX;
    let mut resident_mb = f64::MAX;
    for _ in 0..STARTS {
        let folder = tempfile::tempdir().expect("a folder for the agent");
        let http = free_port();
        let config =
            format!("bind_addr = \"127.0.0.1\"\nports {{\n  http = {http}\n  rpc = {}\n}}\n", free_port());
        std::fs::write(folder.path().join("ports.hcl"), config).expect("its configuration");
        let start = Instant::now();
        let mut agent = Command::new(env!("CARGO_BIN_EXE_pasture"))
            .args(["agent", "-dev", "-config=ports.hcl"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the agent starts");
        while !is_ready(http) {
            assert!(start.elapsed() < Duration::from_secs(30), "the agent was not ready in 30 s");
            std::thread::sleep(Duration::from_millis(2));
        }
        best_ms = best_ms.min(start.elapsed().as_millis());
        // What the start needs is freed by then; what stays is what an idle agent costs.
        std::thread::sleep(Duration::from_secs(2));
        resident_mb = resident_mb.min(resident(agent.id()).unwrap_or(f64::MAX));
        agent.kill().expect("the agent is ours");
        agent.wait().expect("the agent is ours");
    }
    println!("figure\t`pasture agent -dev` ready\t{best_ms} ms\t<= 1 s");
    println!("figure\t`pasture agent -dev` resident\t{resident_mb:.0} MB\t<= 50 MB");
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it is bound").port()
}

fn is_ready(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let request = "GET /v1/nodes HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.contains("\"Status\":\"ready\"")
}

/// Returns the resident memory of a process in MB; `None` where /proc does not tell.
fn resident(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
