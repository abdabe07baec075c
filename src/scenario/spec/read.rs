//! The tree of a scenario file into the specification.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::jobspec::diagnostic::{Diagnostics, Source, Span, suggest};
use crate::jobspec::hcl::{self, Block, Fields, Reader};
use crate::jobspec::{self, read_constraint, validate};
use crate::lab::spec::{self as lab_spec, LabSpec, Machine};
use crate::model::{Job, Task};

use super::condition::condition;
use super::select::{selection, side};
use super::{Action, Direction, Library, Run, ScenarioSpec, Selection, Step, Verb};

/// What may stand in a step.
const VERBS: &[&str] = &[
    "run",
    "stop",
    "scale",
    "power_off",
    "power_on",
    "kill",
    "start",
    "partition",
    "heal",
    "await",
    "expect",
    "hold",
];

/// Reads a scenario file, with the lab and the job files it names.
///
/// # Errors
/// With all that is wrong with it, and with the files it names, each at its place.
pub fn parse(source_name: &str, text: &str, library: &Library) -> Result<ScenarioSpec, Diagnostics> {
    let source = Source::new(source_name, text);
    let mut warnings = Diagnostics::new();
    let options = hcl::Options { crowded_lines: true, ..hcl::Options::default() };
    let body = hcl::parse(&source, options, &mut warnings)?;
    let reader = Reader::new(&source, warnings);
    let fields = Fields::new(&reader, &body, "the scenario file");
    let blocks = fields.blocks("scenario");
    fields.finish();
    let spec = match blocks.as_slice() {
        [] => {
            reader.error_with_help(&(0..0), "the file has no scenario", "write scenario \"name\" { ... }");
            None
        }
        [block, others @ ..] => {
            for other in others {
                reader.error_with_help(
                    &other.span,
                    "the file has more than one scenario",
                    "give each a file of its own",
                );
            }
            scenario(&reader, block, library)
        }
    };
    reader.finish()?;
    spec.ok_or_else(Diagnostics::new)
}

/// What a scenario can refer to at some point of reading it.
pub(super) struct Known<'a> {
    pub library: &'a Library,
    /// Missing when it could not be read; then nothing is said about its machines and images.
    pub lab: Option<LabSpec>,
    pub machines: Vec<Machine>,
    /// The jobs run so far, by id.
    pub jobs: BTreeMap<String, Job>,
    /// The names given to choices of machines so far.
    pub labels: Vec<String>,
}

fn scenario(reader: &Reader, block: &Block, library: &Library) -> Option<ScenarioSpec> {
    let label = reader.label(block)?;
    let fields = Fields::new(reader, &block.body, format!("scenario {:?}", label.text));
    check_name(reader, &label.span, &label.text);
    let question = fields.required_text("question");
    let seed = fields.number::<i64>("seed").and_then(|seed| {
        let unsigned = u64::try_from(seed).ok();
        if unsigned.is_none() {
            reader.error(fields.span_of("seed"), "seed must not be negative");
        }
        unsigned
    });
    let lab = lab(&fields, library);
    let machines = lab.as_ref().map(LabSpec::machines).unwrap_or_default();
    let mut known = Known { library, lab, machines, jobs: BTreeMap::new(), labels: Vec::new() };
    let off = fields.texts("off").unwrap_or_default();
    let off = known.machines_of(reader, fields.span_of("off"), &off);
    let mut steps: Vec<Step> = Vec::new();
    for block in fields.blocks("step") {
        let step = step(reader, &mut known, block);
        if let Some(at) = steps.iter().position(|other| other.name == step.name) {
            let first = fields.blocks("step").get(at).map_or(block.span.start, |first| first.span.start);
            let (line, _) = reader.source().position(first);
            let message = format!("there is another step {:?}", step.name);
            reader.error_with_help(&block.span, message, format!("the first is in line {line}"));
        }
        steps.push(step);
    }
    if steps.is_empty() {
        reader.error_with_help(&block.span, "the scenario has no step", "add step \"...\" { ... }");
    }
    fields.finish();
    let (name, source) = (label.text.clone(), reader.source().clone());
    known.lab.map(|lab| ScenarioSpec { name, question, lab, seed, off, steps, source })
}

