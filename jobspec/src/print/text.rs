//! HCL text: aligned attributes, blocks apart, texts escaped.

use std::fmt::Write as _;

use pasture_core::model::duration;
use serde_json::{Map, Value};

/// How many spaces a level is indented.
const INDENT: usize = 2;

/// Writes attributes and blocks.
#[derive(Default)]
pub(super) struct Writer {
    out: String,
    level: usize,
    /// Attributes that are to be aligned: name and value, which may have several lines.
    run: Vec<(String, String)>,
    /// Whether something stands in the current block already.
    has_content: bool,
}

impl Writer {
    /// Returns the text.
    pub fn finish(mut self) -> String {
        self.flush();
        self.out
    }

    /// Begins a block.
    pub fn open(&mut self, name: &str, label: Option<&str>) {
        self.flush();
        if self.has_content {
            self.out.push('\n');
        }
        self.indent();
        self.out.push_str(name);
        if let Some(label) = label {
            self.out.push(' ');
            self.out.push_str(&quoted(label));
        }
        self.out.push_str(" {\n");
        self.level += 1;
        self.has_content = false;
    }

    /// Ends a block.
    pub fn close(&mut self) {
        self.flush();
        self.level -= 1;
        if !self.has_content {
            // An empty block stands on one line.
            self.out.truncate(self.out.trim_end_matches('\n').len());
            self.out.push_str("}\n");
        } else {
            self.indent();
            self.out.push_str("}\n");
        }
        self.has_content = true;
    }

    /// Writes an attribute: a text, a number, true or false, a list, a map.
    pub fn value(&mut self, name: &str, value: &Value) {
        if let Value::String(text) = value
            && let Some(heredoc) = heredoc(text)
        {
            self.run.push((name.to_owned(), heredoc));
            return;
        }
        let text = literal(value, self.level);
        self.run.push((name.to_owned(), text));
    }

    /// Writes a duration of nanoseconds.
    pub fn duration(&mut self, name: &str, value: &Value) {
        let nanos = value.as_u64().unwrap_or_default();
        let text = duration::format(std::time::Duration::from_nanos(nanos));
        self.run.push((name.to_owned(), quoted(short(&text))));
    }

    /// Writes a map as attribute.
    pub fn map(&mut self, name: &str, value: &Value) {
        self.run.push((name.to_owned(), literal(value, self.level)));
    }

    /// Writes a map of texts, or of lists of texts, as a block.
    pub fn text_map(&mut self, name: &str, value: &Value) {
        let Some(map) = value.as_object() else { return };
        self.open(name, None);
        for (key, value) in map {
            if is_name(key) { self.value(key, value) } else { self.left_out(key) }
        }
        self.close();
    }

    /// Writes what a driver is told, or its like, as a block.
    pub fn any_map(&mut self, name: &str, value: &Value) {
        let Some(map) = value.as_object() else { return };
        self.open(name, None);
        self.any_content(map);
        self.close();
    }

    fn any_content(&mut self, map: &Map<String, Value>) {
        let (blocks, attributes): (Vec<_>, Vec<_>) =
            map.iter().partition(|(key, value)| is_block_name(key) && is_blocks(value));
        for (key, value) in attributes {
            if is_name(key) { self.value(key, value) } else { self.left_out(key) }
        }
        for (key, value) in blocks {
            for inner in value.as_array().into_iter().flatten().filter_map(Value::as_object) {
                self.open(key, None);
                self.any_content(inner);
                self.close();
            }
        }
    }

    /// Says what cannot be written.
    fn left_out(&mut self, key: &str) {
        self.flush();
        self.indent();
        let _ = writeln!(self.out, "# {} is no name HCL has in a block", quoted(key));
        self.has_content = true;
    }

