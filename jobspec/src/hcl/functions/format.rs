//! `format` and `formatlist`: texts by a template with verbs such as `%s` and `%05.1f`.

use unicode_segmentation::UnicodeSegmentation;

use super::encoding::to_json_text;
use super::text::check_length;
use super::{Arguments, Arity, Fault, Function, Outside};
use crate::hcl::value::{VALUE_BYTES_MAX, VALUE_ITEMS_MAX, Val, integer};

/// How large a width or precision may be.
const WIDTH_MAX: usize = 10_000;

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "format", arity: Arity::AtLeast(1), run: format },
    Function { name: "formatlist", arity: Arity::AtLeast(1), run: formatlist },
];

fn format(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let template = arguments.text(0)?;
    let values: Vec<Val> = (1..arguments.len()).map(|index| arguments.nullable(index)).collect();
    Ok(formatted(&template, &values)?.into())
}

fn formatlist(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let template = arguments.text(0)?;
    let values: Vec<Val> = (1..arguments.len()).map(|index| arguments.nullable(index)).collect();
    let mut rows = None;
    for (place, value) in values.iter().enumerate() {
        let (Val::List(elements) | Val::Set(elements)) = value else { continue };
        match rows {
            None => rows = Some((elements.len(), place + 1)),
            Some((length, _)) if length == elements.len() => {}
            Some((length, first)) => {
                let message = format!(
                    "has {} elements, but argument {} has {length}; lists must be of the same length",
                    elements.len(),
                    first + 1
                );
                return Err(Fault::argument(place + 1, message));
            }
        }
    }
    let rows = rows.map_or(1, |(length, _)| length);
    let mut results = Vec::new();
    let mut bytes = 0;
    // Each row goes through the whole template and all values that are no lists.
    if rows.saturating_mul(values.len() + 1) > VALUE_ITEMS_MAX {
        return Err(Fault::call("the result is too large"));
    }
    for row in 0..rows {
        let of_row: Vec<Val> = values
            .iter()
            .map(|value| match value {
                Val::List(elements) | Val::Set(elements) => elements[row].clone(),
                other => other.clone(),
            })
            .collect();
        let text = formatted(&template, &of_row)
            .map_err(|fault| Fault { message: format!("element {row}: {}", fault.message), ..fault })?;
        bytes += text.len();
        check_length(bytes)?;
        results.push(Val::Text(text));
    }
    Ok(Val::List(results))
}

/// What stands between `%` and the verb, and the verb.
#[derive(Debug, Default)]
struct Verb<'a> {
    /// As written, for errors.
    raw: &'a str,
    letter: char,
    sharp: bool,
    zero: bool,
    plus: bool,
    minus: bool,
    space: bool,
    width: usize,
    precision: Option<usize>,
    /// Which value was asked for by `[n]`, counted from 1.
    position: Option<usize>,
}

/// Fills a template. Faults name arguments of the call, where the template is the first.
fn formatted(template: &str, values: &[Val]) -> Result<String, Fault> {
    let mut result = String::new();
    let mut rest = template;
    let mut next = 1;
    let mut highest = 0;
    while let Some(place) = rest.find('%') {
        result.push_str(&rest[..place]);
        rest = &rest[place..];
        if let Some(after) = rest.strip_prefix("%%") {
            result.push('%');
            rest = after;
            continue;
        }
        let verb = parse_verb(rest)?;
        let position = verb.position.unwrap_or(next);
        let Some(value) = position.checked_sub(1).and_then(|index| values.get(index)) else {
            let given = values.len();
            return Err(Fault::argument(
                0,
                format!("{:?} needs value {position}, but {given} are given after the template", verb.raw),
            ));
        };
        highest = highest.max(position);
        next = position + 1;
        let text = verb.apply(value).map_err(|message| {
            Fault::argument(position, format!("does not suit {:?}: {message}", verb.raw))
        })?;
        result.push_str(&text);
        check_length(result.len())?;
        rest = &rest[verb.raw.len()..];
    }
    result.push_str(rest);
    if highest < values.len() {
        return Err(Fault::argument(
            highest + 1,
            format!("is not used: the template uses {highest} of {} values", values.len()),
        ));
    }
    Ok(result)
}

