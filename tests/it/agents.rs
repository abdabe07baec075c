//! Real agents as real processes on this machine: one on its own, and three that form a cluster.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use serde_json::Value;

const PASTURE: &str = env!("CARGO_BIN_EXE_pasture");

/// How long a state may take to come about on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A job whose task leaves a mark that it runs, and ends by itself should its agent not be there to end it.
const JOB: &str = r#"
job "marks" {
  datacenters = ["dc1"]
  group "marks" {
    task "marks" {
      driver = "raw_exec"
      config {
        command = "/bin/sh"
        args    = ["-c", "echo started; exec sleep 120"]
      }
      resources { cpu = 20  memory = 10 }
    }
  }
}
"#;

/// An agent process, killed with its tasks when dropped.
struct AgentProcess {
    child: Child,
    http: String,
}

impl AgentProcess {
    fn start(folder: &Path, args: &[&str], http_port: u16) -> Result<Self, Failed> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("agent.log"))?;
        let child = Command::new(PASTURE)
            .arg("agent")
            .args(args)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { child, http: format!("127.0.0.1:{http_port}") })
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn get(&self, path: &str) -> Option<Value> {
        let (status, body) = http(&self.http, "GET", path, "").ok()?;
        (status == 200).then(|| serde_json::from_str(&body).ok())?
    }
}

impl Drop for AgentProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a `pasture` command against an agent and returns exit code, standard output and standard error.
fn pasture(folder: &Path, agent: &AgentProcess, args: &[&str]) -> Result<(i32, String, String), Failed> {
    let output = Command::new(PASTURE)
        .args(args)
        .current_dir(folder)
        .env("NOMAD_ADDR", format!("http://{}", agent.http))
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr)))
}

/// Sends one HTTP request by hand, as `curl` would.
fn http(address: &str, method: &str, path: &str, body: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(15)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    Ok((status, if chunked { unchunk(body) } else { body.to_owned() }))
}

fn unchunk(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 || rest.len() < size {
            break;
        }
        whole.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    whole
}

