//! Templates: text with `${...}` and `%{...}` in it.

use hcl_edit::Span as _;
use hcl_edit::expr::Expression;
use hcl_edit::template::{
    Directive, Element, ForDirective, HeredocTemplate, IfDirective, Interpolation, StringTemplate, Strip,
    Template,
};

use crate::diagnostic::Span;
use crate::hcl::value::Val;

use super::{Evaluator, Outcome};

/// How the literal parts of a template are treated.
#[derive(Clone, Copy)]
struct Style {
    /// A `~` strips to the end (or the beginning) of a line rather than all white space: in heredocs.
    by_line: bool,
    /// How many characters of each line's indentation are removed inside of directives; the parser has done it outside.
    indent: usize,
    in_directive: bool,
}

/// What strips the white space at the two ends of a template.
#[derive(Clone, Copy, Default)]
struct Edges {
    start: bool,
    end: bool,
}

impl Evaluator<'_> {
    /// Evaluates a text in quotes. One that is nothing but `${...}` is the value in it, whatever its type.
    pub(super) fn string_template(&mut self, template: &StringTemplate, span: Option<Span>) -> Outcome<Val> {
        if let Some(Element::Interpolation(interpolation)) = template.as_single_element() {
            return self.interpolation(interpolation);
        }
        let mut out = String::new();
        let style = Style { by_line: false, indent: 0, in_directive: false };
        self.render(template, Edges::default(), style, &span, &mut out)?;
        Ok(Val::Text(out))
    }

    /// Evaluates `<<EOT`.
    pub(super) fn heredoc(&mut self, heredoc: &HeredocTemplate, span: Option<Span>) -> Outcome<Val> {
        let style = Style { by_line: true, indent: heredoc.indent().unwrap_or(0), in_directive: false };
        let mut out = String::new();
        self.render(&heredoc.template, Edges::default(), style, &span, &mut out)?;
        Ok(Val::Text(out))
    }

    fn interpolation(&mut self, interpolation: &Interpolation) -> Outcome<Val> {
        if let Expression::Variable(name) = &interpolation.expr
            && !self.is_known_root(&interpolation.expr)
        {
            return self.produced(format!("${{{}}}", name.as_str()), interpolation.span());
        }
        self.eval(&interpolation.expr)
    }

    fn render(
        &mut self,
        template: &Template,
        edges: Edges,
        style: Style,
        span: &Option<Span>,
        out: &mut String,
    ) -> Outcome<()> {
        let mut strip_next = edges.start;
        let mut elements = template.iter().peekable();
        while let Some(element) = elements.next() {
            match element {
                Element::Literal(literal) => {
                    let strip_end = elements.peek().map_or(edges.end, |next| strips_before(next));
                    let literal = dedented(literal, if style.in_directive { style.indent } else { 0 });
                    self.append(stripped(&literal, strip_next, strip_end, style), span, out)?;
                    strip_next = false;
                }
                Element::Interpolation(interpolation) => {
                    let value = self.interpolation(interpolation)?;
                    let Some(text) = value.to_text() else {
                        let place = self.place.span(interpolation.expr.span());
                        let wrong =
                            self.error(place, format!("{} cannot be part of a text", value.describe()));
                        let help = match value {
                            Val::List(_) | Val::Set(_) => {
                                Some("join its elements: join(\", \", ...)".to_owned())
                            }
                            Val::Map(_) => Some("write it as JSON: jsonencode(...)".to_owned()),
                            _ => None,
                        };
                        return Err(wrong.maybe_help(help).into());
                    };
                    self.append(&text, span, out)?;
                    strip_next = interpolation.strip.strip_end();
                }
                Element::Directive(directive) => {
                    self.directive(directive, style, span, out)?;
                    strip_next = match &**directive {
                        Directive::If(directive) => directive.endif_expr.strip.strip_end(),
                        Directive::For(directive) => directive.endfor_expr.strip.strip_end(),
                    };
                }
            }
        }
        Ok(())
    }

    fn append(&mut self, text: &str, span: &Option<Span>, out: &mut String) -> Outcome<()> {
        let spent = self.budget.text(text.len());
        self.within(spent, span.clone())?;
        out.push_str(text);
        Ok(())
    }

    fn directive(
        &mut self,
        directive: &Directive,
        style: Style,
        span: &Option<Span>,
        out: &mut String,
    ) -> Outcome<()> {
        let style = Style { in_directive: true, ..style };
        match directive {
            Directive::If(directive) => self.if_directive(directive, style, span, out),
            Directive::For(directive) => self.for_directive(directive, style, span, out),
        }
    }

    fn if_directive(
        &mut self,
        directive: &IfDirective,
        style: Style,
        span: &Option<Span>,
        out: &mut String,
    ) -> Outcome<()> {
        let endif = directive.endif_expr.strip;
        if self.condition(&directive.if_expr.cond_expr, "the condition of %{ if }")? {
            let end = directive.else_expr.as_ref().map_or(endif, |otherwise| otherwise.strip);
            let edges = between(directive.if_expr.strip, end);
            self.render(&directive.if_expr.template, edges, style, span, out)
        } else if let Some(otherwise) = &directive.else_expr {
            self.render(&otherwise.template, between(otherwise.strip, endif), style, span, out)
        } else {
            Ok(())
        }
    }

    fn for_directive(
        &mut self,
        directive: &ForDirective,
        style: Style,
        span: &Option<Span>,
        out: &mut String,
    ) -> Outcome<()> {
        let head = &directive.for_expr;
        let edges = between(head.strip, directive.endfor_expr.strip);
        let key_name = head.key_var.as_ref().map(|name| name.as_str());
        let depth = self.scope.len();
        for (key, value) in self.items(&head.collection_expr)? {
            let step = self.budget.step();
            self.within(step, head.collection_expr.span())?;
            self.bind(key_name, key, head.value_var.as_str(), value);
            let result = self.render(&head.template, edges, style, span, out);
            self.scope.truncate(depth);
            result?;
        }
        Ok(())
    }
}

