//! Matches that earlier processes left, and how this one goes on with them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::thread::{self, available_parallelism};
use std::time::{Duration, Instant, SystemTime};

use fracas_sim::journal::{Fate, Histories, History, Segment, SegmentHead, Wanted, What};
use fracas_sim::{Match, OptionsPatch, Viewers};
use thiserror::Error;
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use super::Rooms;
use super::catalog::Catalog;
use super::guard::guarded;
use super::hosted_room::{HostedRoom, KeptRoom, Note, load_kept, load_note};
use super::inbox::inbox;
use super::room_entry::Description;
use crate::config::SIM_THREADS_MAX;
use crate::journal::{Before, Downfalls, Journal, Listed, Unfinished};

/// A match that has taken down this many processes in a row is not gone on with any more.
const DOWNFALLS_MAX: u32 = 2;
/// A process that ended so many ticks after it had gone on with a match, in the middle of the work on it, was taken down by
/// it.
const SOON_TICKS: u32 = 120;

/// A match as an earlier process left it.
pub(super) struct Recovered {
    pub(super) game: Box<dyn Match>,
    pub(super) kept: KeptRoom,
    pub(super) viewers: Viewers,
    pub(super) patch: OptionsPatch,
}

/// A room as its journal has it.
struct Left<'a> {
    kept: KeptRoom,
    viewers: Viewers,
    /// The tick and the state of its last checkpoint, and what became of it since.
    tick: u32,
    state: &'a [u8],
    entries: Vec<What<'a>>,
    /// It is not known how it went on.
    is_broken: bool,
    /// How many processes in a row it has taken down.
    downfalls: u32,
}

/// What was gone on with.
#[derive(Default)]
struct All {
    rooms: usize,
    permanent: BTreeSet<&'static str>,
}

/// Why a room is not gone on with.
#[derive(Debug, Error)]
enum SetAside {
    #[error("its journal is damaged, and what became of it is not known")]
    Broken,
    #[error(
        "the server ended in the middle of the work on it, and did so again after it had gone on with it"
    )]
    Fallen,
    #[error("{0}")]
    Unreadable(String),
    #[error("its rules panicked when it was made again: {0}")]
    Panicked(String),
}

