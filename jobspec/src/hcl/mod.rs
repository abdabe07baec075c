//! HCL: text to a tree of attributes and blocks that knows where each piece stands.
//!
//! Job files, labs, scenarios and agent configuration are all read by this module. It goes through three stages: the
//! 2016 dialect is rewritten into today's (`dialect`), the `hcl-edit` crate parses that, and the result is evaluated
//! (`eval`) to a plain [`Body`] (`tree`), from which variables, locals and `dynamic` blocks are gone. [`Fields`] then
//! reads a body as a schema: typed, with coercions, and with an error for everything nobody asked for.
//!
//! # Invariants
//! - Every span is one of the user's file, rewritten or not.
//! - Blocks and brackets nest no deeper than [`DEPTH_MAX`], expressions in templates no deeper than the parser's 64 levels;
//!   nothing is read that is larger than [`SIZE_MAX`], and evaluating has a budget.
//! - A reference such as `${attr.kernel.name}` that is neither `var` nor `local` stays text as written.
//!
//! # Caveats
//! In JSON `dynamic` is known by its keys: an object with `for_each` and `content` in a map is taken for one, too.

pub(crate) mod dialect;
mod eval;
mod fields;
pub mod functions;
mod json;
mod json_strings;
pub(crate) mod scan;
mod signs;
mod tree;
pub mod value;

pub use eval::Inputs;
pub use fields::{Fields, Reader};
pub(super) use json::json_fault;
pub use tree::{Attribute, Block, Body, Label, Value, ValueKind};

use super::diagnostic::{Diagnostic, Diagnostics, Source, Span};

/// How deep blocks, brackets and templates may nest.
pub const DEPTH_MAX: usize = 32;

/// How large a file may be, in bytes.
pub const SIZE_MAX: usize = 1 << 20;

/// How many tokens the value of one attribute may have: the parser looks through all keys of a map for each new one.
const EXPRESSION_TOKENS_MAX: usize = 20_000;

/// What differs between kinds of files, and what they are evaluated with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Names of attributes in a block may stand in quotes, as agent configuration has them.
    pub quoted_names: bool,
    /// Several things on one line are this kind of file's own style, not a spelling of 2016: labs and scenarios.
    pub crowded_lines: bool,
    /// Values for variables, and what functions may reach; None where nobody can give any.
    pub inputs: Option<&'a Inputs>,
}

/// Parses and evaluates a file; what is merely old-fashioned goes to `warnings`.
///
/// # Errors
/// When the text is too large, too deep, no HCL, or cannot be evaluated.
pub fn parse(source: &Source, options: Options<'_>, warnings: &mut Diagnostics) -> Result<Body, Diagnostics> {
    check_size(source)?;
    let modern = dialect::modernise(source, options, warnings)?;
    let parsed = parse_modern(source, &modern)?;
    eval::file(eval::Place::new(source, &modern), &parsed, options, warnings)
}

/// Checks that a text is HCL, without evaluating anything, and tells how its 2016 spelling is written today.
///
/// # Errors
/// When the text is too large, too deep or no HCL.
pub(crate) fn check_syntax(source: &Source) -> Result<dialect::Modern, Diagnostics> {
    check_size(source)?;
    let options = Options { quoted_names: true, crowded_lines: true, ..Options::default() };
    let modern = dialect::modernise(source, options, &mut Diagnostics::new())?;
    parse_modern(source, &modern)?;
    Ok(modern)
}

/// Parses JSON as if it were HCL: objects are blocks, lists of objects repeated blocks, strings templates.
///
/// # Errors
/// When the text is too large, too deep, no JSON object, or cannot be evaluated.
pub fn parse_json(
    source: &Source,
    options: Options<'_>,
    warnings: &mut Diagnostics,
) -> Result<Body, Diagnostics> {
    check_size(source)?;
    json::build(source, options, warnings)
}

fn check_size(source: &Source) -> Result<(), Diagnostics> {
    if source.text().len() <= SIZE_MAX {
        return Ok(());
    }
    let message = format!("the file has {} bytes; at most {SIZE_MAX} are read", source.text().len());
    Err(source.error(0..0, message).into())
}

fn parse_modern(source: &Source, modern: &dialect::Modern) -> Result<hcl_edit::structure::Body, Diagnostics> {
    hcl_edit::parser::parse_body(&modern.text).map_err(|error| {
        let offset = modern.original(error.location().offset());
        match signs::explain(source, offset, error.message()) {
            Some(explained) => explained.into(),
            None => syntax_error(source, modern, &error),
        }
    })
}

/// Turns a complaint of the parser into one about the user's file.
fn syntax_error(source: &Source, modern: &dialect::Modern, error: &hcl_edit::parser::Error) -> Diagnostics {
    let start = modern.original(error.location().offset());
    let rest = source.text().get(start..).unwrap_or_default();
    let key = key_length(rest);
    let (length, message) = match error.message() {
        message if message.contains("redefined attribute") => {
            (key, format!("{} is given twice in its block", &rest[..key]))
        }
        message if message.contains("redefined object key") => {
            (key, format!("{} is given twice in its map", &rest[..key]))
        }
        message => (rest.chars().next().map_or(0, char::len_utf8), message.to_owned()),
    };
    source.error(start..start + length, message).into()
}

/// Returns how many bytes the name or string has that a text begins with.
fn key_length(text: &str) -> usize {
    if let Some(inside) = text.strip_prefix('"') {
        return inside.find('"').map_or(1, |length| length + 2);
    }
    text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))).unwrap_or(text.len())
}

fn too_deep(source: &Source, span: Span) -> Diagnostic {
    source.error(
        span,
        format!("nested too deep: at most {DEPTH_MAX} levels of blocks, brackets and templates are read"),
    )
}
