//! What runs tasks: one driver for each kind of thing that can run.
//!
//! A [`Driver`] prepares (fetches an image), starts, and finds again what an earlier life of the agent started. What it
//! started is a [`TaskHandle`], which outlives no agent but whose [`saved`](TaskHandle::saved) bytes do.
//!
//! # Invariants
//! - Dropping a handle, or aborting who holds it, leaves the task running.
//! - `prepare` may be dropped at any await; `start` and `recover` run to their end, because what they started has to be
//!   known to somebody.
//!
//! # Caveats
//! - `raw_exec` isolates nothing and enforces no resources: the scheduler counts, the task is trusted.
//! - Output files are not rotated: a job's `logs` block is kept as written and has no effect.

pub mod image;
pub mod process;
pub mod raw_exec;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc::UnboundedSender;

use super::dir::TaskDir;
use super::environment::{AssignedPort, FolderView};
use crate::env::Env;
use crate::env::process::Signal;
use crate::model::{AllocId, DriverInfo};

/// Runs tasks of one kind.
pub trait Driver: Send + Sync {
    /// Returns the name that jobs call it by.
    fn name(&self) -> &str;

    /// Finds out whether this machine can run such tasks.
    fn fingerprint(&self, env: &Env) -> DriverInfo;

    /// Tells where its tasks see their folders.
    fn folder_view(&self) -> FolderView {
        FolderView::Node
    }

    /// Does what has to come before a start and may take long. Safe to drop half-way.
    fn prepare<'a>(&'a self, _context: &'a TaskContext) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(async { Ok(()) })
    }

    /// Starts a task.
    fn start(&self, context: TaskContext) -> BoxFuture<'_, Result<Box<dyn TaskHandle>, DriverError>>;

    /// Finds a task again by what its handle had saved; `None` when it has ended.
    fn recover(&self, env: &Env, saved: &[u8]) -> Result<Option<Box<dyn TaskHandle>>, DriverError>;
}

/// Returns the drivers of a real machine. `options` are the client's, `host_env` is what tasks inherit.
pub fn builtin(
    options: &BTreeMap<String, String>,
    host_env: BTreeMap<String, String>,
) -> Vec<Arc<dyn Driver>> {
    vec![Arc::new(raw_exec::RawExec::from_options(options, host_env))]
}

/// A task that runs.
pub trait TaskHandle: Send + Sync {
    /// Waits for its end; may be called again and then returns the same.
    fn wait(&self) -> BoxFuture<'_, Exit>;

    /// Asks it to end by `signal`, or the driver's usual one, and ends it by force after `timeout`.
    fn stop(&self, signal: Option<Signal>, timeout: Duration) -> BoxFuture<'_, Result<(), DriverError>>;

    /// Sends it a signal.
    fn signal(&self, signal: Signal) -> Result<(), DriverError>;

    /// Returns what [`Driver::recover`] needs to find it again.
    fn saved(&self) -> Vec<u8>;
}

/// What a driver is told about a task; names in it are replaced by values already.
#[derive(Clone)]
pub struct TaskContext {
    /// The door to the machine.
    pub env: Env,
    /// The allocation.
    pub alloc_id: AllocId,
    /// The task's name.
    pub task: String,
    /// Whom it shall run as; the driver's choice when empty.
    pub user: String,
    /// Its `config` block.
    pub config: serde_json::Map<String, serde_json::Value>,
    /// Its environment.
    pub variables: BTreeMap<String, String>,
    /// Its ports, by label.
    pub ports: BTreeMap<String, AssignedPort>,
    /// Its folders, made already.
    pub dir: TaskDir,
    /// Where the driver keeps what belongs to no task, such as images. Not made yet.
    pub driver_dir: PathBuf,
    /// What the driver wants its user to know becomes an event of the task.
    pub messages: UnboundedSender<String>,
}

impl TaskContext {
    /// Adds an event to the task.
    pub fn say(&self, message: impl Into<String>) {
        // Nobody listens when the task is being stopped, and then nobody needs to know.
        let _ = self.messages.send(message.into());
    }
}

/// How a task ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// Its exit code.
    pub code: i32,
    /// The signal that ended it, 0 for none.
    pub signal: i32,
    /// Why nothing better is known; empty when code and signal are what the machine said.
    pub error: String,
}

impl Exit {
    /// Tells whether it ended well.
    pub fn is_success(&self) -> bool {
        self.code == 0 && self.signal == 0 && self.error.is_empty()
    }
}

/// Why a driver could not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DriverError {
    /// Whether another try may go better: false for mistakes in the job.
    pub recoverable: bool,
    /// What was wrong and what to do.
    pub message: String,
}

impl DriverError {
    /// Makes an error that another try may not meet.
    pub fn recoverable(message: impl Into<String>) -> Self {
        Self { recoverable: true, message: message.into() }
    }

    /// Makes an error that stays until somebody changes the job or the machine.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { recoverable: false, message: message.into() }
    }
}

/// Returns the text of a field of `config`.
pub(super) fn text_field(
    config: &serde_json::Map<String, serde_json::Value>,
    name: &str,
) -> Result<Option<String>, DriverError> {
    match config.get(name) {
        None | Some(serde_json::Value::Null) => Ok(None),
        Some(serde_json::Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => Err(DriverError::permanent(format!("config.{name} has to be a text, not {other}"))),
    }
}

/// Returns the list of texts in a field of `config`. Numbers and booleans count as what they look like.
pub(super) fn list_field(
    config: &serde_json::Map<String, serde_json::Value>,
    name: &str,
) -> Result<Vec<String>, DriverError> {
    use serde_json::Value;
    let wrong = || DriverError::permanent(format!("config.{name} has to be a list of texts"));
    match config.get(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| match item {
                Value::String(text) => Ok(text.clone()),
                Value::Number(number) => Ok(number.to_string()),
                Value::Bool(flag) => Ok(flag.to_string()),
                _ => Err(wrong()),
            })
            .collect(),
        Some(_) => Err(wrong()),
    }
}
