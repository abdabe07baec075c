//! The reference of all commands, made from the tree itself, so that it cannot be wrong.

use super::tree;

/// How wide help is set where it has to be the same everywhere, in columns.
const WIDTH: usize = 100;

/// A command and what help says of it.
#[derive(Clone, Debug)]
pub struct Page {
    /// Its words, such as `job run`; empty for the program itself.
    pub path: String,
    /// Its first line.
    pub about: String,
    /// All of its help.
    pub help: String,
    /// Whether it is left out of lists: an alias of 2016, or nothing for people.
    pub is_hidden: bool,
}

/// Returns a page for each command, in the order of the tree, parents first.
pub fn pages() -> Vec<Page> {
    let mut root = tree::command("pasture").term_width(WIDTH);
    root.build();
    let mut pages = Vec::new();
    collect(&root, "", false, &mut pages);
    pages
}

/// Returns the whole reference.
pub fn markdown() -> String {
    let pages = pages();
    let mut text = String::from(
        "# Command line\n\n\
         Made by `pasture reference`; do not edit. Flags may be written with one dash or two.\n\n\
         Exit codes: 0 it worked, 1 it did not. Commands that follow an evaluation exit with 2 when not everything\n\
         could be placed. `test` and `scenario run` exit with 2 when a cluster did not come to rest, with 3 when a run broke.\n\n\
         Every command takes `-no-color` and `-force-color` (the variable `NO_COLOR` is heeded). Those that ask a cluster take\n\
         `-address`, `-region` and `-namespace`, or the variables `PASTURE_ADDR`, `NOMAD_ADDR`, `NOMAD_REGION` and\n\
         `NOMAD_NAMESPACE`; the usual address is `http://127.0.0.1:4646`.\n\n\
         | command | |\n|---|---|\n",
    );
    let shown = || pages.iter().filter(|page| !page.is_hidden && !page.path.is_empty());
    for page in shown() {
        let anchor = format!("pasture-{}", page.path.replace(' ', "-"));
        text.push_str(&format!("| [`{}`](#{anchor}) | {} |\n", page.path, page.about));
    }
    let hidden: Vec<String> = pages
        .iter()
        .filter(|page| page.is_hidden && page.path.contains('-'))
        .map(|page| format!("`{}`", page.path))
        .collect();
    text.push_str(&format!("\nNames of 2016 that work too: {}.\n", hidden.join(", ")));
    for page in shown() {
        // What all commands have in common is said above.
        let own = ["\nConnection:\n", "\nOutput:\n"]
            .iter()
            .fold(page.help.as_str(), |help, heading| help.split(heading).next().unwrap_or(help));
        text.push_str(&format!("\n## pasture {}\n\n```text\n{own}```\n", page.path));
    }
    text
}

fn collect(command: &clap::Command, path: &str, is_hidden: bool, pages: &mut Vec<Page>) {
    let is_hidden = is_hidden || command.is_hide_set();
    let mut help = command.clone().render_long_help().to_string();
    if !help.ends_with('\n') {
        help.push('\n');
    }
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    pages.push(Page {
        path: path.to_owned(),
        about: command.get_about().map(ToString::to_string).unwrap_or_default(),
        help: lines.join("\n") + "\n",
        is_hidden,
    });
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        let path = if path.is_empty() {
            below.get_name().to_owned()
        } else {
            format!("{path} {}", below.get_name())
        };
        collect(below, &path, is_hidden, pages);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::cli::golden::Golden;

    #[test]
    fn help_and_reference_are_as_kept() {
        let folder = "tests/golden/help";
        let mut golden = Golden::new();
        let mut known = BTreeSet::new();
        for page in pages() {
            let name = if page.path.is_empty() { "pasture".to_owned() } else { page.path.replace(' ', "_") };
            golden.check(&format!("{folder}/{name}.txt"), &page.help);
            known.insert(format!("{name}.txt"));
        }
        golden.no_others(folder, &known);
        golden.check("docs/cli.md", &markdown());
        golden.finish();
    }

    #[test]
    fn every_command_teaches() {
        for page in pages() {
            assert!(!page.about.is_empty() && !page.about.ends_with('.'), "{}: {:?}", page.path, page.about);
            let is_group = page.help.contains("\nCommands:\n");
            assert!(is_group || page.help.contains("Example"), "{} has no example", page.path);
            let too_wide = page.help.lines().find(|line| line.chars().count() > WIDTH);
            assert_eq!(too_wide, None, "{} is set too wide", page.path);
        }
    }
}
