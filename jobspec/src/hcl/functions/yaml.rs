//! `yamldecode` and `yamlencode`.
//!
//! The parser is a crate's; which plain texts are numbers, truth values or times is decided here, by the rules of
//! HCL's YAML (YAML 1.2 with the truth values of 1.1).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use base64::Engine as _;
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::date::is_moment;
use super::text::check_length;
use super::{Arguments, Fault, Outside};
use crate::hcl::value::{VALUE_BYTES_MAX, VALUE_DEPTH_MAX, VALUE_ITEMS_MAX, Val, number_text, parse_number};

pub(super) fn yamldecode(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let text = arguments.text(0)?;
    let mut decoder = Decoder::default();
    let mut documents = 0;
    for event in Parser::new_from_str(&text) {
        let (event, span) = event.map_err(|error| {
            let line = error.marker().line();
            Fault::argument(0, format!("is no YAML: {}, in line {line}", error.info()))
        })?;
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
            if documents > 1 {
                return Err(Fault::argument(0, "has more than one document"));
            }
        }
        decoder.event(event).map_err(|message| {
            Fault::argument(0, format!("cannot be decoded: {message}, in line {}", span.start.line()))
        })?;
    }
    Ok(decoder.result.unwrap_or(Val::Null))
}

/// A list or map that is not closed yet.
enum Open {
    List { values: Vec<Val>, anchor: usize },
    Map { entries: BTreeMap<String, Val>, merged: BTreeMap<String, Val>, key: Option<Key>, anchor: usize },
}

enum Key {
    Text(String),
    /// `<<`: what follows is merged in.
    Merge,
}

/// Builds a value from events without recursion.
#[derive(Default)]
struct Decoder {
    open: Vec<Open>,
    /// What anchors stand for. Anchor 0 is none.
    anchors: BTreeMap<usize, Val>,
    result: Option<Val>,
    /// What was built, copies by aliases included.
    items: usize,
    bytes: usize,
}

impl Decoder {
    fn event(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain;
                if is_plain && text == "<<" && tag.is_none() && self.merges() {
                    return Ok(());
                }
                let value = scalar(&text, is_plain, tag.as_deref())?;
                self.anchor(anchor, &value);
                self.add(value)
            }
            Event::SequenceStart(anchor, tag) => {
                container_tag(tag.as_deref(), "seq")?;
                self.open(Open::List { values: Vec::new(), anchor })
            }
            Event::MappingStart(anchor, tag) => {
                container_tag(tag.as_deref(), "map")?;
                let (entries, merged) = (BTreeMap::new(), BTreeMap::new());
                self.open(Open::Map { entries, merged, key: None, anchor })
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (value, anchor) = match self.open.pop() {
                    Some(Open::List { values, anchor }) => (Val::List(values), anchor),
                    Some(Open::Map { entries, mut merged, anchor, .. }) => {
                        merged.extend(entries);
                        (Val::map(merged), anchor)
                    }
                    None => return Ok(()),
                };
                self.anchor(anchor, &value);
                self.add(value)
            }
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor).cloned();
                let value = value.ok_or("an alias within what it stands for")?;
                self.add(value)
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, open: Open) -> Result<(), String> {
        if self.open.len() >= VALUE_DEPTH_MAX {
            return Err(format!("it is nested deeper than {VALUE_DEPTH_MAX} levels"));
        }
        self.open.push(open);
        Ok(())
    }

    /// Takes `<<` where a key is expected.
    fn merges(&mut self) -> bool {
        match self.open.last_mut() {
            Some(Open::Map { key: key @ None, .. }) => {
                *key = Some(Key::Merge);
                true
            }
            _ => false,
        }
    }

    fn anchor(&mut self, anchor: usize, value: &Val) {
        if anchor != 0 {
            self.anchors.insert(anchor, value.clone());
        }
    }

    fn add(&mut self, value: Val) -> Result<(), String> {
        // An alias copies; a few lines of aliases of aliases would grow without end.
        value.measure(&mut self.items, &mut self.bytes);
        if self.items > VALUE_ITEMS_MAX || self.bytes > VALUE_BYTES_MAX {
            return Err("it is too large".to_owned());
        }
        match self.open.last_mut() {
            None => self.result = Some(value),
            Some(Open::List { values, .. }) => values.push(value),
            Some(Open::Map { entries, merged, key, .. }) => match key.take() {
                None => {
                    let text =
                        value.to_text().ok_or_else(|| format!("{} cannot be a key", value.describe()))?;
                    *key = Some(Key::Text(text));
                }
                Some(Key::Text(name)) => {
                    entries.insert(name, value);
                }
                Some(Key::Merge) => merge(merged, value)?,
            },
        }
        Ok(())
    }
}

