//! What a user of sockets sees, check by check, on real sockets and on both engines.
//!
//! A check states facts: what was seen, and what Linux shows. On real loopback sockets and on our own engine every
//! fact must be as on Linux. On turmoil the differences are those of a table, each asserted, so that a change shows.
//! `cargo test -p pasture-sim --test conformance -- --nocapture differences` prints that table.

mod checks;
mod faults;
mod lab;
mod real;
mod simulated;
mod turmoil_differences;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};
use pasture_sim::{Engine, HostSpec, RoomConfig, run};

use lab::{Facts, Lab};
use real::Real;
use simulated::Simulated;
use turmoil_differences::DIFFERENCES;

/// One behaviour.
pub struct Check<L> {
    /// Its number in the list of behaviours.
    pub number: u8,
    pub name: &'static str,
    /// Why it cannot run on loopback sockets of one machine, if so.
    pub not_on_loopback: Option<&'static str>,
    pub body: fn(Arc<L>) -> BoxFuture<'static, Facts>,
}

fn all<L: Lab>() -> Vec<Check<L>> {
    let mut all = checks::all();
    all.extend(faults::all());
    all.sort_by_key(|check| check.number);
    all
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for (index, check) in all::<Real>().into_iter().enumerate() {
        let label = |back_end: &str| format!("{back_end}::{:02}_{}", check.number, check.name);
        let real = match check.not_on_loopback {
            Some(reason) => {
                Trial::test(format!("{} ({reason})", label("real")), || Ok(())).with_ignored_flag(true)
            }
            None => Trial::test(label("real"), move || agree(&on_real(index))),
        };
        trials.push(real);
        trials.push(Trial::test(label("own"), move || agree(&on_engine(index, Engine::Own))));
        let name = check.name;
        trials.push(Trial::test(label("turmoil"), move || {
            differ_as_listed(name, &on_engine(index, Engine::Turmoil))
        }));
    }
    trials.push(Trial::test("differences", print_differences));
    libtest_mimic::run(&arguments, trials).exit();
}

fn on_real(index: usize) -> Facts {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async move {
        let check = all::<Real>().swap_remove(index);
        tokio::time::timeout(Duration::from_secs(60), (check.body)(Arc::new(Real::new())))
            .await
            .expect("a check on real sockets ends")
    })
}

fn on_engine(index: usize, engine: Engine) -> Facts {
    let config = RoomConfig {
        engine,
        latency: Duration::from_millis(1)..=Duration::from_millis(1),
        simulated_max: Duration::from_secs(3_600),
        ..RoomConfig::default()
    };
    let here = HostSpec::new("here", [10, 0, 0, 1].into());
    let done = run(config, here, move |room, host| async move {
        let check = all::<Simulated>().swap_remove(index);
        (check.body)(Arc::new(Simulated::new(room, host).await)).await
    });
    done.expect("the run finishes").value
}

fn agree(facts: &Facts) -> Result<(), Failed> {
    let wrong: Vec<String> = facts
        .0
        .iter()
        .filter(|fact| fact.seen != fact.expected)
        .map(|fact| format!("{}: saw {}, Linux shows {}", fact.what, fact.seen, fact.expected))
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn differ_as_listed(name: &str, facts: &Facts) -> Result<(), Failed> {
    let listed = || DIFFERENCES.iter().filter(|difference| difference.check == name);
    let mut wrong = Vec::new();
    for fact in &facts.0 {
        let expected = listed().find(|difference| difference.fact == fact.what);
        match expected {
            Some(difference) if difference.seen != fact.seen => wrong.push(format!(
                "{}: saw {}, the table says {} (Linux shows {})",
                fact.what, fact.seen, difference.seen, fact.expected
            )),
            None if fact.seen != fact.expected => wrong.push(format!(
                "Difference {{ check: {name:?}, fact: {:?}, seen: {:?} }}, // Linux: {}",
                fact.what, fact.seen, fact.expected
            )),
            _ => {}
        }
    }
    for difference in listed() {
        if !facts.0.iter().any(|fact| fact.what == difference.fact) {
            wrong.push(format!("{}: in the table, but not seen", difference.fact));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn print_differences() -> Result<(), Failed> {
    println!("\nown engine: none (the checks `own::*` fail on any)\n\nturmoil, by check:");
    for check in all::<Simulated>() {
        for difference in DIFFERENCES.iter().filter(|difference| difference.check == check.name) {
            println!("{:>3} {:<28} {:<46} {}", check.number, check.name, difference.fact, difference.seen);
        }
    }
    Ok(())
}
