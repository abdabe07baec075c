//! Which pieces share a line, and how far apart they stand on it.

use std::collections::BTreeSet;

use crate::hcl::dialect::Modern;
use crate::hcl::scan::Kind;

use super::piece::{Piece, PieceKind};

/// Blocks at the top of a file whose custom it is to put several things on one line.
const CROWDED_FILES: [&str; 2] = ["lab", "scenario"];

/// Spaces between things that share a line.
const CROWDED_GAP: usize = 2;

/// A line of the formatted text.
pub(super) struct Line<'a> {
    /// Without the comment at its end, each with the spaces before it.
    pieces: Vec<(usize, Piece<'a>)>,
    /// An empty line stands before it.
    pub blank_before: bool,
    /// Which piece is the `=` of a line that is one assignment and complete.
    pub assign: Option<usize>,
    /// The comment at its end, if something stands before it.
    pub comment: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn new(mut pieces: Vec<(usize, Piece<'a>)>, blank_before: bool) -> Self {
        let ends_in_comment =
            pieces.len() > 1 && pieces.last().is_some_and(|(_, piece)| piece.kind == PieceKind::LineComment);
        let comment = pieces.pop_if(|_| ends_in_comment).map(|(_, piece)| piece.text);
        let mut line = Self { pieces, blank_before, assign: None, comment };
        let equals = line.pieces.iter().position(|(_, piece)| piece.is(Kind::Equals));
        line.assign = equals.filter(|at| *at > 0 && net_brackets(&line.pieces[*at..]) == 0);
        line
    }

    /// Returns how many more brackets it opens than it closes.
    pub fn net_brackets(&self) -> isize {
        net_brackets(&self.pieces)
    }

    fn lead(&self) -> &[(usize, Piece<'a>)] {
        &self.pieces[..self.assign.unwrap_or(self.pieces.len())]
    }

    fn assignment(&self) -> &[(usize, Piece<'a>)] {
        self.assign.map_or(&[], |at| &self.pieces[at..])
    }

    /// Returns how many columns there are up to the `=` or the end.
    pub fn lead_width(&self) -> usize {
        width(self.lead())
    }

    /// Returns how many columns there are from the `=` on.
    pub fn assignment_width(&self) -> usize {
        width(self.assignment())
    }

    /// Writes what stands before the `=`, or all.
    pub fn write_lead(&self, text: &mut String) {
        write(self.lead(), text);
    }

    /// Writes the `=` and what is behind it.
    pub fn write_assignment(&self, text: &mut String) {
        write(self.assignment(), text);
    }
}

fn net_brackets(pieces: &[(usize, Piece)]) -> isize {
    pieces.iter().map(|(_, piece)| isize::from(piece.is_open()) - isize::from(piece.is_close())).sum()
}

fn width(pieces: &[(usize, Piece)]) -> usize {
    let spaces = pieces.iter().skip(1).map(|(spaces, _)| spaces).sum::<usize>();
    spaces + pieces.iter().map(|(_, piece)| piece.text.chars().count()).sum::<usize>()
}

fn write(pieces: &[(usize, Piece)], text: &mut String) {
    for (at, (spaces, piece)) in pieces.iter().enumerate() {
        if at > 0 {
            super::pad(text, *spaces);
        }
        text.push_str(piece.text);
    }
}

/// Puts pieces on lines: the user's own, with a line end wherever the 2016 spelling lacks one.
pub(super) fn arrange<'a>(pieces: &[Piece<'a>], modern: &Modern) -> Vec<Line<'a>> {
    let commas: BTreeSet<usize> = modern.commas().collect();
    let mut breaks: BTreeSet<usize> = modern.breaks().collect();
    let crowded = if is_crowded_file(pieces) { kept_together(pieces, &mut breaks) } else { BTreeSet::new() };

    let mut lines: Vec<Line> = Vec::new();
    let mut current: Vec<(usize, Piece)> = Vec::new();
    let mut blank = false;
    let mut end_line = |current: &mut Vec<(usize, Piece<'a>)>, blank: &mut bool| {
        let Some((_, first)) = current.first() else { return };
        let after_open =
            lines.last().is_none_or(|line| line.pieces.last().is_some_and(|(_, last)| last.is_open()));
        let blank_before = *blank && !after_open && !first.is_close();
        lines.push(Line::new(std::mem::take(current), blank_before));
        *blank = false;
    };
    for piece in pieces {
        if piece.is(Kind::Newline) {
            blank |= current.is_empty();
            end_line(&mut current, &mut blank);
            continue;
        }
        if commas.contains(&piece.start) {
            continue;
        }
        if breaks.contains(&piece.start) {
            end_line(&mut current, &mut blank);
        }
        let spaces = match current.as_slice() {
            [] => 0,
            _ if crowded.contains(&piece.start) => CROWDED_GAP,
            [(_, left)] => spaces(None, left, piece),
            [.., (_, before), (_, left)] => spaces(Some(before), left, piece),
        };
        current.push((spaces, *piece));
        if breaks.contains(&piece.end()) && piece.is(Kind::Open(b'{')) {
            end_line(&mut current, &mut blank);
        }
    }
    end_line(&mut current, &mut blank);
    lines
}

