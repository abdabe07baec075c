//! Evaluation: the syntax tree of a file into a [`Body`] of plain values.
//!
//! A file is evaluated in four stages, each of which sees the results of those before it:
//!
//! ```text
//! variables   -> declarations, then the values given in [`Inputs`], converted to the declared types
//! validations -> conditions over the variables
//! locals      -> in the order of their dependencies
//! body        -> attributes, blocks, and what `dynamic` makes of both
//! ```
//!
//! One walk over an expression gives one [`Val`] or one failure. The places of values are added at the end: elements of
//! literal lists and maps keep their own, everything else has that of the expression it was computed by.
//!
//! # Vocabulary
//! - A *reference* is a name with what follows it: `var.a.b[0]`. Its *root* is its first name.
//! - *Text as written*: a reference whose root is neither `var` nor `local` nor an iterator in scope becomes the text
//!   `${attr.kernel.name}`, wherever it stands, as in Nomad. Clients resolve it when the task starts.
//! - An *iterator* is the variable of a `for` expression or directive, or of a `dynamic` block.
//!
//! # Invariants
//! - A file costs at most what `budget` allows. Once that is used up, evaluation ends, and `try` does not catch it.
//! - Recursion follows the syntax tree, whose depth the parser bounds, and values, whose depth is checked wherever one
//!   gets a name (`check_size`).
//! - A failure is reported once: what depends on something that failed fails silently.
//!
//! # Caveats
//! - The two results of a condition are not converted to one type, and the one not chosen is not evaluated.
//! - Numbers that are not whole have 15 digits, where HCL computes with 150.

mod budget;
mod declare;
mod dynamic;
mod expression;
mod given;
mod inputs;
mod json_dynamic;
mod locals;
mod operator;
mod place;
mod reference;
mod template;
mod types;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, Object};
use hcl_edit::structure::{self, Structure};

use crate::diagnostic::{Diagnostic, Diagnostics, Span, suggest};

use super::Options;
use super::functions::Outside;
use super::tree::{Attribute, Block, Body, Label, Value, ValueKind};
use super::value::Val;

use budget::{Budget, Exhausted};

pub use inputs::Inputs;
pub(super) use place::Place;

/// Evaluates a parsed file.
///
/// # Errors
/// With all that cannot be evaluated.
pub(super) fn file(
    place: Place<'_>,
    parsed: &structure::Body,
    options: Options<'_>,
    warnings: &mut Diagnostics,
) -> Result<Body, Diagnostics> {
    let mut evaluator = Evaluator::new(place, options);
    let (declared, rest) = declare::split(&mut evaluator, parsed);
    evaluator.define(&declared, options);
    let body = evaluator.body(rest, 0..0);
    evaluator.finish(warnings)?;
    Ok(body)
}

/// Evaluates a JSON file: `variable`, `variables` and `locals` are taken out, everything else is returned.
///
/// # Errors
/// With all that cannot be evaluated.
pub(super) fn json_file(
    place: Place<'_>,
    object: &Object,
    options: Options<'_>,
    warnings: &mut Diagnostics,
) -> Result<Vec<(Label, Value)>, Diagnostics> {
    let mut evaluator = Evaluator { is_json: true, ..Evaluator::new(place, options) };
    let (declared, rest) = declare::split_json(&mut evaluator, object);
    evaluator.define(&declared, options);
    let entries = rest.into_iter().map(|(label, expression)| (label, evaluator.value(expression))).collect();
    evaluator.finish(warnings)?;
    Ok(entries)
}

/// Why something has no value.
#[derive(Debug)]
pub(super) struct Failure {
    /// What to tell the user; None if that was done already.
    diagnostic: Option<Box<Diagnostic>>,
    /// Whether `can` and `try` let it through: a limit is reached, or a name does not exist at all.
    is_final: bool,
}

impl Failure {
    /// The cause was reported already.
    const REPORTED: Self = Self { diagnostic: None, is_final: false };

    /// The text is wrong, whatever the values are.
    fn of_text(diagnostic: Diagnostic) -> Self {
        Self { is_final: true, ..diagnostic.into() }
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostic: Some(Box::new(diagnostic)), is_final: false }
    }
}

