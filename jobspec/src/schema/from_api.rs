//! JSON of the API, in any spelling, to the parsed form.
//!
//! Names of fields are taken in any case, unknown ones are ignored, `null` is as if nothing was said. Where HCL takes a
//! number for a text or a text for a number, so does this; a duration is nanoseconds or a text such as `"30s"`.

use std::collections::BTreeMap;

use pasture_core::model::duration;
use serde_json::{Map, Value};

use super::{Attribute, BlockType, Holds, JOB, Kind, Nested, rules};

/// How many problems are kept; a hostile body could make one for each of its bytes.
const PROBLEMS_MAX: usize = 50;

/// Reads a job, wrapped in `Job` or alone.
///
/// # Errors
/// With everything that is of the wrong type, each with its path.
pub(crate) fn job(value: &Value) -> Result<Value, Vec<String>> {
    let mut reading = Reading::default();
    let wrapped = value.as_object().and_then(|outer| by_any_case(outer).get("job").copied());
    let inner = wrapped.filter(|inner| !inner.is_null()).unwrap_or(value);
    let job = match inner {
        Value::Object(map) => reading.object(&JOB, map, "Job"),
        other => {
            reading.problem("Job", &format!("must be an object, not {}", describe(other)));
            Map::new()
        }
    };
    if reading.problems.is_empty() { Ok(Value::Object(job)) } else { Err(reading.problems) }
}

/// Returns the fields of an object by their name in lower case; of two spellings the exact one of the API wins, which
/// has upper case in it and so sorts first.
fn by_any_case(map: &Map<String, Value>) -> BTreeMap<String, &Value> {
    let mut fields = BTreeMap::new();
    for (name, value) in map {
        fields.entry(name.to_ascii_lowercase()).or_insert(value);
    }
    fields
}

#[derive(Default)]
struct Reading {
    problems: Vec<String>,
}

impl Reading {
    fn problem(&mut self, path: &str, message: &str) {
        let text = format!("{path}: {message}");
        if self.problems.len() < PROBLEMS_MAX && !self.problems.contains(&text) {
            self.problems.push(text);
        }
    }

    fn wrong<T>(&mut self, path: &str, expected: &str, found: &Value) -> Option<T> {
        self.problem(path, &format!("must be {expected}, not {}", describe(found)));
        None
    }

    fn object(&mut self, of: &'static BlockType, map: &Map<String, Value>, path: &str) -> Map<String, Value> {
        let fields = by_any_case(map);
        let find = |field: &str| {
            let value = map.get(field).or_else(|| fields.get(&field.to_ascii_lowercase()).copied());
            value.filter(|value| !value.is_null())
        };
        let mut read = of.unset();
        for known in of.attributes.iter().filter(|known| !known.field.starts_with('$')) {
            let Some(found) = find(known.field) else { continue };
            if let Some(value) = self.attribute(known, found, &format!("{path}.{}", known.field)) {
                read.insert(known.field.to_owned(), value);
            }
        }
        for nested in of.blocks.iter().filter(|nested| !nested.field.starts_with('$')) {
            let Some(found) = find(nested.field) else { continue };
            if let Some(value) = self.nested(nested, found, &format!("{path}.{}", nested.field)) {
                read.insert(nested.field.to_owned(), value);
            }
        }
        if let Some(rule) = of.rule {
            rules::after_api(rule, &mut read);
        }
        read
    }

    fn nested(&mut self, nested: &'static Nested, found: &Value, path: &str) -> Option<Value> {
        match nested.holds {
            Holds::One(of) => {
                let Some(map) = found.as_object() else { return self.wrong(path, "an object", found) };
                Some(Value::Object(self.object(of, map, path)))
            }
            Holds::List(of) => self.list(of, None, found, path),
            Holds::Labelled(of, label) => self.list(of, Some(label), found, path),
            Holds::ByLabel(of, label) => {
                let Some(map) = found.as_object() else { return self.wrong(path, "an object", found) };
                let mut read = Map::new();
                for (name, inner) in map.iter().filter(|(_, inner)| !inner.is_null()) {
                    let path = format!("{path}.{name}");
                    let Some(inner) = inner.as_object() else { return self.wrong(&path, "an object", inner) };
                    let mut object = self.object(of, inner, &path);
                    object.insert(label.to_owned(), Value::String(name.clone()));
                    read.insert(name.clone(), Value::Object(object));
                }
                if read.is_empty() { None } else { Some(Value::Object(read)) }
            }
            Holds::TextMap { .. } => self.text_map(found, path),
            Holds::TextsMap => {
                let Some(map) = found.as_object() else { return self.wrong(path, "an object", found) };
                let mut read = Map::new();
                for (name, texts) in map {
                    read.insert(name.clone(), self.texts(texts, &format!("{path}.{name}"))?);
                }
                Some(Value::Object(read))
            }
            Holds::AnyMap if found.is_object() => Some(found.clone()),
            Holds::AnyMap => self.wrong(path, "an object", found),
        }
    }

