//! Tables of calls in `tests/*.txt`, one file for each topic, and what holds for any arguments.
//!
//! A line is `name [arguments as JSON] => result as JSON`, or `=> !part of the fault`, or `=> !1 part of the fault` where
//! argument 1 (from 0) is to blame. `{"$set": [...]}` is a set.

use std::cell::Cell;

use proptest::prelude::*;

use super::*;

struct Folder;

impl Files for Folder {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        match path {
            "hello.txt" | "/base/hello.txt" | "/home/me/hello.txt" => Ok(b"Hello\n".to_vec()),
            "bytes.bin" => Ok(vec![0xff, 0x00]),
            "huge.txt" => Ok(vec![b'x'; 2 << 20]),
            _ => Err(format!("there is no file {path}")),
        }
    }

    fn exists(&self, path: &str) -> Result<bool, String> {
        match path {
            "sub" => Err("sub is a folder".to_owned()),
            path => Ok(self.read(path).is_ok()),
        }
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, String> {
        match folder {
            "." => Ok(["hello.txt", "bytes.bin", "sub/a.txt", "sub/deep/b.txt", "sub/deep/c.json"]
                .map(String::from)
                .into()),
            _ => Err(format!("there is no folder {folder}")),
        }
    }

    fn base(&self) -> String {
        "/base".to_owned()
    }

    fn home(&self) -> Option<String> {
        Some("/home/me".to_owned())
    }
}

/// Reads a JSON value in which `{"$set": [...]}` is a set.
fn value(json: serde_json::Value) -> Val {
    match json {
        serde_json::Value::Object(mut entries) if entries.len() == 1 && entries.contains_key("$set") => {
            match value(entries.remove("$set").unwrap_or_default()) {
                Val::List(values) => Val::set(values),
                other => panic!("a set is written as a list, not {other:?}"),
            }
        }
        serde_json::Value::Array(values) => Val::List(values.into_iter().map(value).collect()),
        serde_json::Value::Object(entries) => {
            Val::Map(entries.into_iter().map(|(key, inner)| (key, value(inner))).collect())
        }
        other => Val::from_json(other),
    }
}

/// Tells whether two values are written alike: equal, with the keys of maps in the same order.
fn same(one: &Val, two: &Val) -> bool {
    let (written_one, written_two) = (one.to_json().to_string(), two.to_json().to_string());
    one == two && written_one == written_two
}

fn check_table(table: &str) {
    let counter = Cell::new(0_u8);
    let random = |bytes: &mut [u8]| {
        for byte in bytes {
            counter.set(counter.get().wrapping_add(1));
            *byte = counter.get();
        }
    };
    let outside = Outside { files: Some(&Folder), random: Some(&random) };
    let mut wrong = Vec::new();
    let mut rows = 0;
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        rows += 1;
        counter.set(0);
        let (call_text, expected) = line.split_once(" => ").unwrap_or_else(|| panic!("no arrow: {line}"));
        let (name, arguments) = call_text.split_once(' ').unwrap_or_else(|| panic!("no arguments: {line}"));
        let arguments: Vec<serde_json::Value> =
            serde_json::from_str(arguments).unwrap_or_else(|error| panic!("{line}: {error}"));
        let result = call(name, arguments.into_iter().map(value).collect(), &outside);
        let matches = match (&result, expected.strip_prefix('!')) {
            (Ok(result), None) => {
                let json = serde_json::from_str(expected).unwrap_or_else(|error| panic!("{line}: {error}"));
                same(result, &value(json))
            }
            (Err(fault), Some(expected)) => match expected.split_once(' ') {
                Some((index, message)) if index.parse::<usize>().is_ok() => {
                    fault.argument == index.parse().ok() && fault.message.contains(message)
                }
                _ => fault.message.contains(expected),
            },
            _ => false,
        };
        if !matches {
            wrong.push(format!(
                "{line}\n    gave {}",
                match result {
                    Ok(value) => format!("{} ({})", value.to_json(), value.describe()),
                    Err(fault) => format!("{fault:?}"),
                }
            ));
        }
    }
    assert!(rows > 0, "the table is empty");
    assert!(wrong.is_empty(), "{} of {rows} rows:\n{}", wrong.len(), wrong.join("\n"));
}

