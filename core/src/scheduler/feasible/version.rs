//! Versions against requirements such as `>= 1.2, < 2.0` or `~> 1.2.3`.

use std::cmp::Ordering;

/// How strictly versions are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Any number of parts, a `v` before and a suffix behind are fine; a suffix ranks below none.
    Loose,
    /// Exactly `major.minor.patch`, with the suffix rules of Semantic Versioning.
    Semantic,
}

/// Tells whether `version` meets all parts of `requirement`.
///
/// # Errors
/// When either cannot be read.
pub fn fulfils(version: &str, requirement: &str, style: Style) -> Result<bool, String> {
    let found = Version::parse(version, style).ok_or_else(|| format!("{version:?} is no version"))?;
    for part in requirement.split(',').map(str::trim) {
        let digits = part.find(|c: char| c.is_ascii_digit() || c == 'v').unwrap_or(part.len());
        let (operator, wanted) = part.split_at(digits);
        let wanted_version =
            Version::parse(wanted, style).ok_or_else(|| format!("{part:?} is no version requirement"))?;
        let order = found.cmp(&wanted_version);
        let holds = match operator.trim() {
            "" | "=" => order.is_eq(),
            "!=" => order.is_ne(),
            ">" => order.is_gt(),
            ">=" => order.is_ge(),
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            "~>" => order.is_ge() && found.shares_prefix(&wanted_version),
            other => return Err(format!("{other:?} is no version operator")),
        };
        if !holds {
            return Ok(false);
        }
    }
    Ok(true)
}

#[derive(Debug, PartialEq, Eq)]
struct Version<'a> {
    parts: Vec<u64>,
    suffix: Vec<&'a str>,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str, style: Style) -> Option<Self> {
        let text = match style {
            Style::Loose => text.strip_prefix('v').unwrap_or(text),
            Style::Semantic => text,
        };
        let text = text.split('+').next()?;
        let (numbers, suffix) = text.split_once('-').map_or((text, None), |(a, b)| (a, Some(b)));
        let parts: Vec<u64> = numbers.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        if style == Style::Semantic && parts.len() != 3 {
            return None;
        }
        Some(Self { parts, suffix: suffix.map(|text| text.split('.').collect()).unwrap_or_default() })
    }

    /// Tells whether all but the last part of `wanted` are the same here.
    fn shares_prefix(&self, wanted: &Self) -> bool {
        let fixed = wanted.parts.len().saturating_sub(1).max(1);
        (0..fixed).all(|n| self.parts.get(n).unwrap_or(&0) == wanted.parts.get(n).unwrap_or(&0))
    }

    fn cmp(&self, other: &Self) -> Ordering {
        let length = self.parts.len().max(other.parts.len());
        let part = |version: &Self, n: usize| version.parts.get(n).copied().unwrap_or(0);
        let numbers = (0..length).map(|n| part(self, n)).cmp((0..length).map(|n| part(other, n)));
        numbers.then_with(|| match (self.suffix.is_empty(), other.suffix.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => suffix_order(&self.suffix, &other.suffix),
        })
    }
}

/// Orders suffixes part by part: numbers by value and below words, the shorter first.
fn suffix_order(left: &[&str], right: &[&str]) -> Ordering {
    for (a, b) in left.iter().zip(right) {
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_met_or_not() {
        for (version, requirement, expected) in [
            ("1.2.3", ">= 1.2, < 2.0", true),
            ("2.0", ">= 1.2, < 2.0", false),
            ("1.2.9", "~> 1.2.3", true),
            ("1.3.0", "~> 1.2.3", false),
            ("1.9", "~> 1.2", true),
            ("2.0", "~> 1.2", false),
            ("4.4.0-generic", "> 4.3", true),
            ("1.0.0-beta.2", "< 1.0.0", true),
            ("v1.0", "= 1.0.0", true),
        ] {
            assert_eq!(fulfils(version, requirement, Style::Loose), Ok(expected), "{version} {requirement}");
        }
        assert!(fulfils("1.2", ">= 1.0.0", Style::Semantic).is_err());
        assert!(fulfils("x", ">= 1.0", Style::Loose).is_err());
        assert!(fulfils("1.0", "about 1", Style::Loose).is_err());
    }
}
