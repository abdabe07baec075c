//! Locals: named values that may depend on each other in any order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, Traversal, TraversalOperator};
use hcl_edit::visit::{Visit, visit_traversal};

use crate::diagnostic::Span;

use super::{Evaluator, Named};

/// A local as written.
pub(super) struct Local<'b> {
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    pub expression: &'b Expression,
}

/// How far a local is on its way to a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unseen,
    /// Waits for those it depends on.
    Open,
    Done,
}

impl Evaluator<'_> {
    /// Evaluates all locals, each after those it depends on. Does not recurse: a chain may be as long as the file.
    pub(super) fn define_locals(&mut self, locals: &[Local<'_>]) {
        let mut places: BTreeMap<&str, usize> = BTreeMap::new();
        for (place, local) in locals.iter().enumerate() {
            if let Some(first) = places.get(local.name.as_str()) {
                let line = self.line(locals[*first].span.start);
                let wrong =
                    self.error(local.span.clone(), format!("local {:?} is defined twice", local.name));
                self.found.push(wrong.help(format!("the first is in line {line}")));
            } else {
                places.insert(&local.name, place);
                // So that a misspelt name finds those that come later.
                self.locals.insert(local.name.clone(), Named { value: None, origin: String::new() });
            }
        }
        let needs: Vec<Vec<usize>> = locals.iter().map(|local| needed(local.expression, &places)).collect();
        let mut states = vec![State::Unseen; locals.len()];
        for start in 0..locals.len() {
            let mut stack = vec![(start, 0)];
            while let Some((at, next)) = stack.last_mut() {
                if states[*at] == State::Done {
                    stack.pop();
                    continue;
                }
                states[*at] = State::Open;
                match needs[*at].get(*next) {
                    Some(&needed) => {
                        *next += 1;
                        match states[needed] {
                            State::Done => {}
                            State::Unseen => stack.push((needed, 0)),
                            State::Open => {
                                let path: Vec<usize> = stack.iter().map(|(at, _)| *at).collect();
                                self.cycle(locals, &path, needed);
                                path.iter().for_each(|at| states[*at] = State::Done);
                            }
                        }
                    }
                    None => {
                        let at = *at;
                        self.define_local(&locals[at]);
                        states[at] = State::Done;
                        stack.pop();
                    }
                }
            }
        }
    }

    fn define_local(&mut self, local: &Local<'_>) {
        let span = self.place.span(local.expression.span());
        let value = self.eval(local.expression).and_then(|value| self.checked(value, &span));
        let value = match value {
            Ok(value) => Some(Arc::new(value)),
            Err(failure) => {
                self.report(failure);
                None
            }
        };
        let line = self.line(local.span.start);
        self.locals.insert(local.name.clone(), Named { value, origin: format!("is defined in line {line}") });
    }

    fn cycle(&mut self, locals: &[Local<'_>], path: &[usize], back_to: usize) {
        let start = path.iter().position(|at| *at == back_to).unwrap_or(0);
        let mut names: Vec<String> =
            path[start..].iter().map(|at| format!("local.{}", locals[*at].name)).collect();
        names.push(format!("local.{}", locals[back_to].name));
        let wrong = self.error(
            locals[back_to].span.clone(),
            format!("local {:?} depends on itself", locals[back_to].name),
        );
        self.found.push(wrong.help(names.join(" -> ")));
    }
}

/// Returns which locals an expression refers to.
fn needed(expression: &Expression, places: &BTreeMap<&str, usize>) -> Vec<usize> {
    let mut references = References { places, found: BTreeSet::new() };
    references.visit_expr(expression);
    references.found.into_iter().collect()
}

struct References<'a> {
    places: &'a BTreeMap<&'a str, usize>,
    found: BTreeSet<usize>,
}

impl Visit for References<'_> {
    fn visit_traversal(&mut self, traversal: &Traversal) {
        if let Expression::Variable(root) = &traversal.expr
            && root.as_str() == "local"
        {
            let name = match traversal.operators.first().map(|operator| operator.value()) {
                Some(TraversalOperator::GetAttr(name)) => Some(name.as_str()),
                Some(TraversalOperator::Index(Expression::String(name))) => Some(name.value().as_str()),
                _ => None,
            };
            self.found.extend(name.and_then(|name| self.places.get(name)));
        }
        visit_traversal(self, traversal);
    }
}
