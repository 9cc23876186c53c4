//! The past as a player saw it: lag compensation.
//!
//! Whoever shoots aims at what the screen shows, which is a moment ago. So the house keeps, for some
//! ticks, how those entities were seen that [`Game::is_remembered`] names, as the codes that
//! travelled, and [`Context::as_seen_by`](crate::Context::as_seen_by) gives what a player's screen
//! showed: the same numbers, blended by the same arithmetic as on the client. The technique is that
//! of Bernier, "Latency Compensating Methods in Client/Server In-game Protocol Design" (2001).
//!
//! How far it goes back is capped by the room's options, so nobody is hit for longer than that after
//! reaching cover, and who claims to see an older moment gains nothing.

use std::collections::VecDeque;
use std::marker::PhantomData;

use slotmap::Key;

use crate::codec::{DecodeError, StateReader, StateWriter};
use crate::game::Game;
use crate::id::{EntityId, EntityKey, PlayerId};
use crate::limits::{ENTITIES_MAX, FIELDS_MAX, HISTORY_CODES_MAX};
use crate::row::{Names, Refs, Row, RowReader, RowWriter};
use crate::state::State;
use crate::tick::Tick;
use crate::view_time::ViewTime;
use crate::world::World;

/// How remembered entities were seen after each of the last ticks.
#[derive(Clone, Debug)]
pub struct History {
    /// How far back it goes, in parts of a tick.
    parts_max: u32,
    /// Oldest first, one after the other.
    ticks: VecDeque<Seen>,
    /// Codes and heads of all of them, counted as codes.
    codes: usize,
}

/// What was seen after one tick.
#[derive(Clone, Debug, Default)]
struct Seen {
    tick: Tick,
    /// By slot.
    heads: Vec<Head>,
    codes: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Head {
    key: EntityKey,
    kind: u8,
    start: u32,
}

/// Codes that a head counts as: what it takes in memory.
const HEAD_CODES: usize = 4;

impl History {
    /// A history from which moments up to `rewind_ms` before the present can be had; 0 to keep none.
    pub fn new(rewind_ms: u16, tick_hz: u16) -> Self {
        let parts_max = u32::from(rewind_ms) * u32::from(tick_hz) * u32::from(ViewTime::PARTS) / 1000;
        Self { parts_max, ticks: VecDeque::new(), codes: 0 }
    }

    /// How many ticks are kept: one more than fit, for a moment between the two oldest.
    fn ticks_max(&self) -> usize {
        self.parts_max.div_ceil(ViewTime::PARTS.into()) as usize + 1
    }

    /// Takes how a tick left the world.
    pub fn push<G: Game>(&mut self, game: &G, tick: Tick, world: &World<G::Entity>) {
        if self.parts_max == 0 {
            return;
        }
        let mut seen = Seen::default();
        while self.ticks.len() >= self.ticks_max() {
            seen = self.pop();
        }
        seen.tick = tick;
        seen.heads.clear();
        seen.codes.clear();
        for (key, entity) in world.iter().filter(|(_, entity)| game.is_remembered(entity)) {
            let Some(view) = game.view(key, entity) else { continue };
            seen.heads.push(Head { key, kind: view.kind(), start: seen.codes.len() as u32 });
            view.write(&mut RowWriter::new(&mut seen.codes, &mut Nameless));
        }
        self.codes += seen.size();
        self.ticks.push_back(seen);
        while self.codes > HISTORY_CODES_MAX {
            self.pop();
        }
    }

    /// The oldest one, out of the list.
    fn pop(&mut self) -> Seen {
        let seen = self.ticks.pop_front().unwrap_or_default();
        self.codes -= seen.size();
        seen
    }

    fn newest(&self) -> Option<Tick> {
        Some(self.ticks.back()?.tick)
    }

    /// The moment of the past that is nearest to this one.
    fn clamp(&self, time: ViewTime) -> Option<ViewTime> {
        let (oldest, newest) = (ViewTime::at(self.ticks.front()?.tick), ViewTime::at(self.newest()?));
        if time.is_after(newest) {
            Some(newest)
        } else if oldest.is_after(time) {
            Some(oldest)
        } else {
            Some(time)
        }
    }

    fn at(&self, tick: Tick) -> Option<&Seen> {
        let place = tick.since(self.ticks.front()?.tick);
        self.ticks.get(usize::try_from(place).ok()?)
    }
}

impl Seen {
    fn size(&self) -> usize {
        self.heads.len() * HEAD_CODES + self.codes.len()
    }

    /// The row of an entity; `guess` is where its head would be if nobody came or went.
    fn find(&self, key: EntityKey, guess: usize) -> Option<usize> {
        if self.heads.get(guess).is_some_and(|head| head.key == key) {
            return Some(guess);
        }
        let slot = |key: EntityKey| key.data().as_ffi() as u32;
        let place = self.heads.binary_search_by_key(&slot(key), |head| slot(head.key)).ok()?;
        (self.heads[place].key == key).then_some(place)
    }

