//! One direction between two hosts: whether it is cut, how long it takes, what it loses.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::host::HostId;
use crate::rng;
use crate::world::World;

/// A direction that differs from the room's.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Link {
    pub cut: bool,
    latency: Option<RangeInclusive<Duration>>,
    loss: f64,
    bytes_per_s: Option<u64>,
    /// When the last byte handed to it will have left; below the grain of the clock.
    busy_until: Duration,
    /// Draws of its losses so far.
    draws: u64,
}

/// A change to a link.
#[derive(Clone, Debug)]
pub(crate) enum LinkChange {
    Latency(Option<RangeInclusive<Duration>>),
    Loss(f64),
    Rate(Option<u64>),
}

impl Link {
    fn is_plain(&self) -> bool {
        !self.cut && self.latency.is_none() && self.loss == 0.0 && self.bytes_per_s.is_none()
    }
}

impl World {
    /// Tells whether nothing passes from one host to another.
    pub fn is_cut(&self, from: HostId, to: HostId) -> bool {
        !self.net.links.is_empty() && self.net.links.get(&(from, to)).is_some_and(|link| link.cut)
    }

    /// Applies a change to one direction.
    pub fn change_link(&mut self, from: HostId, to: HostId, change: &LinkChange) {
        let link = self.net.links.entry((from, to)).or_default();
        match change {
            LinkChange::Latency(latency) => link.latency.clone_from(latency),
            LinkChange::Loss(p) => link.loss = *p,
            LinkChange::Rate(rate) => link.bytes_per_s = *rate,
        }
        if link.is_plain() {
            self.net.links.remove(&(from, to));
        }
    }

    /// Cuts or heals the links from `a` to `b`, and back with `both`.
    pub fn set_cuts(&mut self, a: &[HostId], b: &[HostId], both: bool, cut: bool) {
        for (from, to) in a.iter().flat_map(|from| b.iter().map(move |to| (*from, *to))) {
            if from == to {
                continue;
            }
            self.set_cut(from, to, cut);
            if both {
                self.set_cut(to, from, cut);
            }
            self.turmoil_link_changed(from, to);
        }
        if !cut {
            self.release_held();
        }
    }

    /// Makes all links as the room's.
    pub fn reset_links(&mut self) {
        let links = std::mem::take(&mut self.net.links);
        for ((from, to), link) in links {
            if link.cut {
                self.turmoil_link_changed(from, to);
            }
        }
        self.release_held();
    }

    /// Adds a text for every link fault.
    pub fn describe_link_faults(&self, found: &mut Vec<String>) {
        for ((from, to), link) in &self.net.links {
            let names = (self.name_of(*from), self.name_of(*to));
            let pair = format!("{} to {}", names.0, names.1);
            if link.cut {
                found.push(format!("{pair} is cut"));
            }
            if let Some(latency) = &link.latency {
                found.push(format!("{pair} takes {:?} to {:?}", latency.start(), latency.end()));
            }
            if link.loss > 0.0 {
                found.push(format!("{pair} loses with probability {}", link.loss));
            }
            if let Some(rate) = link.bytes_per_s {
                found.push(format!("{pair} carries {rate} bytes per second"));
            }
        }
    }

    /// Returns how long a link takes for what is sent `now`, and how often it loses it before it gets through.
    ///
    /// `fraction` places the latency in the link's range, in units of 2^-32.
    pub fn transit(
        &mut self,
        from: HostId,
        to: HostId,
        now: Duration,
        bytes: usize,
        fraction: u32,
    ) -> (Duration, u32) {
        if from == to {
            return (Duration::ZERO, 0);
        }
        let link = if self.net.links.is_empty() { None } else { self.net.links.get_mut(&(from, to)) };
        let Some(link) = link else { return (in_range(&self.net.latency, fraction), 0) };
        let latency = in_range(link.latency.as_ref().unwrap_or(&self.net.latency), fraction);
        let mut queueing = Duration::ZERO;
        if let Some(rate) = link.bytes_per_s {
            let sending = Duration::from_nanos((bytes as u64).saturating_mul(1_000_000_000) / rate);
            link.busy_until = link.busy_until.max(now) + sending;
            queueing = link.busy_until - now;
        }
        let mut losses = 0;
        if link.loss > 0.0 {
            let seed = self.seed ^ (u64::from(from.0) << 32 | u64::from(to.0));
            // Sixteen losses in a row are over an hour of retries; the next one gets through.
            while losses < 16 && rng::happens(link.loss, rng::fraction(seed, b'l', link.draws)) {
                losses += 1;
                link.draws += 1;
            }
            link.draws += 1;
        }
        (latency + queueing, losses)
    }

    fn set_cut(&mut self, from: HostId, to: HostId, cut: bool) {
        if cut {
            self.net.links.entry((from, to)).or_default().cut = true;
        } else if let Some(link) = self.net.links.get_mut(&(from, to)) {
            link.cut = false;
            if link.is_plain() {
                self.net.links.remove(&(from, to));
            }
        }
    }
}

/// Returns the point of a range that is `fraction` 2^32ths along it.
fn in_range(range: &RangeInclusive<Duration>, fraction: u32) -> Duration {
    let width = (*range.end() - *range.start()).as_nanos();
    let part = (width * u128::from(fraction)) >> 32;
    *range.start() + Duration::from_nanos(u64::try_from(part).unwrap_or(u64::MAX))
}
