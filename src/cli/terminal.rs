//! Where a command's words go.

use std::io::{self, IsTerminal, Write};

use clap::Args;

/// Flags that say whether to colour.
#[derive(Args, Clone, Copy, Debug, Default)]
#[command(next_help_heading = "Output")]
pub struct ColourArgs {
    /// Never colour; the variable NO_COLOR does the same
    #[arg(long, global = true)]
    pub no_color: bool,

    /// Colour even where the output is not a terminal
    #[arg(long, global = true, conflicts_with = "no_color")]
    pub force_color: bool,
}

/// Standard output and standard error, and whether they show colour.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Whether standard output shows colour.
    pub colour: bool,
    /// Whether standard error does.
    pub colour_errors: bool,
}

impl Terminal {
    /// Decides by flags, environment and what the two streams are.
    pub fn new(args: ColourArgs) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value: std::ffi::OsString| !value.is_empty());
        let never = args.no_color || (!args.force_color && (set("NO_COLOR") || set("NOMAD_CLI_NO_COLOR")));
        let shows = |is_terminal: bool| !never && (args.force_color || is_terminal);
        Self { colour: shows(io::stdout().is_terminal()), colour_errors: shows(io::stderr().is_terminal()) }
    }

    /// Writes a text to standard output, with a newline after it unless it has one.
    pub fn print(&self, text: &str) {
        write(&mut io::stdout().lock(), text);
    }

    /// Writes bytes to standard output as they are.
    pub fn print_bytes(&self, bytes: &[u8]) {
        // Somebody who has closed the pipe does not want to read on.
        let _ = io::stdout().lock().write_all(bytes);
    }

    /// Writes a text to standard error.
    pub fn warn(&self, text: &str) {
        write(&mut io::stderr().lock(), text);
    }
}

/// Writes and flushes, so that followers of an evaluation see each line when it comes.
fn write(to: &mut impl Write, text: &str) {
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    // Somebody who has closed the pipe does not want to read on.
    let _ = write!(to, "{text}{newline}").and_then(|()| to.flush());
}
