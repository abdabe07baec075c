//! Which server to ask.
//!
//! A client stays with one server for as long as that answers, and goes on to the next when it does not. The servers
//! name each other in their answers; what was configured is fallen back on when all of these are gone.

use std::sync::Mutex;

use tokio::sync::watch;

/// The known servers and the one in use.
pub struct Servers {
    list: Mutex<List>,
    current: watch::Sender<Option<String>>,
}

struct List {
    configured: Vec<String>,
    /// The one in use first.
    known: Vec<String>,
    /// Servers gone on from since one answered.
    failures: usize,
}

impl Servers {
    /// Begins with the configured servers, the first in use.
    pub fn new(configured: Vec<String>) -> Self {
        let known = configured.clone();
        let (current, _) = watch::channel(known.first().cloned());
        Self { list: Mutex::new(List { configured, known, failures: 0 }), current }
    }

    /// Returns the server in use, or `None` when none is known.
    pub fn current(&self) -> Option<String> {
        self.current.borrow().clone()
    }

    /// Returns what tells when another server comes into use.
    pub fn watch(&self) -> watch::Receiver<Option<String>> {
        self.current.subscribe()
    }

    /// Returns all known servers, the one in use first.
    pub fn all(&self) -> Vec<String> {
        self.lock().known.clone()
    }

    /// Takes the list a server gave. The server in use stays so if the list has it.
    pub fn learn(&self, mut named: Vec<String>) {
        if named.is_empty() {
            return;
        }
        let mut list = self.lock();
        list.failures = 0;
        if let Some(at) = list.known.first().and_then(|current| named.iter().position(|name| name == current))
        {
            let current = named.remove(at);
            named.insert(0, current);
        }
        list.known = named;
        self.publish(&list);
    }

    /// Goes on from `address` to the next, unless that has happened already.
    pub fn failed(&self, address: &str) {
        let mut list = self.lock();
        if list.known.first().is_none_or(|current| current != address) {
            return;
        }
        list.known.rotate_left(1);
        list.failures += 1;
        if list.failures >= list.known.len() {
            // None of them answers: perhaps they have all moved, and the configured names lead to where they are.
            list.failures = 0;
            let missing: Vec<String> =
                list.configured.iter().filter(|name| !list.known.contains(name)).cloned().collect();
            list.known.splice(0..0, missing);
        }
        self.publish(&list);
    }

    fn publish(&self, list: &List) {
        let first = list.known.first().cloned();
        self.current.send_if_modified(|current| {
            let changed = *current != first;
            *current = first;
            changed
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, List> {
        self.list.lock().expect("no holder of this lock panics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(names: &[&str]) -> Servers {
        Servers::new(names.iter().map(|&name| name.to_owned()).collect())
    }

    #[track_caller]
    fn check(servers: &Servers, expected: &str) {
        assert_eq!(servers.all().join(" "), expected);
        assert_eq!(servers.current().as_deref(), expected.split(' ').next().filter(|name| !name.is_empty()));
    }

    #[test]
    fn goes_on_once_for_each_failure() {
        let servers = servers(&["a", "b", "c"]);
        servers.failed("a");
        servers.failed("a");
        check(&servers, "b c a");
    }

    #[test]
    fn stays_with_the_server_in_use() {
        let servers = servers(&["b"]);
        servers.learn(vec!["a".to_owned(), "b".to_owned()]);
        check(&servers, "b a");
        servers.learn(vec!["a".to_owned(), "c".to_owned()]);
        check(&servers, "a c");
        servers.learn(Vec::new());
        check(&servers, "a c");
    }

    #[test]
    fn falls_back_on_what_was_configured() {
        let servers = servers(&["seed"]);
        servers.learn(vec!["a".to_owned(), "b".to_owned()]);
        servers.failed("a");
        check(&servers, "b a");
        servers.failed("b");
        check(&servers, "seed a b");
        check(&self::servers(&[]), "");
    }
}
