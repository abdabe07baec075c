//! Text into tokens, no finer than what is needed to see where an attribute or a block ends.

use crate::diagnostic::{Diagnostic, Source, Span};

use super::DEPTH_MAX;

/// What a token is. Comments and spaces are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Newline,
    Ident,
    /// A string in quotes, templates inside included.
    Quoted,
    /// From `<<` to the closing delimiter.
    Heredoc,
    Number,
    Open(u8),
    Close(u8),
    Comma,
    /// A single `=`.
    Equals,
    /// Anything else; the parser knows better.
    Operator,
}

/// A token and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub kind: Kind,
    pub span: Span,
}

/// Cuts a text into tokens.
///
/// # Errors
/// When a string, comment or heredoc does not end, or templates nest deeper than `DEPTH_MAX`.
pub(crate) fn scan(source: &Source) -> Result<Vec<Token>, Diagnostic> {
    let mut scanner = Scanner { source, bytes: source.text().as_bytes(), at: 0 };
    let mut tokens = Vec::new();
    while let Some(token) = scanner.next()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Scanner<'a> {
    source: &'a Source,
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn next(&mut self) -> Result<Option<Token>, Diagnostic> {
        self.skip_blank()?;
        let start = self.at;
        let Some(byte) = self.peek(0) else { return Ok(None) };
        let kind = match byte {
            b'\n' => self.take(1, Kind::Newline),
            b',' => self.take(1, Kind::Comma),
            b'{' | b'[' | b'(' => self.take(1, Kind::Open(byte)),
            b'}' | b']' | b')' => self.take(1, Kind::Close(byte)),
            b'"' => self.quoted()?,
            b'0'..=b'9' => {
                self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'_');
                Kind::Number
            }
            b'=' if !matches!(self.peek(1), Some(b'=' | b'>')) => self.take(1, Kind::Equals),
            b'=' | b'!' | b'<' | b'>' if matches!(self.peek(1), Some(b'=' | b'>')) => {
                self.take(2, Kind::Operator)
            }
            b'<' if self.peek(1) == Some(b'<') => self.heredoc()?,
            _ if is_ident_start(byte) => {
                self.take_while(|byte| is_ident_start(byte) || byte.is_ascii_digit() || byte == b'-');
                Kind::Ident
            }
            _ => self.take(1, Kind::Operator),
        };
        Ok(Some(Token { kind, span: start..self.at }))
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn starts_with(&self, text: &[u8]) -> bool {
        self.bytes[self.at..].starts_with(text)
    }

    fn take(&mut self, bytes: usize, kind: Kind) -> Kind {
        self.at += bytes;
        kind
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&wanted) {
            self.at += 1;
        }
    }

    /// Skips spaces and comments, but no line end.
    fn skip_blank(&mut self) -> Result<(), Diagnostic> {
        loop {
            if self.starts_with("\u{feff}".as_bytes()) && self.at == 0 {
                self.at = 3;
            }
            self.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r'));
            if self.peek(0) == Some(b'#') || self.starts_with(b"//") {
                self.take_while(|byte| byte != b'\n');
            } else if self.starts_with(b"/*") {
                let start = self.at;
                let Some(length) = self.source.text()[start + 2..].find("*/") else {
                    return Err(self
                        .source
                        .error(start..start + 2, "this comment is never closed")
                        .help("add */"));
                };
                self.at = start + 2 + length + 2;
            } else {
                return Ok(());
            }
        }
    }

    /// Takes a string in quotes. `${...}` and `%{...}` inside may contain strings again.
    fn quoted(&mut self) -> Result<Kind, Diagnostic> {
        let start = self.at;
        self.at += 1;
        // Innermost last: a string, or a template with the braces open in it.
        let mut inside = vec![Inside::String];
        while let Some(innermost) = inside.last_mut() {
            let Some(byte) = self.peek(0) else { return Err(self.unclosed_string(start)) };
            match innermost {
                Inside::String if byte == b'\n' => return Err(self.unclosed_string(start)),
                Inside::String if self.starts_with(b"$${") || self.starts_with(b"%%{") => self.at += 3,
                Inside::String if self.starts_with(b"${") || self.starts_with(b"%{") => {
                    self.at += 2;
                    inside.push(Inside::Template { braces: 0 });
                }
                Inside::String if byte == b'\\' => self.at += 2,
                Inside::Template { braces: 0 } if byte == b'}' => {
                    self.at += 1;
                    inside.pop();
                }
                Inside::String if byte == b'"' => {
                    self.at += 1;
                    inside.pop();
                }
                Inside::Template { .. } if byte == b'"' => {
                    self.at += 1;
                    inside.push(Inside::String);
                }
                Inside::Template { braces } if byte == b'{' => {
                    *braces += 1;
                    self.at += 1;
                }
                Inside::Template { braces } if byte == b'}' => {
                    *braces -= 1;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
            if inside.len() > DEPTH_MAX {
                return Err(super::too_deep(self.source, start..self.at.min(self.bytes.len())));
            }
        }
        Ok(Kind::Quoted)
    }

    fn unclosed_string(&self, start: usize) -> Diagnostic {
        let end = self.bytes[start..].iter().position(|byte| *byte == b'\n');
        let span = start..end.map_or(self.bytes.len(), |length| start + length);
        self.source
            .error(span, "this string is not closed on its line")
            .help("add a closing \", or write text of several lines as a heredoc: <<EOF ... EOF")
    }

    /// Takes a heredoc, or a lone `<` where what follows is none.
    fn heredoc(&mut self) -> Result<Kind, Diagnostic> {
        let text = self.source.text();
        let start = self.at;
        let after = &text[start + 2..];
        let name_start = start + 2 + usize::from(after.starts_with('-'));
        let name_length = text[name_start..]
            .bytes()
            .position(|byte| !is_ident_start(byte) && !byte.is_ascii_digit() && byte != b'-')
            .unwrap_or(text.len() - name_start);
        let name = &text[name_start..name_start + name_length];
        let rest = &text[name_start + name_length..];
        if name.is_empty() || !(rest.starts_with('\n') || rest.starts_with("\r\n")) {
            return Ok(self.take(1, Kind::Operator));
        }
        let mut line_start = name_start + name_length;
        while let Some(newline) = text[line_start..].find('\n') {
            line_start += newline + 1;
            let line = text[line_start..].split('\n').next().unwrap_or_default();
            let content = line.trim_start_matches([' ', '\t']);
            let ends = content
                .strip_prefix(name)
                .is_some_and(|rest| !rest.bytes().next().is_some_and(is_ident_continue));
            if ends {
                self.at = line_start + (line.len() - content.len()) + name.len();
                return Ok(Kind::Heredoc);
            }
        }
        Err(self
            .source
            .error(start..name_start + name_length, format!("this text is never closed: no line is {name:?}"))
            .help(format!("write {name} on a line of its own after the text")))
    }
}

/// What the scanner is in the middle of, within a string.
enum Inside {
    String,
    Template { braces: usize },
}

/// Tells whether a byte may begin a name; bytes of non-ASCII characters are taken for letters.
fn is_ident_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_ident_continue(byte: u8) -> bool {
    is_ident_start(byte) || byte.is_ascii_digit() || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(Kind, &str)> {
        let source = Source::new("x", text);
        scan(&source).unwrap().into_iter().map(|token| (token.kind, &text[token.span])).collect()
    }

    #[test]
    fn strings_and_comments_hide_what_is_in_them() {
        assert_eq!(
            kinds(r#"a = "x } \" ${f("}", {a=1})} $${" # } {"#),
            [(Kind::Ident, "a"), (Kind::Equals, "="), (Kind::Quoted, r#""x } \" ${f("}", {a=1})} $${""#)]
        );
        assert_eq!(kinds("/* { \n */ b // {"), [(Kind::Ident, "b")]);
    }

    #[test]
    fn heredocs_end_at_their_delimiter_alone() {
        let text = "a = <<-EOT\n  EOTX }\n  EOT\nb";
        assert_eq!(kinds(text)[2], (Kind::Heredoc, "<<-EOT\n  EOTX }\n  EOT"));
        assert_eq!(kinds(text)[4], (Kind::Ident, "b"));
    }

    #[test]
    fn says_what_does_not_end() {
        for (text, message) in [
            ("a = \"b\nc", "this string is not closed on its line"),
            ("a /* b", "this comment is never closed"),
            ("a = <<EOT\nb", "this text is never closed: no line is \"EOT\""),
        ] {
            assert_eq!(scan(&Source::new("x", text)).unwrap_err().message, message);
        }
    }
}
