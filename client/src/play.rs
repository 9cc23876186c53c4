//! Playing without feeling the line: one's own player ahead, others behind, both smooth.

use std::time::Duration;

use fracas_shared::packet::LooseRow;
use fracas_shared::row::RowError;
use fracas_shared::{EntityId, PlayerId, Predict, Row, Seen, Tick, ViewTime};

use crate::error::{PlayError, RulesError};
use crate::event::Event;
use crate::interpolation::Interpolation;
use crate::play_clock::PlayClock;
use crate::prediction::Prediction;
use crate::replica::{Replica, Update};

/// A match as its player sees and plays it, without I/O.
///
/// It takes the session's events by [`Play::handle`]. For each frame that is drawn,
/// [`Play::advance`] gives the inputs that are due, to be sent by
/// [`Session::send_stamped`](crate::Session::send_stamped), and [`Play::show`] what to draw. `now` is
/// the same as the session's.
pub struct Play<G: Predict> {
    rules: G,
    replica: Replica<G>,
    clock: PlayClock,
    interpolation: Interpolation,
    prediction: Prediction<G>,
    /// All but what is predicted, as last shown.
    others: Vec<(EntityId, G::View)>,
}

/// For which tick an input is due, and what the player's screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The tick in whose step it is meant to be used.
    pub tick: Tick,
    /// The moment at which others were last shown.
    pub view_time: Option<ViewTime>,
}

/// What to draw.
pub struct Scene<'a, G: Predict> {
    /// What is predicted, the own entity first; empty while there is nothing to predict. Without an id
    /// is what the server has not shown yet.
    pub own: Vec<(Option<EntityId>, G::View)>,
    /// All others, by id.
    pub others: &'a [(EntityId, G::View)],
    /// The moment at which the others are shown; none before the first frame.
    pub time: Option<ViewTime>,
}

impl<G: Predict> Play<G> {
    /// A match in which the replica's room is played.
    ///
    /// # Errors
    /// The rules cannot be had from the room's config.
    pub fn new(replica: Replica<G>) -> Result<Self, RulesError> {
        let tick_hz = replica.joined().tick_hz;
        Ok(Self {
            rules: replica.rules()?,
            replica,
            clock: PlayClock::new(tick_hz),
            interpolation: Interpolation::new(tick_hz),
            prediction: Prediction::new(),
            others: Vec::new(),
        })
    }

    /// The match as the server has told it.
    pub fn replica(&self) -> &Replica<G> {
        &self.replica
    }

    /// The room's rules.
    pub fn rules(&self) -> &G {
        &self.rules
    }

    /// The clock of the player.
    pub fn clock(&self) -> &PlayClock {
        &self.clock
    }

    /// The moment at which others are shown.
    pub fn interpolation(&self) -> &Interpolation {
        &self.interpolation
    }

    /// The own player's part.
    pub fn prediction(&self) -> &Prediction<G> {
        &self.prediction
    }

    /// Takes an event of the session. Events of the match that were foretold are left out of the
    /// answer, for they were shown already.
    ///
    /// # Errors
    /// The server sent a row that it should not have, or another room's config that is none.
    pub fn handle(&mut self, now: Duration, event: Event) -> Result<Update<G>, PlayError> {
        match &event {
            Event::Frame(frame) => {
                self.interpolation.hear(frame);
                self.clock.hear(now, frame.snapshot.tick(), frame.input_margin);
            }
            // Another connection: another way, and other ids; the room may be another one as well.
            Event::Joined(joined) => {
                if joined.config != self.replica.joined().config {
                    self.rules = Replica::new(joined.clone()).rules()?;
                }
                self.clock = PlayClock::new(joined.tick_hz);
                self.interpolation = Interpolation::new(joined.tick_hz);
                self.prediction = Prediction::new();
                self.others.clear();
            }
            _ => {}
        }
        let mut update = self.replica.apply(event)?;
        match &mut update {
            Update::Frame { .. } => {
                if let Some(server) = self.replica.seen() {
                    let others = Seen { views: &self.others, own: None, ..server };
                    self.prediction.correct(&self.rules, now, &server, &others);
                }
            }
            Update::Events { tick, list } => {
                list.retain(|event| !self.prediction.confirm(*tick, event));
            }
            Update::Other(_) => {}
        }
        Ok(update)
    }

    /// Moves the own player on to now with the input that the player holds, and gives for which ticks
    /// it is due, oldest first: each is to be sent. Nothing for who only watches.
    pub fn advance(&mut self, now: Duration, input: &G::Input) -> Vec<Stamp> {
        let Some(me) = self.replica.player() else { return Vec::new() };
        let input = &as_sent(input);
        let view_time = self.interpolation.time();
        let due: Vec<_> = self.clock.advance(now).collect();
        for tick in due.iter().copied() {
            let seen = seen(&self.others, me, tick, self.replica.joined().tick_hz);
            self.prediction.advance(&self.rules, tick, input, &seen);
            self.clock.note_sent(now, tick);
        }
        due.into_iter().map(|tick| Stamp { tick, view_time }).collect()
    }

    /// What to draw now. `input` is what the player holds, so that the own entity answers at once.
    ///
    /// # Errors
    /// The server sent a row that it should not have.
    pub fn show(&mut self, now: Duration, input: &G::Input) -> Result<Scene<'_, G>, RowError> {
        let input = &as_sent(input);
        let time = self.interpolation.advance(now, self.clock.server());
        self.others = self.interpolation.views()?;
        let mut own = Vec::new();
        if let Some(me) = self.replica.player() {
            let seen = seen(&self.others, me, self.replica.tick(), self.replica.joined().tick_hz);
            let part = self.clock.time().map_or(0.0, ViewTime::part);
            own = self.prediction.show(&self.rules, now, part, input, &seen).unwrap_or_default();
            // Between two lives the own entity is shown as everyone else is.
            if !own.is_empty() {
                self.others.retain(|(_, view)| !self.rules.is_ahead(view, me));
            }
        }
        Ok(Scene { own, others: &self.others, time })
    }
}

/// An input as the server reads it: with the numbers that travel.
fn as_sent<I: Row + Clone>(input: &I) -> I {
    LooseRow::of(input, |_| None).value().unwrap_or_else(|_| input.clone())
}

fn seen<G: Predict>(views: &[(EntityId, G::View)], me: PlayerId, tick: Tick, tick_hz: u16) -> Seen<'_, G> {
    Seen { tick, tick_hz, me, own: None, views }
}
