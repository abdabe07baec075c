//! The text that was parsed, and the way back to the user's file.

use crate::diagnostic::{Source, Span};
use crate::hcl::dialect::Modern;

/// Where expressions stand.
#[derive(Clone, Copy)]
pub(in crate::hcl) struct Place<'a> {
    pub source: &'a Source,
    /// What was parsed; references are cut out of it.
    modern: &'a Modern,
}

impl<'a> Place<'a> {
    pub fn new(source: &'a Source, modern: &'a Modern) -> Self {
        Self { source, modern }
    }

    /// Returns where a piece of the parsed text stands in the user's file.
    pub fn span(&self, span: Option<Span>) -> Span {
        self.modern.original_span(&span.unwrap_or(0..0))
    }

    /// Returns a piece of the parsed text.
    pub fn written(&self, span: Option<Span>) -> &'a str {
        span.and_then(|span| self.modern.text.get(span)).unwrap_or_default()
    }

    /// Returns the name that stands in quotes at a place of the user's file.
    pub fn quoted_name(&self, span: &Span) -> Option<String> {
        self.modern.quoted_names.get(&span.start).cloned()
    }
}
