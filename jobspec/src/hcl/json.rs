//! JSON read as HCL: objects are blocks, strings are templates.

use hcl_edit::expr::Expression;

use crate::diagnostic::{Diagnostics, Source, Span};

use super::dialect::Modern;
use super::eval::{self, Place};
use super::tree::{Attribute, Block, Body, Label, Value, ValueKind};
use super::{EXPRESSION_TOKENS_MAX, Options, json_strings, syntax_error};

/// Builds the tree of a JSON object.
pub(super) fn build(
    source: &Source,
    options: Options<'_>,
    warnings: &mut Diagnostics,
) -> Result<Body, Diagnostics> {
    let (modern, parsed) = parse(source)?;
    let Expression::Object(object) = &parsed else {
        return Err(source.error(0..source.text().len(), "the file must be one JSON object").into());
    };
    let entries = eval::json_file(Place::new(source, &modern), object, options, warnings)?;
    Ok(json_body(entries, 0..0))
}

/// Parses JSON into an expression.
pub(super) fn parse(source: &Source) -> Result<(Modern, Expression), Diagnostics> {
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(source.text()) {
        let (offset, message) = json_fault(source.text(), &error);
        return Err(source.error(offset..offset + 1, format!("not JSON: {message}")).into());
    }
    if source.text().bytes().filter(|byte| *byte == b',').count() > EXPRESSION_TOKENS_MAX {
        return Err(source.error(0..0, "the file has too many values").into());
    }
    // But for its strings JSON is a subset of HCL's values, and this parser knows where each stands.
    let modern = json_strings::rewrite(source)?;
    let parsed =
        hcl_edit::parser::parse_expr(&modern.text).map_err(|error| syntax_error(source, &modern, &error))?;
    Ok((modern, parsed))
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
