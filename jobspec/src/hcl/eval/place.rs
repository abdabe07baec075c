//! The text that was parsed, and the way back to the user's file.

use crate::diagnostic::{Source, Span};
use crate::hcl::dialect::Modern;

/// Where expressions stand.
#[derive(Clone, Copy)]
pub(in crate::hcl) struct Place<'a> {
    pub source: &'a Source,
    /// What was parsed; references are cut out of it.
    text: &'a str,
    /// How many bytes of the file stand before `text`.
    lead: usize,
    modern: Option<&'a Modern>,
}

impl<'a> Place<'a> {
    /// A file that was rewritten into today's dialect.
    pub fn of_hcl(source: &'a Source, modern: &'a Modern) -> Self {
        Self { source, text: &modern.text, lead: 0, modern: Some(modern) }
    }

    /// A text parsed as it is, `lead` bytes into the file.
    pub fn of_text(source: &'a Source, text: &'a str, lead: usize) -> Self {
        Self { source, text, lead, modern: None }
    }

    /// Returns where a piece of the parsed text stands in the user's file.
    pub fn span(&self, span: Option<Span>) -> Span {
        let span = span.unwrap_or(0..0);
        match self.modern {
            Some(modern) => modern.original_span(&span),
            None => span.start + self.lead..span.end + self.lead,
        }
    }

    /// Returns a piece of the parsed text.
    pub fn written(&self, span: Option<Span>) -> &'a str {
        span.and_then(|span| self.text.get(span)).unwrap_or_default()
    }

    /// Returns the name that stands in quotes at a place of the user's file.
    pub fn quoted_name(&self, span: &Span) -> Option<String> {
        self.modern.and_then(|modern| modern.quoted_names.get(&span.start)).cloned()
    }
}
