//! Groups: what they take over from their job, and their policies.

use serde_json::{Map, Value, json};

use super::{JobKind, comparisons, service, task};
use crate::schema::{fill, items};

const SECOND: u64 = 1_000_000_000;

/// What groups take over from their job, as it was written.
pub(super) struct Inherited {
    update: Value,
    migrate: Value,
    reschedule: Value,
}

impl Inherited {
    pub fn of(job: &Map<String, Value>) -> Self {
        let written = |field: &str| job.get(field).cloned().unwrap_or_default();
        Self { update: written("Update"), migrate: written("Migrate"), reschedule: written("Reschedule") }
    }
}

/// Fills in a job's own update block.
pub(super) fn job_update(job: &mut Map<String, Value>, kind: JobKind) {
    if job.get("Update").is_none_or(Value::is_null) && matches!(kind, JobKind::Service | JobKind::System) {
        job.insert("Update".to_owned(), json!({}));
    }
    if let Some(Value::Object(update)) = job.get_mut("Update") {
        self::update(update);
    }
}

/// Fills in a group.
pub(super) fn fill_in(group: &mut Map<String, Value>, kind: JobKind, job: &str, inherited: &Inherited) {
    fill(group, "Name", json!(""));
    let name = group["Name"].as_str().unwrap_or_default().to_owned();
    if let Some(Value::Object(scaling)) = group.get_mut("Scaling") {
        fill(scaling, "Enabled", json!(true));
        let least = scaling.get("Min").filter(|least| !least.is_null()).cloned();
        fill(group, "Count", least.unwrap_or(json!(1)));
    }
    fill(group, "Count", json!(1));
    let count = group["Count"].clone();
    if let Some(Value::Object(scaling)) = group.get_mut("Scaling") {
        fill(scaling, "Min", count);
        fill(scaling, "Type", json!("horizontal"));
    }
    comparisons(group);
    policies(group, kind, inherited);
    if let Some(Value::Object(consul)) = group.get_mut("Consul") {
        fill(consul, "Cluster", json!("default"));
    }
    for service in items(group, "Services").filter_map(Value::as_object_mut) {
        service::fill_in(service, &format!("{job}-{name}"));
    }
    let restart = group["RestartPolicy"].clone();
    for task in items(group, "Tasks").filter_map(Value::as_object_mut) {
        task::fill_in(task, &format!("{job}-{name}"), &restart);
    }
}

fn policies(group: &mut Map<String, Value>, kind: JobKind, inherited: &Inherited) {
    fill(group, "EphemeralDisk", json!({}));
    if let Some(Value::Object(disk)) = group.get_mut("EphemeralDisk") {
        fill(disk, "Sticky", json!(false));
        fill(disk, "Migrate", json!(false));
        fill(disk, "SizeMB", json!(300));
    }
    fill(group, "RestartPolicy", json!({}));
    if let Some(Value::Object(restart)) = group.get_mut("RestartPolicy") {
        self::restart(restart, kind);
    }
    if let Some(Value::Object(disconnect)) = group.get_mut("Disconnect") {
        fill(disconnect, "Replace", json!(true));
        fill(disconnect, "Reconcile", json!("best_score"));
    }
    let own = group.get("ReschedulePolicy").cloned().unwrap_or_default();
    let mut policy = merged(&inherited.reschedule, own);
    if policy.is_null() && matches!(kind, JobKind::Service | JobKind::Batch) {
        policy = json!({});
    }
    if let Some(map) = policy.as_object_mut() {
        reschedule(map, kind);
    }
    group.insert("ReschedulePolicy".to_owned(), policy);
    let own = group.get("Migrate").cloned().unwrap_or_default();
    let mut policy = merged(&inherited.migrate, own);
    if policy.is_null() && kind == JobKind::Service {
        policy = json!({});
    }
    if let Some(map) = policy.as_object_mut() {
        migrate(map);
    }
    group.insert("Migrate".to_owned(), policy);
    group_update(group, kind, inherited);
}

