//! What the tables cannot say, one function for each [`Rule`].

use serde_json::{Map, Value, json};

use crate::hcl::Reader;

use super::from_hcl::missing;
use super::{Places, Rule};

/// Where a rule complains.
pub(super) struct Context<'a> {
    pub reader: &'a Reader,
    /// What the block is called: `group "web"`.
    pub what: &'a str,
    pub path: &'a str,
}

/// Applies the rule of a block that was written in HCL.
pub(super) fn after_hcl(
    rule: Rule,
    map: &mut Map<String, Value>,
    context: &Context<'_>,
    places: &mut Places,
) {
    match rule {
        Rule::Job => job(map, places),
        Rule::Group => group(map, context, places),
        Rule::Task => task(map, context, places),
        Rule::Network => network(map, context.path, places),
        Rule::Comparison => comparison(map, context, places),
        Rule::Periodic => periodic(map),
        Rule::Check => check(map, context, places),
    }
}

/// Applies the rule of an object that came as JSON of the API.
pub(super) fn after_api(rule: Rule, map: &mut Map<String, Value>) {
    match rule {
        Rule::Network => network(map, "", &mut Places::default()),
        Rule::Task => default_identity(map),
        Rule::Job | Rule::Group | Rule::Comparison | Rule::Periodic | Rule::Check => {}
    }
}

/// Gives a job the label of its block as name and id where it says nothing else.
pub(super) fn name_job(map: &mut Map<String, Value>) {
    let Some(label) = map.remove("$label") else { return };
    fill(map, "Name", label.clone());
    fill(map, "ID", label);
}

fn job(map: &mut Map<String, Value>, places: &mut Places) {
    let vault = map.remove("$Vault").map(normal_vault);
    let secrets = map.remove("$Secrets");
    if let Some(Value::Array(tasks)) = map.remove("$Tasks") {
        tasks_to_groups(map, tasks, places);
    }
    for group in items(map, "TaskGroups") {
        hand_down(group, vault.as_ref(), secrets.as_ref());
    }
}

/// Makes a group of each task of the job itself, before all others.
fn tasks_to_groups(map: &mut Map<String, Value>, tasks: Vec<Value>, places: &mut Places) {
    let added = tasks.len();
    let groups = map.get_mut("TaskGroups").map(Value::take).unwrap_or_default();
    let groups = if let Value::Array(groups) = groups { groups } else { Vec::new() };
    for index in (0..groups.len()).rev() {
        places.rename(&format!("Job.TaskGroups[{index}]"), &format!("Job.TaskGroups[{}]", index + added));
    }
    for index in 0..added {
        let of_group = format!("Job.TaskGroups[{index}]");
        let span = places.find(&format!("Job.$Tasks[{index}]"));
        places.rename(&format!("Job.$Tasks[{index}]"), &format!("{of_group}.Tasks[0]"));
        places.set(of_group, &span);
    }
    let alone = tasks.into_iter().map(|task| {
        let mut group = super::table::group().unset();
        group.insert("Name".to_owned(), task.get("Name").cloned().unwrap_or_default());
        group.insert("Tasks".to_owned(), Value::Array(vec![task]));
        Value::Object(group)
    });
    map.insert("TaskGroups".to_owned(), alone.chain(groups).collect());
}

fn group(map: &mut Map<String, Value>, context: &Context<'_>, places: &Places) {
    let vault = map.remove("$Vault").map(normal_vault);
    let secrets = map.remove("$Secrets");
    let mut holder = Value::Object(std::mem::take(map));
    hand_down(&mut holder, vault.as_ref(), secrets.as_ref());
    if let Value::Object(filled) = holder {
        *map = filled;
    }
    if let Some(Value::Object(scaling)) = map.get_mut("Scaling") {
        let span = places.find(&format!("{}.Scaling", context.path));
        fill(scaling, "Type", json!("horizontal"));
        if scaling.get("Max").is_none_or(Value::is_null) {
            missing(context.reader, &span, "scaling", "max");
        }
        if scaling.get("Type").and_then(Value::as_str) != Some("horizontal") {
            let message = format!("the scaling type of {} must be \"horizontal\"", context.what);
            context.reader.error(&span, message);
        }
    }
}

