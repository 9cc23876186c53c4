//! What became of each room, by all that a journal has.

use std::collections::BTreeMap;
use std::mem::take;

use super::entry::{Entry, What};
use super::segment::{Read, Segment, SegmentHead};

/// A room of one of the processes that wrote the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoomOfProcess {
    /// The process.
    pub process: u64,
    /// The room's number there.
    pub room: u64,
}

/// How much of a room is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// From its last checkpoint on: what it takes to go on with it.
    Latest,
    /// From its first checkpoint on: what it takes to see all of it again.
    All,
}

/// What became of a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History<'a> {
    /// In its order, from a checkpoint on.
    pub entries: Vec<What<'a>>,
    /// How it ends.
    pub fate: Fate,
    lane: u32,
    /// The lowest bits of the last tick's number.
    tick: u8,
    /// Whether something of it may be missing since its last checkpoint: only another one tells that it goes on.
    is_doubtful: bool,
}

/// How a room's history ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It may go on from there.
    Unfinished,
    /// It has ended.
    Ended,
    /// Something is missing after the last entry, or all is that it began with, because a file is damaged: it is not
    /// known how it went on.
    Broken,
}

/// The histories of all rooms, put together file by file in their order.
#[derive(Debug)]
pub struct Histories<'a> {
    wanted: Wanted,
    rooms: BTreeMap<RoomOfProcess, History<'a>>,
}

impl<'a> Histories<'a> {
    /// Of a journal from which nothing was read yet.
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, rooms: BTreeMap::new() }
    }

    /// Reads the next file. Whether all that was written to it can be read, but for what was cut off at its end.
    pub fn read(&mut self, segment: &Segment<'a>) -> bool {
        let SegmentHead { process, lane, .. } = *segment.head();
        let mut is_whole = true;
        for read in segment.entries() {
            match read {
                Read::Entry(Entry { room, what }) => self.take(RoomOfProcess { process, room }, lane, what),
                Read::Gap => {
                    is_whole = false;
                    let of_lane = |(room, history): &(&RoomOfProcess, &mut History<'_>)| {
                        room.process == process && history.lane == lane
                    };
                    let rooms = self.rooms.iter_mut().filter(of_lane);
                    rooms.for_each(|(_, history)| history.is_doubtful = true);
                }
                Read::Torn => {}
            }
        }
        is_whole
    }

    fn take(&mut self, room: RoomOfProcess, lane: u32, what: What<'a>) {
        // Until its first checkpoint, what it began with is in a file that is gone, or that is damaged.
        let history = self.rooms.entry(room).or_insert(History {
            entries: Vec::new(),
            fate: Fate::Broken,
            lane,
            tick: 0,
            is_doubtful: false,
        });
        if let What::Checkpoint { tick, .. } = what {
            if self.wanted == Wanted::Latest || history.is_broken() {
                history.entries.clear();
            }
            history.entries.push(what);
            *history = History {
                entries: take(&mut history.entries),
                fate: Fate::Unfinished,
                lane,
                tick: tick as u8,
                is_doubtful: false,
            };
            return;
        }
        if history.fate != Fate::Unfinished {
            return;
        }
        match what {
            What::Record { tick, .. } if tick != history.tick.wrapping_add(1) => {
                history.fate = Fate::Broken;
                return;
            }
            What::Record { tick, .. } => history.tick = tick,
            What::Ended => history.fate = Fate::Ended,
            What::Checkpoint { .. } | What::Host(_) => {}
        }
        history.entries.push(what);
    }

    /// All rooms that were found.
    pub fn finish(mut self) -> BTreeMap<RoomOfProcess, History<'a>> {
        for history in self.rooms.values_mut().filter(|history| history.is_broken()) {
            history.fate = Fate::Broken;
        }
        self.rooms
    }
}

impl History<'_> {
    fn is_broken(&self) -> bool {
        self.fate == Fate::Broken || (self.is_doubtful && self.fate == Fate::Unfinished)
    }
}

#[cfg(test)]
mod tests {
    use fracas_shared::Rng;

    use super::super::segment::SegmentWriter;
    use super::*;

    const ROOMS: u64 = 3;
    const TICKS: u32 = 60;
    const CHECKPOINT_EVERY: u32 = 15;

