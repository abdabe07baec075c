//! Tasks of a process.

use futures_util::future::BoxFuture;

/// Runs tasks and blocking work of one process.
pub trait Spawn: Send + Sync {
    /// Starts `future` as a task that lives no longer than the process.
    fn spawn(&self, name: &'static str, future: BoxFuture<'static, ()>) -> TaskHandle;

    /// Runs `work` where blocking is allowed and resolves when it is done.
    fn blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()>;
}

/// A running task. Dropping the handle leaves the task running.
pub struct TaskHandle {
    abort: Box<dyn Fn() + Send + Sync>,
}

impl TaskHandle {
    /// Wraps what stops the task.
    pub fn new(abort: impl Fn() + Send + Sync + 'static) -> Self {
        Self { abort: Box::new(abort) }
    }

    /// Stops the task at its next await; harmless when it has ended.
    pub fn abort(&self) {
        (self.abort)();
    }

    /// Turns the handle into a guard that stops the task when dropped.
    pub fn abort_on_drop(self) -> AbortOnDrop {
        AbortOnDrop(self)
    }
}

/// Stops its task when dropped.
pub struct AbortOnDrop(TaskHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
