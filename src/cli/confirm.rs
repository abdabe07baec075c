//! Asking before something is done.

use std::io::{self, IsTerminal, Write};

use super::error::CommandError;

/// Asks a question that is answered by yes or no; no is the default.
///
/// # Errors
/// When nobody is there to ask.
pub fn ask(question: &str) -> Result<bool, CommandError> {
    if !io::stdin().is_terminal() {
        return Err(CommandError::Other(format!(
            "{question} Nobody can be asked here; give the whole id, or use -yes"
        )));
    }
    let _ = write!(io::stdout(), "{question} [y/N] ").and_then(|()| io::stdout().flush());
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| CommandError::Other(format!("no answer: {error}")))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