/// Returns the edges of what stands between two directives.
fn between(before: Strip, after: Strip) -> Edges {
    Edges { start: before.strip_end(), end: after.strip_start() }
}

/// Tells whether an element strips the white space before it.
fn strips_before(element: &Element) -> bool {
    match element {
        Element::Literal(_) => false,
        Element::Interpolation(interpolation) => interpolation.strip.strip_start(),
        Element::Directive(directive) => match &**directive {
            Directive::If(directive) => directive.if_expr.strip.strip_start(),
            Directive::For(directive) => directive.for_expr.strip.strip_start(),
        },
    }
}

/// Removes the white space that `~` on either side asks for.
///
/// In a heredoc each line is a piece of its own: a `~` after which the text goes on takes the rest of its line with the
/// line end; one before which text stands takes the line end before it, or else the indentation.
fn stripped(text: &str, start: bool, end: bool, style: Style) -> &str {
    let mut text = text;
    if start {
        let line_end = text.find('\n').filter(|_| style.by_line).map_or(text.len(), |newline| newline + 1);
        let line = &text[..line_end];
        text = &text[line.len() - line.trim_start().len()..];
    }
    if end {
        let line_start = text.strip_suffix('\n').unwrap_or(text).rfind('\n').filter(|_| style.by_line);
        let line_start = line_start.map_or(0, |newline| newline + 1);
        text = &text[..line_start + text[line_start..].trim_end().len()];
    }
    text
}

/// Removes that many characters of indentation from each line but the first, which goes on after a sign.
fn dedented(text: &str, indent: usize) -> String {
    let mut lines = text.split_inclusive('\n');
    let mut out = lines.next().unwrap_or_default().to_owned();
    for line in lines {
        let cut =
            line.char_indices().take(indent).take_while(|(_, character)| matches!(character, ' ' | '\t'));
        out.push_str(&line[cut.last().map_or(0, |(at, character)| at + character.len_utf8())..]);
    }
    out
}
