//! Job files as a whole: the workshop's own, wrong ones with what is said about them, and hostile ones.

mod conformance;

use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use pasture_core::model::{Operator, RestartMode, RestartPolicy};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/jobs")
}

#[expect(clippy::disallowed_methods, reason = "a test reads its own fixtures")]
fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the files of a directory with one of these endings, in name order.
#[expect(clippy::disallowed_methods, reason = "a test reads its own fixtures, and sorts them")]
fn files(directory: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| endings.iter().any(|wanted| ending == *wanted)))
        .collect();
    files.sort();
    files
}

fn parse_text(text: &str) -> Result<Parsed, Diagnostics> {
    parse("job.nomad", text, &Options::default())
}

/// Compares a text with the file it was recorded in; with `UPDATE_GOLDEN=1` records it.
#[expect(clippy::disallowed_methods, reason = "a test reads and records its own fixtures")]
fn check_golden(path: &Path, actual: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, actual).unwrap();
        return;
    }
    let recorded = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(recorded, actual, "{} differs; UPDATE_GOLDEN=1 records it", path.display());
}

#[test]
fn what_is_said_about_bad_files() {
    let files = files(&fixtures().join("bad"), &["nomad"]);
    assert!(files.len() > 10);
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let result = parse(name, &read(&path), &Options::default());
        let diagnostics = result.err().unwrap_or_else(|| panic!("{name} was accepted"));
        check_golden(&path.with_extension("txt"), &diagnostics.to_string());
    }
}

#[test]
fn good_files_parse() {
    for path in files(&fixtures(), &["nomad", "json"]) {
        let parsed = parse("x", &read(&path), &Options::default())
            .unwrap_or_else(|error| panic!("{}\n{error}", path.display()));
        print::tests::check_round_trip(&parsed.job);
    }
    assert!(parse("example.nomad", example(), &Options::default()).unwrap().warnings.is_empty());
}

#[test]
fn the_workshops_job_is_read_as_it_stands() {
    let parsed =
        parse("helloworld-v1.nomad", &read(&fixtures().join("helloworld-v1.nomad")), &Options::default())
            .unwrap();
    let job = &parsed.job;
    assert_eq!((job.id.as_str(), job.datacenters.as_slice()), ("helloworld", &["dc1".to_owned()][..]));
    assert_eq!(job.constraints[0].left, "$node.datacenter");
    assert_eq!(job.constraints[0].operator, Operator::Equal);
    let group = &job.groups[0];
    assert_eq!(group.update.as_ref().map(|update| update.stagger), Some(Duration::from_secs(30)));
    assert_eq!(
        group.restart,
        RestartPolicy {
            attempts: 2,
            interval: Duration::from_secs(60),
            delay: Duration::from_secs(15),
            mode: RestartMode::Delay,
            on_success: Some(true),
            render_templates: false,
        }
    );
    let task = &group.tasks[0];
    assert_eq!(serde_json::Value::from(task.config.clone())["port_map"][0]["http"], 80);
    assert_eq!(task.resources.networks[0].dynamic_ports[0].label, "http");
    assert_eq!(task.services[0].name, "${TASKGROUP}-helloworld-v1");
    let warnings: Vec<String> = parsed.warnings.iter().map(Diagnostic::one_line).collect();
    assert_eq!(
        warnings,
        [
            "helloworld-v1.nomad:6:17: warning: \"$node.datacenter\" is the 2016 spelling of a reference \
             (today it is \"${node.datacenter}\")",
            "helloworld-v1.nomad:11:15: warning: \"stagger\" sets the pace as in 2016: 1 at a time, 30s apart, without a \
             deployment (for a deployment that waits for health, set min_healthy_time or canary)",
            "helloworld-v1.nomad:30:7: warning: services are kept and shown, but not registered or checked by this \
             version (an allocation's addresses are in `alloc status`)",
            "helloworld-v1.nomad:34:9: warning: a check of type http has no path: \"/\" is asked for",
            "helloworld-v1.nomad:36:19: warning: \"delay\" of a check is the 2016 spelling (today it is interval = ...)",
            "helloworld-v1.nomad:43:9: warning: block \"network\" puts several things on one line, the 2016 spelling \
             (today each attribute and each nested block has a line of its own; only { name = value } may stand on one \
             line)",
        ]
    );
}

