//! Runs commands as they are, with the agent's own rights.
//!
//! `config` takes `command`, a path or a name found in `PATH`, and `args`. It is off unless the client's option
//! `driver.raw_exec.enable` is `"1"`: whoever may submit a job then runs commands as the agent's user.

use std::collections::BTreeMap;
use std::io;

use futures_util::future::BoxFuture;

use super::process::ProcessHandle;
use super::{Driver, DriverError, TaskContext, TaskHandle, list_field, text_field};
use crate::env::Env;
use crate::env::process::{Command, Signal};
use crate::model::DriverInfo;

/// The name that jobs call it by.
pub const NAME: &str = "raw_exec";

/// The client's option that turns it on.
pub const OPTION: &str = "driver.raw_exec.enable";

/// Where commands are looked for when the agent has no `PATH` itself.
const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Variables of the agent that hold secrets of the agent.
const NOT_INHERITED: &[&str] = &[
    "CONSUL_TOKEN",
    "CONSUL_HTTP_TOKEN",
    "NOMAD_TOKEN",
    "VAULT_TOKEN",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
];

/// The driver.
pub struct RawExec {
    is_enabled: bool,
    inherited: BTreeMap<String, String>,
}

impl RawExec {
    /// Makes the driver; `host_env` is what tasks inherit, less what is secret.
    pub fn new(is_enabled: bool, mut host_env: BTreeMap<String, String>) -> Self {
        host_env.retain(|name, _| !NOT_INHERITED.contains(&name.as_str()));
        host_env.entry("PATH".to_owned()).or_insert_with(|| PATH_DEFAULT.to_owned());
        Self { is_enabled, inherited: host_env }
    }

    /// Makes the driver as the client's options say.
    pub fn from_options(options: &BTreeMap<String, String>, host_env: BTreeMap<String, String>) -> Self {
        let is_enabled =
            options.get(OPTION).is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"));
        Self::new(is_enabled, host_env)
    }

    fn command(&self, context: &TaskContext) -> Result<Command, DriverError> {
        if !self.is_enabled {
            return Err(DriverError::permanent(format!(
                "raw_exec is off on this node; set the option {OPTION} = \"1\""
            )));
        }
        if !context.user.is_empty() {
            let message = "raw_exec runs tasks as the agent's own user; remove `user` from the task";
            return Err(DriverError::permanent(message));
        }
        let program =
            text_field(&context.config, "command")?.filter(|command| !command.is_empty()).ok_or_else(
                || DriverError::permanent("config.command is missing: the command that raw_exec shall run"),
            )?;
        let mut env = self.inherited.clone();
        env.extend(context.variables.clone());
        Ok(Command {
            program,
            args: list_field(&context.config, "args")?,
            env,
            cwd: Some(context.dir.root().to_owned()),
            stdout: Some(context.dir.stdout()),
            stderr: Some(context.dir.stderr()),
        })
    }
}

impl Driver for RawExec {
    fn name(&self) -> &str {
        NAME
    }

    fn fingerprint(&self, _env: &Env) -> DriverInfo {
        if !self.is_enabled {
            let description = format!("off; turned on by the client's option {OPTION} = \"1\"");
            return DriverInfo { description, ..DriverInfo::default() };
        }
        DriverInfo {
            detected: true,
            healthy: true,
            description: "runs commands with the agent's rights".to_owned(),
            attributes: [("driver.raw_exec".to_owned(), "1".to_owned())].into(),
        }
    }

    fn start(&self, context: TaskContext) -> BoxFuture<'_, Result<Box<dyn TaskHandle>, DriverError>> {
        Box::pin(async move {
            let command = self.command(&context)?;
            let process = context.env.processes.start(command).await.map_err(|error| match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported => {
                    DriverError::permanent(format!("the command can not be started: {error}"))
                }
                _ => DriverError::recoverable(format!("the command can not be started: {error}")),
            })?;
            Ok(Box::new(ProcessHandle::new(process, Signal::INT)) as Box<dyn TaskHandle>)
        })
    }

    fn recover(&self, env: &Env, saved: &[u8]) -> Result<Option<Box<dyn TaskHandle>>, DriverError> {
        ProcessHandle::recover(env, saved, Signal::INT)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::client::driver::Exit;
    use crate::client::fixtures;

    fn driver() -> RawExec {
        RawExec::new(
            true,
            [("PATH", "/usr/bin:/bin"), ("NOMAD_TOKEN", "secret")]
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .into(),
        )
    }

    async fn start(context: &TaskContext, script: &str) -> Box<dyn TaskHandle> {
        let mut context = context.clone();
        context.config = json!({"command": "sh", "args": ["-c", script]}).as_object().unwrap().clone();
        driver().start(context).await.unwrap()
    }

    #[tokio::test]
    async fn exit_code_and_output_are_kept() {
        let (folder, context) = fixtures::context();
        let handle = start(&context, "echo hello; echo $NOMAD_TOKEN bad >&2; pwd; exit 3").await;
        assert_eq!(handle.wait().await, Exit { code: 3, ..Exit::default() });
        let read =
            |path: std::path::PathBuf| String::from_utf8(context.env.disk.read(&path).unwrap()).unwrap();
        assert_eq!(read(context.dir.stdout()), format!("hello\n{}\n", context.dir.root().display()));
        assert_eq!(read(context.dir.stderr()), "bad\n");
        drop(folder);
    }

    #[tokio::test]
    async fn a_stop_asks_first_and_kills_the_whole_group_then() {
        let (_folder, context) = fixtures::context();
        let polite = start(&context, "trap 'exit 7' INT; echo ready; while :; do sleep 0.01; done").await;
        while context.env.disk.read(&context.dir.stdout()).unwrap_or_default().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        polite.stop(None, Duration::from_secs(20)).await.unwrap();
        assert_eq!(polite.wait().await.code, 7);

        let stubborn = start(&context, "trap '' INT TERM; sleep 60 & sleep 60; sleep 60").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        stubborn.stop(Some(Signal::TERM), Duration::from_millis(50)).await.unwrap();
        assert_eq!(stubborn.wait().await, Exit { signal: 9, ..Exit::default() });
    }

    #[tokio::test]
    async fn a_running_task_is_found_again_and_an_ended_one_is_not() {
        let (_folder, context) = fixtures::context();
        let handle = start(&context, "exec sleep 60").await;
        let saved = handle.saved();
        let found = driver().recover(&context.env, &saved).unwrap().expect("it runs");
        found.stop(None, Duration::from_secs(20)).await.unwrap();
        assert_eq!(handle.wait().await.signal, 2);
        assert!(driver().recover(&context.env, &saved).unwrap().is_none());
        assert!(driver().recover(&context.env, b"nonsense").is_err());
    }

    #[tokio::test]
    async fn mistakes_in_the_job_are_not_worth_another_try() {
        let (_folder, mut context) = fixtures::context();
        for (config, text) in [
            (json!({}), "config.command is missing"),
            (json!({"command": 7}), "config.command has to be a text"),
            (json!({"command": "sh", "args": "x"}), "config.args has to be a list"),
            (json!({"command": "/no/such/command"}), "/no/such/command"),
        ] {
            context.config = config.as_object().unwrap().clone();
            let error = driver().start(context.clone()).await.err().unwrap();
            assert!(error.message.contains(text) && !error.recoverable, "{error:?}");
        }
        let off = RawExec::from_options(&BTreeMap::new(), BTreeMap::new());
        assert!(!off.fingerprint(&context.env).detected);
        assert!(off.start(context).await.err().unwrap().message.contains(OPTION));
    }
}