macro_rules! tables {
    ($($topic:ident),*) => {
        $(
            #[test]
            fn $topic() {
                check_table(include_str!(concat!("tests/", stringify!($topic), ".txt")));
            }
        )*

        /// All tables together.
        const ALL: &str = concat!($(include_str!(concat!("tests/", stringify!($topic), ".txt"))),*);
    };
}

tables!(text, format, number, collection, set, encoding, yaml, hash, network, date, file);

/// The names that Nomad's job files know.
const NOMAD: &str = "abs abspath base64decode base64encode basename bcrypt can ceil chomp chunklist cidrhost cidrnetmask \
    cidrsubnet cidrsubnets coalesce coalescelist compact concat contains convert csvdecode dirname distinct element file \
    filebase64 fileexists fileset flatten floor format formatdate formatlist indent index join jsondecode jsonencode keys \
    length log lookup lower max md5 merge min parseint pathexpand pow range regex_replace replace reverse rsadecrypt \
    setintersection setproduct setunion sha1 sha256 sha512 signum slice sort split strlen strrev substr timeadd title trim \
    trimprefix trimspace trimsuffix try upper urlencode uuidv4 uuidv5 values yamldecode yamlencode zipmap";

#[test]
fn names_are_those_of_nomad() {
    let mut known: Vec<&str> = names().collect();
    known.sort_unstable();
    assert_eq!(known, NOMAD.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn every_function_is_in_a_table() {
    for name in names().filter(|name| !SPECIAL.contains(name)) {
        assert!(ALL.lines().any(|line| line.starts_with(&format!("{name} "))), "{name} has no row");
    }
}

#[test]
fn what_is_not_given_is_refused_with_what_to_do() {
    let refused = |name: &str, arguments: &[&str]| {
        let arguments = arguments.iter().map(|text| Val::from(*text)).collect();
        call(name, arguments, &Outside::default()).map_err(|fault| fault.message)
    };
    for (name, arguments) in [
        ("file", &["a"][..]),
        ("filebase64", &["a"]),
        ("fileexists", &["a"]),
        ("fileset", &["a", "*"]),
        ("abspath", &["a"]),
        ("basename", &["a/b"]),
        ("dirname", &["a/b"]),
        ("pathexpand", &["a"]),
    ] {
        let message = refused(name, arguments).expect_err(name);
        assert!(message.contains("not allowed") && message.contains("variable"), "{name}: {message}");
    }
    for (name, arguments) in [("uuidv4", &[][..]), ("bcrypt", &["secret"])] {
        let message = refused(name, arguments).expect_err(name);
        assert!(message.contains("random"), "{name}: {message}");
    }
}

#[test]
fn values_that_are_too_deep_are_refused() {
    let mut deep = Val::from(1_i64);
    for _ in 0..200 {
        deep = Val::List(vec![deep]);
    }
    let fault = call("flatten", vec![deep], &Outside::default()).expect_err("too deep");
    assert_eq!(fault.argument, Some(0));
    assert!(fault.message.contains("deeper than"), "{fault:?}");
}

#[test]
fn distinct_of_many_values_takes_no_square_of_their_number() {
    let many: Vec<Val> = (0..50_000_i64).map(Val::from).collect();
    let distinct = call("distinct", vec![Val::List(many)], &Outside::default());
    assert!(matches!(distinct, Ok(Val::List(values)) if values.len() == 50_000));
}

#[test]
fn slow_functions_use_up_what_a_file_may_take() {
    let text = "a = [for i in range(100) : regex_replace(format(\"%10000s\", i), \"x\", \"\")]\n";
    let source = crate::Source::new("x.hcl", text);
    let parsed = crate::hcl::parse(&source, crate::hcl::Options::default(), &mut crate::Diagnostics::new());
    let errors = parsed.expect_err("100 long texts").to_string();
    assert!(errors.contains("computes too much"), "{errors}");

    // Each step of the cost doubles the time.
    let effort = |cost: i64| effort("bcrypt", &[Val::from("x"), Val::from(cost)]);
    assert_eq!(effort(12), 4 * effort(10));
    assert_eq!(effort(-1), super::effort("bcrypt", &[Val::from("x")]));
}

#[test]
fn what_the_fuzzer_starts_from_can_be_evaluated() {
    macro_rules! seeds {
        ($($name:literal),*) => {
            [$(($name, include_str!(concat!("../../../../fuzz/seeds/hcl/", $name, ".hcl")))),*]
        };
    }
    let inputs = crate::hcl::Inputs {
        random: Some(std::sync::Arc::new(|bytes: &mut [u8]| bytes.fill(7))),
        ..crate::hcl::Inputs::default()
    };
    for (name, text) in seeds!("collections", "dynamic", "encodings", "templates", "texts", "variables") {
        let source = crate::Source::new(name, text);
        let options = crate::hcl::Options { inputs: Some(&inputs), ..crate::hcl::Options::default() };
        let parsed = crate::hcl::parse(&source, options, &mut crate::Diagnostics::new());
        assert!(parsed.is_ok(), "{}", parsed.expect_err(name).render(false));
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,12}",
        "[-+0-9.e]{0,6}",
        // What some function takes apart.
        r"(%[-+ #0]{0,2}[0-9]{0,5}(\.[0-9]{0,4})?(\[[0-9]\])?[a-zA-Z%]){0,3}",
        "[0-9a-f:.]{0,12}/[0-9]{1,3}",
        "[-&*!|>%@`'\"{}\\[\\],:? \n~<a-c0-3]{0,20}",
        r"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](Z|[+-][0-9]{2}:[0-9]{2})",
        "[YMDEhHAamsZ' :'-]{0,12}",
        "[0-9]{0,20}[hmsnuµ]{0,2}",
    ]
}

fn any_number() -> impl Strategy<Value = Val> {
    prop_oneof![
        (-3_i64..100).prop_map(Val::from),
        any::<i64>().prop_map(Val::from),
        any::<u64>().prop_map(|number| Val::Number(number.into())),
        any::<f64>().prop_map(|float| Val::number(float).unwrap_or(Val::Null)),
    ]
}

fn any_value() -> impl Strategy<Value = Val> {
    let leaf = prop_oneof![
        1 => Just(Val::Null),
        1 => any::<bool>().prop_map(Val::Bool),
        3 => any_number(),
        4 => any_text().prop_map(Val::Text),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            2 => proptest::collection::vec(inner.clone(), 0..5).prop_map(Val::List),
            1 => proptest::collection::vec(inner.clone(), 0..5).prop_map(Val::set),
            1 => proptest::collection::vec(("[a-c<]{0,2}", inner), 0..5).prop_map(Val::map),
        ]
    })
}

