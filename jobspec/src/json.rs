//! Jobs as JSON, in the shape of Nomad's HTTP API.
//!
//! Names of fields are taken in any case, unknown ones are ignored, `null` is as if nothing was said. What Nomad knows and
//! this version does not run is kept, with a warning when it would do something: the empty form every Nomad tool sends
//! for each field it knows is silent.

use std::collections::BTreeMap;

use pasture_core::model::Job;
use serde_json::Value;

use super::schema::{from_api, to_model};
use super::{canonical, hcl, notices, validate};

/// Why a text is no job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// It is not even JSON.
    #[error("the body is not JSON: line {line}, column {column}: {message}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// The same place in bytes from the beginning.
        offset: usize,
        /// What is wrong there.
        message: String,
    },
    /// It is JSON, but no job: everything that is wrong, each with its path.
    #[error("{}", .0.join("\n"))]
    Problems(Vec<String>),
}

/// A job read from JSON: canonical and valid.
#[derive(Clone, Debug, PartialEq)]
pub struct ParsedJson {
    /// The job.
    pub job: Job,
    /// What has no effect yet, each with its path.
    pub warnings: Vec<String>,
}

/// Reads `{"Job": {...}}`, or the job alone.
///
/// # Errors
/// When the text is no JSON, or with everything that is wrong with the job.
pub fn parse(text: &str) -> Result<ParsedJson, JsonError> {
    from_value(&read(text)?)
}

/// Reads a text as JSON.
pub(super) fn read(text: &str) -> Result<Value, JsonError> {
    serde_json::from_str(text).map_err(|error| syntax(text, &error))
}

/// Reads a job from JSON that was parsed already, wrapped in `Job` or alone.
///
/// # Errors
/// With everything that is wrong with the job.
pub fn from_value(value: &Value) -> Result<ParsedJson, JsonError> {
    let parsed = from_api::job(value).map_err(JsonError::Problems)?;
    let filled = canonical::fill_in(parsed.clone());
    let found = notices::of(&parsed, &filled);
    let job = to_model(filled).map_err(|error| JsonError::Problems(vec![format!("Job: {error}")]))?;
    let report = validate::report(&job);
    if !report.problems.is_empty() {
        let lines = report.problems.iter().map(|problem| format!("{}: {}", problem.path, problem.message));
        return Err(JsonError::Problems(lines.collect()));
    }
    let notices = found.into_iter().map(|one| format!("{}: {} ({})", one.path, one.message, one.help));
    let warnings = report.warnings.into_iter().map(|one| format!("{}: {}", one.path, one.message));
    Ok(ParsedJson { job, warnings: notices.chain(warnings).collect() })
}

