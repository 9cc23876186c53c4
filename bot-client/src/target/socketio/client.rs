//! A client of a server that is not ours: it wants its inputs answered.

use std::collections::VecDeque;
use std::time::Instant;

use crate::player::Turn;
use crate::target::plain::{Plain, Stay};

/// Inputs that wait for their answers. More: the oldest is not waited for any more.
const UNANSWERED_MAX: usize = 1024;

pub(super) struct Client {
    pub(super) stay: Stay,
    /// By the numbers of their answers, with their planned moments.
    unanswered: VecDeque<(u64, Instant)>,
}

impl Client {
    pub(super) fn new(now: Instant) -> Self {
        Self { stay: Stay::new(now), unanswered: VecDeque::new() }
    }

    /// An input was sent, and is to get the answer of this number.
    pub(super) fn note_input(&mut self, id: u64, planned: Instant, turn: &mut Turn<'_>) {
        self.stay.note_input(turn);
        if self.unanswered.len() == UNANSWERED_MAX {
            self.unanswered.pop_front();
        }
        self.unanswered.push_back((id, planned));
    }

    pub(super) fn take_answer(&mut self, id: u64, plain: &Plain, turn: &mut Turn<'_>) {
        if let Ok(place) = self.unanswered.binary_search_by_key(&id, |(id, _)| *id)
            && let Some((_, planned)) = self.unanswered.remove(place)
        {
            plain.note_answer();
            self.stay.note_answer(planned, turn);
        }
    }
}