#[test]
fn json_and_hcl_say_the_same() {
    let hcl = parse("x", &read(&fixtures().join("helloworld-v1.nomad")), &Options::default()).unwrap();
    let json = json::parse(&read(&fixtures().join("helloworld-v1.json"))).unwrap();
    assert_eq!(hcl.job, json.job);
}

#[test]
fn hcl_may_be_written_as_json() {
    let hcl = r#"
        variable "count" { default = 2 }
        job "web" {
          meta { a = "b" }
          group "app" {
            count = var.count
            network {
              port "http" {}
              port "db" { static = 5432 }
            }
            task "server" {
              driver = "docker"
              env = { "A.B" = "c" }
              config {
                image    = "x"
                port_map { http = 80 }
              }
            }
            task "other" { driver = "raw_exec" }
          }
        }"#;
    let json = r#"{
        "variable": {"count": {"default": 2}},
        "job": {"web": {
          "meta": {"a": "b"},
          "update": null,
          "constraint": [],
          "group": [{"app": {
            "count": "${var.count}",
            "network": {"port": {"http": {}, "db": {"static": 5432}}},
            "task": {
              "server": {"driver": "docker", "env": {"A.B": "c"},
                "config": {"image": "x", "port_map": {"http": 80}}},
              "other": {"driver": "raw_exec"}
            }
          }}]
        }}
    }"#;
    let read = |text: &str| parse_text(text).unwrap_or_else(|error| panic!("{error}")).job;
    assert_eq!(read(json), read(hcl));
    assert_eq!(read(json).groups[0].count, 2);
    let error = parse_text(r#"{"job": {"web": {"group": {"app": {"cuont": 1}}}}}"#).unwrap_err();
    assert!(error.to_string().contains("unknown attribute \"cuont\" in group \"app\""), "{error}");
}

#[test]
fn values_are_coerced_both_ways() {
    let job = parse_text(
        r#"job a {
             priority = "70"
             task "t" {
               driver = "raw_exec"
               env = { "A-B" = 3, c.d = true }
               meta { x = 1.0 }
               config {
                 n = 3
                 nested "label" { v = [1, "2"] }
                 nested "label" { v = null }
                 text = <<-EOT
                   two
                     lines ${attr.kernel.name}
                   EOT
               }
               resources { cpu = "500" }
             }
             constraint { distinct_hosts = "true" }
             constraint { distinct_hosts = false }
           }"#,
    )
    .unwrap_or_else(|error| panic!("{error}"))
    .job;
    assert_eq!(job.priority, 70);
    assert_eq!(job.groups[0].name, "t");
    let task = &job.groups[0].tasks[0];
    assert_eq!(task.env["A-B"], "3");
    assert_eq!(task.env["c.d"], "true");
    assert_eq!(task.meta["x"], "1");
    assert_eq!(task.resources.cpu_mhz, 500);
    assert_eq!(job.constraints.len(), 1);
    assert_eq!(
        serde_json::Value::from(task.config.clone()),
        serde_json::json!({
            "n": 3,
            "text": "two\n  lines ${attr.kernel.name}\n",
            "nested": [{"label": [{"v": [1, "2"]}]}, {"label": [{"v": null}]}],
        })
    );
}