/// Makes the error of a text that is no JSON.
fn syntax(text: &str, error: &serde_json::Error) -> JsonError {
    let (offset, message) = hcl::json_fault(text, error);
    JsonError::Syntax { line: error.line(), column: error.column(), offset, message }
}
/// Returns the object with the names of its fields in one spelling: where `known` has a name in another case, as there.
///
/// Fields inside `Config`, `Env` and `Meta` are the user's own and stay as they are.
pub fn normalize_keys(value: Value, known: &[&str]) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(|value| normalize_keys(value, known)).collect(),
        Value::Object(map) => {
            let mut by_name: BTreeMap<String, &str> = BTreeMap::new();
            for name in known {
                by_name.insert(name.to_lowercase(), name);
            }
            let normal = |(name, value): (String, Value)| {
                let spelled = by_name.get(&name.to_lowercase()).map_or(name, |known| (*known).to_owned());
                let value = match spelled.as_str() {
                    "Config" | "Env" | "Meta" => value,
                    _ => normalize_keys(value, known),
                };
                (spelled, value)
            };
            Value::Object(map.into_iter().map(normal).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn problems(text: &str) -> Vec<String> {
        match parse(text).unwrap_err() {
            JsonError::Problems(problems) => problems,
            other => panic!("{other}"),
        }
    }

    const JOB: &str = r#"{"Job": {"ID": "web", "Datacenters": ["dc1"], "unheard": 1, "Affinities": null, "TaskGroups": [
        {"name": "app", "COUNT": 2, "Tasks": [{"Name": "t", "Driver": "raw_exec", "Config": {"command": "x"},
          "Resources": {"cpu": 50, "Networks": [{"DynamicPorts": [{"Label": "http"}]}]},
          "KillTimeout": 3000000000, "Env": {"a": 1}}]}]}}"#;

    #[test]
    fn reads_any_case_and_ignores_what_is_unknown() {
        let job = parse(JOB).unwrap().job;
        assert_eq!((job.id.as_str(), job.name.as_str(), job.groups[0].count), ("web", "web", 2));
        let task = &job.groups[0].tasks[0];
        assert_eq!((task.resources.cpu_mhz, task.resources.memory_mb), (50, 300));
        assert_eq!(task.kill_timeout, Duration::from_secs(3));
        assert_eq!(task.env["a"], "1");
        assert_eq!(task.resources.networks[0].dynamic_ports[0].label, "http");
        let bare: Value = serde_json::from_str(JOB).unwrap();
        assert_eq!(parse(&bare["Job"].to_string()).unwrap().job, job);
    }

    #[test]
    fn names_the_place_of_what_is_wrong() {
        assert_eq!(
            parse("{\n \"Job\": }").unwrap_err().to_string(),
            "the body is not JSON: line 2, column 9: expected value"
        );
        assert_eq!(problems("[]"), ["Job: must be an object, not a list"]);
        assert_eq!(
            problems(r#"{"Job": {"ID": "x"}}"#),
            ["Job: the job has no task group; add group \"name\" { ... }"]
        );
        assert_eq!(
            problems(&JOB.replace("\"COUNT\": 2", "\"COUNT\": -2")),
            ["Job.TaskGroups[0].Count: must not be negative"]
        );
        assert_eq!(
            problems(&JOB.replace("\"COUNT\": 2", "\"COUNT\": \"two\"")),
            ["Job.TaskGroups[0].Count: must be a whole number, not \"two\""]
        );
        let odd = JOB.replace("\"Affinities\": null", "\"Affinities\": [{\"Weight\": \"much\"}]");
        assert_eq!(problems(&odd), ["Job.Affinities[0].Weight: must be a whole number, not \"much\""]);
    }

    #[test]
    fn what_is_not_run_yet_is_said() {
        let warnings = parse(JOB).unwrap().warnings;
        assert!(warnings.is_empty(), "{warnings:?}");
        let text = JOB.replace("\"KillTimeout\"", "\"Leader\": true, \"Templates\": [{}], \"KillTimeout\"");
        assert_eq!(
            parse(&text).unwrap().warnings,
            [
                "Job.TaskGroups[0].Tasks[0].Leader: \"leader\" is not run by this version: the others run on when it \
                 ends (it is kept and shown)",
                "Job.TaskGroups[0].Tasks[0].Templates: \"template\" is not run by this version: nothing is rendered (it \
                 is kept and shown)",
            ]
        );
    }

    #[test]
    fn a_job_read_back_is_the_same_without_warnings() {
        let job = parse(JOB).unwrap().job;
        let again = from_value(&serde_json::to_value(&job).unwrap()).unwrap();
        assert_eq!((again.job, again.warnings), (job, Vec::new()));
    }

    #[test]
    fn nesting_is_bounded() {
        assert!(matches!(parse(&"[".repeat(100_000)), Err(JsonError::Syntax { .. })));
    }

    #[test]
    fn keys_can_be_spelled_alike() {
        let value = serde_json::json!({"jobid": 1, "Meta": {"jobid": 2}, "x": [{"JOBID": 3}]});
        assert_eq!(
            normalize_keys(value, &["JobID"]),
            serde_json::json!({"JobID": 1, "Meta": {"jobid": 2}, "x": [{"JobID": 3}]})
        );
    }
}
