//! Functions of texts. A character is what a reader sees as one: a grapheme cluster.

use regex::RegexBuilder;
use unicode_segmentation::UnicodeSegmentation;

use super::arguments::wrong_type;
use super::{Arguments, Arity, Fault, Function, Outside};
use crate::hcl::value::{VALUE_BYTES_MAX, VALUE_ITEMS_MAX, Val};

/// How long a text may be that a regular expression goes through, in bytes. Replacing can take time that grows with
/// the square of the length.
const REGEX_TEXT_MAX: usize = 16 << 10;

/// How large a compiled regular expression may be, in bytes.
const REGEX_SIZE_MAX: usize = 256 << 10;

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "chomp", arity: Arity::Exactly(1), run: chomp },
    Function { name: "indent", arity: Arity::Exactly(2), run: indent },
    Function { name: "join", arity: Arity::AtLeast(1), run: join },
    Function { name: "lower", arity: Arity::Exactly(1), run: lower },
    Function { name: "regex_replace", arity: Arity::Exactly(3), run: regex_replace },
    Function { name: "replace", arity: Arity::Exactly(3), run: replace },
    Function { name: "reverse", arity: Arity::Exactly(1), run: reverse },
    Function { name: "split", arity: Arity::Exactly(2), run: split },
    Function { name: "strlen", arity: Arity::Exactly(1), run: strlen },
    Function { name: "strrev", arity: Arity::Exactly(1), run: strrev },
    Function { name: "substr", arity: Arity::Exactly(3), run: substr },
    Function { name: "title", arity: Arity::Exactly(1), run: title },
    Function { name: "trim", arity: Arity::Exactly(2), run: trim },
    Function { name: "trimprefix", arity: Arity::Exactly(2), run: trimprefix },
    Function { name: "trimspace", arity: Arity::Exactly(1), run: trimspace },
    Function { name: "trimsuffix", arity: Arity::Exactly(2), run: trimsuffix },
    Function { name: "upper", arity: Arity::Exactly(1), run: upper },
];

/// Faults before a text is built that would be larger than a value may be.
pub(super) fn check_length(bytes: usize) -> Result<(), Fault> {
    if bytes > VALUE_BYTES_MAX {
        return Err(Fault::call(format!("the result is too large: more than {VALUE_BYTES_MAX} bytes")));
    }
    Ok(())
}

fn chomp(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    Ok(arguments.text(0)?.trim_end_matches(['\r', '\n']).into())
}

fn indent(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let spaces = arguments.count(0)?;
    let text = arguments.text(1)?;
    let breaks = text.matches('\n').count();
    check_length(text.len().saturating_add(spaces.saturating_mul(breaks)))?;
    if breaks == 0 {
        return Ok(text.into());
    }
    Ok(text.replace('\n', &format!("\n{:spaces$}", "")).into())
}

fn join(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let separator = arguments.text(0)?;
    if arguments.len() < 2 {
        return Err(Fault::call("takes a separator and at least one list"));
    }
    let mut parts = Vec::new();
    for index in 1..arguments.len() {
        for (place, part) in arguments.texts(index)?.into_iter().enumerate() {
            let null = || Fault::argument(index, format!("element {place} is null and cannot be joined"));
            parts.push(part.ok_or_else(null)?);
        }
    }
    let bytes: usize = parts.iter().map(String::len).sum();
    check_length(bytes.saturating_add(separator.len().saturating_mul(parts.len())))?;
    Ok(parts.join(&separator).into())
}

fn lower(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let one_to_one = |letter: char| single(letter.to_lowercase(), letter);
    Ok(arguments.text(0)?.chars().map(one_to_one).collect::<String>().into())
}

fn upper(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    Ok(arguments.text(0)?.chars().map(upper_letter).collect::<String>().into())
}

fn upper_letter(letter: char) -> char {
    single(letter.to_uppercase(), letter)
}

/// Letters change one to one: what would become two (`ß`) stays as it is.
fn single(mut mapped: impl Iterator<Item = char>, letter: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(only), None) => only,
        _ => letter,
    }
}

fn title(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let text = arguments.text(0)?;
    let mut starts_word = true;
    let titled = text.chars().map(|letter| {
        let mapped = if starts_word { upper_letter(letter) } else { letter };
        starts_word = match letter {
            '_' => false,
            letter if letter.is_alphanumeric() => false,
            // Among characters beyond ASCII only space ends a word.
            letter => letter.is_ascii() || letter.is_whitespace(),
        };
        mapped
    });
    Ok(titled.collect::<String>().into())
}

