//! Variables: their types, the value each takes, and the conditions it has to meet.

use std::collections::BTreeMap;
use std::sync::Arc;

use hcl_edit::Span as _;

use crate::hcl::tree::{Value, ValueKind};

use super::declare::{Declared, Validation, Variable};
use super::expression::locate;
use super::given::Given;
use super::types::{Mismatch, Step, Type};
use super::{Evaluator, Inputs, Named, Outcome};

impl Evaluator<'_> {
    /// Gives each variable the last value given for it.
    pub(super) fn define_variables(&mut self, declared: &Declared<'_>, inputs: Option<&Inputs>) {
        let mut types: BTreeMap<&str, Type> = BTreeMap::new();
        for variable in &declared.variables {
            let kind = self.kind(variable);
            types.insert(&variable.name, kind);
        }
        let mut given = inputs.map_or_else(BTreeMap::new, |inputs| self.given(inputs, &types));
        for variable in &declared.variables {
            let kind = types.get(variable.name.as_str()).cloned().unwrap_or(Type::Any);
            let named = match given.remove(&variable.name) {
                Some(Some(given)) => self.take(variable, &kind, given),
                // A value was given that could not be read.
                Some(None) => Named { value: None, origin: String::new() },
                None => self.take_default(variable, &kind, inputs.is_some()),
            };
            self.variables.insert(variable.name.clone(), named);
        }
    }

    /// Returns the type of a variable: declared, or else that of its default.
    fn kind(&mut self, variable: &Variable<'_>) -> Type {
        let expression = variable.kind_text.as_ref().or(variable.kind);
        let kind = match (expression, variable.default) {
            (Some(expression), _) => self.read_type(expression),
            (None, Some(default)) => Ok(self.eval(default).map_or(Type::Any, |value| Type::of(&value))),
            (None, None) => Ok(Type::Any),
        };
        kind.unwrap_or_else(|failure| {
            self.report(failure);
            Type::Any
        })
    }

    fn take_default(&mut self, variable: &Variable<'_>, kind: &Type, has_inputs: bool) -> Named {
        let name = &variable.name;
        let line = self.line(variable.span.start);
        let origin = format!("has its default (line {line})");
        let Some(default) = variable.default else {
            let wrong = self.error(variable.span.clone(), format!("variable {name:?} has no value"));
            let help = if has_inputs {
                format!(
                    "give it one with -var {name}=value, in a file with -var-file, or in the environment as NOMAD_VAR_{name} or PASTURE_VAR_{name}; or add a default"
                )
            } else {
                "add default = ...".to_owned()
            };
            self.found.push(wrong.help(help));
            return Named { value: None, origin };
        };
        let span = self.place.span(default.span());
        let value = self.eval(default).and_then(|value| self.checked(value, &span)).and_then(|value| {
            kind.convert(value).map_err(|mismatch| {
                let span = self.place.span(locate(default, &mismatch.path).span());
                let message =
                    format!("the default of variable {name:?}{} {}", path(&mismatch), mismatch.message);
                self.error(span, message).into()
            })
        });
        let value = match value {
            Ok(value) => Some(Arc::new(value)),
            Err(failure) => {
                self.report(failure);
                None
            }
        };
        Named { value, origin }
    }

    fn take(&mut self, variable: &Variable<'_>, kind: &Type, given: Given) -> Named {
        let name = &variable.name;
        let origin = given.origin;
        if given.value.kind == ValueKind::Null && !self.is_nullable(variable) {
            let message = format!("variable {name:?} must not be null");
            self.found.push(given.source.error(given.value.span, message));
            return Named { value: None, origin };
        }
        match kind.convert(given.value.to_val()) {
            Ok(value) => Named { value: Some(Arc::new(value)), origin },
            Err(mismatch) => {
                let span = part(&given.value, &mismatch.path).span.clone();
                let message = format!("variable {name:?}{} {}", path(&mismatch), mismatch.message);
                self.found.push(given.source.error(span, message));
                Named { value: None, origin }
            }
        }
    }

    fn is_nullable(&mut self, variable: &Variable<'_>) -> bool {
        let Some(expression) = variable.nullable else { return true };
        self.condition(expression, "nullable").unwrap_or_else(|failure| {
            self.report(failure);
            true
        })
    }

    /// Checks the conditions of all variables.
    pub(super) fn validate_variables(&mut self, declared: &Declared<'_>) {
        for variable in &declared.variables {
            // What has no value was reported; its conditions would fail for that reason alone.
            if self.variables.get(&variable.name).is_none_or(|named| named.value.is_none()) {
                continue;
            }
            for validation in &variable.validations {
                if let Err(failure) = self.validate(variable, validation) {
                    self.report(failure);
                }
            }
        }
    }

    fn validate(&mut self, variable: &Variable<'_>, validation: &Validation<'_>) -> Outcome<()> {
        let Some(condition) = validation.condition else {
            return Err(self.error(validation.span.clone(), "this validation has no condition").into());
        };
        if self.condition(condition, "the condition of a validation")? {
            return Ok(());
        }
        let why = match validation.message.map(|message| self.eval(message)).transpose()? {
            Some(message) => message.to_text().unwrap_or_default(),
            None => "its condition does not hold".to_owned(),
        };
        let span = self.place.span(condition.span());
        Err(self.error(span, format!("variable {:?} is not valid: {why}", variable.name)).into())
    }
}

/// Returns the innermost part of a value that has a place of its own.
fn part<'v>(value: &'v Value, path: &[Step]) -> &'v Value {
    let mut found = value;
    for step in path {
        let inner = match (&found.kind, step) {
            (ValueKind::List(values), Step::Index(index)) => values.get(*index),
            (ValueKind::Map(entries), Step::Key(key)) => {
                entries.iter().find(|(label, _)| label.text == *key).map(|(_, value)| value)
            }
            _ => None,
        };
        match inner {
            Some(inner) => found = inner,
            None => break,
        }
    }
    found
}

/// Writes the path to the wrong part of a value.
fn path(mismatch: &Mismatch) -> String {
    match mismatch.path() {
        path if path.is_empty() => path,
        path => format!(" at {path}"),
    }
}
