//! Functions of numbers.

use std::cmp::Ordering;

use serde_json::Number;

use super::{Arguments, Arity, Fault, Function, Outside};
use crate::hcl::value::{Val, integer, number_order};

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "abs", arity: Arity::Exactly(1), run: abs },
    Function { name: "ceil", arity: Arity::Exactly(1), run: ceil },
    Function { name: "floor", arity: Arity::Exactly(1), run: floor },
    Function { name: "log", arity: Arity::Exactly(2), run: log },
    Function { name: "max", arity: Arity::AtLeast(1), run: max },
    Function { name: "min", arity: Arity::AtLeast(1), run: min },
    Function { name: "parseint", arity: Arity::Exactly(2), run: parseint },
    Function { name: "pow", arity: Arity::Exactly(2), run: pow },
    Function { name: "signum", arity: Arity::Exactly(1), run: signum },
];

/// Makes a value of a computed number.
fn finite(float: f64) -> Result<Val, Fault> {
    Val::number(float).ok_or_else(|| Fault::call("the result is no finite number"))
}

/// Makes a value of a computed integer; beyond 64 bits it becomes a float.
pub(super) fn whole(integer: i128) -> Result<Val, Fault> {
    if let Ok(integer) = i64::try_from(integer) {
        return Ok(Val::Number(integer.into()));
    }
    if let Ok(integer) = u64::try_from(integer) {
        return Ok(Val::Number(integer.into()));
    }
    #[expect(clippy::cast_precision_loss, reason = "beyond 64 bits a float is what there is")]
    finite(integer as f64)
}

fn abs(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let number = arguments.number(0)?;
    match integer(&number) {
        Some(integer) => whole(integer.abs()),
        None => finite(number.as_f64().unwrap_or(0.0).abs()),
    }
}

fn ceil(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    rounded(&arguments.number(0)?, f64::ceil)
}

fn floor(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    rounded(&arguments.number(0)?, f64::floor)
}

fn rounded(number: &Number, round: fn(f64) -> f64) -> Result<Val, Fault> {
    match integer(number) {
        Some(integer) => whole(integer),
        None => finite(round(number.as_f64().unwrap_or(0.0))),
    }
}

fn log(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let number = arguments.float(0)?;
    let base = arguments.float(1)?;
    finite(number.ln() / base.ln())
}

fn pow(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let base = arguments.number(0)?;
    let power = arguments.number(1)?;
    // Whole numbers stay exact as far as they go.
    if let (Some(base), Some(power)) = (integer(&base), integer(&power))
        && let Ok(power) = u32::try_from(power)
        && let Some(exact) = base.checked_pow(power)
    {
        return whole(exact);
    }
    finite(base.as_f64().unwrap_or(0.0).powf(power.as_f64().unwrap_or(0.0)))
}

fn max(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    extreme(arguments, Ordering::Greater)
}

fn min(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    extreme(arguments, Ordering::Less)
}

fn extreme(arguments: &mut Arguments, wanted: Ordering) -> Result<Val, Fault> {
    let mut best = arguments.number(0)?;
    for index in 1..arguments.len() {
        let next = arguments.number(index)?;
        if number_order(&next, &best) == wanted {
            best = next;
        }
    }
    Ok(Val::Number(best))
}

fn parseint(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let Val::Text(text) = arguments.value(0)? else {
        return Err(Fault::argument(0, "must be a text"));
    };
    let base = arguments.integer(1)?;
    if !(2..=62).contains(&base) {
        return Err(Fault::argument(1, format!("must be from 2 to 62, not {base}")));
    }
    let not_a_number = || Fault::argument(0, format!("{text:?} is no whole number in base {base}"));
    let digits = text.strip_prefix(['-', '+']).unwrap_or(&text);
    if digits.is_empty() {
        return Err(not_a_number());
    }
    let mut magnitude: i128 = 0;
    for digit in digits.chars() {
        let value = digit_value(digit, base).ok_or_else(not_a_number)?;
        magnitude = magnitude
            .checked_mul(base.into())
            .and_then(|shifted| shifted.checked_add(value.into()))
            .filter(|magnitude| *magnitude <= u64::MAX.into())
            .ok_or_else(|| Fault::argument(0, format!("{text:?} does not fit into 64 bits")))?;
    }
    let signed = if text.starts_with('-') { -magnitude } else { magnitude };
    if signed < i64::MIN.into() {
        return Err(Fault::argument(0, format!("{text:?} does not fit into 64 bits")));
    }
    whole(signed)
}

/// Up to base 36 letters of either case are alike; beyond, capitals follow the small ones.
fn digit_value(digit: char, base: i64) -> Option<i64> {
    let value = match digit {
        '0'..='9' => u32::from(digit) - u32::from('0'),
        'a'..='z' => u32::from(digit) - u32::from('a') + 10,
        'A'..='Z' if base <= 36 => u32::from(digit) - u32::from('A') + 10,
        'A'..='Z' => u32::from(digit) - u32::from('A') + 36,
        _ => return None,
    };
    let value = i64::from(value);
    (value < base).then_some(value)
}

fn signum(arguments: &mut Arguments, _: &Outside<'_>) -> Result<Val, Fault> {
    let sign: i64 = match number_order(&arguments.number(0)?, &0.into()) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    };
    Ok(Val::from(sign))
}