    /// Writes the attributes that wait, those next to each other aligned.
    fn flush(&mut self) {
        let run = std::mem::take(&mut self.run);
        let mut rest = run.as_slice();
        while !rest.is_empty() {
            // A value of several lines ends a column.
            let count =
                rest.iter().position(|(_, value)| value.contains('\n')).map_or(rest.len(), |at| at.max(1));
            let (column, others) = rest.split_at(count);
            let width = column.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
            for (name, value) in column {
                self.indent();
                let _ = writeln!(self.out, "{name:width$} = {value}");
            }
            rest = others;
            self.has_content = true;
        }
    }

    fn indent(&mut self) {
        self.out.extend(std::iter::repeat_n(' ', self.level * INDENT));
    }
}

/// Tells whether a value of a free block is one that blocks of its name would give.
fn is_blocks(value: &Value) -> bool {
    let Value::Array(items) = value else { return false };
    !items.is_empty()
        && items.iter().all(|item| match item {
            Value::Object(map) => {
                map.iter().all(|(key, value)| is_name(key) && (is_blocks(value) || !value.is_object()))
            }
            _ => false,
        })
}

/// Tells whether a text is a name that may stand without quotes.
pub(super) fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-')
}

/// Tells whether a text may be the type of a free block; `dynamic` makes other blocks.
fn is_block_name(text: &str) -> bool {
    is_name(text) && text != "dynamic"
}

/// Writes a value as an expression.
fn literal(value: &Value, level: usize) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| literal(item, level)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(map) if map.is_empty() => "{}".to_owned(),
        Value::Object(map) => {
            let mut text = "{\n".to_owned();
            for (key, value) in map {
                let key = if is_name(key) && !is_word(key) { key.clone() } else { quoted(key) };
                let _ =
                    writeln!(text, "{:1$}{key} = {2}", "", (level + 1) * INDENT, literal(value, level + 1));
            }
            let _ = write!(text, "{:1$}}}", "", level * INDENT);
            text
        }
    }
}

/// Words that are values or begin an expression.
fn is_word(text: &str) -> bool {
    matches!(text, "true" | "false" | "null" | "for" | "if")
}

/// Writes a text of several lines as a heredoc, where that says it exactly.
fn heredoc(text: &str) -> Option<String> {
    let body = text.strip_suffix('\n')?;
    let is_plain = |letter: char| letter == '\n' || letter == '\t' || !letter.is_control();
    if !body.contains('\n') || !body.chars().all(is_plain) || body.lines().any(|line| line.trim() == "EOT") {
        return None;
    }
    Some(format!("<<EOT\n{}\nEOT", unevaluated(body)))
}

/// Writes a text in quotes.
fn quoted(text: &str) -> String {
    let mut out = "\"".to_owned();
    for letter in unevaluated(text).chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter if letter.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// Escapes what would be evaluated; a reference such as `${attr.kernel.name}` stays as it is when read.
fn unevaluated(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['$', '%']) {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        let sign = &tail[..1];
        let signs = tail.len() - tail.trim_start_matches(['$', '%']).len();
        if tail[signs..].starts_with('{') && signs >= 1 {
            // Of several signs before a brace the last one counts, and each must be kept from joining it.
            let (leading, last) = tail[..signs].split_at(signs - 1);
            out.push_str(leading);
            if !leading.is_empty() || last != "$" || !is_reference(&tail[signs..]) {
                out.push_str(last);
            }
            out.push_str(last);
            rest = &tail[signs..];
        } else {
            out.push_str(sign);
            rest = &tail[1..];
        }
    }
    out.push_str(rest);
    out
}

/// Tells whether a text begins with `{name.name}`, which stays text.
fn is_reference(text: &str) -> bool {
    let Some((inner, _)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) else { return false };
    let mut parts = inner.split('.');
    let root = parts.next().unwrap_or_default();
    !matches!(root, "var" | "local") && !is_word(root) && is_name(root) && parts.all(is_name)
}

/// Returns a duration without the zero units Go writes: `1h` for `1h0m0s`.
fn short(text: &str) -> &str {
    let text = text.strip_suffix("m0s").map_or(text, |rest| &text[..rest.len() + 1]);
    text.strip_suffix("h0m").map_or(text, |rest| &text[..rest.len() + 1])
}
