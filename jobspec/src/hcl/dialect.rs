//! The 2016 dialect: rewrites what HCL accepted then into what it accepts today, and remembers where everything stood.
//!
//! HCL1 took several items on one line, nested blocks on one line, and commas after attributes; agent configuration still
//! takes names in quotes. Rewriting before parsing keeps one parser and one grammar; the list of edits leads every place of
//! the rewritten text back to the user's own file.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics, Source, Span};

use super::scan::{self, Kind, Token};
use super::{DEPTH_MAX, EXPRESSION_TOKENS_MAX, Options, signs};

/// A text in today's dialect, with the way back.
pub(crate) struct Modern {
    /// What the parser gets.
    pub text: String,
    /// The names written in quotes, by where they stand in the user's file.
    pub quoted_names: BTreeMap<usize, String>,
    /// In order of place.
    edits: Vec<Edit>,
}

/// A piece of the user's file replaced by another text.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    /// What is replaced, in the user's file.
    span: Span,
    with: String,
    /// Where `with` begins in the rewritten text.
    start: usize,
}

impl Edit {
    pub fn new(span: Span, with: &str) -> Self {
        Self { span, with: with.to_owned(), start: 0 }
    }
}

impl Modern {
    /// Returns where the 2016 spelling lacks a line end, in the user's file.
    pub fn breaks(&self) -> impl Iterator<Item = usize> {
        self.edits.iter().filter(|edit| edit.with == "\n").map(|edit| edit.span.start)
    }

    /// Returns where the commas of the 2016 spelling stand, in the user's file.
    pub fn commas(&self) -> impl Iterator<Item = usize> {
        self.edits.iter().filter(|edit| edit.with == " ").map(|edit| edit.span.start)
    }

    /// Makes the text that edits, in any order, turn `text` into.
    pub(super) fn new(text: &str, mut edits: Vec<Edit>) -> Self {
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        Self { text: apply(text, &mut edits), quoted_names: BTreeMap::new(), edits }
    }

    /// Returns where a place of the rewritten text stands in the user's file.
    pub fn original(&self, offset: usize) -> usize {
        let count = self.edits.partition_point(|edit| edit.start < offset);
        let Some(edit) = count.checked_sub(1).and_then(|last| self.edits.get(last)) else { return offset };
        let past = offset - edit.start;
        if past < edit.with.len() { edit.span.start } else { edit.span.end + (past - edit.with.len()) }
    }

    /// Returns where a piece of the rewritten text stands in the user's file.
    pub fn original_span(&self, span: &Span) -> Span {
        let start = self.original(span.start);
        start..self.original(span.end).max(start)
    }
}

/// Rewrites a file into today's dialect, with a warning for each place.
///
/// # Errors
/// When blocks or brackets do not match, or nest deeper than `DEPTH_MAX`.
pub(super) fn modernise(
    source: &Source,
    options: Options<'_>,
    warnings: &mut Diagnostics,
) -> Result<Modern, Diagnostic> {
    let tokens = scan::scan(source)?;
    signs::check(source, &tokens)?;
    let mut rewriter = Rewriter {
        source,
        tokens: &tokens,
        options,
        at: 0,
        blocks: vec![Block::top()],
        edits: Vec::new(),
        quoted_names: BTreeMap::new(),
        warnings,
    };
    if source.text().starts_with('\u{feff}') {
        rewriter.edits.push(Edit::new(0..3, ""));
    }
    rewriter.run()?;
    let Rewriter { edits, quoted_names, .. } = rewriter;
    Ok(Modern { quoted_names, ..Modern::new(source.text(), edits) })
}

fn apply(text: &str, edits: &mut [Edit]) -> String {
    let mut out = String::with_capacity(text.len() + edits.len());
    let mut done = 0;
    for edit in edits {
        out.push_str(&text[done..edit.span.start]);
        edit.start = out.len();
        out.push_str(&edit.with);
        done = edit.span.end;
    }
    out.push_str(&text[done..]);
    out
}

