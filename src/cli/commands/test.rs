//! `pasture test`

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::suite::{self, Finding, Report, Settings, SuiteError};
use crate::lab::backend::sim::{Engine, Trace};
use crate::scenario::engine::Failure;

/// Every outcome is as recorded.
const SAME: i32 = 0;
/// An outcome has changed, or something demanded was not so.
const CHANGED: i32 = 1;
/// A cluster did not come to rest after everything was mended.
const NOT_AT_REST: i32 = 2;
/// A run broke: a bug in Pasture.
const BROKEN: i32 = 3;

/// Play scenarios in simulation and compare their outcomes with the recorded ones
///
/// Each scenario plays in a world of its own, grown from a seed: the same seed, lab and scenario
/// give the same run, byte for byte. Nothing is needed but this program.
///
/// Exits with 0 when every outcome is as recorded, 1 when one has changed or something demanded was
/// not so, 2 when a cluster did not come to rest after everything was mended, 3 when a run broke.
///
/// Examples:
///
///   pasture test
///   pasture test scenarios/client-failure.hcl -seed 7
///   pasture test -engine turmoil
///
/// See also: scenario run, scenario review, scenario accept
#[derive(Args, Clone, Debug)]
#[command(verbatim_doc_comment)]
pub struct TestArgs {
    /// Scenario files, or folders of them
    #[arg(value_name = "PATH", default_value = suite::SCENARIOS)]
    pub paths: Vec<PathBuf>,

    /// The seed of all worlds; each scenario's own when not given
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,

    /// What moves the machines: `sim`, or `turmoil` to cross-check
    #[arg(long, value_name = "ENGINE", default_value_t = Engine::Own)]
    pub engine: Engine,

    /// Accept outcomes that have changed
    #[arg(long)]
    pub accept: bool,
}

/// Plays all scenarios and returns the exit code.
///
/// # Errors
/// When a scenario cannot be found or read; all that cannot are named.
pub fn run(args: &TestArgs, colour: bool) -> Result<i32, String> {
    let paths = suite::find(&args.paths).map_err(|error| error.to_string())?;
    let mut specs = Vec::new();
    let mut unreadable = Vec::new();
    for path in &paths {
        match suite::load(path) {
            Ok(spec) => specs.push((path.clone(), spec)),
            Err(SuiteError::Invalid(problems)) => unreadable.push(problems.render(colour)),
            Err(error) => unreadable.push(error.to_string()),
        }
    }
    if !unreadable.is_empty() {
        return Err(unreadable.join("\n"));
    }
    let settings = Settings { seed: args.seed, engine: args.engine, ..Settings::default() };
    let progress = progress(specs.len());
    let mut reports = Vec::new();
    let mut failed = Ok(());
    in_parallel(
        &specs,
        |(path, spec)| {
            progress.set_message(spec.name.clone());
            suite::play(path, spec, settings, Trace::Hash)
        },
        |report| {
            progress.inc(1);
            let text = details(&report, args, colour).map(|details| line(&report, colour) + &details);
            match text {
                // Somebody who has closed the pipe does not want to read on.
                Ok(text) => progress.suspend(|| drop(std::io::stdout().write_all(text.as_bytes()))),
                Err(error) => failed = Err(error.to_string()),
            }
            reports.push(report);
        },
    );
    progress.finish_and_clear();
    failed?;
    let _ = std::io::stdout().write_all(summary(&reports).as_bytes());
    Ok(exit_code(&reports, args.accept && is_recordable(args)))
}

/// Runs `work` for each item on as many threads as there are cores, and `show` for each result in the items' order, as
/// soon as it and all before it are there.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync, show: impl FnMut(R) + Send) {
    let next = AtomicUsize::new(0);
    let shown = Mutex::new((BTreeMap::new(), 0, show));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(items.len());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(number) else { return };
                    let result = work(item);
                    let mut shown = shown.lock().expect("no holder of this lock panics");
                    let (waiting, turn, show) = &mut *shown;
                    waiting.insert(number, result);
                    while let Some(result) = waiting.remove(turn) {
                        show(result);
                        *turn += 1;
                    }
                }
            });
        }
    });
}

