//! What the parsed form has for values nobody wrote.

use serde_json::{Map, Value};

use super::{Attribute, BlockType, Kind, Nested, Unset};

impl Attribute {
    /// Returns what the parsed form has when nothing is said; `None` when that is nothing at all.
    pub fn unset_value(&self) -> Option<Value> {
        match self.unset {
            Unset::Absent => None,
            Unset::Null => Some(Value::Null),
            Unset::Empty => Some(self.kind.empty()),
        }
    }
}

impl Kind {
    fn empty(self) -> Value {
        match self {
            Self::Text | Self::Word(..) | Self::Address => Value::String(String::new()),
            Self::Int(..) | Self::Duration => 0.into(),
            Self::Bool => false.into(),
            Self::Texts | Self::Ints | Self::TextMap | Self::Any => Value::Null,
        }
    }
}

impl Nested {
    /// Returns what the parsed form has when nothing is said; `None` when that is nothing at all.
    pub fn unset_value(&self) -> Option<Value> {
        (!self.absent).then_some(Value::Null)
    }
}

impl BlockType {
    /// Returns an object of this type in which nothing is said.
    pub fn unset(&self) -> Map<String, Value> {
        let attributes = self
            .attributes
            .iter()
            .filter_map(|attribute| Some((attribute.field.to_owned(), attribute.unset_value()?)));
        let blocks =
            self.blocks.iter().filter_map(|nested| Some((nested.field.to_owned(), nested.unset_value()?)));
        attributes.chain(blocks).collect()
    }
}

/// Tells whether a value is more than the empty one Nomad's tools send for every field they know.
pub(crate) fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) => true,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        Value::Object(map) => map.values().any(says_something),
    }
}
