//! HCL to the parsed form.

use serde_json::{Map, Value};

use crate::diagnostic::{Span, suggest};
use crate::hcl::{Attribute as Written, Block, Body, Label, Reader, Value as Evaluated, ValueKind};

use super::{Attribute, BlockType, Holds, JOB, Kind, Nested, Places, json_body, rules};

/// Numbers below this are no durations in nanoseconds but ones whose unit was forgotten: 1 ms.
const NANOSECONDS_MIN: i64 = 1_000_000;

/// A job in the parsed form, and where its parts stand.
pub(crate) struct Read {
    pub job: Value,
    pub places: Places,
}

/// Reads a file: exactly one job. Returns `None` when there is none.
pub(crate) fn file(reader: &Reader, body: &Body) -> Option<Read> {
    for attribute in &body.attributes {
        unknown(reader, "attribute", &attribute.name, &attribute.span, "the job file", ["job"]);
    }
    let blocks: Vec<Block> = if body.is_json {
        body.blocks.iter().flat_map(json_body::labelled).collect()
    } else {
        body.blocks.clone()
    };
    let (jobs, others): (Vec<&Block>, Vec<&Block>) = blocks.iter().partition(|block| block.name == "job");
    for block in others {
        unknown(reader, "block", &block.name, &block.span, "the job file", ["job"]);
    }
    let Some((block, others)) = jobs.split_first() else {
        reader.error_with_help(&(0..0), "the file has no job", "write job \"name\" { ... }");
        return None;
    };
    for other in others {
        let help = "give each job a file of its own";
        reader.error_with_help(&other.span, "the file has more than one job", help);
    }
    let mut places = Places::default();
    let mut job = labelled(reader, &JOB, block, "$label", "Job", &mut places)?;
    rules::name_job(&mut job);
    Some(Read { job: Value::Object(job), places })
}

/// Reads the content of a block into an object of the API.
pub(crate) fn content(
    reader: &Reader,
    of: &'static BlockType,
    body: &Body,
    what: &str,
    path: &str,
    places: &mut Places,
) -> Map<String, Value> {
    let from_json;
    let body = if body.is_json {
        from_json = json_body::with_labels(of, body);
        &from_json
    } else {
        body
    };
    let mut reading = Reading { reader, of, body, what, path, places, map: of.unset() };
    body.attributes.iter().for_each(|attribute| reading.attribute(attribute));
    for (index, attribute) in body.attributes.iter().enumerate() {
        if body.attributes[..index].iter().any(|earlier| earlier.name == attribute.name) {
            reader.error(&attribute.span, format!("{:?} is given twice in {what}", attribute.name));
        }
    }
    of.blocks.iter().filter(|nested| !nested.name.is_empty()).for_each(|nested| reading.blocks(nested));
    body.blocks.iter().for_each(|block| reading.check_known(block));
    reading.check_required();
    let Reading { mut map, places, .. } = reading;
    if let Some(rule) = of.rule {
        rules::after_hcl(rule, &mut map, &rules::Context { reader, what, path }, places);
    }
    map
}

/// Reads a block with one label, which goes to a field.
fn labelled(
    reader: &Reader,
    of: &'static BlockType,
    block: &Block,
    label_field: &str,
    path: &str,
    places: &mut Places,
) -> Option<Map<String, Value>> {
    places.set(path, &block.span);
    let label = reader.label(block);
    let name = label.map(|label| label.text.as_str()).unwrap_or_default();
    if let Some(label) = label {
        places.set(format!("{path}.{label_field}"), &label.span);
    }
    let mut map = content(reader, of, &block.body, &format!("{} {name:?}", of.name), path, places);
    map.insert(label_field.to_owned(), name.into());
    Some(map)
}

struct Reading<'a, 'p> {
    reader: &'a Reader,
    of: &'static BlockType,
    body: &'a Body,
    what: &'a str,
    path: &'a str,
    places: &'p mut Places,
    map: Map<String, Value>,
}

