//! Functions of points in time, written as in RFC 3339: `2018-01-02T23:12:01Z`.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Time};

use super::text::check_length;
use super::{Arguments, Arity, Fault, Function, Outside};
use crate::hcl::value::Val;

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "formatdate", arity: Arity::Exactly(2), run: formatdate },
    Function { name: "timeadd", arity: Arity::Exactly(2), run: timeadd },
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A point in time with the offset it was written with, which results keep.
struct Moment {
    local: DateTime,
    offset_minutes: i32,
}

/// Reads RFC 3339 strictly: a `T`, two digits each, an offset.
fn parse_moment(text: &str) -> Option<Moment> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<i16> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(place, separator)| bytes.get(*place) != Some(separator)) {
        return None;
    }
    let small = |from: usize, to: usize| number(from, to).and_then(|number| i8::try_from(number).ok());
    let date = Date::new(number(0, 4)?, small(5, 7)?, small(8, 10)?).ok()?;
    let mut rest = text.get(19..)?;
    let mut nanoseconds = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
        let digits = &fraction[..length];
        rest = &fraction[length..];
        if digits.is_empty() {
            return None;
        }
        let nine: String = digits.chars().chain("000000000".chars()).take(9).collect();
        nanoseconds = nine.parse().ok()?;
    }
    let time = Time::new(small(11, 13)?, small(14, 16)?, small(17, 19)?, nanoseconds).ok()?;
    let offset_minutes = match rest.as_bytes() {
        b"Z" => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let digits = [h1, h2, m1, m2].map(|digit| i32::from(*digit) - i32::from(b'0'));
            let [h1, h2, m1, m2] = digits.iter().all(|digit| (0..10).contains(digit)).then_some(digits)?;
            let (hours, minutes) = (h1 * 10 + h2, m1 * 10 + m2);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let total = hours * 60 + minutes;
            if *sign == b'-' { -total } else { total }
        }
        _ => return None,
    };
    Some(Moment { local: date.to_datetime(time), offset_minutes })
}

/// Tells whether a text is a time as in RFC 3339.
pub(super) fn is_moment(text: &str) -> bool {
    parse_moment(text).is_some()
}

fn moment(arguments: &mut Arguments, index: usize) -> Result<Moment, Fault> {
    let text = arguments.text(index)?;
    parse_moment(&text).ok_or_else(|| {
        Fault::argument(
            index,
            format!("{text:?} is no time as in RFC 3339, such as \"2018-01-02T23:12:01Z\""),
        )
    })
}

impl Moment {
    /// Writes the offset with a separator between hours and minutes.
    fn offset(&self, separator: &str) -> String {
        let sign = if self.offset_minutes < 0 { '-' } else { '+' };
        let minutes = self.offset_minutes.abs();
        format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
    }

    fn field(&self, letters: &str) -> Option<String> {
        let time = &self.local;
        let month = MONTHS[usize::try_from(time.month() - 1).unwrap_or(0) % 12];
        let weekday = WEEKDAYS[usize::try_from(time.weekday().to_monday_zero_offset()).unwrap_or(0) % 7];
        let hour_12 = match time.hour() % 12 {
            0 => 12,
            hour => hour,
        };
        let is_utc = self.offset_minutes == 0;
        Some(match letters {
            "YYYY" => format!("{:04}", time.year()),
            "YY" => format!("{:02}", time.year().rem_euclid(100)),
            "MMMM" => month.to_owned(),
            "MMM" => month[..3].to_owned(),
            "MM" => format!("{:02}", time.month()),
            "M" => time.month().to_string(),
            "DD" => format!("{:02}", time.day()),
            "D" => time.day().to_string(),
            "EEEE" => weekday.to_owned(),
            "EEE" => weekday[..3].to_owned(),
            "hh" => format!("{:02}", time.hour()),
            "h" => time.hour().to_string(),
            "HH" => format!("{hour_12:02}"),
            "H" => hour_12.to_string(),
            "AA" => if time.hour() < 12 { "AM" } else { "PM" }.to_owned(),
            "aa" => if time.hour() < 12 { "am" } else { "pm" }.to_owned(),
            "mm" => format!("{:02}", time.minute()),
            "m" => time.minute().to_string(),
            "ss" => format!("{:02}", time.second()),
            "s" => time.second().to_string(),
            "Z" if is_utc => "Z".to_owned(),
            "ZZZ" if is_utc => "UTC".to_owned(),
            "Z" | "ZZZZZ" => self.offset(":"),
            "ZZZ" | "ZZZZ" => self.offset(""),
            _ => return None,
        })
    }
}

