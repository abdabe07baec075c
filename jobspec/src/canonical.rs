//! What holds when a job says nothing.
//!
//! `fill_in` takes the parsed form of a job and returns it with Nomad's defaults; it depends on nothing but the job.
//! [`admit`] adds what a server fills in when it takes a job. Source: the `Canonicalize` methods of Nomad's `api` package
//! and, for `admit`, of its servers; measured with its parser.
//!
//! # Invariants
//! - Doing either twice changes nothing.
//! - Whether `stagger` paces an update as in 2016 is decided before defaults make all updates look alike.

mod group;
mod service;
mod task;

use pasture_core::model::Job;
use serde_json::{Map, Value, json};

use crate::schema::{fill, items, to_model};

/// Fills in what a job in the parsed form leaves to its own other parts or to convention.
pub(crate) fn fill_in(mut job: Value) -> Value {
    if let Some(map) = job.as_object_mut() {
        self::job(map);
    }
    job
}

/// Fills in what a job leaves to its own other parts or to convention, as [`crate::parse`] does.
///
/// A job that did not come from `parse` may lack what its groups take over from it.
pub fn canonicalize(job: &mut Job) {
    // A job that cannot be written as JSON or read back is one of no text: it stays as it is and is found invalid.
    let Ok(value) = serde_json::to_value(&*job) else { return };
    if let Ok(filled) = to_model(fill_in(value)) {
        *job = filled;
    }
}

/// Fills in what a server does when it takes a job: where it may run, and what its checks are called.
pub fn admit(job: &mut Job) {
    fill_text(&mut job.node_pool, || "default".to_owned());
    if job.datacenters.is_empty() {
        job.datacenters.push("*".to_owned());
    }
    for group in &mut job.groups {
        let of_tasks = group.tasks.iter_mut().flat_map(|task| &mut task.services);
        for service in group.services.iter_mut().chain(of_tasks) {
            for check in &mut service.checks {
                fill_text(&mut check.name, || format!("service: {:?} check", service.name));
                if check.check_type == "http" {
                    fill_text(&mut check.path, || "/".to_owned());
                }
            }
        }
    }
}

/// Returns a job in the parsed form as the API shows it: filled in, and in the words of the model.
pub(crate) fn shown(job: Value) -> Value {
    to_model(fill_in(job)).ok().and_then(|job| serde_json::to_value(&job).ok()).unwrap_or_default()
}

fn fill_text(text: &mut String, value: impl FnOnce() -> String) {
    if text.is_empty() {
        *text = value();
    }
}

fn job(map: &mut Map<String, Value>) {
    fill(map, "ID", json!(""));
    let id = map["ID"].clone();
    for (field, value) in [
        ("Name", id),
        ("ParentID", json!("")),
        ("Namespace", json!("default")),
        ("Priority", json!(50)),
        ("Stop", json!(false)),
        ("Region", json!("global")),
        ("NodePool", json!("")),
        ("Type", json!("service")),
        ("AllAtOnce", json!(false)),
        ("ConsulNamespace", json!("")),
        ("VaultNamespace", json!("")),
        ("NomadTokenID", json!("")),
        ("Status", json!("")),
        ("StatusDescription", json!("")),
        ("Stable", json!(false)),
        ("Version", json!(0)),
        ("CreateIndex", json!(0)),
        ("ModifyIndex", json!(0)),
        ("JobModifyIndex", json!(0)),
    ] {
        fill(map, field, value);
    }
    let kind = JobKind::of(map);
    if let Some(Value::Object(periodic)) = map.get_mut("Periodic") {
        for (field, value) in [
            ("Enabled", json!(true)),
            ("Spec", json!("")),
            ("SpecType", json!("cron")),
            ("ProhibitOverlap", json!(false)),
            ("TimeZone", json!("UTC")),
        ] {
            fill(periodic, field, value);
        }
    }
    if let Some(Value::Object(parameterized)) = map.get_mut("ParameterizedJob") {
        fill(parameterized, "Payload", json!("optional"));
    }
    if let Some(Value::Object(multiregion)) = map.get_mut("Multiregion") {
        self::multiregion(multiregion);
    }
    comparisons(map);
    let written = group::Inherited::of(map);
    group::job_update(map, kind);
    let name = map["Name"].as_str().unwrap_or_default().to_owned();
    for group in items(map, "TaskGroups").filter_map(Value::as_object_mut) {
        group::fill_in(group, kind, &name, &written);
    }
}

/// Completes policies of which Nomad leaves a part unsaid once others have taken over what counts: the model has no half
/// of one.
pub(crate) fn complete(map: &mut Map<String, Value>) {
    let kind = JobKind::of(map);
    if let Some(Value::Object(policy)) = map.get_mut("Reschedule") {
        group::reschedule(policy, kind);
    }
    if let Some(Value::Object(policy)) = map.get_mut("Migrate") {
        group::migrate(policy);
    }
    for group in items(map, "TaskGroups").filter_map(Value::as_object_mut) {
        items(group, "Services").for_each(service::complete);
        for task in items(group, "Tasks").filter_map(Value::as_object_mut) {
            items(task, "Services").for_each(service::complete);
        }
    }
}

fn multiregion(map: &mut Map<String, Value>) {
    fill(map, "Strategy", json!({}));
    if let Some(Value::Object(strategy)) = map.get_mut("Strategy") {
        fill(strategy, "MaxParallel", json!(0));
        fill(strategy, "OnFailure", json!(""));
    }
    for region in items(map, "Regions").filter_map(Value::as_object_mut) {
        fill(region, "Count", json!(1));
        fill(region, "Datacenters", json!([]));
        fill(region, "Meta", json!({}));
    }
}

/// Fills in the operators of constraints, and the weights of affinities and spreads.
fn comparisons(map: &mut Map<String, Value>) {
    for (field, name, value) in [
        ("Constraints", "Operand", json!("=")),
        ("Affinities", "Operand", json!("=")),
        ("Affinities", "Weight", json!(50)),
        ("Spreads", "Weight", json!(50)),
    ] {
        for wish in items(map, field).filter_map(Value::as_object_mut) {
            fill(wish, name, value.clone());
        }
    }
}

/// Which defaults hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum JobKind {
    Service,
    Batch,
    System,
    SysBatch,
}

impl JobKind {
    fn of(job: &Map<String, Value>) -> Self {
        match job.get("Type").and_then(Value::as_str) {
            Some("batch") => Self::Batch,
            Some("system") => Self::System,
            Some("sysbatch") => Self::SysBatch,
            _ => Self::Service,
        }
    }
}
