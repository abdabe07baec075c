//! The arguments of a call, converted as HCL converts them to the type a function wants.

use serde_json::Number;

use super::Fault;
use crate::hcl::value::{Val, integer, unify};

/// Arguments by position. Each is taken out once.
pub(super) struct Arguments {
    values: Vec<Val>,
}

impl Arguments {
    pub(super) fn new(values: Vec<Val>) -> Self {
        Self { values }
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Takes an argument that may be `null`; one that was not given is `null`.
    pub(super) fn nullable(&mut self, index: usize) -> Val {
        self.values.get_mut(index).map_or(Val::Null, |value| std::mem::replace(value, Val::Null))
    }

    /// Takes an argument of any type but `null`.
    pub(super) fn value(&mut self, index: usize) -> Result<Val, Fault> {
        match self.nullable(index) {
            Val::Null => Err(Fault::argument(index, "must not be null")),
            value => Ok(value),
        }
    }

    pub(super) fn text(&mut self, index: usize) -> Result<String, Fault> {
        match self.value(index)? {
            Val::Text(text) => Ok(text),
            other => other.to_text().ok_or_else(|| wrong_type(index, "a text", &other)),
        }
    }

    pub(super) fn number(&mut self, index: usize) -> Result<Number, Fault> {
        let value = self.value(index)?;
        value.to_number().ok_or_else(|| match value {
            Val::Text(text) => Fault::argument(index, format!("must be a number, but {text:?} is none")),
            other => wrong_type(index, "a number", &other),
        })
    }

    pub(super) fn float(&mut self, index: usize) -> Result<f64, Fault> {
        Ok(self.number(index)?.as_f64().unwrap_or(0.0))
    }

    /// Takes a whole number.
    pub(super) fn integer(&mut self, index: usize) -> Result<i64, Fault> {
        let number = self.number(index)?;
        let whole = integer(&number).ok_or_else(|| Fault::argument(index, "must be a whole number"))?;
        i64::try_from(whole).map_err(|_| Fault::argument(index, "is too large"))
    }

    /// Takes a whole number from 0 on.
    pub(super) fn count(&mut self, index: usize) -> Result<usize, Fault> {
        let whole = self.integer(index)?;
        usize::try_from(whole).map_err(|_| Fault::argument(index, "must not be negative"))
    }

    /// Takes a list or a set, its elements as they are.
    pub(super) fn sequence(&mut self, index: usize) -> Result<Vec<Val>, Fault> {
        match self.value(index)? {
            Val::List(values) | Val::Set(values) => Ok(values),
            other => Err(wrong_type(index, "a list or a set", &other)),
        }
    }

    /// Takes a list or a set, its elements brought to one type.
    pub(super) fn list(&mut self, index: usize) -> Result<Vec<Val>, Fault> {
        unify(self.sequence(index)?)
            .ok_or_else(|| Fault::argument(index, "all elements must have the same type"))
    }

    /// Takes a list or a set of texts; an element may be `null`.
    pub(super) fn texts(&mut self, index: usize) -> Result<Vec<Option<String>>, Fault> {
        let elements = self.sequence(index)?.into_iter().enumerate();
        elements
            .map(|(place, value)| match value {
                Val::Null => Ok(None),
                Val::Text(text) => Ok(Some(text)),
                other => other.to_text().map(Some).ok_or_else(|| {
                    let found = other.describe();
                    Fault::argument(index, format!("element {place} must be a text, but it is {found}"))
                }),
            })
            .collect()
    }

    /// Takes a map, its entries sorted by key.
    pub(super) fn map(&mut self, index: usize) -> Result<Vec<(String, Val)>, Fault> {
        match self.value(index)? {
            Val::Map(mut entries) => {
                entries.sort_by(|one, two| one.0.cmp(&two.0));
                Ok(entries)
            }
            other => Err(wrong_type(index, "a map", &other)),
        }
    }
}

pub(super) fn wrong_type(index: usize, wanted: &str, found: &Val) -> Fault {
    Fault::argument(index, format!("must be {wanted}, but it is {}", found.describe()))
}
