//! Runs images that are declared programs of the machine, under the name of a container driver.
//!
//! A machine whose images are known by name keeps a catalogue; a job asks for one of them as it would of Docker, by
//! `image`, and notices no difference. Fetching an image takes its time once for a node. The program then runs as the
//! process `image:<name>` with these variables beside the task's own:
//!
//! - `PASTURE_LISTEN_<port inside>` = `<address>:<port of the node>`: where to listen for what the task calls that port;
//! - `NOMAD_PORT_<label>` = the port inside.
//!
//! `config` takes `image`, `command`, `args`, `ports` (labels of the group's network) and `port_map` (label to port
//! inside, as a block, a list of blocks, or a map). Other fields of the Docker driver are named in an event and have no
//! effect.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::process::ProcessHandle;
use super::{Driver, DriverError, TaskContext, TaskHandle, list_field, text_field};
use crate::client::environment::{AssignedPort, FolderView, clean};
use crate::env::Env;
use crate::env::process::{Command, Signal};
use crate::model::DriverInfo;

/// The fields of `config` that have an effect.
const FIELDS: &[&str] = &["image", "command", "args", "ports", "port_map"];

/// What a machine knows of one image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageSpec {
    /// How long a node takes to fetch it the first time.
    pub pull: Duration,
}

/// The driver.
pub struct ImageDriver {
    name: String,
    catalogue: BTreeMap<String, ImageSpec>,
    /// One lock an image, so that a node fetches it once however many tasks wait for it.
    pulls: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl ImageDriver {
    /// Makes a driver that jobs call `name` and that can run the images of `catalogue`, by name with tag.
    pub fn new(name: impl Into<String>, catalogue: BTreeMap<String, ImageSpec>) -> Self {
        let catalogue = catalogue.into_iter().map(|(name, spec)| (with_tag(&name), spec)).collect();
        Self { name: name.into(), catalogue, pulls: Mutex::default() }
    }

    /// Returns the image that a job asks for.
    fn image(&self, context: &TaskContext) -> Result<(String, &ImageSpec), DriverError> {
        let asked = text_field(&context.config, "image")?
            .filter(|image| !image.is_empty())
            .ok_or_else(|| DriverError::permanent("config.image is missing: the image to run"))?;
        let image = with_tag(&asked);
        if let Some(spec) = self.catalogue.get(&image) {
            return Ok((image, spec));
        }
        let nearest =
            self.catalogue.keys().map(|name| (strsim::damerau_levenshtein(name, &image), name)).min();
        let hint = match nearest {
            Some((_, name)) => format!("; did you mean {name:?}?"),
            None => "; this node knows no image at all".to_owned(),
        };
        Err(DriverError::permanent(format!("image {asked:?} does not exist{hint}")))
    }

    fn command(&self, context: &TaskContext) -> Result<Command, DriverError> {
        let (image, _) = self.image(context)?;
        let mut args = list_field(&context.config, "args")?;
        if let Some(command) = text_field(&context.config, "command")? {
            args.insert(0, command);
        }
        let mut env = context.variables.clone();
        for (port, inside) in published(context)? {
            env.insert(format!("PASTURE_LISTEN_{inside}"), listen_address(&port));
            env.insert(clean(&format!("NOMAD_PORT_{}", port.label)), inside.to_string());
        }
        Ok(Command {
            program: format!("image:{image}"),
            args,
            env,
            cwd: None,
            stdout: Some(context.dir.stdout()),
            stderr: Some(context.dir.stderr()),
        })
    }

    /// Waits until the image is on this node.
    async fn pull(&self, context: &TaskContext) -> Result<(), DriverError> {
        let (image, spec) = self.image(context)?;
        let lock = {
            let mut pulls = self.pulls.lock().expect("no holder of this lock panics");
            pulls.entry(image.clone()).or_default().clone()
        };
        let _turn = lock.lock().await;
        let mark = mark(context, &image);
        let (disk, path) = (context.env.disk.clone(), mark.clone());
        if context.env.blocking(move || disk.exists(&path)).await {
            return Ok(());
        }
        context.say(format!("Downloading image {image}"));
        tokio::time::sleep(spec.pull).await;
        let (disk, folder) = (context.env.disk.clone(), context.driver_dir.clone());
        let kept = context
            .env
            .blocking(move || disk.make_dir(&folder).and_then(|()| disk.replace(&mark, b"")))
            .await;
        kept.map_err(|error| DriverError::recoverable(format!("image {image:?} can not be kept: {error}")))
    }
}

impl Driver for ImageDriver {
    fn name(&self) -> &str {
        &self.name
    }