/// Tells whether a file is a lab or a scenario.
fn is_crowded_file(pieces: &[Piece]) -> bool {
    let first = pieces.iter().find(|piece| !piece.is(Kind::Newline) && !piece.is_comment());
    first.is_some_and(|first| first.is(Kind::Ident) && CROWDED_FILES.contains(&first.text))
}

/// Takes the breaks within blocks that stand on one line out of `breaks`, and returns where things begin there that share
/// the line with the one before.
fn kept_together(pieces: &[Piece], breaks: &mut BTreeSet<usize>) -> BTreeSet<usize> {
    let mut together = BTreeSet::new();
    let mut at = 0;
    while let Some(piece) = pieces.get(at) {
        at += 1;
        if !piece.is(Kind::Open(b'{')) {
            continue;
        }
        let Some(length) = one_line(&pieces[at..]) else { continue };
        let inside = &pieces[at..at + length];
        breaks.remove(&piece.end());
        // The last is the closing brace.
        for (number, piece) in inside.iter().enumerate() {
            if breaks.remove(&piece.start) && number + 1 < length && !piece.is_close() {
                together.insert(piece.start);
            }
            breaks.remove(&piece.end());
        }
        at += length;
    }
    together
}

/// Returns how many pieces follow an opening brace up to the one that closes it, if all is on one line.
fn one_line(pieces: &[Piece]) -> Option<usize> {
    let mut depth = 1_usize;
    for (at, piece) in pieces.iter().enumerate() {
        if piece.is_open() {
            depth += 1;
        } else if piece.is_close() {
            depth -= 1;
            if depth == 0 {
                return Some(at + 1);
            }
        } else if piece.is(Kind::Newline) || piece.is(Kind::Heredoc) || piece.is_comment() {
            return None;
        }
    }
    None
}

/// Returns how many spaces stand between two neighbours on a line.
fn spaces(before: Option<&Piece>, left: &Piece, right: &Piece) -> usize {
    use Kind::{Close, Comma, Heredoc, Ident, Open};
    if left.is(Heredoc) {
        // Its last line is its own; what follows at once has been read that way.
        return 0;
    }
    if left.is(Open(b'{')) || right.is(Close(b'}')) {
        return usize::from(!(left.is(Open(b'{')) && right.is(Close(b'}'))));
    }
    let tight = left.is_open()
        || right.is_close()
        || right.is(Comma)
        || (right.is(Open(b'(')) && left.is(Ident) && left.ends_value())
        || (right.is(Open(b'[')) && left.ends_value())
        || is_sign(right, &["...", "."])
        || is_sign(left, &[".", "!"])
        || (is_sign(left, &["-"]) && !before.is_some_and(Piece::ends_value));
    usize::from(!tight || right.is_comment() || left.is_comment())
}

fn is_sign(piece: &Piece, signs: &[&str]) -> bool {
    piece.is(Kind::Operator) && signs.contains(&piece.text)
}
