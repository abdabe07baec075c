use std::fmt::Write;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::format;
use crate::diagnostic::{Diagnostics, Source};
use crate::hcl::{self, Body, Options};

fn formatted(text: &str) -> String {
    format(&Source::new("x.hcl", text)).unwrap_or_else(|problems| panic!("{problems}\n{text}"))
}

/// Writes what a body means, without places.
fn meaning(body: &Body) -> String {
    let mut text = String::new();
    for attribute in &body.attributes {
        let _ = writeln!(text, "{} = {}", attribute.name, attribute.value.to_json());
    }
    for block in &body.blocks {
        let labels: Vec<_> = block.labels.iter().map(|label| &label.text).collect();
        let _ = writeln!(text, "{} {labels:?} {{\n{}}}", block.name, meaning(&block.body));
    }
    text
}

/// What the evaluating parser makes of a text; a file that uses what is refused has only its syntax compared.
fn read(text: &str) -> Option<String> {
    let options = Options { quoted_names: true, crowded_lines: true, ..Options::default() };
    let body = hcl::parse(&Source::new("x.hcl", text), options, &mut Diagnostics::new());
    body.ok().map(|body| meaning(&body))
}

fn check(text: &str) -> String {
    let once = formatted(text);
    assert_eq!(read(&once), read(text), "another meaning:\n{text}\n---\n{once}");
    assert_eq!(formatted(&once), once, "not settled:\n{text}");
    assert!(once.is_empty() || (once.ends_with('\n') && !once.ends_with("\n\n")), "{once:?}");
    once
}

#[test]
fn writes_the_one_form() {
    for (given, expected) in [
        ("", ""),
        ("\n\n\n", ""),
        ("\u{feff}a=1", "a = 1\n"),
        // Indentation and blank lines.
        ("a {\nb {\nx=1\n}\n\n\n\n c {\n}\n\n}", "a {\n  b {\n    x = 1\n  }\n\n  c {\n  }\n}\n"),
        ("a {\n\n\n  x = 1\n\n}\n\n\n\ny = 2\n\n", "a {\n  x = 1\n}\n\ny = 2\n"),
        ("\ta {\n\t\tx = 1\n\t}", "a {\n  x = 1\n}\n"),
        ("a   \"b\"   c{}", "a \"b\" c {}\n"),
        ("a {   }", "a {}\n"),
        ("a {x=1}", "a { x = 1 }\n"),
        // Alignment.
        ("a = 1\nlonger = 2\n\nb = 3", "a      = 1\nlonger = 2\n\nb = 3\n"),
        ("a = 1\nb {}\nlonger = 2", "a = 1\nb {}\nlonger = 2\n"),
        ("a = 1\n# why\nlonger = 2", "a = 1\n# why\nlonger = 2\n"),
        ("a = [\n1,\n2,\n]\nlonger = 2", "a = [\n  1,\n  2,\n]\nlonger = 2\n"),
        ("ä = 1\nbb = 2", "ä  = 1\nbb = 2\n"),
        ("x = {\na = 1\nbbb = 2\n}", "x = {\n  a   = 1\n  bbb = 2\n}\n"),
        // Comments.
        ("a = 1 # one\nbb = 22 // two", "a  = 1  # one\nbb = 22 // two\n"),
        ("a { # why\n x = 1 }", "a { # why\n  x = 1\n}\n"),
        ("# top\n\n\na = 1\n# end", "# top\n\na = 1\n# end\n"),
        ("a {\n# inside\n}", "a {\n  # inside\n}\n"),
        ("a = /* x */ 1", "a = /* x */ 1\n"),
        ("a {\n/* one\n   two */\nx = 1\n}", "a {\n  /* one\n   two */\n  x = 1\n}\n"),
        ("a = 1 # trailing   \r\n", "a = 1 # trailing\n"),
        // Values.
        ("a = [ 1,2 , 3 ]", "a = [1, 2, 3]\n"),
        ("a = {x=1,y = 2}", "a = { x = 1, y = 2 }\n"),
        ("a = {x:1}", "a = { x : 1 }\n"),
        ("a = -1", "a = -1\n"),
        ("a = 1.5e-3", "a = 1.5e-3\n"),
        ("a = \"${ x }\"", "a = \"${ x }\"\n"),
        ("a = node.datacenter", "a = node.datacenter\n"),
        ("a = f( 1,2 )+3*-4", "a = f(1, 2) + 3 * -4\n"),
        ("a = !x&&y||z!=1", "a = !x && y || z != 1\n"),
        ("a = x?1:2", "a = x ? 1 : 2\n"),
        ("a = [for k,v in x:v if v>1]", "a = [for k, v in x : v if v > 1]\n"),
        ("a = {for k in [1]:k=>k...}", "a = { for k in [1] : k => k... }\n"),
        ("a = split(\",\", x) [0].y", "a = split(\",\", x)[0].y\n"),
        ("a = max(xs...)", "a = max(xs...)\n"),
        ("a = [{\nx = 1\n}]", "a = [{\n  x = 1\n}]\n"),
        // Heredocs.
        (
            "a {\n x = <<EOT\n  text  \n\n\n }\nEOT\n  yy = 1\n}",
            "a {\n  x  = <<EOT\n  text  \n\n\n }\nEOT\n  yy = 1\n}\n",
        ),
        ("a = <<-EOT\n    x\n    EOT\n", "a = <<-EOT\n    x\n    EOT\n"),
        // The 2016 spelling.
        ("network { port \"http\" {} }", "network {\n  port \"http\" {}\n}\n"),
        ("a { x = 1 yy = \"2\" }", "a {\n  x  = 1\n  yy = \"2\"\n}\n"),
        ("a {\n x = 1,\n yy = 2, # two\n}", "a {\n  x  = 1\n  yy = 2 # two\n}\n"),
        ("a { x = [1, 2], y = {} }", "a {\n  x = [1, 2]\n  y = {}\n}\n"),
        ("a { b {} c {} } d { }", "a {\n  b {}\n  c {}\n}\nd {}\n"),
        // Names in quotes are the agent's.
        (
            "options {\n\"driver.raw_exec.enable\" = \"1\"\n}",
            "options {\n  \"driver.raw_exec.enable\" = \"1\"\n}\n",
        ),
        // Several things on a line are the custom of labs and scenarios.
        ("lab \"x\" { m \"a\" { cpu = 1   memory=2 } }", "lab \"x\" { m \"a\" { cpu = 1  memory = 2 } }\n"),
        (
            "# c\nscenario \"x\" {\ns { a {} b { c = 1 } }\n}",
            "# c\nscenario \"x\" {\n  s { a {}  b { c = 1 } }\n}\n",
        ),
        ("lab \"x\" { a = 1\nb = 2 c {} }", "lab \"x\" {\n  a = 1\n  b = 2\n  c {}\n}\n"),
    ] {
        assert_eq!(check(given), expected, "{given}");
    }
}

