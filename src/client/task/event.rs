//! What happens to a task, in Nomad's words.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::client::driver::{DriverError, Exit};
use crate::model::{TaskEvent, Timestamp, duration};

fn event(kind: &str, time: Timestamp, message: impl Into<String>, details: &[(&str, String)]) -> TaskEvent {
    let details: BTreeMap<String, String> =
        details.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    TaskEvent { kind: kind.to_owned(), time, message: message.into(), details }
}

/// The client has heard of the task.
pub fn received(now: Timestamp) -> TaskEvent {
    event("Received", now, "the client has the task", &[])
}

/// Its folders are made.
pub fn setup(now: Timestamp) -> TaskEvent {
    event("Task Setup", now, "makes the task's folders", &[])
}

/// Its folders can not be made.
pub fn setup_failure(now: Timestamp, error: &str) -> TaskEvent {
    event("Setup Failure", now, error, &[("fails_task", "true".to_owned())])
}

/// Its driver has something to say.
pub fn driver(now: Timestamp, message: &str) -> TaskEvent {
    event("Driver", now, message, &[("driver_message", message.to_owned())])
}

/// Its driver could not start it.
pub fn driver_failure(now: Timestamp, error: &DriverError) -> TaskEvent {
    event("Driver Failure", now, &error.message, &[("driver_error", error.message.clone())])
}

/// It runs.
pub fn started(now: Timestamp) -> TaskEvent {
    event("Started", now, "the task runs", &[])
}

/// It ran and has ended.
pub fn terminated(now: Timestamp, exit: &Exit) -> TaskEvent {
    let mut message = match exit.signal {
        0 => format!("exit code {}", exit.code),
        signal => format!("ended by signal {signal}"),
    };
    let mut details = vec![("exit_code", exit.code.to_string()), ("signal", exit.signal.to_string())];
    if !exit.error.is_empty() {
        message.clone_from(&exit.error);
        details.push(("exit_message", exit.error.clone()));
    }
    event("Terminated", now, message, &details)
}

/// Its allocation was found not to be well, which its deployment has to know.
pub fn alloc_unhealthy(now: Timestamp, reason: &str) -> TaskEvent {
    event("Alloc Unhealthy", now, reason, &[])
}

/// It will start again.
pub fn restarting(now: Timestamp, after: Duration, reason: &str) -> TaskEvent {
    let details = [("restart_reason", reason.to_owned()), ("start_delay", after.as_nanos().to_string())];
    let whole = duration::format(Duration::from_millis(after.as_millis().try_into().unwrap_or(u64::MAX)));
    event("Restarting", now, format!("{reason}; starts again in {whole}"), &details)
}

/// It will not start again.
pub fn not_restarting(now: Timestamp, failed: bool, reason: &str) -> TaskEvent {
    event(
        "Not Restarting",
        now,
        reason,
        &[("fails_task", failed.to_string()), ("restart_reason", reason.to_owned())],
    )
}

/// It has been asked to end.
pub fn killing(now: Timestamp, timeout: Duration, reason: &str) -> TaskEvent {
    let details = [("kill_reason", reason.to_owned()), ("kill_timeout", timeout.as_nanos().to_string())];
    event(
        "Killing",
        now,
        format!("{reason}; it has {} to end by itself", duration::format(timeout)),
        &details,
    )
}

/// It has ended because it was asked to.
pub fn killed(now: Timestamp) -> TaskEvent {
    event("Killed", now, "the task was stopped", &[])
}

/// Another task of its allocation has failed, which ends this one too.
pub fn sibling_failed(now: Timestamp, sibling: &str) -> TaskEvent {
    event(
        "Sibling Task Failed",
        now,
        format!("task {sibling} of the same group failed"),
        &[("failed_sibling", sibling.to_owned())],
    )
}
