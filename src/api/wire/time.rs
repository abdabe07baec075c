//! Points in time as Go writes them in JSON.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use crate::model::Timestamp;

/// How Go writes a time that was never set.
const ZERO: &str = "0001-01-01T00:00:00Z";

/// A time written in RFC 3339; "never" is the year 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoTime(pub Timestamp);

impl GoTime {
    /// Tells whether no time is set.
    pub fn is_never(self) -> bool {
        self.0 == Timestamp::NEVER
    }
}

impl fmt::Display for GoTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_never() { f.write_str(ZERO) } else { self.0.fmt(f) }
    }
}

impl Serialize for GoTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(Self::default()) };
        if text.is_empty() || text == ZERO {
            return Ok(Self::default());
        }
        let time: jiff::Timestamp = text.parse().map_err(D::Error::custom)?;
        let nanos = i64::try_from(time.as_nanosecond()).map_err(D::Error::custom)?;
        Ok(Self(Timestamp(nanos)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_is_the_year_one_and_others_keep_their_nanoseconds() {
        for (nanos, text) in [
            (0, "\"0001-01-01T00:00:00Z\""),
            (1_500_000_000, "\"1970-01-01T00:00:01.5Z\""),
            (1_447_806_038_427_841_000, "\"2015-11-18T00:20:38.427841Z\""),
        ] {
            let time = GoTime(Timestamp(nanos));
            assert_eq!(serde_json::to_string(&time).unwrap(), text);
            assert_eq!(serde_json::from_str::<GoTime>(text).unwrap(), time);
        }
        assert!(serde_json::from_str::<GoTime>("null").unwrap().is_never());
        assert!(serde_json::from_str::<GoTime>("\"yesterday\"").is_err());
    }
}