#[test]
fn a_text_that_is_no_hcl_is_an_error_at_its_place() {
    for (text, place) in [
        ("a {\n  x = \n}", (2, 3)),
        ("a {\n", (1, 1)),
        ("a = \"b\n", (1, 5)),
        ("a = [1, }\n", (1, 9)),
        ("a = 1\na = 2", (2, 1)),
        ("a {\n  x = 1 +\n}", (2, 10)),
    ] {
        let problems = format(&Source::new("x.hcl", text)).unwrap_err();
        let first = problems.iter().next().unwrap();
        assert_eq!(first.position(), place, "{text}\n{problems}");
    }
}

/// Returns the HCL files below a folder of the repository, or one given whole.
fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    #[expect(clippy::disallowed_methods, reason = "fixtures are read from the repository")]
    let entries = std::fs::read_dir(folder).unwrap();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "nomad" || extension == "hcl") {
            #[expect(clippy::disallowed_methods, reason = "fixtures are read from the repository")]
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    assert!(!found.is_empty(), "{} has no HCL", folder.display());
    found
}

#[test]
fn fixtures_labs_and_scenarios_keep_their_meaning() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for folder in ["fixtures/jobs", "fixtures/agents", "labs", "scenarios"] {
        for (path, text) in files(&root.join(folder)) {
            assert!(read(&text).is_some(), "{} is not read", path.display());
            check(&text);
        }
    }
}

#[test]
#[ignore = "reads reference data: PASTURE_CONFORMANCE_DIR=... cargo test -- --ignored"]
fn files_of_others_keep_their_meaning() {
    let folder =
        std::env::var_os("PASTURE_CONFORMANCE_DIR").expect("PASTURE_CONFORMANCE_DIR names a directory");
    for (path, text) in files(&Path::new(&folder).join("jobspec/input")) {
        match format(&Source::new("x.hcl", &text)) {
            Ok(_) => drop(check(&text)),
            Err(_) => assert!(read(&text).is_none(), "{} is read, but not formatted", path.display()),
        }
    }
}

