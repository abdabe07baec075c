//! Reading a body as a schema: typed, with coercions, and an error for everything nobody asked for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::diagnostic::{Diagnostic, Diagnostics, Source, Span, suggest};
use pasture_core::model::duration;

use super::tree::{Attribute, Block, Body, Label, Value, ValueKind};
use super::value::number_text;

/// Collects what is wrong while a file is read, so that the user sees all of it at once.
#[derive(Debug)]
pub struct Reader {
    source: Source,
    found: RefCell<Diagnostics>,
}

impl Reader {
    /// Makes a reader of `source` that starts with what is known already.
    pub fn new(source: &Source, found: Diagnostics) -> Self {
        Self { source: source.clone(), found: RefCell::new(found) }
    }

    /// Returns the file.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Notes a diagnostic.
    pub fn push(&self, diagnostic: Diagnostic) {
        self.found.borrow_mut().push(diagnostic);
    }

    /// Notes an error.
    pub fn error(&self, span: &Span, message: impl Into<String>) {
        self.push(self.source.error(span.clone(), message));
    }

    /// Notes an error and what to do about it.
    pub fn error_with_help(&self, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        self.push(self.source.error(span.clone(), message).help(help));
    }

    /// Notes a warning and what to do about it.
    pub fn warn(&self, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        self.push(self.source.warning(span.clone(), message).help(help));
    }

    /// Notes that a name is unknown: says the nearest one, or all there are.
    pub fn unknown<'a>(&self, span: &Span, what: &str, name: &str, known: impl IntoIterator<Item = &'a str>) {
        self.push(
            self.source
                .error(span.clone(), format!("unknown {what} {name:?}"))
                .maybe_help(suggest(name, known)),
        );
    }

    /// Returns the one label a block must have.
    pub fn label<'a>(&self, block: &'a Block) -> Option<&'a Label> {
        match block.labels.as_slice() {
            [label] => Some(label),
            [] => {
                let message = format!("block {:?} needs a name", block.name);
                self.error_with_help(
                    &block.span,
                    message,
                    format!("write {} \"name\" {{ ... }}", block.name),
                );
                None
            }
            [_, extra, ..] => {
                self.error(&extra.span, format!("block {:?} has one name, not several", block.name));
                None
            }
        }
    }

    /// Notes an error for every label of a block that must have none.
    pub fn no_labels(&self, block: &Block) {
        if let Some(label) = block.labels.first() {
            self.error_with_help(&label.span, format!("block {:?} takes no name", block.name), "remove it");
        }
    }

    /// Tells whether an error was noted.
    pub fn has_errors(&self) -> bool {
        self.found.borrow().has_errors()
    }

    /// Returns the warnings.
    ///
    /// # Errors
    /// When an error was noted; the warnings are in there too.
    pub fn finish(self) -> Result<Vec<Diagnostic>, Diagnostics> {
        self.found.into_inner().into_warnings()
    }

    /// Returns all that was noted.
    pub fn into_diagnostics(self) -> Diagnostics {
        self.found.into_inner()
    }

    /// Reads a value as text.
    pub fn text(&self, value: &Value, what: &str) -> Option<String> {
        match &value.kind {
            ValueKind::Text(text) => Some(text.clone()),
            ValueKind::Number(number) => Some(number_text(number)),
            ValueKind::Bool(flag) => Some(flag.to_string()),
            ValueKind::Null => None,
            other => self.wrong_kind(value, what, "a text", other),
        }
    }

    /// Reads a value as a whole number within the range of `T`.
    pub fn number<T: TryFrom<i64>>(&self, value: &Value, what: &str) -> Option<T> {
        let number = match &value.kind {
            ValueKind::Null => return None,
            ValueKind::Number(number) => whole(number),
            ValueKind::Text(text) => text.trim().parse().ok(),
            other => return self.wrong_kind(value, what, "a whole number", other),
        };
        let Some(number) = number else {
            // As it is evaluated: what is written there may be a variable.
            self.error(&value.span, format!("{what} must be a whole number, not {}", value.to_json()));
            return None;
        };
        match T::try_from(number) {
            Ok(number) => Some(number),
            Err(_) if number < 0 => {
                self.error(&value.span, format!("{what} must not be negative"));
                None
            }
            Err(_) => {
                self.error(&value.span, format!("{what} is too large: {number}"));
                None
            }
        }
    }

    /// Reads a value as true or false.
    pub fn flag(&self, value: &Value, what: &str) -> Option<bool> {
        match &value.kind {
            ValueKind::Bool(flag) => Some(*flag),
            ValueKind::Null => None,
            ValueKind::Text(text) => match text.as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => {
                    self.error(&value.span, format!("{what} must be true or false, not {text:?}"));
                    None
                }
            },
            other => self.wrong_kind(value, what, "true or false", other),
        }
    }

    /// Reads a value as a duration with its unit, such as `"30s"`; a bare number other than 0 is an error.
    pub fn duration(&self, value: &Value, what: &str) -> Option<Duration> {
        match &value.kind {
            ValueKind::Null => None,
            ValueKind::Text(text) => match duration::parse(text) {
                Ok(duration) => Some(duration),
                Err(error) => {
                    self.error(&value.span, format!("{what}: {error}"));
                    None
                }
            },
            ValueKind::Number(number) if number.as_u64() == Some(0) => Some(Duration::ZERO),
            ValueKind::Number(number) => {
                let message = format!("{what} is a duration without a unit: {number}");
                self.error_with_help(
                    &value.span,
                    message,
                    format!("write it with a unit, such as \"{number}s\""),
                );
                None
            }
            other => self.wrong_kind(value, what, "a duration such as \"30s\"", other),
        }
    }

    /// Reads a value as a list of texts.
    pub fn texts(&self, value: &Value, what: &str) -> Option<Vec<String>> {
        match &value.kind {
            ValueKind::Null => None,
            ValueKind::List(values) => Some(values.iter().filter_map(|item| self.text(item, what)).collect()),
            other => self.wrong_kind(value, what, "a list of texts", other),
        }
    }

    /// Reads a value as a map of texts.
    pub fn text_map(&self, value: &Value, what: &str) -> Option<BTreeMap<String, String>> {
        match &value.kind {
            ValueKind::Null => None,
            ValueKind::Map(entries) => Some(
                entries
                    .iter()
                    .filter_map(|(key, value)| {
                        let text = self.text(value, &format!("{what} {:?}", key.text))?;
                        Some((key.text.clone(), text))
                    })
                    .collect(),
            ),
            other => self.wrong_kind(value, what, "a map of texts", other),
        }
    }

    fn wrong_kind<T>(&self, value: &Value, what: &str, expected: &str, found: &ValueKind) -> Option<T> {
        self.error(&value.span, format!("{what} must be {expected}, not {}", found.describe()));
        None
    }
}

