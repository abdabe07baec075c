//! Who has to go, as tables; and what holds whatever is there.

use std::sync::Arc;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::model::{AllocId, AllocatedTaskResources, MigrateStrategy};
use crate::testing;

/// `job priority cpu memory [max_parallel]`; ids follow the order.
fn allocs(lines: &[&str]) -> Vec<Arc<Allocation>> {
    let mut made = Vec::new();
    for (id, line) in (1_u128..).zip(lines) {
        let words: Vec<&str> = line.split(' ').collect();
        let mut alloc = testing::alloc(words[0], "docker");
        alloc.id = AllocId(Uuid::from_u128(id));
        let mut job = (*alloc.job).clone();
        job.priority = words[1].parse().unwrap();
        job.groups[0].migrate = words
            .get(4)
            .map(|n| MigrateStrategy { max_parallel: n.parse().unwrap(), ..MigrateStrategy::default() });
        alloc.job = Arc::new(job);
        let held = AllocatedTaskResources {
            cpu_mhz: words[2].parse().unwrap(),
            memory_mb: words[3].parse().unwrap(),
            ..AllocatedTaskResources::default()
        };
        let resources = Arc::make_mut(&mut alloc.resources);
        resources.tasks = [(words[0].to_owned(), held)].into();
        resources.shared_disk_mb = 0;
        made.push(Arc::new(alloc));
    }
    made
}

fn important(priority: u8, cpu: f64, memory: f64) -> (Job, Amount) {
    let mut job = testing::job("important", "docker");
    job.priority = priority;
    (job, Amount { cpu_mhz: cpu, memory_mb: memory, disk_mb: 0.0 })
}

/// Tells whether `asked` fits on a node of 1000 MHz and 1000 MB without `gone`.
fn fits<'a>(there: &'a [Arc<Allocation>], asked: Amount) -> impl Fn(&[Arc<Allocation>]) -> bool + use<'a> {
    move |gone| {
        let stays = there.iter().filter(|alloc| gone.iter().all(|other| other.id != alloc.id));
        let (cpu, memory) = stays
            .map(|alloc| Amount::held(alloc))
            .fold((0.0, 0.0), |(cpu, memory), held| (cpu + held.cpu_mhz, memory + held.memory_mb));
        cpu + asked.cpu_mhz <= 1000.0 && memory + asked.memory_mb <= 1000.0
    }
}

fn chosen(there: &[Arc<Allocation>], priority: u8, cpu: f64, memory: f64, displaced: &Displaced) -> String {
    let (job, asked) = important(priority, cpu, memory);
    match choose(&job, asked, there, displaced, &BTreeSet::new(), fits(there, asked)) {
        None => "nobody".to_owned(),
        Some(allocs) => {
            let mut ids: Vec<String> = allocs.iter().map(|alloc| alloc.id.0.as_u128().to_string()).collect();
            ids.sort();
            ids.join(" ")
        }
    }
}

#[test]
fn the_right_ones_go() {
    let none = Displaced::new();
    for (what, there, priority, cpu, memory, expected) in [
        ("a lower priority by ten", &["a 60 1000 1000"][..], 70, 500.0, 500.0, "1"),
        ("not by nine", &["a 61 1000 1000"], 70, 500.0, 500.0, "nobody"),
        ("not its own job", &["important 10 1000 1000"], 70, 500.0, 500.0, "nobody"),
        ("the lowest first", &["a 40 500 500", "b 20 500 500"], 70, 500.0, 500.0, "2"),
        ("of equals the closest", &["a 20 300 300", "b 20 500 500", "c 20 200 200"], 70, 500.0, 500.0, "2"),
        ("only as many as it takes", &["a 20 500 500", "b 20 500 500"], 70, 400.0, 400.0, "1"),
        ("several", &["a 20 300 300", "b 20 300 300", "c 40 400 400"], 70, 600.0, 600.0, "1 2"),
        ("superfluous ones are spared", &["a 10 100 100", "b 20 900 900"], 70, 900.0, 900.0, "2"),
        ("not even all are enough", &["a 20 500 500", "b 65 500 500"], 70, 600.0, 600.0, "nobody"),
        ("what is not missing does not count", &["a 20 900 10", "b 20 50 900"], 70, 0.0, 500.0, "2"),
    ] {
        assert_eq!(chosen(&allocs(there), priority, cpu, memory, &none), expected, "{what}");
    }
}

#[test]
fn groups_that_lose_many_are_spared() {
    let there = allocs(&["a 20 500 500 1", "b 20 450 450 1"]);
    let mut displaced = Displaced::new();
    assert_eq!(chosen(&there, 70, 500.0, 500.0, &displaced), "1", "closest");
    displaced.insert((there[0].job_key.clone(), "a".to_owned()), 1);
    assert_eq!(chosen(&there, 70, 450.0, 450.0, &displaced), "2", "one of its group goes already");
}

#[test]
fn whoever_holds_what_is_needed_goes_first() {
    let there = allocs(&["a 20 500 500", "b 40 100 100"]);
    let (job, asked) = important(70, 100.0, 100.0);
    let needed = BTreeSet::from([there[1].id]);
    let gone = |gone: &[Arc<Allocation>]| gone.iter().any(|alloc| alloc.id == there[1].id);
    let found = choose(&job, asked, &there, &Displaced::new(), &needed, gone).unwrap();
    assert_eq!(found.iter().map(|alloc| alloc.id).collect::<Vec<_>>(), [there[1].id]);
}

proptest! {
    #[test]
    fn what_goes_is_enough_and_nothing_of_it_can_be_spared(
        there in prop::collection::vec((1_u8..=100, 1_u32..500, 1_u32..500), 0..12),
        priority in 1_u8..=100,
        cpu in 1_u32..1000,
        memory in 1_u32..1000,
    ) {
        let lines: Vec<String> = there.iter().enumerate()
            .map(|(n, (priority, cpu, memory))| format!("job{} {priority} {cpu} {memory} 1", n % 4)).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let there = allocs(&lines);
        let (job, asked) = important(priority, f64::from(cpu), f64::from(memory));
        let fits = fits(&there, asked);
        let found = choose(&job, asked, &there, &Displaced::new(), &BTreeSet::new(), &fits);
        let all = candidates(&job, &there);
        prop_assert_eq!(found.is_some(), !all.is_empty() && fits(&all));
        for chosen in found.into_iter() {
            prop_assert!(fits(&chosen));
            for alloc in &chosen {
                prop_assert!(alloc.job.priority + PRIORITY_DELTA <= priority);
                let without: Vec<_> = chosen.iter().filter(|other| other.id != alloc.id).cloned().collect();
                prop_assert!(!fits(&without), "{} can be spared", alloc.id);
            }
            let mut reversed = there.clone();
            reversed.reverse();
            let again = choose(&job, asked, &reversed, &Displaced::new(), &BTreeSet::new(), &fits);
            let ids = |allocs: &[Arc<Allocation>]| allocs.iter().map(|alloc| alloc.id).collect::<BTreeSet<_>>();
            prop_assert_eq!(ids(&chosen), ids(&again.unwrap()));
        }
    }
}