#[test]
fn hostile_files_are_refused_quickly() {
    let deep_blocks = "a {\n".repeat(100_000);
    let deep_lists = format!("job \"a\" {{ x = {} }}", "[".repeat(400_000));
    let deep_templates = format!("job \"a\" {{ x = {} }}", "\"${".repeat(200_000));
    let deep_parentheses = format!("job \"a\" {{ x = {}1{} }}", "(".repeat(25), ")".repeat(25));
    let operators = format!("job \"a\" {{\n x = 1{}\n}}", " + 1".repeat(5_000));
    let negations = format!("job \"a\" {{\n x = {}1\n}}", "-".repeat(5_000));
    let wide_map =
        format!("job \"a\" {{ x = {{ {} }} }}", (0..100_000).map(|n| format!("k{n}=1,")).collect::<String>());
    let crowded = format!("job \"a\" {{ {} }}", "x = 1, ".repeat(100_000));
    let labels = format!("job {} {{}}", "\"a\" ".repeat(200_000));
    let large = "#".repeat(hcl::SIZE_MAX + 1);
    for text in [
        deep_blocks,
        deep_lists,
        deep_templates,
        deep_parentheses,
        operators,
        negations,
        wide_map,
        crowded,
        labels,
        large,
        "\0".to_owned(),
        "job \"a\" { x = \"\\".to_owned(),
        "\u{feff}\u{feff}".to_owned(),
    ] {
        let error = parse_text(&text).err().unwrap_or_else(|| panic!("accepted {}", &text[..50]));
        assert!(!error.to_string().is_empty());
    }
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_fine() {
    let text = example().replace('\n', "\r\n");
    assert_eq!(
        parse_text(&format!("\u{feff}{text}")).unwrap_or_else(|error| panic!("{error}")).job,
        parse_text(example()).unwrap().job
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,200}") {
        if let Err(error) = parse_text(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn no_tokens_make_it_panic(
        tokens in prop::collection::vec(
            prop::sample::select(vec![
                "job", "group", "task", "\"a\"", "{", "}", "=", "[", "]", ",", "\n", " ", "1", "-", "(", ")", "${", "\"",
                "<<EOT", "EOT", "#", "/*", "*/", "true", "x", ".", "?", ":", "count", "driver", "äö", "\\", "%{", "for",
            ]),
            0..80,
        )
    ) {
        if let Err(error) = parse_text(&tokens.join(" ")) {
            prop_assert!(!error.to_string().is_empty());
        }
        let _ = parse_text(&tokens.concat());
    }

    #[test]
    fn no_damage_to_a_good_file_makes_it_panic(
        cut in 0_usize..900, length in 0_usize..30, insert in prop::sample::select(vec!["", "{", "}", "\"", "=", "\n", "${", "é", ","])
    ) {
        let mut text = read(&fixtures().join("helloworld-v1.nomad"));
        let start = cut.min(text.len());
        let end = (start + length).min(text.len());
        text.replace_range(start..end, insert);
        if let Err(error) = parse_text(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn no_json_makes_it_panic(cut in 0_usize..1500, insert in prop::sample::select(vec!["", "{", "}", "null", "-1", "\"x\"", "[]", "1e999"])) {
        let mut text = read(&fixtures().join("helloworld-v1.json"));
        let start = cut.min(text.len());
        text.replace_range(start..(start + insert.len()).min(text.len()), insert);
        if let Err(error) = json::parse(&text) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}

#[test]
fn json_and_hcl_with_variables_are_one_job() {
    let hcl = r#"
        variables { ports = ["a", "b"] }
        job "x" {
          group "g" {
            network {
              dynamic "port" {
                for_each = var.ports
                labels   = [port.value]
                content { to = 80 + port.key }
              }
            }
            task "t" {
              driver = "raw_exec"
              config { command = join("/", ["", "bin", var.ports[0]]) }
            }
          }
        }"#;
    let json = r#"{
        "variables": {"ports": ["a", "b"]},
        "job": {"x": {"group": {"g": {
          "network": {"dynamic": {"port": {
            "for_each": "${var.ports}", "labels": ["${port.value}"], "content": {"to": "${80 + port.key}"}}}},
          "task": {"t": {"driver": "raw_exec", "config": {"command": "${join(\"/\", [\"\", \"bin\", var.ports[0]])}"}}}
        }}}}}"#;
    let (hcl, json) = (parse_text(hcl).unwrap().job, parse_text(json).unwrap().job);
    assert_eq!(hcl, json);
    assert!(format!("{hcl:?}").contains("/bin/a"));
}
