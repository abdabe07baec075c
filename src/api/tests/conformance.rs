//! Our answers against samples of Nomad's documentation: what both have must have the same type.
//!
//! The samples are not part of this repository; `PASTURE_CONFORMANCE_DIR` names the folder that has `api-samples` in it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;

use super::LIMIT;
use super::fixture::{ALLOC, EVAL, NODE, server};

/// Keys whose type has changed since the samples were written.
const CHANGED_SINCE: &[&str] = &["GET /agent/self.config.Version", "GET `/v1/agent/self`.config.Version"];

#[tokio::test]
#[ignore = "needs the samples: set PASTURE_CONFORMANCE_DIR and run with --ignored"]
async fn answers_have_the_types_of_nomads_samples() {
    let folder = std::env::var("PASTURE_CONFORMANCE_DIR").expect("PASTURE_CONFORMANCE_DIR names a folder");
    let folder = PathBuf::from(folder).join("api-samples");
    let running = server().await;
    let read = |path: PathBuf| -> Value {
        let bytes =
            running.env.disk.read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let mut problems = Vec::new();
    let mut compared = 0;
    for entry in read(folder.join("index.json")).as_array().unwrap() {
        let text = |key: &str| entry[key].as_str().unwrap_or_default();
        let is_answer = text("kind").is_empty() || text("kind").to_lowercase().contains("response");
        if entry["valid"] != true || !is_answer {
            continue;
        }
        let Some(path) = our_path(text("route")) else { continue };
        let raw = running.api.send_raw(hyper::Method::GET, &path, Default::default(), LIMIT).await.unwrap();
        let ours: Value = serde_json::from_slice(&raw.body).unwrap();
        compare(text("route"), &read(folder.join(text("file"))), &ours, &mut problems);
        compared += 1;
    }
    assert!(compared >= 20, "only {compared} samples were found");
    let unique: BTreeSet<String> = problems.into_iter().collect();
    assert!(unique.is_empty(), "{}", unique.into_iter().collect::<Vec<_>>().join("\n"));
}

/// Returns where we answer what the sample's route answers.
fn our_path(route: &str) -> Option<String> {
    let path = route.strip_prefix("GET ")?.trim().trim_matches('`');
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let fixed = [
        "/jobs",
        "/nodes",
        "/allocations",
        "/evaluations",
        "/agent/self",
        "/agent/members",
        "/agent/servers",
        "/agent/health",
        "/status/leader",
        "/status/peers",
        "/regions",
        "/metrics",
        "/operator/raft/configuration",
    ];
    if fixed.contains(&path) {
        return Some(format!("/v1{path}?resources=true"));
    }
    // The samples of 2016 have nothing in place of an id.
    let (kind, rest) = path.strip_prefix('/')?.split_once('/')?;
    let suffix = rest.split_once('/').map(|(_, suffix)| suffix).unwrap_or_default();
    let id = match (kind, suffix) {
        ("job", "" | "allocations" | "evaluations" | "summary" | "versions" | "scale") => "web%2Feu",
        ("node", "" | "allocations") if !rest.starts_with("pool") => NODE,
        ("allocation", "") => ALLOC,
        ("evaluation", "" | "allocations") => EVAL,
        _ => return None,
    };
    let separator = if suffix.is_empty() { "" } else { "/" };
    Some(format!("/v1/{kind}/{id}{separator}{suffix}?related=true"))
}

/// Notes where a value of ours has another type than the sample's; `null` and what one side lacks say nothing.
fn compare(place: &str, sample: &Value, ours: &Value, problems: &mut Vec<String>) {
    if CHANGED_SINCE.contains(&place) {
        return;
    }
    match (sample, ours) {
        (Value::Null, _) | (_, Value::Null) => {}
        (Value::Object(sample), Value::Object(ours)) => {
            for (key, value) in ours {
                if let Some(expected) = sample.get(key) {
                    compare(&format!("{place}.{key}"), expected, value, problems);
                }
            }
        }
        (Value::Array(sample), Value::Array(ours)) => {
            if let (Some(expected), Some(value)) = (sample.first(), ours.first()) {
                compare(&format!("{place}[]"), expected, value, problems);
            }
        }
        (Value::Bool(_), Value::Bool(_)) | (Value::String(_), Value::String(_)) => {}
        (Value::Number(_), Value::Number(_)) => {}
        _ => problems.push(format!("{place}: sample {sample}, ours {ours}")),
    }
}