/// Gives the tasks of a group the vault block they lack, and secrets beside their own.
fn hand_down(group: &mut Value, vault: Option<&Value>, secrets: Option<&Value>) {
    let Some(group) = group.as_object_mut() else { return };
    for task in items(group, "Tasks").filter_map(Value::as_object_mut) {
        if let Some(vault) = vault {
            fill(task, "Vault", vault.clone());
        }
        let Some(Value::Array(inherited)) = secrets else { continue };
        let own = task.get_mut("Secrets").map(Value::take).unwrap_or_default();
        let mut all = if let Value::Array(own) = own { own } else { Vec::new() };
        for secret in inherited {
            if !all.iter().any(|one| one["Name"] == secret["Name"]) {
                all.push(secret.clone());
            }
        }
        task.insert("Secrets".to_owned(), Value::Array(all));
    }
}

/// Fills in what a vault block says by standing there.
fn normal_vault(mut vault: Value) -> Value {
    if let Some(map) = vault.as_object_mut() {
        fill(map, "Env", json!(true));
        fill(map, "DisableFile", json!(false));
        fill(map, "ChangeMode", json!("restart"));
    }
    vault
}

fn task(map: &mut Map<String, Value>, context: &Context<'_>, places: &mut Places) {
    if let Some(vault) = map.get_mut("Vault").filter(|vault| !vault.is_null()) {
        *vault = normal_vault(vault.take());
    }
    for template in items(map, "Templates").filter_map(Value::as_object_mut) {
        fill(template, "ChangeMode", json!("restart"));
        fill(template, "Perms", json!("0644"));
        fill(template, "Splay", json!(5_000_000_000_u64));
        fill(template, "ErrMissingKey", json!(false));
        if let Some(Value::Object(script)) = template.get_mut("ChangeScript") {
            fill(script, "Args", json!([]));
            fill(script, "Timeout", json!(5_000_000_000_u64));
            fill(script, "FailOnError", json!(false));
        }
    }
    task_scaling(map, context, places);
    default_identity(map);
}

/// The label of a task's scaling block says what is scaled.
fn task_scaling(map: &mut Map<String, Value>, context: &Context<'_>, places: &Places) {
    let mut seen: Vec<String> = Vec::new();
    let mut kept = Vec::new();
    let path = format!("{}.ScalingPolicies", context.path);
    let Some(Value::Array(policies)) = map.get_mut("ScalingPolicies").map(Value::take) else { return };
    for (index, mut policy) in policies.into_iter().enumerate() {
        let Some(fields) = policy.as_object_mut() else { continue };
        let place = format!("{path}[{index}]");
        let label = fields.remove("$label").and_then(|label| label.as_str().map(str::to_lowercase));
        let kind = match label.as_deref() {
            Some("cpu") => "vertical_cpu",
            Some("mem") => "vertical_mem",
            _ => {
                let span = places.find(&format!("{place}.$label"));
                context.reader.error(&span, "a scaling block of a task is named \"cpu\" or \"mem\"");
                continue;
            }
        };
        let label = label.unwrap_or_default();
        if seen.contains(&label) {
            let message = format!("{} has more than one scaling block {label:?}", context.what);
            context.reader.error(&places.find(&place), message);
            continue;
        }
        seen.push(label);
        fill(fields, "Type", json!(kind));
        if fields.get("Type").and_then(Value::as_str) != Some(kind) {
            context.reader.error(&places.find(&place), format!("its type must be {kind:?} or left out"));
        }
        kept.push(policy);
    }
    map.insert("ScalingPolicies".to_owned(), Value::Array(kept));
}

/// The identity without a name of its own is a field of its own.
fn default_identity(map: &mut Map<String, Value>) {
    let Some(Value::Array(all)) = map.get_mut("Identities") else { return };
    let is_default = |one: &Value| matches!(one["Name"].as_str(), None | Some("" | "default"));
    if let Some(index) = all.iter().position(is_default) {
        let identity = all.remove(index);
        fill(map, "Identity", identity);
    }
}

