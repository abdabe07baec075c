//! Functions between texts and other notations: JSON, YAML, CSV, base64, URLs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::text::check_length;
use super::{Arguments, Arity, Fault, Function, Outside, yaml};
use crate::hcl::value::{VALUE_ITEMS_MAX, Val, number_text};

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "base64decode", arity: Arity::Exactly(1), run: base64decode },
    Function { name: "base64encode", arity: Arity::Exactly(1), run: base64encode },
    Function { name: "csvdecode", arity: Arity::Exactly(1), run: csvdecode },
    Function { name: "jsondecode", arity: Arity::Exactly(1), run: jsondecode },
    Function { name: "jsonencode", arity: Arity::Exactly(1), run: jsonencode },
    Function { name: "urlencode", arity: Arity::Exactly(1), run: urlencode },
    Function { name: "yamldecode", arity: Arity::Exactly(1), run: yaml::yamldecode },
    Function { name: "yamlencode", arity: Arity::Exactly(1), run: yaml::yamlencode },
];

fn base64decode(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let text = arguments.text(0)?.replace(['\r', '\n'], "");
    let bytes = STANDARD
        .decode(&text)
        .map_err(|error| Fault::argument(0, format!("is no base64: {}", error.to_string().to_lowercase())))?;
    let decoded = String::from_utf8(bytes);
    Ok(decoded.map_err(|_| Fault::argument(0, "is base64 of something that is no UTF-8 text"))?.into())
}

fn base64encode(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    Ok(STANDARD.encode(arguments.text(0)?).into())
}

fn csvdecode(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let text = arguments.text(0)?;
    let mut reader = csv::ReaderBuilder::new().from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| Fault::argument(0, csv_fault(&error)))?.clone();
    if headers.is_empty() {
        return Err(Fault::argument(0, "has no header line"));
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = headers.iter().find(|name| !seen.insert(*name)) {
        return Err(Fault::argument(0, format!("has the column {twice:?} twice")));
    }
    let mut rows = Vec::new();
    let (mut items, mut bytes) = (0, 0);
    for record in reader.records() {
        let record = record.map_err(|error| Fault::argument(0, csv_fault(&error)))?;
        items += headers.len() + 1;
        bytes += headers.as_slice().len() + record.as_slice().len();
        check_length(bytes)?;
        if items > VALUE_ITEMS_MAX {
            return Err(Fault::call(format!(
                "the result is too large: more than {VALUE_ITEMS_MAX} elements"
            )));
        }
        let cells = headers.iter().zip(record.iter());
        rows.push(Val::map(cells.map(|(name, cell)| (name.to_owned(), Val::from(cell)))));
    }
    Ok(Val::List(rows))
}

fn csv_fault(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line} has {len} fields where the header line has {expected_len}")
        }
        _ => format!("is no CSV: {error}"),
    }
}

fn jsondecode(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let text = arguments.text(0)?;
    match serde_json::from_str(&text) {
        Ok(json) => Ok(sorted(Val::from_json(json))),
        Err(error) => Err(Fault::argument(0, format!("is no JSON: {error}"))),
    }
}

/// Sorts maps by key, all the way down: a decoded object has HCL's order.
pub(super) fn sorted(value: Val) -> Val {
    match value {
        Val::List(values) => Val::List(values.into_iter().map(sorted).collect()),
        Val::Map(entries) => Val::map(entries.into_iter().map(|(key, value)| (key, sorted(value)))),
        other => other,
    }
}

fn jsonencode(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let text = to_json_text(&arguments.nullable(0)).map_err(Fault::call)?;
    check_length(text.len())?;
    Ok(text.into())
}

/// Writes compact JSON: keys sorted, `<`, `>`, `&` and line separators escaped so that it may stand in HTML.
///
/// Recurses as deep as values nest, which is bounded for arguments.
pub(super) fn to_json_text(value: &Val) -> Result<String, String> {
    let mut out = String::new();
    write_json(value, &mut out);
    Ok(out)
}

fn write_json(value: &Val, out: &mut String) {
    match value {
        Val::Null => out.push_str("null"),
        Val::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Val::Number(number) => out.push_str(&number_text(number)),
        Val::Text(text) => write_json_string(text, out),
        Val::List(values) | Val::Set(values) => {
            out.push('[');
            for (place, value) in values.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write_json(value, out);
            }
            out.push(']');
        }
        Val::Map(entries) => {
            let mut entries: Vec<&(String, Val)> = entries.iter().collect();
            entries.sort_by(|one, two| one.0.cmp(&two.0));
            out.push('{');
            for (place, (key, value)) in entries.into_iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write_json_string(key, out);
                out.push(':');
                write_json(value, out);
            }
            out.push('}');
        }
    }
}

fn write_json_string(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
}

/// Escapes as in a query: a space becomes `+`.
fn urlencode(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let text = arguments.text(0)?;
    check_length(text.len().saturating_mul(3))?;
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => encoded.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte.into()),
            other => {
                let _ = write!(encoded, "%{other:02X}");
            }
        }
    }
    Ok(encoded.into())
}
