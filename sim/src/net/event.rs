//! What travels, when it arrives, and what stops it on the way.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;

use crate::host::HostId;
use crate::slots::Key;
use crate::trace::Packet;
use crate::world::World;

/// Something under way to a socket address.
pub(crate) struct Event {
    /// Breaks ties of time; what is sent earlier has the lower number for ever, so held events stay in order.
    pub number: u64,
    pub kind: Kind,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub from_host: HostId,
    /// The connection it belongs to; 0 for datagrams.
    pub connection: u64,
    /// The end it was sent by, whose direction it must not overtake.
    pub sender: Option<Key>,
    /// The end it is for, if the sender knows; saves the look-up by address.
    pub target: Option<Key>,
    pub sent: Duration,
}

pub(crate) enum Kind {
    Syn,
    SynAck,
    Ack,
    Data(Bytes),
    Fin,
    Rst,
    /// So many bytes were read, and somebody waits to write.
    Credit(usize),
    Datagram(Bytes),
    /// No socket was there for a datagram.
    Unreachable,
    /// Not from the network: a task of a slow host gets going.
    Wake(Waker),
}

impl Event {
    /// Returns what the trace says of it.
    pub fn packet(&self) -> Packet<'_> {
        const NOTHING: &[u8] = &[];
        let (kind, code, amount, payload) = match &self.kind {
            Kind::Syn => ("syn", 1, 0, NOTHING),
            Kind::SynAck => ("syn-ack", 2, 0, NOTHING),
            Kind::Ack => ("ack", 3, 0, NOTHING),
            Kind::Data(data) => ("data", 4, data.len(), &data[..]),
            Kind::Fin => ("fin", 5, 0, NOTHING),
            Kind::Rst => ("rst", 6, 0, NOTHING),
            Kind::Credit(bytes) => ("credit", 7, *bytes, NOTHING),
            Kind::Datagram(data) => ("datagram", 8, data.len(), &data[..]),
            Kind::Unreachable => ("unreachable", 9, 0, NOTHING),
            Kind::Wake(_) => ("wake", 10, 0, NOTHING),
        };
        Packet { kind, code, from: self.from, to: self.to, connection: self.connection, amount, payload }
    }

    /// Returns the first time after `now` at which TCP would send it again.
    ///
    /// SYN after 1, 2, 3, 4, 5, 7, 11 s and so on, as Linux does since 6.5; anything else after 0.2 s x (2^k - 1), in
    /// steps of at most 120 s.
    fn next_try(&self, now: Duration) -> Duration {
        let (mut after, mut step) = match self.kind {
            Kind::Syn => (Duration::from_secs(1), Duration::from_secs(1)),
            _ => (Duration::from_millis(200), Duration::from_millis(200)),
        };
        let step_max = Duration::from_secs(120);
        let mut tries = 1;
        while self.sent + after <= now {
            // The first five tries of a SYN are a second apart.
            if !matches!(self.kind, Kind::Syn) || tries >= 5 {
                step = (step * 2).min(step_max);
            }
            after += step;
            tries += 1;
        }
        self.sent + after
    }

    fn may_be_lost(&self) -> bool {
        matches!(self.kind, Kind::Datagram(_) | Kind::Unreachable)
    }
}

impl World {
    /// Sends an event on its way, or holds it if the link is cut. A host without power sends nothing.
    pub fn send(&mut self, kind: Kind, route: Route) {
        if self.closed || !self.host(route.from_host).is_some_and(|state| state.powered) {
            return;
        }
        let number = self.net.next_number;
        self.net.next_number += 1;
        let event = Event {
            number,
            kind,
            from: route.from,
            to: route.to,
            from_host: route.from_host,
            connection: route.connection,
            sender: route.sender,
            target: route.target,
            sent: self.now(),
        };
        match self.target_host(&event) {
            Some(to) if self.is_cut(event.from_host, to) => self.hold(event),
            to => self.dispatch(event, to, route.fraction),
        }
    }

    /// Returns the host an event is for, if the address is anybody's.
    pub fn target_host(&self, event: &Event) -> Option<HostId> {
        if let Some(end) = event.target.and_then(|key| self.net.ends.get(key)) {
            return Some(end.host);
        }
        if event.to.ip().is_loopback() {
            return Some(event.from_host);
        }
        self.by_addr.get(&event.to.ip()).copied()
    }

    /// Stops an event until [`release_held`](World::release_held) finds its way open. Datagrams are lost.
    pub fn hold(&mut self, event: Event) {
        if event.may_be_lost() {
            return;
        }
        if let (Kind::Syn, Some(caller)) = (&event.kind, event.sender) {
            match self.net.ends.get_mut(caller) {
                Some(end) => end.held_syn = Some(event.number),
                // Its caller has given up; nobody would send it again.
                None => return,
            }
        }
        self.net.held.insert(event.number, event);
    }

