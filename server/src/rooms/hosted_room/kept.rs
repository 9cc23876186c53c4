//! What a room writes into the journal, besides the match.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use fracas_shared::codec::{DecodeError, StateReader, StateWriter};
use fracas_shared::{PlayerId, State, Tick};
use fracas_sim::journal::{Entry, What};
use fracas_sim::{Audience, Viewers};
use tracing::warn;

use super::{HostedRoom, RoomFailure};
use crate::journal::{LogBuffers, Unfinished};
use crate::rooms::inbox::Identity;

/// What is kept of a room, so that another process can host it.
#[derive(Debug, State)]
pub(in crate::rooms) struct KeptRoom {
    /// Drawn at its opening: the same in all processes that host it.
    pub(in crate::rooms) origin: u64,
    pub(in crate::rooms) id: String,
    pub(in crate::rooms) game: String,
    /// The options that it was opened with, as JSON.
    pub(in crate::rooms) options: String,
    pub(in crate::rooms) is_permanent: bool,
    pub(in crate::rooms) is_locked: bool,
    /// The tick at which the process that wrote this went on with it; 0 when it opened it.
    pub(in crate::rooms) since: u32,
    pub(in crate::rooms) guests: Vec<KeptGuest>,
    /// Identities, the earliest first.
    pub(in crate::rooms) bans: Vec<Arc<str>>,
}

/// What is kept of a player.
#[derive(Clone, Debug, State)]
pub(in crate::rooms) struct KeptGuest {
    pub(in crate::rooms) player: PlayerId,
    pub(in crate::rooms) identity: Arc<str>,
}

/// What became of a room that is no matter of the match, in the order in which it did.
#[derive(Debug, State)]
pub(in crate::rooms) enum Note {
    /// Somebody has come to a seat.
    Came(KeptGuest),
    /// Somebody has gone for good.
    Went(PlayerId),
    /// The room's host has told something.
    Told { to: Audience, message: Vec<u8> },
    /// Somebody may not come back.
    Banned(Arc<str>),
}

/// What a room is about to write.
pub(super) struct RoomLog {
    /// As it was at the last checkpoint.
    kept: KeptRoom,
    /// What became of it since the last tick, and how much of that before the tick that was made since.
    notes: Vec<Note>,
    before_tick: usize,
    /// The generation of the journal in which it has a checkpoint, and how many ticks ago that was made.
    begun: Option<u32>,
    since_checkpoint: u32,
    /// The last tick that was written.
    written: Tick,
    /// Its state was longer than a checkpoint may be: it cannot be gone on with.
    is_too_long: bool,
    /// Its part of what earlier processes left, until it is written.
    unfinished: Option<Unfinished>,
}

/// Ticks from one checkpoint to the next, in parts of a second.
const CHECKPOINTS_PER_S: u32 = 1;

impl RoomLog {
    /// That of a room that this process has from now on, and what tells it from all others.
    pub(super) fn new(room: &HostedRoom, origin: u64, unfinished: Option<Unfinished>) -> Self {
        let (HostedRoom { entry, .. }, since) = (room, room.game.now());
        let kept = KeptRoom {
            origin,
            id: entry.id.clone(),
            game: entry.game.to_owned(),
            options: entry.options.clone(),
            is_permanent: room.is_permanent(),
            is_locked: false,
            since: since.0,
            guests: Vec::new(),
            bans: Vec::new(),
        };
        Self {
            kept,
            notes: Vec::new(),
            before_tick: 0,
            begun: None,
            since_checkpoint: 0,
            written: since,
            is_too_long: false,
            unfinished,
        }
    }

    fn is_checkpoint_due(&self, tick_hz: u16) -> bool {
        self.since_checkpoint * CHECKPOINTS_PER_S >= u32::from(tick_hz)
    }
}

impl HostedRoom {
    /// Takes note of what is no matter of the match.
    pub(super) fn note(&mut self, note: impl FnOnce() -> Note) {
        // A checkpoint that is still to be made has it.
        if let Some(log) = self.log.as_mut().filter(|log| log.begun.is_some()) {
            log.notes.push(note());
        }
    }

    /// All that was noted until now belongs before the tick that is made now.
    pub(super) fn begin_tick(&mut self) {
        if let Some(log) = &mut self.log {
            log.before_tick = log.notes.len();
        }
    }

    /// Whether it has to begin with a checkpoint in this generation before its next tick.
    pub(in crate::rooms) fn is_log_to_begin(&self, generation: u32) -> bool {
        self.log.as_ref().is_some_and(|log| {
            log.begun != Some(generation) && (!log.is_too_long || log.is_checkpoint_due(self.entry.tick_hz))
        })
    }

    /// Appends the checkpoint that it begins with in this generation, if it can be gone on with. The rules save their
    /// state in it.
    pub(in crate::rooms) fn begin_log(
        &mut self,
        generation: u32,
        out: &mut LogBuffers,
    ) -> Result<bool, RoomFailure> {
        if let Some(log) = &mut self.log {
            // What was noted for another generation is in the checkpoint.
            log.notes.clear();
        }
        let is_begun = self.guarded(|room| room.put_checkpoint(generation, out))?;
        if let Some(log) = &mut self.log {
            // Rooms that begin together do not all make their next one in the same tick.
            log.since_checkpoint = (log.kept.origin % u64::from(self.entry.tick_hz)) as u32;
        }
        Ok(is_begun)
    }

    /// Takes note of a tick; whether it is to be written in this generation.
    pub(in crate::rooms) fn is_log_to_go_on(&mut self, generation: u32) -> bool {
        self.log.as_mut().is_some_and(|log| {
            log.since_checkpoint += 1;
            log.begun == Some(generation)
        })
    }