/// Reads a verb at the beginning of a text: `%`, flags, width, precision, position, letter.
fn parse_verb(text: &str) -> Result<Verb<'_>, Fault> {
    let mut verb = Verb::default();
    let mut at = 1;
    let peek = |at: usize| text.as_bytes().get(at).copied();
    while let Some(flag) = peek(at) {
        match flag {
            b'#' => verb.sharp = true,
            b'0' => verb.zero = true,
            b'+' => verb.plus = true,
            b'-' => verb.minus = true,
            b' ' => verb.space = true,
            _ => break,
        }
        at += 1;
    }
    let number = |at: &mut usize| {
        let start = *at;
        while peek(*at).is_some_and(|byte| byte.is_ascii_digit()) {
            *at += 1;
        }
        let digits = &text[start..*at];
        if digits.is_empty() {
            return Ok(None);
        }
        let number = digits.parse().ok().filter(|number| *number <= WIDTH_MAX);
        number.map(Some).ok_or_else(|| {
            Fault::argument(0, format!("{digits} is too large a width or precision: at most {WIDTH_MAX}"))
        })
    };
    verb.width = number(&mut at)?.unwrap_or(0);
    if peek(at) == Some(b'.') {
        at += 1;
        let precision = number(&mut at)?;
        verb.precision =
            Some(precision.ok_or_else(|| Fault::argument(0, "a period needs a precision after it"))?);
    }
    if peek(at) == Some(b'[') {
        at += 1;
        let position = number(&mut at)?.filter(|position| *position > 0 && peek(at) == Some(b']'));
        verb.position = Some(
            position
                .ok_or_else(|| Fault::argument(0, "a position is a number from 1 on in brackets: %[1]s"))?,
        );
        at += 1;
    }
    let Some(letter) = text[at..].chars().next() else {
        return Err(Fault::argument(0, format!("{text:?} ends within a verb; a percent sign itself is %%")));
    };
    verb.letter = letter;
    verb.raw = &text[..at + letter.len_utf8()];
    if !"vtbdoxXeEfgGsq".contains(letter) {
        return Err(Fault::argument(
            0,
            format!("there is no verb {:?}; a percent sign itself is %%", verb.raw),
        ));
    }
    Ok(verb)
}