/// Among how many names the one that was meant is looked for.
const KNOWN_MAX: usize = 500;

type Outcome<T> = Result<T, Failure>;

/// Which names an expression may refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// None: defaults and given values are complete in themselves.
    Constant,
    /// Variables: validations.
    Variables,
    /// Variables and locals.
    All,
}

/// A variable or local with its value.
#[derive(Clone, Debug)]
struct Named {
    /// None if it failed, which was reported.
    value: Option<Arc<Val>>,
    /// Where the value comes from: `is set by -var`.
    origin: String,
}

/// Evaluates the expressions of one file.
struct Evaluator<'a> {
    place: Place<'a>,
    /// Whether `dynamic` may be a key of an object.
    is_json: bool,
    outside: Outside<'a>,
    phase: Phase,
    variables: BTreeMap<String, Named>,
    locals: BTreeMap<String, Named>,
    /// Iterators, innermost last.
    scope: Vec<(String, Arc<Val>)>,
    budget: Budget,
    is_exhausted: bool,
    found: Diagnostics,
    /// Where a warning stands already: loops pass the same place many times.
    warned: BTreeSet<usize>,
    /// Where lines end; there are as many questions for lines as names in the file.
    line_ends: Vec<usize>,
    /// Which references have a note about their origin already.
    noted: BTreeSet<(usize, usize)>,
}

impl<'a> Evaluator<'a> {
    fn new(place: Place<'a>, options: Options<'a>) -> Self {
        Self {
            place,
            is_json: false,
            outside: options.inputs.map(Inputs::outside).unwrap_or_default(),
            phase: Phase::Constant,
            variables: BTreeMap::new(),
            locals: BTreeMap::new(),
            scope: Vec::new(),
            budget: Budget::default(),
            is_exhausted: false,
            found: Diagnostics::new(),
            warned: BTreeSet::new(),
            line_ends: place.source.text().match_indices('\n').map(|(at, _)| at).collect(),
            noted: BTreeSet::new(),
        }
    }

    /// Gives variables and locals their values.
    fn define(&mut self, declared: &declare::Declared<'_>, options: Options<'a>) {
        self.define_variables(declared, options.inputs);
        self.phase = Phase::Variables;
        self.validate_variables(declared);
        self.phase = Phase::All;
        self.define_locals(&declared.locals);
    }

    /// Returns what was found: errors, or else warnings.
    fn finish(self, warnings: &mut Diagnostics) -> Result<(), Diagnostics> {
        if self.found.has_errors() {
            return Err(self.found);
        }
        warnings.absorb(self.found);
        Ok(())
    }

    fn report(&mut self, failure: Failure) {
        if let Some(diagnostic) = failure.diagnostic {
            self.found.push(*diagnostic);
        }
    }

    fn error(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        self.place.source.error(span, message)
    }

    /// Returns the line of a place, from 1.
    fn line(&self, offset: usize) -> usize {
        self.line_ends.partition_point(|end| *end < offset) + 1
    }

    /// Warns of a place once.
    fn warn(&mut self, span: &Span, message: impl Into<String>, help: impl Into<String>) {
        if self.warned.insert(span.start) {
            self.found.push(self.place.source.warning(span.clone(), message).help(help));
        }
    }

