//! The tree: what `hcl-edit` parsed, as plain data with evaluated values and the user's own spans.

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, Object, ObjectKey, Traversal};
use hcl_edit::structure::Structure;
use hcl_edit::template::{Element, Template};
use serde_json::Number;

use crate::diagnostic::{Diagnostics, Source, Span};

use super::EXPRESSION_TOKENS_MAX;
use super::dialect::Modern;

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

/// Builds the tree of a parsed file; what cannot be evaluated goes to `errors`.
pub(super) fn build(
    source: &Source,
    modern: &Modern,
    parsed: &hcl_edit::structure::Body,
    errors: &mut Diagnostics,
) -> Body {
    let mut builder = Builder { source, text: &modern.text, lead: 0, modern: Some(modern), errors };
    builder.body(parsed, 0..0)
}

/// Builds the tree of a JSON object.
pub(super) fn build_json(source: &Source) -> Result<Body, Diagnostics> {
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(source.text()) {
        let (offset, message) = json_fault(source.text(), &error);
        return Err(source.error(offset..offset + 1, format!("not JSON: {message}")).into());
    }
    if source.text().bytes().filter(|byte| *byte == b',').count() > EXPRESSION_TOKENS_MAX {
        return Err(source.error(0..0, "the file has too many values").into());
    }
    // JSON is nearly a subset of HCL's values, and this parser knows where each stands.
    let text = source.text().trim_end();
    let lead = text.len() - text.trim_start().len();
    let parsed = hcl_edit::parser::parse_expr(text.trim_start()).map_err(|error| {
        let at = lead + error.location().offset();
        source
            .error(at..at + 1, error.message())
            .help("escapes other than \\n \\r \\t \\\" \\\\ \\uXXXX are not read here")
    })?;
    let mut errors = Diagnostics::new();
    let mut builder = Builder { source, text: text.trim_start(), lead, modern: None, errors: &mut errors };
    let value = builder.value(&parsed);
    let ValueKind::Map(entries) = value.kind else {
        return Err(source.error(0..text.len(), "the file must be one JSON object").into());
    };
    if errors.has_errors() { Err(errors) } else { Ok(json_body(entries, 0..0)) }
}

/// Returns where a text stops being JSON, in bytes, and why.
pub(crate) fn json_fault(text: &str, error: &serde_json::Error) -> (usize, String) {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let mut message = error.to_string();
    if let Some(place) = message.find(" at line ") {
        message.truncate(place);
    }
    ((before + error.column().saturating_sub(1)).min(text.len()), message)
}

/// Reads a JSON object as a body: objects, and lists of objects, are blocks.
fn json_body(entries: Vec<(Label, Value)>, head: Span) -> Body {
    let mut body = Body { head, is_json: true, ..Body::default() };
    for (name, value) in entries {
        let block = |entries, span: Span| Block {
            name: name.text.clone(),
            span: span.clone(),
            labels: Vec::new(),
            body: json_body(entries, span),
        };
        match value.kind {
            ValueKind::Map(entries) => body.blocks.push(block(entries, name.span.clone())),
            ValueKind::List(values)
                if !values.is_empty()
                    && values.iter().all(|value| matches!(value.kind, ValueKind::Map(_))) =>
            {
                for value in values {
                    if let ValueKind::Map(entries) = value.kind {
                        body.blocks.push(block(entries, name.span.clone()));
                    }
                }
            }
            _ => body.attributes.push(Attribute { name: name.text, span: name.span, value }),
        }
    }
    body
}

struct Builder<'a> {
    source: &'a Source,
    /// What was parsed; references are cut out of it.
    text: &'a str,
    /// How many bytes of the file stand before `text`.
    lead: usize,
    modern: Option<&'a Modern>,
    errors: &'a mut Diagnostics,
}

