//! Scenarios against their recorded outcomes.

use std::path::Path;

use libtest_mimic::Failed;
use pasture::cli::suite::{self, Finding, Settings};
use pasture::lab::backend::sim::{Engine, Trace};
use pasture::scenario::engine::Failure;

pub fn recorded_outcome(path: &Path) -> Result<(), Failed> {
    play(path, Settings::default())
}

pub fn portable_outcome_in_turmoil(path: &Path) -> Result<(), Failed> {
    play(path, Settings { engine: Engine::Turmoil, ..Settings::default() })
}

fn play(path: &Path, settings: Settings) -> Result<(), Failed> {
    let spec = suite::load(path).map_err(|error| Failed::from(error.to_string()))?;
    let report = suite::play(path, &spec, settings, Trace::Hash);
    let problem = match report.finding {
        Finding::Same => return Ok(()),
        Finding::New => "nothing is recorded yet".to_owned(),
        Finding::Changed(diff) => format!("the outcome has changed:\n{diff}"),
        Finding::Failed(Failure::Safety(diagnostic)) => diagnostic.render(false),
        Finding::Failed(Failure::Liveness(what)) | Finding::Broken(what) => what,
    };
    let again = format!("pasture test {} -seed {} -engine {}", path.display(), report.seed, settings.engine);
    Err(format!("{problem}\nagain: {again}").into())
}

/// A scenario that names what does not exist fails when it is read, with the place and the nearest name.
pub fn mistakes() -> Result<(), Failed> {
    let original = include_str!("../../scenarios/client-failure.hcl");
    for (right, wrong, place, hint) in [
        ("lab      = \"open-kitchen\"", "lab      = \"open-kitchn\"", ":2:", "open-kitchen"),
        ("run \"helloworld-v1.nomad\"", "run \"heloworld-v1.nomad\"", ":7:", "helloworld-v1.nomad"),
        (
            "power_off \"the cow\" { node_of = \"helloworld[0]\" }",
            "power_off { machine = \"nomad-1\" }",
            ":12:",
            "nomad-01",
        ),
        (
            "run \"helloworld-v1.nomad\" { count = 5 }",
            "run \"helloworld-v1.nomad\" { image = \"cargonauts/helloworld:v3\" }",
            ":7:",
            "cargonauts/helloworld:v",
        ),
        ("answering = 5  within", "answring = 5  within", ":8:", "answering"),
    ] {
        assert!(original.contains(right), "the scenario has {right}");
        let folder = crate::root().join("scenarios");
        let text = original.replacen(right, wrong, 1);
        let file = tempfile::Builder::new().prefix("mistake-").suffix(".tmp").tempfile_in(&folder)?;
        std::fs::write(file.path(), text)?;
        let said = match suite::load(file.path()) {
            Ok(_) => return Err(format!("{wrong} was not noticed").into()),
            Err(error) => error.to_string(),
        };
        for part in [place, hint] {
            if !said.contains(part) {
                return Err(format!("{wrong}: the error does not say {part}:\n{said}").into());
            }
        }
    }
    Ok(())
}