/// A block that is open.
struct Block {
    /// Its type and labels; empty for the file itself.
    header: Span,
    /// Where its content begins.
    content: usize,
    items: usize,
    /// Its first item stands on the line of its `{`.
    first_inline: bool,
    has_blocks: bool,
    /// A line has ended since the last item, or since the `{`.
    newline: bool,
    /// The last item is an attribute, after which a comma may stand.
    comma_allowed: bool,
    /// It needed a line end that was not there.
    crowded: bool,
    /// The attributes so far, and where each stands.
    names: BTreeMap<String, usize>,
}

impl Block {
    fn top() -> Self {
        let mut block = Self::new(0..0, 0);
        block.newline = true;
        block
    }

    fn new(header: Span, content: usize) -> Self {
        Self {
            header,
            content,
            items: 0,
            first_inline: false,
            has_blocks: false,
            newline: false,
            comma_allowed: false,
            crowded: false,
            names: BTreeMap::new(),
        }
    }
}

struct Rewriter<'a> {
    source: &'a Source,
    tokens: &'a [Token],
    options: Options<'a>,
    at: usize,
    /// Innermost last; the first is the file itself.
    blocks: Vec<Block>,
    edits: Vec<Edit>,
    quoted_names: BTreeMap<usize, String>,
    warnings: &'a mut Diagnostics,
}

