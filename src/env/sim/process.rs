//! Processes of a simulated machine: programs looked up by name, run as tasks of their own process.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use pasture_sim::{Host, ProcessHandle};
use tokio::sync::watch;

use crate::env::Env;
use crate::env::process::{Command, Exit, Process, ProcessId, Processes, Signal};

/// What a program does from its start to its end.
pub type Program = Arc<dyn Fn(ProgramContext) -> BoxFuture<'static, Exit> + Send + Sync>;

/// What a program gets.
pub struct ProgramContext {
    /// The door of its own process.
    pub env: Env,
    /// What it was started with.
    pub command: Command,
    stop: watch::Receiver<Option<Signal>>,
}

impl ProgramContext {
    /// Waits until the program is asked to end, and returns the signal that asked.
    pub async fn asked_to_stop(&mut self) -> Signal {
        // The sender lives in the machine's table for as long as the process does.
        let asked = self.stop.wait_for(Option::is_some).await.ok().and_then(|signal| *signal);
        match asked {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }

    /// Adds a line to its standard output.
    pub fn print(&self, line: &str) {
        append(&self.env, self.command.stdout.as_deref(), line);
    }

    /// Adds a line to its standard error.
    pub fn complain(&self, line: &str) {
        append(&self.env, self.command.stderr.as_deref(), line);
    }
}

/// Output is lost on a disk that takes none, as a real program's is when nobody checks.
fn append(env: &Env, path: Option<&Path>, line: &str) {
    if let Some(path) = path {
        let _ = env.disk.append(path, format!("{line}\n").as_bytes(), false);
    }
}

/// What of a simulated machine lives on while processes come and go: the programs installed, the processes running.
pub struct Machine {
    programs: BTreeMap<String, Program>,
    prefix_len: u8,
    running: Mutex<BTreeMap<u32, Arc<Running>>>,
}

impl Machine {
    /// Makes a machine with programs by name, on a network whose first `prefix_len` bits are fixed.
    pub fn new(programs: BTreeMap<String, Program>, prefix_len: u8) -> Arc<Self> {
        Arc::new(Self { programs, prefix_len, running: Mutex::default() })
    }

    pub(super) fn prefix_len(&self) -> u8 {
        self.prefix_len
    }

    fn running(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, Arc<Running>>> {
        self.running.lock().expect("no holder of this lock panics")
    }
}

struct Running {
    handle: ProcessHandle,
    stop: watch::Sender<Option<Signal>>,
    exit: Arc<Mutex<Option<Exit>>>,
}

pub(super) struct SimProcesses {
    host: Host,
    machine: Arc<Machine>,
}

impl SimProcesses {
    pub(super) fn new(host: Host, machine: Arc<Machine>) -> Self {
        Self { host, machine }
    }
}

impl Processes for SimProcesses {
    fn start(&self, command: Command) -> BoxFuture<'static, io::Result<Box<dyn Process>>> {
        let started = match self.machine.programs.get(&command.program) {
            Some(program) => Ok(start(&self.host, &self.machine, program.clone(), command)),
            None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                format!("no program {:?} on this machine", command.program),
            )),
        };
        std::future::ready(started).boxed()
    }

    fn attach(&self, id: ProcessId) -> io::Result<Box<dyn Process>> {
        let known = self.machine.running().get(&id.pid).cloned();
        let alive = known.filter(|running| {
            running.exit().is_none() && self.host.find_process(running.handle.id()).is_some()
        });
        match alive {
            Some(running) => Ok(Box::new(SimProcess(running))),
            None => Err(io::Error::new(io::ErrorKind::NotFound, format!("process {} has ended", id.pid))),
        }
    }
}

fn start(host: &Host, machine: &Arc<Machine>, program: Program, command: Command) -> Box<dyn Process> {
    let (stop, stopped) = watch::channel(None);
    let exit = Arc::new(Mutex::new(None));
    let (ending, on_machine) = (exit.clone(), machine.clone());
    let name = command.program.clone();
    let handle = host.new_process(&name, move |own| {
        let context = ProgramContext { env: super::env(own, on_machine), command, stop: stopped };
        async move {
            let ended = program(context).await;
            *ending.lock().expect("no holder of this lock panics") = Some(ended);
        }
        .boxed()
    });
    let running = Arc::new(Running { handle, stop, exit });
    let mut table = machine.running();
    // What has ended is found by nobody any more.
    table.retain(|_, other| other.exit().is_none() && host.find_process(other.handle.id()).is_some());
    table.insert(running.handle.id(), running.clone());
    drop(table);
    Box::new(SimProcess(running))
}

impl Running {
    fn exit(&self) -> Option<Exit> {
        *self.exit.lock().expect("no holder of this lock panics")
    }
}

struct SimProcess(Arc<Running>);

impl Process for SimProcess {
    fn id(&self) -> ProcessId {
        // Process ids are never used twice in a run, so the time of the start need not tell them apart.
        ProcessId { pid: self.0.handle.id(), started: 0 }
    }

    fn wait(&self) -> BoxFuture<'_, io::Result<Exit>> {
        async {
            self.0.handle.wait().await;
            // A program that left no exit was killed, or its machine lost power.
            Ok(self.0.exit().unwrap_or(Exit { code: 0, signal: Signal::KILL.0 }))
        }
        .boxed()
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        if signal == Signal::KILL {
            self.0.handle.kill();
        } else if matches!(signal, Signal::TERM | Signal::INT | Signal::HUP) {
            // The program may have ended meanwhile.
            let _ = self.0.stop.send(Some(signal));
        }
        Ok(())
    }
}
