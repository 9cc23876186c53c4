//! What the own player does, shown before the server has said it.

use std::collections::VecDeque;
use std::time::Duration;

use fracas_shared::game::Events;
use fracas_shared::glam::Vec3;
use fracas_shared::{EntityId, Predict, PredictStep, Row, Seen, Tick};

use crate::limits::{FORETOLD_MAX, PREDICTED_TICKS_MAX};

/// How fast a correction is brought out of sight: what is left of it after each such time is 1/e.
const SMOOTHING_S: f32 = 0.1;
/// A foretold event may happen so many ticks earlier or later.
const EVENT_SLIP_TICKS: i32 = 2;

/// The own player's part of a match, run ahead of the server.
///
/// Each frame corrects it: from what the frame says, the inputs that it does not hold yet are applied
/// anew. Where that leads elsewhere, the difference is shown at first and vanishes within a moment,
/// unless it is larger than [`Predict::SNAP`].
pub struct Prediction<G: Predict> {
    /// The last ticks, oldest first, one after the other.
    ticks: VecDeque<Predicted<G>>,
    /// The part after the last tick; none while there is nothing to predict.
    head: Option<G::Ahead>,
    /// The last tick, of which the head is.
    tick: Tick,
    /// How far what is shown is from what is predicted, and when that was.
    offset: (Vec3, Duration),
    foretold: VecDeque<(Tick, G::Event)>,
    taken_back: Vec<(Tick, G::Event)>,
    correction: Option<Correction>,
}

struct Predicted<G: Predict> {
    tick: Tick,
    input: G::Input,
    /// Where it led; none when there was nothing to predict.
    place: Option<Vec3>,
}

/// By how much a frame corrected the prediction of its tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Correction {
    /// The frame's tick.
    pub tick: Tick,
    /// The distance between where the own entity was predicted to be after it and where it was, in
    /// the units of the game.
    pub distance: f32,
    /// How far what is shown jumped; 0 when the difference is brought out of sight.
    pub snapped: f32,
}

impl<G: Predict> Default for Prediction<G> {
    fn default() -> Self {
        Self {
            ticks: VecDeque::new(),
            head: None,
            tick: Tick(0),
            offset: (Vec3::ZERO, Duration::ZERO),
            foretold: VecDeque::new(),
            taken_back: Vec::new(),
            correction: None,
        }
    }
}

impl<G: Predict> Prediction<G> {
    /// A prediction of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The part after the last tick.
    pub fn head(&self) -> Option<&G::Ahead> {
        self.head.as_ref()
    }

    /// By how much the last frame corrected; none when it said nothing of a predicted tick.
    pub fn correction(&self) -> Option<Correction> {
        self.correction
    }

    /// Makes one more tick with this input. `seen` has the others as the screen shows them; the tick in
    /// it is of no account.
    pub fn advance(&mut self, rules: &G, tick: Tick, input: &G::Input, seen: &Seen<'_, G>) {
        if self.ticks.back().is_some_and(|last| last.tick.next() != tick) {
            // Some ticks were passed over: what leads here is no longer known. After a step back, the next
            // frame tells it.
            self.ticks.retain(|predicted| tick.is_after(predicted.tick));
            if self.ticks.back().is_some_and(|last| last.tick.next() != tick) {
                self.ticks.clear();
            }
            self.head = None;
        }
        let place = self.head.as_mut().map(|head| {
            let mut events = Events::default();
            rules.advance(head, input, &mut PredictStep::new(seen, tick, &mut events));
            for event in events.into_list() {
                if self.foretold.len() == FORETOLD_MAX {
                    self.foretold.pop_front();
                }
                self.foretold.push_back((tick, event));
            }
            rules.place(head)
        });
        if self.ticks.len() == PREDICTED_TICKS_MAX {
            self.ticks.pop_front();
        }
        self.ticks.push_back(Predicted { tick, input: input.clone(), place });
        self.tick = tick;
    }