/// A scenario is called like its file: that is how it is found, and where its outcome is recorded.
fn check_name(reader: &Reader, span: &Span, name: &str) {
    let file = reader.source().name().rsplit(['/', '\\']).next().unwrap_or_default();
    if let Some(stem) = file.strip_suffix(".hcl")
        && stem != name
    {
        reader.error_with_help(
            span,
            format!("scenario {name:?} stands in a file of another name"),
            format!("call the scenario {stem:?}, or the file {name}.hcl"),
        );
    }
}

/// Reads the lab a scenario names, and changes its groups as the scenario wants.
fn lab(fields: &Fields<'_>, library: &Library) -> Option<LabSpec> {
    let reader = fields.reader();
    let changes = fields.blocks("group");
    let name = fields.required_text("lab");
    if name.is_empty() {
        return None;
    }
    let Some(source) = library.lab(&name) else {
        let error = reader.source().error(fields.span_of("lab").clone(), format!("unknown lab {name:?}"));
        reader.push(error.maybe_help(library.suggest_lab(&name)));
        return None;
    };
    let mut lab = match lab_spec::parse(source.name(), source.text()) {
        Ok(lab) => lab,
        Err(errors) => {
            reader.error(fields.span_of("lab"), format!("the lab {name:?} has errors, which follow"));
            errors.iter().for_each(|error| reader.push(error.clone()));
            return None;
        }
    };
    for block in &changes {
        let Some(label) = reader.label(block) else { continue };
        let Some(index) = lab.groups.iter().position(|group| group.name == label.text) else {
            let known = lab.groups.iter().map(|group| group.name.as_str());
            reader.unknown(&label.span, "group of machines", &label.text, known);
            continue;
        };
        lab.groups[index] = lab_spec::group(reader, block, lab.groups[index].clone());
    }
    if let [first, ..] = changes.as_slice() {
        let span_of = |group: &lab_spec::MachineGroup| {
            let changed =
                changes.iter().find(|block| block.labels.iter().any(|label| label.text == group.name));
            changed.unwrap_or(first).span.clone()
        };
        lab_spec::check(reader, &lab, &first.span, span_of);
    }
    Some(lab)
}

fn step(reader: &Reader, known: &mut Known<'_>, block: &Block) -> Step {
    let name = reader.label(block).map(|label| label.text.clone()).unwrap_or_default();
    let fields = Fields::new(reader, &block.body, format!("step {name:?}"));
    let mut actions = Vec::new();
    for block in fields.blocks_of(VERBS) {
        if let Some(verb) = verb(reader, known, block) {
            actions.push(Action { verb, span: block.span.clone() });
        }
    }
    if block.body.blocks.is_empty() {
        let help = format!("add one of: {}", VERBS.join(", "));
        reader.error_with_help(&block.span, format!("step {name:?} does nothing"), help);
    }
    fields.finish();
    Step { name, actions, span: block.span.clone() }
}

fn verb(reader: &Reader, known: &mut Known<'_>, block: &Block) -> Option<Verb> {
    let fields = Fields::new(reader, &block.body, block.name.clone());
    let verb = match block.name.as_str() {
        "run" => run(known, block, &fields).map(|run| Verb::Run(Box::new(run))),
        "stop" => stop(known, block, &fields),
        "scale" => scale(known, block, &fields),
        "power_off" => Some(Verb::PowerOff(selection(known, block, &fields))),
        "power_on" => Some(Verb::PowerOn(selection(known, block, &fields))),
        "kill" | "start" => {
            let process = fields.text("process").unwrap_or_else(|| "agent".to_owned());
            let machines = selection(known, block, &fields);
            Some(match block.name.as_str() {
                "kill" => Verb::Kill { machines, process },
                _ => Verb::Start { machines, process },
            })
        }
        "partition" => partition(known, block, &fields),
        "heal" => {
            reader.no_labels(block);
            Some(Verb::Heal)
        }
        _ => condition_verb(known, block, &fields),
    };
    fields.finish();
    verb
}

fn stop(known: &Known<'_>, block: &Block, fields: &Fields<'_>) -> Option<Verb> {
    let purge = fields.flag("purge").unwrap_or(false);
    let label = fields.reader().label(block)?;
    known.job(fields.reader(), &label.span, &label.text)?;
    Some(Verb::Stop { job: label.text.clone(), purge })
}

