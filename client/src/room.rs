//! The room that a session is in.

use std::collections::BTreeMap;
use std::sync::Arc;

use fracas_shared::frame::{FrameCodec, FrameError};
use fracas_shared::limits::{SEATS_MAX, TICK_HZ_MAX, WIRE_ID_QUARANTINE_TICKS};
use fracas_shared::message::{Joined, RoomWanted, RosterEntry};
use fracas_shared::packet::{EventsHead, LooseRow, OwnHead, PacketError};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{PlayerId, Tick};

use crate::clock::InputClock;
use crate::codecs::Codecs;
use crate::error::SessionError;
use crate::event::{Frame, GameEvents};
use crate::limits::FRAMES_LOST_IN_A_ROW_MAX;
use crate::shared_frames::SharedFrames;

/// The room that a session is in, as far as the server has told.
#[derive(Debug)]
pub struct Room {
    joined: Arc<Joined>,
    codecs: Arc<Codecs>,
    roster: BTreeMap<PlayerId, RosterEntry>,
    /// The baseline of the next delta.
    newest: Option<Arc<Snapshot>>,
    needs_keyframe: bool,
    lost_in_a_row: u32,
    own_head: OwnHead,
    own: Option<Arc<LooseRow>>,
    /// What that was made of.
    own_bytes: Vec<u8>,
    /// It is not made of that yet.
    is_own_waiting: bool,
    defers_own: bool,
    shared_frames: Option<Arc<SharedFrames>>,
    /// Reliable messages in this seat so far.
    received: u32,
    /// The latest try to take the seat up again.
    attempt: u32,
    pub(crate) clock: InputClock,
}

/// What became of a frame.
pub(crate) enum Taken {
    Frame(Frame),
    /// It cannot be decoded; a keyframe is needed.
    Lost(FrameError),
    /// It builds on one that was lost.
    PassedOver,
}

impl Room {
    /// The room of this answer. `known` are the codecs that the client was built with or has from
    /// before; with `is_typed` no others will do.
    pub(crate) fn new(
        mut joined: Joined,
        known: Option<&Arc<Codecs>>,
        is_typed: bool,
    ) -> Result<Self, SessionError> {
        if joined.seats > SEATS_MAX || joined.player.is_some_and(|player| player >= joined.seats) {
            return Err(SessionError::BadRoom("the seat is none of the room's"));
        }
        if !(1..=TICK_HZ_MAX).contains(&joined.tick_hz) {
            return Err(SessionError::BadRoom("no allowed tick rate"));
        }
        let codecs = codecs_of(&mut joined, known, is_typed)?;
        let roster = joined.roster.iter().map(|entry| (PlayerId(entry.player), entry.clone())).collect();
        Ok(Self {
            clock: InputClock::new(joined.tick_hz),
            received: joined.resumed.map_or(0, |resumed| resumed.received),
            attempt: joined.resumed.map_or(0, |resumed| resumed.attempt),
            joined: Arc::new(joined),
            codecs,
            roster,
            newest: None,
            needs_keyframe: false,
            lost_in_a_row: 0,
            own_head: OwnHead { input_tick: Tick(0), input_margin: None, has_row: false },
            own: None,
            own_bytes: Vec::new(),
            is_own_waiting: false,
            defers_own: false,
            shared_frames: None,
        })
    }

    /// What the server said when the client joined; without the schema, which is in
    /// [`Room::codecs`].
    pub fn joined(&self) -> &Arc<Joined> {
        &self.joined
    }

    /// What takes the seat up again after the connection was lost, on this device or another one;
    /// none for who only watches. Whoever has it has the seat: keep it secret.
    pub fn resume_token(&self) -> Option<&str> {
        Some(self.joined.resume_token.as_str()).filter(|token| !token.is_empty())
    }

    /// The request that takes the seat up again, so that nothing is missed that can be had. Each is
    /// good for one try.
    pub fn resume_request(&mut self) -> Option<RoomWanted> {
        let token = self.resume_token()?.to_owned();
        self.attempt += 1;
        Some(RoomWanted::Resume { token, received: Some(self.received), attempt: Some(self.attempt) })
    }

    /// Decodes frames together with the sessions that were given the same, which must be in the same room.
    pub fn share_frames(&mut self, shared: Arc<SharedFrames>) {
        self.shared_frames = Some(shared);
    }

    /// Reads what the player alone sees when it is asked for by [`Room::own`], and not with each frame: for
    /// who looks at few of them. Frames do not have it.
    pub fn defer_own(&mut self) {
        self.defers_own = true;
    }

    /// What the player alone sees, newest; none when there is nothing.
    pub fn own(&mut self) -> Result<Option<Arc<LooseRow>>, PacketError> {
        if std::mem::take(&mut self.is_own_waiting) {
            // Into the memory of the last one, if nobody holds that.
            let mut row = self.own.take().unwrap_or_default();
            self.codecs.rows.own.decode_into(&self.own_bytes, Arc::make_mut(&mut row))?;
            self.own = Some(row);
        }
        Ok(self.own.clone())
    }

    /// Whether what the player alone sees is another one than [`Room::own`] gave last.
    pub fn has_new_own(&self) -> bool {
        self.is_own_waiting
    }

