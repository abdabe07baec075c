//! Processes of the machine.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use futures_util::future::BoxFuture;
use nix::errno::Errno;
use nix::sys::signal::killpg;
use nix::unistd::Pid;
use tokio::sync::watch;

use crate::env::Processes;
use crate::env::process::{Command, Exit, Process, ProcessId, Signal};

/// How often a process that is not our child is looked at.
pub const POLL: Duration = Duration::from_millis(250);

/// The machine's processes.
pub struct RealProcesses;

impl Processes for RealProcesses {
    fn start(&self, command: Command) -> BoxFuture<'static, io::Result<Box<dyn Process>>> {
        Box::pin(async move { start(command).map(|child| Box::new(child) as Box<dyn Process>) })
    }

    fn attach(&self, id: ProcessId) -> io::Result<Box<dyn Process>> {
        match start_time(id.pid)? {
            Some(started) if started == id.started => Ok(Box::new(Found { id })),
            _ => Err(io::Error::new(io::ErrorKind::NotFound, format!("process {} has ended", id.pid))),
        }
    }
}

/// Starts a process as the leader of its own group, which a signal to our group does not reach.
fn start(command: Command) -> io::Result<Child> {
    let mut starter = tokio::process::Command::new(&command.program);
    starter.args(&command.args).env_clear().envs(&command.env).process_group(0);
    starter.stdin(Stdio::null()).stdout(output(command.stdout)?).stderr(output(command.stderr)?);
    if let Some(cwd) = command.cwd {
        if !cwd.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("no folder {}", cwd.display())));
        }
        starter.current_dir(cwd);
    }
    let mut child = starter
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", command.program)))?;
    let pid = child.id().ok_or_else(|| io::Error::other("the new process has no id"))?;
    // It is not reaped before the task below runs, so the id is still its own. Without `/proc` it is not found again.
    let started = start_time(pid).ok().flatten().unwrap_or(0);
    let (done, exit) = watch::channel(None);
    // Waits even when nobody asks, so that no zombie stays.
    tokio::spawn(async move {
        let result = child.wait().await.map(exit_of).map_err(|error| error.to_string());
        done.send_replace(Some(result));
    });
    Ok(Child { id: ProcessId { pid, started }, exit })
}

fn output(path: Option<PathBuf>) -> io::Result<Stdio> {
    let Some(path) = path else { return Ok(Stdio::null()) };
    let opened: io::Result<File> = OpenOptions::new().append(true).create(true).open(&path);
    opened
        .map(Stdio::from)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

fn exit_of(status: std::process::ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt;
    Exit { code: status.code().unwrap_or(0), signal: status.signal().unwrap_or(0) }
}

/// A process we started.
struct Child {
    id: ProcessId,
    exit: watch::Receiver<Option<Result<Exit, String>>>,
}

impl Process for Child {
    fn id(&self) -> ProcessId {
        self.id
    }

    fn wait(&self) -> BoxFuture<'_, io::Result<Exit>> {
        let mut exit = self.exit.clone();
        Box::pin(async move {
            let ended = exit.wait_for(Option::is_some).await.map_err(io::Error::other)?;
            match ended.as_ref() {
                Some(result) => result.clone().map_err(io::Error::other),
                None => Err(io::Error::other("the process has not ended")),
            }
        })
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        signal_group(self.id, signal)
    }
}

/// A process an earlier life of this agent started.
struct Found {
    id: ProcessId,
}

impl Process for Found {
    fn id(&self) -> ProcessId {
        self.id
    }

    fn wait(&self) -> BoxFuture<'_, io::Result<Exit>> {
        Box::pin(async move {
            while start_time(self.id.pid)? == Some(self.id.started) {
                tokio::time::sleep(POLL).await;
            }
            Err(io::Error::other(
                "its exit code is not known: it ended while it was not a child of this agent",
            ))
        })
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        signal_group(self.id, signal)
    }
}