fn scale(known: &Known<'_>, block: &Block, fields: &Fields<'_>) -> Option<Verb> {
    let reader = fields.reader();
    let group = fields.text("group");
    if fields.attribute("count").is_none() {
        fields.missing("count");
    }
    let count = fields.number("count");
    let label = reader.label(block)?;
    let span = if group.is_some() { fields.span_of("group") } else { &label.span };
    known.job(reader, &label.span, &label.text)?;
    let group = known.job_group(reader, span, &label.text, group.as_deref())?;
    Some(Verb::Scale { job: label.text.clone(), group, count: count? })
}

fn partition(known: &mut Known<'_>, block: &Block, fields: &Fields<'_>) -> Option<Verb> {
    let reader = fields.reader();
    reader.no_labels(block);
    let direction = match fields.text("direction").as_deref() {
        None | Some("both") => Direction::Both,
        Some("a_to_b") => Direction::AToB,
        Some("b_to_a") => Direction::BToA,
        Some(other) => {
            reader.unknown(fields.span_of("direction"), "direction", other, ["both", "a_to_b", "b_to_a"]);
            Direction::Both
        }
    };
    let a: Option<Selection> = side(known, fields, "a");
    let b = side(known, fields, "b");
    if a.is_none() {
        reader.error_with_help(
            &block.span,
            "partition has no side a",
            "write a = [\"machine or group\"], or a { leader = true }",
        );
    }
    Some(Verb::Partition { a: a?, b, direction })
}

fn condition_verb(known: &Known<'_>, block: &Block, fields: &Fields<'_>) -> Option<Verb> {
    let reader = fields.reader();
    let condition = condition(known, block, fields);
    let needed = |name: &'static str| -> Option<Duration> {
        if fields.attribute(name).is_none() {
            reader.error_with_help(
                &block.span,
                format!("{:?} does not say for how long", block.name),
                format!("add {name} = \"60s\""),
            );
        }
        fields.duration(name)
    };
    let text = reader.label(block).map(|label| label.text.clone());
    match block.name.as_str() {
        "await" => {
            let within = needed("within");
            if fields.attribute("answering_min").is_some() {
                let span = fields.span_of("answering_min");
                reader.error_with_help(
                    span,
                    "answering_min looks back, it cannot be waited for",
                    "move it to an expect",
                );
            }
            Some(Verb::Await { text: text?, condition, within: within? })
        }
        "hold" => {
            let during = needed("for");
            Some(Verb::Hold { text: text?, condition, during: during? })
        }
        _ => Some(Verb::Expect { text: text?, condition }),
    }
}

/// Reads `run`: the job file with the scenario's changes applied.
fn run(known: &mut Known<'_>, block: &Block, fields: &Fields<'_>) -> Option<Run> {
    let reader = fields.reader();
    let changes = Changes::read(fields);
    let refused = fields.text("refused");
    let label = reader.label(block)?;
    let Some(source) = known.library.job(&label.text) else {
        let error = reader.source().error(label.span.clone(), format!("unknown job file {:?}", label.text));
        reader.push(error.maybe_help(known.library.suggest_job(&label.text)));
        return None;
    };
    let mut job = match jobspec::parse(source.name(), source.text(), &jobspec::Options::default()) {
        Ok(parsed) => parsed.job,
        Err(errors) => {
            reader.error(&label.span, format!("the job file {:?} has errors, which follow", label.text));
            errors.iter().for_each(|error| reader.push(error.clone()));
            return None;
        }
    };
    changes.apply(fields, &label.span, &mut job);
    jobspec::canonicalize(&mut job);
    for problem in validate::problems(&job) {
        reader.error(&block.span, problem.message);
    }
    known.check_programs(reader, &label.span, &job);
    known.jobs.insert(job.id.clone(), job.clone());
    Some(Run { file: label.text.clone(), job, refused })
}

/// What a scenario changes of a job file.
struct Changes<'a> {
    id: Option<String>,
    group: Option<String>,
    count: Option<u32>,
    image: Option<String>,
    priority: Option<u8>,
    datacenters: Option<Vec<String>>,
    cpu_mhz: Option<u32>,
    memory_mb: Option<u32>,
    without_constraints: bool,
    constraints: Vec<&'a Block>,
}