    /// Counts one of the room's reliable messages.
    pub(crate) fn count_reliable(&mut self) {
        self.received = self.received.wrapping_add(1);
    }

    /// The room's schema and codecs.
    pub fn codecs(&self) -> &Arc<Codecs> {
        &self.codecs
    }

    /// Everyone in the room now, by seat.
    pub fn roster(&self) -> impl ExactSizeIterator<Item = &RosterEntry> {
        self.roster.values()
    }

    /// The newest state; none before the first frame.
    pub fn newest(&self) -> Option<&Arc<Snapshot>> {
        self.newest.as_ref()
    }

    /// How inputs are stamped.
    pub fn clock(&self) -> &InputClock {
        &self.clock
    }

    pub(crate) fn player_joined(&mut self, entry: &RosterEntry) -> Result<(), SessionError> {
        if entry.player >= self.joined.seats {
            return Err(SessionError::BadRoom("a player's seat is none of the room's"));
        }
        self.roster.insert(PlayerId(entry.player), entry.clone());
        Ok(())
    }

    pub(crate) fn player_away(&mut self, player: PlayerId, is_away: bool) {
        if let Some(entry) = self.roster.get_mut(&player) {
            entry.is_away = is_away;
        }
    }

    pub(crate) fn player_left(&mut self, player: PlayerId) {
        self.roster.remove(&player);
    }

    /// Takes an own message: it tells of the frame that follows.
    pub(crate) fn take_own(&mut self, bytes: &[u8]) -> Result<(), PacketError> {
        let (head, row) = OwnHead::read(bytes)?;
        if head.has_row {
            // Mostly it is what it was.
            if self.own_bytes != row || (self.own.is_none() && !self.is_own_waiting) {
                self.own_bytes.clear();
                self.own_bytes.extend_from_slice(row);
                self.is_own_waiting = true;
            }
            if !self.defers_own {
                self.own()?;
            }
        } else if !row.is_empty() {
            return Err(PacketError::LeftOver);
        }
        self.own_head = head;
        Ok(())
    }

    pub(crate) fn take_events(&self, bytes: &[u8]) -> Result<GameEvents, PacketError> {
        let (head, rows) = EventsHead::read(bytes)?;
        let rows = self.codecs.rows.events.decode_many(rows, head.count)?;
        Ok(GameEvents { tick: head.tick, rows })
    }

    /// Takes a frame; the error is for frame after frame that is lost.
    pub(crate) fn take_frame(&mut self, bytes: &[u8]) -> Result<Taken, SessionError> {
        if self.needs_keyframe && FrameCodec::peek(bytes, Tick(0)).is_ok_and(|head| head.baseline.is_some()) {
            return Ok(Taken::PassedOver);
        }
        let views = &self.codecs.views;
        let decoded = match &self.shared_frames {
            Some(shared) => shared.decode(views, self.newest.as_ref(), bytes),
            None => views.decode(self.newest.as_deref(), bytes).map(Arc::new),
        };
        match decoded {
            Ok(snapshot) => Ok(Taken::Frame(self.show(snapshot))),
            Err(error) => {
                self.needs_keyframe = true;
                self.lost_in_a_row += 1;
                if self.lost_in_a_row >= FRAMES_LOST_IN_A_ROW_MAX {
                    return Err(SessionError::Undecodable(error));
                }
                Ok(Taken::Lost(error))
            }
        }
    }

    fn show(&mut self, snapshot: Arc<Snapshot>) -> Frame {
        let tick = snapshot.tick();
        let is_continuous = self
            .newest
            .as_ref()
            .is_some_and(|newest| (1..=WIRE_ID_QUARANTINE_TICKS as i32).contains(&tick.since(newest.tick())));
        self.newest = Some(snapshot.clone());
        self.needs_keyframe = false;
        self.lost_in_a_row = 0;
        let input_tick = Some(self.own_head.input_tick).filter(|tick| *tick != Tick(0));
        if let Some(margin) = self.own_head.input_margin {
            self.clock.report(tick, margin);
        }
        Frame {
            snapshot,
            own: self.own.as_ref().filter(|_| !self.defers_own).cloned(),
            input_tick,
            input_margin: self.own_head.input_margin,
            is_continuous,
        }
    }
}

fn codecs_of(
    joined: &mut Joined,
    known: Option<&Arc<Codecs>>,
    is_typed: bool,
) -> Result<Arc<Codecs>, SessionError> {
    let sent = joined.schema.take();
    if let Some(known) = known {
        if is_typed && known.schema().game != joined.game {
            return Err(SessionError::OtherGame {
                room: joined.room.clone(),
                wanted: known.schema().game.clone(),
                got: joined.game.clone(),
            });
        }
        if known.hash() == joined.schema_hash {
            return Ok(known.clone());
        }
        if is_typed {
            return Err(SessionError::WrongRules {
                game: joined.game.clone(),
                ours: known.hash(),
                theirs: joined.schema_hash,
            });
        }
    }
    let json = sent.ok_or_else(|| SessionError::NoSchema(joined.game.clone()))?;
    Ok(Codecs::from_json(&json)?)
}