/// Returns a number that has no fraction and is within range.
fn whole(number: &serde_json::Number) -> Option<i64> {
    if let Some(integer) = number.as_i64() {
        return Some(integer);
    }
    // Large enough to be out of any range asked for, and then reported as too large.
    if number.is_u64() {
        return Some(i64::MAX);
    }
    let float = number.as_f64()?;
    if float.fract() != 0.0 {
        return None;
    }
    // A float as `1e3`; the cast saturates.
    #[expect(clippy::cast_possible_truncation, reason = "a saturated value is out of any range asked for")]
    Some(float as i64)
}

/// The attributes and blocks of a body, taken by name. What was not asked for is an error when reading finishes.
#[derive(Debug)]
#[must_use = "call finish, or unknown names go unnoticed"]
pub struct Fields<'a> {
    reader: &'a Reader,
    body: &'a Body,
    /// What is read, for errors: `group "web"`.
    what: String,
    attribute_names: RefCell<Vec<&'static str>>,
    block_names: RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    /// Begins to read a body; `what` names it in errors, such as `group "web"`.
    pub fn new(reader: &'a Reader, body: &'a Body, what: impl Into<String>) -> Self {
        Self {
            reader,
            body,
            what: what.into(),
            attribute_names: RefCell::default(),
            block_names: RefCell::default(),
        }
    }

    /// Returns the reader.
    pub fn reader(&self) -> &'a Reader {
        self.reader
    }

    /// Returns what is read, as errors name it.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Returns where the head of the body stands.
    pub fn head(&self) -> &'a Span {
        &self.body.head
    }

    /// Returns an attribute as written, `null` counting as not written.
    pub fn attribute(&self, name: &'static str) -> Option<&'a Attribute> {
        self.attribute_names.borrow_mut().push(name);
        if let Some(block) = self.body.blocks.iter().find(|block| block.name == name)
            && !self.block_names.borrow().contains(&name)
        {
            self.block_names.borrow_mut().push(name);
            self.reader.error_with_help(
                &block.span,
                format!("{name:?} in {} is an attribute, not a block", self.what),
                format!("write {name} = ..."),
            );
        }
        let mut found = self.body.attributes.iter().filter(|attribute| attribute.name == name);
        let first = found.next()?;
        if let Some(second) = found.next() {
            self.reader.error(&second.span, format!("{name:?} is given twice in {}", self.what));
        }
        (first.value.kind != ValueKind::Null).then_some(first)
    }

    /// Returns where an attribute stands, or else the head of the body.
    pub fn span_of(&self, name: &str) -> &'a Span {
        let found = self.body.attributes.iter().find(|attribute| attribute.name == name);
        found.map_or(&self.body.head, |attribute| &attribute.value.span)
    }

    /// Reads a text.
    pub fn text(&self, name: &'static str) -> Option<String> {
        self.attribute(name).and_then(|attribute| self.reader.text(&attribute.value, name))
    }

    /// Reads a text that must be there and must not be empty; an empty one is returned after the complaint.
    pub fn required_text(&self, name: &'static str) -> String {
        let Some(attribute) = self.attribute(name) else {
            self.missing(name);
            return String::new();
        };
        let text = self.reader.text(&attribute.value, name).unwrap_or_default();
        if text.is_empty() && matches!(attribute.value.kind, ValueKind::Text(_)) {
            self.reader.error(&attribute.value.span, format!("{name:?} of {} is empty", self.what));
        }
        text
    }

    /// Notes that something is missing.
    pub fn missing(&self, name: &str) {
        self.reader.error_with_help(
            &self.body.head,
            format!("{} has no {name:?}", self.what),
            format!("add {name} = ..."),
        );
    }

    /// Reads a whole number.
    pub fn number<T: TryFrom<i64>>(&self, name: &'static str) -> Option<T> {
        self.attribute(name).and_then(|attribute| self.reader.number(&attribute.value, name))
    }

    /// Reads true or false.
    pub fn flag(&self, name: &'static str) -> Option<bool> {
        self.attribute(name).and_then(|attribute| self.reader.flag(&attribute.value, name))
    }

    /// Reads a duration.
    pub fn duration(&self, name: &'static str) -> Option<Duration> {
        self.attribute(name).and_then(|attribute| self.reader.duration(&attribute.value, name))
    }

    /// Reads a list of texts.
    pub fn texts(&self, name: &'static str) -> Option<Vec<String>> {
        self.attribute(name).and_then(|attribute| self.reader.texts(&attribute.value, name))
    }

    /// Reads a map of texts, written as attribute or as block.
    pub fn text_map(&self, name: &'static str) -> Option<BTreeMap<String, String>> {
        let block = self.block(name);
        // Registered as a block first: both forms are fine here.
        let attribute = self.attribute(name);
        match (attribute, block) {
            (Some(_), Some(block)) => {
                self.reader.error(&block.span, format!("{name:?} is given twice in {}", self.what));
                None
            }
            (Some(attribute), None) => self.reader.text_map(&attribute.value, name),
            (None, Some(block)) => Some(self.body_as_map(name, &block.body)),
            (None, None) => None,
        }
    }

    fn body_as_map(&self, name: &str, body: &Body) -> BTreeMap<String, String> {
        for nested in &body.blocks {
            self.reader.error(&nested.span, format!("{name:?} holds texts only, no blocks"));
        }
        let text = |attribute: &Attribute| {
            let what = format!("{name} {:?}", attribute.name);
            Some((attribute.name.clone(), self.reader.text(&attribute.value, &what)?))
        };
        body.attributes.iter().filter_map(text).collect()
    }

    /// Returns the blocks of that name, in the order written.
    pub fn blocks(&self, name: &'static str) -> Vec<&'a Block> {
        let mut known = self.block_names.borrow_mut();
        if !known.contains(&name) {
            known.push(name);
        }
        self.body.blocks.iter().filter(|block| block.name == name).collect()
    }

    /// Returns the only block of that name, without labels.
    pub fn block(&self, name: &'static str) -> Option<&'a Block> {
        let blocks = self.blocks(name);
        if let Some(second) = blocks.get(1) {
            let (line, _) = self.reader.source.position(blocks[0].span.start);
            self.reader.error_with_help(
                &second.span,
                format!("{} has more than one block {name:?}", self.what),
                format!("the first is in line {line}"),
            );
        }
        let first = blocks.first().copied()?;
        self.reader.no_labels(first);
        Some(first)
    }

    /// Returns all blocks in the order written; they count as asked for when `names` has them.
    pub fn blocks_of(&self, names: &[&'static str]) -> Vec<&'a Block> {
        self.block_names.borrow_mut().extend_from_slice(names);
        self.body.blocks.iter().filter(|block| names.contains(&block.name.as_str())).collect()
    }

    /// Notes an error for each of these attributes and blocks: their meaning is known, but this version has none of it.
    pub fn refuse(&self, names: &[&'static str]) {
        for (name, span) in self.written(names) {
            self.reader.error_with_help(
                span,
                format!("{name:?} in {} is known to Nomad, but not supported by this version", self.what),
                "remove it; ignoring it would change what the job does",
            );
        }
    }

    /// Notes a warning for each of these attributes and blocks: they are accepted, but do nothing yet.
    pub fn ignore(&self, names: &[&'static str]) {
        for (name, span) in self.written(names) {
            let message = format!("{name:?} in {} has no effect yet", self.what);
            self.reader.warn(span, message, "it is accepted and ignored by this version");
        }
    }

    /// Returns which of these names were written, as attribute or block. They count as asked for.
    fn written(&self, names: &[&'static str]) -> Vec<(&'a str, &'a Span)> {
        self.attribute_names.borrow_mut().extend_from_slice(names);
        self.block_names.borrow_mut().extend_from_slice(names);
        let attributes =
            self.body.attributes.iter().map(|attribute| (attribute.name.as_str(), &attribute.span));
        let blocks = self.body.blocks.iter().map(|block| (block.name.as_str(), &block.span));
        attributes.chain(blocks).filter(|(name, _)| names.contains(name)).collect()
    }

    /// Notes an error for everything nobody asked for.
    pub fn finish(self) {
        let attributes = self.attribute_names.borrow();
        let blocks = self.block_names.borrow();
        for attribute in &self.body.attributes {
            let name = attribute.name.as_str();
            if attributes.contains(&name) {
                continue;
            }
            if blocks.contains(&name) {
                self.reader.error_with_help(
                    &attribute.span,
                    format!("{name:?} in {} is a block, not an attribute", self.what),
                    format!("write {name} {{ ... }} without ="),
                );
            } else {
                self.unknown("attribute", name, &attribute.span, attributes.iter().chain(blocks.iter()));
            }
        }
        for block in &self.body.blocks {
            let name = block.name.as_str();
            if !blocks.contains(&name) {
                self.unknown("block", name, &block.span, blocks.iter().chain(attributes.iter()));
            }
        }
    }

    fn unknown<'n>(
        &self,
        kind: &str,
        name: &str,
        span: &Span,
        known: impl Iterator<Item = &'n &'static str>,
    ) {
        let mut names: Vec<&str> = Vec::new();
        for name in known {
            if !names.contains(name) {
                names.push(name);
            }
        }
        if matches!(name, "variable" | "variables" | "locals") {
            let message = format!("{name:?} does not belong into {}", self.what);
            self.reader.error_with_help(
                span,
                message,
                "declare it at the top of the file, outside of all blocks",
            );
            return;
        }
        let message = format!("unknown {kind} {name:?} in {}", self.what);
        self.reader.push(self.reader.source.error(span.clone(), message).maybe_help(suggest(name, names)));
    }
}