fn signal_group(id: ProcessId, signal: Signal) -> io::Result<()> {
    // The leader may be gone and its children left; but an id that now belongs to another process is not ours to hit.
    if matches!(start_time(id.pid), Ok(Some(started)) if id.started != 0 && started != id.started) {
        return Ok(());
    }
    let signal = nix::sys::signal::Signal::try_from(signal.0)?;
    let pid = i32::try_from(id.pid).map_err(|_| io::ErrorKind::InvalidInput)?;
    match killpg(Pid::from_raw(pid), signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Returns when a process started, in clock ticks since the machine booted; `None` when it is gone or a zombie.
#[cfg(target_os = "linux")]
fn start_time(pid: u32) -> io::Result<Option<u64>> {
    let text = match std::fs::read(format!("/proc/{pid}/stat")) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        // ESRCH: it went away between open and read.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(Errno::ESRCH as i32) => return Ok(None),
        Err(error) => return Err(error),
    };
    // The second field, the name in parentheses, may itself hold spaces and parentheses. After it: state is the third
    // field, the start time the 22nd.
    let Some((_, rest)) = text.rsplit_once(')') else { return Ok(None) };
    let mut fields = rest.split_ascii_whitespace();
    match fields.next() {
        Some("Z" | "X") | None => Ok(None),
        Some(_) => Ok(fields.nth(18).and_then(|field| field.parse().ok())),
    }
}

#[cfg(not(target_os = "linux"))]
fn start_time(_pid: u32) -> io::Result<Option<u64>> {
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        "finding processes of an earlier agent needs Linux; on this system tasks end with their agent",
    ))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        Command {
            program: "/bin/sh".to_owned(),
            args: vec!["-c".to_owned(), script.to_owned()],
            env: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
            ..Command::default()
        }
    }

    #[tokio::test]
    async fn exit_code_output_and_environment_are_the_commands() {
        let folder = tempfile::tempdir().unwrap();
        let (stdout, stderr) = (folder.path().join("out"), folder.path().join("err"));
        let mut command = shell("echo $GREETING; pwd; echo bad >&2; exit 3");
        command.env.insert("GREETING".to_owned(), "hello".to_owned());
        command.cwd = Some(folder.path().to_owned());
        (command.stdout, command.stderr) = (Some(stdout.clone()), Some(stderr.clone()));
        let process = RealProcesses.start(command).await.unwrap();
        assert_eq!(process.wait().await.unwrap(), Exit { code: 3, signal: 0 });
        assert_eq!(process.wait().await.unwrap(), Exit { code: 3, signal: 0 });
        assert_eq!(std::fs::read_to_string(stdout).unwrap(), format!("hello\n{}\n", folder.path().display()));
        assert_eq!(std::fs::read_to_string(stderr).unwrap(), "bad\n");
    }

    #[tokio::test]
    async fn unknown_program_and_folder_are_not_found() {
        let unknown = Command { program: "/no/such/program".to_owned(), ..Command::default() };
        let error = RealProcesses.start(unknown).await.err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().contains("/no/such/program"), "{error}");
        let nowhere = Command { cwd: Some("/no/such/folder".into()), ..shell("true") };
        let error = RealProcesses.start(nowhere).await.err().unwrap();
        assert!(error.to_string().contains("/no/such/folder"), "{error}");
    }

    #[tokio::test]
    async fn a_signal_reaches_the_whole_group() {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("pid");
        let process = RealProcesses
            .start(shell(&format!("sleep 60 & echo $! > {0}.new; mv {0}.new {0}; wait", pid_file.display())))
            .await
            .unwrap();
        while !pid_file.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let grandchild: u32 = std::fs::read_to_string(&pid_file).unwrap().trim().parse().unwrap();
        assert!(start_time(grandchild).unwrap().is_some());
        process.signal(Signal::KILL).unwrap();
        assert_eq!(process.wait().await.unwrap(), Exit { code: 0, signal: 9 });
        while start_time(grandchild).unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        process.signal(Signal::TERM).unwrap();
    }

    #[tokio::test]
    async fn a_process_is_found_again_by_id_and_start_time_only() {
        let process = RealProcesses.start(shell("exec sleep 60")).await.unwrap();
        let id = process.id();
        let found = RealProcesses.attach(id).unwrap();
        let stranger = ProcessId { started: id.started + 1, ..id };
        assert_eq!(RealProcesses.attach(stranger).err().unwrap().kind(), io::ErrorKind::NotFound);
        signal_group(stranger, Signal::KILL).unwrap();
        assert!(RealProcesses.attach(id).is_ok(), "a stranger's signal does not hit");
        found.signal(Signal::TERM).unwrap();
        assert!(found.wait().await.unwrap_err().to_string().contains("exit code"));
        assert_eq!(process.wait().await.unwrap().signal, 15);
    }
}
