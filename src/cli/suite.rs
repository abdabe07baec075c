//! Scenario files on disk: finding, reading, playing, comparing with what was recorded.
//!
//! What `pasture test` shows and what the tests check is decided here, so that both say the same.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::lab::backend::sim::{Engine, Trace, World};
use crate::scenario::engine::Failure;
use crate::scenario::outcome::Outcome;
use crate::scenario::review;
use crate::scenario::run::{Verdict, simulate};
use crate::scenario::spec::{self, Library, ScenarioSpec};

/// The seed of recorded outcomes where a scenario names none.
pub const SEED: u64 = 1;

/// Where scenarios are looked for when no path is given.
pub const SCENARIOS: &str = "scenarios";

/// Folders beside that of the scenarios in which labs are looked for.
const LAB_FOLDERS: &[&str] = &["labs"];

/// Folders beside that of the scenarios in which job files are looked for; the scenarios' own comes last.
const JOB_FOLDERS: &[&str] = &["fixtures/jobs", "jobs"];

/// Endings of job files.
const JOB_ENDINGS: &[&str] = &["nomad", "hcl", "json"];

/// Why scenarios cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// A path cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the machine says.
        source: io::Error,
    },
    /// A path cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// What the machine says.
        source: io::Error,
    },
    /// Nothing to do.
    #[error("no scenario in {}; a scenario is a .hcl file with a `scenario` block", .0.display())]
    Empty(PathBuf),
    /// A file says something that makes no sense.
    #[error("{0}")]
    Invalid(crate::jobspec::Diagnostics),
}

/// How scenarios are played.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// The seed; each scenario's own when nothing is said.
    pub seed: Option<u64>,
    /// What moves the machines.
    pub engine: Engine,
    /// Whether a nondeterminism is planted, for the test that has to catch it.
    pub planted: bool,
}

/// What a played scenario is worth.
#[derive(Clone, Debug)]
pub enum Finding {
    /// As recorded.
    Same,
    /// Nothing was recorded yet.
    New,
    /// Not as recorded: how it differs.
    Changed(String),
    /// Something demanded was not so, or the cluster did not come to rest.
    Failed(Failure),
    /// The run itself broke: a bug.
    Broken(String),
}

/// One scenario played and compared.
#[derive(Clone, Debug)]
pub struct Report {
    /// The file.
    pub path: PathBuf,
    /// Its name.
    pub name: String,
    /// The seed it was played with.
    pub seed: u64,
    /// What it is worth.
    pub finding: Finding,
    /// What was recorded; `None` when the run broke.
    pub verdict: Option<Verdict>,
    /// How long it took on this machine.
    pub wall: Duration,
}

/// Finds the scenario files of `paths`, folders searched for `.hcl` files, in name order.
///
/// # Errors
/// When a path cannot be read, or has no scenario.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, SuiteError> {
    let default = [PathBuf::from(SCENARIOS)];
    let paths = if paths.is_empty() { &default } else { paths };
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let files = list(path, &["hcl"])?;
            if files.is_empty() {
                return Err(SuiteError::Empty(path.clone()));
            }
            found.extend(files);
        } else {
            // A file that does not exist shows when it is read.
            found.push(path.clone());
        }
    }
    Ok(found)
}