    /// Sends again, at its next try, all that is held and whose way is open.
    pub fn release_held(&mut self) {
        let now = self.now();
        let held = std::mem::take(&mut self.net.held);
        // The last delivery of each direction, for those whose end is gone already.
        let mut last: BTreeMap<(u64, SocketAddr), Duration> = BTreeMap::new();
        for (number, mut event) in held {
            let to = self.target_host(&event);
            if self.is_blocked(event.from_host, to) {
                self.net.held.insert(number, event);
                continue;
            }
            // The reboot may have made the shortcut void.
            event.target = event.target.filter(|key| self.net.ends.get(*key).is_some());
            let to = to.expect("a way to nobody is blocked");
            // Neither is sent again by itself: the ACK only in answer to an end that asks again.
            if matches!(event.kind, Kind::Ack | Kind::Credit(_)) && self.find_end(to, &event).is_none() {
                continue;
            }
            if let Some(end) = event.sender.and_then(|key| self.net.ends.get_mut(key)) {
                end.held_syn = None;
            }
            let direction = last.entry((event.connection, event.from)).or_default();
            let at = event.next_try(now).max(*direction);
            *direction = at;
            let fraction = self.fraction_of(event.connection);
            let (transit, _) = self.transit(event.from_host, to, at, event.packet().payload.len(), fraction);
            self.schedule(event, at + transit);
        }
    }

    /// Tells whether what comes from a host cannot get to another now.
    pub fn is_blocked(&self, from: HostId, to: Option<HostId>) -> bool {
        let Some(to) = to else { return true };
        let up = self.host(to).is_some_and(|state| state.powered && !state.frozen);
        !up || self.is_cut(from, to)
    }

    /// Puts a SYN that found no room in a listener's queue back for its next try.
    pub fn try_again(&mut self, event: Event, now: Duration) {
        let at = event.next_try(now);
        self.schedule(event, at);
    }

    /// Wakes a task at a later time, by way of the heap.
    pub fn wake_at(&mut self, at: Duration, waker: Waker) {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let number = self.net.next_number;
        self.net.next_number += 1;
        let event = Event {
            number,
            kind: Kind::Wake(waker),
            from: nowhere,
            to: nowhere,
            from_host: HostId(0),
            connection: 0,
            sender: None,
            target: None,
            sent: at,
        };
        self.schedule(event, at);
    }

    /// Returns where in its link's latency range a stream lies.
    pub fn fraction_of(&self, connection: u64) -> u32 {
        crate::rng::fraction(self.seed, b'c', connection)
    }

    fn dispatch(&mut self, event: Event, to: Option<HostId>, fraction: u32) {
        let bytes = event.packet().payload.len();
        // To nobody: as long as to anybody, then held.
        let (transit, losses) = match to {
            Some(to) => self.transit(event.from_host, to, event.sent, bytes, fraction),
            None => (Duration::ZERO, 0),
        };
        if losses > 0 && event.may_be_lost() {
            return;
        }
        let mut at = event.sent + transit;
        for _ in 0..losses {
            at = event.next_try(at - transit) + transit;
        }
        self.schedule(event, at);
    }

    /// Puts an event on the heap, in whole milliseconds and not before what its direction carries already.
    fn schedule(&mut self, event: Event, at: Duration) {
        let mut at = whole_millis(at);
        if let Some(end) = event.sender.and_then(|key| self.net.ends.get_mut(key)) {
            at = at.max(end.last_delivery);
            end.last_delivery = at;
        }
        let entry = (at, event.number);
        let is_first = self.net.heap.first_key_value().is_none_or(|(first, _)| entry < *first);
        self.net.heap.insert(entry, event);
        if is_first {
            let driver = self.driver.take();
            self.wakers.extend(driver);
        }
    }
}

/// Where an event comes from and goes to.
pub(crate) struct Route {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub from_host: HostId,
    pub connection: u64,
    pub sender: Option<Key>,
    pub target: Option<Key>,
    /// Where in the link's latency range it lies, in units of 2^-32.
    pub fraction: u32,
}

/// Rounds up to the grain of tokio's clock.
fn whole_millis(at: Duration) -> Duration {
    let fine = at.subsec_nanos() % 1_000_000;
    if fine == 0 { at } else { at + Duration::from_nanos(u64::from(1_000_000 - fine)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: Kind) -> Event {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        Event {
            number: 0,
            kind,
            from: nowhere,
            to: nowhere,
            from_host: HostId(0),
            connection: 0,
            sender: None,
            target: None,
            sent: Duration::from_secs(100),
        }
    }

    #[test]
    fn a_syn_is_tried_again_as_linux_does() {
        let event = event(Kind::Syn);
        let mut at = event.sent;
        let mut tries = Vec::new();
        for _ in 0..9 {
            at = event.next_try(at);
            tries.push((at - event.sent).as_secs());
        }
        assert_eq!(tries, [1, 2, 3, 4, 5, 7, 11, 19, 35]);
    }

    #[test]
    fn data_is_tried_again_in_doubled_steps() {
        let event = event(Kind::Fin);
        let mut at = event.sent;
        let mut tries = Vec::new();
        for _ in 0..12 {
            at = event.next_try(at);
            tries.push((at - event.sent).as_millis());
        }
        let expected =
            [200, 600, 1_400, 3_000, 6_200, 12_600, 25_400, 51_000, 102_200, 204_600, 324_600, 444_600];
        assert_eq!(tries, expected);
    }
}
