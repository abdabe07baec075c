//! References: `var.a.b[0]`, iterators, splats, and what stays text as written.

use std::sync::Arc;

use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use hcl_edit::{Decorated, Span as _};

use crate::diagnostic::{Span, nearest};
use crate::hcl::DEPTH_MAX;
use crate::hcl::value::{Val, integer};

use super::{Evaluator, Failure, KNOWN_MAX, Named, Outcome, Phase};

/// What begins a reference to a variable or local.
const ROOTS: [&str; 2] = ["local", "var"];

impl Evaluator<'_> {
    /// Tells whether a reference with this root is evaluated rather than kept as text.
    pub(super) fn is_known_root(&self, root: &Expression) -> bool {
        match root {
            Expression::Variable(name) => {
                ROOTS.contains(&name.as_str()) || self.iterator(name.as_str()).is_some()
            }
            _ => true,
        }
    }

    fn iterator(&self, name: &str) -> Option<&Arc<Val>> {
        self.scope.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Evaluates a name alone.
    pub(super) fn name(&mut self, name: &str, span: Option<Span>) -> Outcome<Val> {
        if let Some(value) = self.iterator(name).cloned() {
            return self.copied(&value, span);
        }
        // What clients put into the environment of tasks.
        if name.starts_with("NOMAD_") {
            return self.produced(format!("${{{name}}}"), span);
        }
        let place = self.place.span(span);
        if ROOTS.contains(&name) {
            return Err(self.error(place, format!("{name:?} alone is no value: write {name}.name")).into());
        }
        let wrong = self.error(place, format!("unknown name {name:?}"));
        let near = nearest(name, self.scope.iter().map(|(known, _)| known.as_str()));
        let help = match near {
            Some(near) => format!("did you mean {near}?"),
            None => format!("texts stand in quotes: \"{name}\""),
        };
        Err(wrong.help(help).into())
    }

    /// Evaluates a name with what follows it.
    pub(super) fn traversal(&mut self, traversal: &Traversal, span: Option<Span>) -> Outcome<Val> {
        let operators = traversal.operators.as_slice();
        let splats = operators.iter().filter(|one| is_splat(one)).count();
        if splats > DEPTH_MAX {
            let message = format!("a reference may have at most {DEPTH_MAX} splats");
            return Err(self.error(self.place.span(span), message).into());
        }
        let (value, rest) = match &traversal.expr {
            Expression::Variable(name) => match self.iterator(name.as_str()) {
                Some(value) => (Arc::clone(value), operators),
                None if ROOTS.contains(&name.as_str()) => self.named(name.as_str(), operators, &span)?,
                None => return self.as_written(name.as_str(), operators, span),
            },
            other => (Arc::new(self.eval(other)?), operators),
        };
        self.follow(&value, rest, span)
    }

    /// Looks up a variable or local; returns what follows its name.
    fn named<'o>(
        &mut self,
        root: &str,
        operators: &'o [Decorated<TraversalOperator>],
        span: &Option<Span>,
    ) -> Outcome<(Arc<Val>, &'o [Decorated<TraversalOperator>])> {
        let place = self.place.span(span.clone());
        let Some((first, rest)) = operators.split_first() else {
            return Err(self.error(place, format!("write {root}.name")).into());
        };
        let name = match first.value() {
            TraversalOperator::GetAttr(name) => name.as_str(),
            TraversalOperator::Index(Expression::String(name)) => name.value().as_str(),
            _ => {
                let message = format!("after {root} comes the name of one: {root}.name");
                return Err(self.error(place, message).into());
            }
        };
        let (table, what, needed) = if root == "var" {
            (&self.variables, "variable", Phase::Variables)
        } else {
            (&self.locals, "local", Phase::All)
        };
        if self.phase < needed {
            let message = if self.phase == Phase::Constant {
                "a default or a given value cannot refer to others"
            } else {
                "a validation can refer to variables only"
            };
            return Err(self.error(place, message).into());
        }
        match table.get(name) {
            Some(Named { value: Some(value), origin }) => {
                let value = Arc::clone(value);
                if self.noted.insert((place.start, place.end)) {
                    self.found.note(self.place.source, place, format!("{root}.{name} {origin}"));
                }
                Ok((value, rest))
            }
            Some(Named { value: None, .. }) => Err(Failure::REPORTED),
            None => {
                let is_short = table.len() <= KNOWN_MAX;
                let known: Vec<String> = table.keys().filter(|_| is_short).cloned().collect();
                let help = match self.suggestion(name, known.iter().map(String::as_str)) {
                    Some(help) => help,
                    None if root == "var" => format!("declare it: variable {name:?} {{ }}"),
                    None => format!("define it: locals {{ {name} = ... }}"),
                };
                Err(Failure::of_text(self.error(place, format!("unknown {what} {name:?}")).help(help)))
            }
        }
    }

    /// Keeps a reference to what only clients know.
    fn as_written(
        &mut self,
        root: &str,
        operators: &[Decorated<TraversalOperator>],
        span: Option<Span>,
    ) -> Outcome<Val> {
        let is_plain = |one: &Decorated<TraversalOperator>| match one.value() {
            TraversalOperator::GetAttr(_) | TraversalOperator::LegacyIndex(_) => true,
            TraversalOperator::Index(index) => matches!(index, Expression::String(_) | Expression::Number(_)),
            TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_) => false,
        };
        let place = self.place.span(span.clone());
        if !operators.iter().all(is_plain) {
            return Err(self
                .error(
                    place,
                    format!(
                        "{root:?} is resolved when the task starts: it takes no computed index and no splat"
                    ),
                )
                .into());
        }
        let meant = match root {
            // What clients know, and names in capitals, as NOMAD_ADDR.
            "attr" | "device" | "meta" | "node" | "env" => None,
            "vars" | "variable" | "variables" => Some("var"),
            "locals" => Some("local"),
            _ if root.len() < 3 || root.starts_with(|first: char| first.is_ascii_uppercase()) => None,
            _ => nearest(root, ROOTS.into_iter().chain(self.scope.iter().map(|(name, _)| name.as_str()))),
        };
        if let Some(meant) = meant.map(str::to_owned) {
            let written = self.place.written(span.clone());
            self.warn(
                &place,
                format!("{written} stays text: {root:?} is not known here"),
                format!("did you mean {meant:?}?"),
            );
        }
        let text = format!("${{{}}}", self.place.written(span.clone()));
        self.produced(text, span)
    }

    fn copied(&mut self, value: &Val, span: Option<Span>) -> Outcome<Val> {
        let spent = self.budget.value(value);
        self.within(spent, span)?;
        Ok(value.clone())
    }

    /// Follows attributes, indices and splats into a value. Recurses once for each splat.
    fn follow(
        &mut self,
        root: &Val,
        operators: &[Decorated<TraversalOperator>],
        span: Option<Span>,
    ) -> Outcome<Val> {
        let mut value = root;
        for (done, operator) in operators.iter().enumerate() {
            let rest = &operators[done + 1..];
            match operator.value() {
                TraversalOperator::GetAttr(name) => {
                    value = self.attribute(value, name.as_str(), operator, &span)?;
                }
                TraversalOperator::LegacyIndex(index) => {
                    let key = Val::Number((**index).into());
                    value = self.element(value, &key, operator, &span)?;
                }
                TraversalOperator::Index(expression) => {
                    let key = self.eval(expression)?;
                    value = self.element(value, &key, operator, &span)?;
                }
                TraversalOperator::AttrSplat(_) => {
                    // Only attributes belong to it; what follows applies to the list as a whole.
                    let count = rest
                        .iter()
                        .take_while(|one| matches!(one.value(), TraversalOperator::GetAttr(_)))
                        .count();
                    let list = self.splat(value, &rest[..count], span.clone())?;
                    return self.follow(&list, &rest[count..], span);
                }
                TraversalOperator::FullSplat(_) => return self.splat(value, rest, span),
            }
        }
        self.copied(value, span)
    }

    fn splat(
        &mut self,
        value: &Val,
        operators: &[Decorated<TraversalOperator>],
        span: Option<Span>,
    ) -> Outcome<Val> {
        let values = match value {
            Val::List(values) | Val::Set(values) => values.as_slice(),
            Val::Null => &[],
            one => std::slice::from_ref(one),
        };
        let mut list = Vec::with_capacity(values.len());
        for value in values {
            list.push(self.follow(value, operators, span.clone())?);
        }
        Ok(Val::List(list))
    }

    fn attribute<'v>(
        &mut self,
        value: &'v Val,
        name: &str,
        operator: &Decorated<TraversalOperator>,
        span: &Option<Span>,
    ) -> Outcome<&'v Val> {
        let span = operator.span().or_else(|| span.clone());
        let Val::Map(entries) = value else {
            let message = format!("{} has no attribute {name:?}", value.describe());
            let is_list = matches!(value, Val::List(_) | Val::Set(_));
            let help = is_list.then(|| format!("for those of all elements write [*].{name}"));
            return Err(self.error(self.place.span(span), message).maybe_help(help).into());
        };
        self.entry(entries, name, span)
    }

    /// Finds a key in a map.
    fn entry<'v>(&mut self, entries: &'v [(String, Val)], key: &str, span: Option<Span>) -> Outcome<&'v Val> {
        let spent = self.budget.look_up(entries.len());
        self.within(spent, span.clone())?;
        match entries.iter().find(|(known, _)| known == key) {
            Some((_, value)) => Ok(value),
            None => {
                let help = self.suggestion(key, entries.iter().map(|(known, _)| known.as_str()));
                let place = self.place.span(span);
                Err(self.error(place, format!("there is no {key:?} in it")).maybe_help(help).into())
            }
        }
    }

    fn element<'v>(
        &mut self,
        value: &'v Val,
        key: &Val,
        operator: &Decorated<TraversalOperator>,
        span: &Option<Span>,
    ) -> Outcome<&'v Val> {
        let span = operator.span().or_else(|| span.clone());
        let message = match value {
            Val::Map(entries) => match key.to_text() {
                Some(key) => return self.entry(entries, &key, span),
                None => format!("a map is indexed by a text, not by {}", key.describe()),
            },
            Val::List(values) => match key.to_number().as_ref().and_then(integer) {
                Some(index) => match usize::try_from(index).ok().and_then(|index| values.get(index)) {
                    Some(value) => return Ok(value),
                    None => format!("there is no element {index} in a list of {}", values.len()),
                },
                None => "a list is indexed by a whole number".to_owned(),
            },
            Val::Set(_) => {
                "the elements of a set have no index; [for x in ... : x] makes a list of them".to_owned()
            }
            other => format!("{} has no elements", other.describe()),
        };
        Err(self.error(self.place.span(span), message).into())
    }
}

fn is_splat(operator: &Decorated<TraversalOperator>) -> bool {
    matches!(operator.value(), TraversalOperator::AttrSplat(_) | TraversalOperator::FullSplat(_))
}
