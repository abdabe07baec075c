//! A text cut into what the formatter never divides: tokens and comments.

use crate::diagnostic::{Diagnostic, Source, Span};
use crate::hcl::scan::{self, Kind, Token};

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PieceKind {
    Token(Kind),
    /// `# ...` or `// ...`: the end of its line.
    LineComment,
    /// `/* ... */`
    BlockComment,
}

/// A piece of the user's text, written again as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub kind: PieceKind,
    pub text: &'a str,
    /// Where it stands.
    pub start: usize,
}

impl<'a> Piece<'a> {
    fn new(source: &'a Source, kind: PieceKind, span: Span) -> Self {
        let text = &source.text()[span.clone()];
        let text = if kind == PieceKind::LineComment { text.trim_end() } else { text };
        Self { kind, text, start: span.start }
    }

    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub fn is(&self, kind: Kind) -> bool {
        self.kind == PieceKind::Token(kind)
    }

    pub fn is_open(&self) -> bool {
        matches!(self.kind, PieceKind::Token(Kind::Open(_)))
    }

    pub fn is_close(&self) -> bool {
        matches!(self.kind, PieceKind::Token(Kind::Close(_)))
    }

    pub fn is_comment(&self) -> bool {
        matches!(self.kind, PieceKind::LineComment | PieceKind::BlockComment)
    }

    /// Tells whether a value may end with it, so that what follows is an operator, an index or something new.
    pub fn ends_value(&self) -> bool {
        match self.kind {
            PieceKind::Token(Kind::Ident) => !matches!(self.text, "in" | "if"),
            PieceKind::Token(Kind::Quoted | Kind::Heredoc | Kind::Number | Kind::Close(_)) => true,
            _ => false,
        }
    }
}

/// Cuts a text into pieces, line ends included.
///
/// # Errors
/// When a string, comment or heredoc does not end.
pub(super) fn cut(source: &Source) -> Result<Vec<Piece<'_>>, Diagnostic> {
    let tokens = scan::scan(source)?;
    let mut pieces = Vec::with_capacity(tokens.len());
    let mut at = 0;
    let mut done = 0;
    while let Some(token) = tokens.get(at) {
        comments(source, done..token.span.start, &mut pieces);
        let (taken, end) = whole(source, &tokens[at..]);
        pieces.push(Piece::new(source, PieceKind::Token(token.kind), token.span.start..end));
        at += taken;
        done = end;
    }
    comments(source, done..source.text().len(), &mut pieces);
    Ok(pieces)
}

/// Takes the comments between two tokens.
fn comments<'a>(source: &'a Source, gap: Span, pieces: &mut Vec<Piece<'a>>) {
    let text = &source.text()[..gap.end];
    let mut at = gap.start;
    while let Some(offset) = text[at..].find(['#', '/']) {
        let start = at + offset;
        let rest = &text[start..];
        if let Some(inside) = rest.strip_prefix("/*") {
            at = inside.find("*/").map_or(gap.end, |length| start + 2 + length + 2);
            pieces.push(Piece::new(source, PieceKind::BlockComment, start..at));
        } else {
            // The newline behind it is a token.
            pieces.push(Piece::new(source, PieceKind::LineComment, start..gap.end));
            return;
        }
    }
}

/// Returns how many tokens belong to the piece that begins here, and where it ends.
fn whole(source: &Source, tokens: &[Token]) -> (usize, usize) {
    let text = |at: usize| tokens.get(at).map_or("", |token| &source.text()[token.span.clone()]);
    let is_joined =
        |at: usize| tokens.get(at).is_some_and(|token| token.span.start == tokens[at - 1].span.end);
    let to = |count: usize| (count, tokens[count - 1].span.end);
    match tokens[0].kind {
        Kind::Operator if matches!(text(0), "&" | "|") && text(1) == text(0) && is_joined(1) => to(2),
        Kind::Operator if (0..3).all(|at| text(at) == ".") && is_joined(1) && is_joined(2) => to(3),
        Kind::Number
            if text(0).ends_with(['e', 'E'])
                && matches!(text(1), "+" | "-")
                && is_joined(1)
                && is_joined(2) =>
        {
            to(3)
        }
        Kind::Ident if !matches!(text(0), "in" | "if") => to(reference(tokens, text)),
        _ => to(1),
    }
}

/// Returns how many tokens a reference such as `attr.cpu["arch"]` has. References that nothing defines stay text as
/// written, spaces included.
fn reference<'a>(tokens: &[Token], text: impl Fn(usize) -> &'a str) -> usize {
    let mut count = 1;
    loop {
        match text(count) {
            "." if text(count + 1) != "." && text(count + 1) != "\n" && tokens.len() > count + 1 => {
                count += 2
            }
            "[" => match closed(&tokens[count..]) {
                Some(length) => count += length,
                None => return count,
            },
            _ => return count,
        }
    }
}

/// Returns how many tokens there are from a bracket to the one that closes it, if that is on the same line.
fn closed(tokens: &[Token]) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Open(_) => depth += 1,
            Kind::Close(_) if depth == 1 => return Some(at + 1),
            Kind::Close(_) => depth = depth.checked_sub(1)?,
            Kind::Newline | Kind::Heredoc => return None,
            _ => {}
        }
    }
    None
}
