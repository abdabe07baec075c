//! The functions of the job language: `upper("x")`, `merge(a, b)`.
//!
//! Names and behaviour are those of Nomad's job files (`jobspec2/functions.go`), which takes them from HCL's standard
//! library. Each topic has a file with one table: name, how many arguments, function.
//!
//! # Invariants
//! - A function depends on its arguments and on [`Outside`] only; what it would need from the machine it is handed.
//! - No arguments make one panic, hang, or produce more than the limits in [`super::value`].

use super::value::Val;

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

/// Returns the names of all functions, `can`, `convert` and `try` among them.
pub fn names() -> impl Iterator<Item = &'static str> {
    SPECIAL.into_iter()
}

/// Calls a function.
///
/// # Errors
/// When there is no such function, or the arguments do not suit it.
pub fn call(name: &str, arguments: Vec<Val>, outside: &Outside<'_>) -> Result<Val, Fault> {
    let _ = (arguments, outside);
    Err(Fault::call(format!("there is no function {name:?}")))
}
