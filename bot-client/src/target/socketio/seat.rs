//! A seat on a server of ours, as Socket.IO tells of it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use fracas_client::limits::INPUT_LEAD_TICKS_MAX;
use fracas_shared::json::to_json;
use fracas_shared::packet::LooseRow;
use fracas_shared::quant::code_max;
use fracas_shared::schema::{FieldKind, Kind};
use fracas_shared::{Rng, Schema, Tick};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::player::{Failure, Turn};
use crate::times::Time;

/// Inputs of which no state has told yet. More: the oldest is forgotten.
const UNTOLD_MAX: usize = 128;

/// What the bot needs of an event `joined`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Joined {
    pub(super) room: String,
    tick: u32,
    pub(super) tick_hz: u16,
    schema: Value,
    pub(super) resume_token: Option<String>,
}

/// What it needs of an event `state`: all entities are passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    tick: u32,
    input_tick: Option<u32>,
}

/// From one taking of a seat to its giving back, or to the loss of the connection.
pub(super) struct Seat {
    inputs: Vec<Kind>,
    period: Duration,
    began: Instant,
    joined: Tick,
    newest: Tick,
    last_update: Option<Instant>,
    received: u64,
    /// Stamps and planned moments.
    untold: VecDeque<(Tick, Instant)>,
    last_stamp: Option<Tick>,
}

impl Seat {
    pub(super) fn new(joined: &Joined, now: Instant) -> Result<Self, Failure> {
        let bad = |problem: &dyn std::fmt::Display| {
            Failure::new("bad_server", format!("the server described a room that cannot be: {problem}"))
        };
        let schema = Schema::from_json(&joined.schema.to_string()).map_err(|error| bad(&error))?;
        if joined.tick_hz == 0 {
            return Err(bad(&"it has no ticks"));
        }
        Ok(Self {
            inputs: schema.inputs,
            period: Duration::from_secs(1) / u32::from(joined.tick_hz),
            began: now,
            joined: Tick(joined.tick),
            newest: Tick(joined.tick),
            last_update: None,
            received: 0,
            untold: VecDeque::new(),
            last_stamp: None,
        })
    }

    /// Takes a state; whether it is the first one. That may be the one of the tick of joining, which is no
    /// update.
    pub(super) fn take_state(&mut self, state: &State, name: &str, turn: &mut Turn<'_>) -> bool {
        let tick = Tick(state.tick);
        let step = tick.since(self.newest);
        let last = self.last_update.replace(turn.now);
        if step > 0 {
            self.newest = tick;
            self.received += 1;
            turn.record.counts.updates += 1;
            if let Some(last) = last {
                turn.record.note_corrected(Time::UpdateGap, turn.now - last, self.period);
            }
            if let Some(used) = state.input_tick {
                self.take_used(Tick(used), turn);
            }
        } else if step < 0 && last.is_some() {
            let newest = self.newest.0;
            let message = || format!("{name}: tick {} came after tick {newest}", tick.0);
            turn.record.violation("tick_back", 1, message);
        }
        last.is_none()
    }

    /// The input of this stamp was used. Those before it were late, and it stands for them, too.
    fn take_used(&mut self, used: Tick, turn: &mut Turn<'_>) {
        while let Some((stamp, planned)) = self.untold.front().copied()
            && !stamp.is_after(used)
        {
            self.untold.pop_front();
            if stamp == used {
                turn.record.note(Time::InputToState, turn.now.saturating_duration_since(planned));
            }
        }
    }

    /// The input of a planned moment; none while there is no state yet, or none new for too long.
    pub(super) fn input(&mut self, planned: Instant, rng: &mut Rng) -> Option<Value> {
        self.last_update?;
        let next = self.newest.next();
        // No two inputs are for one tick.
        let stamp = self.last_stamp.map_or(next, |last| if next.is_after(last) { next } else { last.next() });
        if stamp.since(self.newest) > INPUT_LEAD_TICKS_MAX as i32 {
            return None;
        }
        let mut input = any_row(&self.inputs, rng)?;
        input.insert("tick".to_owned(), stamp.0.into());
        self.last_stamp = Some(stamp);
        if self.untold.len() == UNTOLD_MAX {
            self.untold.pop_front();
        }
        self.untold.push_back((stamp, planned));
        Some(input.into())
    }

    /// Adds up what it got, until the tick of leaving, or the newest one when none is known.
    pub(super) fn end(&self, left: Option<u32>, is_judged: bool, turn: &mut Turn<'_>) {
        let expected = left.map_or(self.newest, Tick).since(self.joined).max(0) as u64;
        turn.record.stay(expected, self.received, turn.now - self.began, is_judged);
    }
}

/// Any row of any kind; it names no entity and no player, and has no words.
fn any_row(kinds: &[Kind], rng: &mut Rng) -> Option<Map<String, Value>> {
    let place = rng.below(kinds.len() as u32);
    let kind = kinds.get(place as usize)?;
    let mut any_code = |field: &FieldKind| match field {
        FieldKind::Bool => rng.below(2),
        FieldKind::Uint { bits }
        | FieldKind::Int { bits }
        | FieldKind::Fixed { bits, .. }
        | FieldKind::Angle { bits } => rng.bits() & code_max(*bits),
        FieldKind::Enum { names } => rng.below(names.len() as u32),
        FieldKind::Entity | FieldKind::Player | FieldKind::Text | FieldKind::Bytes => 0,
    };
    let codes = kind.fields.iter().map(|field| any_code(&field.kind)).collect();
    let row = LooseRow { kind: place as u8, codes, ..LooseRow::default() };
    Some(to_json(kind, &row.codes, &row))
}

#[cfg(test)]
mod tests {
    use fracas_shared::json::from_json;
    use fracas_shared::schema::Field;

    use super::*;

    #[test]
    fn any_row_is_one_of_the_schema() {
        let fields = vec![
            Field::new("on", FieldKind::Bool),
            Field::new("count", FieldKind::Uint { bits: 32 }),
            Field::new("shift", FieldKind::Int { bits: 4 }),
            Field::new("x", FieldKind::Fixed { min: -10.0, step: 0.1, bits: 8 }),
            Field::new("aim", FieldKind::Angle { bits: 8 }),
            Field::new("mood", FieldKind::Enum { names: vec!["calm".into(), "wild".into()] }),
            Field::new("target", FieldKind::Entity),
            Field::new("owner", FieldKind::Player),
            Field::new("says", FieldKind::Text),
            Field::new("data", FieldKind::Bytes),
        ];
        let kinds = [
            Kind { name: "All".to_owned(), fields },
            Kind { name: "Nothing".to_owned(), fields: Vec::new() },
        ];
        let mut rng = Rng::new(1, 1);
        for _ in 0..1000 {
            let row = any_row(&kinds, &mut rng).unwrap();
            from_json(&kinds, &row).unwrap_or_else(|error| panic!("{row:?}: {error}"));
        }
        assert_eq!(any_row(&[], &mut rng), None);
    }
}