impl Reading<'_, '_> {
    fn attribute(&mut self, written: &Written) {
        let Some(known) = self.of.attribute(&written.name) else {
            return self.other_attribute(written);
        };
        self.places.set(format!("{}.{}", self.path, known.field), &written.value.span);
        if let Some(value) = value(self.reader, known, &written.value) {
            self.map.insert(known.field.to_owned(), value);
        }
    }

    /// Reads a map of texts written as attribute; anything else is wrong here.
    fn other_attribute(&mut self, written: &Written) {
        let name = written.name.as_str();
        match self.of.block(name) {
            Some(nested) if matches!(nested.holds, Holds::TextMap { as_attribute: true }) => {
                self.places.set(format!("{}.{}", self.path, nested.field), &written.span);
                if let Some(map) = self.reader.text_map(&written.value, name) {
                    self.map.insert(nested.field.to_owned(), text_map(map));
                }
            }
            Some(_) => self.reader.error_with_help(
                &written.span,
                format!("{name:?} in {} is a block, not an attribute", self.what),
                format!("write {name} {{ ... }} without ="),
            ),
            None => unknown(self.reader, "attribute", name, &written.span, self.what, self.names(false)),
        }
    }

    /// Complains of a block nobody knows.
    fn check_known(&self, block: &Block) {
        let name = block.name.as_str();
        if self.of.block(name).is_some() {
            return;
        }
        if self.of.attribute(name).is_some() {
            self.reader.error_with_help(
                &block.span,
                format!("{name:?} in {} is an attribute, not a block", self.what),
                format!("write {name} = ..."),
            );
            return;
        }
        unknown(self.reader, "block", name, &block.span, self.what, self.names(true));
    }