impl Rewriter<'_> {
    fn run(&mut self) -> Result<(), Diagnostic> {
        while let Some(token) = self.tokens.get(self.at) {
            match token.kind {
                Kind::Newline => {
                    self.block().newline = true;
                    self.at += 1;
                }
                Kind::Comma if self.block().comma_allowed && !self.block().newline => self.comma(token),
                Kind::Close(b'}') if self.blocks.len() > 1 => self.close(token),
                Kind::Ident => self.item()?,
                Kind::Quoted => {
                    self.quoted_name(token)?;
                    self.item()?;
                }
                _ => return Err(self.unexpected(token)),
            }
        }
        match self.blocks.last() {
            Some(block) if self.blocks.len() > 1 => Err(self
                .source
                .error(block.header.clone(), "this block is never closed")
                .help("add the missing }")),
            _ => Ok(()),
        }
    }

    fn block(&mut self) -> &mut Block {
        self.blocks.last_mut().expect("the file itself stays open")
    }

    fn unexpected(&self, token: &Token) -> Diagnostic {
        let text = &self.source.text()[token.span.clone()];
        let text: String = text.chars().take(20).collect();
        self.source.error(token.span.clone(), format!("unexpected {text:?}")).help(if self.blocks.len() > 1 {
            "expected an attribute (name = value), a block (name { ... }) or }"
        } else {
            "expected an attribute (name = value) or a block (name { ... })"
        })
    }

    fn comma(&mut self, token: &Token) {
        self.edits.push(Edit::new(token.span.clone(), " "));
        self.warnings.push(
            self.source
                .warning(token.span.clone(), "a comma after an attribute is the 2016 spelling")
                .help("remove the comma; today only lists and maps have commas"),
        );
        self.block().comma_allowed = false;
        self.at += 1;
    }

    /// Notes a name in quotes; whether it is allowed depends on the kind of file.
    fn quoted_name(&mut self, token: &Token) -> Result<(), Diagnostic> {
        let text = &self.source.text()[token.span.clone()];
        let name = text.trim_matches('"');
        let is_attribute = self.tokens.get(self.at + 1).is_some_and(|next| next.kind == Kind::Equals);
        if !is_attribute {
            return Err(self.unexpected(token));
        }
        if !self.options.quoted_names {
            return Err(self
                .source
                .error(token.span.clone(), format!("the name {text} is in quotes, which no block takes"))
                .help("remove the quotes; if the name needs them, write a map: env = { \"A-B\" = \"x\" }"));
        }
        if name.contains(['\\', '"']) || name.contains("${") {
            return Err(self.source.error(token.span.clone(), "names are plain text"));
        }
        let with = format!("quoted_name_{}", self.quoted_names.len());
        self.edits.push(Edit::new(token.span.clone(), &with));
        self.quoted_names.insert(token.span.start, name.to_owned());
        Ok(())
    }

    /// Takes an attribute, or the head of a block.
    fn item(&mut self) -> Result<(), Diagnostic> {
        let start = self.tokens[self.at].span.start;
        self.begin_item(start);
        self.at += 1;
        let mut end = self.tokens[self.at - 1].span.end;
        while let Some(token) = self.tokens.get(self.at) {
            match token.kind {
                Kind::Ident | Kind::Quoted => {
                    end = token.span.end;
                    self.at += 1;
                }
                Kind::Equals => {
                    self.once(&(start..end))?;
                    self.at += 1;
                    self.block().comma_allowed = true;
                    return self.expression(&(start..end));
                }
                Kind::Open(b'{') => return self.open(start..end, token.span.end),
                _ => break,
            }
        }
        let name = &self.source.text()[start..end];
        Err(self
            .source
            .error(start..end, format!("{name:?} is neither an attribute nor a block"))
            .help("write name = value, or name { on one line"))
    }

    /// Makes sure that an attribute is given once in its block. The parser does so too, but does not say where the other is.
    fn once(&mut self, name: &Span) -> Result<(), Diagnostic> {
        let text = self.source.text()[name.clone()].trim_matches('"');
        let Some(first) = self.block().names.insert(text.to_owned(), name.start) else { return Ok(()) };
        let (line, _) = self.source.position(first);
        Err(self
            .source
            .error(name.clone(), format!("{text:?} is given twice in its block"))
            .help(format!("the first is in line {line}")))
    }

    /// Makes sure that an item begins on a line of its own.
    fn begin_item(&mut self, start: usize) {
        let block = self.block();
        let inline = !block.newline;
        block.newline = false;
        block.comma_allowed = false;
        block.items += 1;
        if block.items == 1 {
            block.first_inline = inline;
        } else if inline {
            block.crowded = true;
            self.edits.push(Edit::new(start..start, "\n"));
        }
    }

    fn open(&mut self, header: Span, content: usize) -> Result<(), Diagnostic> {
        self.block().has_blocks = true;
        self.at += 1;
        if self.blocks.len() > DEPTH_MAX {
            return Err(super::too_deep(self.source, header));
        }
        self.blocks.push(Block::new(header, content));
        Ok(())
    }

    fn close(&mut self, token: &Token) {
        self.at += 1;
        let Some(mut block) = self.blocks.pop() else { return };
        let one_line = block.first_inline && block.items == 1 && !block.has_blocks && !block.newline;
        if block.items > 0 && !one_line {
            if block.first_inline {
                self.edits.push(Edit::new(block.content..block.content, "\n"));
                block.crowded = true;
            }
            if !block.newline {
                self.edits.push(Edit::new(token.span.start..token.span.start, "\n"));
                block.crowded = true;
            }
        }
        if block.crowded && !self.options.crowded_lines {
            let name = &self.source.text()[block.header.clone()];
            let name = name.split([' ', '\t', '"']).next().unwrap_or(name);
            self.warnings.push(
                self.source
                    .warning(block.header, format!("block {name:?} puts several things on one line, the 2016 spelling"))
                    .help("today each attribute and each nested block has a line of its own; only { name = value } may stand on one line"),
            );
        }
    }

    /// Skips the value of an attribute.
    fn expression(&mut self, name: &Span) -> Result<(), Diagnostic> {
        let mut brackets: Vec<&Token> = Vec::new();
        // A complete operand cannot be followed by another one: what follows is the next item.
        let mut complete = false;
        let first = self.at;
        while let Some(token) = self.tokens.get(self.at) {
            match token.kind {
                Kind::Open(b'{') if brackets.is_empty() && complete => break,
                Kind::Open(_) => {
                    brackets.push(token);
                    if self.blocks.len() + brackets.len() > DEPTH_MAX {
                        return Err(super::too_deep(self.source, token.span.clone()));
                    }
                }
                Kind::Close(_) if brackets.is_empty() => break,
                Kind::Close(close) => {
                    let open = brackets.pop();
                    if let Some(open) = open.filter(|open| open.kind != Kind::Open(opening(close))) {
                        return Err(self.mismatch(open, token));
                    }
                    complete = true;
                }
                _ if !brackets.is_empty() => {}
                Kind::Newline | Kind::Comma | Kind::Equals => break,
                Kind::Operator => complete = false,
                Kind::Ident | Kind::Quoted | Kind::Heredoc | Kind::Number => {
                    if complete {
                        break;
                    }
                    complete = true;
                }
            }
            self.at += 1;
            if self.at - first > EXPRESSION_TOKENS_MAX {
                return Err(self
                    .source
                    .error(name.clone(), "this value is too large")
                    .help(format!("at most {EXPRESSION_TOKENS_MAX} names, values and signs are read")));
            }
        }
        if let Some(open) = brackets.last() {
            let text = &self.source.text()[open.span.clone()];
            return Err(self.source.error(open.span.clone(), format!("this {text} is never closed")));
        }
        if self.at == first {
            let name_text = &self.source.text()[name.clone()];
            return Err(self.source.error(name.clone(), format!("{name_text:?} has no value after its =")));
        }
        Ok(())
    }

    fn mismatch(&self, open: &Token, close: &Token) -> Diagnostic {
        let text = self.source.text();
        let (line, _) = self.source.position(open.span.start);
        self.source
            .error(
                close.span.clone(),
                format!(
                    "{} does not close the {} of line {line}",
                    &text[close.span.clone()],
                    &text[open.span.clone()]
                ),
            )
            .help("close the inner one first")
    }
}

