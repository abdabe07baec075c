//! Jobs as HCL: what a user would have written.
//!
//! [`print()`] says what differs from what holds when nothing is said, and leaves out the rest; reading it gives the same
//! job. It follows the schema: what the model has as the API's JSON is compared with the same job in which nothing but
//! names was said (`skeleton`), and the differences are written (`text`).
//!
//! # Caveats
//! - What only servers say of a job (its version, whether it is stopped) is not part of the text.
//! - HCL cannot say everything JSON can: a driver's configuration with a plain map comes back as a list of one map, and a
//!   key that is no name, such as `a.b`, is left out with a comment where only a block may stand. A group that `stagger` paces below a job whose own `update`
//!   block is not paced so comes back with the job's pacing: in HCL the two blocks are read as one.

mod skeleton;
mod text;

use pasture_core::model::Job;
use serde_json::{Map, Value};

use crate::schema::{Attribute, BlockType, Holds, JOB, Kind, Nested, Rule};
use skeleton::Defaults;
use text::Writer;

/// Writes a canonical job as HCL.
pub fn print(job: &Job) -> String {
    let mut writer = Writer::default();
    let Ok(Value::Object(mut map)) = serde_json::to_value(job) else {
        return String::new();
    };
    // The name is left out when it is the id.
    let id = map.remove("ID").and_then(|id| id.as_str().map(str::to_owned)).unwrap_or_default();
    let defaults = Defaults::of(&Value::Object({
        let mut with_id = map.clone();
        with_id.insert("ID".to_owned(), id.clone().into());
        with_id
    }));
    writer.open("job", Some(&id));
    content(&mut writer, &JOB, &map, &defaults);
    writer.close();
    writer.finish()
}

/// Writes the content of a block.
fn content(writer: &mut Writer, of: &'static BlockType, map: &Map<String, Value>, defaults: &Defaults) {
    let map = prepared(of, map);
    for known in of.attributes {
        attribute(writer, of, known, &map, defaults);
    }
    let written = of.blocks.iter().filter(|nested| !nested.name.is_empty());
    let written = written.filter_map(|nested| Some((nested, map.get(nested.field)?)));
    let (attributes, blocks): (Vec<_>, Vec<_>) = written
        .filter(|(_, value)| !value.is_null())
        .partition(|(nested, value)| needs_quotes(nested, value));
    for (nested, value) in attributes {
        writer.map(nested.name, value);
    }
    for (nested, value) in blocks {
        block(writer, nested, value, defaults);
    }
}

/// Tells whether a map of texts has to be written as attribute, since it has keys that are no names.
fn needs_quotes(nested: &Nested, value: &Value) -> bool {
    matches!(nested.holds, Holds::TextMap { as_attribute: true })
        && value.as_object().is_some_and(|map| !map.keys().all(|key| text::is_name(key)))
}

/// Undoes the rule of a block type.
fn prepared(of: &BlockType, map: &Map<String, Value>) -> Map<String, Value> {
    let mut map = map.clone();
    if of.rule == Some(Rule::Task)
        && let Some(identity) = map.remove("Identity").filter(|identity| !identity.is_null())
    {
        let others = map.remove("Identities").unwrap_or_default();
        let others = others.as_array().cloned().unwrap_or_default();
        map.insert("Identities".to_owned(), std::iter::once(identity).chain(others).collect());
    }
    map
}

fn attribute(
    writer: &mut Writer,
    of: &BlockType,
    known: &Attribute,
    map: &Map<String, Value>,
    defaults: &Defaults,
) {
    if known.name.is_empty() || known.field.starts_with('$') {
        return;
    }
    let value = map.get(known.field).filter(|value| !value.is_null());
    let is_paced = map.get("PacedByStagger") == Some(&Value::Bool(true));
    let Some(value) = value else { return };
    let is_default = defaults.field(known.field) == Some(value);
    let is_written = match (of.name, known.name) {
        // Where scaling sets limits, how many there are without a count is one of them.
        ("group", "count") => !is_default || map.get("Scaling").is_some_and(Value::is_object),
        // Defaults depend on the type, which the skeletons have therefore.
        ("job", "type") => value != "service",
        // Who paces an update shows by which fields were written.
        ("update", "stagger") if is_paced => true,
        ("update", "min_healthy_time" | "healthy_deadline" | "progress_deadline" | "canary") if is_paced => {
            false
        }
        ("update", "min_healthy_time") => !is_default || defaults.field("Stagger") != map.get("Stagger"),
        ("constraint", "operator" | "attribute" | "value") => !is_default && !is_shorthand(map),
        _ => !is_default || known.required,
    };
    if matches!((of.name, known.name), ("constraint", "operator")) && is_shorthand(map) {
        shorthand(writer, map);
    }
    if is_written {
        match known.kind {
            Kind::Duration => writer.duration(known.name, value),
            Kind::TextMap => writer.map(known.name, value),
            _ => writer.value(known.name, value),
        }
    }
}

/// Tells whether a constraint is one of those that are written without sides.
fn is_shorthand(map: &Map<String, Value>) -> bool {
    let is_empty = |field: &str| map.get(field).and_then(Value::as_str).is_none_or(str::is_empty);
    match map.get("Operand").and_then(Value::as_str) {
        Some("distinct_hosts") => is_empty("LTarget") && is_empty("RTarget"),
        Some("distinct_property") => !is_empty("LTarget") && is_empty("RTarget"),
        _ => false,
    }
}

fn shorthand(writer: &mut Writer, map: &Map<String, Value>) {
    match map.get("Operand").and_then(Value::as_str) {
        Some("distinct_hosts") => writer.value("distinct_hosts", &Value::Bool(true)),
        _ => writer.value("distinct_property", map.get("LTarget").unwrap_or(&Value::Null)),
    }
}

fn block(writer: &mut Writer, nested: &'static Nested, value: &Value, defaults: &Defaults) {
    match nested.holds {
        Holds::One(inner) => {
            let Some(map) = value.as_object() else { return };
            if defaults.whole(nested.field) == Some(value) {
                return;
            }
            writer.open(nested.name, None);
            content(writer, inner, map, &defaults.below(nested.field));
            writer.close();
        }
        Holds::List(inner) => {
            for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                let Some(map) = item.as_object() else { continue };
                writer.open(nested.name, None);
                content(writer, inner, map, &defaults.at(nested.field, index));
                writer.close();
            }
        }
        Holds::Labelled(inner, label) => {
            for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                let Some(map) = item.as_object() else { continue };
                let label = match label {
                    "$label" if map.get("Type") == Some(&"vertical_mem".into()) => "mem",
                    "$label" => "cpu",
                    label => map.get(label).and_then(Value::as_str).unwrap_or_default(),
                };
                // Which of them are reserved shows by their number.
                let name = if nested.name == "reserved_ports" { "port" } else { nested.name };
                writer.open(name, Some(label));
                content(writer, inner, map, &defaults.at(nested.field, index));
                writer.close();
            }
        }
        Holds::ByLabel(inner, _) => {
            for (name, item) in value.as_object().into_iter().flatten() {
                let Some(map) = item.as_object() else { continue };
                writer.open(nested.name, Some(name));
                content(writer, inner, map, &defaults.below(nested.field).below(name));
                writer.close();
            }
        }
        Holds::TextMap { .. } | Holds::TextsMap => writer.text_map(nested.name, value),
        Holds::AnyMap => writer.any_map(nested.name, value),
    }
}

#[cfg(test)]
pub(crate) mod tests;
