//! The scenarios that come with Pasture, and what is said about wrong ones.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns name and text of the files of a directory with that ending, in name order.
#[expect(clippy::disallowed_methods, reason = "a test reads the files of its own repository, and sorts them")]
fn files(directory: &Path, ending: &str) -> Vec<(String, String)> {
    let mut files: Vec<(String, String)> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == ending))
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn library() -> Library {
    let mut library = Library::new();
    for (name, text) in files(&root().join("labs"), "hcl") {
        library.add_lab(&format!("labs/{name}"), &text);
    }
    for (name, text) in files(&root().join("fixtures/jobs"), "nomad") {
        library.add_job(&format!("fixtures/jobs/{name}"), &text);
    }
    library
}

#[test]
fn every_scenario_is_read() {
    let library = library();
    let scenarios = files(&root().join("scenarios"), "hcl");
    assert!(scenarios.len() >= 8);
    for (name, text) in scenarios {
        let spec = parse(&name, &text, &library).unwrap_or_else(|errors| panic!("{errors}"));
        assert!(!spec.question.is_empty());
    }
}

#[test]
fn changes_of_lab_and_job_are_applied() {
    let spec = parse("x.hcl", GOOD, &library()).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(spec.off.len(), 3);
    assert!(!spec.lab.groups[0].roles.client);
    assert_eq!(spec.lab.groups[0].naming, crate::lab::spec::Naming::Numbered);
    let Verb::Run(run) = &spec.steps[0].actions[0].verb else { panic!("{:?}", spec.steps[0]) };
    assert_eq!((run.job.id.as_str(), run.job.groups[0].count), ("web", 3));
    assert_eq!(run.job.constraints.len(), 2);
    let Verb::Await { condition, .. } = &spec.steps[0].actions[1].verb else { panic!("{:?}", spec.steps[0]) };
    assert_eq!(condition.job.as_deref(), Some("web"));
    assert_eq!(condition.facts[0], Fact::Answering(Count::AtLeast(2)));
    let Verb::PowerOff(cow) = &spec.steps[0].actions[2].verb else { panic!("{:?}", spec.steps[0]) };
    assert_eq!(cow.parts, [SelectionPart::NodeOf { job: "web".into(), group: None, index: 0 }]);
}

const GOOD: &str = r#"
scenario "x" {
  lab      = "open-kitchen"
  question = "Is it read?"
  seed     = 7
  group "nomad" { roles = ["server"] }
  off = ["farm-02"]
  step "one" {
    run "helloworld-v1.nomad" { id = "web"  count = 3  constraint { distinct_hosts = true } }
    await "they answer" { answering = ">= 2"  within = "60s" }
    power_off "cow" { node_of = "web[0]" }
    power_on { same_as = "cow" }
    kill { machine = "nomad-01"  process = "agent" }
    partition { a = ["nomad-01", "farm-01"]  direction = "a_to_b" }
    heal {}
    scale "web" { count = 2 }
    stop "web" { purge = true }
  }
}
"#;

#[test]
fn says_where_and_what_was_meant() {
    for (from, to, error) in [
        (
            "open-kitchen",
            "open-kitchne",
            "x.hcl:3:14: error: unknown lab \"open-kitchne\" (did you mean \"open-kitchen\"?)",
        ),
        (
            "helloworld-v1.nomad",
            "helloworld-v3.nomad",
            "x.hcl:9:9: error: unknown job file \"helloworld-v3.nomad\" (did you mean \"helloworld-v1.nomad\"?)",
        ),
        (
            "machine = \"nomad-01\"",
            "machine = \"nomad-10\"",
            "unknown machine \"nomad-10\" (did you mean \"nomad-01\"?)",
        ),
        ("\"farm-02\"", "\"farm-03\"", "unknown machine or group \"farm-03\" (did you mean \"farm-01\"?)"),
        (
            "count = 3 ",
            "image = \"cargonauts/helloworld:v3\" ",
            "(did you mean \"cargonauts/helloworld:v1\"?)",
        ),
        ("\"web[0]\"", "\"wbe[0]\"", "no job \"wbe\" is run before this (did you mean \"web\"?)"),
        ("\"web[0]\"", "\"web\"", "names no instance"),
        (
            "same_as = \"cow\"",
            "same_as = \"cwo\"",
            "unknown earlier choice of machines \"cwo\" (did you mean \"cow\"?)",
        ),
        (
            "answering = \">= 2\"",
            "answring = 2",
            "unknown attribute \"answring\" in await (did you mean \"answering\"?)",
        ),
        ("within = \"60s\"", "", "\"await\" does not say for how long (add within = \"60s\")"),
        (
            "within = \"60s\"",
            "within = 60",
            "within is a duration without a unit: 60 (write it with a unit, such as \"60s\")",
        ),
        ("heal {}", "heel {}", "unknown block \"heel\" in step \"one\" (did you mean \"heal\"?)"),
        ("scale \"web\" { count = 2 }", "scale \"web\" { count = -2 }", "count must not be negative"),
        (
            "group \"nomad\"",
            "group \"nomda\"",
            "unknown group of machines \"nomda\" (did you mean \"nomad\"?)",
        ),
        ("[\"server\"]", "[\"client\"]", "no machine is a server"),
        ("scenario \"x\"", "scenario \"y\"", "stands in a file of another name"),
        ("purge = true", "purge = maybe", "unknown name \"maybe\""),
        ("direction = \"a_to_b\"", "direction = \"left\"", "unknown direction \"left\""),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let errors = parse("x.hcl", &GOOD.replacen(from, to, 1), &library()).unwrap_err();
        let found: Vec<String> = errors.iter().map(|one| one.one_line()).collect();
        assert!(found.iter().any(|one| one.contains(error)), "{error} is not in {found:#?}");
    }
}

#[test]
fn errors_of_the_files_it_names_are_shown_at_their_place() {
    let mut library = library();
    library.add_job("jobs/helloworld-v1.nomad", "job \"x\" {\n  typo = 1\n}\n");
    let errors = parse("x.hcl", GOOD, &library).unwrap_err();
    assert!(
        errors
            .iter()
            .any(|one| one.one_line().contains("jobs/helloworld-v1.nomad:2:3: error: unknown attribute"))
    );
    library.add_lab("labs/open-kitchen.hcl", "lab \"open-kitchen\" {\n  x = 1\n}\n");
    let errors = parse("x.hcl", GOOD, &library).unwrap_err();
    assert!(
        errors
            .iter()
            .any(|one| one.one_line().contains("labs/open-kitchen.hcl:2:3: error: unknown attribute"))
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn no_damage_makes_it_panic(
        cut in 0_usize..1200,
        length in 0_usize..40,
        insert in prop::sample::select(vec!["", "{", "}", "\"", "=", "\n", "${", "step", "[", "9999999999", "null"]),
    ) {
        let mut text = GOOD.to_owned();
        let start = cut.min(text.len());
        let end = (start + length).min(text.len());
        text.replace_range(start..end, insert);
        let mut library = Library::new();
        library.add_lab("open-kitchen.hcl", include_str!("../../../labs/open-kitchen.hcl"));
        library.add_job("helloworld-v1.nomad", include_str!("../../../fixtures/jobs/helloworld-v1.nomad"));
        if let Err(errors) = parse("x.hcl", &text, &library) {
            prop_assert!(!errors.is_empty() && !errors.to_string().is_empty());
        }
    }
}