impl Builder<'_> {
    fn span(&self, span: Option<Span>) -> Span {
        let span = span.unwrap_or(0..0);
        match self.modern {
            Some(modern) => modern.original_span(&span),
            None => span.start + self.lead..span.end + self.lead,
        }
    }

    fn body(&mut self, parsed: &hcl_edit::structure::Body, head: Span) -> Body {
        let mut body = Body { head, ..Body::default() };
        for structure in parsed.iter() {
            match structure {
                Structure::Attribute(attribute) => {
                    let span = self.span(attribute.key.span());
                    let quoted = self.modern.and_then(|modern| modern.quoted_names.get(&span.start));
                    let name = quoted.cloned().unwrap_or_else(|| attribute.key.as_str().to_owned());
                    let value = self.value(&attribute.value);
                    body.attributes.push(Attribute { name, span, value });
                }
                Structure::Block(block) => body.blocks.push(self.block(block)),
            }
        }
        body
    }

    fn block(&mut self, parsed: &hcl_edit::structure::Block) -> Block {
        let mut span = self.span(parsed.ident.span());
        let mut labels = Vec::new();
        for label in &parsed.labels {
            let label_span = self.span(label.span());
            span.end = label_span.end.max(span.end);
            labels.push(Label { text: label.as_str().to_owned(), span: label_span });
        }
        let body = self.body(&parsed.body, span.clone());
        Block { name: parsed.ident.as_str().to_owned(), span, labels, body }
    }

    fn value(&mut self, expression: &Expression) -> Value {
        let span = self.span(expression.span());
        let kind = match expression {
            Expression::Null(_) => ValueKind::Null,
            Expression::Bool(flag) => ValueKind::Bool(*flag.value()),
            Expression::Number(number) => ValueKind::Number(to_json_number(number.value())),
            Expression::String(text) => ValueKind::Text(text.value().clone()),
            Expression::Array(array) => ValueKind::List(array.iter().map(|item| self.value(item)).collect()),
            Expression::Object(object) => ValueKind::Map(self.object(object)),
            Expression::StringTemplate(template) => ValueKind::Text(self.template(template.iter(), &span)),
            Expression::HeredocTemplate(heredoc) => ValueKind::Text(self.heredoc(&heredoc.template, &span)),
            Expression::Parenthesis(inner) => return self.value(inner.inner()),
            Expression::UnaryOp(operation) => self.negated(operation, &span),
            Expression::Traversal(traversal) => self.bare_reference(traversal, expression, &span),
            Expression::Variable(name) => {
                self.errors.push(
                    self.source
                        .error(span.clone(), format!("unknown name {:?}", name.as_str()))
                        .help(format!("texts stand in quotes: \"{}\"", name.as_str())),
                );
                ValueKind::Null
            }
            Expression::FuncCall(call) => {
                let what = format!("the function {:?}", call.name.name.as_str());
                self.unsupported(&span, &what)
            }
            Expression::Conditional(_) => self.unsupported(&span, "a condition (a ? b : c)"),
            Expression::BinaryOp(_) => self.unsupported(&span, "an operator"),
            Expression::ForExpr(_) => self.unsupported(&span, "a for expression"),
        };
        Value { kind, span }
    }

    fn unsupported(&mut self, span: &Span, what: &str) -> ValueKind {
        self.errors.push(
            self.source
                .error(span.clone(), format!("{what} is not supported yet"))
                .help("write the value itself"),
        );
        ValueKind::Null
    }

    fn object(&mut self, object: &Object) -> Vec<(Label, Value)> {
        let mut entries: Vec<(Label, Value)> = Vec::new();
        for (key, value) in object.iter() {
            let label = match key {
                ObjectKey::Ident(ident) => {
                    Label { text: ident.as_str().to_owned(), span: self.span(ident.span()) }
                }
                ObjectKey::Expression(expression) => self.key(expression),
            };
            let value = self.value(value.expr());
            entries.push((label, value));
        }
        entries
    }

    fn key(&mut self, expression: &Expression) -> Label {
        if matches!(expression, Expression::Variable(_) | Expression::Traversal(_)) {
            // A dotted name, as in `{ a.b = 1 }`.
            let span = self.span(expression.span());
            return Label { text: self.source.text().get(span.clone()).unwrap_or_default().to_owned(), span };
        }
        let value = self.value(expression);
        let text = match value.kind {
            ValueKind::Text(text) => text,
            ValueKind::Number(number) => number_text(&number),
            ValueKind::Bool(flag) => flag.to_string(),
            _ => self.source.text().get(value.span.clone()).unwrap_or_default().to_owned(),
        };
        Label { text, span: value.span }
    }

    fn negated(&mut self, operation: &hcl_edit::expr::UnaryOp, span: &Span) -> ValueKind {
        use hcl_edit::expr::UnaryOperator;
        match (operation.operator.value(), &operation.expr) {
            (UnaryOperator::Neg, Expression::Number(number)) => {
                let number = to_json_number(number.value());
                match (number.as_i64(), number.as_f64()) {
                    (Some(integer), _) => ValueKind::Number(integer.wrapping_neg().into()),
                    (None, Some(float)) => {
                        Number::from_f64(-float).map_or(ValueKind::Null, ValueKind::Number)
                    }
                    (None, None) => ValueKind::Null,
                }
            }
            _ => self.unsupported(span, "an operator"),
        }
    }

    /// Keeps `node.datacenter` without quotes as the reference it is: `${node.datacenter}`.
    fn bare_reference(&mut self, traversal: &Traversal, expression: &Expression, span: &Span) -> ValueKind {
        if !self.is_reference(&traversal.expr, span) {
            return ValueKind::Null;
        }
        let text = expression.span().and_then(|span| self.text.get(span)).unwrap_or_default();
        ValueKind::Text(format!("${{{text}}}"))
    }

    /// Tells whether an expression is a reference that stays text; complains if not.
    fn is_reference(&mut self, root: &Expression, span: &Span) -> bool {
        let what = match root {
            Expression::Variable(name) => match name.as_str() {
                "var" => "a variable (var....)".to_owned(),
                "local" => "a local value (local....)".to_owned(),
                _ => return true,
            },
            Expression::Traversal(traversal) => return self.is_reference(&traversal.expr, span),
            Expression::FuncCall(call) => format!("the function {:?}", call.name.name.as_str()),
            _ => "an expression".to_owned(),
        };
        self.unsupported(span, &what);
        false
    }

    fn heredoc(&mut self, template: &Template, span: &Span) -> String {
        self.template(template.iter(), span)
    }

    fn template<'b>(&mut self, elements: impl Iterator<Item = &'b Element>, whole: &Span) -> String {
        let mut text = String::new();
        for element in elements {
            match element {
                Element::Literal(literal) => text.push_str(literal),
                Element::Interpolation(interpolation) => {
                    let span = self.span(interpolation.span());
                    let span = if span.is_empty() { whole.clone() } else { span };
                    if self.is_reference(&interpolation.expr, &span) {
                        let written = interpolation.span().and_then(|span| self.text.get(span));
                        text.push_str(written.unwrap_or_default());
                    }
                }
                Element::Directive(_) => {
                    let span = self.span(element.span());
                    self.unsupported(
                        if span.is_empty() { whole } else { &span },
                        "a template directive (%{...})",
                    );
                }
            }
        }
        text
    }
}

fn to_json_number(number: &hcl_edit::Number) -> Number {
    if let Some(integer) = number.as_i64() {
        return integer.into();
    }
    if let Some(integer) = number.as_u64() {
        return integer.into();
    }
    number.as_f64().and_then(Number::from_f64).unwrap_or_else(|| 0.into())
}

/// Writes a number as HCL turns it into text: whole numbers without a point.
pub(super) fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 1e15 => format!("{float:.0}"),
        _ => number.to_string(),
    }
}
