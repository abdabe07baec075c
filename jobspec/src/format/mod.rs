//! The one form of HCL text: what `fmt` writes.
//!
//! Works on the tokens of the user's own text, so that comments and order stay. `piece` cuts the text into tokens and
//! comments, `line` puts them on lines and says how many spaces stand between two of them, and this module indents and
//! aligns the lines.
//!
//! - Two spaces a level. One level is what a line opens, however many brackets that are.
//! - The `=` of consecutive lines stand below each other, and so do the comments at their ends.
//! - One space around operators, none inside `( )` and `[ ]`, one inside `{ }`.
//! - One empty line at most, none at the beginning and the end of a block. One newline ends the file.
//! - The 2016 spelling becomes today's: one thing on a line, no comma after an attribute. In labs and scenarios several
//!   things on one line are the custom; a block that stands on one line stays on it, with two spaces between the things.
//!
//! # Invariants
//! - The formatted text has the same meaning: strings, heredocs and references are not touched.
//! - Formatting twice is formatting once.
//!
//! # Caveats
//! - `}, {` on a line of its own is indented as what it closes, as HashiCorp's formatter has it.
//! - Columns are counted in characters, whatever their width.

mod line;
mod piece;

use crate::diagnostic::{Diagnostics, Source};
use crate::hcl;

use line::Line;

/// Spaces a level.
const INDENT: usize = 2;

/// Writes an HCL text in its one form.
///
/// # Errors
/// When the text is no HCL; the place is in the text as given.
pub fn format(source: &Source) -> Result<String, Diagnostics> {
    let modern = hcl::check_syntax(source)?;
    let pieces = piece::cut(source)?;
    let lines = line::arrange(&pieces, &modern);
    let indents = indents(&lines);
    let starts = align_assignments(&lines, &indents);
    let comments = align_comments(&lines, &indents, &starts);
    let mut text = String::with_capacity(source.text().len() + source.text().len() / 4);
    for (number, line) in lines.iter().enumerate() {
        if line.blank_before {
            text.push('\n');
        }
        pad(&mut text, indents[number]);
        line.write_lead(&mut text);
        if line.assign.is_some() {
            pad(&mut text, starts[number]);
            line.write_assignment(&mut text);
        }
        if let Some(comment) = line.comment {
            pad(&mut text, comments[number]);
            text.push_str(comment);
        }
        text.push('\n');
    }
    Ok(text)
}

fn pad(text: &mut String, spaces: usize) {
    text.extend(std::iter::repeat_n(' ', spaces));
}

/// Returns how many spaces each line begins with.
fn indents(lines: &[Line]) -> Vec<usize> {
    // How many brackets each line has left open, of the lines that are still open.
    let mut open: Vec<usize> = Vec::new();
    let mut indents = Vec::with_capacity(lines.len());
    for line in lines {
        let net = line.net_brackets();
        let mut closed = usize::try_from(-net).unwrap_or(0);
        while let Some(last) = open.last_mut().filter(|_| closed > 0) {
            if *last > closed {
                *last -= closed;
                closed = 0;
            } else {
                closed -= *last;
                open.pop();
            }
        }
        indents.push(INDENT * open.len());
        if net > 0 {
            open.push(usize::try_from(net).unwrap_or(0));
        }
    }
    indents
}

/// Returns how many spaces stand before the `=` of each line that has one of its own.
fn align_assignments(lines: &[Line], indents: &[usize]) -> Vec<usize> {
    align(lines, |line, number| line.assign.map(|_| indents[number] + line.lead_width()))
}

/// Returns how many spaces stand before the comment at the end of each line that has one.
fn align_comments(lines: &[Line], indents: &[usize], starts: &[usize]) -> Vec<usize> {
    align(lines, |line, number| {
        line.comment?;
        let before = indents[number] + line.lead_width();
        Some(match line.assign {
            Some(_) => before + starts[number] + line.assignment_width(),
            None => before,
        })
    })
}

/// Lines up what follows the given columns, one space behind the widest in each run of lines that have such a column.
fn align(lines: &[Line], column: impl Fn(&Line, usize) -> Option<usize>) -> Vec<usize> {
    let columns: Vec<Option<usize>> =
        lines.iter().enumerate().map(|(number, line)| column(line, number)).collect();
    let mut spaces = vec![0; lines.len()];
    let mut from = 0;
    while from < lines.len() {
        // An empty line ends a run as any other line does.
        let more = (from + 1..lines.len()).find(|at| columns[*at].is_none() || lines[*at].blank_before);
        let to = if columns[from].is_none() { from + 1 } else { more.unwrap_or(lines.len()) };
        let widest = columns[from..to].iter().flatten().max().copied().unwrap_or(0);
        for at in from..to {
            spaces[at] = columns[at].map_or(0, |own| widest - own + 1);
        }
        from = to;
    }
    spaces
}

#[cfg(test)]
mod tests;
