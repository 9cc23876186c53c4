//! What all seats of a server share, and what it counts.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Rooms, Tape};

/// More than a message of a client here has, in bytes.
const MESSAGE_ROOM: usize = 512;

/// What all seats of a server share.
#[derive(Debug)]
pub struct Show<'a> {
    /// What is played.
    pub tape: &'a Tape,
    /// Who is shown which track.
    pub rooms: Rooms,
    /// What was done so far.
    pub counters: Counters,
    /// The message that is read just now, so that reading one takes no memory anew.
    pub(super) message: Vec<u8>,
}

impl<'a> Show<'a> {
    /// Of this tape, before anybody has come.
    pub fn new(tape: &'a Tape) -> Self {
        Self {
            tape,
            rooms: Rooms::default(),
            counters: Counters::default(),
            message: Vec::with_capacity(MESSAGE_ROOM),
        }
    }
}

/// What a server has done so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// How many play.
    pub playing: usize,
    /// Ticks of the tape that were sent, those of all seats counted.
    pub updates: u64,
    /// Reads of sockets.
    pub reads: u64,
    /// Writes to sockets.
    pub writes: u64,
    /// Bytes written.
    pub bytes_out: u64,
    /// Messages that have come.
    pub messages_in: u64,
    /// Bytes read.
    pub bytes_in: u64,
    /// How often anybody came, asked for something that is to be answered, had a message torn, or went.
    pub changes: u64,
    /// Clients that did not read, and were dropped for it.
    pub stuck: u64,
    /// Clients that went without a word.
    pub hung_up: u64,
    /// Clients for whom the tape was too short.
    pub ran_out: u64,
    /// Ticks made.
    pub ticks: u64,
    /// Those of them in which all were shown the tape and nobody wanted anything else, if somebody has watched.
    pub steady_ticks: u64,
    /// Ticks that began late.
    pub ticks_late: u64,
    /// How late at most.
    pub late_max: Duration,
    /// From a tick's begin to its end: the longest.
    pub pass_max: Duration,
    /// All of them together.
    pub passes: Duration,
}

impl Counters {
    /// For programs.
    pub fn json(&self) -> Value {
        let ms = |time: Duration| time.as_secs_f64() * 1000.0;
        json!({
            "playing": self.playing,
            "updates": self.updates,
            "reads": self.reads,
            "writes": self.writes,
            "bytes_out": self.bytes_out,
            "messages_in": self.messages_in,
            "bytes_in": self.bytes_in,
            "stuck": self.stuck,
            "hung_up": self.hung_up,
            "ran_out": self.ran_out,
            "ticks": self.ticks,
            "steady_ticks": self.steady_ticks,
            "ticks_late": self.ticks_late,
            "late_ms_max": ms(self.late_max),
            "pass_ms_max": ms(self.pass_max),
            "pass_ms_sum": ms(self.passes),
        })
    }
}
