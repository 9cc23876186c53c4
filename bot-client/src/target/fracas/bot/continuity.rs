//! Whether a match goes on for a bot that comes back.

use std::time::Instant;

use fracas_client::Event;
use fracas_shared::{Pilot, PlayerId, Seen, Tick};

use super::{Bot, Stay};
use crate::player::Turn;
use crate::times::Time;

/// What a bot saw last, before its connection was gone.
pub(super) struct LastSeen {
    room: String,
    player: Option<PlayerId>,
    tick: Tick,
    score: Option<i32>,
    at: Option<Instant>,
    /// Whether the seat was looked at since, and the score is still to be.
    is_back: bool,
}

impl<G: Pilot> Bot<G> {
    /// Keeps what the bot saw in the stay that ends.
    pub(super) fn note_last_seen(&mut self) {
        let Some(stay) = &self.stay else { return };
        // A stay without an update has nothing that is newer.
        if stay.last_update.is_some() || self.last_seen.is_none() {
            self.last_seen = Some(LastSeen {
                room: stay.joined.room.clone(),
                player: stay.player,
                tick: stay.newest,
                score: stay.score(),
                at: stay.last_update,
                is_back: false,
            });
        }
    }

    /// Scores count anew in another match.
    pub(super) fn note_match(&mut self, event: &Event) {
        if let (Event::MatchBegan { .. }, Some(last)) = (event, &mut self.last_seen) {
            last.score = None;
        }
    }

    /// Whether the seat that was taken up again is the one it had, in a match that has not gone back.
    pub(super) fn check_seat(&mut self, turn: &mut Turn<'_>) {
        let (Some(stay), Some(last)) = (&self.stay, &mut self.last_seen) else { return };
        last.is_back = true;
        let is_same = stay.joined.room == last.room && stay.player == last.player;
        if !is_same || stay.joined_tick.since(last.tick) < 0 {
            let now = place(&stay.joined.room, stay.player, stay.joined_tick);
            let message =
                format!("came back to {now}, and was in {}", place(&last.room, last.player, last.tick));
            // Of another moment or seat, it tells nothing more.
            last.score = None;
            self.lose_continuity(&message, turn);
        }
    }

    /// Whether the score is what it was, or more, with the first state after the return.
    pub(super) fn check_score(&mut self, turn: &mut Turn<'_>) {
        let Some(last) = self.last_seen.take_if(|last| last.is_back) else { return };
        if let Some(at) = last.at.filter(|_| self.lane.common.is_measured()) {
            turn.record.note(Time::Away, turn.now - at);
        }
        let score = self.stay.as_ref().and_then(Stay::score);
        if let Some(before) = last.score
            && score.is_none_or(|score| score < before)
        {
            self.lose_continuity(&format!("the score was {before}, and is {score:?}"), turn);
        }
    }

    fn lose_continuity(&mut self, message: &str, turn: &mut Turn<'_>) {
        turn.record.counts.continuity_lost += 1;
        self.accuse("match_not_gone_on", 1, message, turn);
    }
}

/// Where somebody is, in words.
fn place(room: &str, player: Option<PlayerId>, Tick(tick): Tick) -> String {
    match player {
        Some(PlayerId(seat)) => format!("seat {seat} of room {room} at tick {tick}"),
        None => format!("room {room} at tick {tick}, watching"),
    }
}

impl<G: Pilot> Stay<G> {
    /// The score that the bot's screen shows.
    fn score(&self) -> Option<i32> {
        let (me, scene) = (self.player?, self.scene.as_ref()?);
        let seen = Seen {
            tick: self.newest,
            tick_hz: self.joined.tick_hz,
            me,
            own: self.own.as_ref(),
            views: &scene.views,
        };
        G::score(&seen)
    }
}