fn regex_replace(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let text = arguments.text(0)?;
    let pattern = arguments.text(1)?;
    let replacement = arguments.text(2)?;
    if text.len() > REGEX_TEXT_MAX {
        let message =
            format!("has {} bytes; regular expressions go through at most {REGEX_TEXT_MAX}", text.len());
        return Err(Fault::argument(0, message));
    }
    let compiled = RegexBuilder::new(&pattern)
        .size_limit(REGEX_SIZE_MAX)
        .dfa_size_limit(REGEX_SIZE_MAX)
        .build()
        .map_err(|error| Fault::argument(1, regex_fault(&error)))?;
    let mut replaced = String::new();
    let mut rest = 0;
    for found in compiled.captures_iter(&text) {
        let Some(whole) = found.get(0) else { continue };
        replaced.push_str(&text[rest..whole.start()]);
        found.expand(&replacement, &mut replaced);
        rest = whole.end();
        check_length(replaced.len())?;
    }
    replaced.push_str(&text[rest..]);
    check_length(replaced.len())?;
    Ok(replaced.into())
}

/// The worst case goes through the rest of the text for each place in it, at a few bytes in a nanosecond.
pub(super) fn regex_effort(arguments: &[Val]) -> usize {
    match arguments.first() {
        Some(Val::Text(text)) => text.len().min(REGEX_TEXT_MAX).pow(2) / 1024,
        _ => 0,
    }
}

fn regex_fault(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(_) => {
            format!(
                "the regular expression is too large: compiled, at most {REGEX_SIZE_MAX} bytes are allowed"
            )
        }
        // The crate draws the pattern over several lines; its last one says what is wrong.
        other => {
            let text = other.to_string();
            let reason = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("is no regular expression: {reason}")
        }
    }
}

fn replace(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let text = arguments.text(0)?;
    let wanted = arguments.text(1)?;
    let replacement = arguments.text(2)?;
    let count = text.matches(&wanted).count();
    check_length(text.len().saturating_add(count.saturating_mul(replacement.len())))?;
    Ok(text.replace(&wanted, &replacement).into())
}

/// Reverses a text or a list. Nomad's own function takes texts only; its documentation says lists.
fn reverse(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    match arguments.value(0)? {
        Val::List(mut values) | Val::Set(mut values) => {
            values.reverse();
            Ok(Val::List(values))
        }
        Val::Map(entries) => Err(wrong_type(0, "a text or a list", &Val::Map(entries))),
        other => Ok(reversed(&other.to_text().unwrap_or_default()).into()),
    }
}

fn strrev(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    Ok(reversed(&arguments.text(0)?).into())
}

fn reversed(text: &str) -> String {
    text.graphemes(true).rev().collect()
}

fn split(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let separator = arguments.text(0)?;
    let text = arguments.text(1)?;
    let parts: Vec<Val> = if separator.is_empty() {
        text.chars().map(Val::text).take(VALUE_ITEMS_MAX + 1).collect()
    } else {
        text.split(&separator).map(Val::from).take(VALUE_ITEMS_MAX + 1).collect()
    };
    Ok(Val::List(parts))
}

fn strlen(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    Ok(arguments.text(0)?.graphemes(true).count().into())
}

fn substr(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let text = arguments.text(0)?;
    let offset = arguments.integer(1)?;
    let length = arguments.integer(2)?;
    let start = match usize::try_from(offset) {
        Ok(offset) => offset,
        // From the end; what would start before the text starts with it.
        Err(_) => {
            let back = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            text.graphemes(true).count().saturating_sub(back)
        }
    };
    // A negative length means the rest.
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok(text.graphemes(true).skip(start).take(length).collect::<String>().into())
}

fn trim(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let text = arguments.text(0)?;
    let letters: std::collections::BTreeSet<char> = arguments.text(1)?.chars().collect();
    Ok(text.trim_matches(|letter| letters.contains(&letter)).into())
}

fn trimprefix(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let text = arguments.text(0)?;
    let prefix = arguments.text(1)?;
    Ok(text.strip_prefix(&prefix).unwrap_or(&text).into())
}

fn trimspace(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    Ok(arguments.text(0)?.trim().into())
}

fn trimsuffix(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let text = arguments.text(0)?;
    let suffix = arguments.text(1)?;
    Ok(text.strip_suffix(&suffix).unwrap_or(&text).into())
}