fn any_name() -> impl Strategy<Value = &'static str> {
    // Each call of bcrypt is slow on purpose; its table has its limits.
    proptest::sample::select(names().filter(|name| *name != "bcrypt").collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn no_arguments_panic_or_give_too_much(name in any_name(), arguments in proptest::collection::vec(any_value(), 0..5)) {
        let count = arguments.len();
        let random = |bytes: &mut [u8]| bytes.fill(7);
        let outside = Outside { files: Some(&Folder), random: Some(&random) };
        match call(name, arguments, &outside) {
            Ok(result) => prop_assert!(result.check_size().is_ok()),
            Err(fault) => {
                prop_assert!(fault.argument.is_none_or(|index| index < count), "{name}: {fault:?}");
                prop_assert!(!fault.message.is_empty());
            }
        }
    }
}

proptest! {
    #[test]
    fn what_is_encoded_decodes_to_the_same(value in any_value()) {
        for (encode, decode) in [("jsonencode", "jsondecode"), ("yamlencode", "yamldecode")] {
            let outside = Outside::default();
            let text = call(encode, vec![value.clone()], &outside).expect(encode);
            let decoded = call(decode, vec![text.clone()], &outside);
            // Sets come back as lists, numbers as the nearest that texts tell apart.
            prop_assert_eq!(
                decoded.map(|decoded| decoded.to_json().to_string()),
                Ok(encoding::sorted(Val::from_json(value.to_json())).to_json().to_string()),
                "{}: {:?}", encode, text
            );
        }
    }

    #[test]
    fn texts_come_back(text in ".{0,40}|[ \n\ta:'\"|-]{0,12}") {
        let outside = Outside::default();
        let there_and_back = |there: &str, back: &str| {
            call(there, vec![Val::text(text.clone())], &outside).and_then(|value| call(back, vec![value], &outside))
        };
        for (there, back) in [("base64encode", "base64decode"), ("strrev", "strrev"), ("yamlencode", "yamldecode")] {
            // Reversed, letters and combining marks may meet that were apart.
            if there != "strrev" || text.is_ascii() && !text.contains('\r') {
                prop_assert_eq!(there_and_back(there, back), Ok(Val::text(text.clone())), "{}", there);
            }
        }
    }
}
