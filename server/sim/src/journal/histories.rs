//! What became of each room, by all that a journal has.

use std::collections::BTreeMap;

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
    /// The number of the file that its last entry is in.
    pub file: u64,
    /// Whether nothing is missing since the last checkpoint.
    pub is_whole: bool,
    /// The process and which of its writers.
    lane: (u64, u32),
    /// The lowest bits of the last tick's number.
    tick: u8,
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
    /// By process and lane, the last file.
    lanes: BTreeMap<(u64, u32), LaneEnd>,
}

/// The last file of a lane.
#[derive(Clone, Copy, Debug)]
struct LaneEnd {
    number: u64,
    is_torn: bool,
}

impl<'a> Histories<'a> {
    /// Of a journal from which nothing was read yet.
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, rooms: BTreeMap::new(), lanes: BTreeMap::new() }
    }

    /// Reads the next file. Whether all that was written to it can be read, but for what was cut off at its end.
    pub fn read(&mut self, segment: &Segment<'a>) -> bool {
        let SegmentHead { process, lane, number, previous, .. } = *segment.head();
        let lane = (process, lane);
        let before = self.lanes.get(&lane).copied();
        if before.is_some_and(|before| before.is_torn || before.number != previous) {
            self.doubt(lane);
        }
        let (mut is_whole, mut is_torn) = (true, false);
        for read in segment.entries() {
            match read {
                Read::Entry(Entry { room, what }) => {
                    self.take(RoomOfProcess { process, room }, (lane, number), what);
                }
                Read::Gap => {
                    is_whole = false;
                    self.doubt(lane);
                }
                Read::Torn => is_torn = true,
            }
        }
        self.lanes.insert(lane, LaneEnd { number, is_torn });
        is_whole
    }

    /// Something may be missing of all rooms of the lane.
    fn doubt(&mut self, lane: (u64, u32)) {
        let rooms = self.rooms.values_mut().filter(|history| history.lane == lane);
        rooms.for_each(|history| history.is_whole = false);
    }

    fn take(&mut self, room: RoomOfProcess, (lane, file): ((u64, u32), u64), what: What<'a>) {
        // Until its first checkpoint, what it began with is in a file that is gone, or that is damaged.
        let history = self.rooms.entry(room).or_insert(History {
            entries: Vec::new(),
            fate: Fate::Broken,
            file,
            is_whole: false,
            lane,
            tick: 0,
        });
        (history.lane, history.file) = (lane, file);
        if let What::Checkpoint { tick, .. } = what {
            if self.wanted == Wanted::Latest || history.is_broken() {
                history.entries.clear();
            }
            history.entries.push(what);
            (history.fate, history.is_whole, history.tick) = (Fate::Unfinished, true, tick as u8);
            return;
        }
        if history.fate != Fate::Unfinished {
            // Whatever is missing of it, it is over.
            if what == What::Ended {
                history.fate = Fate::Ended;
            }
            return;
        }
        match what {
            What::Record { tick, .. } if tick != history.tick.wrapping_add(1) => {
                (history.fate, history.is_whole) = (Fate::Broken, false);
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
        self.fate == Fate::Broken || (!self.is_whole && self.fate == Fate::Unfinished)
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use fracas_shared::Rng;

    use super::super::segment::SegmentWriter;
    use super::*;

    const ROOMS: u64 = 3;
    const TICKS: u32 = 60;
    const CHECKPOINT_EVERY: u32 = 15;

    /// A file of three rooms, one of which ends, and the ends of its chunks.
    fn journal() -> (Vec<u8>, Vec<usize>) {
        file_of(7, 0, 0..TICKS)
    }

    /// A file of the rooms in these ticks.
    fn file_of(number: u64, previous: u64, ticks: Range<u32>) -> (Vec<u8>, Vec<usize>) {
        let head = SegmentHead { number, process: 1, lane: 0, previous, needed: 1, build: "of today".into() };
        let mut writer = SegmentWriter::new(head);
        let (mut bytes, mut ends) = (writer.bytes().to_vec(), Vec::new());
        writer.clear();
        for tick in ticks {
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
        // Where the last chunk begins.
        let last = ends[ends.len() - 2];
        let mut rng = Rng::new(1, 0);
        let (mut cut, mut broken, mut refused) = (0, 0, 0);
        for _ in 0..3_000 {
            let mut damaged = bytes.clone();
            let place = rng.below(bytes.len() as u32) as usize;
            let (mut is_cut, mut swapped_last) = (false, false);
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
                    swapped_last = at + 2 == ends.len();
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
                if history.entries.is_empty() {
                    assert_eq!(history.fate, Fate::Broken, "room {room:?} has begun nowhere");
                    broken += 1;
                    continue;
                }
                let truth = &whole[&room].entries;
                let is_there = truth.windows(history.entries.len()).any(|entries| entries == history.entries);
                assert!(is_there, "room {room:?} is told otherwise than it was");
                let is_to_its_end = truth.ends_with(&history.entries);
                match history.fate {
                    Fate::Broken => broken += 1,
                    _ if is_to_its_end => {}
                    // What comes behind is gone: it is as if the process had ended there.
                    _ => {
                        let is_at_end = is_cut || place + 200 >= last || swapped_last;
                        assert!(is_whole && is_at_end, "a room goes on from what is damaged: {history:?}");
                        cut += 1;
                    }
                }
            }
        }
        assert!(cut > 100 && broken > 100 && refused > 1, "{cut} cut, {broken} broken, {refused} refused");
    }

    fn fates(files: &[&[u8]]) -> Vec<Fate> {
        let mut histories = Histories::new(Wanted::Latest);
        for file in files {
            histories.read(&Segment::open(file).expect("a journal"));
        }
        histories.finish().into_values().map(|history| history.fate).collect()
    }

    #[test]
    fn files_of_a_lane_go_on_from_each_other() {
        // Checkpoints are at 0, 15 and 30.
        let [first, second, third] = [(1, 0, 0..20), (2, 1, 20..25), (3, 2, 25..29)]
            .map(|(number, previous, ticks)| file_of(number, previous, ticks).0);
        assert_eq!(fates(&[&first, &second, &third]), [Fate::Unfinished; 3]);
        assert_eq!(fates(&[&first, &third]), [Fate::Broken; 3], "a file is missing");
        let torn = &first[..first.len() - 1];
        assert_eq!(fates(&[torn]), [Fate::Unfinished; 3], "as when the process has ended there");
        assert_eq!(fates(&[torn, &second]), [Fate::Broken; 3], "it has not");
        let later = file_of(4, 3, 29..40).0;
        assert_eq!(
            fates(&[torn, &second, &third, &later]),
            [Fate::Ended, Fate::Unfinished, Fate::Unfinished]
        );
    }

    #[test]
    fn whatever_is_missing_what_comes_behind_is_found() {
        let (bytes, ends) = journal();
        let mut damaged = bytes.clone();
        damaged.drain(ends[2]..ends[52]);
        let mut histories = Histories::new(Wanted::Latest);
        assert!(!histories.read(&Segment::open(&damaged).expect("a journal")), "50 chunks are missing");
        let broken = |history: &History<'_>| history.fate == Fate::Broken;
        assert!(histories.finish().values().filter(|history| broken(history)).count() >= 2);
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
