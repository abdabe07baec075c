//! Functions of lists and maps.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::arguments::wrong_type;
use super::{Arguments, Arity, Fault, Function, Outside};
use crate::hcl::value::{Val, integer, unify};

/// How many numbers `range` makes at most: as in HCL's own.
const RANGE_MAX: usize = 1024;

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "chunklist", arity: Arity::Exactly(2), run: chunklist },
    Function { name: "coalesce", arity: Arity::AtLeast(1), run: coalesce },
    Function { name: "coalescelist", arity: Arity::AtLeast(1), run: coalescelist },
    Function { name: "compact", arity: Arity::Exactly(1), run: compact },
    Function { name: "concat", arity: Arity::AtLeast(1), run: concat },
    Function { name: "contains", arity: Arity::Exactly(2), run: contains },
    Function { name: "distinct", arity: Arity::Exactly(1), run: distinct },
    Function { name: "element", arity: Arity::Exactly(2), run: element },
    Function { name: "flatten", arity: Arity::Exactly(1), run: flatten },
    Function { name: "index", arity: Arity::Exactly(2), run: index },
    Function { name: "keys", arity: Arity::Exactly(1), run: keys },
    Function { name: "length", arity: Arity::Exactly(1), run: length },
    Function { name: "lookup", arity: Arity::Exactly(3), run: lookup },
    Function { name: "merge", arity: Arity::AtLeast(0), run: merge },
    Function { name: "range", arity: Arity::Between(1, 3), run: range },
    Function { name: "slice", arity: Arity::Exactly(3), run: slice },
    Function { name: "sort", arity: Arity::Exactly(1), run: sort },
    Function { name: "values", arity: Arity::Exactly(1), run: values },
    Function { name: "zipmap", arity: Arity::Exactly(2), run: zipmap },
];

/// A value by its place in the order of all values, for trees of what was seen.
struct Ordered<'a>(&'a Val);

impl PartialEq for Ordered<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ordered<'_> {}

impl PartialOrd for Ordered<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.order(other.0)
    }
}

fn chunklist(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let values = arguments.list(0)?;
    let size = arguments.count(1)?;
    if values.is_empty() {
        return Ok(Val::List(Vec::new()));
    }
    // Size 0 means one chunk of everything.
    let size = if size == 0 { values.len() } else { size };
    Ok(Val::List(values.chunks(size).map(|chunk| Val::List(chunk.to_vec())).collect()))
}

/// Returns the first argument that is not `null`, converted to the type that suits all arguments.
fn coalesce(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let given: Vec<Val> = (0..arguments.len()).map(|index| arguments.nullable(index)).collect();
    let unified = unify(given).ok_or_else(|| Fault::call("all arguments must have the same type"))?;
    unified.into_iter().find(|value| !value.is_null()).ok_or_else(|| Fault::call("all arguments are null"))
}

fn coalescelist(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let mut first = None;
    for index in 0..arguments.len() {
        match arguments.nullable(index) {
            Val::Null => {}
            Val::List(values) if values.is_empty() => {}
            Val::List(values) => {
                first.get_or_insert(Val::List(values));
            }
            other => return Err(wrong_type(index, "a list", &other)),
        }
    }
    first.ok_or_else(|| Fault::call("all lists are empty or null"))
}

fn compact(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let texts = arguments.texts(0)?.into_iter().flatten();
    Ok(Val::List(texts.filter(|text| !text.is_empty()).map(Val::Text).collect()))
}

fn concat(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let mut all = Vec::new();
    for index in 0..arguments.len() {
        match arguments.value(index)? {
            Val::List(values) => all.extend(values),
            other => return Err(wrong_type(index, "a list", &other)),
        }
    }
    Ok(Val::List(all))
}

fn contains(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let values = arguments.sequence(0)?;
    let wanted = arguments.value(1)?;
    Ok(values.contains(&wanted).into())
}

fn distinct(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let values = arguments.list(0)?;
    let mut seen = BTreeSet::new();
    let kept = values.iter().filter(|value| seen.insert(Ordered(value))).cloned().collect();
    Ok(Val::List(kept))
}

/// Returns the element at an index that wraps around.
fn element(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let mut values = match arguments.value(0)? {
        Val::List(values) => values,
        other => return Err(wrong_type(0, "a list", &other)),
    };
    let index = arguments.count(1)?;
    if values.is_empty() {
        return Err(Fault::argument(0, "must not be empty"));
    }
    let index = index % values.len();
    Ok(values.swap_remove(index))
}

fn flatten(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let mut flat = Vec::new();
    flatten_into(arguments.sequence(0)?, &mut flat);
    Ok(Val::List(flat))
}

/// Recurses as deep as values nest, which is bounded.
fn flatten_into(values: Vec<Val>, flat: &mut Vec<Val>) {
    for value in values {
        match value {
            Val::List(inner) | Val::Set(inner) => flatten_into(inner, flat),
            other => flat.push(other),
        }
    }
}

