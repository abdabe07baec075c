//! The functions of the job language: `upper("x")`, `merge(a, b)`.
//!
//! Names and behaviour are those of Nomad's job files (`jobspec2/functions.go`), which takes them from HCL's standard
//! library. Each topic has a file with one table: name, how many arguments, function.
//!
//! # Invariants
//! - A function depends on its arguments and on [`Outside`] only; what it would need from the machine it is handed.
//! - No arguments make one panic, hang, or produce more than the limits in [`super::value`].
//!
//! # Caveats
//! - Numbers are 64-bit integers and floats, not of any size: `parseint` of more than 64 bits is refused.
//! - Texts are not normalised (Nomad brings them to Unicode's form C).
//! - `rsadecrypt` is refused by name: it would take a dozen crates to let a job file hold a private key.
//! - Nomad's documentation and Nomad differ on two functions; here both are done. `index(list, 1)` is the element at a
//!   place, as in Nomad, and `index(list, "x")` the place of a value, as documented. `reverse` takes texts and lists.

mod arguments;
mod collection;
mod date;
mod encoding;
mod file;
mod format;
mod hash;
mod network;
mod number;
mod set;
mod text;
mod yaml;

#[cfg(test)]
mod tests;

use super::value::Val;
use crate::diagnostic::nearest;
use arguments::Arguments;

/// What functions may reach outside of the expression. What is absent, the functions that need it refuse.
#[derive(Clone, Copy, Default)]
pub struct Outside<'a> {
    /// Files, for `file` and its like; absent where files may not be read.
    pub files: Option<&'a dyn Files>,
    /// Fills a buffer with random bytes, for `uuidv4` and `bcrypt`.
    pub random: Option<Random<'a>>,
}

/// A source of random bytes: fills the buffer.
pub type Random<'a> = &'a dyn Fn(&mut [u8]);

/// The files that functions may read. Paths are as written in the expression; relative ones start where the
/// implementation says (the folder of the job file).
pub trait Files {
    /// Reads a file.
    ///
    /// # Errors
    /// With the reason in words.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;

    /// Tells whether a regular file is there.
    ///
    /// # Errors
    /// When there is something else, or it cannot be told.
    fn exists(&self, path: &str) -> Result<bool, String>;

    /// Lists all files below a folder: paths relative to it, parts joined by `/`.
    ///
    /// # Errors
    /// With the reason in words.
    fn list(&self, folder: &str) -> Result<Vec<String>, String>;

    /// Returns the folder that relative paths start from, absolute.
    fn base(&self) -> String;

    /// Returns the home folder, if there is one.
    fn home(&self) -> Option<String>;
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which argument is wrong, counted from 0; None if it is the call as a whole.
    pub argument: Option<usize>,
    /// Why: a fragment in lower case, without the name of the function.
    pub message: String,
}

impl Fault {
    /// Makes a fault of one argument.
    pub fn argument(index: usize, message: impl Into<String>) -> Self {
        Self { argument: Some(index), message: message.into() }
    }

    /// Makes a fault of the whole call.
    pub fn call(message: impl Into<String>) -> Self {
        Self { argument: None, message: message.into() }
    }
}

/// Functions whose arguments are expressions rather than values: the evaluator handles them.
const SPECIAL: [&str; 3] = ["can", "convert", "try"];

/// The functions of all topics.
const TABLES: [&[Function]; 10] = [
    text::FUNCTIONS,
    format::FUNCTIONS,
    number::FUNCTIONS,
    collection::FUNCTIONS,
    set::FUNCTIONS,
    encoding::FUNCTIONS,
    hash::FUNCTIONS,
    network::FUNCTIONS,
    date::FUNCTIONS,
    file::FUNCTIONS,
];

/// A row of a topic's table.
struct Function {
    name: &'static str,
    arity: Arity,
    run: Run,
}

/// What a function does with arguments whose number is right.
type Run = fn(&mut Arguments, &Outside<'_>) -> Result<Val, Fault>;

/// How many arguments a function takes.
#[derive(Clone, Copy)]
enum Arity {
    Exactly(usize),
    Between(usize, usize),
    AtLeast(usize),
}

impl Arity {
    fn accepts(self, count: usize) -> bool {
        match self {
            Self::Exactly(wanted) => count == wanted,
            Self::Between(least, most) => (least..=most).contains(&count),
            Self::AtLeast(least) => count >= least,
        }
    }
}

impl std::fmt::Display for Arity {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exactly(1) => write!(out, "1 argument"),
            Self::Exactly(wanted) => write!(out, "{wanted} arguments"),
            Self::Between(least, most) => write!(out, "{least} to {most} arguments"),
            Self::AtLeast(1) => write!(out, "at least 1 argument"),
            Self::AtLeast(least) => write!(out, "at least {least} arguments"),
        }
    }
}

/// Returns the names of all functions, `can`, `convert` and `try` among them.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLES.into_iter().flatten().map(|function| function.name).chain(SPECIAL)
}

/// Returns how much longer a call takes than others, in steps of about a microsecond: the evaluator has a limit of steps
/// for a file. The size of arguments and result is not in it.
pub fn effort(name: &str, arguments: &[Val]) -> usize {
    match name {
        "bcrypt" => hash::bcrypt_effort(arguments),
        "regex_replace" => text::regex_effort(arguments),
        _ => 0,
    }
}

/// Calls a function.
///
/// # Errors
/// When there is no such function, or the arguments do not suit it.
pub fn call(name: &str, arguments: Vec<Val>, outside: &Outside<'_>) -> Result<Val, Fault> {
    let Some(function) = TABLES.into_iter().flatten().find(|function| function.name == name) else {
        if SPECIAL.contains(&name) {
            return Err(Fault::call("takes expressions and cannot be called with values"));
        }
        return Err(Fault::call(match nearest(name, names()) {
            Some(known) => format!("there is no function {name:?}; did you mean {known:?}?"),
            None => format!("there is no function {name:?}"),
        }));
    };
    if !function.arity.accepts(arguments.len()) {
        let (expected, given) = (function.arity, arguments.len());
        return Err(Fault::call(format!("takes {expected}, but {given} are given")));
    }
    for (index, argument) in arguments.iter().enumerate() {
        argument.check_size().map_err(|message| Fault::argument(index, message))?;
    }
    let result = (function.run)(&mut Arguments::new(arguments), outside)?;
    result.check_size().map_err(|message| Fault::call(format!("the result is too large: {message}")))?;
    Ok(result)
}
