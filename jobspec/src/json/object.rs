//! JSON objects read field by field, names in any case, with the path in every complaint.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use pasture_core::model::duration;

/// How many problems are kept; a hostile body could make one for each of its bytes.
const PROBLEMS_MAX: usize = 50;

/// Collects what is wrong.
#[derive(Default)]
pub(super) struct Reader {
    problems: RefCell<Vec<String>>,
    warnings: RefCell<Vec<String>>,
}

impl Reader {
    /// Reads a value as an object.
    pub fn object<'a>(&'a self, value: &'a Value, path: String) -> Option<Object<'a>> {
        match value {
            Value::Object(map) => Some(Object { reader: self, map, path }),
            Value::Null => None,
            other => {
                let place = if path.is_empty() { "Job" } else { &path };
                self.problem(place, &format!("must be an object, not {}", describe(other)));
                None
            }
        }
    }

    /// Returns problems and warnings.
    pub fn into_parts(self) -> (Vec<String>, Vec<String>) {
        (self.problems.into_inner(), self.warnings.into_inner())
    }

    fn problem(&self, path: &str, message: &str) {
        let text = format!("{path}: {message}");
        let mut problems = self.problems.borrow_mut();
        if problems.len() < PROBLEMS_MAX && !problems.contains(&text) {
            problems.push(text);
        }
    }
}

/// An object and where it stands.
pub(super) struct Object<'a> {
    reader: &'a Reader,
    map: &'a Map<String, Value>,
    path: String,
}

impl<'a> Object<'a> {
    /// Returns a field, its exact spelling first, then any case; `null` is none.
    pub fn raw(&self, name: &str) -> Option<&'a Value> {
        let exact = self.map.get(name);
        let found = exact.or_else(|| {
            self.map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        });
        found.filter(|value| !value.is_null())
    }

    /// Returns the whole object.
    pub fn to_map(&self) -> Map<String, Value> {
        self.map.clone()
    }

    /// Notes what is wrong with a field.
    pub fn problem(&self, name: &str, message: impl AsRef<str>) {
        self.reader.problem(&self.path_of(name), message.as_ref());
    }

    /// Notes what a field does not do.
    pub fn warning(&self, name: &str, message: &str) {
        self.reader.warnings.borrow_mut().push(format!("{}: {message}", self.path_of(name)));
    }

    /// Reads a text.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.raw(name)? {
            Value::String(text) => Some(text.clone()),
            other => self.wrong(name, "a text", other),
        }
    }

    /// Reads true or false.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.raw(name)? {
            Value::Bool(flag) => Some(*flag),
            other => self.wrong(name, "true or false", other),
        }
    }

    /// Reads a whole number within the range of `T`.
    pub fn number<T: TryFrom<i64>>(&self, name: &str) -> Option<T> {
        let value = self.raw(name)?;
        let Some(number) = whole(value) else { return self.wrong(name, "a whole number", value) };
        let result = T::try_from(number).ok();
        if result.is_none() {
            let message =
                if number < 0 { "must not be negative".to_owned() } else { format!("{value} is too large") };
            self.problem(name, message);
        }
        result
    }

    /// Reads a duration: nanoseconds, or a text such as `"30s"`.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        let value = self.raw(name)?;
        if let Value::String(text) = value {
            return duration::parse(text).map_err(|error| self.problem(name, error.to_string())).ok();
        }
        let Some(nanos) = whole(value) else {
            return self.wrong(name, "a duration (nanoseconds, or a text such as \"30s\")", value);
        };
        let nanos = u64::try_from(nanos).map_err(|_| self.problem(name, "must not be negative")).ok()?;
        Some(Duration::from_nanos(nanos))
    }

    /// Reads a list of texts; none when nothing is there.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let text = |(index, value): (usize, &Value)| match value {
            Value::String(text) => Some(text.clone()),
            other => self.wrong(&format!("{name}[{index}]"), "a text", other),
        };
        self.list(name).iter().enumerate().filter_map(text).collect()
    }

    /// Reads a map of texts; numbers and truth values count as the texts they are written as.
    pub fn text_map(&self, name: &str) -> BTreeMap<String, String> {
        let Some(inner) = self.object(name) else { return BTreeMap::new() };
        let text = |(key, value): (&String, &Value)| match value {
            Value::String(text) => Some((key.clone(), text.clone())),
            Value::Number(_) | Value::Bool(_) => Some((key.clone(), value.to_string())),
            Value::Null => Some((key.clone(), String::new())),
            other => inner.wrong(key, "a text", other),
        };
        inner.map.iter().filter_map(text).collect()
    }

    /// Reads an object.
    pub fn object(&self, name: &str) -> Option<Self> {
        self.reader.object(self.raw(name)?, self.path_of(name))
    }

    /// Reads a list of objects; none when nothing is there.
    pub fn objects(&self, name: &str) -> Vec<Self> {
        let path = self.path_of(name);
        let object = |(index, value)| self.reader.object(value, format!("{path}[{index}]"));
        self.list(name).iter().enumerate().filter_map(object).collect()
    }

    fn list(&self, name: &str) -> &'a [Value] {
        match self.raw(name) {
            Some(Value::Array(values)) => values,
            Some(other) => self.wrong(name, "a list", other).unwrap_or(&[]),
            None => &[],
        }
    }

    fn wrong<T>(&self, name: &str, expected: &str, found: &Value) -> Option<T> {
        self.problem(name, format!("must be {expected}, not {}", describe(found)));
        None
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
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