/// Looks up by key. A number is a place in a list, a text a key of a map: that is what Nomad does. Its documentation
/// says that the place of a value is found, which is done for all other keys of lists.
fn index(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let collection = arguments.value(0)?;
    let key = arguments.value(1)?;
    match (collection, &key) {
        (Val::List(mut values), Val::Number(number)) => {
            let place = integer(number).and_then(|place| usize::try_from(place).ok());
            match place.filter(|place| *place < values.len()) {
                Some(place) => Ok(values.swap_remove(place)),
                None if values.is_empty() => {
                    Err(Fault::argument(1, "there is no such element: the list is empty"))
                }
                None => {
                    let last = values.len() - 1;
                    Err(Fault::argument(1, format!("must be a whole number from 0 to {last}")))
                }
            }
        }
        (Val::List(values), key) => match values.iter().position(|value| value == key) {
            Some(place) => Ok(place.into()),
            None => Err(Fault::argument(1, "is not in the list")),
        },
        (Val::Map(entries), key) => {
            let wanted = key.to_text().ok_or_else(|| wrong_type(1, "a text", key))?;
            match entries.into_iter().find(|(name, _)| *name == wanted) {
                Some((_, value)) => Ok(value),
                None => Err(Fault::argument(1, format!("the map has no key {wanted:?}"))),
            }
        }
        (other, _) => Err(wrong_type(0, "a list or a map", &other)),
    }
}

fn keys(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    Ok(Val::List(arguments.map(0)?.into_iter().map(|(key, _)| Val::Text(key)).collect()))
}

fn length(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    match arguments.value(0)? {
        Val::List(values) | Val::Set(values) => Ok(values.len().into()),
        Val::Map(entries) => Ok(entries.len().into()),
        Val::Text(_) => {
            Err(Fault::argument(0, "must be a list, a set or a map; the length of a text is strlen(...)"))
        }
        other => Err(wrong_type(0, "a list, a set or a map", &other)),
    }
}

fn lookup(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let entries = arguments.map(0)?;
    let wanted = arguments.text(1)?;
    let default = arguments.value(2)?;
    Ok(entries.into_iter().find(|(key, _)| *key == wanted).map_or(default, |(_, value)| value))
}

/// Merges maps; of equal keys the last one counts. `null` is left out; only `null` stays `null`.
fn merge(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let mut merged = BTreeMap::new();
    let mut all_null = arguments.len() > 0;
    for index in 0..arguments.len() {
        match arguments.nullable(index) {
            Val::Null => {}
            Val::Map(entries) => {
                all_null = false;
                merged.extend(entries);
            }
            other => return Err(wrong_type(index, "a map", &other)),
        }
    }
    Ok(if all_null { Val::Null } else { Val::map(merged) })
}

/// `range(limit)`, `range(start, limit)`, `range(start, limit, step)`; without a step it goes by one towards the limit.
fn range(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let last = arguments.len() - 1;
    let (start, limit) = match last {
        0 => (0.0, arguments.float(0)?),
        _ => (arguments.float(0)?, arguments.float(1)?),
    };
    let step = match last {
        2 => arguments.float(2)?,
        _ if limit < start => -1.0,
        _ => 1.0,
    };
    if last == 2 {
        if step == 0.0 {
            return Err(Fault::argument(2, "must not be zero"));
        }
        if step > 0.0 && limit < start {
            return Err(Fault::argument(1, "must not be less than the start when the step is positive"));
        }
        if step < 0.0 && limit > start {
            return Err(Fault::argument(1, "must not be greater than the start when the step is negative"));
        }
    }
    let mut numbers = Vec::new();
    let mut place = 0.0;
    loop {
        // Multiplied rather than summed up, so that rounding errors do not add up.
        let number: f64 = start + place * step;
        if (step > 0.0 && number >= limit) || (step < 0.0 && number <= limit) {
            return Ok(Val::List(numbers));
        }
        if numbers.len() == RANGE_MAX {
            return Err(Fault::call(format!(
                "makes at most {RANGE_MAX} numbers; use a smaller range or a larger step"
            )));
        }
        numbers.push(Val::number(number).ok_or_else(|| Fault::call("the result is no finite number"))?);
        place += 1.0;
    }
}

fn slice(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let values = match arguments.value(0)? {
        Val::List(values) => values,
        Val::Set(_) => {
            return Err(Fault::argument(0, "is a set, whose elements have no places; convert it to a list"));
        }
        other => return Err(wrong_type(0, "a list", &other)),
    };
    let start = arguments.count(1)?;
    let end = arguments.count(2)?;
    let length = values.len();
    if end > length {
        return Err(Fault::argument(2, format!("must not be greater than the length of the list, {length}")));
    }
    if start > end {
        return Err(Fault::argument(1, "must not be greater than the end"));
    }
    Ok(Val::List(values.into_iter().skip(start).take(end - start).collect()))
}

fn sort(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let mut sorted = Vec::new();
    for (place, text) in arguments.texts(0)?.into_iter().enumerate() {
        let null = || Fault::argument(0, format!("element {place} is null and cannot be sorted"));
        sorted.push(text.ok_or_else(null)?);
    }
    sorted.sort();
    Ok(Val::List(sorted.into_iter().map(Val::Text).collect()))
}

fn values(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    Ok(Val::List(arguments.map(0)?.into_iter().map(|(_, value)| value).collect()))
}

fn zipmap(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let keys = arguments.texts(0)?;
    let values = match arguments.value(1)? {
        Val::List(values) => values,
        other => return Err(wrong_type(1, "a list", &other)),
    };
    if keys.len() != values.len() {
        let (keys, values) = (keys.len(), values.len());
        return Err(Fault::call(format!("there are {keys} keys but {values} values")));
    }
    let mut entries = BTreeMap::new();
    for (place, (key, value)) in keys.into_iter().zip(values).enumerate() {
        let key =
            key.ok_or_else(|| Fault::argument(0, format!("element {place} is null and cannot be a key")))?;
        entries.insert(key, value);
    }
    Ok(Val::map(entries))
}