impl Verb<'_> {
    fn apply(&self, value: &Val) -> Result<String, String> {
        if value.is_null() && self.letter != 'v' {
            return Err("null cannot be formatted".to_owned());
        }
        let wrong = |wanted: &str| format!("it must be {wanted}, but it is {}", value.describe());
        match self.letter {
            'v' => self.as_is(value),
            't' => value.to_bool().map(|flag| flag.to_string()).ok_or_else(|| wrong("true or false")),
            's' | 'q' => {
                let text = value.to_text().ok_or_else(|| wrong("a text"))?;
                let text = match self.precision {
                    Some(precision) if precision > 0 => text.graphemes(true).take(precision).collect(),
                    _ => text,
                };
                Ok(self.padded(if self.letter == 'q' { to_json_text(&Val::Text(text))? } else { text }))
            }
            'b' | 'd' | 'o' | 'x' | 'X' => {
                let number = value.to_number().ok_or_else(|| wrong("a number"))?;
                let whole = integer(&number).ok_or("it must be a whole number")?;
                Ok(self.integer(whole))
            }
            _ => {
                let number = value.to_number().ok_or_else(|| wrong("a number"))?;
                Ok(self.float(number.as_f64().unwrap_or(0.0)))
            }
        }
    }

    fn as_is(&self, value: &Val) -> Result<String, String> {
        match value {
            Val::Text(text) if !self.sharp => Ok(self.padded(text.clone())),
            Val::Number(number) if !self.sharp => {
                Ok(self.padded(general(number.as_f64().unwrap_or(0.0), None, 'e')))
            }
            other => Ok(self.padded(to_json_text(other)?)),
        }
    }

    /// Pads to the width, counted in characters.
    fn padded(&self, text: String) -> String {
        let missing = self.width.saturating_sub(text.graphemes(true).count());
        let pads = (if self.zero { "0" } else { " " }).repeat(missing);
        if self.minus { text + &pads } else { pads + &text }
    }

    fn integer(&self, whole: i128) -> String {
        let magnitude = whole.unsigned_abs();
        let (digits, prefix) = match self.letter {
            'b' => (format!("{magnitude:b}"), "0b"),
            'o' => (format!("{magnitude:o}"), "0"),
            'x' => (format!("{magnitude:x}"), "0x"),
            'X' => (format!("{magnitude:X}"), "0X"),
            _ => (magnitude.to_string(), ""),
        };
        let least = self.precision.unwrap_or(0);
        let digits = format!("{}{digits}", "0".repeat(least.saturating_sub(digits.len())));
        let prefix = if self.sharp { prefix } else { "" };
        self.signed(whole < 0, prefix, &digits, self.precision.is_none())
    }

    fn float(&self, float: f64) -> String {
        let magnitude = float.abs();
        let digits = match self.letter {
            'f' => format!("{magnitude:.*}", self.precision.unwrap_or(6)),
            'e' | 'E' => exponential(magnitude, self.precision.unwrap_or(6), self.letter),
            'G' => general(magnitude, self.precision, 'E'),
            _ => general(magnitude, self.precision, 'e'),
        };
        self.signed(float < 0.0, "", &digits, true)
    }

    /// Adds the sign and pads: zeros come after the sign, spaces before it.
    fn signed(&self, negative: bool, prefix: &str, digits: &str, may_zero: bool) -> String {
        let sign = match (negative, self.plus, self.space) {
            (true, _, _) => "-",
            (false, true, _) => "+",
            (false, false, true) => " ",
            _ => "",
        };
        let missing = self.width.saturating_sub(sign.len() + prefix.len() + digits.len());
        if self.minus {
            format!("{sign}{prefix}{digits}{:missing$}", "")
        } else if self.zero && may_zero {
            format!("{sign}{prefix}{}{digits}", "0".repeat(missing))
        } else {
            format!("{:missing$}{sign}{prefix}{digits}", "")
        }
    }
}

/// `1.50e+03`: at least two digits of exponent.
fn exponential(float: f64, precision: usize, letter: char) -> String {
    let text = format!("{float:.precision$e}");
    with_exponent(&text, letter)
}

fn with_exponent(text: &str, letter: char) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}{letter}{sign}{digits:0>2}")
}

/// The shorter of the two notations: with an exponent below 1e-4 and from 10^`precision` on. Without a precision as
/// many digits as tell the number, and an exponent from a million on.
fn general(float: f64, precision: Option<usize>, letter: char) -> String {
    let sign = if float < 0.0 { "-" } else { "" };
    let float = float.abs();
    if float == 0.0 {
        return "0".to_owned();
    }
    let text = match precision {
        None => format!("{float:e}"),
        Some(digits) => format!("{float:.*e}", digits.max(1) - 1),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let mut digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    digits.truncate(digits.trim_end_matches('0').len().max(1));
    let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
    let limit = match precision {
        None => 6,
        Some(precision) => {
            let precision = i64::try_from(precision.max(1)).unwrap_or(i64::MAX);
            // A whole number with fewer digits than asked for needs no exponent either.
            if precision > count && count > exponent { count } else { precision }
        }
    };
    if exponent < -4 || exponent >= limit {
        let (first, more) = digits.split_at(1);
        let point = if more.is_empty() { "" } else { "." };
        return with_exponent(&format!("{sign}{first}{point}{more}e{exponent}"), letter);
    }
    let places = usize::try_from((count - 1 - exponent).max(0)).unwrap_or(0);
    let rounded: f64 = text.parse().unwrap_or(float);
    format!("{sign}{rounded:.places$}")
}

const _: () = assert!(WIDTH_MAX < VALUE_BYTES_MAX);
