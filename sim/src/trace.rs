//! The record of a run: numbered lines in simulated time, and their running hash.
//!
//! A line reads `<simulated ms> <number> <what>`. Network events are hashed from their fields (and payloads) and
//! spelled out only when somebody wants to read them: they are millions, and text costs more than the event.

use std::fmt::{self, Write as _};
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// How much of a run is written down. The hash is always computed.
#[derive(Default)]
pub enum Trace {
    /// Only the hash.
    #[default]
    Hash,
    /// Every line goes to this writer as it happens.
    Full(Box<dyn Write + Send>),
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trace::Hash => "Hash",
            Trace::Full(_) => "Full",
        })
    }
}

/// One network event, as it is delivered.
pub(crate) struct Packet<'a> {
    pub kind: &'static str,
    pub code: u8,
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub connection: u64,
    pub amount: usize,
    pub payload: &'a [u8],
}

/// Numbers, hashes and writes what happens.
pub(crate) struct Tracer {
    hash: Xxh3,
    writer: Option<Box<dyn Write + Send>>,
    line: String,
    number: u64,
    broken: Option<std::io::Error>,
}

impl Tracer {
    pub fn new(trace: Trace) -> Tracer {
        let writer = match trace {
            Trace::Hash => None,
            Trace::Full(writer) => Some(writer),
        };
        Tracer { hash: Xxh3::new(), writer, line: String::new(), number: 0, broken: None }
    }

    /// Records an event that is described by text.
    pub fn line(&mut self, now: Duration, what: fmt::Arguments<'_>) {
        self.begin(now);
        // Writing to a String cannot fail.
        let _ = self.line.write_fmt(what);
        self.hash.update(self.line.as_bytes());
        self.hash.update(b"\n");
        self.write();
    }

    /// Records a delivered network event.
    pub fn packet(&mut self, now: Duration, packet: &Packet<'_>) {
        let mut record = [0_u8; 65];
        record[0..8].copy_from_slice(&millis(now).to_le_bytes());
        record[8] = packet.code;
        address(&mut record[9..27], packet.from);
        address(&mut record[27..45], packet.to);
        record[45..53].copy_from_slice(&packet.connection.to_le_bytes());
        record[53..61].copy_from_slice(&(packet.amount as u64).to_le_bytes());
        self.hash.update(&record);
        self.hash.update(packet.payload);
        if self.writer.is_none() {
            self.number += 1;
            return;
        }
        self.begin(now);
        let _ = write!(self.line, "{} {} > {}", packet.kind, packet.from, packet.to);
        if packet.connection != 0 {
            let _ = write!(self.line, " #{}", packet.connection);
        }
        if packet.amount != 0 {
            let _ = write!(self.line, " {} B", packet.amount);
        }
        if !packet.payload.is_empty() {
            let _ = write!(self.line, " {:08x}", xxh3_64(packet.payload) as u32);
        }
        self.write();
    }

    /// Returns how many lines there were.
    pub fn events(&self) -> u64 {
        self.number
    }

    /// Returns the hash of all that was recorded.
    pub fn hash(&self) -> u64 {
        self.hash.digest()
    }

    /// Flushes the writer and returns the first error it had.
    pub fn finish(&mut self) -> Option<std::io::Error> {
        if let Some(writer) = &mut self.writer
            && let Err(error) = writer.flush()
        {
            self.broken.get_or_insert(error);
        }
        self.broken.take()
    }

    fn begin(&mut self, now: Duration) {
        self.line.clear();
        self.number += 1;
        let _ = write!(self.line, "{} {} ", millis(now), self.number);
    }

    fn write(&mut self) {
        if let Some(writer) = &mut self.writer {
            self.line.push('\n');
            if let Err(error) = writer.write_all(self.line.as_bytes()) {
                self.broken = Some(error);
                self.writer = None;
            }
        }
    }
}

fn millis(now: Duration) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

fn address(record: &mut [u8], address: SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) => record[..4].copy_from_slice(&ip.octets()),
        IpAddr::V6(ip) => record[..16].copy_from_slice(&ip.octets()),
    }
    record[16..18].copy_from_slice(&address.port().to_le_bytes());
}