/// Merges a map or several; what came first counts.
fn merge(merged: &mut BTreeMap<String, Val>, value: Val) -> Result<(), String> {
    let maps = match value {
        Val::List(values) => values,
        one => vec![one],
    };
    for map in maps {
        let Val::Map(entries) = map else {
            return Err(format!("<< merges maps, but here is {}", map.describe()));
        };
        for (key, value) in entries {
            merged.entry(key).or_insert(value);
        }
    }
    Ok(())
}

/// Names a tag as in `!!str`; None for tags of other vocabularies.
fn core_tag(tag: &Tag) -> Result<&str, String> {
    if tag.is_yaml_core_schema() {
        return Ok(&tag.suffix);
    }
    match (tag.handle.as_str(), tag.suffix.as_str()) {
        ("", "!") | ("!", "") => Ok("str"),
        (handle, suffix) => Err(format!("the tag {handle}{suffix} is not known")),
    }
}

fn container_tag(tag: Option<&Tag>, wanted: &str) -> Result<(), String> {
    match tag.map(core_tag).transpose()? {
        None => Ok(()),
        Some(name) if name == wanted => Ok(()),
        Some("set" | "omap" | "pairs") => Err("sets and ordered maps are not known".to_owned()),
        Some(name) => Err(format!("the tag !!{name} does not suit")),
    }
}

/// Decides what a scalar is.
fn scalar(text: &str, is_plain: bool, tag: Option<&Tag>) -> Result<Val, String> {
    let unsuited = |tag: &str| format!("{text:?} is no !!{tag}");
    let tag = match tag {
        Some(tag) => core_tag(tag)?,
        None if is_plain => return plain(text),
        None => "str",
    };
    match tag {
        "str" => Ok(text.into()),
        "binary" => {
            let joined = text.replace(['\r', '\n'], "");
            let decoded = base64::engine::general_purpose::STANDARD.decode(joined);
            decoded.map(|_| text.into()).map_err(|_| unsuited(tag))
        }
        "bool" => truth(text).map(Val::Bool).ok_or_else(|| unsuited(tag)),
        "int" | "float" => match number(text) {
            Some(number) => Ok(number),
            None => Err(unsuited(tag)),
        },
        "null" => Ok(Val::Null),
        "timestamp" => timestamp(text).map(Val::Text).ok_or_else(|| unsuited(tag)),
        other => Err(format!("the tag !!{other} is not known")),
    }
}

fn plain(text: &str) -> Result<Val, String> {
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        return Ok(Val::Null);
    }
    if let Some(flag) = truth(text) {
        return Ok(Val::Bool(flag));
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Err(format!("{text} is no finite number"));
    }
    if let Some(time) = timestamp(text) {
        return Ok(time.into());
    }
    Ok(number(text).unwrap_or_else(|| text.into()))
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Reads a number: decimal, or binary as `0b101`. `_` may separate digits.
fn number(text: &str) -> Option<Val> {
    let digits: Cow<'_, str> = if text.contains('_') && !text.starts_with(['_', '.']) {
        text.replace('_', "").into()
    } else {
        text.into()
    };
    let (sign, magnitude) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", &*digits),
    };
    if let Some(bits) = magnitude.strip_prefix("0b") {
        return i64::from_str_radix(&format!("{sign}{bits}"), 2).ok().map(Val::from);
    }
    parse_number(&digits).map(Val::Number)
}

