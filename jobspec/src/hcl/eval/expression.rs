//! Expressions: what each kind of them evaluates to.

use std::collections::BTreeMap;
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::{Conditional, Expression, ForExpr, FuncCall, Object, ObjectKey};

use crate::diagnostic::{Span, nearest};
use crate::hcl::functions;
use crate::hcl::tree::Label;
use crate::hcl::value::{Val, parse_number};

use super::{Evaluator, Failure, Outcome, types};

impl Evaluator<'_> {
    /// Evaluates an expression.
    ///
    /// Recurses: what the arms do is in functions of their own, so that a level takes little of the stack.
    pub(super) fn eval(&mut self, expression: &Expression) -> Outcome<Val> {
        let step = self.budget.step();
        self.within(step, expression.span())?;
        match expression {
            Expression::Null(_) => Ok(Val::Null),
            Expression::Bool(flag) => Ok(Val::Bool(*flag.value())),
            Expression::Number(number) => Ok(Val::Number(number_of(number.value()))),
            Expression::String(text) => self.produced(text.value().clone(), expression.span()),
            Expression::Array(array) => {
                Ok(Val::List(array.iter().map(|item| self.eval(item)).collect::<Outcome<_>>()?))
            }
            Expression::Object(object) => self.object(object),
            Expression::StringTemplate(template) => self.string_template(template, expression.span()),
            Expression::HeredocTemplate(heredoc) => self.heredoc(heredoc, expression.span()),
            Expression::Parenthesis(inner) => self.eval(inner.inner()),
            Expression::Variable(name) => self.name(name.as_str(), expression.span()),
            Expression::Traversal(traversal) => self.traversal(traversal, expression.span()),
            Expression::UnaryOp(operation) => self.unary(operation),
            Expression::BinaryOp(operation) => self.binary(operation),
            Expression::Conditional(condition) => {
                let chosen = self.chosen(condition)?;
                self.eval(chosen)
            }
            Expression::ForExpr(expression) => self.for_expression(expression),
            Expression::FuncCall(call) => self.call(call, expression.span()),
        }
    }

    /// Takes a text from the budget.
    pub(super) fn produced(&mut self, text: String, span: Option<Span>) -> Outcome<Val> {
        let spent = self.budget.text(text.len());
        self.within(spent, span)?;
        Ok(Val::Text(text))
    }

    /// Evaluates a condition: true or false.
    pub(super) fn condition(&mut self, expression: &Expression, what: &str) -> Outcome<bool> {
        let value = self.eval(expression)?;
        value.to_bool().ok_or_else(|| {
            let span = self.place.span(expression.span());
            self.error(span, format!("{what} must be true or false, not {}", value.describe())).into()
        })
    }

    /// Evaluates the condition of `a ? b : c` and returns which of `b` and `c` it chooses.
    pub(super) fn chosen<'e>(&mut self, condition: &'e Conditional) -> Outcome<&'e Expression> {
        let holds = self.condition(&condition.cond_expr, "a condition")?;
        Ok(if holds { &condition.true_expr } else { &condition.false_expr })
    }

    fn object(&mut self, object: &Object) -> Outcome<Val> {
        let mut entries: Vec<(String, Val)> = Vec::with_capacity(object.len());
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (key, value) in object.iter() {
            let key = self.key(key)?.text;
            let value = self.eval(value.expr())?;
            // Two computed keys may be the same; the later one counts, as in HCL.
            match places.get(&key) {
                Some(place) => entries[*place].1 = value,
                None => {
                    places.insert(key.clone(), entries.len());
                    entries.push((key, value));
                }
            }
        }
        Ok(Val::Map(entries))
    }

    /// Evaluates the key of a map: a bare name is itself, in parentheses it is an expression.
    pub(super) fn key(&mut self, key: &ObjectKey) -> Outcome<Label> {
        let expression = match key {
            ObjectKey::Ident(name) => {
                return Ok(Label { text: name.as_str().to_owned(), span: self.place.span(name.span()) });
            }
            ObjectKey::Expression(expression) => expression,
        };
        let span = self.place.span(expression.span());
        if let Expression::Traversal(traversal) = expression
            && !self.is_known_root(&traversal.expr)
        {
            // A dotted name, as in `{ a.b = 1 }`.
            return Ok(Label { text: self.place.written(expression.span()).to_owned(), span });
        }
        let value = self.eval(expression)?;
        match value.to_text() {
            Some(text) => Ok(Label { text, span }),
            None => Err(self
                .error(span, format!("the key of a map must be a text, not {}", value.describe()))
                .into()),
        }
    }

    fn for_expression(&mut self, parsed: &ForExpr) -> Outcome<Val> {
        let items = self.items(&parsed.intro.collection_expr)?;
        let key_name = parsed.intro.key_var.as_ref().map(|name| name.as_str());
        let value_name = parsed.intro.value_var.as_str();
        let depth = self.scope.len();
        let mut list = Vec::new();
        let mut map: BTreeMap<String, Val> = BTreeMap::new();
        for (key, value) in items {
            self.bind(key_name, key, value_name, value);
            let result = self.for_item(parsed, &mut list, &mut map);
            self.scope.truncate(depth);
            result?;
        }
        Ok(if parsed.key_expr.is_some() { Val::map(map) } else { Val::List(list) })
    }

    /// Evaluates one turn of a `for` expression.
    fn for_item(
        &mut self,
        parsed: &ForExpr,
        list: &mut Vec<Val>,
        map: &mut BTreeMap<String, Val>,
    ) -> Outcome<()> {
        if let Some(condition) = &parsed.cond
            && !self.condition(&condition.expr, "the condition of a for expression")?
        {
            return Ok(());
        }
        let Some(key_expression) = &parsed.key_expr else {
            list.push(self.eval(&parsed.value_expr)?);
            return Ok(());
        };
        let key = self.eval(key_expression)?;
        let span = self.place.span(key_expression.span());
        let Some(key) = key.to_text() else {
            let message = format!("the key of a map must be a text, not {}", key.describe());
            return Err(self.error(span, message).into());
        };
        let value = self.eval(&parsed.value_expr)?;
        if parsed.grouping {
            match map.entry(key).or_insert_with(|| Val::List(Vec::new())) {
                Val::List(values) => values.push(value),
                other => *other = Val::List(vec![value]),
            }
            return Ok(());
        }
        if map.contains_key(&key) {
            return Err(self
                .error(span, format!("two elements have the key {key:?}"))
                .help("write ... after the value to get a list of values for each key")
                .into());
        }
        map.insert(key, value);
        Ok(())
    }

    /// Brings the iterators of one turn into scope.
    pub(super) fn bind(&mut self, key_name: Option<&str>, key: Val, value_name: &str, value: Val) {
        if let Some(name) = key_name {
            self.scope.push((name.to_owned(), Arc::new(key)));
        }
        self.scope.push((value_name.to_owned(), Arc::new(value)));
    }

    /// Evaluates what a loop goes over, to keys and values: places of a list, the elements of a set themselves, keys of
    /// a map in their order.
    pub(super) fn items(&mut self, expression: &Expression) -> Outcome<Vec<(Val, Val)>> {
        let items = match self.eval(expression)? {
            Val::List(values) => {
                values.into_iter().enumerate().map(|(index, value)| (Val::from(index), value)).collect()
            }
            Val::Set(values) => values.into_iter().map(|value| (value.clone(), value)).collect(),
            Val::Map(mut entries) => {
                entries.sort_by(|one, two| one.0.cmp(&two.0));
                entries.into_iter().map(|(key, value)| (Val::Text(key), value)).collect()
            }
            other => {
                let span = self.place.span(expression.span());
                let message =
                    format!("only lists, sets and maps can be gone through, not {}", other.describe());
                return Err(self.error(span, message).into());
            }
        };
        Ok(items)
    }

    fn call(&mut self, call: &FuncCall, span: Option<Span>) -> Outcome<Val> {
        let name = call.name.name.as_str();
        if call.name.is_namespaced() || !functions::names().any(|known| known == name) {
            let name_span = self.place.span(call.name.name.span());
            let _ = self.budget.steps(functions::names().count());
            let near = nearest(name, functions::names());
            let help = near.map(|near| format!("did you mean {near:?}?"));
            return Err(Failure::of_text(
                self.error(name_span, format!("unknown function {name:?}")).maybe_help(help),
            ));
        }
        match name {
            "can" => return self.can(call, span),
            "try" => return self.try_each(call, span),
            "convert" => return self.convert(call, span),
            _ => {}
        }
        let mut arguments = Vec::with_capacity(call.args.len());
        for argument in call.args.iter() {
            arguments.push(self.eval(argument)?);
        }
        if call.args.expand_final() {
            match arguments.pop() {
                Some(Val::List(values) | Val::Set(values)) => arguments.extend(values),
                other => {
                    let last = call.args.iter().last().and_then(|last| last.span());
                    let what = other.map_or("nothing", |other| other.describe());
                    let message = format!("only a list can be expanded into arguments with ..., not {what}");
                    return Err(self.error(self.place.span(last), message).into());
                }
            }
        }
        let spent = self.budget.steps(functions::effort(name, &arguments));
        self.within(spent, span.clone())?;
        let result = functions::call(name, arguments, &self.outside).map_err(|fault| {
            // Arguments that an expanded list gave stand where the list does.
            let place = fault.argument.and_then(|index| {
                let last = call.args.len().checked_sub(1)?;
                call.args.get(index.min(last))?.span()
            });
            let span = self.place.span(place.or_else(|| span.clone()));
            self.error(span, format!("function {name:?}: {}", fault.message))
        })?;
        let spent = self.budget.value(&result);
        self.within(spent, span)?;
        Ok(result)
    }

    /// `can(expression)`: whether it has a value.
    fn can(&mut self, call: &FuncCall, span: Option<Span>) -> Outcome<Val> {
        let [argument] = call.args.iter().collect::<Vec<_>>()[..] else {
            return Err(self.error(self.place.span(span), "can takes one expression").into());
        };
        match self.attempt(argument) {
            Err(failure) if failure.is_final => Err(failure),
            result => Ok(Val::Bool(result.is_ok())),
        }
    }

    /// `try(expression, ...)`: the first that has a value.
    fn try_each(&mut self, call: &FuncCall, span: Option<Span>) -> Outcome<Val> {
        let mut last = None;
        for argument in call.args.iter() {
            match self.attempt(argument) {
                Err(failure) if !failure.is_final => last = Some(failure),
                result => return result,
            }
        }
        match last {
            None => Err(self.error(self.place.span(span), "try takes at least one expression").into()),
            // The last one is what the user falls back to: why it has no value is what to mend.
            Some(failure) => Err(failure),
        }
    }

    /// Evaluates an expression that may fail, and leaves the iterators as they were.
    fn attempt(&mut self, expression: &Expression) -> Outcome<Val> {
        let depth = self.scope.len();
        let result = self.eval(expression);
        self.scope.truncate(depth);
        result
    }

    /// `convert(value, type)`.
    fn convert(&mut self, call: &FuncCall, span: Option<Span>) -> Outcome<Val> {
        let [value, kind] = call.args.iter().collect::<Vec<_>>()[..] else {
            return Err(self.error(self.place.span(span), "convert takes a value and a type").into());
        };
        let given = self.eval(value)?;
        let kind = self.read_type(kind)?;
        kind.convert(given).map_err(|mismatch| {
            let span = self.place.span(locate(value, &mismatch.path).span());
            self.error(span, format!("the value{} {}", mismatch.path(), mismatch.message)).into()
        })
    }

    /// Reads a type.
    pub(super) fn read_type(&mut self, expression: &Expression) -> Outcome<types::Type> {
        let mut failed = None;
        let kind = types::read(expression, &mut |default| match self.eval(default) {
            Ok(value) => Some(value),
            Err(failure) => {
                failed = Some(failure);
                None
            }
        });
        match (kind, failed) {
            (_, Some(failure)) => Err(failure),
            (Ok(kind), None) => Ok(kind),
            (Err(wrong), None) => {
                let span = self.place.span(wrong.span);
                Err(self.error(span, wrong.message).maybe_help(wrong.help).into())
            }
        }
    }
}