/// Waits until `look` sees what it wants.
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T, Failed> {
    let start = Instant::now();
    loop {
        if let Some(seen) = look() {
            return Ok(seen);
        }
        if start.elapsed() > PATIENCE {
            return Err(format!("waited {PATIENCE:?} in vain until {what}").into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn must(holds: bool, what: &str, seen: &dyn std::fmt::Debug) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(format!("{what}; seen: {seen:?}").into()) }
}

/// Three free ports in a row would be luck; each is asked for on its own.
fn free_port() -> Result<u16, Failed> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// The workshop's first steps, on an agent started by `-dev`.
pub fn dev_agent() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let (http_port, rpc_port) = (free_port()?, free_port()?);
    let config =
        format!("bind_addr = \"127.0.0.1\"\nports {{\n  http = {http_port}\n  rpc = {rpc_port}\n}}\n");
    std::fs::write(folder.path().join("ports.hcl"), config)?;
    let agent = AgentProcess::start(folder.path(), &["-dev", "-config=ports.hcl"], http_port)?;
    let ready = |nodes: &Value| nodes.as_array().is_some_and(|n| n.len() == 1 && n[0]["Status"] == "ready");
    wait_for("the node is ready", || agent.get("/v1/nodes").filter(ready))?;

    let run = |args: &[&str]| pasture(folder.path(), &agent, args);
    let init = run(&["init"])?;
    must(init.0 == 0 && folder.path().join("example.nomad").exists(), "init writes example.nomad", &init)?;
    let again = run(&["init"])?;
    must(again.0 != 0, "init overwrites nothing", &again)?;
    let launched = run(&["run", "example.nomad"])?;
    must(
        launched.0 == 0 && launched.1.contains("finished with status \"complete\""),
        "run follows the evaluation",
        &launched,
    )?;
    let running = |allocs: &Value| {
        allocs.as_array().and_then(|list| list.iter().find(|a| a["ClientStatus"] == "running").cloned())
    };
    let alloc = wait_for("it runs", || agent.get("/v1/job/example/allocations").as_ref().and_then(running))?;
    let id = alloc["ID"].as_str().unwrap_or_default().to_owned();
    for (args, wanted) in [
        (vec!["status"], "example"),
        (vec!["status", "example"], "running"),
        (vec!["node-status"], "ready"),
        (vec!["alloc-status", &id[..8]], "running"),
    ] {
        let shown = run(&args)?;
        must(shown.0 == 0 && shown.1.contains(wanted), &format!("{args:?} shows {wanted}"), &shown)?;
    }
    let stopped = run(&["stop", "example"])?;
    must(stopped.0 == 0, "stop works", &stopped)?;
    wait_for("it has stopped", || {
        let allocs = agent.get("/v1/job/example/allocations")?;
        allocs.as_array()?.iter().all(|alloc| alloc["ClientStatus"] == "complete").then_some(())
    })?;

    let unknown = run(&["status", "exmaple"])?;
    must(unknown.0 == 1 && !unknown.2.is_empty(), "an unknown job is an error", &unknown)?;
    let (status, body) = http(&agent.http, "POST", "/v1/jobs", "this is no JSON")?;
    must(status == 400, "a body that is not JSON is refused", &(status, body))?;
    let (status, body) = http(&agent.http, "POST", "/v1/jobs", r#"{"Job":{"ID":"x","TaskGroups":[]}}"#)?;
    must(status == 400, "a job without groups is refused", &(status, body))?;
    let (status, body) = http(&agent.http, "GET", "/v1/job/nobody", "")?;
    must(status == 404, "an unknown job is not found", &(status, body))
}

/// Three servers agree, lose their leader by `kill -9`, go on, and take it back with its disk.
pub fn cluster_of_three() -> Result<(), Failed> {
    let root = tempfile::tempdir()?;
    let mut ports = Vec::new();
    for _ in 0..3 {
        ports.push((free_port()?, free_port()?));
    }
    let join: Vec<String> = ports.iter().map(|(_, rpc)| format!("\"127.0.0.1:{rpc}\"")).collect();
    let folders: Vec<PathBuf> = (1..=3).map(|n| root.path().join(format!("server-{n}"))).collect();
    let mut agents: Vec<Option<AgentProcess>> = Vec::new();
    for (n, (http_port, rpc_port)) in ports.iter().enumerate() {
        std::fs::create_dir_all(&folders[n])?;
        let config = format!(
            "name = \"server-{}\"\ndata_dir = \"{}\"\nbind_addr = \"127.0.0.1\"\nports {{\n  http = {http_port}\n  rpc = {rpc_port}\n}}\n\
             server {{\n  enabled = true\n  bootstrap_expect = 3\n  retry_join = [{}]\n}}\n\
             client {{\n  enabled = true\n  options = {{ \"driver.raw_exec.enable\" = \"1\" }}\n}}\n",
            n + 1,
            folders[n].join("data").display(),
            join.join(", "),
        );
        std::fs::write(folders[n].join("agent.hcl"), config)?;
        agents.push(Some(AgentProcess::start(&folders[n], &["-config=agent.hcl"], *http_port)?));
    }
    let leader_of = |agents: &[Option<AgentProcess>]| {
        let seen: Vec<String> = agents
            .iter()
            .flatten()
            .filter_map(|agent| agent.get("/v1/status/leader")?.as_str().map(str::to_owned))
            .collect();
        let alive = agents.iter().flatten().count();
        let agreed = seen.len() == alive && !seen[0].is_empty() && seen.iter().all(|one| *one == seen[0]);
        agreed.then(|| seen[0].clone())
    };
    let leader = wait_for("all three name one leader", || leader_of(&agents))?;
    let at = |address: &str| ports.iter().position(|(_, rpc)| address.ends_with(&format!(":{rpc}")));
    let first = at(&leader).ok_or("the leader is one of the three")?;
    wait_for("three nodes are ready", || {
        let nodes = agents[0].as_ref()?.get("/v1/nodes")?;
        let ready = nodes.as_array()?.iter().filter(|node| node["Status"] == "ready").count();
        (ready == 3).then_some(())
    })?;

    std::fs::write(root.path().join("marks.nomad"), JOB)?;
    let follower = (first + 1) % 3;
    let ran = pasture(root.path(), agents[follower].as_ref().ok_or("it runs")?, &["run", "marks.nomad"])?;
    must(ran.0 == 0, "a follower takes a job and passes it on", &ran)?;

    agents[first].take().ok_or("it runs")?.kill();
    let second =
        wait_for("the others name another leader", || leader_of(&agents).filter(|other| *other != leader))?;
    let survivor = agents[follower].as_ref().ok_or("it runs")?;
    must(survivor.get("/v1/job/marks").is_some(), "the job is still there", &second)?;
    let more = JOB.replace("marks", "more");
    std::fs::write(root.path().join("more.nomad"), more)?;
    let ran = pasture(root.path(), survivor, &["run", "-detach", "more.nomad"])?;
    must(ran.0 == 0, "the others take a new job", &ran)?;

    agents[first] = Some(AgentProcess::start(&folders[first], &["-config=agent.hcl"], ports[first].0)?);
    wait_for("the killed one is back from its disk and has caught up", || {
        let back = agents[first].as_ref()?;
        let jobs = back.get("/v1/jobs?stale=true")?;
        (jobs.as_array()?.len() == 2).then_some(())
    })?;
    let survivor = agents[follower].as_ref().ok_or("it runs")?;
    for name in ["marks", "more"] {
        let stopped = pasture(root.path(), survivor, &["stop", "-yes", name])?;
        must(stopped.0 == 0, "a job is stopped", &stopped)?;
    }
    let ended =
        |alloc: &Value| matches!(alloc["ClientStatus"].as_str(), Some("complete" | "lost" | "failed"));
    let stopped = wait_for("everything has stopped", || {
        let allocs = survivor.get("/v1/allocations")?;
        allocs.as_array()?.iter().all(ended).then_some(())
    });
    stopped.map_err(|error| {
        let seen = survivor.get("/v1/allocations").unwrap_or_default();
        let shown = seen.as_array().into_iter().flatten().map(|alloc| {
            format!(
                "\n{} on {}: {} {}",
                alloc["Name"], alloc["NodeName"], alloc["DesiredStatus"], alloc["ClientStatus"]
            )
        });
        Failed::from(format!("{error:?}{}", shown.collect::<String>()))
    })
}
