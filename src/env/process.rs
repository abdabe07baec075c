//! Processes beside our own.
//!
//! On a real machine a program is a file; on a simulated one it is looked up among the programs and images its lab
//! declares. Either way the process survives the agent that started it and is found again by its id.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::BoxFuture;

/// Starts processes and finds them again.
pub trait Processes: Send + Sync {
    /// Starts `command` as the leader of a new process group.
    ///
    /// # Errors
    /// `NotFound` for an unknown program, `Unsupported` where this machine cannot run processes.
    fn start(&self, command: Command) -> BoxFuture<'static, io::Result<Box<dyn Process>>>;

    /// Finds a process that an earlier life of this agent started; `NotFound` when it has ended.
    fn attach(&self, id: ProcessId) -> io::Result<Box<dyn Process>>;
}

/// A process to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// The program: a path, or a name to look up.
    pub program: String,
    /// Its arguments, the program not included.
    pub args: Vec<String>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// Its working folder.
    pub cwd: Option<PathBuf>,
    /// Where its standard output is appended; dropped when `None`.
    pub stdout: Option<PathBuf>,
    /// Where its standard error is appended; dropped when `None`.
    pub stderr: Option<PathBuf>,
}

/// What identifies a process on its machine, across restarts of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct ProcessId {
    /// The process id, which is the group id too.
    pub pid: u32,
    /// When it started, in the machine's own unit: a number that tells a recycled pid from the real one.
    pub started: u64,
}

/// A running process and its group.
pub trait Process: Send + Sync {
    /// Returns what finds it again.
    fn id(&self) -> ProcessId;

    /// Waits for its end; may be called again and then returns the same.
    fn wait(&self) -> BoxFuture<'_, io::Result<Exit>>;

    /// Sends a signal to the whole group. A group that has ended is not an error.
    fn signal(&self, signal: Signal) -> io::Result<()>;
}

/// How a process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code; 0 when a signal ended it.
    pub code: i32,
    /// The signal that ended it, 0 for none.
    pub signal: i32,
}

impl Exit {
    /// Tells whether it ended by itself with code 0.
    pub fn is_success(&self) -> bool {
        self.code == 0 && self.signal == 0
    }
}

/// A signal, by its usual number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal(pub i32);

impl Signal {
    /// Asks to reload.
    pub const HUP: Self = Self(1);
    /// Interrupts, as Ctrl-C does.
    pub const INT: Self = Self(2);
    /// Ends at once; can not be caught.
    pub const KILL: Self = Self(9);
    /// Asks to end.
    pub const TERM: Self = Self(15);

    /// Returns the signal of a name such as `SIGTERM` or `term`, or `None`.
    pub fn from_name(name: &str) -> Option<Self> {
        let upper = name.to_ascii_uppercase();
        let number = match upper.strip_prefix("SIG").unwrap_or(&upper) {
            "HUP" => 1,
            "INT" => 2,
            "QUIT" => 3,
            "ABRT" => 6,
            "KILL" => 9,
            "USR1" => 10,
            "USR2" => 12,
            "PIPE" => 13,
            "ALRM" => 14,
            "TERM" => 15,
            _ => return None,
        };
        Some(Self(number))
    }
}

/// How long a process is given between a polite signal and `KILL` when nothing else is asked.
pub const KILL_TIMEOUT_DEFAULT: Duration = Duration::from_secs(5);