/// Reads a time as YAML writes it, and writes it as in RFC 3339 without fractions of seconds.
fn timestamp(text: &str) -> Option<String> {
    let (date, time) = match text.find(['T', 't', ' ']) {
        Some(place) => (&text[..place], Some(&text[place..])),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || year.len() != 4 || ![year, month, day].into_iter().all(is_digits) {
        return None;
    }
    let time = match time {
        None => "00:00:00Z".to_owned(),
        Some(time) => {
            let has_zone = !time.starts_with(' ');
            let time = &time[1..];
            let (clock, zone) = match time.find(['Z', '+', '-']) {
                Some(place) if has_zone => time.split_at(place),
                None if !has_zone => (time, "Z"),
                _ => return None,
            };
            let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
            let mut parts = clock.split(':');
            let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
            if parts.next().is_some() || ![hour, minute, second, fraction].into_iter().all(is_digits) {
                return None;
            }
            format!("{hour:0>2}:{minute:0>2}:{second:0>2}{}", if zone == "+00:00" { "Z" } else { zone })
        }
    };
    let whole = format!("{year}-{month:0>2}-{day:0>2}T{time}");
    is_moment(&whole).then_some(whole)
}

pub(super) fn yamlencode(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let mut out = String::new();
    write_block(&arguments.nullable(0), 0, &mut out)?;
    Ok(out.into())
}

/// Writes a value as a block whose first line is begun and whose other lines are indented. Ends with a line break.
///
/// Recurses as deep as values nest, which is bounded for arguments.
fn write_block(value: &Val, indent: usize, out: &mut String) -> Result<(), Fault> {
    // Indentation grows with depth, so the result may be far larger than what went in.
    check_length(out.len())?;
    match value {
        Val::List(values) | Val::Set(values) if !values.is_empty() => {
            for (place, value) in values.iter().enumerate() {
                if place > 0 {
                    push_indent(indent, out);
                }
                out.push_str("- ");
                write_block(value, indent + 2, out)?;
            }
            return Ok(());
        }
        Val::Map(entries) if !entries.is_empty() => {
            let mut entries: Vec<&(String, Val)> = entries.iter().collect();
            entries.sort_by(|one, two| one.0.cmp(&two.0));
            for (place, (key, value)) in entries.into_iter().enumerate() {
                if place > 0 {
                    push_indent(indent, out);
                }
                write_quoted(key, out);
                out.push(':');
                match value {
                    Val::Map(inner) if !inner.is_empty() => {
                        out.push('\n');
                        push_indent(indent + 2, out);
                        write_block(value, indent + 2, out)?;
                    }
                    Val::List(inner) | Val::Set(inner) if !inner.is_empty() => {
                        // Lists stand at the indentation of their key.
                        out.push('\n');
                        push_indent(indent, out);
                        write_block(value, indent, out)?;
                    }
                    Val::Text(text) => {
                        out.push(' ');
                        write_text(text, indent + 2, out);
                    }
                    scalar => {
                        out.push(' ');
                        write_block(scalar, indent, out)?;
                    }
                }
            }
            return Ok(());
        }
        Val::Null => out.push_str("null"),
        Val::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Val::Number(number) => out.push_str(&number_text(number)),
        Val::Text(text) => {
            // Within a list the indentation is that of the text already.
            write_text(text, indent.max(2), out);
            return Ok(());
        }
        Val::List(_) | Val::Set(_) => out.push_str("[]"),
        Val::Map(_) => out.push_str("{}"),
    }
    out.push('\n');
    Ok(())
}

fn push_indent(indent: usize, out: &mut String) {
    let _ = write!(out, "{:indent$}", "");
}

/// Writes a text and a line break: several lines as a literal block if that can hold them, else in quotes.
fn write_text(text: &str, indent: usize, out: &mut String) {
    if !text.contains('\n') || !suits_literal(text) {
        write_quoted(text, out);
        out.push('\n');
        return;
    }
    out.push('|');
    if text.starts_with([' ', '\n']) {
        out.push('2');
    }
    if !text.ends_with('\n') {
        out.push('-');
    } else if text == "\n" || text.ends_with("\n\n") {
        out.push('+');
    }
    out.push('\n');
    for line in text.split_inclusive('\n') {
        if line != "\n" {
            push_indent(indent, out);
        }
        out.push_str(line);
    }
    if !text.ends_with('\n') {
        out.push('\n');
    }
}

fn suits_literal(text: &str) -> bool {
    let specials: BTreeSet<char> = ['\u{85}', '\u{2028}', '\u{2029}', '\u{feff}'].into();
    !text.ends_with(' ')
        && !text.contains(" \n")
        && text.chars().all(|letter| letter == '\n' || !letter.is_control() && !specials.contains(&letter))
}

fn write_quoted(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        let escape = match letter {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\0' => "\\0",
            '\u{7}' => "\\a",
            '\u{8}' => "\\b",
            '\t' => "\\t",
            '\n' => "\\n",
            '\u{b}' => "\\v",
            '\u{c}' => "\\f",
            '\r' => "\\r",
            '\u{1b}' => "\\e",
            '\u{85}' => "\\N",
            '\u{2028}' => "\\L",
            '\u{2029}' => "\\P",
            '\u{feff}' => "\\uFEFF",
            control if control.is_control() => {
                let _ = write!(out, "\\x{:02X}", u32::from(control));
                continue;
            }
            other => {
                out.push(other);
                continue;
            }
        };
        out.push_str(escape);
    }
    out.push('"');
}
