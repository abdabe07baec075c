//! Where the stock turmoil crate, behind the same seam, shows its users something else than Linux.

/// A fact that is different there.
pub struct Difference {
    pub check: &'static str,
    pub fact: &'static str,
    pub seen: &'static str,
}

const fn differs(check: &'static str, fact: &'static str, seen: &'static str) -> Difference {
    Difference { check, fact, seen }
}

pub const DIFFERENCES: &[Difference] = &[
    // A connect succeeds only when somebody accepts.
    differs("connect_to_a_listener", "connect returns before accept", "false"),
    differs("a_process_that_hangs", "connect succeeds", "false"),
    differs("full_accept_queue", "one of three with a backlog of two", "TimedOut"),
    differs("peer_gone_with_unread_data", "connect to one that never accepts", "false"),
    // Nothing is sent again: what was held arrives at once when it is released.
    differs("full_accept_queue", "it comes with a later try", "false"),
    differs("syn_into_a_cut", "a cut of 1.5 s", "1.52s"),
    differs("syn_into_a_cut", "a cut of 3.9 s", "3.92s"),
    differs("syn_into_a_cut", "a cut of 9 s", "9.02s"),
    differs("data_into_a_cut", "not before the next try of the first", "false"),
    // A window is 65,536 writes of any size.
    differs("peer_gone_with_unread_data", "blocked write", "Ok"),
    differs("peer_gone_with_unread_data", "write after the blocked write", "Ok"),
    differs("peer_powered_off", "write more than a window", "Ok"),
    differs("slow_reader", "the writer is throttled", "false"),
    // Every read after a reset tells of it.
    differs("peer_gone_with_unread_data", "then again", "ConnectionReset"),
    differs("peer_gone_with_unread_data", "read after the blocked read", "ConnectionReset"),
    differs("half_close", "shutdown after a reset", "BrokenPipe"),
    // The FINs of a machine that lost its power are delivered when it is back.
    differs("peer_powered_off", "idle read after the reboot", "EOF"),
    differs("stale_stream", "read when it is back", "EOF"),
    differs("stale_stream", "write then", "Ok"),
    differs("stale_stream", "read after it", "EOF"),
    // All addresses of a host share their ports, and nobody is told of a closed datagram port.
    differs("bind", "loopback on the same port", "AddrInUse"),
    differs("datagrams", "a connected sender is told later", "Ok"),
    // What the engine cannot do is refused, not skipped.
    differs("sigstop", "pause", "the turmoil engine cannot do pause; use the engine `sim`"),
    differs(
        "abandoned_connects",
        "a cut one way",
        "the turmoil engine cannot do a partition in one direction; use the engine `sim`",
    ),
];
