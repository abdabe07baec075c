//! The tables as a whole.

use std::collections::BTreeSet;

use super::*;

/// Returns all types of blocks, each once.
fn all() -> Vec<&'static BlockType> {
    let mut found: Vec<&'static BlockType> = vec![&JOB];
    let mut next = 0;
    while let Some(of) = found.get(next).copied() {
        next += 1;
        for inner in of.blocks.iter().filter_map(|nested| nested.holds.block_type()) {
            if !found.iter().any(|known| std::ptr::eq(*known, inner)) {
                found.push(inner);
            }
        }
    }
    found
}

#[test]
fn every_name_and_every_field_stands_once() {
    for of in all() {
        let names = of.attributes.iter().map(|one| one.name).chain(of.blocks.iter().map(|one| one.name));
        let fields = of.attributes.iter().map(|one| one.field).chain(of.blocks.iter().map(|one| one.field));
        for (what, all) in [("name", names.collect::<Vec<_>>()), ("field", fields.collect())] {
            let mut seen = BTreeSet::new();
            for one in all.into_iter().filter(|one| !one.is_empty()) {
                assert!(seen.insert(one.to_lowercase()), "{what} {one:?} stands twice in {}", of.name);
            }
        }
    }
}