/// Reads a scenario with the labs and job files that lie around it.
///
/// # Errors
/// When a file cannot be read, or something in the scenario makes no sense.
pub fn load(path: &Path) -> Result<ScenarioSpec, SuiteError> {
    let text = read(path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let root = folder.join("..");
    let mut library = Library::new();
    for lab in LAB_FOLDERS.iter().map(|name| root.join(name)).filter(|path| path.is_dir()) {
        for file in list(&lab, &["hcl"])? {
            library.add_lab(&shown(&file), &read(&file)?);
        }
    }
    let jobs = JOB_FOLDERS.iter().map(|name| root.join(name)).chain([folder.to_owned()]);
    for jobs in jobs.filter(|path| path.is_dir()) {
        for file in list(&jobs, JOB_ENDINGS)? {
            library.add_job(&shown(&file), &read(&file)?);
        }
    }
    spec::parse(&shown(path), &text, &library).map_err(SuiteError::Invalid)
}

/// Plays a scenario and compares it with what was recorded.
pub fn play(path: &Path, spec: &ScenarioSpec, settings: Settings, trace: Trace) -> Report {
    let seed = settings.seed.or(spec.seed).unwrap_or(SEED);
    let mut world = World::new(spec.lab.clone(), seed);
    world.engine = settings.engine;
    world.off = spec.off.clone();
    world.trace = trace;
    world.planted = settings.planted;
    let stopwatch = Stopwatch::start();
    let result = simulate(spec, world);
    let wall = stopwatch.elapsed();
    let (finding, verdict) = match result {
        Err(broken) => (Finding::Broken(broken), None),
        Ok(mut verdict) => match verdict.failure.take() {
            Some(failure) => (Finding::Failed(failure), Some(verdict)),
            None => (compare(path, spec, settings, seed, &verdict), Some(verdict)),
        },
    };
    Report { path: path.to_owned(), name: spec.name.clone(), seed, finding, verdict, wall }
}

/// Compares an outcome with the recorded one: the timeline only where it must be the same.
fn compare(path: &Path, spec: &ScenarioSpec, settings: Settings, seed: u64, verdict: &Verdict) -> Finding {
    let Ok(recorded) = read(&review::snapshot_path(path)) else { return Finding::New };
    let recorded = review::from_snapshot(&recorded);
    let found = &verdict.outcome;
    let facts = review::diff(recorded.portable_part(), found.portable_part(), false);
    let whole = settings.engine == Engine::Own && seed == spec.seed.unwrap_or(SEED);
    let all =
        if whole { review::diff(&recorded.to_string(), &found.to_string(), false) } else { facts.clone() };
    match (all.is_empty(), facts.is_empty()) {
        (true, _) => Finding::Same,
        (false, true) => Finding::Changed(format!("  the facts are as recorded, their times are not\n{all}")),
        (false, false) => Finding::Changed(all),
    }
}

/// Writes an outcome down, to be accepted.
///
/// # Errors
/// When it cannot be written.
pub fn propose(path: &Path, outcome: &Outcome) -> Result<PathBuf, SuiteError> {
    let proposed = review::new_snapshot_path(path);
    write(&proposed, &review::to_snapshot(path, outcome))?;
    Ok(proposed)
}

/// Takes back a proposal that is not needed any more.
pub fn withdraw(path: &Path) {
    // It is not there most of the time.
    let _ = fs::remove_file(review::new_snapshot_path(path));
}

/// Returns the recorded and the proposed outcome of a scenario, if one is proposed.
///
/// # Errors
/// When a file is there and cannot be read.
pub fn proposal(path: &Path) -> Result<Option<(Outcome, Outcome)>, SuiteError> {
    let proposed = review::new_snapshot_path(path);
    if !proposed.exists() {
        return Ok(None);
    }
    let recorded = review::snapshot_path(path);
    let recorded =
        if recorded.exists() { review::from_snapshot(&read(&recorded)?) } else { Outcome::default() };
    Ok(Some((recorded, review::from_snapshot(&read(&proposed)?))))
}

/// Makes the proposed outcome the recorded one; false when none is proposed.
///
/// # Errors
/// When it cannot be moved.
pub fn accept(path: &Path) -> Result<bool, SuiteError> {
    let proposed = review::new_snapshot_path(path);
    if !proposed.exists() {
        return Ok(false);
    }
    let recorded = review::snapshot_path(path);
    fs::rename(&proposed, &recorded).map_err(|source| SuiteError::Write { path: recorded, source })?;
    Ok(true)
}

/// Returns a path as it is shown in errors and snapshots: without `..`, with `/`.
fn shown(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\\', "/");
    match text.split_once("/../") {
        Some((before, after)) => match before.rsplit_once('/') {
            Some((parent, _)) => format!("{parent}/{after}"),
            None => after.to_owned(),
        },
        None => text,
    }
}

#[expect(clippy::disallowed_methods, reason = "files that a user names on the command line")]
fn read(path: &Path) -> Result<String, SuiteError> {
    fs::read_to_string(path).map_err(|source| SuiteError::Read { path: path.to_owned(), source })
}

#[expect(clippy::disallowed_methods, reason = "files that a user names on the command line")]
fn write(path: &Path, text: &str) -> Result<(), SuiteError> {
    fs::write(path, text).map_err(|source| SuiteError::Write { path: path.to_owned(), source })
}

/// Lists the files of a folder with one of these endings, in name order.
#[expect(clippy::disallowed_methods, reason = "a folder that a user names on the command line; sorted below")]
fn list(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>, SuiteError> {
    let fail = |source| SuiteError::Read { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if path.is_file() && endings.contains(&ending) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Measures how long something takes on this machine, for people to read.
struct Stopwatch(std::time::Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "tells a user the speed of a run from outside of it")]
    fn start() -> Self {
        Self(std::time::Instant::now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
