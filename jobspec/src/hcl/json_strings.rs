//! Strings of JSON into strings of HCL.
//!
//! In JSON a string is decoded first and read as a template then, so that quotes inside of `${...}` are written `\"`; in
//! HCL they stand bare. HCL lacks some of JSON's escapes, too. Both are rewritten before parsing, and the list of edits
//! leads back to the user's own file, as it does for the dialect of 2016.

use crate::diagnostic::{Diagnostic, Source, Span};

use super::dialect::{Edit, Modern};

/// Rewrites a text that is known to be JSON, without the white space around it.
///
/// # Errors
/// When a template in a string does not end there.
pub(super) fn rewrite(source: &Source) -> Result<Modern, Diagnostic> {
    let text = source.text();
    let end = text.trim_end().len();
    let start = text.len() - text.trim_start().len();
    let mut edits = Vec::new();
    if start > 0 {
        edits.push(Edit::new(0..start, ""));
    }
    let mut at = start;
    while let Some(quote) = text[at..end].find('"') {
        let first = at + quote + 1;
        let last = string_end(text, first);
        string(source, first..last, &mut edits)?;
        at = (last + 1).min(end);
    }
    if end < text.len() && end > start {
        edits.push(Edit::new(end..text.len(), ""));
    }
    Ok(Modern::new(text, edits))
}

/// Returns where a string ends that begins at `start`, after its quote.
fn string_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// What the decoded text is in the middle of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    String,
    Template { braces: usize },
}

/// Rewrites the content of one string.
fn string(source: &Source, content: Span, edits: &mut Vec<Edit>) -> Result<(), Diagnostic> {
    let text = source.text();
    if !text[content.clone()].contains(['\\', '$', '%']) {
        return Ok(());
    }
    let decoded = decode(text, content);
    let is = |at: usize, wanted: &str| {
        wanted.chars().enumerate().all(|(ahead, one)| decoded.get(at + ahead).is_some_and(|(_, c)| *c == one))
    };
    let mut inside = vec![Inside::String];
    let mut opened = 0..0;
    let mut at = 0;
    while let (Some((_, character)), Some(innermost)) = (decoded.get(at), inside.last().copied()) {
        let is_outermost = inside.len() == 1;
        let length = match (innermost, character) {
            (Inside::String, _) if is(at, "$${") || is(at, "%%{") => 3,
            (Inside::String, _) if is(at, "${") || is(at, "%{") => {
                if is_outermost {
                    opened = decoded[at].0.start..decoded[at + 1].0.end;
                }
                inside.push(Inside::Template { braces: 0 });
                2
            }
            (Inside::String, '\\') if !is_outermost => 2,
            (Inside::String, '"') if !is_outermost => {
                inside.pop();
                1
            }
            (Inside::Template { .. }, '"') => {
                inside.push(Inside::String);
                1
            }
            (Inside::Template { braces }, '{') => {
                inside.pop();
                inside.push(Inside::Template { braces: braces + 1 });
                1
            }
            (Inside::Template { braces }, '}') => {
                inside.pop();
                if let Some(braces) = braces.checked_sub(1) {
                    inside.push(Inside::Template { braces });
                }
                1
            }
            _ => 1,
        };
        for (span, character) in decoded.iter().skip(at).take(length) {
            let written = &text[span.clone()];
            if written.starts_with('\\') && (!is_outermost || !is_escape_of_hcl(written)) {
                let with = if is_outermost { escaped(*character) } else { character.to_string() };
                edits.push(Edit::new(span.clone(), &with));
            }
        }
        at += length;
    }
    if inside.len() > 1 {
        return Err(source
            .error(opened, "this template does not end within its string")
            .help("add the missing } or quote, or write $${ or %%{ for the signs themselves"));
    }
    Ok(())
}

/// Tells whether HCL knows an escape of JSON.
fn is_escape_of_hcl(written: &str) -> bool {
    matches!(written.as_bytes(), [b'\\', b'n' | b'r' | b't' | b'"' | b'\\', ..] | [b'\\', b'u', _, _, _, _])
}

/// Writes a character into an HCL string.
fn escaped(character: char) -> String {
    if character.is_control() { format!("\\u{:04x}", u32::from(character)) } else { character.to_string() }
}

/// Decodes a string of JSON to its characters and where each is written.
fn decode(text: &str, content: Span) -> Vec<(Span, char)> {
    let mut decoded = Vec::with_capacity(content.len());
    let mut at = content.start;
    while let Some(character) = text[at..content.end].chars().next() {
        let start = at;
        at += character.len_utf8();
        if character != '\\' {
            decoded.push((start..at, character));
            continue;
        }
        let letter = text[at..content.end].chars().next().unwrap_or('\\');
        at = (at + letter.len_utf8()).min(content.end);
        let character = match letter {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'u' => {
                let (character, length) = unicode(&text[at..content.end]);
                at += length;
                character
            }
            other => other,
        };
        decoded.push((start..at, character));
    }
    decoded
}

/// Decodes what follows `\u`: four digits, or those of a pair of surrogates. Returns how many bytes it takes.
fn unicode(rest: &str) -> (char, usize) {
    let digits = |at: usize| rest.get(at..at + 4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let Some(first) = digits(0) else { return ('\u{fffd}', 0) };
    if let (0xd800..=0xdbff, Some("\\u"), Some(second @ 0xdc00..=0xdfff)) = (first, rest.get(4..6), digits(6))
    {
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(code).unwrap_or('\u{fffd}'), 10);
    }
    (char::from_u32(first).unwrap_or('\u{fffd}'), 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_become_those_of_hcl() {
        for (json, hcl) in [
            (r#" {"a": "b"} "#, r#"{"a": "b"}"#),
            (r#"{"a": "\"x\" \n"}"#, r#"{"a": "\"x\" \n"}"#),
            (r#"{"a": "${f(\"x\", {b = \"}\"})} \"y\""}"#, r#"{"a": "${f("x", {b = "}"})} \"y\""}"#),
            (r#"{"a": "${\"\\\"\"}"}"#, r#"{"a": "${"\""}"}"#),
            (r#"{"a": "$${\"x\"}"}"#, r#"{"a": "$${\"x\"}"}"#),
            (r#"{"a": "\/ \b \ud83d\ude00 \u00e9"}"#, r#"{"a": "/ \u0008 😀 \u00e9"}"#),
        ] {
            let modern = rewrite(&Source::new("x", json)).unwrap();
            assert_eq!(modern.text, hcl);
        }
        for json in [r#"{"a": "${ \"b\" "}"#, r#"{"a": "%{ if \"b}"}"#, r#"{"a": "${{}"}"#] {
            let error = rewrite(&Source::new("x", json)).err().unwrap();
            assert_eq!(error.position(), (1, 8), "{json}");
        }
    }
}
