//! What is wrong with a file of the user: where, what was expected, and the nearest known name.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource};

/// A piece of a source text, in bytes.
pub type Span = Range<usize>;

/// How many diagnostics of one file are kept; the rest is only counted.
pub const DIAGNOSTICS_MAX: usize = 50;

/// How many notes about places are kept.
const NOTES_MAX: usize = 1000;

/// Lines longer than this (in bytes) are not shown: nobody reads them, and a generated file may be one line of 1 MB.
const EXCERPT_LINE_MAX: usize = 400;

/// The width diagnostics are wrapped to, in columns. Fixed, so that the same error is the same text everywhere.
const WIDTH: usize = 110;

/// A text with the name it is known by, usually its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// Makes the source `name` with that text.
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Returns the name, usually the path as the user gave it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns line and column of a byte offset, both from 1, the column in characters.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..floor_char_boundary(&self.text, offset)];
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (line, before[line_start..].chars().count() + 1)
    }

    /// Makes an error about a piece of this source.
    pub fn error(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Error, self, span, message.into())
    }

    /// Makes a warning about a piece of this source.
    pub fn warning(&self, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(Severity::Warning, self, span, message.into())
    }

    /// Tells whether the lines around a span are short enough to be shown.
    fn is_showable(&self, span: &Span) -> bool {
        let start = self.text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.text[span.end..].find('\n').map_or(self.text.len(), |newline| span.end + newline);
        // Tests the lines before and after too: they are shown as context.
        let before = self.text[..start.saturating_sub(1)].rfind('\n').map_or(0, |newline| newline + 1);
        let after = end + self.text[end..].chars().next().map_or(0, char::len_utf8);
        let after = self.text[after..].find('\n').map_or(self.text.len(), |newline| after + newline);
        self.text[before..after].lines().all(|line| line.len() <= EXCERPT_LINE_MAX)
    }
}

/// Returns the last character boundary at or before `offset`.
fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It works, but not as the user may think, or not for ever.
    Warning,
    /// It does not work.
    Error,
}

/// One thing wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// The piece of the file it is about.
    pub span: Span,
    /// What to do: what was expected, the nearest known name, the modern spelling.
    pub help: Option<String>,
    source: Source,
}

impl Diagnostic {
    fn new(severity: Severity, source: &Source, span: Span, message: String) -> Self {
        let start = floor_char_boundary(&source.text, span.start);
        let end = floor_char_boundary(&source.text, span.end).max(start);
        Self { severity, message, span: start..end, help: None, source: source.clone() }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what to do about it, if anything is known.
    #[must_use]
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// Returns the name of the file.
    pub fn file(&self) -> &str {
        self.source.name()
    }

    /// Returns the line and the column it begins at, both from 1, the column in characters.
    pub fn position(&self) -> (usize, usize) {
        // Found when asked for: a hostile file makes many diagnostics, of which most are dropped unseen.
        self.source.position(self.span.start)
    }

    /// Returns `file:line:column: error: message (help)`, for logs and HTTP.
    pub fn one_line(&self) -> String {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let (line, column) = self.position();
        let mut text = format!("{}:{line}:{column}: {word}: {}", self.file(), self.message);
        if let Some(help) = &self.help {
            text.push_str(" (");
            text.push_str(help);
            text.push(')');
        }
        text
    }

    /// Writes it as a compiler would: the message, the place with the source line, the help.
    pub fn render(&self, colour: bool) -> String {
        if !self.source.is_showable(&self.span) {
            return format!("{}\n", self.one_line());
        }
        let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let mut text = String::new();
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_width(WIDTH)
            .with_links(false)
            .without_cause_chain();
        match handler.render_report(&mut text, &Report::new(self)) {
            Ok(()) => trim_line_ends(&text),
            Err(fmt::Error) => format!("{}\n", self.one_line()),
        }
    }
}

/// Removes spaces at line ends and empty lines around, so that the text can stand in a file.
fn trim_line_ends(text: &str) -> String {
    let mut trimmed = String::with_capacity(text.len());
    for line in text.trim_matches('\n').lines() {
        trimmed.push_str(line.trim_end());
        trimmed.push('\n');
    }
    trimmed
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostic {}

/// The form miette draws.
#[derive(Debug)]
struct Report<'a> {
    diagnostic: &'a Diagnostic,
    source: NamedSource<Arc<str>>,
}

impl<'a> Report<'a> {
    fn new(diagnostic: &'a Diagnostic) -> Self {
        let source = NamedSource::new(diagnostic.file(), Arc::clone(&diagnostic.source.text));
        Self { diagnostic, source }
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.diagnostic.message)
    }
}

impl std::error::Error for Report<'_> {}

impl miette::Diagnostic for Report<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.diagnostic.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = self.diagnostic.span.clone();
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(None, span))))
    }
}

/// All that is wrong with one or more files; never empty when it is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    dropped: usize,
    /// What is known about places: where a value used there comes from.
    notes: Vec<Note>,
}

/// Something to add to what is said about a place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Note {
    source: Source,
    span: Span,
    text: String,
}