    /// Appends what is to be written of the tick that was made. Gives whether the room can be gone on with from it alone.
    pub(in crate::rooms) fn write_log(
        &mut self,
        generation: u32,
        out: &mut LogBuffers,
    ) -> Result<bool, RoomFailure> {
        let tick_hz = self.entry.tick_hz;
        let is_due = self.log.as_ref().is_some_and(|log| log.is_checkpoint_due(tick_hz));
        self.guarded(|room| {
            room.put_tick(out);
            is_due && room.put_checkpoint(generation, out)
        })
    }

    /// Nothing is written of it any more, until it begins with a checkpoint.
    pub(in crate::rooms) fn rest(&mut self) {
        if let Some(log) = &mut self.log {
            log.begun = None;
            log.notes.clear();
        }
    }

    /// What tells it from all other rooms, in whatever process; 0 when nothing is written of it.
    pub(in crate::rooms) fn origin(&self) -> u64 {
        self.log.as_ref().map_or(0, |log| log.kept.origin)
    }

    /// Whether another process had it, and this one has not made a tick of it yet.
    pub(in crate::rooms) fn is_overdue(&self) -> bool {
        self.log.as_ref().is_some_and(|log| log.unfinished.is_some())
    }

    /// Its part of what earlier processes left, if that is not written yet.
    pub(in crate::rooms) fn take_unfinished(&mut self) -> Option<Unfinished> {
        self.log.as_mut()?.unfinished.take()
    }

    /// What is to be written last of a room that has failed: the tick in which it did, if that reached the rules, so that
    /// they do it again for whoever looks for the fault; and that it ended.
    pub(in crate::rooms) fn last_entries(&mut self) -> Option<Vec<u8>> {
        let (room, tick) = (self.entry.number, self.game.now());
        let log = self.log.as_mut()?;
        let has_record = log.begun.is_some() && tick == log.written.next();
        let (mut entries, mut record) = (Vec::new(), Vec::new());
        if has_record && self.guarded(|room| room.game.write_record(&mut record)).is_ok() {
            put(&mut entries, room, What::Record { tick: tick.0 as u8, record: &record });
        }
        put(&mut entries, room, What::Ended);
        Some(entries)
    }

    /// Appends the tick that was made, and what became of the room before and after it.
    fn put_tick(&mut self, LogBuffers { entries, state, host }: &mut LogBuffers) {
        let Self { log, game, entry, .. } = self;
        let Some(log) = log else { return };
        let (room, tick) = (entry.number, game.now());
        log.written = tick;
        state.clear();
        game.write_record(state);
        let (before, after) = log.notes.split_at(log.before_tick.min(log.notes.len()));
        put_notes(entries, room, before, host);
        put(entries, room, What::Record { tick: tick.0 as u8, record: state });
        put_notes(entries, room, after, host);
        log.notes.clear();
    }

    /// Appends a checkpoint; false when the state is too long for one, and then it is not to be gone on with.
    fn put_checkpoint(
        &mut self,
        generation: u32,
        LogBuffers { entries, state, host }: &mut LogBuffers,
    ) -> bool {
        let Self { log, game, guests, bans, entry, .. } = self;
        let Some(log) = log else { return false };
        let (room, tick) = (entry.number, game.now());
        log.since_checkpoint = 0;
        state.clear();
        let Some(hash) = game.begin_records(state) else {
            if !mem::replace(&mut log.is_too_long, true) {
                warn!(
                    room = entry.id,
                    "its state is too long for the journal: it is lost when the server ends"
                );
            }
            // What there is of it is soon out of date.
            put(entries, room, What::Ended);
            log.begun = None;
            return false;
        };
        let kept = &mut log.kept;
        kept.is_locked = entry.is_locked.load(Ordering::Relaxed);
        kept.guests.clear();
        kept.guests.extend(guests.kept());
        kept.bans.clear();
        kept.bans.extend(bans.list());
        host.clear();
        let mut out = StateWriter::new(host);
        kept.save(&mut out);
        guests.viewers().save(&mut out);
        put(entries, room, What::Checkpoint { tick: tick.0, host, hash, state });
        (log.begun, log.written, log.is_too_long) = (Some(generation), tick, false);
        true
    }
}

fn put_notes(entries: &mut Vec<u8>, room: u64, notes: &[Note], bytes: &mut Vec<u8>) {
    for note in notes {
        bytes.clear();
        note.save(&mut StateWriter::new(bytes));
        put(entries, room, What::Host(bytes));
    }
}

fn put(entries: &mut Vec<u8>, room: u64, what: What<'_>) {
    Entry { room, what }.put(entries);
}

/// Reads what a checkpoint keeps of a room, and what its players were told.
pub(in crate::rooms) fn load_kept(host: &[u8]) -> Result<(KeptRoom, Viewers), DecodeError> {
    let mut from = StateReader::new(host);
    let kept = (State::load(&mut from)?, State::load(&mut from)?);
    if from.is_at_end() {
        Ok(kept)
    } else {
        Err(DecodeError::Malformed("bytes after what is kept of a room".into()))
    }
}

/// Reads a note.
pub(in crate::rooms) fn load_note(bytes: &[u8]) -> Result<Note, DecodeError> {
    let mut from = StateReader::new(bytes);
    let note = Note::load(&mut from)?;
    if from.is_at_end() { Ok(note) } else { Err(DecodeError::Malformed("bytes after a note".into())) }
}

impl KeptGuest {
    pub(in crate::rooms) fn new(player: PlayerId, identity: &Identity) -> Self {
        Self { player, identity: identity.clone() }
    }
}