fn blank() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just(""), Just(" "), Just("   "), Just("\t"), Just(" /* c */ ")]
}

fn line_end() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        4 => Just("\n"),
        1 => Just("\n\n\n"),
        1 => Just(" # why\n"),
        1 => Just(" // why  \r\n"),
        1 => Just("\n  /* a\n b */\n"),
    ]
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1".to_owned()),
        Just("- 2".to_owned()),
        Just("1.5e-3".to_owned()),
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just("node.datacenter".to_owned()),
        Just("attr . cpu[ \"a\" ]".to_owned()),
        "[a-z${}#/=, ]{0,8}".prop_map(|text| format!("\"{}\"", text.replace("${", "$$").replace('{', ""))),
        Just("\"${ attr.kernel.name } x\"".to_owned()),
        Just("\"$${x} \\\" }\"".to_owned()),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            (proptest::collection::vec((inner.clone(), blank(), blank()), 0..4), line_end(), any::<bool>())
                .prop_map(|(values, end, lines)| {
                    let end = if lines { end } else { "" };
                    let values: Vec<_> =
                        values.iter().map(|(value, a, b)| format!("{end}{a}{value}{b}")).collect();
                    format!("[{}{end}]", values.join(","))
                }),
            (proptest::collection::vec((inner, blank(), blank()), 0..4), line_end(), any::<bool>()).prop_map(
                |(values, end, lines)| {
                    let entries: Vec<_> = values
                        .iter()
                        .enumerate()
                        .map(|(number, (value, a, b))| format!("k{number}{a}={b}{value}"))
                        .collect();
                    if lines {
                        format!("{{{end}{}{end}}}", entries.join(end))
                    } else {
                        format!("{{{}}}", entries.join(","))
                    }
                }
            ),
        ]
    })
}

/// The items of a body, before they have names of their own.
fn body() -> impl Strategy<Value = String> {
    let attribute = (blank(), blank(), value(), prop_oneof![3 => Just(""), 1 => Just(",")])
        .prop_map(|(a, b, value, comma)| format!("NAME{a}={b}{value}{comma}"));
    let heredoc = blank().prop_map(|a| format!("NAME ={a}<<-EOT\n  }} # x\n\n  EOT\n"));
    let item = prop_oneof![4 => attribute, 1 => heredoc];
    let separator = || prop_oneof![3 => line_end(), 1 => Just(" ")];
    item.prop_recursive(3, 24, 4, move |inner| {
        (proptest::collection::vec((inner, separator()), 0..4), separator(), blank()).prop_map(
            |(items, first, a)| {
                let items: String = items.iter().map(|(item, end)| format!("{item}{end}")).collect();
                format!("NAME{a} \"l\"{a}{{{first}{items}}}")
            },
        )
    })
}

/// Gives each item a name of its own: none may come twice.
fn named(text: &str) -> String {
    let mut parts = text.split("NAME");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for (number, part) in parts.enumerate() {
        let _ = write!(out, "n{}{number}{part}", "x".repeat(number % 5));
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn generated_texts_keep_their_meaning(
        items in proptest::collection::vec((body(), line_end()), 0..6),
        head in prop_oneof![3 => Just(""), 1 => Just("lab \"x\" {}\n"), 1 => Just("# c\n")],
    ) {
        let items: String = items.iter().map(|(item, end)| format!("{item}{end}")).collect();
        let text = named(&format!("{head}{items}"));
        prop_assert!(read(&text).is_some(), "not read: {}", text);
        check(&text);
    }

    #[test]
    fn damaged_texts_do_no_harm(at in 0..2000_usize, with in "[{}\\[\\]\"#=,\n<.a ]{0,3}", cut in 0..5_usize) {
        let text = crate::example();
        let at = at.min(text.len());
        let end = (at + cut).min(text.len());
        if text.is_char_boundary(at) && text.is_char_boundary(end) {
            let text = format!("{}{with}{}", &text[..at], &text[end..]);
            if format(&Source::new("x", &text)).is_ok() {
                check(&text);
            }
        }
    }
}

#[test]
fn what_is_printed_is_in_the_one_form() {
    for text in [crate::example(), crate::example_of_2016()] {
        let job = crate::parse("example.nomad", text, &crate::Options::default()).unwrap().job;
        let printed = crate::print(&job);
        assert_eq!(formatted(&printed), printed);
    }
}