impl Diagnostics {
    /// Makes an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, with the notes about its place; beyond `DIAGNOSTICS_MAX` it is only counted.
    pub fn push(&mut self, mut diagnostic: Diagnostic) {
        for text in self.notes_of(&diagnostic) {
            diagnostic.help = Some(match diagnostic.help.take() {
                Some(help) => format!("{help}; {text}"),
                None => text,
            });
        }
        if self.list.len() < DIAGNOSTICS_MAX {
            self.list.push(diagnostic);
        } else {
            self.dropped += 1;
        }
    }

    /// Notes where a value comes from, to be said with what is wrong about any place that has it.
    pub fn note(&mut self, source: &Source, span: Span, text: String) {
        if self.notes.len() < NOTES_MAX {
            self.notes.push(Note { source: source.clone(), span, text });
        }
    }

    /// Adds all of another list, notes included.
    pub fn absorb(&mut self, other: Self) {
        self.list.extend(other.list);
        self.dropped += other.dropped;
        self.notes.extend(other.notes);
    }

    fn notes_of(&self, diagnostic: &Diagnostic) -> Vec<String> {
        const SHOWN_MAX: usize = 3;
        let concerns = |note: &&Note| {
            note.span.start >= diagnostic.span.start
                && note.span.end <= diagnostic.span.end
                && note.source.name == diagnostic.source.name
        };
        let mut texts: Vec<String> = Vec::new();
        for note in self.notes.iter().filter(concerns) {
            if texts.len() < SHOWN_MAX && !texts.contains(&note.text) {
                texts.push(note.text.clone());
            }
        }
        texts
    }

    /// Tells whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.dropped > 0 || self.list.iter().any(|one| one.severity == Severity::Error)
    }

    /// Returns them in the order found.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// Returns how many are kept.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Returns the warnings if there is no error, else itself sorted by place.
    ///
    /// # Errors
    /// When one of them is an error.
    pub fn into_warnings(mut self) -> Result<Vec<Diagnostic>, Self> {
        self.list.sort_by(|a, b| (a.file(), a.span.start).cmp(&(b.file(), b.span.start)));
        if self.has_errors() { Err(self) } else { Ok(self.list) }
    }

    /// Writes all of them as a compiler would.
    pub fn render(&self, colour: bool) -> String {
        let mut texts: Vec<String> = self.list.iter().map(|one| one.render(colour)).collect();
        if self.dropped > 0 {
            texts.push(format!("... and {} more\n", self.dropped));
        }
        texts.join("\n")
    }

    /// Writes each on a line of its own, for logs and HTTP.
    pub fn one_line_each(&self) -> String {
        let mut lines: Vec<String> = self.list.iter().map(Diagnostic::one_line).collect();
        if self.dropped > 0 {
            lines.push(format!("... and {} more", self.dropped));
        }
        lines.join("\n")
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { list: vec![diagnostic], ..Self::default() }
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        diagnostics.into_iter().for_each(|one| self.push(one));
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

/// Returns the known name nearest to a misspelt one, if one is near enough to be meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Long names may have more mistakes in them; short ones would otherwise resemble everything.
    let allowed = (name.chars().count() / 3).max(1);
    let lower = name.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Writes a help for an unknown name: the nearest one, or else all there are.
pub fn suggest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(name, known.iter().copied()) {
        Some(near) => Some(format!("did you mean {near:?}?")),
        None if known.is_empty() => None,
        None => Some(format!("expected one of: {}", enumerate(&known))),
    }
}

/// Writes names with commas, cut off where there are too many to read.
fn enumerate(names: &[&str]) -> String {
    const SHOWN_MAX: usize = 30;
    let mut text = names.iter().take(SHOWN_MAX).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN_MAX {
        text.push_str(", ...");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_line_the_place_and_the_help() {
        let source = Source::new("web.nomad", "job \"web\" {\n  conut = 3\n}\n");
        let diagnostic = source.error(14..19, "unknown attribute \"conut\" in job \"web\"");
        let text = diagnostic.help("did you mean \"count\"?").to_string();
        for part in ["unknown attribute", "web.nomad:2:3", "conut = 3", "did you mean \"count\"?"] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }

    #[test]
    fn counts_columns_in_characters_and_survives_bad_spans() {
        let source = Source::new("x", "ä = 1\nöö = 2");
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(3), (1, 3));
        assert_eq!(source.position(11), (2, 3));
        for start in 0..20 {
            for end in 0..20 {
                let _ = source.error(start..end, "x").to_string();
            }
        }
    }

    #[test]
    fn does_not_show_endless_lines() {
        let source = Source::new("x", &"a".repeat(100_000));
        assert!(source.error(500..501, "bad").render(false).len() < 100);
    }

    #[test]
    fn finds_the_name_that_was_meant() {
        let known = ["count", "constraint", "cpu"];
        assert_eq!(nearest("conut", known), Some("count"));
        assert_eq!(nearest("Count", known), Some("count"));
        assert_eq!(nearest("zebra", known), None);
        assert_eq!(suggest("zebra", known).as_deref(), Some("expected one of: count, constraint, cpu"));
    }
}
