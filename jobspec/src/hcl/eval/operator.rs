//! Operators: arithmetic, comparison, logic.

use std::cmp::Ordering;

use hcl_edit::Span as _;
use hcl_edit::expr::{BinaryOp, BinaryOperator, Expression, UnaryOp, UnaryOperator};
use serde_json::Number;

use crate::hcl::value::{Val, integer, number_order};

use super::{Evaluator, Outcome};

impl Evaluator<'_> {
    pub(super) fn unary(&mut self, operation: &UnaryOp) -> Outcome<Val> {
        match operation.operator.value() {
            UnaryOperator::Not => Ok(Val::Bool(!self.condition(&operation.expr, "what ! stands before")?)),
            UnaryOperator::Neg => {
                let number = self.number(&operation.expr, "-")?;
                let zero = Number::from(0);
                self.computed(operation, compute(BinaryOperator::Minus, &zero, &number))
            }
        }
    }

    pub(super) fn binary(&mut self, operation: &BinaryOp) -> Outcome<Val> {
        let operator = *operation.operator.value();
        let (left, right) = (&operation.lhs_expr, &operation.rhs_expr);
        match operator {
            BinaryOperator::And | BinaryOperator::Or => {
                let what = format!("what stands beside {}", operator.as_str());
                let first = self.condition(left, &what)?;
                // The second is not looked at where the first decides.
                if first == (operator == BinaryOperator::Or) {
                    return Ok(Val::Bool(first));
                }
                self.condition(right, &what).map(Val::Bool)
            }
            BinaryOperator::Eq | BinaryOperator::NotEq => {
                let equal = self.eval(left)? == self.eval(right)?;
                Ok(Val::Bool(equal == (operator == BinaryOperator::Eq)))
            }
            BinaryOperator::Less
            | BinaryOperator::LessEq
            | BinaryOperator::Greater
            | BinaryOperator::GreaterEq => {
                let left = self.number(left, operator.as_str())?;
                let right = self.number(right, operator.as_str())?;
                let order = number_order(&left, &right);
                Ok(Val::Bool(match operator {
                    BinaryOperator::Less => order == Ordering::Less,
                    BinaryOperator::LessEq => order != Ordering::Greater,
                    BinaryOperator::Greater => order == Ordering::Greater,
                    _ => order != Ordering::Less,
                }))
            }
            BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Mul
            | BinaryOperator::Div
            | BinaryOperator::Mod => {
                let left = self.number(left, operator.as_str())?;
                let right_number = self.number(right, operator.as_str())?;
                let divides = matches!(operator, BinaryOperator::Div | BinaryOperator::Mod);
                if divides && right_number.as_f64() == Some(0.0) {
                    return Err(self
                        .error(self.place.span(right.span()), "this is zero: it divides nothing")
                        .into());
                }
                self.computed(operation, compute(operator, &left, &right_number))
            }
        }
    }

    fn computed(&self, operation: &impl hcl_edit::Span, result: Option<Val>) -> Outcome<Val> {
        result.ok_or_else(|| self.error(self.place.span(operation.span()), "the result is too large").into())
    }

    fn number(&mut self, expression: &Expression, operator: &str) -> Outcome<Number> {
        let value = self.eval(expression)?;
        value.to_number().ok_or_else(|| {
            let span = self.place.span(expression.span());
            let wrong = self.error(span, format!("{operator} works on numbers, not on {}", value.describe()));
            let is_text = operator == "+" && matches!(value, Val::Text(_));
            wrong
                .maybe_help(is_text.then(|| "texts are joined in a template: \"${a}${b}\"".to_owned()))
                .into()
        })
    }
}

/// Computes; None where the result is no finite number. The divisor is not zero.
fn compute(operator: BinaryOperator, left: &Number, right: &Number) -> Option<Val> {
    if let (Some(left), Some(right)) = (integer(left), integer(right)) {
        let exact = match operator {
            BinaryOperator::Plus => left.checked_add(right),
            BinaryOperator::Minus => left.checked_sub(right),
            BinaryOperator::Mul => left.checked_mul(right),
            BinaryOperator::Div if left.checked_rem(right) == Some(0) => left.checked_div(right),
            BinaryOperator::Mod => left.checked_rem(right),
            _ => None,
        };
        if let Some(exact) = exact {
            if let Ok(integer) = i64::try_from(exact) {
                return Some(Val::Number(integer.into()));
            }
            if let Ok(integer) = u64::try_from(exact) {
                return Some(Val::Number(integer.into()));
            }
        }
    }
    let (left, right) = (left.as_f64()?, right.as_f64()?);
    let result = match operator {
        BinaryOperator::Plus => left + right,
        BinaryOperator::Minus => left - right,
        BinaryOperator::Mul => left * right,
        BinaryOperator::Div => left / right,
        BinaryOperator::Mod => left % right,
        _ => return None,
    };
    if !result.is_finite() {
        return None;
    }
    // To 15 digits, so that 0.1 + 0.2 is 0.3 as in HCL, which computes with many more.
    Val::number(format!("{result:.14e}").parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hcl::value::{number_text, parse_number};

    #[test]
    fn computes_exactly_where_numbers_are_whole_and_to_15_digits_where_not() {
        use BinaryOperator::{Div, Minus, Mod, Mul, Plus};
        for (left, operator, right, result) in [
            ("1", Plus, "2", "3"),
            ("0.1", Plus, "0.2", "0.3"),
            ("9007199254740993", Plus, "2", "9007199254740995"),
            ("18446744073709551615", Minus, "1", "18446744073709551614"),
            ("7", Div, "2", "3.5"),
            ("6", Div, "-2", "-3"),
            ("-7", Mod, "3", "-1"),
            ("5.5", Mod, "2", "1.5"),
            ("2", Div, "3", "0.666666666666667"),
            ("1e300", Mul, "1e300", "too large"),
        ] {
            let (one, two) = (parse_number(left).unwrap(), parse_number(right).unwrap());
            let text = match compute(operator, &one, &two) {
                Some(Val::Number(number)) => number_text(&number),
                _ => "too large".to_owned(),
            };
            assert_eq!(text, result, "{left} {operator:?} {right}");
        }
    }
}
