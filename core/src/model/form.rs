//! How values of a job look in the API form that jobs are posted, kept and shown in.
//!
//! For `#[serde(with = "...")]`: durations are integer nanoseconds, an empty list or map is `null`, and `null` is read as
//! if nothing was said. Source: Nomad's `api` package.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that is `null` when there is nothing in it.
pub trait Unsaid: Default {
    /// Tells whether nothing is in it.
    fn is_unsaid(&self) -> bool;
}

impl<T> Unsaid for Vec<T> {
    fn is_unsaid(&self) -> bool {
        self.is_empty()
    }
}

impl<K: Ord, V> Unsaid for BTreeMap<K, V> {
    fn is_unsaid(&self) -> bool {
        self.is_empty()
    }
}

impl Unsaid for serde_json::Map<String, serde_json::Value> {
    fn is_unsaid(&self) -> bool {
        self.is_empty()
    }
}

impl Unsaid for u32 {
    fn is_unsaid(&self) -> bool {
        *self == 0
    }
}

/// An empty list, map or number is `null`.
pub mod null_when_empty {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Unsaid};

    /// Writes `value`, `null` when nothing is in it.
    pub fn serialize<T: Unsaid + Serialize, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        if value.is_unsaid() { serializer.serialize_none() } else { value.serialize(serializer) }
    }

    /// Reads a value, empty for `null`.
    pub fn deserialize<'de, T: Unsaid + Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
    }
}

/// A duration as integer nanoseconds, `null` read as none.
pub mod nanos {
    use std::time::Duration;

    use super::{Deserializer, Serializer};

    /// Writes nanoseconds; what is longer than 292 years is written as that.
    pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(i64::try_from(value.as_nanos()).unwrap_or(i64::MAX))
    }

    /// Reads nanoseconds.
    ///
    /// # Errors
    /// When the number is negative.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Ok(super::optional_nanos::deserialize(deserializer)?.unwrap_or_default())
    }
}

/// A duration that may not be said, as integer nanoseconds or `null`.
pub mod optional_nanos {
    use std::time::Duration;

    use serde::de::Error as _;

    use super::{Deserialize, Deserializer, Serializer};

    /// Writes nanoseconds or `null`.
    pub fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::nanos::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads nanoseconds or `null`.
    ///
    /// # Errors
    /// When the number is negative.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let Some(nanos) = Option::<i64>::deserialize(deserializer)? else { return Ok(None) };
        let nanos = u64::try_from(nanos).map_err(|_| D::Error::custom("a duration must not be negative"))?;
        Ok(Some(Duration::from_nanos(nanos)))
    }
}

/// Tells whether a flag is off, for fields that are written only when on.
pub(super) fn is_off(flag: &bool) -> bool {
    !flag
}
