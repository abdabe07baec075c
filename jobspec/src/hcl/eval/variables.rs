//! Variables: their declarations, and the values given for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, Object, ObjectKey};
use hcl_edit::structure::{self, Structure};

use crate::diagnostic::{Diagnostics, Source, Span, suggest};
use crate::hcl::tree::{Label, Value, ValueKind};
use crate::hcl::{Options, check_size, dialect, json, parse_modern};

use super::expression::locate;
use super::locals::Local;
use super::types::{Mismatch, Step, Type};
use super::{Evaluator, Inputs, Named, Outcome, Place};

/// What a file declares.
#[derive(Default)]
pub(super) struct Declared<'b> {
    variables: Vec<Variable<'b>>,
    pub locals: Vec<Local<'b>>,
}

/// A variable as written.
struct Variable<'b> {
    name: String,
    span: Span,
    kind: Option<&'b Expression>,
    /// The type as JSON has it: in quotes.
    kind_text: Option<Expression>,
    default: Option<&'b Expression>,
    nullable: Option<&'b Expression>,
    validations: Vec<Validation<'b>>,
}

#[derive(Default)]
struct Validation<'b> {
    span: Span,
    condition: Option<&'b Expression>,
    message: Option<&'b Expression>,
}

/// A value given for a variable.
struct Given {
    value: Value,
    origin: String,
    /// What it stands in, for errors.
    source: Source,
}

const VARIABLE_NAMES: [&str; 5] = ["default", "description", "nullable", "type", "validation"];

/// Takes the declarations out of a file; returns the rest.
pub(super) fn split<'b>(
    evaluator: &mut Evaluator<'_>,
    parsed: &'b structure::Body,
) -> (Declared<'b>, Vec<&'b Structure>) {
    let mut declared = Declared::default();
    let mut rest = Vec::new();
    for structure in parsed.iter() {
        let block = match structure {
            Structure::Block(block) => block,
            Structure::Attribute(_) => {
                rest.push(structure);
                continue;
            }
        };
        match block.ident.as_str() {
            "variable" => evaluator.variable(block, &mut declared),
            "variables" => {
                for (name, span, expression) in evaluator.plain_block(block) {
                    declared.push_default(name, span, expression);
                }
            }
            "locals" => {
                for (name, span, expression) in evaluator.plain_block(block) {
                    declared.locals.push(Local { name, span, expression });
                }
            }
            _ => rest.push(structure),
        }
    }
    evaluator.check_names(&mut declared);
    (declared, rest)
}

/// Takes the declarations out of a JSON file; returns the rest.
pub(super) fn split_json<'b>(
    evaluator: &mut Evaluator<'_>,
    object: &'b Object,
) -> (Declared<'b>, Vec<(Label, &'b Expression)>) {
    let mut declared = Declared::default();
    let mut rest = Vec::new();
    for (label, expression) in evaluator.members(object) {
        match (label.text.as_str(), expression) {
            ("variable", expression) => {
                for (name, content) in evaluator.objects(expression) {
                    evaluator.json_variable(name, content, &mut declared);
                }
            }
            ("variables", expression) => {
                for (name, content) in evaluator.objects(expression) {
                    declared.push_default(name.text, name.span, content);
                }
            }
            ("locals", expression) => {
                for (name, expression) in evaluator.objects(expression) {
                    declared.locals.push(Local { name: name.text, span: name.span, expression });
                }
            }
            _ => rest.push((label, expression)),
        }
    }
    evaluator.check_names(&mut declared);
    (declared, rest)
}

impl<'b> Declared<'b> {
    fn push_default(&mut self, name: String, span: Span, default: &'b Expression) {
        self.variables.push(Variable { default: Some(default), ..Variable::new(name, span) });
    }
}

impl Variable<'_> {
    fn new(name: String, span: Span) -> Self {
        Self {
            name,
            span,
            kind: None,
            kind_text: None,
            default: None,
            nullable: None,
            validations: Vec::new(),
        }
    }
}