    /// Takes what the server says of a tick: `server` is the newest frame, `others` are what the
    /// screen shows.
    pub fn correct(&mut self, rules: &G, now: Duration, server: &Seen<'_, G>, others: &Seen<'_, G>) {
        self.correction = None;
        let predicted = self.ticks.iter().find(|predicted| predicted.tick == server.tick);
        let expected = predicted.and_then(|predicted| predicted.place);
        let shown = self.head.as_ref().map(|head| rules.place(head) + self.offset_at(now));
        while self.ticks.front().is_some_and(|first| !first.tick.is_after(server.tick)) {
            self.ticks.pop_front();
        }
        self.take_back(server.tick);
        let Some(mut head) = rules.ahead(server) else {
            self.head = None;
            for predicted in &mut self.ticks {
                predicted.place = None;
            }
            self.offset = (Vec3::ZERO, now);
            return;
        };
        let distance = expected.map(|expected| expected.distance(rules.place(&head)));
        let mut follows = server.tick.next();
        for predicted in &mut self.ticks {
            if predicted.tick != follows {
                break;
            }
            follows = follows.next();
            let mut events = Events::default();
            let mut step = PredictStep::new(others, predicted.tick, &mut events);
            rules.advance(&mut head, &predicted.input, &mut step);
            predicted.place = Some(rules.place(&head));
        }
        let mut snapped = 0.0;
        let offset = shown.map_or(Vec3::ZERO, |shown| shown - rules.place(&head));
        let is_far = offset.length() > G::SNAP;
        if is_far {
            snapped = offset.length();
        }
        self.offset = (if is_far { Vec3::ZERO } else { offset }, now);
        self.head = Some(head);
        self.tick = Tick(follows.0.wrapping_sub(1));
        self.correction = distance.map(|distance| Correction { tick: server.tick, distance, snapped });
    }

    fn offset_at(&self, now: Duration) -> Vec3 {
        let (offset, since) = self.offset;
        let passed_s = now.saturating_sub(since).as_secs_f32();
        // How it looks is no part of a match, so this need not be the same everywhere.
        offset * (-passed_s / SMOOTHING_S).exp()
    }

    /// What is shown now: the way from the last tick to the next one, with the input that the player
    /// holds now, so that it answers in the same frame. `part` of that tick has passed. None while
    /// there is nothing to predict.
    pub fn show(
        &self,
        rules: &G,
        now: Duration,
        part: f32,
        input: &G::Input,
        seen: &Seen<'_, G>,
    ) -> Option<Vec<(Option<EntityId>, G::View)>> {
        let head = self.head.as_ref()?;
        let mut next = head.clone();
        let mut events = Events::default();
        rules.advance(&mut next, input, &mut PredictStep::new(seen, self.tick.next(), &mut events));
        let (from, to) = (rules.place(head), rules.place(&next));
        // Straight on, as it moves within a tick: on a curve it would answer later.
        rules.displace(&mut next, from.lerp(to, part) - to + self.offset_at(now));
        let mut next = rules.show(&next);
        let ahead = rules.show(head);
        for ((id, view), (next_id, next)) in ahead.into_iter().zip(&mut next).skip(1) {
            if id == *next_id && view.kind() == next.kind() {
                let to = std::mem::replace(next, view);
                next.blend(&to, part, 1.0 / f32::from(seen.tick_hz));
            }
        }
        Some(next)
    }

    /// Takes an event of the server's; whether it was foretold, so that it is shown already.
    pub fn confirm(&mut self, tick: Tick, event: &G::Event) -> bool {
        let is_it = |(foretold, predicted): &(Tick, G::Event)| {
            tick.since(*foretold).abs() <= EVENT_SLIP_TICKS && G::is_same_event(predicted, event)
        };
        match self.foretold.iter().position(is_it) {
            Some(place) => self.foretold.remove(place).is_some(),
            None => false,
        }
    }

    /// Foretold events of which the server says nothing did not happen.
    fn take_back(&mut self, tick: Tick) {
        while let Some((foretold, _)) = self.foretold.front()
            && tick.since(*foretold) > EVENT_SLIP_TICKS
        {
            let Some(event) = self.foretold.pop_front() else { return };
            if self.taken_back.len() < FORETOLD_MAX {
                self.taken_back.push(event);
            }
        }
    }

    /// The events that were foretold and did not happen, since this was last asked.
    pub fn take_taken_back(&mut self) -> Vec<(Tick, G::Event)> {
        std::mem::take(&mut self.taken_back)
    }

    /// The events foretold by the last tick.
    pub fn foretold(&self) -> impl Iterator<Item = &G::Event> {
        self.foretold.iter().filter(|(tick, _)| *tick == self.tick).map(|(_, event)| event)
    }
}