/// Returns the innermost literal expression for a part of a value.
pub(super) fn locate<'e>(expression: &'e Expression, path: &[types::Step]) -> &'e Expression {
    let mut found = expression;
    for step in path {
        let inner = match (found, step) {
            (Expression::Array(array), types::Step::Index(index)) => array.get(*index),
            (Expression::Object(object), types::Step::Key(key)) => object
                .iter()
                .find(|(known, _)| match known {
                    ObjectKey::Ident(name) => name.as_str() == key,
                    ObjectKey::Expression(Expression::String(text)) => text.value() == key,
                    ObjectKey::Expression(_) => false,
                })
                .map(|(_, value)| value.expr()),
            _ => None,
        };
        match inner {
            Some(inner) => found = inner,
            None => break,
        }
    }
    found
}

/// Returns a number of the syntax tree; whole numbers as integers.
fn number_of(number: &hcl_edit::Number) -> serde_json::Number {
    if let Some(integer) = number.as_i64() {
        return integer.into();
    }
    if let Some(integer) = number.as_u64() {
        return integer.into();
    }
    let float = number.as_f64().and_then(Val::number);
    match float {
        Some(Val::Number(number)) => number,
        // No literal is infinite: the parser has refused it.
        _ => parse_number("0").unwrap_or_else(|| 0.into()),
    }
}
