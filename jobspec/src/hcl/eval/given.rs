//! The values given for variables: in the environment, in files, one by one.

use std::collections::BTreeMap;

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::structure::Structure;

use crate::diagnostic::{Diagnostics, Source, Span, suggest};
use crate::hcl::tree::{Label, Value, ValueKind};
use crate::hcl::{Options, check_size, dialect, json, parse_modern};

use super::budget::Budget;
use super::types::Type;
use super::{Evaluator, Inputs, Place};

/// A value given for a variable.
pub(super) struct Given {
    pub value: Value,
    pub origin: String,
    /// What it stands in, for errors.
    pub source: Source,
}

impl Evaluator<'_> {
    /// Collects the values given, the last one for each variable; None for one that could not be read.
    pub(super) fn given(
        &mut self,
        inputs: &Inputs,
        types: &BTreeMap<&str, Type>,
    ) -> BTreeMap<String, Option<Given>> {
        let mut given = BTreeMap::new();
        for prefix in ["NOMAD_VAR_", "PASTURE_VAR_"] {
            for (variable, text) in &inputs.environment {
                let Some(name) = variable.strip_prefix(prefix) else { continue };
                // The environment is shared by many jobs: what this one does not know is meant for others.
                if let Some(kind) = types.get(name) {
                    let source = Source::new(variable, text);
                    given.insert(
                        name.to_owned(),
                        self.plain(source, 0, kind, &format!("is set by {variable}")),
                    );
                }
            }
        }
        for file in &inputs.files {
            self.file_values(file, inputs, types, &mut given);
        }
        for assignment in &inputs.assignments {
            let source = Source::new("-var", assignment);
            let Some((name, text)) = assignment.split_once('=') else {
                let wrong = source.error(0..assignment.len(), "this is no name=value");
                self.found.push(wrong.help("write -var name=value"));
                continue;
            };
            let lead = assignment.len() - text.len();
            let name = name.trim();
            match types.get(name) {
                Some(kind) => {
                    given.insert(name.to_owned(), self.plain(source, lead, kind, "is set by -var"));
                }
                None => self.undeclared(&source, 0..lead - 1, name, inputs, types),
            }
        }
        given
    }

    fn undeclared(
        &mut self,
        source: &Source,
        span: Span,
        name: &str,
        inputs: &Inputs,
        types: &BTreeMap<&str, Type>,
    ) {
        let message = format!("the file declares no variable {name:?}");
        let wrong =
            if inputs.allow_undeclared { source.warning(span, message) } else { source.error(span, message) };
        let help = suggest(name, types.keys().copied());
        self.found.push(wrong.maybe_help(help.or_else(|| Some("it declares none".to_owned()))));
    }

    /// Reads a value from `lead` bytes into a source: text, or an expression where the type asks for more.
    fn plain(&mut self, source: Source, lead: usize, kind: &Type, origin: &str) -> Option<Given> {
        let text = &source.text()[lead..];
        let span = lead..source.text().len();
        if kind.is_plain() {
            let value = Value { kind: ValueKind::Text(text.to_owned()), span };
            return Some(Given { value, origin: origin.to_owned(), source });
        }
        match self.parsed_value(&source, lead) {
            Ok(value) => Some(Given { value, origin: origin.to_owned(), source }),
            Err(wrong) => {
                self.found.extend(wrong.iter().cloned());
                None
            }
        }
    }

    /// Evaluates the expression from `lead` bytes into a source.
    fn parsed_value(&mut self, source: &Source, lead: usize) -> Result<Value, Diagnostics> {
        const NAME: &str = "value = ";
        // Goes the way of a file, whose scan bounds the depth. Whatever can be keeps its place.
        let before = lead.max(NAME.len());
        let text = &source.text()[lead..];
        let file = Source::new(source.name(), &format!("{NAME:>before$}{text}"));
        let shift = before - lead;
        let mut values = self.values_of(&file).map_err(|wrong| {
            let mut moved = Diagnostics::new();
            for one in wrong.iter() {
                let span = one.span.start.saturating_sub(shift)..one.span.end.saturating_sub(shift);
                moved.push(source.error(span, one.message.clone()).maybe_help(one.help.clone()));
            }
            moved
        })?;
        match (values.pop(), values.is_empty()) {
            (Some((_, mut value)), true) => {
                value.move_left(shift);
                Ok(value)
            }
            _ => Err(source.error(lead..source.text().len(), "this is no single value").into()),
        }
    }

    fn file_values(
        &mut self,
        file: &Source,
        inputs: &Inputs,
        types: &BTreeMap<&str, Type>,
        given: &mut BTreeMap<String, Option<Given>>,
    ) {
        let values = match self.values_of(file) {
            Ok(values) => values,
            Err(wrong) => {
                self.found.extend(wrong.iter().cloned());
                return;
            }
        };
        let line_ends: Vec<usize> = file.text().match_indices('\n').map(|(at, _)| at).collect();
        for (label, value) in values {
            if !types.contains_key(label.text.as_str()) {
                self.undeclared(file, label.span, &label.text, inputs, types);
                continue;
            }
            let line = line_ends.partition_point(|end| *end < label.span.start) + 1;
            let origin = format!("is set in {}:{line}", file.name());
            given.insert(label.text, Some(Given { value, origin, source: file.clone() }));
        }
    }

    /// Evaluates a file of values. What it costs counts towards this file.
    fn values_of(&mut self, file: &Source) -> Result<Vec<(Label, Value)>, Diagnostics> {
        check_size(file)?;
        if file.text().trim_start().starts_with('{') {
            let (modern, parsed) = json::parse(file)?;
            let evaluator = self.apart(Place::new(file, &modern));
            let entries = match &parsed {
                Expression::Object(object) => evaluator.members(object),
                _ => Vec::new(),
            };
            return evaluator.constants(entries, &mut self.budget);
        }
        let mut warnings = Diagnostics::new();
        let modern = dialect::modernise(file, Options::default(), &mut warnings)?;
        let parsed = parse_modern(file, &modern)?;
        let mut evaluator = self.apart(Place::new(file, &modern));
        let mut entries = Vec::new();
        for structure in parsed.iter() {
            match structure {
                Structure::Attribute(attribute) => {
                    let (text, span) = evaluator.attribute_name(attribute);
                    entries.push((Label { text, span }, &attribute.value));
                }
                Structure::Block(block) => {
                    let span = evaluator.place.span(block.ident.span());
                    let wrong = evaluator.error(span, "a file of values holds name = value only, no blocks");
                    evaluator.found.push(wrong.help(format!("write {} = {{ ... }}", block.ident.as_str())));
                }
            }
        }
        evaluator.constants(entries, &mut self.budget)
    }

    /// Makes an evaluator for another file, with what is left of this one's budget.
    fn apart<'p>(&self, place: Place<'p>) -> Evaluator<'p> {
        let mut evaluator = Evaluator::new(place, Options::default());
        evaluator.budget = self.budget.clone();
        evaluator
    }

    fn constants(
        mut self,
        entries: Vec<(Label, &Expression)>,
        budget: &mut Budget,
    ) -> Result<Vec<(Label, Value)>, Diagnostics> {
        let values = entries.into_iter().map(|(label, expression)| (label, self.value(expression))).collect();
        *budget = self.budget;
        if self.found.has_errors() { Err(self.found) } else { Ok(values) }
    }
}
