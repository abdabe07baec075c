//! What every command is handed.

use super::output::Style;
use super::terminal::Terminal;
use crate::env::Env;

/// The machine a command runs on and where its words go.
#[derive(Clone)]
pub struct Context {
    /// The machine.
    pub env: Env,
    /// Where words go.
    pub terminal: Terminal,
    /// What the program is called.
    pub program: &'static str,
}

impl Context {
    /// Returns how to show things on standard output.
    pub fn style(&self, verbose: bool) -> Style {
        Style { colour: self.terminal.colour, verbose, now: self.env.now() }
    }

    /// Writes a text to standard output.
    pub fn print(&self, text: &str) {
        self.terminal.print(text);
    }

    /// Writes a text to standard error.
    pub fn warn(&self, text: &str) {
        self.terminal.warn(text);
    }
}