    fn fingerprint(&self, _env: &Env) -> DriverInfo {
        DriverInfo {
            detected: true,
            healthy: true,
            description: format!("knows {} images", self.catalogue.len()),
            attributes: [(format!("driver.{}", self.name), "1".to_owned())].into(),
        }
    }

    fn folder_view(&self) -> FolderView {
        FolderView::Isolated
    }

    fn prepare<'a>(&'a self, context: &'a TaskContext) -> BoxFuture<'a, Result<(), DriverError>> {
        Box::pin(async move {
            // Mistakes in the job show before a download, not after it.
            self.command(context)?;
            let without_effect: Vec<&str> =
                context.config.keys().map(String::as_str).filter(|field| !FIELDS.contains(field)).collect();
            if !without_effect.is_empty() {
                context.say(format!("no effect on this node: {}", without_effect.join(", ")));
            }
            self.pull(context).await
        })
    }

    fn start(&self, context: TaskContext) -> BoxFuture<'_, Result<Box<dyn TaskHandle>, DriverError>> {
        Box::pin(async move {
            let command = self.command(&context)?;
            let process = context.env.processes.start(command).await.map_err(|error| match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::Unsupported => {
                    DriverError::permanent(format!("the image can not be started: {error}"))
                }
                _ => DriverError::recoverable(format!("the image can not be started: {error}")),
            })?;
            Ok(Box::new(ProcessHandle::new(process, Signal::TERM)) as Box<dyn TaskHandle>)
        })
    }

    fn recover(&self, env: &Env, saved: &[u8]) -> Result<Option<Box<dyn TaskHandle>>, DriverError> {
        ProcessHandle::recover(env, saved, Signal::TERM)
    }
}

/// Returns an image's name with its tag: `latest` when nothing is said. A colon before a slash belongs to a registry's
/// port.
fn with_tag(image: &str) -> String {
    let name = image.rsplit_once('/').map_or(image, |(_, name)| name);
    if name.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") }
}

/// The file that says that an image is on this node.
fn mark(context: &TaskContext, image: &str) -> PathBuf {
    context.driver_dir.join(image.replace(['/', ':', '@'], "_"))
}

/// Returns the ports of the node that lead into the task, with their number inside: those named in `port_map` or
/// `ports`, and where neither is given all.
fn published(context: &TaskContext) -> Result<Vec<(AssignedPort, u16)>, DriverError> {
    let port_map = port_map(context.config.get("port_map"))?;
    let labels: BTreeSet<String> = list_field(&context.config, "ports")?.into_iter().collect();
    for label in port_map.keys().chain(&labels) {
        if !context.ports.contains_key(label) {
            let known: Vec<&str> = context.ports.keys().map(String::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(DriverError::permanent(format!(
                "config names the port {label:?}, which no network of the task has; its ports: {known}"
            )));
        }
    }
    let takes_all = port_map.is_empty() && labels.is_empty();
    let taken = context.ports.values().filter_map(|port| match port_map.get(&port.label) {
        Some(inside) => Some((port.clone(), *inside)),
        None if takes_all || labels.contains(&port.label) => Some((port.clone(), port.to)),
        None => None,
    });
    Ok(taken.collect())
}

/// Reads `port_map` in each of its spellings.
fn port_map(value: Option<&Value>) -> Result<BTreeMap<String, u16>, DriverError> {
    let wrong = |what: &Value| {
        DriverError::permanent(format!(
            "config.port_map has to map labels to ports from 1 to 65535, not {what}"
        ))
    };
    let blocks = match value {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Array(blocks)) => blocks.as_slice(),
        Some(other) => std::slice::from_ref(other),
    };
    let mut map = BTreeMap::new();
    for block in blocks {
        for (label, port) in block.as_object().ok_or_else(|| wrong(block))? {
            let number = port.as_u64().or_else(|| port.as_str()?.parse().ok()).or_else(|| {
                // HCL numbers are floating point.
                port.as_f64()
                    .filter(|number| number.fract() == 0.0 && *number >= 0.0)
                    .map(|number| number as u64)
            });
            let inside = number.and_then(|number| u16::try_from(number).ok()).filter(|number| *number != 0);
            map.insert(label.clone(), inside.ok_or_else(|| wrong(port))?);
        }
    }
    Ok(map)
}

