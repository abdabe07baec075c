//! Declarations: `variable`, `variables` and `locals` as written, in HCL and in JSON.

use std::collections::BTreeMap;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, Object, ObjectKey};
use hcl_edit::structure::{self, Structure};

use crate::diagnostic::{Span, suggest};
use crate::hcl::tree::Label;

use super::Evaluator;
use super::locals::Local;

/// What a file declares.
#[derive(Default)]
pub(super) struct Declared<'b> {
    pub variables: Vec<Variable<'b>>,
    pub locals: Vec<Local<'b>>,
}

/// A variable as written.
pub(super) struct Variable<'b> {
    pub name: String,
    pub span: Span,
    pub kind: Option<&'b Expression>,
    /// The type as JSON has it: in quotes.
    pub kind_text: Option<Expression>,
    pub default: Option<&'b Expression>,
    pub nullable: Option<&'b Expression>,
    pub validations: Vec<Validation<'b>>,
}

#[derive(Default)]
pub(super) struct Validation<'b> {
    pub span: Span,
    pub condition: Option<&'b Expression>,
    pub message: Option<&'b Expression>,
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
                let one = std::slice::from_ref(expression);
                let several = expression.as_array().map(|array| array.iter().collect());
                for expression in several.unwrap_or_else(|| one.iter().collect::<Vec<_>>()) {
                    let mut validation = Validation { span: label.span.clone(), ..Validation::default() };
                    for (name, expression) in self.objects(expression) {
                        self.validation_attribute(&mut validation, &name.text, name.span, expression);
                    }
                    variable.validations.push(validation);
                }
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

    pub(super) fn members<'b>(&self, object: &'b Object) -> Vec<(Label, &'b Expression)> {
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
            let line = self.line(first);
            let wrong = self.error(span, format!("variable {name:?} is declared twice"));
            self.found.push(wrong.help(format!("the first is in line {line}")));
        }
    }
}