/// Returns the bracket that a closing one belongs to.
fn opening(close: u8) -> u8 {
    match close {
        b'}' => b'{',
        b']' => b'[',
        _ => b'(',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modern(text: &str) -> (String, usize) {
        let mut warnings = Diagnostics::new();
        let source = Source::new("x", text);
        let modern = modernise(&source, Options::default(), &mut warnings).unwrap();
        (modern.text, warnings.len())
    }

    #[test]
    fn rewrites_what_was_allowed_in_2016() {
        for (old, new, warnings) in [
            ("network { port \"http\" {} }", "network {\n port \"http\" {} \n}", 1),
            ("a { x = 1 y = \"2\" }", "a {\n x = 1 \ny = \"2\" \n}", 1),
            ("a { x = [1, 2], y = {} }", "a {\n x = [1, 2]  \ny = {} \n}", 2),
            ("a {\n x = 1,\n y = 2,\n}", "a {\n x = 1 \n y = 2 \n}", 2),
            ("a { x = 1\n}", "a {\n x = 1\n}", 1),
            ("a {\n x = 1 }", "a {\n x = 1 \n}", 1),
            ("a { b {} c {} }", "a {\n b {} \nc {} \n}", 1),
        ] {
            assert_eq!(modern(old), (new.to_owned(), warnings), "{old}");
        }
    }

    #[test]
    fn leaves_alone_what_is_allowed_today() {
        for text in [
            "a { x = 1 }",
            "a {}",
            "a {\n}",
            "a { # why\n x = 1\n}",
            "a \"b\" c {\n x = f(1,\n 2) + 3\n y = a.b[0] ? 1 : 2\n}\n",
            "x = {\n a = 1, b = 2\n c = 3 }\n",
            "x = <<EOT\n } , {\nEOT\ny = 1",
        ] {
            assert_eq!(modern(text), (text.to_owned(), 0));
        }
    }

    #[test]
    fn every_place_leads_back() {
        let text = "a { x = 1, y = 2 } b { c {} } d = 4";
        let source = Source::new("x", text);
        let mut warnings = Diagnostics::new();
        let modern = modernise(&source, Options::default(), &mut warnings).unwrap();
        for (offset, character) in modern.text.char_indices().filter(|(_, c)| c.is_ascii_alphanumeric()) {
            assert_eq!(text[modern.original(offset)..].chars().next(), Some(character));
        }
    }

    #[test]
    fn names_in_quotes_are_for_agent_configuration() {
        let source = Source::new("x", "options { \"driver.raw_exec.enable\" = \"1\" }");
        let mut warnings = Diagnostics::new();
        let quoted = Options { quoted_names: true, ..Options::default() };
        let modern = modernise(&source, quoted, &mut warnings).unwrap();
        assert_eq!(modern.quoted_names.get(&10).map(String::as_str), Some("driver.raw_exec.enable"));
        assert!(modernise(&source, Options::default(), &mut warnings).is_err());
    }
}