fn progress(count: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{spinner} {pos}/{len} {msg}").expect("the template is right");
    let bar = ProgressBar::new(u64::try_from(count).unwrap_or(u64::MAX)).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Writes a scenario's line: verdict, name, how much was simulated and how fast.
fn line(report: &Report, colour: bool) -> String {
    let (word, code) = match &report.finding {
        Finding::Same => ("ok", "32"),
        Finding::New => ("new", "33"),
        Finding::Changed(_) => ("CHANGED", "31"),
        Finding::Failed(_) => ("FAILED", "31"),
        Finding::Broken(_) => ("BROKEN", "31"),
    };
    let word = if colour { format!("\x1b[{code}m{word:<7}\x1b[0m") } else { format!("{word:<7}") };
    let simulated = report.verdict.as_ref().map_or(Duration::ZERO, |verdict| verdict.simulated);
    let hash = report.verdict.as_ref().map_or(0, |verdict| verdict.trace_hash);
    format!(
        "{word} {:<24} {:>9.3} s simulated in {:>7.3} s ({:>6.0}x)  seed {} trace {hash:016x}\n",
        report.name,
        simulated.as_secs_f64(),
        report.wall.as_secs_f64(),
        speed(simulated, report.wall),
        report.seed,
    )
}

fn speed(simulated: Duration, wall: Duration) -> f64 {
    simulated.as_secs_f64() / wall.as_secs_f64().max(1e-9)
}

/// Writes what there is to say about a scenario that is not as recorded, and what to do next.
fn details(report: &Report, args: &TestArgs, colour: bool) -> Result<String, SuiteError> {
    let mut text = String::new();
    match &report.finding {
        Finding::Same => suite::withdraw(&report.path),
        Finding::New => text.push_str("  nothing is recorded yet\n"),
        Finding::Changed(diff) => text.push_str(diff),
        Finding::Failed(Failure::Safety(diagnostic)) => text.push_str(&diagnostic.render(colour)),
        Finding::Failed(Failure::Liveness(what)) => text.push_str(&format!("  {what}\n")),
        Finding::Broken(what) => {
            text.push_str(&format!("  the run broke, which is a bug of Pasture: {what}\n"))
        }
    }
    let changed = matches!(report.finding, Finding::New | Finding::Changed(_));
    if let (true, true, Some(verdict)) = (is_recordable(args), changed, &report.verdict) {
        let proposed = suite::propose(&report.path, &verdict.outcome)?;
        if args.accept {
            suite::accept(&report.path)?;
            text.push_str("  accepted\n");
        } else {
            text.push_str(&format!(
                "  the outcome is in {}; read it, then `pasture scenario accept`\n",
                proposed.display()
            ));
        }
    }
    if !matches!(report.finding, Finding::Same | Finding::New) {
        text.push_str(&format!(
            "  again: pasture test {} -seed {} -engine {}\n",
            report.path.display(),
            report.seed,
            args.engine
        ));
    }
    Ok(text)
}

/// Tells whether outcomes may be recorded: only the scenarios' own seed and engine say what is to be recorded.
fn is_recordable(args: &TestArgs) -> bool {
    args.seed.is_none() && args.engine == Engine::Own
}

fn summary(reports: &[Report]) -> String {
    let simulated: Duration =
        reports.iter().flat_map(|report| &report.verdict).map(|verdict| verdict.simulated).sum();
    let wall: Duration = reports.iter().map(|report| report.wall).sum();
    let same = reports.iter().filter(|report| matches!(report.finding, Finding::Same)).count();
    format!(
        "{same} of {} as recorded; {:.1} s simulated in {:.2} s of work ({:.0}x)\n",
        reports.len(),
        simulated.as_secs_f64(),
        wall.as_secs_f64(),
        speed(simulated, wall)
    )
}

fn exit_code(reports: &[Report], accept: bool) -> i32 {
    let codes = reports.iter().map(|report| match &report.finding {
        Finding::Same => SAME,
        Finding::New | Finding::Changed(_) if accept => SAME,
        Finding::New | Finding::Changed(_) | Finding::Failed(Failure::Safety(_)) => CHANGED,
        Finding::Failed(Failure::Liveness(_)) => NOT_AT_REST,
        Finding::Broken(_) => BROKEN,
    });
    codes.max().unwrap_or(SAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_shown_in_order_whoever_is_first() {
        let items: Vec<u64> = (0..50).collect();
        let mut shown = Vec::new();
        // The work of the first items is the longest.
        let work =
            |item: &u64| (0..(50 - item) * 10_000).fold(*item, |sum, n| std::hint::black_box(sum + n - n));
        in_parallel(&items, work, |result| shown.push(result));
        assert_eq!(shown, items);
        in_parallel(&Vec::<u64>::new(), work, |_| unreachable!("there is nothing to do"));
    }
}
