//! Durations as Go writes them (`1h30m`, `500ms`, `2.5s`), which is how job files, labs and HTTP spell them.

use std::time::Duration;

/// Why a text is no duration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Nothing there.
    #[error("empty duration; write a number with a unit, such as \"30s\" or \"1h30m\"")]
    Empty,
    /// Below zero where that makes no sense.
    #[error("duration {0:?} is negative")]
    Negative(String),
    /// A number is missing or malformed.
    #[error("duration {0:?} needs a number before each unit, such as \"30s\"")]
    Number(String),
    /// The unit is missing.
    #[error("duration {0:?} has a number without a unit; use one of ns, us, ms, s, m, h, as in \"30s\"")]
    NoUnit(String),
    /// The unit does not exist.
    #[error("duration {text:?} has the unknown unit {unit:?}; use one of ns, us, ms, s, m, h")]
    Unit {
        /// The whole text.
        text: String,
        /// What stands where a unit should.
        unit: String,
    },
    /// More than about 292 years.
    #[error("duration {0:?} is too long")]
    Overflow(String),
}

/// Reads a duration that is zero or positive.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let owned = || text.to_owned();
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(DurationError::Empty);
    }
    if rest.starts_with('-') {
        return Err(DurationError::Negative(owned()));
    }
    rest = rest.strip_prefix('+').unwrap_or(rest);
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    let mut total_ns = 0_u128;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        total_ns = nanos(number, unit, text)?
            .checked_add(total_ns)
            .ok_or_else(|| DurationError::Overflow(owned()))?;
        rest = tail;
    }
    match i64::try_from(total_ns) {
        Ok(ns) => Ok(Duration::from_nanos(ns.unsigned_abs())),
        Err(_) => Err(DurationError::Overflow(owned())),
    }
}

/// Returns `number` times `unit` in nanoseconds; `text` is what the user wrote.
fn nanos(number: &str, unit: &str, text: &str) -> Result<u128, DurationError> {
    let owned = || text.to_owned();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return Err(DurationError::Number(owned()));
    }
    let unit_ns: u128 = match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "" => return Err(DurationError::NoUnit(owned())),
        other => return Err(DurationError::Unit { text: owned(), unit: other.to_owned() }),
    };
    let whole: u128 =
        if whole.is_empty() { 0 } else { whole.parse().map_err(|_| DurationError::Overflow(owned()))? };
    let mut ns = whole.checked_mul(unit_ns).ok_or_else(|| DurationError::Overflow(owned()))?;
    let mut place = unit_ns;
    for digit in fraction.bytes() {
        place /= 10;
        ns += u128::from(digit - b'0') * place;
    }
    Ok(ns)
}

/// Writes a duration as Go does: `0s`, `1m30s`, `2.5s`, `500ms`.
pub fn format(duration: Duration) -> String {
    let ns = duration.as_nanos();
    if ns == 0 {
        return "0s".to_owned();
    }
    if ns < 1_000 {
        return format!("{ns}ns");
    }
    if ns < 1_000_000 {
        return format!("{}µs", decimal(ns, 1_000));
    }
    if ns < 1_000_000_000 {
        return format!("{}ms", decimal(ns, 1_000_000));
    }
    let minutes = ns / 60_000_000_000;
    let seconds = decimal(ns % 60_000_000_000, 1_000_000_000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, m) => format!("{m}m{seconds}s"),
        (h, m) => format!("{h}h{m}m{seconds}s"),
    }
}

/// Writes `value / unit` without trailing zeros.
fn decimal(value: u128, unit: u128) -> String {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let digits = format!("{rest:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_what_go_does() {
        for (text, ms) in [
            ("0", 0),
            ("0s", 0),
            ("30s", 30_000),
            ("1h30m", 5_400_000),
            ("2.5s", 2_500),
            ("500ms", 500),
            (".5s", 500),
            ("1m0s", 60_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for (ms, text) in
            [(0, "0s"), (1_500, "1.5s"), (90_000, "1m30s"), (3_600_000, "1h0m0s"), (250, "250ms")]
        {
            assert_eq!(format(Duration::from_millis(ms)), text);
        }
        assert_eq!(format(Duration::from_micros(1_500)), "1.5ms");
        assert_eq!(parse("500us"), Ok(Duration::from_micros(500)));
    }

    #[test]
    fn says_what_is_wrong() {
        assert_eq!(parse(""), Err(DurationError::Empty));
        assert_eq!(parse("30"), Err(DurationError::NoUnit("30".into())));
        assert_eq!(parse("-3s"), Err(DurationError::Negative("-3s".into())));
        assert!(matches!(parse("3 parsecs"), Err(DurationError::Unit { .. })));
        assert!(matches!(parse("s"), Err(DurationError::Number(_))));
        assert!(matches!(parse("99999999999999h"), Err(DurationError::Overflow(_))));
    }
}