impl Evaluator<'_> {
    fn variable<'b>(&mut self, block: &'b structure::Block, declared: &mut Declared<'b>) {
        let ident = self.place.span(block.ident.span());
        let [label] = block.labels.as_slice() else {
            let wrong = self.error(ident, "a variable has one label: its name");
            self.found.push(wrong.help("write variable \"name\" { ... }"));
            return;
        };
        let mut variable = Variable::new(label.as_str().to_owned(), self.place.span(label.span()));
        for structure in block.body.iter() {
            match structure {
                Structure::Attribute(attribute) => {
                    let span = self.place.span(attribute.key.span());
                    self.variable_attribute(&mut variable, attribute.key.as_str(), span, &attribute.value);
                }
                Structure::Block(block) if block.ident.as_str() == "validation" => {
                    let mut validation =
                        Validation { span: self.place.span(block.ident.span()), ..Validation::default() };
                    for (name, span, expression) in self.plain_block(block) {
                        self.validation_attribute(&mut validation, &name, span, expression);
                    }
                    variable.validations.push(validation);
                }
                Structure::Block(block) => {
                    let span = self.place.span(block.ident.span());
                    let wrong =
                        self.error(span, format!("unknown block {:?} in a variable", block.ident.as_str()));
                    self.found.push(wrong.maybe_help(suggest(block.ident.as_str(), VARIABLE_NAMES)));
                }
            }
        }
        declared.variables.push(variable);
    }

    fn json_variable<'b>(&mut self, name: Label, content: &'b Expression, declared: &mut Declared<'b>) {
        let mut variable = Variable::new(name.text, name.span);
        for (label, expression) in self.objects(content) {
            if label.text == "validation" {
                let mut validation = Validation { span: label.span, ..Validation::default() };
                for (name, expression) in self.objects(expression) {
                    self.validation_attribute(&mut validation, &name.text, name.span, expression);
                }
                variable.validations.push(validation);
            } else {
                self.variable_attribute(&mut variable, &label.text, label.span, expression);
            }
        }
        // JSON has no types: they stand in quotes.
        if let Some(Expression::String(text)) = variable.kind {
            variable.kind_text = hcl_edit::parser::parse_expr(text.value()).ok();
        }
        declared.variables.push(variable);
    }

    fn variable_attribute<'b>(
        &mut self,
        variable: &mut Variable<'b>,
        name: &str,
        span: Span,
        expression: &'b Expression,
    ) {
        match name {
            "type" => variable.kind = Some(expression),
            "default" => variable.default = Some(expression),
            "nullable" => variable.nullable = Some(expression),
            "description" => {}
            _ => {
                let wrong = self.error(span, format!("unknown attribute {name:?} in a variable"));
                self.found.push(wrong.maybe_help(suggest(name, VARIABLE_NAMES)));
            }
        }
    }

    fn validation_attribute<'b>(
        &mut self,
        validation: &mut Validation<'b>,
        name: &str,
        span: Span,
        expression: &'b Expression,
    ) {
        match name {
            "condition" => validation.condition = Some(expression),
            "error_message" => validation.message = Some(expression),
            _ => {
                let wrong = self.error(span, format!("unknown attribute {name:?} in a validation"));
                self.found.push(wrong.maybe_help(suggest(name, ["condition", "error_message"])));
            }
        }
    }

    /// Returns the attributes of a block that has nothing else.
    fn plain_block<'b>(&mut self, block: &'b structure::Block) -> Vec<(String, Span, &'b Expression)> {
        let name = block.ident.as_str();
        if let Some(label) = block.labels.first() {
            let wrong = self.error(self.place.span(label.span()), format!("block {name:?} takes no name"));
            self.found.push(wrong.help("remove it"));
        }
        let mut attributes = Vec::new();
        for structure in block.body.iter() {
            match structure {
                Structure::Attribute(attribute) => attributes.push((
                    attribute.key.as_str().to_owned(),
                    self.place.span(attribute.key.span()),
                    &attribute.value,
                )),
                Structure::Block(nested) => {
                    let span = self.place.span(nested.ident.span());
                    let wrong = self.error(span, format!("{name:?} holds name = value only, no blocks"));
                    self.found.push(wrong.help(format!("write {} = {{ ... }}", nested.ident.as_str())));
                }
            }
        }
        attributes
    }

    /// Returns the members of an object, or of each object of a list.
    fn objects<'b>(&mut self, expression: &'b Expression) -> Vec<(Label, &'b Expression)> {
        match expression {
            Expression::Object(object) => self.members(object),
            Expression::Array(array) => {
                let mut members = Vec::new();
                for item in array.iter() {
                    match item {
                        Expression::Object(object) => members.extend(self.members(object)),
                        other => self.no_object(other),
                    }
                }
                members
            }
            other => {
                self.no_object(other);
                Vec::new()
            }
        }
    }

    fn no_object(&mut self, expression: &Expression) {
        let wrong = self.error(self.place.span(expression.span()), "this must be an object");
        self.found.push(wrong);
    }

    fn members<'b>(&mut self, object: &'b Object) -> Vec<(Label, &'b Expression)> {
        let label = |key: &ObjectKey| match key {
            ObjectKey::Expression(Expression::String(text)) => text.value().clone(),
            ObjectKey::Ident(name) => name.as_str().to_owned(),
            ObjectKey::Expression(other) => self.place.written(other.span()).to_owned(),
        };
        object
            .iter()
            .map(|(key, value)| (Label { text: label(key), span: self.place.span(key.span()) }, value.expr()))
            .collect()
    }

    /// Notes an error for each variable declared twice, and drops the later one.
    fn check_names(&mut self, declared: &mut Declared<'_>) {
        let mut first: BTreeMap<String, Span> = BTreeMap::new();
        let mut twice = Vec::new();
        declared.variables.retain(|variable| {
            if let Some(span) = first.get(&variable.name) {
                twice.push((variable.name.clone(), variable.span.clone(), span.start));
                return false;
            }
            first.insert(variable.name.clone(), variable.span.clone());
            true
        });
        for (name, span, first) in twice {
            let (line, _) = self.place.source.position(first);
            let wrong = self.error(span, format!("variable {name:?} is declared twice"));
            self.found.push(wrong.help(format!("the first is in line {line}")));
        }
    }

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
        let (line, _) = self.place.source.position(variable.span.start);
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

    /// Collects the values given, the last one for each variable; None for one that could not be read.
    fn given(&mut self, inputs: &Inputs, types: &BTreeMap<&str, Type>) -> BTreeMap<String, Option<Given>> {
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
        for (label, value) in values {
            if !types.contains_key(label.text.as_str()) {
                self.undeclared(file, label.span, &label.text, inputs, types);
                continue;
            }
            let (line, _) = file.position(label.span.start);
            let origin = format!("is set in {}:{line}", file.name());
            given.insert(label.text, Some(Given { value, origin, source: file.clone() }));
        }
    }

    /// Evaluates a file of values. What it costs counts towards this file.
    fn values_of(&mut self, file: &Source) -> Result<Vec<(Label, Value)>, Diagnostics> {
        check_size(file)?;
        if file.text().trim_start().starts_with('{') {
            let (modern, parsed) = json::parse(file)?;
            let mut evaluator = self.apart(Place::new(file, &modern));
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
        budget: &mut super::Budget,
    ) -> Result<Vec<(Label, Value)>, Diagnostics> {
        let values = entries.into_iter().map(|(label, expression)| (label, self.value(expression))).collect();
        *budget = self.budget;
        if self.found.has_errors() { Err(self.found) } else { Ok(values) }
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
