//! Everything that is tested from outside: scenarios, determinism, agents, architecture.
//!
//! One test for each scenario file and kind, so that a new file is tested without a line of code. Names say what runs:
//! `determinism::launch` is byte for byte the same in two processes, `scenario::launch` has its recorded outcome,
//! `turmoil::launch` has its portable part in the second engine.

#![expect(clippy::disallowed_methods, reason = "tests real agents and files from outside")]

mod agents;
mod architecture;
mod determinism;
mod scenarios;
mod suite;

use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for path in scenario_files() {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let of = |kind: &str, test: fn(&Path) -> Result<(), libtest_mimic::Failed>| {
            let path = path.clone();
            Trial::test(format!("{kind}::{name}"), move || test(&path))
        };
        trials.push(of("determinism", determinism::same_bytes_twice));
        trials.push(of("scenario", scenarios::recorded_outcome));
        trials.push(of("turmoil", scenarios::portable_outcome_in_turmoil));
    }
    trials.push(Trial::test("determinism::a_planted_mistake_is_caught", determinism::planted_mistake));
    trials.push(Trial::test("scenario::mistakes_show_at_their_place", scenarios::mistakes));
    trials.push(Trial::test("suite::a_changed_outcome_is_shown_and_accepted", suite::changed_outcome));
    trials.push(Trial::test("suite::a_new_outcome_is_recorded", suite::new_outcome));
    trials.push(Trial::test("suite::exit_codes_tell_what_went_wrong", suite::exit_codes));
    trials.push(Trial::test("architecture::modules_use_whom_they_may", architecture::edges));
    trials.push(Trial::test("architecture::the_simulation_is_named_where_it_may", architecture::simulation));
    trials.push(Trial::test("agents::one_on_its_own", agents::dev_agent));
    trials.push(Trial::test("agents::three_survive_their_leader", agents::cluster_of_three));
    libtest_mimic::run(&arguments, trials).exit();
}

/// Returns the root of the checkout.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns all scenario files in name order.
fn scenario_files() -> Vec<PathBuf> {
    pasture::cli::suite::find(&[root().join("scenarios")]).expect("the checkout has scenarios")
}