    /// Returns all names there are here, blocks or attributes first.
    fn names(&self, blocks_first: bool) -> Vec<&'static str> {
        let attributes = self.of.attributes.iter().map(|attribute| attribute.name);
        let blocks = self.of.blocks.iter().map(|nested| nested.name);
        let names: Vec<&str> = if blocks_first {
            blocks.chain(attributes).collect()
        } else {
            attributes.chain(blocks).collect()
        };
        names.into_iter().filter(|name| !name.is_empty()).collect()
    }

    fn check_required(&self) {
        for known in self.of.attributes.iter().filter(|known| known.required) {
            let is_there = self
                .body
                .attributes
                .iter()
                .any(|written| written.name == known.name && written.value.kind != ValueKind::Null);
            if !is_there {
                missing(self.reader, &self.body.head, self.what, known.name);
            }
        }
    }

    fn blocks(&mut self, nested: &'static Nested) {
        let body = self.body;
        let blocks: Vec<&Block> = body.blocks.iter().filter(|block| block.name == nested.name).collect();
        if blocks.is_empty() {
            return;
        }
        let path = format!("{}.{}", self.path, nested.field);
        let reader = self.reader;
        let value = match nested.holds {
            Holds::One(of) => {
                let block = self.only(nested, &blocks);
                self.places.set(&*path, &block.span);
                Value::Object(content(reader, of, &block.body, of.name, &path, self.places))
            }
            Holds::List(of) => {
                let mut list = Vec::new();
                for block in blocks {
                    reader.no_labels(block);
                    let path = format!("{path}[{}]", list.len());
                    self.places.set(&*path, &block.span);
                    let map = content(reader, of, &block.body, of.name, &path, self.places);
                    if !map.contains_key("$off") {
                        list.push(Value::Object(map));
                    }
                }
                Value::Array(list)
            }
            Holds::Labelled(of, field) => {
                let mut list = Vec::new();
                for block in blocks {
                    let path = format!("{path}[{}]", list.len());
                    list.extend(labelled(reader, of, block, field, &path, self.places).map(Value::Object));
                }
                Value::Array(list)
            }
            Holds::ByLabel(of, field) => self.by_label(of, field, &blocks, &path),
            Holds::TextMap { .. } => {
                let block = self.only(nested, &blocks);
                self.places.set(&*path, &block.span);
                self.text_map(nested, block)
            }
            Holds::TextsMap => {
                let block = self.only(nested, &blocks);
                self.places.set(&*path, &block.span);
                self.texts_map(nested, block)
            }
            Holds::AnyMap => {
                let block = self.only(nested, &blocks);
                self.places.set(&*path, &block.span);
                Value::Object(any_map(reader, &block.body))
            }
        };
        self.map.insert(nested.field.to_owned(), value);
    }

    /// Returns the only block of its kind; complains of others and of labels.
    fn only<'b>(&self, nested: &Nested, blocks: &[&'b Block]) -> &'b Block {
        let first = blocks[0];
        if let Some(second) = blocks.get(1) {
            let (line, _) = self.reader.source().position(first.span.start);
            self.reader.error_with_help(
                &second.span,
                format!("{} has more than one block {:?}", self.what, nested.name),
                format!("the first is in line {line}"),
            );
        }
        if let Some(attribute) = self.body.attributes.iter().find(|written| written.name == nested.name)
            && matches!(nested.holds, Holds::TextMap { as_attribute: true })
        {
            let message = format!("{:?} is given twice in {}", nested.name, self.what);
            let (line, _) = self.reader.source().position(attribute.span.start);
            self.reader.error_with_help(&first.span, message, format!("the first is in line {line}"));
        }
        self.reader.no_labels(first);
        first
    }

    fn by_label(&mut self, of: &'static BlockType, field: &str, blocks: &[&Block], path: &str) -> Value {
        let mut map = Map::new();
        for block in blocks {
            if map.is_empty() {
                self.places.set(path, &block.span);
            }
            let name = self.reader.label(block).map(|label| label.text.clone()).unwrap_or_default();
            let path = format!("{path}.{name}");
            let Some(value) = labelled(self.reader, of, block, field, &path, self.places) else { continue };
            if map.insert(name.clone(), Value::Object(value)).is_some() {
                let message = format!("{} has more than one {} {name:?}", self.what, of.name);
                self.reader.error(&block.span, message);
            }
        }
        Value::Object(map)
    }

    fn text_map(&self, nested: &Nested, block: &Block) -> Value {
        self.no_blocks(nested, &block.body);
        let text = |written: &Written| {
            let what = format!("{} {:?}", nested.name, written.name);
            Some((written.name.clone(), Value::String(self.reader.text(&written.value, &what)?)))
        };
        Value::Object(block.body.attributes.iter().filter_map(text).collect())
    }

    fn texts_map(&self, nested: &Nested, block: &Block) -> Value {
        self.no_blocks(nested, &block.body);
        let texts = |written: &Written| {
            let what = format!("{} {:?}", nested.name, written.name);
            Some((written.name.clone(), Value::from(self.reader.texts(&written.value, &what)?)))
        };
        Value::Object(block.body.attributes.iter().filter_map(texts).collect())
    }

    fn no_blocks(&self, nested: &Nested, body: &Body) {
        for inner in &body.blocks {
            self.reader.error(&inner.span, format!("{:?} holds texts only, no blocks", nested.name));
        }
    }
}

/// Notes that something is missing.
pub(super) fn missing(reader: &Reader, head: &Span, what: &str, name: &str) {
    reader.error_with_help(head, format!("{what} has no {name:?}"), format!("add {name} = ..."));
}

fn unknown<'n>(
    reader: &Reader,
    kind: &str,
    name: &str,
    span: &Span,
    what: &str,
    known: impl IntoIterator<Item = &'n str>,
) {
    let message = format!("unknown {kind} {name:?} in {what}");
    reader.push(reader.source().error(span.clone(), message).maybe_help(suggest(name, known)));
}

