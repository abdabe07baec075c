//! What arrives, and what that does.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::STREAM_WINDOW;
use super::event::{Event, Kind, Route};
use super::stream::{End, Phase};
use crate::host::HostId;
use crate::slots::Key;
use crate::world::{Shared, World};

/// Takes what is due off the heap.
#[derive(Default)]
pub(crate) struct Delivery {
    /// Kept from call to call for its capacity.
    wakers: Vec<Waker>,
}

impl Delivery {
    /// Delivers all that is due and returns when more will be. `driver` is woken if that becomes earlier.
    pub fn deliver_due(&mut self, shared: &Arc<Shared>, driver: &Waker) -> Option<Duration> {
        let mut guard = shared.lock();
        let world = &mut *guard;
        // Nobody has to be told of new events while they are looked for.
        let stored = world.driver.take();
        let now = world.now();
        while let Some(entry) = world.net.heap.first_entry()
            && entry.key().0 <= now
        {
            let event = entry.remove();
            world.deliver(event, now);
        }
        let next = world.net.heap.first_key_value().map(|((at, _), _)| *at);
        world.driver =
            Some(stored.filter(|stored| stored.will_wake(driver)).unwrap_or_else(|| driver.clone()));
        std::mem::swap(&mut world.wakers, &mut self.wakers);
        let trash = std::mem::take(&mut world.trash);
        drop(guard);
        drop(trash);
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
        next
    }
}

impl World {
    fn deliver(&mut self, event: Event, now: Duration) {
        if let Kind::Wake(waker) = event.kind {
            self.wakers.push(waker);
            return;
        }
        let to = self.target_host(&event);
        let Some(host) = to.filter(|_| !self.is_blocked(event.from_host, to)) else {
            self.hold(event);
            return;
        };
        self.trace.packet(now, &event.packet());
        match &event.kind {
            Kind::Syn => self.deliver_syn(host, event, now),
            Kind::Datagram(data) => self.deliver_datagram(host, &event, data),
            Kind::Unreachable => self.deliver_unreachable(host, &event),
            _ => match self.find_end(host, &event) {
                Some(key) => self.deliver_to_end(key, event),
                None => self.answer_unknown(host, &event),
            },
        }
    }

    fn deliver_syn(&mut self, host: HostId, event: Event, now: Duration) {
        let Some(listener) = self.find_listener(host, event.to) else {
            self.answer_unknown(host, &event);
            return;
        };
        if !self.has_room(listener, now) {
            // Only while somebody waits for it.
            if event.sender.is_some_and(|caller| self.net.ends.get(caller).is_some()) {
                self.try_again(event, now);
            }
            return;
        }
        let id = (event.to, event.from);
        if let Some(old) = self.host(host).and_then(|state| state.net.ends.get(&id)).copied() {
            // The caller uses its port again, so the old conversation is over.
            self.deliver_rst(old);
        }
        let pid = 0;
        let fraction = self.fraction_of(event.connection);
        let key = self.add_end(End {
            host,
            pid,
            local: event.to,
            remote: event.from,
            connection: event.connection,
            phase: Phase::HalfOpen(listener),
            in_table: true,
            peer: event.sender,
            received: VecDeque::new(),
            fin_seen: false,
            error: None,
            write_shut: false,
            credit: STREAM_WINDOW,
            reader: None,
            writer: None,
            last_delivery: Duration::ZERO,
            held_syn: None,
            fraction,
        });
        self.add_half_open(listener, key, now);
        self.send_from(key, Kind::SynAck);
    }

    fn deliver_to_end(&mut self, key: Key, event: Event) {
        let end = self.net.ends.get_mut(key).expect("caller has found it");
        match event.kind {
            Kind::SynAck => {
                if end.phase == Phase::Connecting {
                    end.phase = Phase::Open;
                    end.peer = event.sender;
                    self.wakers.extend(end.writer.take());
                    self.send_from(key, Kind::Ack);
                }
            }
            Kind::Ack => {
                if let Phase::HalfOpen(listener) = end.phase {
                    end.phase = Phase::Queued(listener);
                    self.enqueue(listener, key);
                }
            }
            Kind::Data(data) => {
                if end.phase == Phase::Closing {
                    self.send_from(key, Kind::Rst);
                    self.remove_end(key);
                    return;
                }
                end.received.push_back(data);
                self.wakers.extend(end.reader.take());
            }
            Kind::Fin => {
                if end.phase == Phase::Closing {
                    self.remove_end(key);
                    return;
                }
                end.fin_seen = true;
                self.wakers.extend(end.reader.take());
            }
            Kind::Credit(bytes) => {
                end.credit += bytes;
                self.wakers.extend(end.writer.take());
            }
            Kind::Rst => self.deliver_rst(key),
            Kind::Syn | Kind::Datagram(_) | Kind::Unreachable | Kind::Wake(_) => {}
        }
    }

    /// Ends a connection because its peer does not know it, or has thrown away what it had sent.
    fn deliver_rst(&mut self, key: Key) {
        let Some(end) = self.net.ends.get_mut(key) else { return };
        match end.phase {
            Phase::Connecting => end.error = Some(ErrorKind::ConnectionRefused),
            Phase::HalfOpen(listener) => {
                if let Some(listener) = self.net.listeners.get_mut(listener) {
                    listener.half_open -= 1;
                }
                self.remove_end(key);
                return;
            }
            Phase::Closing => {
                self.remove_end(key);
                return;
            }
            Phase::Open | Phase::Queued(_) => {
                // After a FIN a reset is no news to a reader; writers get BrokenPipe either way.
                if !end.fin_seen {
                    end.error = Some(ErrorKind::ConnectionReset);
                }
            }
        }
        self.wakers.extend(end.reader.take());
        self.wakers.extend(end.writer.take());
        self.unlist_end(key);
    }

    /// Finds the end an event is for: by the sender's knowledge, else by address.
    pub fn find_end(&self, host: HostId, event: &Event) -> Option<Key> {
        let belongs = |key: &Key| {
            self.net.ends.get(*key).is_some_and(|end| end.in_table && end.connection == event.connection)
        };
        if let Some(key) = event.target {
            return Some(key).filter(belongs);
        }
        self.host(host)?.net.ends.get(&(event.to, event.from)).copied().filter(belongs)
    }

    /// Answers what is for no connection here.
    fn answer_unknown(&mut self, host: HostId, event: &Event) {
        if matches!(event.kind, Kind::Rst | Kind::Credit(_)) {
            return;
        }
        let route = Route {
            from: event.to,
            to: event.from,
            from_host: host,
            connection: event.connection,
            sender: None,
            target: event.sender.filter(|key| self.net.ends.get(*key).is_some()),
            fraction: self.fraction_of(event.connection),
        };
        self.send(Kind::Rst, route);
    }
}
