//! The tree: attributes and blocks as plain data, with evaluated values and the user's own spans.

use serde_json::Number;

use crate::diagnostic::Span;

use super::value::Val;

/// The content of a file or a block, both lists in the order written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Body {
    /// What is `name = value`.
    pub attributes: Vec<Attribute>,
    /// What is `name "label" { ... }`.
    pub blocks: Vec<Block>,
    /// The head of the block it belongs to; for a file, its beginning.
    pub head: Span,
    /// Whether objects may have been written where blocks are meant, as in JSON.
    pub is_json: bool,
}

/// `name = value`
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// `name "label" { ... }`
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Its type.
    pub name: String,
    /// Where its head stands: type and labels.
    pub span: Span,
    /// Its labels.
    pub labels: Vec<Label>,
    /// What is between its braces.
    pub body: Body,
}

/// The label of a block.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    /// The label without quotes.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// What it is.
    pub kind: ValueKind,
    /// Where it stands.
    pub span: Span,
}

/// An evaluated value.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueKind {
    /// `null`: as if nothing was said.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text; references such as `${node.class}` are in it as written.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// A map, in the order written.
    Map(Vec<(Label, Value)>),
}

impl ValueKind {
    /// Names the kind in an error.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a map",
        }
    }
}

impl Value {
    /// Makes a value all of which was written in one place: sets become lists.
    pub(super) fn from_val(value: Val, span: &Span) -> Self {
        let kind = match value {
            Val::Null => ValueKind::Null,
            Val::Bool(flag) => ValueKind::Bool(flag),
            Val::Number(number) => ValueKind::Number(number),
            Val::Text(text) => ValueKind::Text(text),
            Val::List(values) | Val::Set(values) => {
                ValueKind::List(values.into_iter().map(|value| Self::from_val(value, span)).collect())
            }
            Val::Map(entries) => {
                let entry = |(text, value)| (Label { text, span: span.clone() }, Self::from_val(value, span));
                ValueKind::Map(entries.into_iter().map(entry).collect())
            }
        };
        Self { kind, span: span.clone() }
    }

    /// Returns the value without its places.
    pub(super) fn to_val(&self) -> Val {
        match &self.kind {
            ValueKind::Null => Val::Null,
            ValueKind::Bool(flag) => Val::Bool(*flag),
            ValueKind::Number(number) => Val::Number(number.clone()),
            ValueKind::Text(text) => Val::Text(text.clone()),
            ValueKind::List(values) => Val::List(values.iter().map(Self::to_val).collect()),
            ValueKind::Map(entries) => {
                Val::Map(entries.iter().map(|(key, value)| (key.text.clone(), value.to_val())).collect())
            }
        }
    }

    /// Moves all places towards the beginning.
    pub(super) fn move_left(&mut self, bytes: usize) {
        let moved = |span: &Span| span.start.saturating_sub(bytes)..span.end.saturating_sub(bytes);
        self.span = moved(&self.span);
        match &mut self.kind {
            ValueKind::List(values) => values.iter_mut().for_each(|value| value.move_left(bytes)),
            ValueKind::Map(entries) => entries.iter_mut().for_each(|(key, value)| {
                key.span = moved(&key.span);
                value.move_left(bytes);
            }),
            _ => {}
        }
    }

    /// Returns the value as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            ValueKind::Null => serde_json::Value::Null,
            ValueKind::Bool(flag) => serde_json::Value::Bool(*flag),
            ValueKind::Number(number) => serde_json::Value::Number(number.clone()),
            ValueKind::Text(text) => serde_json::Value::String(text.clone()),
            ValueKind::List(values) => values.iter().map(Self::to_json).collect(),
            ValueKind::Map(entries) => serde_json::Value::Object(
                entries.iter().map(|(key, value)| (key.text.clone(), value.to_json())).collect(),
            ),
        }
    }
}
