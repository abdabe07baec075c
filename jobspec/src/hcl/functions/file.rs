//! Functions of files and their paths. All of them need [`Outside::files`], as in Nomad even those that only take
//! paths apart.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::text::check_length;
use super::{Arguments, Arity, Fault, Files, Function, Outside};
use crate::hcl::value::Val;

/// How long a pattern of `fileset` may be, in bytes.
const PATTERN_MAX: usize = 1024;

pub(super) const FUNCTIONS: &[Function] = &[
    Function { name: "abspath", arity: Arity::Exactly(1), run: abspath },
    Function { name: "basename", arity: Arity::Exactly(1), run: basename },
    Function { name: "dirname", arity: Arity::Exactly(1), run: dirname },
    Function { name: "file", arity: Arity::Exactly(1), run: file },
    Function { name: "filebase64", arity: Arity::Exactly(1), run: filebase64 },
    Function { name: "fileexists", arity: Arity::Exactly(1), run: fileexists },
    Function { name: "fileset", arity: Arity::Exactly(2), run: fileset },
    Function { name: "pathexpand", arity: Arity::Exactly(1), run: pathexpand },
];

fn allowed<'a>(outside: &Outside<'a>) -> Result<&'a dyn Files, Fault> {
    outside.files.ok_or_else(|| {
        Fault::call("is not allowed: files cannot be read here; allow it, or pass the content as a variable")
    })
}

/// Takes `.`, `..` and doubled slashes out of a path.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&last) if last != ".." => {
                    parts.pop();
                }
                _ if rooted => {}
                _ => parts.push(part),
            },
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

/// Replaces a leading `~` by the home folder.
fn expand(files: &dyn Files, path: String) -> Result<String, Fault> {
    match path.strip_prefix('~') {
        None => Ok(path),
        Some(rest) if rest.is_empty() || rest.starts_with('/') => {
            let home = files.home().ok_or_else(|| Fault::argument(0, "there is no home folder for ~"))?;
            Ok(clean(&format!("{home}{rest}")))
        }
        Some(_) => Err(Fault::argument(0, "the home folder of another user is not known here")),
    }
}

fn read(arguments: &mut Arguments, outside: &Outside<'_>) -> Result<(String, Vec<u8>), Fault> {
    let files = allowed(outside)?;
    let path = expand(files, arguments.text(0)?)?;
    let bytes = files.read(&path).map_err(|message| Fault::argument(0, message))?;
    check_length(bytes.len())?;
    Ok((path, bytes))
}

fn file(arguments: &mut Arguments, outside: &Outside<'_>) -> Result<Val, Fault> {
    let (path, bytes) = read(arguments, outside)?;
    let text = String::from_utf8(bytes);
    Ok(text
        .map_err(|_| Fault::argument(0, format!("{path} is no UTF-8 text; filebase64(...) reads any file")))?
        .into())
}

fn filebase64(arguments: &mut Arguments, outside: &Outside<'_>) -> Result<Val, Fault> {
    Ok(STANDARD.encode(read(arguments, outside)?.1).into())
}

fn fileexists(arguments: &mut Arguments, outside: &Outside<'_>) -> Result<Val, Fault> {
    let files = allowed(outside)?;
    let path = expand(files, arguments.text(0)?)?;
    Ok(files.exists(&path).map_err(|message| Fault::argument(0, message))?.into())
}

/// Returns the files below a folder whose relative path matches a pattern of `*`, `**`, `?`, `[...]` and `{a,b}`.
fn fileset(arguments: &mut Arguments, outside: &Outside<'_>) -> Result<Val, Fault> {
    let files = allowed(outside)?;
    let folder = arguments.text(0)?;
    let pattern = arguments.text(1)?;
    if pattern.len() > PATTERN_MAX {
        return Err(Fault::argument(1, format!("must have at most {PATTERN_MAX} bytes")));
    }
    let matcher = globset::GlobBuilder::new(&clean(&pattern))
        .literal_separator(true)
        .build()
        .map_err(|error| Fault::argument(1, format!("is no pattern of paths: {}", error.kind())))?
        .compile_matcher();
    let found = files.list(&folder).map_err(|message| Fault::argument(0, message))?;
    Ok(Val::set(found.into_iter().filter(|path| matcher.is_match(path)).map(Val::Text).collect()))
}

fn abspath(arguments: &mut Arguments, outside: &Outside<'_>) -> Result<Val, Fault> {
    let files = allowed(outside)?;
    let path = arguments.text(0)?;
    Ok(if path.starts_with('/') { clean(&path) } else { clean(&format!("{}/{path}", files.base())) }.into())
}

fn basename(arguments: &mut Arguments, outside: &Outside<'_>) -> Result<Val, Fault> {
    allowed(outside)?;
    let path = arguments.text(0)?;
    let trimmed = path.trim_end_matches('/');
    Ok(match (path.is_empty(), trimmed.rsplit('/').next()) {
        (true, _) => ".",
        (false, None | Some("")) => "/",
        (false, Some(last)) => last,
    }
    .into())
}

fn dirname(arguments: &mut Arguments, outside: &Outside<'_>) -> Result<Val, Fault> {
    allowed(outside)?;
    let path = arguments.text(0)?;
    let folder = path.rfind('/').map_or("", |slash| &path[..=slash]);
    Ok(clean(folder).into())
}

fn pathexpand(arguments: &mut Arguments, outside: &Outside<'_>) -> Result<Val, Fault> {
    let files = allowed(outside)?;
    Ok(expand(files, arguments.text(0)?)?.into())
}
