//! `dynamic` in JSON: `{"dynamic": {"port": {"for_each": [...], "labels": [...], "content": {...}}}}`.
//!
//! What it makes is a list of objects under the name of the blocks, as repeated blocks are written in JSON.

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, Object};

use crate::hcl::tree::{Label, Value, ValueKind};
use crate::hcl::value::Val;

use super::{Evaluator, Outcome};

/// One `dynamic` object.
struct Parts<'b> {
    for_each: &'b Expression,
    iterator: Option<String>,
    labels: Option<&'b Expression>,
    content: &'b Expression,
}

impl Evaluator<'_> {
    /// Adds what a `dynamic` object makes. Returns whether it is one: a map may have a key of that name.
    pub(super) fn json_dynamic(
        &mut self,
        expression: &Expression,
        entries: &mut Vec<(Label, Value)>,
    ) -> bool {
        let Expression::Object(types) = expression else { return false };
        let mut all = Vec::new();
        for (label, expression) in self.members(types) {
            let several: Vec<&Expression> = match expression {
                Expression::Array(array) => array.iter().collect(),
                one => vec![one],
            };
            for one in several {
                let Expression::Object(object) = one else { return false };
                let Some(parts) = self.json_parts(object) else { return false };
                all.push((label.clone(), parts));
            }
        }
        for (label, parts) in &all {
            if let Err(failure) = self.expand_json(label, parts, entries) {
                self.report(failure);
            }
        }
        !all.is_empty()
    }

    fn json_parts<'b>(&self, object: &'b Object) -> Option<Parts<'b>> {
        let members = self.members(object);
        let find = |name: &str| members.iter().find(|(label, _)| label.text == name).map(|(_, found)| *found);
        let is_known = |name: &str| matches!(name, "for_each" | "iterator" | "labels" | "content");
        if !members.iter().all(|(label, _)| is_known(&label.text)) {
            return None;
        }
        let iterator = find("iterator").and_then(Expression::as_str).map(str::to_owned);
        Some(Parts {
            for_each: find("for_each")?,
            iterator,
            labels: find("labels"),
            content: find("content")?,
        })
    }

    fn expand_json(
        &mut self,
        name: &Label,
        parts: &Parts<'_>,
        entries: &mut Vec<(Label, Value)>,
    ) -> Outcome<()> {
        let iterator = parts.iterator.as_ref().unwrap_or(&name.text);
        let (depth, found) = (self.scope.len(), self.found.len());
        let mut made = Vec::new();
        for (key, value) in self.items(parts.for_each)? {
            let spent = self.budget.block();
            self.within(spent, parts.for_each.span())?;
            let element = vec![("key".to_owned(), key), ("value".to_owned(), value)];
            self.bind(None, Val::Null, iterator, Val::Map(element));
            let labels = parts.labels.map_or(Ok(Vec::new()), |labels| self.labels_of(labels));
            let mut content = self.value(parts.content);
            self.scope.truncate(depth);
            for label in labels?.into_iter().rev() {
                let span = content.span.clone();
                content = Value { kind: ValueKind::Map(vec![(label, content)]), span };
            }
            made.push(content);
            if self.found.len() > found {
                break;
            }
        }
        // Beside blocks of that type that are written out.
        match entries.iter_mut().find(|(known, _)| known.text == name.text) {
            None if made.is_empty() => {}
            None => {
                entries.push((name.clone(), Value { kind: ValueKind::List(made), span: name.span.clone() }))
            }
            Some((_, value)) => match &mut value.kind {
                ValueKind::List(values) => values.extend(made),
                _ => {
                    made.insert(0, value.clone());
                    value.kind = ValueKind::List(made);
                }
            },
        }
        Ok(())
    }
}