impl<'a> Changes<'a> {
    fn read(fields: &Fields<'a>) -> Self {
        Self {
            id: fields.text("id"),
            group: fields.text("group"),
            count: fields.number("count"),
            image: fields.text("image"),
            priority: fields.number("priority"),
            datacenters: fields.texts("datacenters"),
            cpu_mhz: fields.number("cpu"),
            memory_mb: fields.number("memory"),
            without_constraints: fields.flag("without_constraints").unwrap_or(false),
            constraints: fields.blocks("constraint"),
        }
    }

    fn apply(self, fields: &Fields<'_>, span: &Span, job: &mut Job) {
        let reader = fields.reader();
        if let Some(id) = self.id {
            id.clone_into(&mut job.name);
            job.id = id;
        }
        if let Some(priority) = self.priority {
            job.priority = priority;
        }
        if let Some(datacenters) = self.datacenters {
            job.datacenters = datacenters;
        }
        if self.without_constraints {
            job.constraints.clear();
            job.groups.iter_mut().for_each(|group| group.constraints.clear());
            tasks(job).for_each(|task| task.constraints.clear());
        }
        job.constraints
            .extend(self.constraints.into_iter().filter_map(|block| read_constraint(reader, block)));
        if let Some(count) = self.count {
            let span = if self.group.is_some() { fields.span_of("group") } else { span };
            if let Some(name) = group_of(reader, span, job, self.group.as_deref())
                && let Some(group) = job.groups.iter_mut().find(|group| group.name == name)
            {
                group.count = count;
            }
        }
        for task in tasks(job) {
            if let Some(image) = &self.image
                && task.config.contains_key("image")
            {
                task.config.insert("image".to_owned(), image.clone().into());
            }
            task.resources.cpu_mhz = self.cpu_mhz.unwrap_or(task.resources.cpu_mhz);
            task.resources.memory_mb = self.memory_mb.unwrap_or(task.resources.memory_mb);
        }
    }
}

fn tasks(job: &mut Job) -> impl Iterator<Item = &mut Task> {
    job.groups.iter_mut().flat_map(|group| &mut group.tasks)
}

/// Returns the group of that name, or the job's only one; complains if there is none.
fn group_of(reader: &Reader, span: &Span, job: &Job, name: Option<&str>) -> Option<String> {
    let names = || job.groups.iter().map(|group| group.name.as_str());
    match (name, job.groups.as_slice()) {
        (Some(name), _) if names().any(|known| known == name) => Some(name.to_owned()),
        (Some(name), _) => {
            reader.unknown(span, &format!("group of job {:?}:", job.id), name, names());
            None
        }
        (None, [only]) => Some(only.name.clone()),
        (None, _) => {
            let help = format!("add group = ..., one of: {}", names().collect::<Vec<_>>().join(", "));
            reader.error_with_help(span, format!("job {:?} has more than one group", job.id), help);
            None
        }
    }
}

impl Known<'_> {
    /// Returns a job that was run before; complains if there is none.
    pub(super) fn job(&self, reader: &Reader, span: &Span, id: &str) -> Option<&Job> {
        let found = self.jobs.get(id);
        if found.is_none() {
            let error = reader.source().error(span.clone(), format!("no job {id:?} is run before this"));
            reader.push(error.maybe_help(suggest(id, self.jobs.keys().map(String::as_str))));
        }
        found
    }

    /// Returns a group of a job that was run before, its only one when none is named; complains if there is none.
    pub(super) fn job_group(
        &self,
        reader: &Reader,
        span: &Span,
        job: &str,
        name: Option<&str>,
    ) -> Option<String> {
        group_of(reader, span, self.jobs.get(job)?, name)
    }

    /// Complains about images and commands the lab does not declare.
    fn check_programs(&self, reader: &Reader, span: &Span, job: &Job) {
        let Some(lab) = &self.lab else { return };
        for task in job.groups.iter().flat_map(|group| &group.tasks) {
            let (key, what, known) = match task.driver.as_str() {
                "docker" => ("image", "image", &lab.images),
                "raw_exec" | "exec" => ("command", "program", &lab.programs),
                _ => continue,
            };
            let Some(name) = task.config.get(key).and_then(|value| value.as_str()) else { continue };
            if !known.contains_key(name) {
                let message = format!(
                    "task {:?} runs the {what} {name:?}, which lab {:?} does not have",
                    task.name, lab.name
                );
                let error = reader.source().error(span.clone(), message);
                reader.push(error.maybe_help(suggest(name, known.keys().map(String::as_str))));
            }
        }
    }
}