impl Rooms {
    /// Goes on with the matches that earlier processes left. Gives the games whose permanent rooms are among them.
    pub(super) async fn recover_all(&self, journal: &Journal) -> BTreeSet<&'static str> {
        let (rooms, journal) = (self.clone(), journal.clone());
        let began = Instant::now();
        let recovered = spawn_blocking(move || rooms.recover(&journal)).await;
        match recovered.map_err(io::Error::other).flatten() {
            Ok(recovered) => {
                if recovered.rooms > 0 {
                    let ms = began.elapsed().as_millis() as u64;
                    info!(rooms = recovered.rooms, ms, "matches go on from the journal");
                }
                recovered.permanent
            }
            Err(error) => {
                error!(%error, "the journal of earlier servers cannot be read: no match goes on from it");
                BTreeSet::new()
            }
        }
    }

    fn recover(&self, journal: &Journal) -> io::Result<All> {
        let (files, unfinished) = (needed(journal.folder().unfinished())?, journal.unfinished());
        let read: Vec<_> =
            files.iter().map(|file| Ok((file, fs::read(&file.path)?))).collect::<io::Result<_>>()?;
        let away = away_since(&files);
        let mut left = left_rooms(&read);
        count_downfalls(&mut left, journal);
        let threads = available_parallelism().map_or(1, usize::from).min(SIM_THREADS_MAX);
        let share = left.len().div_ceil(threads).max(1);
        let recovered: Vec<_> = thread::scope(|scope| {
            let work = |thread: usize, part: Vec<Left<'_>>| {
                let note = |room| journal.at_work().map(|at_work| at_work.set(thread, room));
                let restored = part.into_iter().map(|left| {
                    note(left.kept.origin);
                    let (id, game) = (left.kept.id.clone(), left.kept.game.clone());
                    let restored = left.restore(&self.0.catalog);
                    restored
                        .inspect_err(|reason| error!(room = id, game, %reason, "a room is not gone on with"))
                        .ok()
                });
                let restored: Vec<_> = restored.collect();
                note(0);
                restored
            };
            let mut left = left.into_iter();
            let parts = (0..threads).map(|_| left.by_ref().take(share).collect::<Vec<_>>());
            let working: Vec<_> =
                parts.enumerate().map(|(number, part)| scope.spawn(move || work(number, part))).collect();
            working.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
        });
        let mut all = All::default();
        for room in recovered.into_iter().flatten() {
            let permanent = self.0.catalog.id_of(&room.kept.game).ok().filter(|_| room.kept.is_permanent);
            if self.host_again(room, unfinished.another(), away) {
                all.rooms += 1;
                all.permanent.extend(permanent);
            }
        }
        if let Some(at_work) = journal.at_work() {
            at_work.serve();
        }
        unfinished.settle();
        Ok(all)
    }

    /// Lets a match go on that was made again, which nobody has seen for so long. Whether there is a place for it.
    fn host_again(&self, recovered: Recovered, unfinished: Unfinished, away: Duration) -> bool {
        let Recovered { game, kept, viewers, patch } = recovered;
        let Ok(id) = self.0.catalog.id_of(&kept.game) else { return false };
        let place = match self.0.directory.claim_place() {
            Ok(place) => place,
            Err(refusal) => {
                error!(room = kept.id, game = id, %refusal, "a room is not gone on with");
                return false;
            }
        };
        let (inbox, requests) = inbox();
        let joined = game.joined(None, 0);
        let description = Description {
            game: id,
            options: kept.options.clone(),
            seats: joined.seats,
            tick_hz: joined.tick_hz,
            linger_s: joined.linger_s,
            metadata: patch.metadata,
            password: patch.password,
            is_private: patch.private,
            is_locked: kept.is_locked,
            thread: self.0.threads.least_loaded(),
        };
        let (entry, reservations) =
            self.0.directory.add_again(place, description, inbox, &kept.id, kept.guests.len() as u16);
        info!(
            room = entry.id,
            game = id,
            tick = game.now().0,
            players = kept.guests.len(),
            "room goes on from the journal"
        );
        let guests = (kept, viewers, reservations);
        let room = HostedRoom::again(entry, game, requests, guests, unfinished, &self.0.metrics, away);
        self.0.threads.add(room);
        true
    }
}

impl Left<'_> {
    /// Makes the match what it was.
    fn restore(self, catalog: &Catalog) -> Result<Recovered, SetAside> {
        let Self { mut kept, mut viewers, state, entries, is_broken, downfalls, .. } = self;
        if is_broken {
            return Err(SetAside::Broken);
        }
        if downfalls >= DOWNFALLS_MAX {
            return Err(SetAside::Fallen);
        }
        let unreadable = |error: &dyn std::fmt::Display| SetAside::Unreadable(error.to_string());
        let patch = OptionsPatch::from_json(&kept.options).map_err(|error| unreadable(&error))?;
        let made = guarded(|| {
            let mut game = catalog.restore(&kept.game, state).map_err(|error| unreadable(&error))?;
            for entry in &entries {
                match entry {
                    What::Record { record, .. } => {
                        game.replay_unseen(record, &mut viewers).map_err(|error| unreadable(&error))?;
                        // What came of it is noted.
                        drop(game.take_removals());
                        if let Some(is_locked) = game.take_lock() {
                            kept.is_locked = is_locked;
                        }
                    }
                    What::Host(note) => {
                        let note = load_note(note).map_err(|error| unreadable(&error))?;
                        kept.follow(note, &mut viewers);
                    }
                    What::Checkpoint { .. } | What::Ended => {}
                }
            }
            Ok(game)
        });
        let game = made.map_err(SetAside::Panicked)??;
        Ok(Recovered { game, kept, viewers, patch })
    }

    /// Whether it can be what ended the process before, which was working on it.
    fn is_blamed(&self, before: &Before) -> bool {
        let records = self.entries.iter().filter(|entry| matches!(entry, What::Record { .. })).count() as u32;
        let lived = (self.tick + records).saturating_sub(self.kept.since);
        let is_soon = self.kept.since > 0 && lived < SOON_TICKS;
        before.rooms.contains(&self.kept.origin) && (before.is_certain || is_soon)
    }
}

