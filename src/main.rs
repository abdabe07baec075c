//! The `pasture` binary.

use std::io::IsTerminal;

use clap::Parser;
use pasture::cli::commands::{scenario, test};

#[derive(Parser)]
#[command(name = "pasture", version)]
enum Command {
    Test(test::TestArgs),
    Scenario(scenario::ScenarioArgs),
}

fn main() {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let args = std::env::args()
        .map(|a| if a.len() > 2 && a.starts_with('-') && !a.starts_with("--") { format!("-{a}") } else { a });
    let result = match Command::parse_from(args) {
        Command::Test(args) => test::run(&args, colour),
        Command::Scenario(args) => scenario::run(&args, colour),
    };
    match result {
        Ok(code) => std::process::exit(code),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}
