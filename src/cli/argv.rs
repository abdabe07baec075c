//! Flags as Nomad writes them (`-detach`, `-address=x`) become flags as clap reads them (`--detach`, `--address=x`).

use std::collections::BTreeMap;
use std::ffi::OsString;

/// Gives every flag that `command` or one below it knows by a long name its second dash.
///
/// - `-address=x` and `-address x` become `--address=x` and `--address x`; so does `-help`.
/// - A switch may have Go's value: `-detach=true` becomes `--detach`, and `-detach=false` disappears.
/// - Letters (`-h`, `-v`, `-tf`), unknown words and everything after `--` are left alone.
pub fn normalize(command: &clap::Command, argv: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut flags = BTreeMap::from([("help".to_owned(), false), ("version".to_owned(), false)]);
    collect(command, &mut flags);
    let mut normalized = Vec::new();
    let mut is_over = false;
    for (position, argument) in argv.into_iter().enumerate() {
        is_over |= argument == "--";
        let flag = argument.to_str().filter(|_| !is_over && position > 0).and_then(|text| flag(&flags, text));
        match flag {
            Some(Flag::Absent) => {}
            Some(Flag::Long(text)) => normalized.push(text.into()),
            None => normalized.push(argument),
        }
    }
    normalized
}

enum Flag {
    Long(String),
    Absent,
}

fn flag(flags: &BTreeMap<String, bool>, argument: &str) -> Option<Flag> {
    let word = argument.strip_prefix('-')?;
    let word = word.strip_prefix('-').unwrap_or(word);
    let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    // A single letter is clap's own business.
    let takes_value = *flags.get(name).filter(|_| name.len() > 1)?;
    match value {
        Some("true" | "1") if !takes_value => Some(Flag::Long(format!("--{name}"))),
        Some("false" | "0") if !takes_value => Some(Flag::Absent),
        _ => Some(Flag::Long(format!("--{word}"))),
    }
}

/// Adds the long flags of a command and of all below it, and whether one of that name takes a value.
fn collect(command: &clap::Command, flags: &mut BTreeMap<String, bool>) {
    for argument in command.get_arguments() {
        for name in argument.get_long().into_iter().chain(argument.get_all_aliases().unwrap_or_default()) {
            *flags.entry(name.to_owned()).or_default() |= argument.get_action().takes_values();
        }
    }
    command.get_subcommands().for_each(|below| collect(below, flags));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::tree;

    #[test]
    fn single_dashes_become_double_ones() {
        for (given, expected) in [
            ("pasture run -detach x.nomad", "pasture run --detach x.nomad"),
            ("pasture run -address=http://a:1 x", "pasture run --address=http://a:1 x"),
            ("pasture status -address http://a:1", "pasture status --address http://a:1"),
            ("pasture status --address=a", "pasture status --address=a"),
            ("pasture stop -yes=true -purge=false x", "pasture stop --yes x"),
            ("pasture stop -purge=0 -detach=1 x", "pasture stop --detach x"),
            ("pasture agent-info -help", "pasture agent-info --help"),
            ("pasture -version", "pasture --version"),
            ("pasture -h", "pasture -h"),
            ("pasture -v", "pasture -v"),
            ("pasture alloc logs -tail -n 5 x", "pasture alloc logs --tail -n 5 x"),
            ("pasture alloc status -t {{.ID}} x", "pasture alloc status -t {{.ID}} x"),
            ("pasture run -no-such-flag x", "pasture run -no-such-flag x"),
            ("pasture run -", "pasture run -"),
            ("pasture job run -- -detach", "pasture job run -- -detach"),
            ("-json status", "-json status"),
            ("", ""),
        ] {
            let argv = given.split(' ').map(OsString::from);
            let found = normalize(&tree::command("pasture"), argv);
            let found: Vec<_> = found.iter().map(|argument| argument.to_str().unwrap()).collect();
            assert_eq!(found.join(" "), expected);
        }
    }
}
