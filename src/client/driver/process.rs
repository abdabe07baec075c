//! The handle of a task that is a process group of the machine.

use std::io;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{DriverError, Exit, TaskHandle};
use crate::env::Env;
use crate::env::process::{Process, ProcessId, Signal};

/// How long a killed group may take to vanish before its task counts as ended all the same. Only a process stuck in
/// the kernel takes longer, and nothing can be done about that.
const KILLED_MAX: Duration = Duration::from_secs(10);

/// A task that is a process group.
pub struct ProcessHandle {
    process: Box<dyn Process>,
    stop_signal: Signal,
}

impl ProcessHandle {
    /// Wraps a process; `stop_signal` is what asks it to end when its job does not say.
    pub fn new(process: Box<dyn Process>, stop_signal: Signal) -> Self {
        Self { process, stop_signal }
    }

    /// Finds a process again by what [`TaskHandle::saved`] returned; `None` when it has ended.
    pub fn recover(
        env: &Env,
        saved: &[u8],
        stop_signal: Signal,
    ) -> Result<Option<Box<dyn TaskHandle>>, DriverError> {
        let id: ProcessId = serde_json::from_slice(saved).map_err(|error| {
            DriverError::permanent(format!("what was saved of the task can not be read: {error}"))
        })?;
        match env.processes.attach(id) {
            Ok(process) => Ok(Some(Box::new(Self::new(process, stop_signal)))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(DriverError::recoverable(format!("the task can not be found again: {error}"))),
        }
    }
}

impl TaskHandle for ProcessHandle {
    fn wait(&self) -> BoxFuture<'_, Exit> {
        Box::pin(async move {
            let exit = match self.process.wait().await {
                Ok(exit) => Exit { code: exit.code, signal: exit.signal, error: String::new() },
                Err(error) => Exit { code: 0, signal: 0, error: error.to_string() },
            };
            // What a task leaves behind in its group would hold ports and memory that others have been promised.
            if let Err(error) = self.process.signal(Signal::KILL) {
                tracing::warn!(%error, "the rest of a task's process group can not be killed");
            }
            exit
        })
    }

    fn stop(&self, signal: Option<Signal>, timeout: Duration) -> BoxFuture<'_, Result<(), DriverError>> {
        Box::pin(async move {
            self.signal(signal.unwrap_or(self.stop_signal))?;
            if tokio::time::timeout(timeout, self.process.wait()).await.is_ok() {
                return Ok(());
            }
            self.signal(Signal::KILL)?;
            match tokio::time::timeout(KILLED_MAX, self.process.wait()).await {
                Ok(_) => Ok(()),
                Err(_) => Err(DriverError::recoverable("the process does not end, not even by SIGKILL")),
            }
        })
    }

    fn signal(&self, signal: Signal) -> Result<(), DriverError> {
        self.process.signal(signal).map_err(|error| {
            DriverError::recoverable(format!("signal {} can not be sent: {error}", signal.0))
        })
    }

    fn saved(&self) -> Vec<u8> {
        // Two numbers: this can not fail.
        serde_json::to_vec(&self.process.id()).unwrap_or_default()
    }
}
