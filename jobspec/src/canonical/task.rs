//! Tasks: what they take over from their group, and what is in them.

use serde_json::{Map, Value, json};

use super::{comparisons, service};
use crate::schema::{fill, items};

const SECOND: u64 = 1_000_000_000;

/// Fills in a task; `prefix` is the job's name and the group's.
pub(super) fn fill_in(task: &mut Map<String, Value>, prefix: &str, restart: &Value) {
    fill(task, "Resources", json!({}));
    if let Some(Value::Object(resources)) = task.get_mut("Resources") {
        self::resources(resources);
    }
    fill(task, "KillTimeout", json!(5 * SECOND));
    fill(task, "LogConfig", json!({}));
    if let Some(Value::Object(logs)) = task.get_mut("LogConfig") {
        self::logs(logs);
    }
    items(task, "Artifacts").filter_map(Value::as_object_mut).for_each(artifact);
    items(task, "Templates").filter_map(Value::as_object_mut).for_each(template);
    if let Some(Value::Object(vault)) = task.get_mut("Vault") {
        self::vault(vault);
    }
    if let Some(Value::Object(consul)) = task.get_mut("Consul") {
        fill(consul, "Cluster", json!("default"));
    }
    comparisons(task);
    for mount in items(task, "VolumeMounts").filter_map(Value::as_object_mut) {
        fill(mount, "ReadOnly", json!(false));
        fill(mount, "PropagationMode", json!("private"));
        fill(mount, "SELinuxLabel", json!(""));
    }
    if let Some(Value::Object(plugin)) = task.get_mut("CSIPluginConfig") {
        fill(plugin, "MountDir", json!("/csi"));
        fill(plugin, "StagePublishBaseDir", json!("/local/csi"));
        if plugin.get("HealthTimeout") == Some(&json!(0)) {
            plugin.insert("HealthTimeout".to_owned(), json!(30 * SECOND));
        }
    }
    self::restart(task, restart);
    for policy in items(task, "ScalingPolicies").filter_map(Value::as_object_mut) {
        fill(policy, "Enabled", json!(true));
        fill(policy, "Min", json!(0));
    }
    let name = task.get("Name").and_then(Value::as_str).unwrap_or_default().to_owned();
    for service in items(task, "Services").filter_map(Value::as_object_mut) {
        service::fill_in(service, &format!("{prefix}-{name}"));
    }
}

/// A task restarts as its group says, where it says nothing itself.
fn restart(task: &mut Map<String, Value>, of_group: &Value) {
    fill(task, "RestartPolicy", json!({}));
    if let (Some(Value::Object(own)), Value::Object(of_group)) = (task.get_mut("RestartPolicy"), of_group) {
        for (field, value) in of_group {
            fill(own, field, value.clone());
        }
    }
}

/// Fills in what a task needs.
pub(super) fn resources(map: &mut Map<String, Value>) {
    let cores_said = map.get("Cores").is_some_and(|cores| !cores.is_null());
    fill(map, "Cores", json!(0));
    fill(map, "CPU", json!(if cores_said { 0 } else { 100 }));
    fill(map, "MemoryMB", json!(300));
    for device in items(map, "Devices").filter_map(Value::as_object_mut) {
        fill(device, "Count", json!(1));
        comparisons(device);
    }
    for field in ["MemoryMaxMB", "DiskMB", "Networks", "Devices", "NUMA", "SecretsMB", "IOPS"] {
        fill(map, field, Value::Null);
    }
}

/// Fills in how much of the output is kept.
pub(super) fn logs(map: &mut Map<String, Value>) {
    fill(map, "MaxFiles", json!(10));
    fill(map, "MaxFileSizeMB", json!(10));
    fill(map, "Disabled", json!(false));
    fill(map, "Enabled", Value::Null);
}

fn artifact(map: &mut Map<String, Value>) {
    fill(map, "GetterSource", json!(""));
    fill(map, "GetterMode", json!("any"));
    fill(map, "GetterInsecure", json!(false));
    if map.get("RelativeDest").is_none_or(Value::is_null) {
        map.insert("RelativeDest".to_owned(), json!("local/"));
    }
}

fn template(map: &mut Map<String, Value>) {
    for (field, value) in [
        ("SourcePath", json!("")),
        ("DestPath", json!("")),
        ("EmbeddedTmpl", json!("")),
        ("ChangeMode", json!("restart")),
        ("Splay", json!(5 * SECOND)),
        ("Perms", json!("0644")),
        ("LeftDelim", json!("{{")),
        ("RightDelim", json!("}}")),
        ("Envvars", json!(false)),
        ("ErrMissingKey", json!(false)),
        ("Once", json!(false)),
        ("VaultGrace", json!(0)),
    ] {
        fill(map, field, value);
    }
    let signal = if map["ChangeMode"] == json!("signal") { "SIGHUP" } else { "" };
    fill(map, "ChangeSignal", json!(signal));
    upper_case(map, "ChangeSignal");
    if let Some(Value::Object(script)) = map.get_mut("ChangeScript") {
        fill(script, "Command", json!(""));
        fill(script, "Args", json!([]));
        fill(script, "Timeout", json!(5 * SECOND));
        fill(script, "FailOnError", json!(false));
    }
}

fn vault(map: &mut Map<String, Value>) {
    for (field, value) in [
        ("Namespace", json!("")),
        ("Cluster", json!("default")),
        ("Env", json!(true)),
        ("DisableFile", json!(false)),
        ("ChangeMode", json!("restart")),
        ("ChangeSignal", json!("SIGHUP")),
        ("AllowTokenExpiration", json!(false)),
    ] {
        fill(map, field, value);
    }
}

/// Signals are written in capitals.
fn upper_case(map: &mut Map<String, Value>, field: &str) {
    if let Some(Value::String(text)) = map.get_mut(field) {
        *text = text.to_uppercase();
    }
}
