//! `pasture agent`

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use tracing_subscriber::EnvFilter;

use crate::agent::{Agent, AgentConfig, HTTP_PORT, RPC_PORT, ServerRole};
use crate::cli::agent_config::{self, Address, AgentSettings};
use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::files;
use crate::client::{ClientConfig, driver};
use crate::env::Env;

/// How long an agent may take to stop: what waits for it gives up after five seconds.
const STOP_MAX: Duration = Duration::from_millis(4_500);

/// The most a task of -dev may take to end.
const DEV_KILL_TIMEOUT_MAX: Duration = Duration::from_secs(3);

/// The most threads that run an agent's tasks. It waits more than it computes.
const THREADS_MAX: usize = 4;

/// The most folders left behind under one process number that are stepped over.
const SCRATCH_TRIES_MAX: u32 = 100;

/// The option that lets tasks run without isolation.
const RAW_EXEC: &str = "driver.raw_exec.enable";

/// Run a server, a client, or both
///
/// With -dev one process is both, on this machine only, and forgets everything when it ends:
/// the quickest way to try something. A real agent is told by configuration files what it is.
///
/// Examples:
///
///   pasture agent -dev
///   pasture agent -config=/etc/pasture.hcl
///   pasture agent -config=common.hcl -config=server.d
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct AgentArgs {
    /// Server and client in one process, with nothing kept
    #[arg(long)]
    pub dev: bool,

    /// Configuration file (HCL or JSON), or a folder of them; later ones win
    #[arg(long, value_name = "PATH")]
    pub config: Vec<PathBuf>,

    /// Address to listen on
    #[arg(long, value_name = "ADDRESS")]
    pub bind: Option<IpAddr>,

    /// Where everything is kept
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,

    /// Name of the agent; the host's when not given
    #[arg(long, value_name = "NAME")]
    pub node: Option<String>,

    /// Datacenter
    #[arg(long, value_name = "NAME")]
    pub dc: Option<String>,

    /// Region
    #[arg(long, value_name = "NAME")]
    pub region: Option<String>,

    /// Be a server
    #[arg(long)]
    pub server: bool,

    /// How many servers make the first cluster
    #[arg(long, value_name = "NUMBER")]
    pub bootstrap_expect: Option<u32>,

    /// Server to look for, as often as needed
    #[arg(long, value_name = "HOST[:PORT]")]
    pub retry_join: Vec<String>,

    /// Be a client
    #[arg(long)]
    pub client: bool,

    /// What kind of machine the client is on
    #[arg(long, value_name = "CLASS")]
    pub node_class: Option<String>,

    /// Servers of the client, comma-separated
    #[arg(long, value_name = "HOST[:PORT]", value_delimiter = ',')]
    pub servers: Vec<String>,

    /// How much is logged: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
}

/// Runs the agent until it is asked to stop.
///
/// # Errors
/// When its configuration makes no sense, or it cannot start.
pub fn run(args: &AgentArgs, context: &Context) -> Result<Exit, CommandError> {
    let mut settings = read_settings(&args.config, context)?;
    apply_flags(&mut settings, args);
    // Removed when this function ends, however it ends.
    let scratch = if args.dev && settings.data_dir.is_none() {
        Some(Scratch::new().map_err(CommandError::Other)?)
    } else {
        None
    };
    if let Some(Scratch(folder)) = &scratch {
        settings.data_dir = Some(folder.clone());
    }
    if args.dev {
        apply_dev(&mut settings);
    }
    start_logging(settings.log_level.as_deref().unwrap_or("info"), context).map_err(CommandError::Other)?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .map_err(|error| CommandError::Other(format!("cannot start the runtime: {error}")))?;
    let result = runtime.block_on(serve(context, settings, args.dev));
    runtime.shutdown_timeout(Duration::from_millis(200));
    result.map(|()| Exit::SUCCESS).map_err(CommandError::Other)
}

/// A folder of an agent that forgets everything when it ends.
struct Scratch(PathBuf);

