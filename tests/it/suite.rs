//! `pasture test` and `pasture scenario` from outside: exit codes, diffs, what is written and accepted.

use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::Failed;
use tempfile::TempDir;

/// A folder with the lab, the jobs and one scenario of this checkout.
struct Checkout {
    folder: TempDir,
}

impl Checkout {
    fn new() -> Result<Self, Failed> {
        let checkout = Self { folder: TempDir::new()? };
        for (from, to) in [
            ("labs/open-kitchen.hcl", "labs"),
            ("fixtures/jobs/helloworld-v1.nomad", "fixtures/jobs"),
            ("scenarios/launch.hcl", "scenarios"),
            ("scenarios/launch.snap", "scenarios"),
        ] {
            let from = crate::root().join(from);
            let to = checkout.path(to);
            std::fs::create_dir_all(&to)?;
            std::fs::copy(&from, to.join(from.file_name().unwrap_or_default()))?;
        }
        Ok(checkout)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts `new` where `old` stands in a file.
    fn edit(&self, name: &str, old: &str, new: &str) -> Result<(), Failed> {
        let text = std::fs::read_to_string(self.path(name))?;
        assert!(text.contains(old), "{name} has {old:?}");
        Ok(std::fs::write(self.path(name), text.replacen(old, new, 1))?)
    }

    /// Runs a command there, and demands its exit code and what it says.
    fn run(&self, args: &[&str], code: i32, says: &[&str]) -> Result<(), Failed> {
        let output = Command::new(env!("CARGO_BIN_EXE_pasture"))
            .args(args)
            .current_dir(self.folder.path())
            .env("NO_COLOR", "1")
            .output()?;
        let said =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        if output.status.code() != Some(code) {
            return Err(format!("{args:?} ended with {}, not {code}:\n{said}", output.status).into());
        }
        match says.iter().find(|text| !said.contains(**text)) {
            Some(missing) => Err(format!("{args:?} does not say {missing:?}:\n{said}").into()),
            None => Ok(()),
        }
    }
}

/// An outcome that is not as recorded is shown, waits beside the recorded one, and can be accepted.
pub fn changed_outcome() -> Result<(), Failed> {
    let checkout = Checkout::new()?;
    checkout.run(&["test"], 0, &["ok      launch", "1 of 1 as recorded"])?;
    checkout.edit("scenarios/launch.snap", "evaluation complete", "evaluation failed")?;
    let shown = [
        "CHANGED launch",
        "evaluation failed",
        "evaluation complete",
        "again: pasture test scenarios/launch.hcl -seed 1 -engine sim",
        "0 of 1 as recorded",
    ];
    checkout.run(&["test"], 1, &shown)?;
    checkout.run(&["test", "-engine", "turmoil"], 1, &["-engine turmoil"])?;
    let proposed = checkout.path("scenarios/launch.snap.new");
    assert!(proposed.exists(), "what differs waits for a review");
    checkout.run(&["scenario", "review"], 0, &["evaluation failed", "1 to review"])?;
    checkout.run(&["scenario", "accept"], 0, &["accepted scenarios/launch.snap"])?;
    assert!(!proposed.exists(), "what is accepted waits no more");
    same_text(&checkout.path("scenarios/launch.snap"), &crate::root().join("scenarios/launch.snap"))?;
    checkout.run(&["test"], 0, &["1 of 1 as recorded"])?;
    checkout.run(&["scenario", "accept"], 0, &["nothing to accept"])
}

/// The first outcome of a scenario is recorded like a changed one.
pub fn new_outcome() -> Result<(), Failed> {
    let checkout = Checkout::new()?;
    std::fs::remove_file(checkout.path("scenarios/launch.snap"))?;
    checkout.run(&["test"], 1, &["new     launch", "nothing is recorded yet"])?;
    // What another seed or engine gives is not what is to be recorded.
    checkout.run(&["test", "-seed", "7", "-accept"], 1, &["new     launch"])?;
    assert!(!checkout.path("scenarios/launch.snap").exists(), "seed 7 is not the recorded seed");
    checkout.run(&["test", "-accept"], 0, &["accepted"])?;
    checkout.run(&["test"], 0, &["1 of 1 as recorded"])
}

/// Each way to go wrong has its exit code, and says how to see it again.
pub fn exit_codes() -> Result<(), Failed> {
    let checkout = Checkout::new()?;
    let path = checkout.path("scenarios/launch.hcl");
    let scenario = |steps: &str| -> Result<(), Failed> {
        let text =
            format!("scenario \"launch\" {{\n  lab = \"open-kitchen\"\n  question = \"?\"\n{steps}\n}}\n");
        Ok(std::fs::write(&path, text)?)
    };
    let again = "again: pasture test scenarios/launch.hcl -seed 1 -engine sim";
    scenario(r#"  step "look" { expect "ninety" { nodes_ready = 90 } }"#)?;
    let shown = ["FAILED  launch", "launch.hcl:4:", "last seen: nodes ready = ", again];
    checkout.run(&["test"], 1, &shown)?;
    checkout.run(&["scenario", "run", "scenarios/launch.hcl"], 1, &["last seen"])?;
    checkout.edit("labs/open-kitchen.hcl", "image \"cargonauts/helloworld:v1\" {", BROKEN_IMAGE)?;
    scenario(
        r#"  step "launch" {
    await "a leader" { leader = true  nodes_ready = 9  within = "60s" }
    run "helloworld-v1.nomad" { image = "broken" }
  }"#,
    )?;
    checkout.run(&["test"], 2, &["FAILED  launch", "not at rest", again])?;
    checkout.run(&["scenario", "run", "scenarios/launch.hcl"], 2, &["not at rest"])?;
    scenario(r#"  step "look" { await "a leader" { leder = true  within = "60s" } }"#)?;
    checkout.run(&["test"], 1, &["scenarios/launch.hcl:4:", "leader"])?;
    checkout.run(&["test", "nowhere.hcl"], 1, &["cannot read nowhere.hcl"])?;
    std::fs::remove_file(&path)?;
    checkout.run(&["test"], 1, &["no scenario in scenarios"])
}

/// An image that ends with an error, before the first of the lab.
const BROKEN_IMAGE: &str = "image \"broken\" {
    run_for   = \"1s\"
    exit_code = 1
  }

  image \"cargonauts/helloworld:v1\" {";

fn same_text(found: &Path, expected: &Path) -> Result<(), Failed> {
    let (found, expected) = (std::fs::read_to_string(found)?, std::fs::read_to_string(expected)?);
    if found == expected { Ok(()) } else { Err(format!("accepted:\n{found}\nrecorded:\n{expected}").into()) }
}
