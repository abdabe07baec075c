//! An evaluated value without its place: what functions take and give.
//!
//! HCL's own types are finer: it tells tuples from lists and objects from maps. Here a list is either, and a function
//! that needs one type for all elements asks [`unify`] for it, as HCL's conversion from tuple to list does.

use std::cmp::Ordering;

use serde_json::Number;

/// How deep lists and maps may nest. Walks over values recurse; this is what bounds them.
pub const VALUE_DEPTH_MAX: usize = 128;

/// How many bytes all texts of a value may have together.
pub const VALUE_BYTES_MAX: usize = 1 << 20;

/// How many values a value may hold, itself and all that is nested in it.
pub const VALUE_ITEMS_MAX: usize = 100_000;

/// An evaluated value.
///
/// Equality is HCL's: numbers compare by value, maps without regard to the order of their keys, and values of different
/// types are never equal.
#[derive(Clone, Debug)]
pub enum Val {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number; whole numbers are kept as integers as far as 64 bits hold them.
    Number(Number),
    /// A text.
    Text(String),
    /// A list (or a tuple).
    List(Vec<Val>),
    /// A set: sorted by [`Val::order`], without duplicates. [`Val::set`] makes one.
    Set(Vec<Val>),
    /// A map (or an object), each key once. Sorted by key where a function made it, as written where a file did.
    Map(Vec<(String, Val)>),
}

impl Val {
    /// Makes a text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Makes a number: an integer where it is whole and within 64 bits. None for what is not finite.
    pub fn number(float: f64) -> Option<Self> {
        Number::from_f64(float).map(|number| Self::Number(whole(&number)))
    }

    /// Makes a set: sorts, and drops what is equal to another.
    pub fn set(mut values: Vec<Self>) -> Self {
        values.sort_by(Self::order);
        values.dedup();
        Self::Set(values)
    }

    /// Makes a map sorted by key; of equal keys the last one counts.
    pub fn map(entries: impl IntoIterator<Item = (String, Self)>) -> Self {
        let sorted: std::collections::BTreeMap<String, Self> = entries.into_iter().collect();
        Self::Map(sorted.into_iter().collect())
    }

    /// Names the type in an error.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Set(_) => "a set",
            Self::Map(_) => "a map",
        }
    }

    /// Converts to text: texts, numbers (`1.0` is `1`, never with an exponent), `true` and `false`.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) => Some(number_text(number)),
            Self::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    /// Converts to a number: numbers, and texts that are one in decimal notation.
    pub fn to_number(&self) -> Option<Number> {
        match self {
            Self::Number(number) => Some(number.clone()),
            Self::Text(text) => parse_number(text),
            _ => None,
        }
    }

    /// Converts to a truth value: truth values, `"true"` and `"false"` (and `"1"` and `"0"`, which HCL takes for them).
    pub fn to_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            Self::Text(text) => match text.as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// Tells whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Orders any two values: the order of sets. Numbers by value, texts by code points, then by type.
    pub fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(one), Self::Bool(two)) => one.cmp(two),
            (Self::Number(one), Self::Number(two)) => number_order(one, two),
            (Self::Text(one), Self::Text(two)) => one.cmp(two),
            (Self::List(one), Self::List(two)) | (Self::Set(one), Self::Set(two)) => {
                for (one, two) in one.iter().zip(two) {
                    match one.order(two) {
                        Ordering::Equal => {}
                        unequal => return unequal,
                    }
                }
                one.len().cmp(&two.len())
            }
            (Self::Map(one), Self::Map(two)) => map_order(one, two),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Number(_) => 2,
            Self::Text(_) => 3,
            Self::List(_) => 4,
            Self::Set(_) => 5,
            Self::Map(_) => 6,
        }
    }

    /// Tells whether lists and maps nest deeper than `levels`.
    pub fn is_deeper_than(&self, levels: usize) -> bool {
        match self {
            Self::List(values) | Self::Set(values) => {
                levels == 0 || values.iter().any(|value| value.is_deeper_than(levels - 1))
            }
            Self::Map(entries) => {
                levels == 0 || entries.iter().any(|(_, value)| value.is_deeper_than(levels - 1))
            }
            _ => false,
        }
    }

    /// Checks a value against [`VALUE_DEPTH_MAX`], [`VALUE_BYTES_MAX`] and [`VALUE_ITEMS_MAX`].
    ///
    /// # Errors
    /// With the limit that it exceeds.
    pub fn check_size(&self) -> Result<(), String> {
        if self.is_deeper_than(VALUE_DEPTH_MAX) {
            return Err(format!("the value is nested deeper than {VALUE_DEPTH_MAX} levels"));
        }
        let (mut items, mut bytes) = (0, 0);
        self.measure(&mut items, &mut bytes);
        if items > VALUE_ITEMS_MAX {
            return Err(format!("the value has more than {VALUE_ITEMS_MAX} elements"));
        }
        if bytes > VALUE_BYTES_MAX {
            return Err(format!("the value has more than {VALUE_BYTES_MAX} bytes of text"));
        }
        Ok(())
    }

    /// Adds up how many values and bytes of text there are.
    pub(super) fn measure(&self, items: &mut usize, bytes: &mut usize) {
        *items += 1;
        match self {
            Self::Text(text) => *bytes += text.len(),
            Self::List(values) | Self::Set(values) => {
                values.iter().for_each(|value| value.measure(items, bytes));
            }
            Self::Map(entries) => entries.iter().for_each(|(key, value)| {
                *bytes += key.len();
                value.measure(items, bytes);
            }),
            _ => {}
        }
    }

    /// Reads a JSON value; its objects become maps in the order written.
    pub fn from_json(json: serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(flag) => Self::Bool(flag),
            serde_json::Value::Number(number) => Self::Number(whole(&number)),
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Array(values) => Self::List(values.into_iter().map(Self::from_json).collect()),
            serde_json::Value::Object(entries) => {
                Self::Map(entries.into_iter().map(|(key, value)| (key, Self::from_json(value))).collect())
            }
        }
    }

    /// Returns the value as JSON: sets are lists, whole numbers have no point.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(flag) => serde_json::Value::Bool(*flag),
            Self::Number(number) => serde_json::Value::Number(whole(number)),
            Self::Text(text) => serde_json::Value::String(text.clone()),
            Self::List(values) | Self::Set(values) => values.iter().map(Self::to_json).collect(),
            Self::Map(entries) => serde_json::Value::Object(
                entries.iter().map(|(key, value)| (key.clone(), value.to_json())).collect(),
            ),
        }
    }
}

