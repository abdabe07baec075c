//! Never two leaders of one term.

use std::collections::BTreeMap;

use super::Observation;

/// Checks what the servers say of themselves. Two that lead in *different* terms are no violation: the older one has not
/// heard yet that it was replaced, and can commit nothing.
pub fn check(seen: &Observation) -> Result<(), String> {
    let mut leaders: BTreeMap<u64, &str> = BTreeMap::new();
    for server in seen.servers.iter().filter(|server| server.leads) {
        if let Some(other) = leaders.insert(server.term, &server.machine) {
            return Err(format!("{other} and {} both lead in term {}", server.machine, server.term));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::cluster::ServerView;

    #[test]
    fn catches_two_leaders_of_a_term() {
        let server = |machine: &str, term, leads| ServerView { machine: machine.to_owned(), term, leads };
        let mut seen = Observation {
            servers: vec![server("a", 3, true), server("b", 3, false), server("c", 4, true)],
            ..Observation::default()
        };
        assert_eq!(check(&seen), Ok(()));
        seen.servers.push(server("d", 3, true));
        assert_eq!(check(&seen), Err("a and d both lead in term 3".to_owned()));
    }
}
