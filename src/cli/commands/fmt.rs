//! `pasture fmt`

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::cli::context::Context;
use crate::cli::error::CommandError;
use crate::cli::exit::Exit;
use crate::cli::files;
use crate::jobspec::{self, Diagnostics, Source};

/// Endings of the files that are looked for in folders.
const ENDINGS: &[&str] = &["nomad", "hcl"];

/// Write job, lab, scenario and agent files in their one form
///
/// Indents by two spaces, lines up the = of neighbouring lines, takes out empty lines that are
/// too many, and writes what was spelt as in 2016 in today's way. Comments stay, and so does what
/// a file means. In folders, files that end in .nomad and .hcl are taken.
///
/// The names of the files that were not in that form are listed. Exits with 1 when a file is no
/// HCL, which is then left as it is, and with -check when a file is not in that form.
///
/// Examples:
///
///   pasture fmt
///   pasture fmt -check -recursive .
///   pasture fmt -write=false -list=false example.nomad
///   pasture fmt - < example.nomad
///
/// See also: validate, init
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct FmtArgs {
    /// Files and folders; `-` to read standard input and write standard output
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,

    /// Write nothing; exit with 1 if a file is not in its one form
    #[arg(long)]
    check: bool,

    /// List the files that are not in their one form
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true")]
    #[arg(num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    list: bool,

    /// Write the files; when false and nothing is listed, the formatted text is printed
    #[arg(long, value_name = "BOOL", default_value_t = true, default_missing_value = "true")]
    #[arg(num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    write: bool,

    /// Take files in the folders of folders too
    #[arg(long)]
    recursive: bool,
}

/// Runs the command.
///
/// # Errors
/// When a file cannot be read or written, or is no HCL; the others are done all the same.
pub fn run(args: &FmtArgs, context: &Context) -> Result<Exit, CommandError> {
    let from_stdin = args.paths.iter().any(|path| path.as_os_str() == "-");
    if from_stdin && args.paths.len() > 1 {
        return Err(CommandError::Other("standard input (-) cannot be named beside files".to_owned()));
    }
    let mut problems = Diagnostics::new();
    let mut is_formatted = true;
    for path in files::find(&args.paths, ENDINGS, args.recursive)? {
        let text = files::read(&path)?;
        let name = if from_stdin { "<standard input>".into() } else { path.to_string_lossy() };
        let formatted = match jobspec::format(&Source::new(&name, &text)) {
            Ok(formatted) => formatted,
            Err(found) => {
                problems.extend(found.iter().cloned());
                continue;
            }
        };
        let differs = formatted != text;
        is_formatted &= !differs;
        if from_stdin {
            if args.check {
                continue;
            }
            context.terminal.print_bytes(formatted.as_bytes());
            continue;
        }
        if differs && args.list {
            context.print(&name);
        }
        if differs && args.write && !args.check {
            files::replace(&path, &formatted)?;
        }
        if !args.write && !args.list && !args.check {
            context.terminal.print_bytes(formatted.as_bytes());
        }
    }
    if !problems.is_empty() {
        return Err(CommandError::Invalid(problems));
    }
    Ok(if args.check && !is_formatted { Exit::FAILURE } else { Exit::SUCCESS })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::terminal::Terminal;
    use crate::env;

    const ROUGH: &str = "a {\nx=1\n}";
    const FORMATTED: &str = "a {\n  x = 1\n}\n";

    /// A folder with a file in and out of form, one that is no HCL, one of another kind, and one in a folder below.
    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            let folder = Self(tempfile::tempdir().unwrap());
            let disk = env::real::env().disk;
            disk.make_dir(&folder.path("below")).unwrap();
            for (name, text) in [
                ("rough.nomad", ROUGH),
                ("formatted.hcl", FORMATTED),
                ("other.txt", ROUGH),
                (".hidden.hcl", ROUGH),
                ("below/deep.nomad.hcl", ROUGH),
            ] {
                disk.replace(&folder.path(name), text.as_bytes()).unwrap();
            }
            folder
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn text(&self, name: &str) -> String {
            files::read(&self.path(name)).unwrap()
        }

        /// Runs the command on a path in the folder.
        fn run(&self, path: &str, change: impl FnOnce(&mut FmtArgs)) -> Result<Exit, CommandError> {
            let mut args = FmtArgs {
                paths: vec![self.path(path)],
                check: false,
                list: false,
                write: true,
                recursive: false,
            };
            change(&mut args);
            let terminal = Terminal { colour: false, colour_errors: false };
            run(&args, &Context { env: env::real::env(), terminal, program: "pasture" })
        }
    }

    #[test]
    fn files_of_a_folder_are_written_and_no_others() {
        let folder = Folder::new();
        assert_eq!(folder.run("", |_| {}).unwrap(), Exit::SUCCESS);
        assert_eq!(folder.text("rough.nomad"), FORMATTED);
        for name in ["other.txt", ".hidden.hcl", "below/deep.nomad.hcl"] {
            assert_eq!(folder.text(name), ROUGH, "{name}");
        }
        assert_eq!(folder.run("", |args| args.recursive = true).unwrap(), Exit::SUCCESS);
        assert_eq!(folder.text("below/deep.nomad.hcl"), FORMATTED);
        // A file that is named is taken whatever it is called.
        folder.run("other.txt", |_| {}).unwrap();
        assert_eq!(folder.text("other.txt"), FORMATTED);
    }

    #[test]
    fn a_check_writes_nothing_and_fails_where_something_is_to_do() {
        let folder = Folder::new();
        assert_eq!(folder.run("", |args| args.check = true).unwrap(), Exit::FAILURE);
        assert_eq!(folder.text("rough.nomad"), ROUGH);
        assert_eq!(folder.run("formatted.hcl", |args| args.check = true).unwrap(), Exit::SUCCESS);
        assert_eq!(folder.run("", |args| args.write = false).unwrap(), Exit::SUCCESS);
        assert_eq!(folder.text("rough.nomad"), ROUGH);
    }

    #[test]
    fn what_is_no_hcl_is_left_alone_and_the_rest_is_written() {
        let folder = Folder::new();
        env::real::env().disk.replace(&folder.path("broken.hcl"), b"a {\n  x = \n}\n").unwrap();
        let error = folder.run("", |_| {}).unwrap_err();
        assert!(error.to_string().contains("broken.hcl:2:3"), "{error}");
        assert_eq!(folder.text("broken.hcl"), "a {\n  x = \n}\n");
        assert_eq!(folder.text("rough.nomad"), FORMATTED);
        assert!(folder.run("missing.hcl", |_| {}).is_err());
    }
}
