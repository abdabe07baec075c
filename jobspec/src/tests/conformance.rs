//! Job files with the JSON Nomad makes of them, read by Pasture: what it accepts, rejects and makes of them.
//!
//! The files are not part of the repository. `PASTURE_CONFORMANCE_DIR` names a directory with a folder `jobspec` in it:
//! `input/` has job files, `parsed/` the API's JSON of each or a file `.err` with the places of errors, `canonical/` the
//! same job with defaults filled in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{files, read};
use crate::canonical;
use crate::diagnostic::{Diagnostics, Severity, Source};
use crate::hcl;
use crate::print::tests::check_round_trip;
use crate::schema::{from_hcl, to_model};

/// Files that Pasture reads otherwise, each with the reason.
const OTHERWISE: &[(&str, &str)] = &[];

fn root() -> PathBuf {
    let directory =
        std::env::var_os("PASTURE_CONFORMANCE_DIR").expect("PASTURE_CONFORMANCE_DIR names a directory");
    PathBuf::from(directory).join("jobspec")
}

/// Reads a job file into the parsed form.
fn parsed(name: &str, text: &str) -> Result<Value, Diagnostics> {
    let source = Source::new(name, text);
    let mut warnings = Diagnostics::new();
    let body = hcl::parse(&source, hcl::Options::default(), &mut warnings)?;
    let reader = hcl::Reader::new(&source, warnings);
    let job = from_hcl::file(&reader, &body);
    reader.finish()?;
    Ok(job.expect("a file without errors has a job").job)
}

/// Returns where two values differ: path, ours, theirs.
fn differences(path: &str, ours: &Value, theirs: &Value, found: &mut Vec<String>) {
    match (ours, theirs) {
        (Value::Object(one), Value::Object(two)) => {
            let keys: std::collections::BTreeSet<&String> = one.keys().chain(two.keys()).collect();
            let absent = Value::String("(absent)".to_owned());
            for key in keys {
                let (one, two) = (one.get(key).unwrap_or(&absent), two.get(key).unwrap_or(&absent));
                differences(&format!("{path}.{key}"), one, two, found);
            }
        }
        (Value::Array(one), Value::Array(two)) if one.len() == two.len() => {
            for (index, (one, two)) in one.iter().zip(two).enumerate() {
                differences(&format!("{path}[{index}]"), one, two, found);
            }
        }
        (Value::Number(one), Value::Number(two)) if one.as_f64() == two.as_f64() => {}
        _ if ours == theirs => {}
        _ => found.push(format!("{path}: {ours} where Nomad has {theirs}")),
    }
}

/// Removes the one field Nomad does not have.
fn without_pacing(mut job: Value) -> Value {
    fn forget(holder: &mut Value) {
        if let Some(update) = holder.get_mut("Update").and_then(Value::as_object_mut) {
            update.remove("PacedByStagger");
        }
    }
    forget(&mut job);
    job.get_mut("TaskGroups").and_then(Value::as_array_mut).into_iter().flatten().for_each(forget);
    job
}

#[derive(Default)]
struct Tally {
    counts: BTreeMap<&'static str, (usize, usize)>,
    complaints: Vec<String>,
}

impl Tally {
    fn count(&mut self, what: &'static str, agrees: bool, file: &str, detail: impl FnOnce() -> String) {
        let known = OTHERWISE.iter().find(|(name, _)| *name == file);
        let (agreed, all) = self.counts.entry(what).or_default();
        *all += 1;
        *agreed += usize::from(agrees);
        if !agrees && known.is_none() {
            self.complaints.push(format!("{file}: {what}: {}", detail()));
        }
    }
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
#[ignore = "reads reference data: PASTURE_CONFORMANCE_DIR=... cargo test -- --ignored"]
fn job_files_are_read_as_nomad_reads_them() {
    let root = root();
    let mut tally = Tally::default();
    let inputs = files(&root.join("input"), &["hcl", "nomad"]);
    for path in &inputs {
        let name = path.file_name().unwrap().to_str().unwrap();
        let rejected = root.join("parsed").join(format!("{name}.err"));
        let ours = parsed(name, &read(path));
        if rejected.exists() {
            let theirs = read(&rejected);
            tally.count("rejected", ours.is_err(), name, || format!("it is accepted, Nomad says\n{theirs}"));
            if let Err(errors) = ours {
                check_lines(&mut tally, name, &errors, &theirs);
            }
            continue;
        }
        tally.count("accepted", ours.is_ok(), name, || ours.clone().err().unwrap().to_string());
        let Ok(ours) = ours else { continue };
        let mut found = Vec::new();
        differences("Job", &ours, &json(&root.join("parsed").join(format!("{name}.json"))), &mut found);
        tally.count("parsed alike", found.is_empty(), name, || found.join("\n"));
        let ours = canonical::fill_in(ours);
        let mut theirs = json(&root.join("canonical").join(format!("{name}.json")));
        let mut found = Vec::new();
        differences("Job", &without_pacing(ours.clone()), &theirs, &mut found);
        tally.count("canonical alike", found.is_empty(), name, || found.join("\n"));
        assert_eq!(canonical::fill_in(ours.clone()), ours, "{name}: filling in twice changes something");
        let model = to_model(ours).unwrap_or_else(|error| panic!("{name}: {error}"));
        check_round_trip(&model);
        let mut shown = serde_json::to_value(&model).unwrap();
        // What the servers say of a job, and the job's own policies, of which groups have taken over what counts, are
        // never null in the model.
        for field in ["SubmitTime", "Status", "Reschedule", "Migrate"] {
            theirs[field] = shown[field].take();
            shown[field] = theirs[field].clone();
        }
        let mut found = Vec::new();
        differences("Job", &without_pacing(shown), &theirs, &mut found);
        tally.count("shown alike", found.is_empty(), name, || found.join("\n"));
    }
    for (what, (agreed, all)) in &tally.counts {
        println!("{what}: {agreed} of {all}");
    }
    println!("otherwise by decision: {}", OTHERWISE.len());
    assert!(tally.complaints.is_empty(), "{}", tally.complaints.join("\n"));
    assert!(inputs.len() > 10, "only {} files", inputs.len());
}

/// Checks that something is wrong in every line Nomad names.
fn check_lines(tally: &mut Tally, name: &str, errors: &Diagnostics, theirs: &str) {
    let ours: Vec<usize> =
        errors.iter().filter(|one| one.severity == Severity::Error).map(|one| one.position().0).collect();
    let missing: Vec<&str> = theirs
        .lines()
        .filter(|line| {
            let number = line.split([':', ',']).nth(1).and_then(|number| number.parse::<usize>().ok());
            number.is_some_and(|number| !ours.contains(&number))
        })
        .collect();
    tally.count("rejected at the same lines", missing.is_empty(), name, || {
        format!("{}\nis not in\n{errors}", missing.join("\n"))
    });
}
