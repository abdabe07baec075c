//! Flags as Nomad writes them (`-detach`, `-address=x`) become flags as clap reads them (`--detach`, `--address=x`).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

/// Gives every flag that `command` or one below it knows by a long name its second dash.
///
/// - `-address=x` and `-address x` become `--address=x` and `--address x`; so does `-help`.
/// - A switch may have Go's value: `-detach=true` becomes `--detach`, and `-detach=false` disappears.
/// - A word that is no flag anywhere gets its second dash too, so that the complaint names all of it.
/// - Letters (`-h`, `-v`, `-n5`, `-fn`) and everything after `--` are left alone.
pub fn normalize(command: &clap::Command, argv: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut flags = Flags::default();
    flags.long.insert("help".to_owned(), false);
    flags.short.extend(['h', 'v']);
    flags.collect(command);
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

/// All flags of a tree.
#[derive(Default)]
struct Flags {
    /// Whether one of that name takes a value.
    long: BTreeMap<String, bool>,
    short: BTreeSet<char>,
}

impl Flags {
    /// Adds the flags of a command and of all below it.
    fn collect(&mut self, command: &clap::Command) {
        for argument in command.get_arguments() {
            self.short.extend(argument.get_short());
            let aliases = argument.get_all_aliases().unwrap_or_default();
            for name in argument.get_long().into_iter().chain(aliases) {
                *self.long.entry(name.to_owned()).or_default() |= argument.get_action().takes_values();
            }
        }
        command.get_subcommands().for_each(|below| self.collect(below));
    }
}

enum Flag {
    Long(String),
    Absent,
}

fn flag(flags: &Flags, argument: &str) -> Option<Flag> {
    let word = argument.strip_prefix('-')?;
    let word = word.strip_prefix('-').unwrap_or(word);
    let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    // A single letter is clap's own business.
    if name.len() < 2 {
        return None;
    }
    match (flags.long.get(name), value) {
        (Some(false), Some("true" | "1")) => Some(Flag::Long(format!("--{name}"))),
        (Some(false), Some("false" | "0")) => Some(Flag::Absent),
        (Some(_), _) => Some(Flag::Long(format!("--{word}"))),
        (None, _) => {
            let is_word = name.chars().all(|letter| letter.is_ascii_alphabetic() || letter == '-');
            let is_letters = name.chars().all(|letter| flags.short.contains(&letter));
            (is_word && !is_letters).then(|| Flag::Long(format!("--{word}")))
        }
    }
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
            ("pasture run -no-such=flag x", "pasture run --no-such=flag x"),
            ("pasture logs -fn 5 -c7 x", "pasture logs -fn 5 -c7 x"),
            ("pasture job scale x -12", "pasture job scale x -12"),
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
