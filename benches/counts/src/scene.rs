//! Scenes to be counted, by name.

use anyhow::{Result, bail};
use fracas_shared::frame::{Baseline, FrameEncoder};
use fracas_shared::limits::VIEW_HASH_INTERVAL_TICKS;
use fracas_shared::snapshot::Snapshot;
use fracas_sim::journal::{SegmentHead, SegmentWriter};

use crate::played::has_model;
use crate::{ArenaTrace, Played};

/// What there is to be counted: the name, and what it is.
pub const SCENES: [(&str, &str); 4] = [
    ("tick", "a tick of the arena with 8 players who shoot, their inputs taken and their frames handed out"),
    ("encode", "a frame of 64 entities that all move, and what is learned for it"),
    ("fan-out", "handing a tick's frame to 256 spectators"),
    ("journal", "what a tick of the arena with 8 players adds to the journal, a checkpoint each second too"),
];

const SEED: u32 = 1;
const TRACE_HZ: u16 = 30;
const SPECTATORS: usize = 256;

/// Something that goes on tick by tick.
pub trait Scene {
    /// What comes before a tick's work and is none of it.
    fn prepare(&mut self);

    /// A tick's work, or the same without what is counted of it.
    fn work(&mut self, is_counted: bool);

    /// Whether the last work was that of most ticks: what happens now and then takes memory.
    fn is_steady(&self) -> bool;
}

/// The scene of this name, for at most so many ticks. It shoots, if it can and is to.
///
/// # Errors
/// There is none of this name.
pub fn scene(name: &str, ticks: usize, is_armed: bool) -> Result<Box<dyn Scene>> {
    Ok(match name {
        "tick" => Box::new(Tick(Played::open(SEED, is_armed)?)),
        "encode" => Box::new(Encode::new(ticks)),
        "fan-out" => {
            let mut room = Played::open(SEED, is_armed)?;
            room.add_spectators(SPECTATORS);
            Box::new(FanOut(room))
        }
        "journal" => Box::new(Journal::new(Played::open(SEED, is_armed)?)),
        _ => bail!("there is no scene '{name}'; there are {}", SCENES.map(|(name, _)| name).join(", ")),
    })
}

struct Tick(Played);

impl Scene for Tick {
    fn prepare(&mut self) {
        self.0.press();
    }

    fn work(&mut self, is_counted: bool) {
        if is_counted {
            self.0.work();
        }
    }

    fn is_steady(&self) -> bool {
        self.0.is_steady()
    }
}

/// Deltas, one after the other.
struct Encode {
    encoder: FrameEncoder,
    /// All of them from the begin, so that making them is not counted.
    snapshots: Vec<Snapshot>,
    next: usize,
    frame: Vec<u8>,
}

impl Encode {
    fn new(ticks: usize) -> Self {
        let mut trace = ArenaTrace::new(TRACE_HZ, SEED.into());
        Self {
            encoder: FrameEncoder::new(&ArenaTrace::schema()),
            snapshots: (0..=ticks).map(|_| trace.snapshot()).collect(),
            next: 1,
            frame: Vec::new(),
        }
    }
}

impl Scene for Encode {
    fn prepare(&mut self) {}

    fn work(&mut self, is_counted: bool) {
        let Self { encoder, snapshots, next, frame } = self;
        let (before, rest) = snapshots.split_at_mut(*next);
        if let ([.., last], [now, ..]) = (before, rest)
            && is_counted
        {
            frame.clear();
            encoder.follow(last, now);
            let with_hash = now.tick().0.is_multiple_of(VIEW_HASH_INTERVAL_TICKS);
            encoder.encode(Some(Baseline::from(&*last)), now, with_hash, frame);
            *next += 1;
        }
    }

    fn is_steady(&self) -> bool {
        !has_model(&self.frame)
    }
}

struct FanOut(Played);

impl Scene for FanOut {
    fn prepare(&mut self) {
        self.0.press();
    }

    fn work(&mut self, is_counted: bool) {
        if !is_counted {
            self.0.dismiss_spectators();
        }
        self.0.work();
    }

    fn is_steady(&self) -> bool {
        self.0.is_steady()
    }
}

struct Journal {
    room: Played,
    writer: SegmentWriter,
    ticks: u32,
}

impl Journal {
    fn new(room: Played) -> Self {
        let (number, process, build) = (1, 1, String::new());
        let head = SegmentHead { number, process, lane: 0, previous: 0, needed: number, build };
        Self { room, writer: SegmentWriter::new(head), ticks: 0 }
    }
}

impl Scene for Journal {
    fn prepare(&mut self) {
        self.room.tick();
        self.writer.clear();
        self.ticks += 1;
    }

    fn work(&mut self, is_counted: bool) {
        if is_counted {
            self.room.write_journal(&mut self.writer, self.ticks.is_multiple_of(TRACE_HZ.into()));
        }
    }

    fn is_steady(&self) -> bool {
        !self.ticks.is_multiple_of(TRACE_HZ.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenes_can_be_played() {
        for (name, _) in SCENES {
            let mut scene = scene(name, 40, true).expect("it is in the list");
            for tick in 0..40 {
                scene.prepare();
                scene.work(tick < 20);
            }
        }
        assert!(scene("rest", 1, true).is_err_and(|error| error.to_string().contains("fan-out")));
    }
}
