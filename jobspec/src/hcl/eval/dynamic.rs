//! `dynamic` blocks: one block for each element of a collection.

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::structure::{self, Attribute, Structure};

use crate::diagnostic::{Diagnostic, suggest};
use crate::hcl::tree::{Block, Label, Value, ValueKind};
use crate::hcl::value::Val;

use super::{Evaluator, Failure, Outcome};

/// A `dynamic` block as written.
struct Parts<'b> {
    /// The type of the blocks it makes, and the name of its iterator unless another is given.
    label: &'b structure::BlockLabel,
    for_each: &'b Attribute,
    iterator: Option<&'b Attribute>,
    labels: Option<&'b Attribute>,
    content: &'b structure::Block,
}

const NAMES: [&str; 4] = ["content", "for_each", "iterator", "labels"];

impl Evaluator<'_> {
    /// Adds the blocks a `dynamic` block makes.
    pub(super) fn dynamic(&mut self, parsed: &structure::Block, blocks: &mut Vec<Block>) {
        if let Err(failure) = self.expand(parsed, blocks) {
            self.report(failure);
        }
    }

    fn expand(&mut self, parsed: &structure::Block, blocks: &mut Vec<Block>) -> Outcome<()> {
        let parts = self.parts(parsed)?;
        let head = {
            let ident = self.place.span(parsed.ident.span());
            ident.start..self.place.span(parts.label.span()).end.max(ident.end)
        };
        let iterator = self.iterator_name(&parts)?;
        let (depth, found) = (self.scope.len(), self.found.len());
        for (key, value) in self.items(&parts.for_each.value)? {
            let spent = self.budget.block();
            self.within(spent, parsed.ident.span())?;
            let entries = vec![("key".to_owned(), key), ("value".to_owned(), value)];
            self.bind(None, Val::Null, &iterator, Val::Map(entries));
            let labels = self.labels(&parts);
            let body = self.body(parts.content.body.iter(), head.clone());
            self.scope.truncate(depth);
            blocks.push(Block {
                name: parts.label.as_str().to_owned(),
                span: head.clone(),
                labels: labels?,
                body,
            });
            // What is wrong with one is most likely wrong with all: said once.
            if self.found.len() > found {
                break;
            }
        }
        Ok(())
    }

    fn parts<'b>(&mut self, parsed: &'b structure::Block) -> Outcome<Parts<'b>> {
        let ident = self.place.span(parsed.ident.span());
        let [label] = parsed.labels.as_slice() else {
            return Err(self
                .error(ident, "a dynamic block has one label: the type of the blocks it makes")
                .help("write dynamic \"network\" { for_each = ... content { ... } }")
                .into());
        };
        let (mut for_each, mut iterator, mut labels, mut content) = (None, None, None, None);
        let mut wrong: Option<Diagnostic> = None;
        for structure in parsed.body.iter() {
            match structure {
                Structure::Attribute(attribute) => match attribute.key.as_str() {
                    "for_each" => for_each = Some(attribute),
                    "iterator" => iterator = Some(attribute),
                    "labels" => labels = Some(attribute),
                    name => {
                        let span = self.place.span(attribute.key.span());
                        let unknown =
                            self.error(span, format!("unknown attribute {name:?} in a dynamic block"));
                        let help = if NAMES.iter().any(|known| strsim::levenshtein(known, name) < 3) {
                            suggest(name, NAMES)
                        } else {
                            Some("the attributes of the blocks it makes go into content { ... }".to_owned())
                        };
                        wrong.get_or_insert(unknown.maybe_help(help));
                    }
                },
                Structure::Block(block) => {
                    let span = self.place.span(block.ident.span());
                    match block.ident.as_str() {
                        "content" if content.is_some() => {
                            wrong.get_or_insert(self.error(span, "a dynamic block has one content block"));
                        }
                        "content" => content = Some(block),
                        name => {
                            let unknown =
                                self.error(span, format!("unknown block {name:?} in a dynamic block"));
                            wrong.get_or_insert(
                                unknown.help("the blocks inside of those it makes go into content { ... }"),
                            );
                        }
                    }
                }
            }
        }
        let missing = |what: &str| self.error(ident.clone(), format!("this dynamic block has no {what}"));
        match (wrong, for_each, content) {
            (Some(wrong), ..) => Err(wrong.into()),
            (_, None, _) => Err(missing("for_each").help("add for_each = [...]").into()),
            (_, _, None) => Err(missing("content").help("add content { ... }").into()),
            (None, Some(for_each), Some(content)) => Ok(Parts { label, for_each, iterator, labels, content }),
        }
    }

    fn iterator_name(&mut self, parts: &Parts<'_>) -> Outcome<String> {
        match parts.iterator.map(|attribute| &attribute.value) {
            None => Ok(parts.label.as_str().to_owned()),
            Some(Expression::Variable(name)) => Ok(name.as_str().to_owned()),
            Some(other) => {
                let span = self.place.span(other.span());
                Err(self.error(span, "an iterator is a name without quotes").help("iterator = each").into())
            }
        }
    }

    fn labels(&mut self, parts: &Parts<'_>) -> Outcome<Vec<Label>> {
        parts.labels.map_or(Ok(Vec::new()), |attribute| self.labels_of(&attribute.value))
    }

    /// Evaluates the labels of one block.
    pub(super) fn labels_of(&mut self, expression: &Expression) -> Outcome<Vec<Label>> {
        let found = self.found.len();
        let value = self.value(expression);
        if self.found.len() > found {
            return Err(Failure::REPORTED);
        }
        let ValueKind::List(values) = value.kind else {
            let message = format!("labels are a list of texts, not {}", value.kind.describe());
            return Err(self.error(value.span, message).into());
        };
        let label = |value: Value| match value.to_val().to_text() {
            Some(text) => Ok(Label { text, span: value.span }),
            None => {
                let message = format!("a label must be a text, not {}", value.kind.describe());
                Err(self.error(value.span, message).into())
            }
        };
        values.into_iter().map(label).collect()
    }
}