impl Scratch {
    /// Makes a folder that nobody has used: one that a killed agent left behind may bear this process's number.
    fn new() -> Result<Self, String> {
        let temporary = std::env::temp_dir();
        let mut builder = std::fs::DirBuilder::new();
        // What tasks write is nobody else's business.
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        for attempt in 0..SCRATCH_TRIES_MAX {
            let folder = temporary.join(format!("pasture-dev-{}-{attempt}", std::process::id()));
            match builder.create(&folder) {
                Ok(()) => return Ok(Self(folder)),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(format!(
                        "cannot create {}: {error}; name another by -data-dir",
                        folder.display()
                    ));
                }
            }
        }
        Err(format!("{} is full of old pasture-dev folders; remove them", temporary.display()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It lies in the system's temporary folder; what cannot be removed is removed there some day.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Starts the agent, says where it is, and waits until it is asked to stop.
async fn serve(context: &Context, settings: AgentSettings, dev: bool) -> Result<(), String> {
    let config = agent_config(&context.env, &settings)?;
    // Listening for signals begins before anything is started, so that an early one is not lost.
    let mut stop = Stop::new().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let roles = match (&config.server, &config.client) {
        (Some(_), Some(_)) => "server and client",
        (Some(_), None) => "server",
        _ => "client",
    };
    let shown = format!(
        "Pasture agent {:?}: {roles}\n  region {}, datacenter {}\n  data   {}\n",
        config.name,
        config.region,
        config.datacenter,
        config.data_dir.display()
    );
    let agent = Agent::start(context.env.clone(), config).await.map_err(|error| error.to_string())?;
    // Not `println!`: it panics when nobody reads, which would leave the tasks behind.
    context.print(&format!("{shown}  HTTP   http://{}\nCtrl-C stops it.", agent.http_address()));
    let interrupted = stop.wait().await;
    let leave = dev
        || match interrupted {
            true => settings.leave_on_interrupt.unwrap_or(false),
            false => settings.leave_on_terminate.unwrap_or(false),
        };
    context.print(&format!("Stopping{}.", if leave { " the agent and its tasks" } else { "; tasks run on" }));
    tokio::select! {
        biased;
        stopped = tokio::time::timeout(STOP_MAX, agent.shutdown(leave)) => {
            if stopped.is_err() {
                context.warn(&format!("Not everything stopped within {} s.", STOP_MAX.as_secs_f64()));
            }
        }
        _ = stop.wait() => context.warn("Stopped at once by a second signal."),
    }
    Ok(())
}

/// The two ways an agent is asked to stop.
struct Stop {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
        })
    }

    /// Waits to be asked; true for an interrupt, false for a termination.
    async fn wait(&mut self) -> bool {
        #[cfg(unix)]
        let terminated = self.terminate.recv();
        #[cfg(not(unix))]
        let terminated = std::future::pending::<Option<()>>();
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => true,
            _ = terminated => false,
        }
    }
}

/// Reads configuration files, those of a folder in order of their names, and warns of what has no effect.
fn read_settings(paths: &[PathBuf], context: &Context) -> Result<AgentSettings, CommandError> {
    let mut sources = Vec::new();
    for path in paths {
        let files = if path.is_dir() { configuration_files(path)? } else { vec![path.clone()] };
        for file in files {
            let text = files::read(&file)?;
            sources.push((file.display().to_string(), text));
        }
    }
    let (settings, warnings) = agent_config::parse_all(&sources).map_err(CommandError::Invalid)?;
    for warning in warnings {
        context.warn(&warning.render(context.terminal.colour_errors));
    }
    Ok(settings)
}

