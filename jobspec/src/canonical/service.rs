//! Services: their names, checks and mesh.

use serde_json::{Map, Value, json};

use super::task::{logs, resources};
use crate::schema::{fill, items};

const SECOND: u64 = 1_000_000_000;

/// Fills in a service; `name` is what it is called when it says nothing.
pub(super) fn fill_in(service: &mut Map<String, Value>, name: &str) {
    fill(service, "Name", json!(name));
    fill(service, "AddressMode", json!("auto"));
    fill(service, "OnUpdate", json!("require_healthy"));
    fill(service, "Provider", json!("consul"));
    fill(service, "Cluster", json!("default"));
    if let Some(Value::Object(connect)) = service.get_mut("Connect") {
        self::connect(connect);
    }
    let on_update = service["OnUpdate"].clone();
    let of_service = service.get("CheckRestart").cloned().unwrap_or_default();
    for check in items(service, "Checks").filter_map(Value::as_object_mut) {
        fill(check, "OnUpdate", on_update.clone());
        check_restart(check, &of_service);
    }
}

/// Completes the restart policy that the checks have taken over.
pub(super) fn complete(service: &mut Value) {
    if let Some(Value::Object(policy)) = service.get_mut("CheckRestart") {
        fill(policy, "Grace", json!(SECOND));
    }
}

/// A check restarts its task as the service says, where it says nothing itself.
fn check_restart(check: &mut Map<String, Value>, of_service: &Value) {
    let own = check.get("CheckRestart").cloned().unwrap_or_default();
    let mut policy = match (of_service, own) {
        (Value::Object(base), Value::Object(own)) => {
            let mut map = base.clone();
            let said =
                |value: &Value| !matches!(value, Value::Null | Value::Bool(false)) && *value != json!(0);
            map.extend(own.into_iter().filter(|(_, value)| said(value)));
            Value::Object(map)
        }
        (base, Value::Null) => base.clone(),
        (_, own) => own,
    };
    if let Some(map) = policy.as_object_mut() {
        fill(map, "Grace", json!(SECOND));
    }
    check.insert("CheckRestart".to_owned(), policy);
}

fn connect(map: &mut Map<String, Value>) {
    if let Some(Value::Object(task)) = map.get_mut("SidecarTask") {
        fill(task, "Resources", json!({}));
        if let Some(Value::Object(resources)) = task.get_mut("Resources") {
            self::resources(resources);
        }
        fill(task, "LogConfig", json!({}));
        if let Some(Value::Object(logs)) = task.get_mut("LogConfig") {
            self::logs(logs);
        }
        fill(task, "KillTimeout", json!(5 * SECOND));
        fill(task, "ShutdownDelay", json!(0));
    }
    let Some(Value::Object(gateway)) = map.get_mut("Gateway") else { return };
    if let Some(Value::Object(proxy)) = gateway.get_mut("Proxy") {
        fill(proxy, "ConnectTimeout", json!(5 * SECOND));
    }
    if let Some(Value::Object(ingress)) = gateway.get_mut("Ingress") {
        for listener in items(ingress, "Listeners").filter_map(Value::as_object_mut) {
            fill(listener, "Protocol", json!("tcp"));
        }
    }
}
