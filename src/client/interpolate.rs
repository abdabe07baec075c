//! Replaces names by values in what a job says to its tasks.
//!
//! Known forms: `${node.datacenter}`, `${attr.kernel.name}`, `${meta.rack}`, `${env["NAME"]}`, `${NOMAD_PORT_http}` or
//! any other variable of the task; and as in 2016 without braces `$node.datacenter`, `$attr.kernel.name`, `$meta.rack`
//! and `$NOMAD_PORT_http`. What names nothing stays as written, so that a shell script keeps its own variables.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::model::Node;

/// The names that can stand in a text, with their values.
#[derive(Clone, Debug, Default)]
pub struct Interpolator {
    /// By the name as written: `node.datacenter`, `attr.kernel.name`, `NOMAD_TASK_NAME`.
    values: BTreeMap<String, String>,
}

impl Interpolator {
    /// Starts with what is known of a node.
    pub fn for_node(node: &Node) -> Self {
        let own = [
            ("node.unique.id", node.id.to_string()),
            ("node.id", node.id.to_string()),
            ("node.unique.name", node.name.clone()),
            ("node.name", node.name.clone()),
            ("node.datacenter", node.datacenter.clone()),
            ("node.class", node.class.clone()),
            ("node.pool", node.pool.clone()),
        ];
        let mut values: BTreeMap<String, String> = own.map(|(name, value)| (name.to_owned(), value)).into();
        values.extend(node.attributes.iter().map(|(name, value)| (format!("attr.{name}"), value.clone())));
        values.extend(node.meta.iter().map(|(name, value)| (format!("meta.{name}"), value.clone())));
        Self { values }
    }

    /// Adds variables of the task's environment.
    pub fn add_variables(&mut self, variables: &BTreeMap<String, String>) {
        self.values.extend(variables.iter().map(|(name, value)| (name.clone(), value.clone())));
    }

    /// Replaces the names in a text.
    pub fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let tail = &rest[at..];
            let (written, value) = self.reference(tail).unwrap_or((1, "$"));
            out.push_str(value);
            rest = &tail[written..];
        }
        out.push_str(rest);
        out
    }

    /// Replaces the names in all texts of a value; the names of fields stay.
    pub fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.value(item)).collect()),
            Value::Object(fields) => Value::Object(self.fields(fields)),
            other => other.clone(),
        }
    }

    /// Replaces the names in all fields of an object.
    pub fn fields(&self, fields: &serde_json::Map<String, Value>) -> serde_json::Map<String, Value> {
        fields.iter().map(|(name, value)| (name.clone(), self.value(value))).collect()
    }

    /// Returns how many bytes of `tail`, which begins with `$`, are a known reference, and its value.
    fn reference(&self, tail: &str) -> Option<(usize, &str)> {
        if let Some(braced) = tail.strip_prefix("${") {
            let end = braced.find('}')?;
            let name = braced[..end].trim();
            let name = name.strip_prefix("env[\"").and_then(|name| name.strip_suffix("\"]")).unwrap_or(name);
            return Some((end + 3, self.values.get(name)?));
        }
        let bare = &tail[1..];
        if !["node.", "attr.", "meta.", "NOMAD_"].iter().any(|prefix| bare.starts_with(prefix)) {
            return None;
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        let mut name = &bare[..bare.find(|c| !is_name(c)).unwrap_or(bare.len())];
        // Without braces the end is a guess: `$node.name.` at the end of a sentence means `$node.name`.
        loop {
            if let Some(value) = self.values.get(name) {
                return Some((1 + name.len(), value));
            }
            name = &name[..name.rfind(['.', '-'])?];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut names = Interpolator::default();
        let own = [
            ("node.datacenter", "dc1"),
            ("attr.kernel.name", "linux"),
            ("meta.rack", "r7"),
            ("meta.rack-row", "9"),
            ("NOMAD_PORT_http", "8080"),
            ("HOME", "/root"),
        ];
        names.add_variables(&own.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        assert_eq!(names.text(text), expected);
    }

    #[test]
    fn forms() {
        check("in ${node.datacenter} on ${ attr.kernel.name }", "in dc1 on linux");
        check(r#"${env["HOME"]}/x ${HOME}"#, "/root/x /root");
        check("--port=${NOMAD_PORT_http}", "--port=8080");
        check("$node.datacenter, $attr.kernel.name. $meta.rack-row $meta.rack-x", "dc1, linux. 9 r7-x");
        check("$NOMAD_PORT_http/", "8080/");
    }

    #[test]
    fn what_names_nothing_stays() {
        for text in [
            "",
            "$",
            "$$",
            "${",
            "${}",
            "${unknown}",
            "$HOME",
            "$meta.none",
            "costs 5$",
            "${node.datacenter",
            "ä$ö",
        ] {
            check(text, text);
        }
        check("${unknown} ${meta.rack}", "${unknown} r7");
    }

    #[test]
    fn values_inside_of_blocks_are_replaced() {
        let mut names = Interpolator::default();
        names.add_variables(&[("A".to_owned(), "1".to_owned())].into());
        let value = serde_json::json!({"args": ["${A}", 2], "${A}": [{"x": "${A}${A}"}], "flag": true});
        let expected = serde_json::json!({"args": ["1", 2], "${A}": [{"x": "11"}], "flag": true});
        assert_eq!(names.value(&value), expected);
    }
}