/// Writes a time by a pattern of letters such as `YYYY-MM-DD hh:mm:ss ZZZ`; other letters stand in `'quotes'`.
fn formatdate(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let pattern = arguments.text(0)?;
    let moment = moment(arguments, 1)?;
    let mut text = String::new();
    let mut rest = pattern.as_str();
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            let (literal, after) =
                quoted(&rest[1..]).ok_or_else(|| Fault::argument(0, "has a quote (') that is not closed"))?;
            text.push_str(&literal);
            rest = after;
        } else if first.is_ascii_alphabetic() {
            let length = rest.bytes().take_while(|byte| char::from(*byte) == first).count();
            let (letters, after) = rest.split_at(length);
            let field = moment.field(letters).ok_or_else(|| {
                Fault::argument(
                    0,
                    format!("does not know {letters:?}; text stands in single quotes: '{letters}'"),
                )
            })?;
            text.push_str(&field);
            rest = after;
        } else {
            text.push(first);
            rest = &rest[first.len_utf8()..];
        }
        check_length(text.len())?;
    }
    Ok(text.into())
}

/// Reads up to the closing quote; two quotes stand for one. Returns the text and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut literal = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('\'')?;
        literal.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                literal.push('\'');
                rest = after;
            }
            None => return Some((literal, rest)),
        }
    }
}

/// Adds a duration such as `10m` or `-1h30m`; the result has whole seconds and the offset of the time given.
fn timeadd(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let moment = moment(arguments, 0)?;
    let text = arguments.text(1)?;
    let duration = parse_duration(&text).ok_or_else(|| {
        Fault::argument(1, format!("{text:?} is no duration such as \"10m\" or \"-1h30m\""))
    })?;
    let out_of_range = || Fault::call("the result is not within the years 0 to 9999");
    let sum = moment.local.checked_add(duration).map_err(|_| out_of_range())?;
    if sum.year() < 0 {
        return Err(out_of_range());
    }
    let date = sum.strftime("%Y-%m-%dT%H:%M:%S");
    let offset = if moment.offset_minutes == 0 { "Z".to_owned() } else { moment.offset(":") };
    Ok(format!("{date}{offset}").into())
}

/// Reads a duration as Go writes it: numbers with the units `h`, `m`, `s`, `ms`, `us`, `ns`.
fn parse_duration(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanoseconds: i128 = 0;
    while !rest.is_empty() {
        let length = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        let (number, after) = rest.split_at(length);
        let unit_length = after.bytes().take_while(|byte| !byte.is_ascii_digit() && *byte != b'.').count();
        let (unit, after) = after.split_at(unit_length);
        let size: i128 = match unit {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" | "µs" | "μs" => 1_000,
            "ns" => 1,
            _ => return None,
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()?.into() };
        nanoseconds += whole.checked_mul(size)?;
        let fraction = &fraction[..fraction.len().min(15)];
        if !fraction.is_empty() {
            let scale = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
            nanoseconds += fraction.parse::<i128>().ok()? * size / scale;
        }
        // Go keeps durations in 64 bits of nanoseconds: 292 years.
        if nanoseconds > i64::MAX.into() {
            return None;
        }
        rest = after;
    }
    let nanoseconds = i64::try_from(nanoseconds).ok()?;
    Some(SignedDuration::from_nanos(if negative { -nanoseconds } else { nanoseconds }))
}
