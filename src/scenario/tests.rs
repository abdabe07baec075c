//! Small scenarios that try the engine: what they do to a lab, and what is said when something is not as demanded.

use super::engine::Failure;
use super::run::{Verdict, simulate};
use super::spec::{self, Library};
use crate::lab::backend::sim::World;

const OPEN_KITCHEN: &str = include_str!("../../labs/open-kitchen.hcl");
const JOB: &str = include_str!("../../fixtures/jobs/helloworld-v1.nomad");

/// The steps with which most scenarios begin.
const LAUNCH: &str = r#"
  step "launch" {
    await "all are there" { leader = true  nodes_ready = 9  within = "60s" }
    run "helloworld-v1.nomad" { count = 3 }
    await "three answer" { answering = 3  within = "60s" }
  }
"#;

/// Plays steps over the workshop's lab, to which `more` is added.
fn play_in(more: &str, steps: &str) -> Verdict {
    let mut library = Library::new();
    let lab = OPEN_KITCHEN.trim_end().strip_suffix('}').expect("a lab ends with a brace");
    library.add_lab("labs/open-kitchen.hcl", &format!("{lab}\n{more}\n}}\n"));
    library.add_job("fixtures/jobs/helloworld-v1.nomad", JOB);
    let text = format!("scenario \"x\" {{\n  lab = \"open-kitchen\"\n  question = \"?\"\n{steps}\n}}\n");
    let spec = spec::parse("x.hcl", &text, &library).unwrap_or_else(|errors| panic!("{errors}"));
    let mut world = World::new(spec.lab.clone(), 1);
    world.off = spec.off.clone();
    simulate(&spec, world).unwrap_or_else(|broken| panic!("{broken}"))
}

fn play(steps: &str) -> Verdict {
    play_in("", &format!("{LAUNCH}{steps}"))
}

/// Returns the outcome of a scenario that must go well.
fn well(verdict: &Verdict) -> String {
    assert!(verdict.failure.is_none(), "{:?}\n{}", verdict.failure, verdict.outcome);
    verdict.outcome.to_string()
}

/// Returns what is said about a scenario in which something was not as demanded.
fn said(verdict: &Verdict) -> String {
    match &verdict.failure {
        Some(Failure::Safety(diagnostic)) => diagnostic.render(false),
        other => panic!("{other:?}\n{}", verdict.outcome),
    }
}

#[test]
fn an_unmet_demand_shows_its_place_and_what_was_seen() {
    let verdict = play(r#"  step "look" { expect "four" { answering = 4 } }"#);
    let said = said(&verdict);
    assert!(said.contains("x.hcl:10:"), "{said}");
    assert!(said.contains("last seen: answering = 3"), "{said}");
    assert!(verdict.outcome.portable_part().contains(r#"expect "four": NO: answering = 3"#));
}

#[test]
fn an_await_ends_at_its_deadline() {
    let verdict = play(r#"  step "look" { await "four" { running = 4  within = "10s" } }"#);
    let said = said(&verdict);
    assert!(said.contains("last seen: running = 3"), "{said}");
    assert!(verdict.simulated.as_secs() < 30, "{:?}", verdict.simulated);
}

#[test]
fn a_refusal_must_be_the_expected_one() {
    let verdict = play(r#"  step "again" { run "helloworld-v1.nomad" { refused = "no reason at all" } }"#);
    assert!(said(&verdict).contains("the job was accepted"), "{:?}", verdict.failure);
}

#[test]
fn what_a_scenario_leaves_broken_is_mended() {
    let verdict = play(
        r#"  step "break all kinds of things" {
    partition { a = ["farm-01"] }
    kill { machine = "nomad-02" }
    power_off { machines = ["farm-02-yww5"] }
    await "five are missed" { nodes_down = 5  within = "60s" }
  }"#,
    );
    let outcome = well(&verdict);
    let (_, mended) = outcome.split_once("everything is mended").expect("it came to rest");
    for done in ["heal", "power on farm-02-yww5", "start agent on nomad-02", "at rest after"] {
        assert!(mended.contains(done), "{done}: {mended}");
    }
}

#[test]
fn work_of_a_farm_that_is_cut_off_moves() {
    let verdict = play(
        r#"  step "cut off a farm" {
    partition { a = ["farm-01"] }
    await "the servers miss them" { nodes_down = 3  within = "60s" }
    await "three answer elsewhere" { answering = 3  placed_on { group = "farm-02" }  within = "60s" }
  }
  step "join them again" {
    heal {}
    await "they are back" { nodes_ready = 9  within = "60s" }
    hold "what moved stays" { running = 3  kept = 3  for = "20s" }
  }"#,
    );
    well(&verdict);
}

#[test]
fn an_agent_that_is_killed_and_started_finds_its_work_again() {
    let verdict = play(
        r#"  step "kill and start" {
    kill "it" { node_of = "helloworld[0]" }
    start { same_as = "it" }
    hold "nothing moves" { running = 3  kept = 3  answering = 3  for = "30s" }
    expect "no answer was missed" { answering_min = 3 }
  }"#,
    );
    well(&verdict);
}

#[test]
fn a_killed_agent_is_started_only_once() {
    let verdict = play(
        r#"  step "kill, and take the power too" {
    kill "it" { node_of = "helloworld[0]" }
    power_off { same_as = "it" }
    await "three answer again" { answering = 3  nodes_down = 1  within = "60s" }
    power_on { same_as = "it" }
    await "it is back" { nodes_ready = 9  within = "60s" }
  }"#,
    );
    let outcome = well(&verdict);
    assert!(!outcome.contains("start agent"), "{outcome}");
    let verdict = play(r#"  step "start what runs" { start { machine = "farm-01-76vr" } }"#);
    assert!(said(&verdict).contains("was not killed"), "{:?}", verdict.failure);
}

#[test]
fn a_stopped_job_ends() {
    let verdict = play(
        r#"  step "stop" {
    stop "helloworld" {}
    await "nothing runs" { running = 0  answering = 0  status = "dead"  within = "30s" }
  }"#,
    );
    // Its tasks take a moment to end; only then is the cluster at rest.
    let outcome = well(&verdict);
    assert!(!outcome.contains("at rest after 0.0"), "{outcome}");
}

#[test]
fn a_full_cluster_keeps_the_rest_waiting() {
    let verdict = play_in(
        "",
        r#"  step "too many" {
    await "all are there" { leader = true  nodes_ready = 9  within = "60s" }
    run "helloworld-v1.nomad" { count = 60 }
    await "as many as fit" { answering = 48  unplaced = 12  blocked = true  within = "60s" }
  }"#,
    );
    let outcome = well(&verdict);
    let at_rest = "at rest\n  helloworld: 48 running on 6 nodes of dc1/docker, 12 wait for capacity\n";
    assert!(outcome.contains(at_rest), "{outcome}");
}

#[test]
fn a_job_that_never_stays_up_is_no_rest() {
    let verdict = play_in(
        r#"  image "broken" { run_for = "1s"  exit_code = 1 }"#,
        r#"  step "launch" {
    await "all are there" { leader = true  nodes_ready = 9  within = "60s" }
    run "helloworld-v1.nomad" { image = "broken" }
  }"#,
    );
    let Some(Failure::Liveness(what)) = &verdict.failure else { panic!("{:?}", verdict.failure) };
    assert!(what.contains("not at rest 180 s after"), "{what}");
}
