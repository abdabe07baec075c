//! Numbers with units, as devices state their facts: `11 GiB`, `1.5GHz`, `250 W`.

use std::cmp::Ordering;

/// What a unit measures. Quantities of different kinds are not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number,
    Bytes,
    BytesPerSecond,
    Hertz,
    Watts,
}

/// Units with what one of them is in the smallest unit of its kind. Source: Nomad `plugins/shared/structs/units.go`.
const UNITS: &[(&str, Kind, f64)] = &[
    ("", Kind::Number, 1.0),
    ("B", Kind::Bytes, 1.0),
    ("kB", Kind::Bytes, 1e3),
    ("KB", Kind::Bytes, 1e3),
    ("MB", Kind::Bytes, 1e6),
    ("GB", Kind::Bytes, 1e9),
    ("TB", Kind::Bytes, 1e12),
    ("PB", Kind::Bytes, 1e15),
    ("EB", Kind::Bytes, 1e18),
    ("KiB", Kind::Bytes, 1024.0),
    ("MiB", Kind::Bytes, 1_048_576.0),
    ("GiB", Kind::Bytes, 1_073_741_824.0),
    ("TiB", Kind::Bytes, 1_099_511_627_776.0),
    ("PiB", Kind::Bytes, 1_125_899_906_842_624.0),
    ("EiB", Kind::Bytes, 1_152_921_504_606_846_976.0),
    ("kB/s", Kind::BytesPerSecond, 1e3),
    ("KB/s", Kind::BytesPerSecond, 1e3),
    ("MB/s", Kind::BytesPerSecond, 1e6),
    ("GB/s", Kind::BytesPerSecond, 1e9),
    ("TB/s", Kind::BytesPerSecond, 1e12),
    ("KiB/s", Kind::BytesPerSecond, 1024.0),
    ("MiB/s", Kind::BytesPerSecond, 1_048_576.0),
    ("GiB/s", Kind::BytesPerSecond, 1_073_741_824.0),
    ("TiB/s", Kind::BytesPerSecond, 1_099_511_627_776.0),
    ("Hz", Kind::Hertz, 1.0),
    ("kHz", Kind::Hertz, 1e3),
    ("MHz", Kind::Hertz, 1e6),
    ("GHz", Kind::Hertz, 1e9),
    ("mW", Kind::Watts, 1e-3),
    ("W", Kind::Watts, 1.0),
    ("kW", Kind::Watts, 1e3),
    ("MW", Kind::Watts, 1e6),
    ("GW", Kind::Watts, 1e9),
];

/// A number with what it measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity {
    kind: Kind,
    value: f64,
}

impl Quantity {
    /// Reads a number with or without a known unit behind it.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let unit_at = text.find(|c: char| !(c.is_ascii_digit() || "+-.".contains(c))).unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let (_, kind, factor) = UNITS.iter().find(|(name, _, _)| *name == unit.trim())?;
        let number: f64 = number.parse().ok()?;
        Some(Self { kind: *kind, value: number * factor })
    }

    /// Compares two of a kind.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        (self.kind == other.kind).then(|| self.value.total_cmp(&other.value))
    }
}

/// Compares two texts as quantities; `None` when one is none, or they measure different things.
pub fn compare(left: &str, right: &str) -> Option<Ordering> {
    Quantity::parse(left)?.compare(Quantity::parse(right)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_of_a_kind_are_compared() {
        use Ordering::{Equal, Greater, Less};
        for (left, right, expected) in [
            ("11 GiB", "11264 MiB", Some(Equal)),
            ("11GiB", "4 GiB", Some(Greater)),
            ("1 GB", "1 GiB", Some(Less)),
            ("1.5 GHz", "1480 MHz", Some(Greater)),
            ("250 W", "0.25 kW", Some(Equal)),
            ("-3", "2", Some(Less)),
            ("1 GiB", "1 GHz", None),
            ("1 GiB", "1 GiB/s", None),
            ("1 GiB", "1", None),
            ("kepler", "1", None),
            ("1 furlong", "1", None),
            ("", "1", None),
        ] {
            assert_eq!(compare(left, right), expected, "{left:?} against {right:?}");
        }
    }
}
