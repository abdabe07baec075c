//! Files to the bodies they evaluate to, or to what is said about them.

use std::fmt::Write as _;

use proptest::prelude::*;

use crate::diagnostic::{Diagnostics, Source};
use crate::hcl::tree::Body;
use crate::hcl::{self, Inputs, Options};

/// Evaluates a file; errors and warnings as one line each.
fn evaluate(text: &str, inputs: Option<&Inputs>) -> Result<(Body, Diagnostics), String> {
    let mut warnings = Diagnostics::new();
    let options = Options { inputs, ..Options::default() };
    let source = Source::new("x", text);
    let parse = if text.starts_with('{') { hcl::parse_json } else { hcl::parse };
    match parse(&source, options, &mut warnings) {
        Ok(body) => Ok((body, warnings)),
        Err(errors) => Err(errors.one_line_each()),
    }
}

/// Writes a body on one line: `a = 1; b "x" { c = 2 }`.
fn written(body: &Body) -> String {
    let mut parts: Vec<String> = Vec::new();
    for attribute in &body.attributes {
        parts.push(format!("{} = {}", attribute.name, attribute.value.to_json()));
    }
    for block in &body.blocks {
        let mut head = block.name.clone();
        for label in &block.labels {
            let _ = write!(head, " {:?}", label.text);
        }
        parts.push(format!("{head} {{ {} }}", written(&block.body)));
    }
    parts.join("; ")
}

fn outcome(text: &str, inputs: Option<&Inputs>) -> String {
    match evaluate(text, inputs) {
        Ok((body, _)) => written(&body),
        Err(errors) => errors,
    }
}

