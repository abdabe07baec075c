//! A deterministic machine room: simulated hosts with power, processes, network, disks, clocks and faults.
//!
//! It knows nothing of what runs on the hosts. Software is futures that do all their business through a
//! [`Host`]: the seam. [`run`] takes a seed and one program, the workstation's, which adds machines to its [`Room`],
//! powers them, breaks them and looks at what happens. The same seed gives the same run, event for event.
//!
//! # Vocabulary
//! - *room*: one run's machines and cables; *workstation*: the host whose program drives the run, always there.
//! - *process*: tasks and sockets on a host that live and die together; *init*: the one a power-on starts.
//! - *fault*: something done to a machine, link, disk or clock, which can be undone.
//! - *engine*: what moves it all; our own, or the stock `turmoil` crate with few faults.
//! - *trace*: numbered lines of all that happens, and their hash.
//!
//! # Invariants
//! - One thread, one paused runtime; time moves only when nothing can run. Nothing reads a real clock.
//! - All chance comes from the seed, in a stream per purpose.
//! - Nothing whose order can be seen is kept in a hash map.
//! - A task runs and is dropped as a task of its host; a socket or file knows its host wherever it is dropped.
//!
//! # Caveats
//! Software that spawns with `tokio::spawn` or reads `std` clocks escapes the room and breaks determinism. Timers have
//! whole milliseconds and round up. See `README.md` for the ledger of entropy sources.

#[cfg(not(tokio_unstable))]
compile_error!(
    "pasture-sim needs `--cfg tokio_unstable`, which .cargo/config.toml sets; a RUSTFLAGS variable replaces that \
     silently, so add the flag to it or unset it"
);

/// Compiles and runs the example of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod disk;
mod fault;
mod host;
pub mod net;
mod process;
mod rng;
mod room;
mod slots;
mod trace;
mod turmoil;
mod world;

pub use disk::{Disk, DiskFile, Space};
pub use fault::{Direction, FaultError};
pub use host::{Boot, Exit, Host, HostId, HostSpec, INIT, ProcessHandle, TaskHandle};
pub use net::{TcpListener, TcpStream, UdpSocket};
pub use process::current;
pub use rng::Stream;
pub use room::{Engine, Finished, Room, RoomConfig, RoomError, Sockets, TopologyError, UnknownEngine, run};
pub use trace::Trace;