impl KeptRoom {
    fn follow(&mut self, note: Note, viewers: &mut Viewers) {
        match note {
            Note::Came(guest) => {
                viewers.add_away(guest.player);
                self.guests.push(guest);
            }
            Note::Went(player) => {
                if let Some(place) = viewers.iter().position(|viewer| viewer.player() == Some(player)) {
                    viewers.swap_remove(place);
                }
                self.guests.retain(|guest| guest.player != player);
            }
            Note::Told { to, message } => viewers.tell(to, &message.into()),
            Note::Banned(identity) => self.bans.push(identity),
        }
    }
}

/// Those of the files that it takes to go on with rooms, as the last file of each lane has it; and those of which that is
/// not known.
fn needed(files: Vec<Listed>) -> io::Result<Vec<Listed>> {
    let mut lanes = BTreeMap::new();
    let mut all = Vec::new();
    for file in files {
        let mut begin = Vec::new();
        File::open(&file.path)?.take(SegmentHead::BYTES_MAX as u64).read_to_end(&mut begin)?;
        let lane = Segment::open(&begin).ok().map(|segment| {
            let SegmentHead { process, lane, needed, .. } = *segment.head();
            lanes.insert((process, lane), needed);
            (process, lane)
        });
        all.push((lane, file));
    }
    all.retain(|(lane, file)| lane.is_none_or(|lane| file.number >= lanes[&lane]));
    Ok(all.into_iter().map(|(_, file)| file).collect())
}

/// The rooms that did not end, in the last process that had each, as far as can be told.
fn left_rooms<'a>(files: &'a [(&Listed, Vec<u8>)]) -> Vec<Left<'a>> {
    let mut histories = Histories::new(Wanted::Latest);
    for (file, bytes) in files {
        match Segment::open(bytes) {
            Ok(segment) => {
                if !histories.read(&segment) {
                    warn!(path = %file.path.display(), "a file of the journal is damaged");
                }
            }
            // One that was made and not written to.
            Err(_) if bytes.is_empty() => {}
            Err(error) => error!(path = %file.path.display(), %error, "a file of the journal cannot be read"),
        }
    }
    let mut histories: Vec<_> = histories.finish().into_values().collect();
    histories.sort_by_key(|history| history.file);
    let mut rooms = BTreeMap::new();
    for History { entries, fate, .. } in histories {
        let mut entries = entries.into_iter();
        let Some(What::Checkpoint { tick, host, state, .. }) = entries.next() else {
            if fate != Fate::Ended {
                error!(
                    "a room is not gone on with: what it goes on from is in a file that is gone or damaged"
                );
            }
            continue;
        };
        match load_kept(host) {
            Ok((kept, viewers)) => {
                let (origin, is_broken) = (kept.origin, fate == Fate::Broken);
                let entries = entries.collect();
                let left = Left { kept, viewers, tick, state, entries, is_broken, downfalls: 0 };
                rooms.insert(origin, (fate, left));
            }
            Err(error) => error!(%error, "a room is not gone on with: what was kept of it cannot be read"),
        }
    }
    rooms.into_values().filter(|(fate, _)| *fate != Fate::Ended).map(|(_, left)| left).collect()
}

/// Counts which of them have taken down the processes that had them.
fn count_downfalls(rooms: &mut [Left<'_>], journal: &Journal) {
    let mut downfalls = Downfalls::read(journal.folder());
    for left in rooms {
        let is_blamed = left.is_blamed(journal.before());
        left.downfalls = downfalls.count(left.kept.origin, is_blamed);
    }
    // Before any of them is touched: the next process is to know when this one does not get over it.
    if let Err(error) = downfalls.keep(journal.folder()) {
        warn!(%error, "a match that takes the server down again will not be known by it");
    }
}

/// For how long nobody has written to the files.
fn away_since(files: &[Listed]) -> Duration {
    let written = files.iter().filter_map(|file| fs::metadata(&file.path).ok()?.modified().ok()).max();
    let away = written.and_then(|written| SystemTime::now().duration_since(written).ok());
    away.unwrap_or_default()
}

#[cfg(test)]
mod tests;