#[expect(clippy::disallowed_methods, reason = "a folder that a user names on the command line; sorted below")]
fn configuration_files(folder: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let failed = |source| CommandError::Read { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let file = entry.map_err(failed)?.path();
        if file.extension().is_some_and(|ending| ending == "hcl" || ending == "json") {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}

/// Lets flags win over files.
fn apply_flags(settings: &mut AgentSettings, args: &AgentArgs) {
    fn set<T: Clone>(target: &mut Option<T>, value: &Option<T>) {
        if value.is_some() {
            target.clone_from(value);
        }
    }
    set(&mut settings.bind_addr, &args.bind);
    set(&mut settings.data_dir, &args.data_dir);
    set(&mut settings.name, &args.node);
    set(&mut settings.datacenter, &args.dc);
    set(&mut settings.region, &args.region);
    set(&mut settings.log_level, &args.log_level);
    set(&mut settings.server.bootstrap_expect, &args.bootstrap_expect);
    set(&mut settings.client.node_class, &args.node_class);
    settings.server.retry_join.extend(args.retry_join.iter().cloned());
    settings.client.servers.extend(args.servers.iter().cloned());
    if args.server {
        settings.server.enabled = Some(true);
    }
    if args.client {
        settings.client.enabled = Some(true);
    }
}

/// Fills in what -dev means. It wins over files where they say otherwise.
fn apply_dev(settings: &mut AgentSettings) {
    settings.server.enabled = Some(true);
    settings.server.bootstrap_expect = Some(1);
    settings.client.enabled = Some(true);
    settings.client.options.entry(RAW_EXEC.to_owned()).or_insert_with(|| "1".to_owned());
    settings.bind_addr.get_or_insert(Ipv4Addr::LOCALHOST.into());
    // Its tasks end with it, so none may take longer than it has.
    settings.client.kill_timeout_max.get_or_insert(DEV_KILL_TIMEOUT_MAX);
}

fn agent_config(env: &Env, settings: &AgentSettings) -> Result<AgentConfig, String> {
    let bind = settings.bind_addr.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
    let data_dir = settings.data_dir.clone().ok_or(
        "the agent has no data directory; set `data_dir` in its configuration or -data-dir, or use -dev",
    )?;
    let data_dir = std::path::absolute(&data_dir)
        .map_err(|error| format!("cannot use the data directory {}: {error}", data_dir.display()))?;
    let http_port = settings.ports.http.unwrap_or(HTTP_PORT);
    let rpc_port = settings.ports.rpc.unwrap_or(RPC_PORT);
    let advertise = advertise(env, settings, bind, http_port, rpc_port)?;
    let name = settings.name.clone().unwrap_or_else(host_name);
    let server = settings.server.enabled.unwrap_or(false).then(|| {
        let default = ServerRole::default();
        ServerRole {
            bootstrap_expect: settings.server.bootstrap_expect.unwrap_or(default.bootstrap_expect),
            retry_join: settings.server.retry_join.iter().map(|host| with_port(host)).collect(),
            num_schedulers: settings
                .server
                .num_schedulers
                .map_or(default.num_schedulers, |number| usize::try_from(number).unwrap_or(usize::MAX)),
            ..default
        }
    });
    let client = settings
        .client
        .enabled
        .unwrap_or(false)
        .then(|| client_config(env, settings, &name, &data_dir, bind));
    Ok(AgentConfig {
        region: settings.region.clone().unwrap_or_else(|| "global".to_owned()),
        datacenter: settings.datacenter.clone().unwrap_or_else(|| "dc1".to_owned()),
        name,
        data_dir,
        bind,
        http_port,
        rpc_port,
        advertise,
        server,
        client,
    })
}

fn client_config(
    env: &Env,
    settings: &AgentSettings,
    name: &str,
    data_dir: &Path,
    bind: IpAddr,
) -> ClientConfig {
    let client = &settings.client;
    let default = ClientConfig::default();
    let host_env: BTreeMap<String, String> = std::env::vars().collect();
    // Tasks of an agent that only this machine can reach are reached by the same address.
    let interface = client.network_interface.clone().unwrap_or_else(|| {
        let own = env.net.interfaces().into_iter().find(|one| one.is_loopback && bind.is_loopback());
        own.map(|interface| interface.name).unwrap_or_default()
    });
    ClientConfig {
        data_dir: data_dir.to_owned(),
        servers: client.servers.iter().map(|host| with_port(host)).collect(),
        name: name.to_owned(),
        datacenter: settings.datacenter.clone().unwrap_or_else(|| "dc1".to_owned()),
        class: client.node_class.clone().unwrap_or_default(),
        pool: client.node_pool.clone().unwrap_or(default.pool.clone()),
        meta: client.meta.clone(),
        network_interface: interface,
        network_mbits: client.network_mbits.unwrap_or(0),
        cpu_mhz: client.cpu_mhz,
        memory_mb: client.memory_mb,
        disk_mb: client.disk_mb,
        kill_timeout_max: client.kill_timeout_max.unwrap_or(default.kill_timeout_max),
        reserved: client.reserved.clone(),
        drivers: driver::builtin(&client.options, host_env),
        options: client.options.clone(),
        ..default
    }
}

/// Returns how others reach this machine: as told, else by the address it listens on, else by its first interface.
fn advertise(
    env: &Env,
    settings: &AgentSettings,
    bind: IpAddr,
    http_port: u16,
    rpc_port: u16,
) -> Result<IpAddr, String> {
    let told = [(settings.advertise.rpc, rpc_port, "rpc"), (settings.advertise.http, http_port, "http")];
    let mut addresses: Vec<Address> = Vec::new();
    for (address, port, what) in told {
        let Some(address) = address else { continue };
        if address.port.is_some_and(|advertised| advertised != port) {
            return Err(format!(
                "advertise.{what} names another port than ports.{what} ({port}); translated ports are not supported yet"
            ));
        }
        addresses.push(address);
    }
    if let Some(first) = addresses.first() {
        if addresses.iter().any(|other| other.ip != first.ip) {
            return Err(
                "advertise.rpc and advertise.http name different addresses, which is not supported yet"
                    .into(),
            );
        }
        return Ok(first.ip);
    }
    if !bind.is_unspecified() {
        return Ok(bind);
    }
    let outside = env.net.interfaces().into_iter().find(|one| !one.is_loopback && one.address.is_ipv4());
    Ok(outside.map_or(Ipv4Addr::LOCALHOST.into(), |interface| interface.address))
}

/// Adds the usual port of the RPC to a host without one.
fn with_port(host: &str) -> String {
    if let Ok(address) = host.parse::<IpAddr>() {
        return SocketAddr::new(address, RPC_PORT).to_string();
    }
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { host.to_owned() } else { format!("{host}:{RPC_PORT}") }
}

fn host_name() -> String {
    #[cfg(unix)]
    if let Ok(name) = nix::unistd::gethostname() {
        return name.to_string_lossy().into_owned();
    }
    "localhost".to_owned()
}

/// Logs to standard error. The consensus library repeats what the server says in its own words, so only its errors show.
fn start_logging(level: &str, context: &Context) -> Result<(), String> {
    let known = ["error", "warn", "info", "debug", "trace"];
    let level = level.to_ascii_lowercase();
    if !known.contains(&level.as_str()) {
        return Err(format!("log level {level:?} does not exist; use one of {}", known.join(", ")));
    }
    let filter = EnvFilter::new(format!("{level},openraft=error,hyper=warn"));
    // A second agent in one process, as in tests, keeps the first one's log.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(context.terminal.colour_errors)
        .with_target(false)
        .with_writer(std::io::stderr)
        .try_init();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_folder_is_new_and_leaves_nothing_behind() {
        let (one, two) = (Scratch::new().unwrap(), Scratch::new().unwrap());
        let folders = [one.0.clone(), two.0.clone()];
        assert_ne!(folders[0], folders[1]);
        for folder in &folders {
            assert_eq!(folder.read_dir().unwrap().count(), 0);
            std::fs::DirBuilder::new().create(folder.join("alloc")).unwrap();
        }
        drop((one, two));
        assert!(folders.iter().all(|folder| !folder.exists()));
    }

    #[test]
    fn hosts_get_the_usual_port_where_they_have_none() {
        for (host, expected) in [
            ("10.0.0.2", "10.0.0.2:4647"),
            ("10.0.0.2:5000", "10.0.0.2:5000"),
            ("nomad-01.example", "nomad-01.example:4647"),
            ("[::1]:5000", "[::1]:5000"),
            ("::1", "[::1]:4647"),
        ] {
            assert_eq!(with_port(host), expected);
        }
    }
}
