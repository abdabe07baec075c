//! Bodies of requests: JSON whose keys may be in any case, as Go reads it.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::ApiError;

/// Reads a JSON object; `fields` are the names of its fields as `T` spells them. Unknown ones are left out.
///
/// # Errors
/// 400 that says where the text stops being JSON, or which value has the wrong type.
pub(super) fn decode<T: DeserializeOwned>(body: &[u8], fields: &[&str]) -> Result<T, ApiError> {
    let mut found = Map::new();
    for (key, value) in object(body)? {
        if let Some(name) = fields.iter().find(|name| name.eq_ignore_ascii_case(&key)) {
            found.insert((*name).to_owned(), value);
        }
    }
    serde_json::from_value(Value::Object(found))
        .map_err(|error| ApiError::BadRequest(format!("request body has a wrong value: {error}")))
}

/// Reads a JSON object as it is.
///
/// # Errors
/// 400 that says where the text stops being JSON, or what it is instead of an object.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::BadRequest("Request body is empty; a JSON object is expected".to_owned()));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(other) => Err(ApiError::BadRequest(format!(
            "request body is {} where a JSON object is expected",
            kind(&other)
        ))),
        Err(error) => Err(ApiError::BadRequest(format!("request body is not JSON: {error}"))),
    }
}

/// Returns the value of a key in any case; an exact match goes first.
pub(super) fn get<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let found = object.get(name);
    found.or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
