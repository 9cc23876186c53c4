//! What a bot gets from its connecting to its leaving, or to the loss of the connection.

use std::time::{Duration, Instant};

use super::Plain;
use crate::player::Turn;
use crate::times::Time;

#[derive(Debug)]
pub(in crate::target) struct Stay {
    began: Instant,
    sent: u64,
    answered: u64,
    updates: u64,
    last_update: Option<Instant>,
}

impl Stay {
    pub(in crate::target) fn new(now: Instant) -> Self {
        Self { began: now, sent: 0, answered: 0, updates: 0, last_update: None }
    }

    pub(in crate::target) fn note_input(&mut self, turn: &mut Turn<'_>) {
        self.sent += 1;
        turn.record.counts.inputs += 1;
    }

    /// Notes an update, and the gap before it. `interval` is how often there is to be one, if that is known.
    pub(in crate::target) fn note_update(&mut self, interval: Option<Duration>, turn: &mut Turn<'_>) {
        self.updates += 1;
        turn.record.counts.updates += 1;
        let Some(last) = self.last_update.replace(turn.now) else { return };
        match interval {
            Some(interval) => turn.record.note_corrected(Time::UpdateGap, turn.now - last, interval),
            None => turn.record.note(Time::UpdateGap, turn.now - last),
        }
    }

    /// Notes the answer to an input of this planned moment.
    pub(in crate::target) fn note_answer(&mut self, planned: Instant, turn: &mut Turn<'_>) {
        self.answered += 1;
        turn.record.note(Time::InputToState, turn.now.saturating_duration_since(planned));
    }

    /// Whether an answer is still to come, as far as can be known.
    pub(in crate::target) fn is_waiting(&self, plain: &Plain) -> bool {
        self.answered < self.sent && self.expects_answers(plain)
    }

    /// A server that has never answered, and says something, does not answer at all.
    fn expects_answers(&self, plain: &Plain) -> bool {
        plain.has_answered() || self.updates == 0
    }

    /// Adds up what it got: of the answers when there are to be some, of the updates otherwise, of which
    /// nobody knows how many there were to be.
    pub(in crate::target) fn end(&self, plain: &Plain, turn: &mut Turn<'_>) {
        let (expected, received) = if self.expects_answers(plain) {
            // One that was sent on an earlier connection may be answered on this one.
            (self.sent, self.answered.min(self.sent))
        } else {
            (self.updates, self.updates)
        };
        turn.record.stay(expected, received, turn.now - self.began, plain.is_judged());
    }
}