/// Reads a value as what the attribute holds. `None` when nothing is said, or after a complaint.
fn value(reader: &Reader, known: &Attribute, written: &Evaluated) -> Option<Value> {
    let what = known.name;
    match known.kind {
        Kind::Text => reader.text(written, what).map(Value::String),
        Kind::Word(kind, words) => {
            let text = reader.text(written, what)?;
            if !text.is_empty() && !words.contains(&text.as_str()) {
                reader.unknown(&written.span, kind, &text, words.iter().copied());
                return None;
            }
            Some(Value::String(text))
        }
        Kind::Address => {
            let text = reader.text(written, what)?;
            if !text.is_empty() && text.parse::<std::net::IpAddr>().is_err() {
                reader.error(&written.span, format!("{what} must be an IP address, not {text:?}"));
                return None;
            }
            Some(Value::String(text))
        }
        Kind::Int(min, max) => int(reader, written, what, min, max).map(Value::from),
        Kind::Bool => reader.flag(written, what).map(Value::Bool),
        Kind::Duration => duration(reader, written, what).map(Value::from),
        Kind::Texts => reader.texts(written, what).map(Value::from),
        Kind::Ints => match &written.kind {
            ValueKind::List(items) => {
                let items = items.iter().filter_map(|item| int(reader, item, what, 0, i64::from(u32::MAX)));
                Some(items.map(Value::from).collect())
            }
            _ => reader.texts(written, what).map(|_| Value::Null),
        },
        Kind::TextMap => reader.text_map(written, what).map(text_map),
        Kind::Any => Some(written.to_json()),
    }
}

fn int(reader: &Reader, written: &Evaluated, what: &str, min: i64, max: i64) -> Option<i64> {
    let number = reader.number::<i64>(written, what)?;
    let problem = if number < min && min == 0 {
        "must not be negative".to_owned()
    } else if number < min {
        format!("must be at least {min}, not {number}")
    } else if number > max {
        format!("is too large: {number}")
    } else {
        return Some(number);
    };
    reader.error(&written.span, format!("{what} {problem}"));
    None
}

/// Reads a duration in nanoseconds. A bare number is nanoseconds too, unless it is so small that a unit was forgotten.
fn duration(reader: &Reader, written: &Evaluated, what: &str) -> Option<u64> {
    if let ValueKind::Number(number) = &written.kind
        && let Some(nanos) = number.as_i64().filter(|nanos| *nanos >= NANOSECONDS_MIN)
    {
        let message = format!("{what} is a duration without a unit, which counts nanoseconds: {number}");
        let duration = std::time::Duration::from_nanos(nanos.unsigned_abs());
        let modern = pasture_core::model::duration::format(duration);
        reader.warn(&written.span, message, format!("write {modern:?}"));
        return Some(nanos.unsigned_abs());
    }
    let duration = reader.duration(written, what)?;
    u64::try_from(duration.as_nanos()).ok()
}

fn text_map(map: std::collections::BTreeMap<String, String>) -> Value {
    Value::Object(map.into_iter().map(|(key, text)| (key, Value::String(text))).collect())
}

/// Reads a body with anything in it: an attribute is its value, but a map is a list of one map; a block is a list of
/// maps, each label a level more. So drivers see no difference between `port_map { ... }` and `port_map = { ... }`.
fn any_map(reader: &Reader, body: &Body) -> Map<String, Value> {
    let mut map = Map::new();
    for attribute in &body.attributes {
        let value = match attribute.value.to_json() {
            value @ Value::Object(_) => Value::Array(vec![value]),
            other => other,
        };
        map.insert(attribute.name.clone(), value);
    }
    for block in &body.blocks {
        let content = Value::Object(any_map(reader, &block.body));
        let content = block.labels.iter().rev().fold(content, |inner, label: &Label| {
            let mut level = Map::new();
            level.insert(label.text.clone(), Value::Array(vec![inner]));
            Value::Object(level)
        });
        match map.entry(block.name.clone()).or_insert_with(|| Value::Array(Vec::new())) {
            Value::Array(list) if !body.attributes.iter().any(|attribute| attribute.name == block.name) => {
                list.push(content);
            }
            _ => {
                let message = format!("{:?} is given both as attribute and as block", block.name);
                reader.error(&block.span, message);
            }
        }
    }
    map
}
