//! Who uses whom. Inside one crate the compiler would let anybody use anybody.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use libtest_mimic::Failed;

/// For each module, the modules it may use. What is not here may use nothing.
const MAY_USE: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("env", &["model"]),
    ("jobspec", &["model"]),
    ("state", &["model"]),
    ("scheduler", &["model", "state"]),
    ("rpc", &["model", "env"]),
    ("raft", &["model", "env", "rpc"]),
    ("server", &["model", "env", "jobspec", "state", "scheduler", "rpc", "raft"]),
    ("client", &["model", "env", "rpc"]),
    ("api", &["model", "env", "jobspec", "state", "scheduler", "rpc", "server", "client"]),
    ("agent", &["model", "env", "state", "rpc", "raft", "server", "client", "api"]),
    ("lab", &["model", "env", "jobspec", "raft", "client", "api", "agent"]),
    ("scenario", &["model", "env", "jobspec", "api", "agent", "lab"]),
];

/// The module that may use everything, and that nobody uses.
const TOP: &str = "cli";

/// Compiled for tests only.
const TESTING: &str = "testing";

/// Where the simulation may be named.
const SIMULATION: &[&str] = &["env/sim", "lab/backend/sim.rs"];

/// Every module uses only whom it may.
pub fn edges() -> Result<(), Failed> {
    let mut wrong = BTreeSet::new();
    for (path, text) in product_files()? {
        let module = path.components().next().map(|part| part.as_os_str().to_string_lossy().into_owned());
        let module = module.unwrap_or_default();
        let module = module.trim_end_matches(".rs");
        if [TOP, TESTING, "lib", "main"].contains(&module) {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == module) else {
            return Err(format!("module {module} is not in the table: say whom it may use").into());
        };
        for used in uses(&text).filter(|used| used != module && !allowed.contains(&used.as_str())) {
            wrong.insert(format!("{} uses crate::{used}", path.display()));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.into_iter().collect::<Vec<_>>().join("\n").into()) }
}

/// Product code does not know that it is simulated.
pub fn simulation() -> Result<(), Failed> {
    let mut wrong = Vec::new();
    for (path, text) in product_files()? {
        let shown = path.to_string_lossy().replace('\\', "/");
        let may = SIMULATION.iter().any(|allowed| shown.starts_with(allowed));
        if !may
            && text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains("pasture_sim"))
        {
            wrong.push(format!("{shown} names pasture_sim"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// Returns the modules that a file's code names.
fn uses(text: &str) -> impl Iterator<Item = String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    let names: BTreeSet<String> = code
        .split("crate::")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect())
        .filter(|name: &String| !name.is_empty())
        .collect();
    names.into_iter()
}

/// Returns the files of the core and of the root package with their text, tests left out. Of the other packages the
/// compiler sees to it whom they use.
fn product_files() -> Result<Vec<(PathBuf, String)>, Failed> {
    let mut files = Vec::new();
    for package in [".", "core"] {
        files.extend(files_below(crate::root().join(package).join("src"))?);
    }
    files.sort();
    Ok(files)
}

/// Returns the product files below a folder by their paths in it.
fn files_below(root: PathBuf) -> Result<Vec<(PathBuf, String)>, Failed> {
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                if path.file_name().is_none_or(|name| name != "tests") {
                    folders.push(path);
                }
            } else if is_product(&path) {
                let text = std::fs::read_to_string(&path)?;
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
                files.push((path.strip_prefix(&root)?.to_owned(), code));
            }
        }
    }
    Ok(files)
}

fn is_product(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "rs")
        && path.file_name().is_none_or(|name| name != "tests.rs" && name != "fixtures.rs")
}