    fn read<V: Row>(&self, place: usize) -> Option<V> {
        let head = self.heads.get(place)?;
        let end = self.heads.get(place + 1).map_or(self.codes.len(), |next| next.start as usize);
        V::read(head.kind, &mut RowReader::new(&self.codes[head.start as usize..end], &Nameless)).ok()
    }
}

/// Rows without names: their texts are empty and their references none.
struct Nameless;

impl Refs for Nameless {
    fn id_of(&mut self, _key: EntityKey) -> Option<EntityId> {
        None
    }

    fn place_of(&mut self, _string: &[u8]) -> u32 {
        0
    }
}

impl Names for Nameless {
    fn string_at(&self, _place: u32) -> Option<&[u8]> {
        None
    }
}

/// What the step of a tick may know of the past. The default knows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Past<'a> {
    history: Option<&'a History>,
    /// By seat.
    view_times: &'a [(PlayerId, ViewTime)],
}

impl<'a> Past<'a> {
    /// This history, and which moment each player's screen showed; sorted by player.
    pub fn new(history: &'a History, view_times: &'a [(PlayerId, ViewTime)]) -> Self {
        debug_assert!(view_times.is_sorted_by_key(|(player, _)| *player));
        Self { history: Some(history), view_times }
    }

    /// The past as a player saw it: see [`Context::as_seen_by`](crate::Context::as_seen_by).
    pub(crate) fn as_seen_by<G: Game>(
        &self,
        player: PlayerId,
        now: Tick,
        tick_hz: u16,
    ) -> Option<AsSeen<'a, G>> {
        let history = self.history?;
        let place = self.view_times.binary_search_by_key(&player, |(player, _)| *player).ok()?;
        // A little more is kept than may be asked for.
        let cap = ViewTime::after(now, -f64::from(history.parts_max) / f64::from(ViewTime::PARTS));
        let claimed = self.view_times[place].1;
        let time = history.clamp(if cap.is_after(claimed) { cap } else { claimed })?;
        Some(AsSeen { history, time, seconds: 1.0 / f32::from(tick_hz), game: PhantomData })
    }
}

/// The past at one moment.
pub struct AsSeen<'a, G: Game> {
    history: &'a History,
    time: ViewTime,
    /// From one tick to the next.
    seconds: f32,
    game: PhantomData<fn() -> G>,
}

impl<G: Game> AsSeen<'_, G> {
    /// Which moment it is: the one that the player saw, or the nearest one that is kept.
    pub fn time(&self) -> ViewTime {
        self.time
    }

    /// How the remembered entities were seen, by slot. Texts in them are empty and references none.
    /// Some may be gone by now.
    pub fn views(&self) -> impl Iterator<Item = (EntityKey, G::View)> {
        let (part, seconds) = (self.time.part(), self.seconds);
        let from = self.history.at(self.time.tick());
        let to = self.history.at(self.time.tick().next()).filter(|_| part > 0.0);
        let places = from.map_or(0, |from| from.heads.len());
        (0..places).filter_map(move |place| {
            let from = from?;
            let key = from.heads[place].key;
            let mut view: G::View = from.read(place)?;
            if let Some(to) = to
                && let Some(next) = to.find(key, place).and_then(|place| to.read(place))
            {
                view.blend(&next, part, seconds);
            }
            Some((key, view))
        })
    }
}

impl State for History {
    fn save(&self, out: &mut StateWriter<'_>) {
        self.parts_max.save(out);
        (self.ticks.len() as u32).save(out);
        for seen in &self.ticks {
            seen.tick.save(out);
            (seen.heads.len() as u32).save(out);
            for head in &seen.heads {
                head.key.save(out);
                head.kind.save(out);
                head.start.save(out);
            }
            seen.codes.save(out);
        }
    }

    fn load(from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        let malformed = |what: &str| DecodeError::Malformed(format!("history: {what}"));
        let mut history = Self { parts_max: u32::load(from)?, ticks: VecDeque::new(), codes: 0 };
        for _ in 0..u32::load(from)? {
            let tick = Tick::load(from)?;
            if history.newest().is_some_and(|newest| tick != newest.next()) {
                return Err(malformed("its ticks do not follow each other"));
            }
            let count = u32::load(from)? as usize;
            if count > ENTITIES_MAX {
                return Err(malformed("more entities than a world holds"));
            }
            let mut heads = Vec::with_capacity(count);
            for _ in 0..count {
                let (key, kind, start) = (State::load(from)?, State::load(from)?, State::load(from)?);
                heads.push(Head { key, kind, start });
            }
            let codes = Vec::<u32>::load(from)?;
            let ends = heads.iter().skip(1).map(|head| head.start).chain([codes.len() as u32]);
            let is_row = |(head, end): (&Head, u32)| {
                end.checked_sub(head.start).is_some_and(|fields| fields <= FIELDS_MAX as u32)
            };
            if !heads.iter().zip(ends).all(is_row) {
                return Err(malformed("rows without order"));
            }
            let seen = Seen { tick, heads, codes };
            history.codes += seen.size();
            if history.codes > HISTORY_CODES_MAX || history.ticks.len() >= history.ticks_max() {
                return Err(malformed("longer than one is"));
            }
            history.ticks.push_back(seen);
        }
        Ok(history)
    }
}
