//! The `pasture` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    pasture::cli::main()
}
