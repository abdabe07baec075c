//! The signs of templates, `${` and `%{`, checked before parsing: scripts and formats are full of them without meaning
//! a template, and the parser can only say that it expected something else.

use crate::diagnostic::{Diagnostic, Source, Span};

use super::scan::{self, Kind, Token};

/// Checks that each `%{` in a text begins a directive, and that each directive ends.
///
/// # Errors
/// With the first that does not.
pub(super) fn check(source: &Source, tokens: &[Token]) -> Result<(), Diagnostic> {
    tokens.iter().filter(|token| is_text(token)).try_for_each(|token| check_text(source, token))
}

fn is_text(token: &Token) -> bool {
    matches!(token.kind, Kind::Quoted | Kind::Heredoc)
}

fn check_text(source: &Source, token: &Token) -> Result<(), Diagnostic> {
    // Innermost last: what is open, and the word that ends it.
    let mut open: Vec<(Span, &str)> = Vec::new();
    for sign in
        openings(source, token).into_iter().filter(|sign| source.text()[sign.clone()].starts_with('%'))
    {
        let rest = source.text()[sign.end..token.span.end].trim_start_matches('~').trim_start();
        let word: &str = rest.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        match word {
            "if" => open.push((sign, "endif")),
            "for" => open.push((sign, "endfor")),
            "else" if open.last().is_some_and(|(_, end)| *end == "endif") => {}
            "endif" | "endfor" if open.last().is_some_and(|(_, end)| *end == word) => {
                open.pop();
            }
            "else" | "endif" | "endfor" => {
                let begin = if word == "endfor" { "for" } else { "if" };
                return Err(source.error(sign, format!("%{{ {word} }} without %{{ {begin} ... }} before it")));
            }
            _ => {
                return Err(source
                    .error(sign, "%{ begins a directive: if, else, endif, for or endfor")
                    .help("write %%{ for the signs themselves"));
            }
        }
    }
    match open.pop() {
        Some((sign, end)) => Err(source.error(sign, format!("this directive has no %{{ {end} }}"))),
        None => Ok(()),
    }
}

/// Explains an error of the parser at `offset` if it is about the signs of a template.
pub(super) fn explain(source: &Source, offset: usize, message: &str) -> Option<Diagnostic> {
    let tokens = scan::scan(source).ok()?;
    let holds = |token: &Token| {
        // What does not end in a heredoc is noticed at its end.
        let end = token.span.end + usize::from(token.kind == Kind::Heredoc);
        is_text(token) && (token.span.start..end).contains(&offset)
    };
    let place = tokens.iter().position(holds)?;
    let token = &tokens[place];
    let sign =
        openings(source, token).into_iter().rfind(|sign| sign.start <= offset.max(token.span.start + 1))?;
    let before = place.checked_sub(1).and_then(|before| tokens.get(before));
    if before.is_some_and(|before| matches!(before.kind, Kind::Ident | Kind::Quoted)) {
        return Some(
            source
                .error(token.span.clone(), "the name of a block is plain text without templates")
                .help("a dynamic block computes its names: labels = [...]"),
        );
    }
    let written = &source.text()[sign.clone()];
    let rest = &source.text()[sign.end..token.span.end];
    let end = rest.find(['}', '\n', '"']).map_or(sign.end, |end| sign.end + end + 1);
    Some(
        source
            .error(sign.start..end, format!("this is no template: {message}"))
            .help(format!("write {}{written} for the signs themselves", &written[..1])),
    )
}

/// Returns where `${` and `%{` stand in a text, those written `$${` and `%%{` left out.
fn openings(source: &Source, token: &Token) -> Vec<Span> {
    let bytes = source.text().as_bytes();
    let mut found = Vec::new();
    let mut at = token.span.start;
    while at + 1 < token.span.end {
        match &bytes[at..token.span.end] {
            [b'$', b'$', b'{', ..] | [b'%', b'%', b'{', ..] => at += 3,
            [b'$' | b'%', b'{', ..] => {
                found.push(at..at + 2);
                at += 2;
            }
            [b'\\', ..] if token.kind == Kind::Quoted => at += 2,
            _ => at += 1,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Diagnostics;
    use crate::hcl::{Options, parse};

    #[test]
    fn says_which_sign_is_meant_otherwise() {
        for (text, said) in [
            (
                "a = <<EOT\ncurl -w '%{http_code}' x\nEOT",
                "x:2:10: error: %{ begins a directive: if, else, endif, for or endfor (write %%{ for the signs themselves)",
            ),
            ("a = \"%{ if true }\"", "x:1:6: error: this directive has no %{ endif }"),
            (
                "a = \"%{ for x in [1] }%{ if x }%{ endfor }\"",
                "x:1:32: error: %{ endfor } without %{ for ... } before it",
            ),
            ("a = \"%{ else }\"", "x:1:6: error: %{ else } without %{ if ... } before it"),
            (
                "a = \"${VAR:-x}\"",
                "x:1:6: error: this is no template: expected `}` (write $${ for the signs themselves)",
            ),
            (
                "a = <<EOT\n${a} ${#x[@]}\nEOT",
                "x:2:6: error: this is no template: expected `}` (write $${ for the signs themselves)",
            ),
            (
                "a \"${var.x}\" {\n}",
                "x:1:3: error: the name of a block is plain text without templates (a dynamic block computes its names: labels = [...])",
            ),
            (
                "a = \"x ${1 + }\"",
                "x:1:8: error: this is no template: invalid expression; expected `\"`, `[`, `{`, `-`, `!`, `(`, `_`, `<`, letter or digit (write $${ for the signs themselves)",
            ),
        ] {
            let errors =
                parse(&Source::new("x", text), Options::default(), &mut Diagnostics::new()).unwrap_err();
            assert_eq!(errors.one_line_each(), said, "{text}");
        }
        for text in [
            "a = \"%%{ x } 100% $${y} \\\\%{ if true }1%{ endif }\"",
            "a = \"%{ if true }${\"%{ for x in [1] }%{ endfor }\"}%{ else }%{ endif }\"",
        ] {
            assert!(
                parse(&Source::new("x", text), Options::default(), &mut Diagnostics::new()).is_ok(),
                "{text}"
            );
        }
    }
}