impl PartialEq for Val {
    fn eq(&self, other: &Self) -> bool {
        self.order(other) == Ordering::Equal
    }
}

impl From<&str> for Val {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Val {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Val {
    fn from(flag: bool) -> Self {
        Self::Bool(flag)
    }
}

impl From<i64> for Val {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}

impl From<usize> for Val {
    fn from(number: usize) -> Self {
        Self::Number(number.into())
    }
}

/// Gives values one type, as HCL does for the elements of a list: numbers and truth values become texts where one of
/// them is a text, lists and maps agree on the type of what they hold; `null` goes with everything.
///
/// None if there is no such type.
pub fn unify(values: Vec<Val>) -> Option<Vec<Val>> {
    unify_nested(values, VALUE_DEPTH_MAX)
}

fn unify_nested(values: Vec<Val>, levels: usize) -> Option<Vec<Val>> {
    let levels = levels.checked_sub(1)?;
    let (mut bools, mut numbers, mut texts, mut lists, mut sets, mut maps) = (0, 0, 0, 0, 0, 0);
    for value in &values {
        match value {
            Val::Null => {}
            Val::Bool(_) => bools += 1,
            Val::Number(_) => numbers += 1,
            Val::Text(_) => texts += 1,
            Val::List(_) => lists += 1,
            Val::Set(_) => sets += 1,
            Val::Map(_) => maps += 1,
        }
    }
    match (bools + numbers + texts, lists + sets, maps) {
        (_, 0, 0) if texts > 0 => {
            Some(values.into_iter().map(|value| value.to_text().map_or(Val::Null, Val::Text)).collect())
        }
        (_, 0, 0) if bools > 0 && numbers > 0 => None,
        (_, 0, 0) => Some(values),
        (0, _, 0) => unify_lists(values, levels, lists > 0),
        (0, 0, _) => unify_maps(values, levels),
        _ => None,
    }
}

/// Unifies what lists hold, across all of them; a set among lists becomes a list.
fn unify_lists(values: Vec<Val>, levels: usize, to_lists: bool) -> Option<Vec<Val>> {
    let mut lengths = Vec::with_capacity(values.len());
    let mut all = Vec::new();
    for value in values {
        match value {
            Val::List(inner) | Val::Set(inner) => {
                lengths.push(Some(inner.len()));
                all.extend(inner);
            }
            _ => lengths.push(None),
        }
    }
    let mut unified = unify_nested(all, levels)?.into_iter();
    let regrouped = lengths.into_iter().map(|length| match length {
        None => Val::Null,
        Some(length) if to_lists => Val::List(unified.by_ref().take(length).collect()),
        Some(length) => Val::set(unified.by_ref().take(length).collect()),
    });
    Some(regrouped.collect())
}

/// Unifies maps: objects with the same keys agree key by key, others need one type for all that they hold.
fn unify_maps(values: Vec<Val>, levels: usize) -> Option<Vec<Val>> {
    let mut columns: std::collections::BTreeMap<String, Vec<Val>> = std::collections::BTreeMap::new();
    let mut rows: Vec<Option<Vec<String>>> = Vec::with_capacity(values.len());
    for value in values {
        let Val::Map(entries) = value else {
            rows.push(None);
            continue;
        };
        rows.push(Some(entries.iter().map(|(key, _)| key.clone()).collect()));
        for (key, value) in entries {
            columns.entry(key).or_default().push(value);
        }
    }
    let maps = rows.iter().flatten().count();
    if columns.values().any(|column| column.len() != maps) {
        let lengths: Vec<usize> = columns.values().map(Vec::len).collect();
        let (keys, all): (Vec<String>, Vec<Vec<Val>>) = columns.into_iter().unzip();
        let mut unified = unify_nested(all.into_iter().flatten().collect(), levels)?.into_iter();
        columns = keys
            .into_iter()
            .zip(lengths)
            .map(|(key, length)| (key, unified.by_ref().take(length).collect()))
            .collect();
    } else {
        for column in columns.values_mut() {
            *column = unify_nested(std::mem::take(column), levels)?;
        }
    }
    // Each column holds its values in the order of the rows that have one.
    let mut cells: std::collections::BTreeMap<String, std::vec::IntoIter<Val>> =
        columns.into_iter().map(|(key, column)| (key, column.into_iter())).collect();
    let regrouped = rows.into_iter().map(|row| match row {
        None => Val::Null,
        Some(keys) => Val::Map(
            keys.into_iter()
                .map(|key| {
                    let value = cells.get_mut(&key).and_then(Iterator::next).unwrap_or(Val::Null);
                    (key, value)
                })
                .collect(),
        ),
    });
    Some(regrouped.collect())
}

/// Writes a number as HCL turns it into text: whole numbers without a point, never an exponent.
pub fn number_text(number: &Number) -> String {
    match whole(number) {
        number if number.is_f64() => number.as_f64().map(|float| float.to_string()).unwrap_or_default(),
        integer => integer.to_string(),
    }
}

/// Reads a number in decimal notation, with an optional sign, fraction and exponent.
pub fn parse_number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    // Rust's parser knows names such as "inf" and "nan"; HCL's numbers begin with a digit or a point.
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    if let Ok(integer) = text.parse::<i64>() {
        return Some(integer.into());
    }
    if let Ok(integer) = text.parse::<u64>() {
        return Some(integer.into());
    }
    match Val::number(text.parse().ok()?) {
        Some(Val::Number(number)) => Some(number),
        _ => None,
    }
}

/// Orders numbers by value, integers exactly.
pub fn number_order(one: &Number, two: &Number) -> Ordering {
    if let (Some(one), Some(two)) = (integer(one), integer(two)) {
        return one.cmp(&two);
    }
    let (one, two) = (one.as_f64().unwrap_or(0.0), two.as_f64().unwrap_or(0.0));
    one.partial_cmp(&two).unwrap_or(Ordering::Equal)
}

/// Returns a number as an integer, if it is whole and within 128 bits.
pub fn integer(number: &Number) -> Option<i128> {
    if let Some(integer) = number.as_i64() {
        return Some(integer.into());
    }
    if let Some(integer) = number.as_u64() {
        return Some(integer.into());
    }
    let float = number.as_f64()?;
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^126")]
    (float.fract() == 0.0 && float.abs() < 8.5e37).then_some(float as i128)
}

/// Returns a number as an integer if it is whole and within 64 bits.
fn whole(number: &Number) -> Number {
    match integer(number) {
        Some(integer) => i64::try_from(integer)
            .map(Number::from)
            .or_else(|_| u64::try_from(integer).map(Number::from))
            .unwrap_or_else(|_| number.clone()),
        None => number.clone(),
    }
}

fn map_order(one: &[(String, Val)], two: &[(String, Val)]) -> Ordering {
    let sorted = |entries: &[(String, Val)]| {
        let mut places: Vec<usize> = (0..entries.len()).collect();
        places.sort_by(|left, right| entries[*left].0.cmp(&entries[*right].0));
        places
    };
    for (left, right) in sorted(one).into_iter().zip(sorted(two)) {
        let ((key_one, value_one), (key_two, value_two)) = (&one[left], &two[right]);
        match key_one.cmp(key_two).then_with(|| value_one.order(value_two)) {
            Ordering::Equal => {}
            unequal => return unequal,
        }
    }
    one.len().cmp(&two.len())
}
