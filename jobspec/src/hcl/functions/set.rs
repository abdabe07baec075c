//! Functions of sets. Lists are taken for sets.

use super::arguments::wrong_type;
use super::{Arguments, Arity, Fault, Function, Outside};
use crate::hcl::value::{VALUE_ITEMS_MAX, Val, unify};

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "setintersection", arity: Arity::AtLeast(1), run: setintersection },
    Function { name: "setproduct", arity: Arity::AtLeast(2), run: setproduct },
    Function { name: "setunion", arity: Arity::AtLeast(1), run: setunion },
];

/// Takes all arguments as sets whose elements have one type across all of them.
fn sets(arguments: &mut Arguments) -> Result<Vec<Vec<Val>>, Fault> {
    let mut lengths = Vec::new();
    let mut all = Vec::new();
    for index in 0..arguments.len() {
        let values = arguments.list(index)?;
        lengths.push(values.len());
        all.extend(values);
    }
    let unified =
        unify(all).ok_or_else(|| Fault::call("the elements of all sets must have the same type"))?;
    let mut unified = unified.into_iter();
    Ok(lengths.into_iter().map(|length| unified.by_ref().take(length).collect()).collect())
}

fn setunion(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    Ok(Val::set(sets(arguments)?.into_iter().flatten().collect()))
}

fn setintersection(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let mut sets = sets(arguments)?.into_iter();
    let mut kept = sets.next().unwrap_or_default();
    for other in sets {
        let Val::Set(sorted) = Val::set(other) else { continue };
        kept.retain(|value| sorted.binary_search_by(|probe| probe.order(value)).is_ok());
    }
    Ok(Val::set(kept))
}

/// Returns every combination of one element each: a list when all arguments are lists, else a set.
fn setproduct(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let mut all_lists = true;
    let mut factors = Vec::new();
    for index in 0..arguments.len() {
        let values = match arguments.value(index)? {
            Val::List(values) => values,
            Val::Set(values) => {
                all_lists = false;
                values
            }
            other => return Err(wrong_type(index, "a list or a set", &other)),
        };
        let unified = unify(values);
        factors.push(unified.ok_or_else(|| Fault::argument(index, "all elements must have the same type"))?);
    }
    let combinations = factors.iter().fold(1_usize, |product, factor| product.saturating_mul(factor.len()));
    if combinations.saturating_mul(factors.len() + 1) > VALUE_ITEMS_MAX {
        return Err(Fault::call(format!("the result is too large: {combinations} combinations")));
    }
    let mut rows: Vec<Vec<Val>> = vec![Vec::new()];
    if combinations == 0 {
        rows.clear();
    } else {
        for factor in &factors {
            rows = rows
                .into_iter()
                .flat_map(|row| {
                    factor.iter().map(move |value| {
                        let mut longer = row.clone();
                        longer.push(value.clone());
                        longer
                    })
                })
                .collect();
            // The elements themselves may be large; what is too large already need not grow further.
            super::text::check_length(bytes(&rows))?;
        }
    }
    let rows: Vec<Val> = rows.into_iter().map(Val::List).collect();
    Ok(if all_lists { Val::List(rows) } else { Val::set(rows) })
}

fn bytes(rows: &[Vec<Val>]) -> usize {
    let text = |value: &Val| if let Val::Text(text) = value { text.len() } else { 0 };
    rows.iter().flatten().map(text).sum()
}
