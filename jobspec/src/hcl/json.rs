//! JSON read as HCL: objects are blocks, strings are templates.

use hcl_edit::expr::Expression;

use crate::diagnostic::{Diagnostics, Source, Span};

use super::eval::{self, Place};
use super::tree::{Attribute, Block, Body, Label, Value, ValueKind};
use super::{EXPRESSION_TOKENS_MAX, Options};

/// Builds the tree of a JSON object.
pub(super) fn build(
    source: &Source,
    options: Options<'_>,
    warnings: &mut Diagnostics,
) -> Result<Body, Diagnostics> {
    let (text, lead) = trimmed(source);
    let parsed = parse(source)?;
    let Expression::Object(object) = &parsed else {
        return Err(source.error(lead..lead + text.len(), "the file must be one JSON object").into());
    };
    let entries = eval::json_file(Place::of_text(source, text, lead), object, options, warnings)?;
    Ok(json_body(entries, 0..0))
}

/// Returns the JSON without the white space around it, and how many bytes stand before it.
pub(super) fn trimmed(source: &Source) -> (&str, usize) {
    let text = source.text().trim_end();
    let lead = text.len() - text.trim_start().len();
    (text.trim_start(), lead)
}

/// Parses JSON into an expression whose spans count from the first byte that is not white space.
pub(super) fn parse(source: &Source) -> Result<Expression, Diagnostics> {
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(source.text()) {
        let (offset, message) = json_fault(source.text(), &error);
        return Err(source.error(offset..offset + 1, format!("not JSON: {message}")).into());
    }
    if source.text().bytes().filter(|byte| *byte == b',').count() > EXPRESSION_TOKENS_MAX {
        return Err(source.error(0..0, "the file has too many values").into());
    }
    // JSON is nearly a subset of HCL's values, and this parser knows where each stands.
    let (text, lead) = trimmed(source);
    hcl_edit::parser::parse_expr(text).map_err(|error| {
        let at = lead + error.location().offset();
        source
            .error(at..at + 1, error.message())
            .help("escapes other than \\n \\r \\t \\\" \\\\ \\uXXXX are not read here")
            .into()
    })
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
