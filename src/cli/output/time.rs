//! Times for people.

use crate::model::Timestamp;

/// Returns how long ago a time was, in its two largest units: `5s ago`, `3m12s ago`, `2d4h ago`.
pub fn ago(now: Timestamp, time: Timestamp) -> String {
    if time == Timestamp::NEVER {
        return "never".to_owned();
    }
    let seconds = now.since(time).as_secs();
    let units = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let first = units.iter().position(|(_, size)| seconds >= *size).unwrap_or(units.len() - 1);
    let mut rest = seconds;
    let mut text = String::new();
    for (position, (name, size)) in units.iter().enumerate().skip(first).take(2) {
        let count = rest / size;
        rest %= size;
        if count > 0 || position == first {
            text.push_str(&format!("{count}{name}"));
        }
    }
    text + " ago"
}

/// Returns a time in full: RFC 3339 in UTC, to the second.
pub fn full(time: Timestamp) -> String {
    if time == Timestamp::NEVER {
        return "never".to_owned();
    }
    let second = 1_000_000_000;
    Timestamp(time.nanos() - time.nanos().rem_euclid(second)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_two_largest_units() {
        for (seconds, text) in [
            (0, "0s ago"),
            (59, "59s ago"),
            (60, "1m ago"),
            (192, "3m12s ago"),
            (3_600, "1h ago"),
            (3_605, "1h ago"),
            (187_200, "2d4h ago"),
        ] {
            let now = Timestamp(1_500_000_000_000_000_000);
            let then = now - std::time::Duration::from_secs(seconds);
            assert_eq!(ago(now, then), text);
        }
        // Clocks of two machines differ.
        assert_eq!(ago(Timestamp(5), Timestamp(9_000_000_000)), "0s ago");
        assert_eq!(ago(Timestamp(5), Timestamp::NEVER), "never");
        assert_eq!(full(Timestamp(1_447_806_038_427_841_000)), "2015-11-18T00:20:38Z");
    }
}
