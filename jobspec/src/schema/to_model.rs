//! The API's JSON, canonical, to the model.

use pasture_core::model::Job;
use serde_json::{Map, Value};

use super::{BlockType, Holds, JOB};

/// Reads a canonical job into the model: what is `null` there is what the model has when nothing is said.
///
/// # Errors
/// When a value does not suit the model; one that came through the schema does.
pub(crate) fn to_model(mut job: Value) -> Result<Job, serde_json::Error> {
    if let Some(map) = job.as_object_mut() {
        crate::canonical::complete(map);
        without_nulls(&JOB, map);
    }
    serde_json::from_value(job)
}

/// Reads one object of a type of block the model knows.
///
/// # Errors
/// When a value does not suit the model.
pub(crate) fn object_to_model<T: serde::de::DeserializeOwned>(
    of: &'static BlockType,
    mut map: Map<String, Value>,
) -> Result<T, serde_json::Error> {
    without_nulls(of, &mut map);
    serde_json::from_value(Value::Object(map))
}

/// Removes what is `null`, so that the model's own defaults hold; what is kept as submitted stays so.
fn without_nulls(of: &'static BlockType, map: &mut Map<String, Value>) {
    if of.kept {
        return;
    }
    map.retain(|_, value| !value.is_null());
    // Taking the default identity out of the list may leave nothing.
    if map.get("Identities").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        map.remove("Identities");
    }
    // Nomad's -1 is the same number inside as outside, for which the model has 0.
    if of.name == "port" && map.get("To").and_then(Value::as_i64) == Some(-1) {
        map.insert("To".to_owned(), 0.into());
    }
    for nested in of.blocks {
        let Some(value) = map.get_mut(nested.field) else { continue };
        match (nested.holds, value) {
            (Holds::One(of), Value::Object(inner)) => without_nulls(of, inner),
            (Holds::List(of) | Holds::Labelled(of, _), Value::Array(list)) => {
                list.iter_mut().filter_map(Value::as_object_mut).for_each(|inner| without_nulls(of, inner));
            }
            (Holds::ByLabel(of, _), Value::Object(inner)) => {
                inner
                    .values_mut()
                    .filter_map(Value::as_object_mut)
                    .for_each(|inner| without_nulls(of, inner));
            }
            _ => {}
        }
    }
}