    /// A file of three rooms, one of which ends, and the ends of its chunks.
    fn journal() -> (Vec<u8>, Vec<usize>) {
        let head = SegmentHead { number: 7, process: 1, lane: 0, build: "of today".into() };
        let mut writer = SegmentWriter::new(head);
        let (mut bytes, mut ends) = (writer.bytes().to_vec(), Vec::new());
        writer.clear();
        for tick in 0..TICKS {
            for room in 0..ROOMS {
                if room == 0 && tick > TICKS / 2 {
                    continue;
                }
                let record = [room as u8, tick as u8, 1, 2, 3];
                if tick > 0 {
                    let what = What::Record { tick: tick as u8, record: &record[..=(tick % 5) as usize] };
                    writer.put(&Entry { room, what });
                }
                if tick % CHECKPOINT_EVERY == 0 {
                    let what = What::Checkpoint { tick, host: b"host", hash: tick.into(), state: &record };
                    writer.put(&Entry { room, what });
                }
                if room == 0 && tick == TICKS / 2 {
                    writer.put(&Entry { room, what: What::Ended });
                }
            }
            bytes.extend_from_slice(writer.bytes());
            writer.clear();
            ends.push(bytes.len());
        }
        (bytes, ends)
    }

    fn read(bytes: &[u8], wanted: Wanted) -> BTreeMap<RoomOfProcess, History<'_>> {
        let mut histories = Histories::new(wanted);
        histories.read(&Segment::open(bytes).expect("a journal"));
        histories.finish()
    }

    #[test]
    fn what_was_written_is_read() {
        let (bytes, _) = journal();
        let [first, second, third] =
            [0, 1, 2].map(|room| read(&bytes, Wanted::Latest)[&RoomOfProcess { process: 1, room }].clone());
        assert_eq!((first.fate, second.fate, third.fate), (Fate::Ended, Fate::Unfinished, Fate::Unfinished));
        let since = (TICKS - 1) % CHECKPOINT_EVERY;
        assert_eq!(second.entries.len() as u32, 1 + since, "a checkpoint and the records since");
        let all = &read(&bytes, Wanted::All)[&RoomOfProcess { process: 1, room: 1 }];
        assert_eq!(all.entries.len() as u32, TICKS - 1 + TICKS.div_ceil(CHECKPOINT_EVERY));
    }

    #[test]
    fn what_is_damaged_is_cut_at_its_end_or_said_to_be_broken() {
        let (bytes, ends) = journal();
        let whole = read(&bytes, Wanted::All);
        let mut rng = Rng::new(1, 0);
        let (mut cut, mut broken, mut refused) = (0, 0, 0);
        for _ in 0..3_000 {
            let mut damaged = bytes.clone();
            let place = rng.below(bytes.len() as u32) as usize;
            let mut is_cut = false;
            match rng.below(5) {
                0 => damaged[place] ^= 1 << rng.below(8),
                1 => {
                    damaged.truncate(place);
                    is_cut = true;
                }
                2 => drop(damaged.drain(place..(place + 1 + rng.below(200) as usize).min(bytes.len()))),
                3 => damaged.insert(place, rng.bits() as u8),
                // Two chunks in each other's place.
                _ => {
                    let at = 1 + rng.below(ends.len() as u32 - 2) as usize;
                    let (first, second) = (ends[at - 1]..ends[at], ends[at]..ends[at + 1]);
                    let swapped = [&bytes[second], &bytes[first]].concat();
                    damaged[ends[at - 1]..ends[at + 1]].copy_from_slice(&swapped);
                }
            }
            let Ok(segment) = Segment::open(&damaged) else {
                refused += 1;
                continue;
            };
            let mut histories = Histories::new(Wanted::Latest);
            let is_whole = histories.read(&segment);
            for (room, history) in histories.finish() {
                // Whatever is told of a room was so, from a checkpoint on and without a gap.
                let truth = &whole[&room].entries;
                let is_there = truth.windows(history.entries.len()).any(|entries| entries == history.entries);
                assert!(is_there, "room {room:?} is told otherwise than it was");
                let is_to_its_end = truth.ends_with(&history.entries);
                match history.fate {
                    Fate::Broken => broken += 1,
                    _ if is_to_its_end => {}
                    // What comes behind is gone: it is as if the process had ended there.
                    _ => {
                        assert!(is_cut || is_whole, "a room goes on from what is damaged: {history:?}");
                        cut += 1;
                    }
                }
            }
        }
        assert!(cut > 100 && broken > 100 && refused > 1, "{cut} cut, {broken} broken, {refused} refused");
    }

    #[test]
    fn a_later_layout_says_so() {
        let (mut bytes, _) = journal();
        bytes[8] = 9;
        let error = Segment::open(&bytes).expect_err("of another time");
        assert!(error.to_string().contains("layout 9"), "{error}");
        assert!(Segment::open(b"something else").is_err());
    }
}