    fn list(
        &mut self,
        of: &'static BlockType,
        label: Option<&'static str>,
        found: &Value,
        path: &str,
    ) -> Option<Value> {
        let Some(values) = found.as_array() else { return self.wrong(path, "a list", found) };
        let mut list = Vec::new();
        for (index, value) in values.iter().enumerate().filter(|(_, value)| !value.is_null()) {
            let path = format!("{path}[{index}]");
            let Some(map) = value.as_object() else { return self.wrong(&path, "an object", value) };
            let mut object = self.object(of, map, &path);
            if let Some(label) = label.filter(|label| !label.starts_with('$')) {
                let text = by_any_case(map).get(&label.to_ascii_lowercase()).copied();
                let text = text.and_then(|text| self.text(text, &format!("{path}.{label}")));
                object.insert(label.to_owned(), text.unwrap_or_default().into());
            }
            list.push(Value::Object(object));
        }
        // As nothing said, since HCL has no other way of saying it.
        if list.is_empty() { None } else { Some(Value::Array(list)) }
    }

    fn attribute(&mut self, known: &Attribute, found: &Value, path: &str) -> Option<Value> {
        match known.kind {
            Kind::Text => self.text(found, path).map(Value::String),
            Kind::Word(kind, words) => {
                let text = self.text(found, path)?;
                if !text.is_empty() && !words.contains(&text.as_str()) {
                    let expected = words.join(", ");
                    self.problem(path, &format!("unknown {kind} {text:?}; expected one of: {expected}"));
                    return None;
                }
                Some(Value::String(text))
            }
            Kind::Address => {
                let text = self.text(found, path)?;
                if !text.is_empty() && text.parse::<std::net::IpAddr>().is_err() {
                    self.problem(path, &format!("must be an IP address, not {text:?}"));
                    return None;
                }
                Some(Value::String(text))
            }
            Kind::Int(min, max) => self.int(found, path, min, max).map(Value::from),
            Kind::Bool => match found {
                Value::Bool(flag) => Some(Value::Bool(*flag)),
                Value::String(text) if matches!(text.as_str(), "true" | "1") => Some(Value::Bool(true)),
                Value::String(text) if matches!(text.as_str(), "false" | "0") => Some(Value::Bool(false)),
                other => self.wrong(path, "true or false", other),
            },
            Kind::Duration => self.duration(found, path).map(Value::from),
            Kind::Texts => self.texts(found, path),
            Kind::Ints => {
                let Some(values) = found.as_array() else { return self.wrong(path, "a list", found) };
                let numbers = values.iter().filter_map(|value| self.int(value, path, 0, i64::from(u32::MAX)));
                Some(numbers.map(Value::from).collect())
            }
            Kind::TextMap => self.text_map(found, path),
            Kind::Any => Some(found.clone()),
        }
    }

    fn text(&mut self, found: &Value, path: &str) -> Option<String> {
        match found {
            Value::String(text) => Some(text.clone()),
            Value::Number(_) | Value::Bool(_) => Some(found.to_string()),
            other => self.wrong(path, "a text", other),
        }
    }

    fn texts(&mut self, found: &Value, path: &str) -> Option<Value> {
        let Some(values) = found.as_array() else { return self.wrong(path, "a list of texts", found) };
        let texts = values
            .iter()
            .enumerate()
            .filter_map(|(index, value)| self.text(value, &format!("{path}[{index}]")));
        Some(texts.map(Value::String).collect())
    }

    fn text_map(&mut self, found: &Value, path: &str) -> Option<Value> {
        let Some(map) = found.as_object() else { return self.wrong(path, "an object", found) };
        // In the order of names, as HCL has them.
        let mut read = BTreeMap::new();
        for (name, value) in map {
            let text = if value.is_null() {
                Some(String::new())
            } else {
                self.text(value, &format!("{path}.{name}"))
            };
            read.insert(name.clone(), Value::String(text?));
        }
        Some(Value::Object(read.into_iter().collect()))
    }

    fn int(&mut self, found: &Value, path: &str, min: i64, max: i64) -> Option<i64> {
        let number = match found {
            Value::String(text) => text.trim().parse().ok(),
            other => whole(other),
        };
        let Some(number) = number else { return self.wrong(path, "a whole number", found) };
        let problem = if number < min && min == 0 {
            "must not be negative".to_owned()
        } else if number < min {
            format!("must be at least {min}, not {number}")
        } else if number > max {
            format!("{found} is too large")
        } else {
            return Some(number);
        };
        self.problem(path, &problem);
        None
    }

    /// Reads a duration in nanoseconds.
    fn duration(&mut self, found: &Value, path: &str) -> Option<u64> {
        if let Value::String(text) = found {
            return match duration::parse(text) {
                Ok(duration) => u64::try_from(duration.as_nanos()).ok(),
                Err(error) => {
                    self.problem(path, &error.to_string());
                    None
                }
            };
        }
        let Some(nanos) = whole(found) else {
            return self.wrong(path, "a duration (nanoseconds, or a text such as \"30s\")", found);
        };
        if nanos < 0 {
            self.problem(path, "must not be negative");
        }
        u64::try_from(nanos).ok()
    }
}

/// Returns a number without fraction; what is beyond 64 bits saturates and is then out of any range asked for.
fn whole(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    if let Some(integer) = number.as_i64() {
        return Some(integer);
    }
    let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
    #[expect(clippy::cast_possible_truncation, reason = "a saturated value is out of any range asked for")]
    Some(float as i64)
}

/// Names a value in an error, short.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.chars().count() <= 40 => format!("{text:?}"),
        Value::String(_) => "a long text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}