fn group_update(group: &mut Map<String, Value>, kind: JobKind, inherited: &Inherited) {
    let own = group.get("Update").cloned().unwrap_or_default();
    let has_deployments = matches!(kind, JobKind::Service | JobKind::System);
    let mut policy = if has_deployments {
        // Whether stagger paces a job's own block says nothing of a group's.
        let is_own = !own.is_null();
        let mut policy = merged(&inherited.update, own.clone());
        if is_own && let Some(map) = policy.as_object_mut() {
            map.remove("PacedByStagger");
            if own["PacedByStagger"] == json!(true) {
                map.insert("PacedByStagger".to_owned(), json!(true));
            }
        }
        if policy.is_null() { json!({}) } else { policy }
    } else {
        own
    };
    if let Some(map) = policy.as_object_mut() {
        update(map);
    }
    group.insert("Update".to_owned(), policy);
}

/// Returns the fields of `own` over those of `base`.
fn merged(base: &Value, own: Value) -> Value {
    match (base, own) {
        (Value::Object(base), Value::Object(own)) => {
            let mut map = base.clone();
            map.extend(own.into_iter().filter(|(_, value)| !value.is_null()));
            Value::Object(map)
        }
        (base, Value::Null) => base.clone(),
        (_, own) => own,
    }
}

/// Fills in a restart policy.
fn restart(map: &mut Map<String, Value>, kind: JobKind) {
    let (attempts, interval) = match kind {
        JobKind::Service | JobKind::System => (2, 30 * 60 * SECOND),
        JobKind::Batch | JobKind::SysBatch => (3, 24 * 3600 * SECOND),
    };
    fill(map, "Interval", json!(interval));
    fill(map, "Attempts", json!(attempts));
    fill(map, "Delay", json!(15 * SECOND));
    fill(map, "Mode", json!("fail"));
    fill(map, "RenderTemplates", json!(false));
}

/// Fills in a reschedule policy.
pub(super) fn reschedule(map: &mut Map<String, Value>, kind: JobKind) {
    let (attempts, interval, delay, function, max_delay, unlimited) = match kind {
        JobKind::Service => (0, 0, 30 * SECOND, "exponential", 3600 * SECOND, true),
        JobKind::Batch => (1, 24 * 3600 * SECOND, 5 * SECOND, "constant", 0, false),
        JobKind::System | JobKind::SysBatch => (0, 0, 0, "constant", 0, false),
    };
    fill(map, "Attempts", json!(attempts));
    fill(map, "Interval", json!(interval));
    fill(map, "Delay", json!(delay));
    fill(map, "DelayFunction", json!(function));
    fill(map, "MaxDelay", json!(max_delay));
    fill(map, "Unlimited", json!(unlimited));
}

/// Fills in a migrate policy.
pub(super) fn migrate(map: &mut Map<String, Value>) {
    fill(map, "MaxParallel", json!(1));
    fill(map, "HealthCheck", json!("checks"));
    fill(map, "MinHealthyTime", json!(10 * SECOND));
    fill(map, "HealthyDeadline", json!(300 * SECOND));
}

/// Decides who paces the update, then fills in the block.
fn update(map: &mut Map<String, Value>) {
    let says = |field: &str| map.get(field).is_some_and(|value| !value.is_null());
    let is_modern = ["MinHealthyTime", "HealthyDeadline", "ProgressDeadline", "Canary"].into_iter().any(says);
    if says("Stagger") && !is_modern {
        map.insert("PacedByStagger".to_owned(), json!(true));
    }
    if map.get("PacedByStagger") != Some(&json!(true)) {
        map.remove("PacedByStagger");
    }
    fill(map, "Stagger", json!(30 * SECOND));
    fill(map, "MaxParallel", json!(1));
    fill(map, "HealthCheck", json!("checks"));
    fill(map, "MinHealthyTime", json!(10 * SECOND));
    fill(map, "HealthyDeadline", json!(300 * SECOND));
    fill(map, "ProgressDeadline", json!(600 * SECOND));
    fill(map, "Canary", json!(0));
    fill(map, "AutoRevert", json!(false));
    fill(map, "AutoPromote", json!(false));
}
