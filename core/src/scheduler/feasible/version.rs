//! Versions against requirements such as `>= 1.2, < 2.0` or `~> 1.2.3`.
//!
//! Two operators read them. `version` keeps pre-releases apart: one meets an ordering requirement only if that names a
//! pre-release of the same version. `semver` orders them as Semantic Versioning does and knows no `~>`. Source: Nomad
//! `scheduler/feasible/feasible.go`, which uses `hashicorp/go-version` for the one and `helper/constraints/semver` for
//! the other.

use std::cmp::Ordering;

/// How versions are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// The operator `version`: a word right behind the number is a pre-release (`1.2beta`); pre-releases are kept apart.
    Loose,
    /// The operator `semver`: a pre-release comes after a hyphen and ranks right below its version.
    Semantic,
}

/// Tells whether `version` meets all parts of `requirement`.
///
/// # Errors
/// When either cannot be read.
pub fn fulfils(version: &str, requirement: &str, style: Style) -> Result<bool, String> {
    let found = Version::parse(version.trim(), style).ok_or_else(|| format!("{version:?} is no version"))?;
    // All parts are read before any is judged, so that a mistake shows on every node alike.
    let parts: Vec<Requirement<'_>> =
        requirement.split(',').map(|part| Requirement::parse(part, style)).collect::<Result<_, _>>()?;
    Ok(parts.iter().all(|part| part.is_met_by(&found, style)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    /// Not less, and the same in all parts but the last one written.
    Pessimistic,
}

struct Requirement<'a> {
    comparison: Comparison,
    wanted: Version<'a>,
}

impl<'a> Requirement<'a> {
    fn parse(text: &'a str, style: Style) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.find(|c: char| c.is_ascii_alphanumeric()).unwrap_or(text.len());
        let (operator, wanted) = text.split_at(digits);
        let comparison = match operator.trim() {
            "" | "=" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            "~>" if style == Style::Loose => Comparison::Pessimistic,
            "~>" => return Err("semver knows no ~>, use >= and <, or the operator version".to_owned()),
            other => return Err(format!("{other:?} is no version operator")),
        };
        let wanted =
            Version::parse(wanted, style).ok_or_else(|| format!("{text:?} is no version requirement"))?;
        Ok(Self { comparison, wanted })
    }

    fn is_met_by(&self, found: &Version<'_>, style: Style) -> bool {
        let order = found.cmp(&self.wanted);
        let is_ordering = !matches!(self.comparison, Comparison::Equal | Comparison::NotEqual);
        if style == Style::Loose && is_ordering && !self.may_compare(found) {
            return false;
        }
        match self.comparison {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Pessimistic => {
                let alike = self.wanted.suffix.is_empty() || !found.suffix.is_empty();
                alike && order.is_ge() && found.shares_prefix(&self.wanted)
            }
        }
    }

    /// Tells whether the operator `version` orders the two at all: a pre-release only against one of the same version.
    fn may_compare(&self, found: &Version<'_>) -> bool {
        match (found.suffix.is_empty(), self.wanted.suffix.is_empty()) {
            (true, _) => true,
            (false, true) => false,
            (false, false) => found.numbers(&self.wanted).is_eq(),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Version<'a> {
    /// As written; missing ones count as 0.
    parts: Vec<u64>,
    /// The pre-release, part by part.
    suffix: Vec<&'a str>,
}

impl<'a> Version<'a> {
    fn parse(text: &'a str, style: Style) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (text, metadata) = text.split_once('+').map_or((text, None), |(a, b)| (a, Some(b)));
        if metadata.is_some_and(|metadata| !are_identifiers(metadata)) {
            return None;
        }
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (numbers, rest) = text.split_at(end);
        let suffix = match rest.strip_prefix('-') {
            None if rest.is_empty() => "",
            Some(suffix) if are_identifiers(suffix) => suffix,
            // A number right behind would have been one more part.
            None if style == Style::Loose && are_identifiers(rest) => rest,
            _ => return None,
        };
        let parts: Vec<u64> = numbers.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let suffix = if suffix.is_empty() { Vec::new() } else { suffix.split('.').collect() };
        Some(Self { parts, suffix })
    }

    fn part(&self, n: usize) -> u64 {
        self.parts.get(n).copied().unwrap_or(0)
    }

    /// Tells whether all but the last part written of `wanted` are the same here.
    fn shares_prefix(&self, wanted: &Self) -> bool {
        (0..wanted.parts.len().saturating_sub(1)).all(|n| self.part(n) == wanted.part(n))
    }

    /// Compares without pre-releases.
    fn numbers(&self, other: &Self) -> Ordering {
        let length = self.parts.len().max(other.parts.len());
        (0..length).map(|n| self.part(n)).cmp((0..length).map(|n| other.part(n)))
    }

    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers(other).then_with(|| match (self.suffix.is_empty(), other.suffix.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => suffix_order(&self.suffix, &other.suffix),
        })
    }
}

/// Tells whether a text is words of letters, digits, `-` and `~` with dots between them.
fn are_identifiers(text: &str) -> bool {
    text.split('.').all(|word| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '~')
    })
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
        // version, requirement, as `version`, as `semver`; `None` where it cannot be read.
        let cases: &[(&str, &str, Option<bool>, Option<bool>)] = &[
            ("1.2.3", ">= 1.2, < 2.0", Some(true), Some(true)),
            ("2.0", ">= 1.2, < 2.0", Some(false), Some(false)),
            ("1.2.9", "~> 1.2.3", Some(true), None),
            ("1.3.0", "~> 1.2.3", Some(false), None),
            ("1.9", "~> 1.2", Some(true), None),
            ("2.0", "~> 1.2", Some(false), None),
            ("2.0", "~> 1", Some(true), None),
            ("0.9", "~> 1", Some(false), None),
            ("v1.0", "= 1.0.0", Some(true), Some(true)),
            ("1.0", "1", Some(true), Some(true)),
            ("1.0.1", "!= 1.0", Some(true), Some(true)),
            // Pre-releases: only `semver` orders them against other versions.
            ("1.0.0-beta.2", "< 1.0.0", Some(false), Some(true)),
            ("1.7.0-beta1", ">= 1.6.0", Some(false), Some(true)),
            ("1.7.0-beta1", ">= 1.6.0-beta1", Some(false), Some(true)),
            ("1.7.0-beta2", ">= 1.7.0-beta1", Some(true), Some(true)),
            ("1.7.0", ">= 1.6.0-beta1", Some(true), Some(true)),
            ("1.7.0-beta1", "= 1.7.0-beta1", Some(true), Some(true)),
            ("1.7.0-beta1", "!= 1.7.0", Some(true), Some(true)),
            ("1.0.0-alpha.2", "> 1.0.0-alpha.1", Some(true), Some(true)),
            ("1.0.0-alpha.10", "> 1.0.0-alpha.9", Some(true), Some(true)),
            ("1.0.0-alpha.beta", "> 1.0.0-alpha.9", Some(true), Some(true)),
            ("1.0.0-rc.1", "~> 1.0.0-beta.1", Some(true), None),
            ("1.0.0", "~> 1.0.0-beta.1", Some(false), None),
            ("4.4.0-generic", "> 4.3", Some(false), Some(true)),
            // A word right behind the number.
            ("1.2beta", "= 1.2-beta", Some(true), None),
            // Build metadata does not count.
            ("1.2.3+build.7", "= 1.2.3", Some(true), Some(true)),
            // What cannot be read.
            ("x", ">= 1.0", None, None),
            ("", ">= 1.0", None, None),
            ("1..2", ">= 1.0", None, None),
            ("1.2-", ">= 1.0", None, None),
            ("1.0", "about 1", None, None),
            ("1.0", "=> 1", None, None),
            ("1.0", "> 2.0, oops", None, None),
            ("99999999999999999999.0", "> 1", None, None),
        ];
        for (version, requirement, loose, semantic) in cases {
            for (style, expected) in [(Style::Loose, loose), (Style::Semantic, semantic)] {
                let found = fulfils(version, requirement, style).ok();
                assert_eq!(found, *expected, "{version:?} {requirement:?} {style:?}");
            }
        }
    }
}