    /// Finds the name that was meant, or names all there are. Takes its work from the budget: `can` and `try` may fail
    /// many times over the same large map.
    fn suggestion<'n>(
        &mut self,
        name: &str,
        known: impl ExactSizeIterator<Item = &'n str>,
    ) -> Option<String> {
        if known.len() > KNOWN_MAX {
            return None;
        }
        // Whoever evaluates next meets the limit.
        let _ = self.budget.steps(known.len());
        suggest(name, known)
    }

    /// Turns a limit into a failure that is reported once.
    fn within<T>(&mut self, result: Result<T, Exhausted>, span: Option<Span>) -> Outcome<T> {
        result.map_err(|message| {
            let is_first = !self.is_exhausted;
            self.is_exhausted = true;
            let diagnostic = is_first.then(|| Box::new(self.error(self.place.span(span), message)));
            Failure { diagnostic, is_final: true }
        })
    }

    /// Checks a value that gets a name: values may grow from name to name.
    fn checked(&mut self, value: Val, span: &Span) -> Outcome<Val> {
        match value.check_size() {
            Ok(()) => Ok(value),
            Err(message) => Err(self.error(span.clone(), message).into()),
        }
    }

    fn body<'b>(&mut self, parsed: impl IntoIterator<Item = &'b Structure>, head: Span) -> Body {
        let mut body = Body { head, ..Body::default() };
        for structure in parsed {
            let step = self.budget.step();
            if let Err(failure) = self.within(step, structure.span()) {
                self.report(failure);
                break;
            }
            match structure {
                Structure::Attribute(attribute) => {
                    let (name, span) = self.attribute_name(attribute);
                    let value = self.value(&attribute.value);
                    body.attributes.push(Attribute { name, span, value });
                }
                Structure::Block(block) if block.ident.as_str() == "dynamic" => {
                    self.dynamic(block, &mut body.blocks);
                }
                Structure::Block(block) => {
                    let block = self.block(block);
                    body.blocks.push(block);
                }
            }
        }
        body
    }

    fn attribute_name(&self, attribute: &structure::Attribute) -> (String, Span) {
        let span = self.place.span(attribute.key.span());
        let name = self.place.quoted_name(&span).unwrap_or_else(|| attribute.key.as_str().to_owned());
        (name, span)
    }

    fn block(&mut self, parsed: &structure::Block) -> Block {
        let mut span = self.place.span(parsed.ident.span());
        let mut labels = Vec::new();
        for label in &parsed.labels {
            let label_span = self.place.span(label.span());
            span.end = label_span.end.max(span.end);
            labels.push(Label { text: label.as_str().to_owned(), span: label_span });
        }
        let body = self.body(parsed.body.iter(), span.clone());
        Block { name: parsed.ident.as_str().to_owned(), span, labels, body }
    }

    /// Evaluates an expression and adds the places; reports what fails and goes on with `null`.
    fn value(&mut self, expression: &Expression) -> Value {
        let span = self.place.span(expression.span());
        let step = self.budget.step();
        if let Err(failure) = self.within(step, expression.span()) {
            self.report(failure);
            return Value { kind: ValueKind::Null, span };
        }
        let kind = match expression {
            Expression::Array(array) => ValueKind::List(array.iter().map(|item| self.value(item)).collect()),
            Expression::Object(object) => ValueKind::Map(self.located_object(object)),
            Expression::Parenthesis(inner) => return self.value(inner.inner()),
            Expression::Conditional(condition) => match self.chosen(condition) {
                Ok(chosen) => return self.value(chosen),
                Err(failure) => {
                    self.report(failure);
                    ValueKind::Null
                }
            },
            other => {
                let value = self.eval(other).and_then(|value| self.checked(value, &span));
                return match value {
                    Ok(value) => Value::from_val(value, &span),
                    Err(failure) => {
                        self.report(failure);
                        Value { kind: ValueKind::Null, span }
                    }
                };
            }
        };
        Value { kind, span }
    }

    fn located_object(&mut self, object: &Object) -> Vec<(Label, Value)> {
        let mut entries: Vec<(Label, Value)> = Vec::new();
        let mut dynamic = Vec::new();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for (key, value) in object.iter() {
            match self.key(key) {
                Ok(label) if self.is_json && label.text == "dynamic" => dynamic.push((label, value.expr())),
                Ok(label) => {
                    let value = self.value(value.expr());
                    // Two computed keys may be the same; the later one counts, as in HCL.
                    match places.get(&label.text) {
                        Some(place) => entries[*place] = (label, value),
                        None => {
                            places.insert(label.text.clone(), entries.len());
                            entries.push((label, value));
                        }
                    }
                }
                Err(failure) => self.report(failure),
            }
        }
        for (label, expression) in dynamic {
            if !self.json_dynamic(expression, &mut entries) {
                let value = self.value(expression);
                entries.push((label, value));
            }
        }
        entries
    }
}

#[cfg(test)]
mod tests;