/// Checks what files evaluate to, all cases at once so that one run shows all that differ.
fn check(cases: &[(&str, &str)]) {
    let mut wrong = String::new();
    for (text, expected) in cases {
        let found = outcome(text, None);
        if found != *expected {
            let _ = writeln!(wrong, "{text}\n  expected {expected}\n  found    {found}");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// Checks the value of expressions.
fn check_values(cases: &[(&str, &str)]) {
    let texts: Vec<(String, String)> =
        cases.iter().map(|(text, value)| (format!("a = {text}"), format!("a = {value}"))).collect();
    let cases: Vec<(&str, &str)> =
        texts.iter().map(|(text, value)| (text.as_str(), value.as_str())).collect();
    check(&cases);
}

/// Checks what is said about expressions: `column: message`.
fn check_errors(cases: &[(&str, &str)]) {
    let texts: Vec<(String, String)> = cases
        .iter()
        .map(|(text, said)| (format!("a = {text}"), said.replacen(": ", ": error: ", 1)))
        .map(|(text, said)| (text, format!("x:1:{said}")))
        .collect();
    let cases: Vec<(&str, &str)> = texts.iter().map(|(text, said)| (text.as_str(), said.as_str())).collect();
    check(&cases);
}

#[test]
fn operators_follow_their_precedence() {
    check_values(&[
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("7 / 2", "3.5"),
        ("-7 % 3", "-1"),
        ("10 - 4 - 3", "3"),
        ("\"2\" * 2", "4"),
        ("0.1 + 0.2", "0.3"),
        ("-(1 + 2)", "-3"),
        ("1 < 2 && 2 <= 2 && 3 > 2 && 2 >= 2", "true"),
        ("false && 1 == 1 || true", "true"),
        ("!(1 == 2)", "true"),
        ("1 == 1.0", "true"),
        ("1 == \"1\"", "false"),
        ("[1, 2] == [1, 2]", "true"),
        ("{ a = 1, b = 2 } == { b = 2, a = 1 }", "true"),
        ("null == null", "true"),
        ("1 != 2 ? \"yes\" : \"no\"", "\"yes\""),
        ("false ? 1 : true ? 2 : 3", "2"),
        ("false && 1 / 0 == 1", "false"),
    ]);
    check_errors(&[
        ("1 / 0", "9: this is zero: it divides nothing"),
        (
            "\"a\" + \"b\"",
            "5: + works on numbers, not on a text (texts are joined in a template: \"${a}${b}\")",
        ),
        ("1 + [2]", "9: + works on numbers, not on a list"),
        ("1 ? 2 : 3", "5: a condition must be true or false, not a number"),
        ("null && true", "5: what stands beside && must be true or false, not null"),
    ]);
}

#[test]
fn values_are_gone_through() {
    check_values(&[
        ("[for x in [1, 2, 3] : x * 2]", "[2,4,6]"),
        ("[for i, x in [\"a\", \"b\"] : \"${i}${x}\"]", "[\"0a\",\"1b\"]"),
        ("[for x in [1, 2, 3] : x if x != 2]", "[1,3]"),
        ("[for k, v in { b = 2, a = 1 } : \"${k}${v}\"]", "[\"a1\",\"b2\"]"),
        ("{ for k, v in { b = 2, a = 1 } : k => v + 1 if v > 1 }", "{\"b\":3}"),
        (
            "{ for x in [\"aa\", \"b\", \"cc\"] : x == \"b\" => x... }",
            "{\"false\":[\"aa\",\"cc\"],\"true\":[\"b\"]}",
        ),
        ("[for x in [[1, 2], [3]] : [for y in x : y + 1]]", "[[2,3],[4]]"),
        ("[for x in [1] : [for x in [2] : x]]", "[[2]]"),
        ("[for x in convert([2, 1, 2], set(number)) : x]", "[1,2]"),
    ]);
    check_errors(&[
        ("[for x in 1 : x]", "15: only lists, sets and maps can be gone through, not a number"),
        ("[for x in null : x]", "15: only lists, sets and maps can be gone through, not null"),
        (
            "{ for x in [1, 1] : x => x }",
            "25: two elements have the key \"1\" (write ... after the value to get a list of values for each key)",
        ),
        ("{ for x in [1] : [x] => x }", "22: the key of a map must be a text, not a list"),
        ("[for elem in [1] : elen]", "24: unknown name \"elen\" (did you mean elem?)"),
    ]);
}

#[test]
fn references_lead_into_values() {
    check_values(&[
        ("[10, 20][1]", "20"),
        ("[10, 20].1", "20"),
        ("[10, 20][\"1\"]", "20"),
        ("{ a = { b = [1] } }.a.b[0]", "1"),
        ("{ a-b = 1 }[\"a-b\"]", "1"),
        ("{ a = 1 }[\"${\"a\"}\"]", "1"),
        ("[{ n = 1 }, { n = 2 }].*.n", "[1,2]"),
        ("[{ n = [1, 2] }, { n = [3] }][*].n[0]", "[1,3]"),
        ("[{ n = [1, 2] }, { n = [3] }].*.n[0]", "[1,2]"),
        ("[[{ n = 1 }], [{ n = 2 }]][*][*].n", "[[1],[2]]"),
        ("{ n = 1 }[*].n", "[1]"),
        ("null[*]", "[]"),
        ("{ (\"x${1}\") = 2 }", "{\"x1\":2}"),
        ("{ a.b = 1 }", "{\"a.b\":1}"),
        ("{ (\"x\") = 1, y = 2, (\"${\"x\"}\") = 3 }", "{\"x\":3,\"y\":2}"),
        ("merge({ (\"x\") = 1, y = 2, (\"${\"x\"}\") = 3 })", "{\"x\":3,\"y\":2}"),
        ("{ 1 = 2, true = 3 }", "{\"1\":2,\"true\":3}"),
    ]);
    check_errors(&[
        ("[10, 20][2]", "13: there is no element 2 in a list of 2"),
        ("[10, 20][-1]", "13: there is no element -1 in a list of 2"),
        ("[10, 20][1.5]", "13: a list is indexed by a whole number"),
        ("{ port = 1 }.prot", "17: there is no \"prot\" in it (did you mean \"port\"?)"),
        ("{ port = 1 }[\"x\"]", "17: there is no \"x\" in it (expected one of: port)"),
        ("[{ n = 1 }].n", "16: a list has no attribute \"n\" (for those of all elements write [*].n)"),
        ("\"text\"[0]", "11: a text has no elements"),
        (
            "convert([1], set(number))[0]",
            "30: the elements of a set have no index; [for x in ... : x] makes a list of them",
        ),
    ]);
}

#[test]
fn what_only_clients_know_stays_text() {
    check_values(&[
        ("attr.kernel.name", "\"${attr.kernel.name}\""),
        ("\"${attr.kernel.name}\"", "\"${attr.kernel.name}\""),
        ("\"${ node.datacenter }-x\"", "\"${node.datacenter}-x\""),
        ("\"a-${meta.rack}-b${1 + 1}\"", "\"a-${meta.rack}-b2\""),
        ("\"${NOMAD_PORT_http}\"", "\"${NOMAD_PORT_http}\""),
        ("\"${TASKGROUP}-redis\"", "\"${TASKGROUP}-redis\""),
        ("NOMAD_ALLOC_INDEX", "\"${NOMAD_ALLOC_INDEX}\""),
        ("attr[\"unique.x\"]", "\"${attr[\\\"unique.x\\\"]}\""),
        ("[for x in [1, 2] : \"${x}${node.class}\"]", "[\"1${node.class}\",\"2${node.class}\"]"),
        ("true ? attr.a : 1", "\"${attr.a}\""),
        ("\"$${var.x}\"", "\"${var.x}\""),
    ]);
    check_errors(&[
        ("service", "5: unknown name \"service\" (texts stand in quotes: \"service\")"),
        ("var", "5: \"var\" alone is no value: write var.name"),
        ("var[0]", "5: after var comes the name of one: var.name"),
        (
            "attr[1 + 1]",
            "5: \"attr\" is resolved when the task starts: it takes no computed index and no splat",
        ),
        ("attr.*.x", "5: \"attr\" is resolved when the task starts: it takes no computed index and no splat"),
    ]);
    let (_, warnings) = evaluate("a = \"${vars.x}\"\nb = [for i in [1, 2] : loacl.y]", None).unwrap();
    assert_eq!(
        warnings.one_line_each(),
        "x:1:8: warning: vars.x stays text: \"vars\" is not known here (did you mean \"var\"?)\n\
         x:2:24: warning: loacl.y stays text: \"loacl\" is not known here (did you mean \"local\"?)"
    );
}

#[test]
fn templates_are_texts_unless_they_are_one_value() {
    check_values(&[
        ("\"${1}\"", "1"),
        ("\"${[1]}\"", "[1]"),
        ("\"${1}${true}\"", "\"1true\""),
        ("\"a %{ if 1 == 1 }yes%{ else }no%{ endif } b\"", "\"a yes b\""),
        ("\"%{ if false }yes%{ endif }\"", "\"\""),
        ("\"%{ for x in [1, 2] }<${x}>%{ endfor }\"", "\"<1><2>\""),
        ("\"%{ for k, v in { a = 1 } }${k}=${v}%{ endfor }\"", "\"a=1\""),
        ("\"a  ${~ 1 ~}  b\"", "\"a1b\""),
        ("\"a %{~ if true ~} b %{~ endif ~} c\"", "\"abc\""),
        ("\"%%{ if }\"", "\"%{ if }\""),
        ("\"${\"nested ${1 + 1}\"}\"", "\"nested 2\""),
        ("<<EOT\none ${1}\n  two\nEOT", "\"one 1\\n  two\\n\""),
        ("<<-EOT\n    one\n      two ${1}\n    EOT", "\"one\\n  two 1\\n\""),
        (
            "<<EOT\n%{ for x in [1, 2] ~}\n  item ${x}\n%{ endfor ~}\nend\nEOT",
            "\"  item 1\\n  item 2\\nend\\n\"",
        ),
        (
            "<<-EOT\n    begin\n    %{ for x in [1, 2] ~}\n      item ${x}\n    %{ endfor ~}\n    end\n    EOT",
            "\"begin\\n  item 1\\n  item 2\\nend\\n\"",
        ),
        ("<<EOT\na\n${~ 1}\nEOT", "\"a1\\n\""),
        ("<<EOT\nEOT", "\"\""),
    ]);
    check_errors(&[
        ("\"x${[1]}\"", "9: a list cannot be part of a text (join its elements: join(\", \", ...))"),
        ("\"x${{}}\"", "9: a map cannot be part of a text (write it as JSON: jsonencode(...))"),
        ("\"x${null}\"", "9: null cannot be part of a text"),
        ("\"%{ if 1 }%{ endif }\"", "12: the condition of %{ if } must be true or false, not a number"),
    ]);
}

#[test]
fn functions_that_take_expressions() {
    check_values(&[
        ("can(1 / 0)", "false"),
        ("can(1 / 1)", "true"),
        ("try(1 / 0, [1][3], \"else\")", "\"else\""),
        ("[for x in [{ a = 1 }, {}] : try(x.a, 0)]", "[1,0]"),
        ("convert(\"5\", number)", "5"),
        ("convert([1, \"2\"], list(string))", "[\"1\",\"2\"]"),
        (
            "convert({ a = \"1\" }, object({ a = number, b = optional(string), c = optional(number, 3) }))",
            "{\"a\":1,\"b\":null,\"c\":3}",
        ),
    ]);
    check_errors(&[
        ("try(1 / 0)", "13: this is zero: it divides nothing"),
        ("can(1, 2)", "5: can takes one expression"),
        ("convert([1, []], list(number))", "17: the value[1] must be a number, not a list"),
        ("convert(1, nubmer)", "16: unknown type \"nubmer\" (did you mean number?)"),
        ("convert(1, \"string\")", "16: a type is written without quotes (write string)"),
        ("uper(\"a\")", "5: unknown function \"uper\" (did you mean \"upper\"?)"),
        ("trry(1)", "5: unknown function \"trry\" (did you mean \"try\"?)"),
    ]);
}

#[test]
fn functions_are_called() {
    check_values(&[
        ("upper(\"a\")", "\"A\""),
        ("max([1, 5, 3]...)", "5"),
        ("max(1, [5, 3]...)", "5"),
        ("join(\",\", [for x in range(3) : x + 1])", "\"1,2,3\""),
        ("\"${upper(attr.kernel.name)}\"", "\"${ATTR.KERNEL.NAME}\""),
        ("\"${length([1, 2])} of ${format(\"%03d\", 7)}\"", "\"2 of 007\""),
        ("merge({ a = 1 }, { b = 2 })", "{\"a\":1,\"b\":2}"),
        ("lookup({ a = 1 }, \"b\", 0)", "0"),
        ("upper(\n \"a\",\n)", "\"A\""),
        ("try(parseint(\"x\", 10), 0)", "0"),
    ]);
    for (text, place, said) in [
        ("a = upper([1])", "x:1:11: error: function \"upper\": ", "text"),
        ("a = max(1, [2, []]...)", "x:1:12: error: function \"max\": ", "number"),
        ("a = upper()", "x:1:5: error: function \"upper\": ", "argument"),
        ("a = max(1...)", "x:1:9: error: only a list can be expanded", "not a number"),
        ("a = file(\"/etc/passwd\")", "x:1:5: error: function \"file\": ", "file"),
        ("a = core::upper(\"a\")", "x:1:11: error: unknown function", "upper"),
    ] {
        let found = outcome(text, None);
        assert!(found.starts_with(place) && found.contains(said), "{text}: {found}");
    }
}

#[test]
fn variables_and_locals_are_taken_out_of_the_body() {
    check(&[
        ("variable \"n\" {\n default = 3\n}\na = var.n + 1", "a = 4"),
        ("variable \"n\" {\n type = string\n default = 3\n description = \"x\"\n}\na = var.n", "a = \"3\""),
        ("variables {\n x = [1, 2]\n}\na = var.x[1]", "a = 2"),
        (
            "a = local.x\nlocals {\n x = local.y + 1\n}\nlocals {\n y = var.n\n}\nvariables {\n n = 1\n}",
            "a = 2",
        ),
        ("locals {\n a = { b = local.c }\n c = [1]\n}\nx {\n y = local.a.b[0]\n}", "x { y = 1 }"),
        ("variables {\n x = null\n}\na = var.x", "a = null"),
        ("variables {\n n = 1\n}\na = [for n in [5] : n + var.n]", "a = [6]"),
        ("locals {\n l = \"x\"\n}\na = local[\"l\"]", "a = \"x\""),
        (
            "variable \"o\" {\n type = object({ a = string, b = optional(number, 2) })\n default = { a = 1, z = 2 }\n}\na = var.o",
            "a = {\"a\":\"1\",\"b\":2}",
        ),
        (
            "variable \"s\" {\n type = set(string)\n default = [\"b\", \"a\", \"b\"]\n}\na = var.s",
            "a = [\"a\",\"b\"]",
        ),
        (
            "variable \"t\" {\n type = tuple([string, number])\n default = [1, \"2\"]\n}\na = var.t",
            "a = [\"1\",2]",
        ),
        (
            "variable \"m\" {\n type = map(number)\n default = { b = \"1\", a = 2 }\n}\na = var.m",
            "a = {\"a\":2,\"b\":1}",
        ),
    ]);
}

#[test]
fn wrong_declarations() {
    check(&[
        (
            "a = var.nmae\nvariables {\n name = 1\n}",
            "x:1:5: error: unknown variable \"nmae\" (did you mean \"name\"?)",
        ),
        ("a = var.x", "x:1:5: error: unknown variable \"x\" (declare it: variable \"x\" { })"),
        ("a = local.x", "x:1:5: error: unknown local \"x\" (define it: locals { x = ... })"),
        ("variable \"x\" {}", "x:1:10: error: variable \"x\" has no value (add default = ...)"),
        ("variable {}", "x:1:1: error: a variable has one label: its name (write variable \"name\" { ... })"),
        (
            "variable \"x\" {\n defualt = 1\n default = 2\n}",
            "x:2:2: error: unknown attribute \"defualt\" in a variable (did you mean \"default\"?)",
        ),
        (
            "variable \"x\" {\n type = strnig\n default = 1\n}",
            "x:2:9: error: unknown type \"strnig\" (did you mean string?)",
        ),
        (
            "variable \"x\" {\n type = list(number)\n default = [1, \"b\"]\n}",
            "x:3:16: error: the default of variable \"x\" at [1] must be a number, not the text \"b\"",
        ),
        (
            "variable \"x\" {\n type = object({ a = number })\n default = {}\n}",
            "x:3:12: error: the default of variable \"x\" has no \"a\"",
        ),
        (
            "variable \"x\" {\n default = var.y\n}",
            "x:2:12: error: a default or a given value cannot refer to others",
        ),
        (
            "variables {\n x = 1\n}\nvariable \"x\" {\n default = 1\n}",
            "x:4:10: error: variable \"x\" is declared twice (the first is in line 2)",
        ),
        (
            "locals {\n x = 1\n}\nlocals {\n x = 1\n}",
            "x:5:2: error: local \"x\" is defined twice (the first is in line 2)",
        ),
        (
            "locals {\n a = local.b\n b = [local.c]\n c = \"${local.a}\"\n}",
            "x:2:2: error: local \"a\" depends on itself (local.a -> local.b -> local.c -> local.a)",
        ),
        (
            "locals {\n a = local.a\n b = local.a\n}\nx = local.b",
            "x:2:2: error: local \"a\" depends on itself (local.a -> local.a)",
        ),
        (
            "locals {\n x {}\n}",
            "x:2:2: error: \"locals\" holds name = value only, no blocks (write x = { ... })",
        ),
        ("locals {\n a = 1 / 0\n}\nx = local.a", "x:2:10: error: this is zero: it divides nothing"),
    ]);
}

#[test]
fn conditions_of_variables_are_checked() {
    let text = |value: &str| {
        format!(
            "variable \"n\" {{\n default = {value}\n validation {{\n condition = var.n < 5 && var.n > 0\n error_message = \"${{var.n}} is too many.\"\n }}\n}}\na = var.n"
        )
    };
    assert_eq!(outcome(&text("4"), None), "a = 4");
    assert_eq!(
        outcome(&text("5"), None),
        "x:4:14: error: variable \"n\" is not valid: 5 is too many. (var.n has its default (line 1))"
    );
    check(&[(
        "variable \"n\" {\n default = 1\n validation {\n condition = local.x\n }\n}\nlocals {\n x = true\n}",
        "x:4:14: error: a validation can refer to variables only",
    )]);
}

#[test]
fn dynamic_blocks_are_written_out() {
    check(&[
        (
            "dynamic \"port\" {\n for_each = [\"http\", \"db\"]\n labels = [port.value]\n content {\n to = port.key\n }\n}",
            "port \"http\" { to = 0 }; port \"db\" { to = 1 }",
        ),
        (
            "a {\n dynamic \"b\" {\n for_each = { y = 2, x = 1 }\n iterator = each\n content {\n k = each.key\n c \"l\" {\n v = each.value\n }\n }\n }\n b {\n k = 3\n }\n}",
            "a { b { k = \"x\"; c \"l\" { v = 1 } }; b { k = \"y\"; c \"l\" { v = 2 } }; b { k = 3 } }",
        ),
        (
            "dynamic \"a\" {\n for_each = [[1, 2], [3]]\n content {\n dynamic \"b\" {\n for_each = a.value\n content {\n v = \"${a.key}.${b.value}\"\n }\n }\n }\n}",
            "a { b { v = \"0.1\" }; b { v = \"0.2\" } }; a { b { v = \"1.3\" } }",
        ),
        (
            "dynamic \"a\" {\n for_each = convert([\"y\", \"x\"], set(string))\n content {\n v = a.key\n }\n}",
            "a { v = \"x\" }; a { v = \"y\" }",
        ),
        ("dynamic \"a\" {\n for_each = []\n content {}\n}", ""),
        (
            "dynamic \"a\" {\n content {}\n}",
            "x:1:1: error: this dynamic block has no for_each (add for_each = [...])",
        ),
        (
            "dynamic \"a\" {\n for_each = []\n}",
            "x:1:1: error: this dynamic block has no content (add content { ... })",
        ),
        (
            "dynamic \"a\" {\n for_each = 1\n content {}\n}",
            "x:2:13: error: only lists, sets and maps can be gone through, not a number",
        ),
        (
            "dynamic \"a\" {\n for_eech = []\n content {}\n}",
            "x:2:2: error: unknown attribute \"for_eech\" in a dynamic block (did you mean \"for_each\"?)",
        ),
        (
            "dynamic \"a\" {\n for_each = [1]\n labels = [[]]\n content {}\n}",
            "x:3:12: error: a label must be a text, not a list",
        ),
        (
            "dynamic \"a\" {\n for_each = [1]\n content {\n x = a.valeu\n }\n}",
            "x:4:7: error: there is no \"valeu\" in it (did you mean \"value\"?)",
        ),
        (
            "dynamic {\n}",
            "x:1:1: error: a dynamic block has one label: the type of the blocks it makes (write dynamic \"network\" { for_each = ... content { ... } })",
        ),
    ]);
}

/// A file with one variable of each kind.
const DECLARED: &str = "variable \"text\" {\n type = string\n default = \"d\"\n}\n\
    variable \"list\" {\n type = list(number)\n default = []\n}\n\
    variable \"any\" {\n default = null\n nullable = false\n}\n\
    variable \"count\" {\n default = 1\n}\n\
    a = [var.text, var.list, var.any, var.count]";

fn inputs(environment: &[(&str, &str)], files: &[&str], assignments: &[&str]) -> Inputs {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Inputs {
        environment: environment.iter().map(own).collect(),
        files: files.iter().map(|text| Source::new("vars.hcl", text)).collect(),
        assignments: assignments.iter().map(|text| (*text).to_owned()).collect(),
        ..Inputs::default()
    }
}

#[test]
fn the_last_value_given_counts() {
    for (environment, files, assignments, expected) in [
        (&[][..], &[][..], &[][..], "a = [\"d\",[],null,1]"),
        (
            &[("NOMAD_VAR_text", "e"), ("NOMAD_VAR_other", "x"), ("HOME", "/")],
            &[],
            &[],
            "a = [\"e\",[],null,1]",
        ),
        (&[("NOMAD_VAR_text", "n"), ("PASTURE_VAR_text", "p")], &[], &[], "a = [\"p\",[],null,1]"),
        (
            &[("NOMAD_VAR_text", "e")],
            &["text = \"f\"\nlist = [1]", "list = [1 + 1]"],
            &[],
            "a = [\"f\",[2],null,1]",
        ),
        (&[], &["text = \"f\""], &["text=v", "text=w=x"], "a = [\"w=x\",[],null,1]"),
        (&[], &["{\"text\": \"j\", \"list\": [1, 2]}"], &[], "a = [\"j\",[1,2],null,1]"),
        (&[("NOMAD_VAR_list", "[4, 5]")], &[], &["any=[1]", "count=7"], "a = [\"d\",[4,5],\"[1]\",7]"),
        (&[], &[], &["list=[\"1\", 2]"], "a = [\"d\",[1,2],null,1]"),
        // What is wrong is said where it was written.
        (
            &[],
            &[],
            &["lsit=[]"],
            "-var:1:1: error: the file declares no variable \"lsit\" (did you mean \"list\"?)",
        ),
        (&[], &[], &["text"], "-var:1:1: error: this is no name=value (write -var name=value)"),
        (&[], &[], &["list=[1, x]"], "-var:1:10: error: unknown name \"x\" (texts stand in quotes: \"x\")"),
        (
            &[],
            &[],
            &["list=[1, []]"],
            "-var:1:10: error: variable \"list\" at [1] must be a number, not a list",
        ),
        (&[], &[], &["list=[1"], "-var:1:6: error: this [ is never closed"),
        (
            &[],
            &[],
            &["count=many"],
            "-var:1:7: error: variable \"count\" must be a number, not the text \"many\"",
        ),
        (
            &[("NOMAD_VAR_list", "x y")],
            &[],
            &[],
            "NOMAD_VAR_list:1:3: error: \"y\" is neither an attribute nor a block (write name = value, or name { on one line)",
        ),
        (
            &[],
            &["text = 1\n\nlist = [\n 1,\n \"b\"]"],
            &[],
            "vars.hcl:5:2: error: variable \"list\" at [1] must be a number, not the text \"b\"",
        ),
        (
            &[],
            &["x = 1"],
            &[],
            "vars.hcl:1:1: error: the file declares no variable \"x\" (expected one of: any, count, list, text)",
        ),
        (&[], &["any = null"], &[], "vars.hcl:1:7: error: variable \"any\" must not be null"),
        (
            &[],
            &["any = var.text"],
            &[],
            "vars.hcl:1:7: error: a default or a given value cannot refer to others",
        ),
        (
            &[],
            &["x {\n}"],
            &[],
            "vars.hcl:1:1: error: a file of values holds name = value only, no blocks (write x = { ... })",
        ),
        (
            &[],
            &["{\"list\": [true]}"],
            &[],
            "vars.hcl:1:11: error: variable \"list\" at [0] must be a number, not true or false",
        ),
    ] {
        assert_eq!(outcome(DECLARED, Some(&inputs(environment, files, assignments))), expected);
    }
}

#[test]
fn values_nobody_declares_may_be_warnings() {
    let lenient = Inputs { allow_undeclared: true, ..inputs(&[], &["x = 1"], &["y=2"]) };
    let (body, warnings) = evaluate(DECLARED, Some(&lenient)).unwrap();
    assert_eq!(written(&body), "a = [\"d\",[],null,1]");
    assert_eq!(
        warnings.one_line_each(),
        "vars.hcl:1:1: warning: the file declares no variable \"x\" (expected one of: any, count, list, text)\n\
         -var:1:1: warning: the file declares no variable \"y\" (expected one of: any, count, list, text)"
    );
}

#[test]
fn an_unset_variable_says_how_to_set_it() {
    assert_eq!(
        outcome("variable \"x\" {}\na = var.x", Some(&Inputs::default())),
        "x:1:10: error: variable \"x\" has no value (give it one with -var x=value, in a file with -var-file, or in the \
         environment as NOMAD_VAR_x or PASTURE_VAR_x; or add a default)"
    );
}

#[test]
fn dynamic_blocks_in_json_are_repeated_objects() {
    check(&[
        (
            r#"{"job": {"dynamic": {"port": {"for_each": ["a", "b"], "iterator": "p", "labels": ["${p.value}"], "content": {"to": "${p.key + 1}"}}}, "port": {"c": {"to": 9}}}}"#,
            r#"job { port { c { to = 9 } }; port { a { to = 1 } }; port { b { to = 2 } } }"#,
        ),
        (
            r#"{"job": {"dynamic": {"a": {"for_each": {"x": 1}, "content": {"v": "${a.key}${a.value}"}}}}}"#,
            r#"job { a { v = "x1" } }"#,
        ),
        (r#"{"job": {"env": {"dynamic": {"x": "1"}}}}"#, r#"job { env { dynamic { x = "1" } } }"#),
        (
            r#"{"job": {"dynamic": {"a": {"for_each": 1, "content": {}}}}}"#,
            "x:1:40: error: only lists, sets and maps can be gone through, not a number",
        ),
    ]);
}

#[test]
fn what_is_wrong_with_a_value_says_where_it_comes_from() {
    let text = "variable \"n\" {\n type = string\n default = \"x\"\n}\nlocals {\n m = var.n\n}\na = var.n\nb = local.m\nc = [1, var.n]";
    for (given, origin) in [(&[][..], "has its default (line 1)"), (&["n=y"], "is set by -var")] {
        let inputs = inputs(&[], &[], given);
        let (body, warnings) = evaluate(text, Some(&inputs)).unwrap();
        let reader = hcl::Reader::new(&Source::new("x", text), warnings);
        for attribute in &body.attributes {
            assert_eq!(reader.number::<u32>(&attribute.value, &attribute.name), None);
        }
        let errors = reader.into_diagnostics().one_line_each();
        let value = if given.is_empty() { "x" } else { "y" };
        assert_eq!(
            errors,
            format!(
                "x:8:5: error: a must be a whole number, not \"{value}\" (var.n {origin})\n\
                 x:9:5: error: b must be a whole number, not \"{value}\" (local.m is defined in line 6)\n\
                 x:10:5: error: c must be a whole number, not a list (var.n {origin})"
            )
        );
    }
}

#[test]
fn json_has_templates_variables_and_locals() {
    check(&[
        (
            "{\"variable\": {\"n\": {\"type\": \"list(string)\", \"default\": [1]}}, \"locals\": {\"m\": \"${var.n[0]}!\"}, \"job\": {\"x\": \"${local.m} ${attr.y}\"}}",
            "job { x = \"1! ${attr.y}\" }",
        ),
        ("{\"a\": \"${1 + 1}\", \"b\": \"$${x}\"}", "a = 2; b = \"${x}\""),
        (r#"{"a": "${join(\",\", [\"x\", 1])}", "b": "\/\ud83d\ude00\""}"#, r#"a = "x,1"; b = "/😀\"""#),
        (
            r#"{"a": "\/${upper(\"x\", [\"y\"])}"}"#,
            "x:1:12: error: function \"upper\": takes 1 argument, but 2 are given",
        ),
        (r#"{"a": "${nope(\"x\", \"y\")}"}"#, "x:1:10: error: unknown function \"nope\""),
        ("{\"a\": \"${var.x}\"}", "x:1:10: error: unknown variable \"x\" (declare it: variable \"x\" { })"),
    ]);
}

/// Little files that ask for much.
#[test]
fn work_is_bounded() {
    let ten = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]";
    let nested = |depth: usize, inner: &str| {
        let heads: String = (0..depth).map(|level| format!("[for x{level} in {ten} : ")).collect();
        format!("{heads}{inner}{}", "]".repeat(depth))
    };
    let doubled: String = (0..64).map(|n| format!(" l{} = [local.l{n}, local.l{n}]\n", n + 1)).collect();
    let grown: String =
        (0..64).map(|n| format!(" l{} = \"${{local.l{n}}}${{local.l{n}}}\"\n", n + 1)).collect();
    let deep: String = (0..2000).map(|n| format!(" l{} = [local.l{n}]\n", n + 1)).collect();
    let blocks = (0..6).fold("x = 1".to_owned(), |inner, level| {
        format!("dynamic \"b{level}\" {{\n for_each = {ten}\n content {{\n {inner}\n }}\n}}")
    });
    for (text, said) in [
        (format!("a = {}", nested(8, "1")), "this file computes too much: at most 1000000 values"),
        (format!("a = try({}, 1)", nested(8, "1")), "this file computes too much: at most 1000000 values"),
        (format!("a = can({})", nested(8, "1")), "this file computes too much: at most 1000000 values"),
        (format!("a = 1\nb = {}", nested(5, &format!("{:?}", "x".repeat(1000)))), "too much text"),
        (format!("locals {{\n l0 = 1\n{doubled}}}"), "the value has more than 100000 elements"),
        (
            format!("locals {{\n l0 = \"xxxxxxxx\"\n{grown}}}"),
            "the value has more than 1048576 bytes of text",
        ),
        (format!("locals {{\n l0 = 1\n{deep}}}"), "the value is nested deeper than 128 levels"),
        (blocks, "this file makes too many blocks: at most 100000"),
        (
            format!(
                "locals {{\n m = {{ {} }}\n}}\na = {}",
                (0..400).map(|n| format!("k{n} = 1\n")).collect::<String>(),
                nested(5, "try(local.m.none, 0)")
            ),
            "this file computes too much: at most 1000000 values",
        ),
        (format!("a = x{}", ".*".repeat(1000)), "a reference may have at most 32 splats"),
        (format!("a = {ten}{}", "[*]".repeat(1000)), "a reference may have at most 32 splats"),
    ] {
        let found = outcome(&text, None);
        assert!(found.contains(said), "{} should say {said}: {found:.300}", &text[..text.len().min(100)]);
    }
}

/// What nests in the syntax is refused by the parser before it gets here.
#[test]
fn depth_is_bounded() {
    for text in [
        format!("a = {}1", "!".repeat(100_000)),
        format!("a = {}1", "-".repeat(100_000)),
        format!("a = {}1", "true ? 1 : ".repeat(50_000)),
        format!("a = \"${{{}1{}}}\"", "(".repeat(50_000), ")".repeat(50_000)),
        format!("a = \"${{{}1{}}}\"", "[".repeat(50_000), "]".repeat(50_000)),
        format!("a = \"{}{}\"", "%{ if true }".repeat(10_000), "%{ endif }".repeat(10_000)),
        format!("a = <<EOT\n{}{}\nEOT", "%{ for x in [1] }".repeat(10_000), "%{ endfor }".repeat(10_000)),
        format!("a = 1{}", " + 1".repeat(19_000)),
        format!("a = x{}", "[0]".repeat(6_000)),
        format!("a = {}1{}", "{ x = ".repeat(30_000), "}".repeat(30_000)),
        format!("a = {}1{}", "try(".repeat(60), ")".repeat(60)),
    ] {
        let _ = outcome(&text, None);
    }
    // What is just about allowed has to fit the stack, in the innermost of nested blocks too.
    let inner = format!("\"${{{}1{}}}\"", "[for x in [1] : ".repeat(30), "][0]".repeat(30));
    let blocks = (0..15).fold(format!("x = {inner}{}", " + 1".repeat(90)), |inner, level| {
        format!("dynamic \"b{level}\" {{\n for_each = [1]\n content {{\n {inner}\n }}\n}}")
    });
    assert!(outcome(&blocks, None).contains("x = 91"), "{}", outcome(&blocks, None));
    for (text, value) in [
        (format!("\"${{{}1{}}}\"", "(".repeat(50), ")".repeat(50)), "1"),
        (format!("\"${{{}1{}}}\"", "try(".repeat(50), ")".repeat(50)), "1"),
        (format!("\"${{{}1{}}}\"", "[for x in [1] : ".repeat(30), "][0]".repeat(30)), "1"),
        (format!("\"{}x{}\"", "%{ for x in [1] }".repeat(50), "%{ endfor }".repeat(50)), "\"x\""),
        (format!("\"${{{}1{}}}\"", "(1".repeat(50) + &" + 1".repeat(70), ")".repeat(50)), "error"),
        (format!("1{}", " + 1".repeat(128)), "129"),
        (format!("{}1", "true ? ".repeat(50)) + &" : 1".repeat(50), "1"),
        (format!("{}true", "!".repeat(60)), "true"),
    ] {
        let found = outcome(&format!("a = {text}"), None);
        assert!(found == format!("a = {value}") || found.contains(value), "{text}: {found}");
    }
}

/// Pieces that make expressions, in any order.
const PIECES: &[&str] = &[
    "a",
    " = ",
    "\n",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "${",
    "%{",
    "~",
    "for ",
    "in ",
    "if ",
    "else",
    "endif",
    "endfor",
    "x",
    "var.",
    "local.",
    ".*",
    "[*]",
    ".",
    ",",
    ":",
    "?",
    "=>",
    "...",
    "==",
    "!",
    "-",
    "+",
    "&&",
    "1",
    "0.5",
    "null",
    "true",
    "try",
    "can",
    "convert",
    "string",
    "list",
    "<<-EOT\n",
    "EOT",
    "variable \"v\" {\n",
    "locals {\n",
    "dynamic \"d\" {\n",
    "for_each = ",
    "content {\n",
    "d.value",
    "é",
];

const WHOLE: &str = r#"variable "v" {
  type    = list(object({ a = number, b = optional(string, "x") }))
  default = [{ a = 1 }, { a = 2, b = "y" }]
  validation {
    condition     = var.v[0].a > 0
    error_message = "Too small."
  }
}
locals {
  by_name = { for i, x in var.v : "${x.b}${i}" => x.a... if x.a != 3 }
  text    = <<-EOT
    %{ for x in var.v ~}
    ${x.a} %{ if x.b == "y" }!%{ else }?%{ endif }
    %{ endfor ~}
    ${attr.kernel.name} $${kept}
    EOT
}
job "a" {
  count = try(var.v[7].a, convert("3", number)) * -1 + (can(var.v.x) ? 1 : 2)
  dynamic "port" {
    for_each = local.by_name
    iterator = p
    labels   = [p.key]
    content {
      to = [p.value[0], var.v[*].a, var.v.*.b]
    }
  }
}
"#;

proptest! {
    #[test]
    fn no_pieces_make_it_panic(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60)) {
        let _ = outcome(&pieces.concat(), None);
        let _ = outcome(&format!("a = {}", pieces.concat()), Some(&inputs(&[], &[&pieces.concat()], &[&format!("a={}", pieces.concat())])));
    }

    #[test]
    fn no_damage_makes_it_panic(cut in 0..WHOLE.len(), length in 0_usize..40, insert in prop::sample::select(PIECES)) {
        let end = (cut + length).min(WHOLE.len());
        let _ = outcome(&format!("{}{insert}{}", &WHOLE[..cut], &WHOLE[end..]), None);
    }
}

#[test]
fn a_whole_file() {
    assert_eq!(
        outcome(WHOLE, None),
        "job \"a\" { count = -1; port \"x0\" { to = [1,[1,2],[\"x\",\"y\"]] }; port \"y1\" { to = [2,[1,2],[\"x\",\"y\"]] } }"
    );
    let text = WHOLE.replace("count =", "text = local.text\n count =");
    assert!(
        outcome(&text, None).contains("text = \"1 ?\\n2 !\\n${attr.kernel.name} ${kept}\\n\""),
        "{}",
        outcome(&text, None)
    );
}

/// Files that Nomad's parser accepts evaluate.
#[test]
#[ignore = "reads reference data: PASTURE_CONFORMANCE_DIR=... cargo test -- --ignored"]
#[expect(clippy::disallowed_methods, reason = "a test reads reference data")]
fn nomads_own_files_evaluate() {
    let root =
        std::env::var_os("PASTURE_CONFORMANCE_DIR").expect("PASTURE_CONFORMANCE_DIR names a directory");
    let root = std::path::PathBuf::from(root).join("jobspec");
    let mut evaluated = 0;
    for entry in std::fs::read_dir(root.join("input")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if root.join("parsed").join(format!("{name}.err")).exists() {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(evaluate(&text, None).is_ok(), "{name}: {}", outcome(&text, None));
        evaluated += 1;
    }
    assert!(evaluated > 30, "{evaluated} files");
}
