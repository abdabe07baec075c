//! What is meant by an id, or by the beginning of one.

use super::error::CommandError;
use super::output::{Style, Table};
use crate::api::client::{Api, Options};
use crate::api::wire::job::JobStub;
use crate::api::wire::{AllocStub, Deployment, Evaluation, NodeStub};

/// The fewest characters of an id that are looked for.
const PREFIX_MIN: usize = 2;

/// How many characters a whole id has.
const ID_LENGTH: usize = 36;

/// How many matches of an ambiguous prefix are named.
const MATCHES_MAX: usize = 20;

/// Finds the job with that id, or else the only one whose id begins so.
///
/// # Errors
/// When there is none, or several.
pub async fn job(api: &Api, options: &Options, given: &str, style: &Style) -> Result<JobStub, CommandError> {
    let found = api.jobs(&with_prefix(options, given)).await?.value;
    if let Some(position) = found.iter().position(|job| job.id == given) {
        return Ok(found.into_iter().nth(position).expect("the position was found"));
    }
    let matches = |jobs: &[JobStub]| super::output::job::list(style, jobs, false);
    only(found, "job", "jobs", given, "`pasture status` lists jobs", matches)
}

/// Finds the node with that id, or the only one whose id begins so.
///
/// # Errors
/// When there is none, or several.
pub async fn node(api: &Api, options: &Options, given: &str, style: &Style) -> Result<String, CommandError> {
    let prefix = match prefix(given)? {
        Prefix::Whole(id) => return Ok(id),
        Prefix::Part(prefix) => prefix,
    };
    let found = api.nodes(&with_prefix(options, &prefix)).await?.value;
    let matches = |nodes: &[NodeStub]| super::output::node::list(style, nodes, None);
    Ok(only(found, "node", "nodes", given, "`pasture node status` lists nodes", matches)?.id)
}

/// Finds the allocation with that id, or the only one whose id begins so.
///
/// # Errors
/// When there is none, or several.
pub async fn alloc(api: &Api, options: &Options, given: &str, style: &Style) -> Result<String, CommandError> {
    let prefix = match prefix(given)? {
        Prefix::Whole(id) => return Ok(id),
        Prefix::Part(prefix) => prefix,
    };
    let options = with_prefix(options, &prefix).with("task_states", "false");
    let found = api.allocations(&options).await?.value;
    let matches = |allocs: &[AllocStub]| super::output::job::allocations(style, allocs, "");
    Ok(only(found, "allocation", "allocations", given, "`pasture status JOB` lists a job's", matches)?.id)
}

/// Finds the evaluation with that id, or the only one whose id begins so.
///
/// # Errors
/// When there is none, or several.
pub async fn eval(api: &Api, options: &Options, given: &str, style: &Style) -> Result<String, CommandError> {
    let prefix = match prefix(given)? {
        Prefix::Whole(id) => return Ok(id),
        Prefix::Part(prefix) => prefix,
    };
    let found = api.evaluations(&with_prefix(options, &prefix)).await?.value;
    let matches = |evals: &[Evaluation]| super::output::eval::list(style, evals);
    Ok(only(found, "evaluation", "evaluations", given, "`pasture eval list` lists evaluations", matches)?.id)
}

/// Finds the deployment with that id, or the only one whose id begins so.
///
/// # Errors
/// When there is none, or several.
pub async fn deployment(
    api: &Api,
    options: &Options,
    given: &str,
    style: &Style,
) -> Result<String, CommandError> {
    let prefix = match prefix(given)? {
        Prefix::Whole(id) => return Ok(id),
        Prefix::Part(prefix) => prefix,
    };
    let found = api.deployments(&with_prefix(options, &prefix)).await?.value;
    let matches = |found: &[Deployment]| super::output::deployment::list(style, found);
    let hint = "`pasture deployment list` lists deployments";
    Ok(only(found, "deployment", "deployments", given, hint, matches)?.id)
}

/// Writes what ids of all kinds begin with a prefix.
pub fn kinds(style: &Style, found: &[(&'static str, String)]) -> String {
    let mut table = Table::new(["Kind", "ID"]);
    for (kind, id) in found.iter().take(MATCHES_MAX) {
        table.row([(*kind).into(), id.as_str().into()]);
    }
    table.render(style)
}

#[derive(Debug, PartialEq, Eq)]
enum Prefix {
    Whole(String),
    Part(String),
}

/// Makes of what was given what to look for: in lower case, without what is no id, of even length.
fn prefix(given: &str) -> Result<Prefix, CommandError> {
    let id = given.trim().to_ascii_lowercase();
    if id.len() == ID_LENGTH && id.is_ascii() {
        return Ok(Prefix::Whole(id));
    }
    if id.chars().count() < PREFIX_MIN {
        return Err(CommandError::ShortPrefix(given.to_owned()));
    }
    // Servers compare bytes, of which two characters make one; the odd last one is not needed.
    let digits = id.chars().filter(|character| *character != '-').count();
    let even = if digits % 2 == 1 { &id[..id.char_indices().last().map_or(0, |(at, _)| at)] } else { &id };
    Ok(Prefix::Part(even.to_owned()))
}

fn with_prefix(options: &Options, prefix: &str) -> Options {
    Options { prefix: Some(prefix.to_owned()), ..options.clone() }
}

/// Returns the only thing found.
fn only<T>(
    mut found: Vec<T>,
    kind: &'static str,
    kinds: &'static str,
    given: &str,
    hint: &str,
    show: impl FnOnce(&[T]) -> String,
) -> Result<T, CommandError> {
    let prefix = given.to_owned();
    match found.len() {
        0 => Err(CommandError::NotFound { kind, prefix, hint: hint.to_owned() }),
        1 => Ok(found.remove(0)),
        _ => {
            found.truncate(MATCHES_MAX);
            Err(CommandError::Ambiguous { kind: kinds, prefix, matches: show(&found) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_cut_to_even_length() {
        for (given, expected) in [
            ("3d", "3d"),
            ("3d8", "3d"),
            ("3D823c52", "3d823c52"),
            ("3d823c52-9", "3d823c52-"),
            ("3d823c52-92", "3d823c52-92"),
            ("ää", "ää"),
        ] {
            assert_eq!(prefix(given).unwrap(), Prefix::Part(expected.to_owned()), "{given}");
        }
        let whole = "3d823c52-929a-fa8b-c50d-1ac4d00cf6b7";
        assert_eq!(prefix(whole).unwrap(), Prefix::Whole(whole.to_owned()));
        for short in ["", "3", " a "] {
            assert!(matches!(prefix(short), Err(CommandError::ShortPrefix(_))), "{short}");
        }
    }
}
