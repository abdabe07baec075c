//! The same seed, twice, in processes of their own: the same bytes.

use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;

/// How many lines are shown around a difference.
const CONTEXT: usize = 3;

/// Plays a scenario with every packet and event written down.
fn trace(path: &Path, seed: u64, more: &[&str]) -> Result<Vec<u8>, Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_pasture"))
        .args(["scenario", "run", "-trace", "-", "-seed", &seed.to_string()])
        .args(more)
        .arg(path)
        .output()?;
    if output.status.code() != Some(0) {
        return Err(format!("seed {seed}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    if output.stdout.len() < 10_000 {
        return Err(format!("a trace of {} bytes cannot be whole", output.stdout.len()).into());
    }
    Ok(output.stdout)
}

pub fn same_bytes_twice(path: &Path) -> Result<(), Failed> {
    let (once, again) = (trace(path, 1, &[])?, trace(path, 1, &[])?);
    if let Some(difference) = first_difference(&once, &again) {
        return Err(format!("two runs of seed 1 differ:\n{difference}").into());
    }
    if trace(path, 2, &[])? == once {
        return Err("seed 2 gives the same run as seed 1, so something ignores the seed".into());
    }
    Ok(())
}

/// A hash-ordered loop is planted: the test above would fail.
pub fn planted_mistake() -> Result<(), Failed> {
    let path = crate::root().join("scenarios/launch.hcl");
    let planted = ["-planted"];
    let once = trace(&path, 1, &planted)?;
    // Nine machines in hash order: that four more runs all boot them alike has a chance of one in 10^22.
    for _ in 0..4 {
        if first_difference(&once, &trace(&path, 1, &planted)?).is_some() {
            return Ok(());
        }
    }
    Err("five runs with a planted hash order gave the same bytes: the comparison catches nothing".into())
}

/// Shows the first line that differs, with what came before it.
fn first_difference(once: &[u8], again: &[u8]) -> Option<String> {
    if once == again {
        return None;
    }
    let (once, again) = (String::from_utf8_lossy(once), String::from_utf8_lossy(again));
    let (once, again): (Vec<&str>, Vec<&str>) = (once.lines().collect(), again.lines().collect());
    let at = (0..once.len().max(again.len())).find(|n| once.get(*n) != again.get(*n)).unwrap_or(0);
    let before = once[at.saturating_sub(CONTEXT).min(once.len())..at.min(once.len())].join("\n");
    let line = |lines: &[&str]| lines.get(at).copied().unwrap_or("(the end)").to_owned();
    Some(format!("{before}\n- {}\n+ {}", line(&once), line(&again)))
}