fn listen_address(port: &AssignedPort) -> String {
    match (port.ip.is_empty(), port.ip.contains(':')) {
        (true, _) => format!("0.0.0.0:{}", port.value),
        (false, true) => format!("[{}]:{}", port.ip, port.value),
        (false, false) => format!("{}:{}", port.ip, port.value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;
    use crate::client::fixtures;

    fn driver() -> ImageDriver {
        let image = ImageSpec { pull: Duration::from_millis(20) };
        ImageDriver::new(
            "docker",
            [("nginx:1.9".to_owned(), image.clone()), ("hello".to_owned(), image)].into(),
        )
    }

    fn context(config: Value) -> (tempfile::TempDir, TaskContext) {
        let (folder, mut context) = fixtures::context();
        context.config = config.as_object().unwrap().clone();
        let port = |label: &str, value, to| AssignedPort {
            label: label.to_owned(),
            ip: "10.20.30.5".to_owned(),
            value,
            to,
            is_mapped: to != value,
        };
        context.ports =
            [port("http", 20001, 20001), port("db", 20002, 5432)].map(|p| (p.label.clone(), p)).into();
        (folder, context)
    }

    #[track_caller]
    fn check_listens(config: Value, expected: &[(&str, &str)]) {
        let (_folder, context) = context(config);
        let command = driver().command(&context).unwrap();
        let listens: Vec<_> = command
            .env
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix("PASTURE_LISTEN_")?, value.as_str())))
            .collect();
        assert_eq!(listens, expected);
    }

    #[test]
    fn ports_lead_inside_as_the_job_says() {
        let http80 = &[("80", "10.20.30.5:20001")];
        check_listens(json!({"image": "hello", "port_map": [{"http": 80}]}), http80);
        check_listens(json!({"image": "hello", "port_map": {"http": 80}}), http80);
        check_listens(json!({"image": "hello", "port_map": {"http": "80"}}), http80);
        check_listens(json!({"image": "hello", "port_map": {"http": 80.0}}), http80);
        check_listens(json!({"image": "hello", "ports": ["db"]}), &[("5432", "10.20.30.5:20002")]);
        check_listens(
            json!({"image": "hello"}),
            &[("20001", "10.20.30.5:20001"), ("5432", "10.20.30.5:20002")],
        );
    }

    #[test]
    fn mistakes_in_the_job_are_permanent_and_say_what_to_do() {
        for (config, text) in [
            (json!({}), "config.image is missing"),
            (json!({"image": "ngimx:1.9"}), "did you mean \"nginx:1.9\""),
            (json!({"image": "hello", "ports": ["admin"]}), "its ports: db, http"),
            (json!({"image": "hello", "port_map": {"http": 0}}), "from 1 to 65535"),
            (json!({"image": "hello", "port_map": {"http": 99_999}}), "from 1 to 65535"),
            (json!({"image": "hello", "port_map": [7]}), "from 1 to 65535"),
        ] {
            let (_folder, context) = context(config);
            let error = driver().command(&context).unwrap_err();
            assert!(error.message.contains(text) && !error.recoverable, "{error:?}");
        }
    }

    #[tokio::test]
    async fn an_image_is_fetched_once_for_a_node() {
        let (_folder, mut context) =
            context(json!({"image": "hello", "command": "serve", "args": ["-x"], "volumes": []}));
        let (messages, mut heard) = unbounded_channel();
        context.messages = messages;
        let driver = driver();
        let (one, two) = tokio::join!(driver.prepare(&context), driver.prepare(&context));
        one.and(two).unwrap();
        // Another agent on the same disk finds it too.
        ImageDriver::new("docker", driver.catalogue.clone()).prepare(&context).await.unwrap();
        let mut said = Vec::new();
        while let Ok(message) = heard.try_recv() {
            said.push(message);
        }
        said.sort_unstable();
        let quiet = "no effect on this node: volumes";
        assert_eq!(said, ["Downloading image hello:latest", quiet, quiet, quiet]);
        let command = driver.command(&context).unwrap();
        assert_eq!(
            (command.program.as_str(), command.args.as_slice()),
            ("image:hello:latest", &["serve".to_owned(), "-x".to_owned()][..])
        );
    }

    #[test]
    fn tags() {
        for (image, expected) in [
            ("nginx", "nginx:latest"),
            ("nginx:1.9", "nginx:1.9"),
            ("host:5000/app", "host:5000/app:latest"),
            ("host:5000/app:2", "host:5000/app:2"),
        ] {
            assert_eq!(with_tag(image), expected);
        }
    }
}