/// Ports with a number are reserved, the others dynamic.
fn network(map: &mut Map<String, Value>, path: &str, places: &mut Places) {
    let Some(Value::Array(ports)) = map.get("DynamicPorts") else { return };
    if ports.is_empty() {
        return;
    }
    let has_number = |port: &Value| port["Value"].as_i64().is_some_and(|number| number > 0);
    let already = map.get("ReservedPorts").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut reserved = already;
    let mut dynamic = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let from = format!("{path}.DynamicPorts[{index}]");
        if has_number(port) {
            places.rename(&from, &format!("{path}.ReservedPorts[{}]", reserved.len()));
            reserved.push(port.clone());
        } else {
            if index != dynamic.len() {
                places.rename(&from, &format!("{path}.DynamicPorts[{}]", dynamic.len()));
            }
            dynamic.push(port.clone());
        }
    }
    let or_null = |ports: Vec<Value>| if ports.is_empty() { Value::Null } else { Value::Array(ports) };
    map.insert("DynamicPorts".to_owned(), or_null(dynamic));
    map.insert("ReservedPorts".to_owned(), or_null(reserved));
}

/// Shorthands that say the operator and the right side, in the order in which the last one counts.
const SHORTHANDS: &[&str] =
    &["version", "semver", "regexp", "set_contains_any", "set_contains_all", "set_contains"];

/// Turns shorthands into an operator and its sides.
fn comparison(map: &mut Map<String, Value>, context: &Context<'_>, places: &mut Places) {
    let path = context.path;
    let mut operator =
        map.get("Operand").and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let mut choose = |shorthand: &str| {
        if operator.as_deref().is_some_and(|operator| operator != shorthand) {
            context.reader.error_with_help(
                &places.find(&format!("{path}.${shorthand}")),
                format!("{shorthand:?} does not go with the constraint's other operator"),
                "write one constraint block for each condition",
            );
        }
        operator = Some(shorthand.to_owned());
    };
    let mut renamed = Vec::new();
    for &shorthand in SHORTHANDS {
        let Some(value) = map.remove(&format!("${shorthand}")) else { continue };
        if value.as_str().is_some_and(|text| !text.is_empty()) {
            choose(shorthand);
            renamed.push((shorthand, "RTarget"));
            map.insert("RTarget".to_owned(), value);
        }
    }
    for shorthand in ["is_set", "is_not_set"] {
        if map.remove(&format!("${shorthand}")).is_some_and(|value| value != json!("false")) {
            choose(shorthand);
        }
    }
    let distinct_hosts = map.remove("$distinct_hosts");
    if distinct_hosts == Some(json!(true)) {
        choose("distinct_hosts");
    }
    if let Some(property) = map.remove("$distinct_property") {
        choose("distinct_property");
        renamed.push(("distinct_property", "LTarget"));
        map.insert("LTarget".to_owned(), property);
    }
    if distinct_hosts == Some(json!(false)) && operator.is_none() {
        // Switched off, the block says nothing; the list leaves it out.
        map.insert("$off".to_owned(), Value::Bool(true));
    }
    map.insert("Operand".to_owned(), operator.unwrap_or_else(|| "=".to_owned()).into());
    for (shorthand, field) in renamed {
        places.rename(&format!("{path}.${shorthand}"), &format!("{path}.{field}"));
    }
}

fn periodic(map: &mut Map<String, Value>) {
    if ["Spec", "Specs"].iter().any(|field| map.get(*field).is_some_and(|value| !value.is_null())) {
        map.insert("SpecType".to_owned(), json!("cron"));
    }
}

fn check(map: &mut Map<String, Value>, context: &Context<'_>, places: &mut Places) {
    let Some(delay) = map.remove("$delay") else { return };
    let path = format!("{}.$delay", context.path);
    context.reader.warn(
        &places.find(&path),
        "\"delay\" of a check is the 2016 spelling",
        "today it is interval = ...",
    );
    if map.get("Interval") == Some(&json!(0)) {
        map.insert("Interval".to_owned(), delay);
        places.rename(&path, &format!("{}.Interval", context.path));
    }
}

/// Sets a field nothing is said of.
pub(crate) fn fill(map: &mut Map<String, Value>, field: &str, value: Value) {
    let is_unset = match map.get(field) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    };
    if is_unset {
        map.insert(field.to_owned(), value);
    }
}

/// Returns the items of a list.
pub(crate) fn items<'a>(map: &'a mut Map<String, Value>, field: &str) -> impl Iterator<Item = &'a mut Value> {
    map.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten()
}
