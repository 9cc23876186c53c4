//! The past as a player saw it: lag compensation.
//!
//! Whoever shoots aims at what the screen shows, which is a moment ago. So the house keeps, for some
//! ticks, how those entities were seen that [`Game::is_remembered`] names, and
//! [`Context::as_seen_by`](crate::Context::as_seen_by) gives what a player's screen showed: the same
//! numbers, blended by the same arithmetic as on the client. The technique is that of Bernier, "Latency
//! Compensating Methods in Client/Server In-game Protocol Design" (2001).
//!
//! How far it goes back is capped by the room's options, so nobody is hit for longer than that after
//! reaching cover, and who claims to see an older moment gains nothing.

use std::collections::VecDeque;
use std::mem::needs_drop;

use slotmap::Key;

use crate::bits::{BitReader, BitWriter};
use crate::codec::{DecodeError, StateReader, StateWriter};
use crate::game::Game;
use crate::id::{EntityKey, PlayerId};
use crate::limits::{ENTITIES_MAX, HISTORY_ENTITIES_MAX};
use crate::packet::{LooseRow, RowCodec};
use crate::row::Row;
use crate::state::State;
use crate::tick::Tick;
use crate::view_time::ViewTime;
use crate::world::World;

/// How remembered entities were seen after each of the last ticks.
#[derive(Debug)]
pub struct History<V> {
    /// How far back it goes, in parts of a tick.
    parts_max: u32,
    /// Oldest first, one after the other.
    ticks: VecDeque<SeenTick<V>>,
    /// Of all of them.
    entities: usize,
    /// How views are saved.
    codec: RowCodec,
}

/// What was seen after one tick.
#[derive(Debug)]
struct SeenTick<V> {
    tick: Tick,
    /// By slot, as they travel: the rules see the same numbers whether or not the match was restored.
    views: Vec<(EntityKey, V)>,
}

impl<V: Row> History<V> {
    /// A history from which moments up to `rewind_ms` before the present can be had; 0 to keep none.
    pub fn new(rewind_ms: u16, tick_hz: u16) -> Self {
        let parts_max = u32::from(rewind_ms) * u32::from(tick_hz) * u32::from(ViewTime::PARTS) / 1000;
        Self { parts_max, ticks: VecDeque::new(), entities: 0, codec: RowCodec::new(&V::kinds()) }
    }

    /// How many ticks are kept: one more than fit, for a moment between the two oldest.
    fn ticks_max(&self) -> usize {
        self.parts_max.div_ceil(ViewTime::PARTS.into()) as usize + 1
    }

    /// Takes how a tick left the world.
    // Never inlined, so that a profile tells what it costs.
    #[inline(never)]
    pub fn push<G: Game<View = V>>(&mut self, game: &G, tick: Tick, world: &World<G::Entity>) {
        if self.parts_max == 0 {
            return;
        }
        let mut views = Vec::new();
        while self.ticks.len() >= self.ticks_max() {
            views = self.pop();
        }
        for (key, entity) in world.iter() {
            if game.is_remembered(entity)
                && let Some(view) = game.view(key, entity)
            {
                views.push((key, view.as_sent()));
            }
        }
        self.entities += views.len();
        self.ticks.push_back(SeenTick { tick, views });
        while self.entities > HISTORY_ENTITIES_MAX {
            self.pop();
        }
    }

    /// Forgets the oldest tick, and gives its list, emptied.
    fn pop(&mut self) -> Vec<(EntityKey, V)> {
        let mut views = self.ticks.pop_front().map(|seen| seen.views).unwrap_or_default();
        self.entities -= views.len();
        if needs_drop::<V>() {
            // One by one: when a list is dropped as a whole, two views that panic end the process.
            while views.pop().is_some() {}
        }
        views.clear();
        views
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        while !self.ticks.is_empty() {
            self.pop();
        }
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

    fn at(&self, tick: Tick) -> Option<&SeenTick<V>> {
        let place = tick.since(self.ticks.front()?.tick);
        self.ticks.get(usize::try_from(place).ok()?)
    }
}

impl<V> SeenTick<V> {
    /// Whether the same entities were there, in the same places.
    fn has_keys_of(&self, other: &Self) -> bool {
        self.views.iter().map(|(key, _)| key).eq(other.views.iter().map(|(key, _)| key))
    }

    /// The view of an entity; `guess` is where it would be if nobody came or went.
    fn find(&self, key: EntityKey, guess: usize) -> Option<&V> {
        if let Some((_, view)) = self.views.get(guess).filter(|(at, _)| *at == key) {
            return Some(view);
        }
        let slot = |key: EntityKey| key.data().as_ffi() as u32;
        let place = self.views.binary_search_by_key(&slot(key), |(at, _)| slot(*at)).ok()?;
        Some(&self.views[place]).filter(|(at, _)| *at == key).map(|(_, view)| view)
    }
}

/// What the step of a tick may know of the past. The default knows nothing.
#[derive(Debug)]
pub struct Past<'a, V> {
    history: Option<&'a History<V>>,
    /// By seat.
    view_times: &'a [(PlayerId, ViewTime)],
}

impl<V> Default for Past<'_, V> {
    fn default() -> Self {
        Self { history: None, view_times: &[] }
    }
}

impl<'a, V: Row> Past<'a, V> {
    /// This history, and which moment each player's screen showed; sorted by player.
    pub fn new(history: &'a History<V>, view_times: &'a [(PlayerId, ViewTime)]) -> Self {
        debug_assert!(view_times.is_sorted_by_key(|(player, _)| *player));
        Self { history: Some(history), view_times }
    }

    /// The past as a player saw it: see [`Context::as_seen_by`](crate::Context::as_seen_by).
    pub(crate) fn as_seen_by(&self, player: PlayerId, now: Tick, tick_hz: u16) -> Option<AsSeen<'a, V>> {
        let history = self.history?;
        let place = self.view_times.binary_search_by_key(&player, |(player, _)| *player).ok()?;
        // A little more is kept than may be asked for.
        let cap = ViewTime::after(now, -f64::from(history.parts_max) / f64::from(ViewTime::PARTS));
        let claimed = self.view_times[place].1;
        let time = history.clamp(if cap.is_after(claimed) { cap } else { claimed })?;
        Some(AsSeen { history, time, seconds: 1.0 / f32::from(tick_hz) })
    }
}

/// The past at one moment.
#[derive(Clone, Copy, Debug)]
pub struct AsSeen<'a, V> {
    history: &'a History<V>,
    time: ViewTime,
    /// From one tick to the next.
    seconds: f32,
}

impl<'a, V: Row> AsSeen<'a, V> {
    /// Which moment it is: the one that the player saw, or the nearest one that is kept.
    pub fn time(&self) -> ViewTime {
        self.time
    }

    /// The remembered entities that were there, by slot. Some may be gone by now.
    pub fn entities(&self) -> impl Iterator<Item = SeenEntity<'a, V>> + use<'a, V> {
        let (part, seconds) = (self.time.part(), self.seconds);
        let from = self.history.at(self.time.tick());
        let to = self.history.at(self.time.tick().next()).filter(|_| part > 0.0);
        let views = from.into_iter().flat_map(|from| from.views.iter().enumerate());
        views.map(move |(place, (key, view))| {
            let next = to.and_then(|to| to.find(*key, place));
            SeenEntity { key: *key, from: view, to: next, part, seconds }
        })
    }

    /// All of them as they were seen.
    pub fn views(&self) -> impl Iterator<Item = (EntityKey, V)> + use<'a, V> {
        self.entities().map(|entity| (entity.key, entity.view()))
    }
}

/// A remembered entity at a moment of the past.
#[derive(Clone, Copy, Debug)]
pub struct SeenEntity<'a, V> {
    /// Which one.
    pub key: EntityKey,
    from: &'a V,
    to: Option<&'a V>,
    part: f32,
    seconds: f32,
}

impl<'a, V: Row> SeenEntity<'a, V> {
    /// How it was seen at the tick before that moment, within what it moves in a tick: costs nothing,
    /// to pass over what is far off.
    pub fn rough(&self) -> &'a V {
        self.from
    }

    /// How it was seen. Texts in it are empty and references none.
    pub fn view(&self) -> V {
        let mut view = self.from.as_sent();
        if let Some(to) = self.to {
            view.blend(to, self.part, self.seconds);
        }
        view
    }
}

impl<V: Row> History<V> {
    /// Appends what is remembered.
    pub fn save(&self, out: &mut StateWriter<'_>) {
        (self.ticks.len() as u32).save(out);
        let (mut row, mut rows) = (LooseRow::default(), Vec::new());
        let mut before = None;
        for seen in &self.ticks {
            seen.tick.save(out);
            // Most of the time nobody comes or goes.
            let has_same_keys = before.is_some_and(|before| seen.has_keys_of(before));
            has_same_keys.save(out);
            if !has_same_keys {
                (seen.views.len() as u32).save(out);
                seen.views.iter().for_each(|(key, _)| key.save(out));
            }
            rows.clear();
            let mut bits = BitWriter::new(&mut rows);
            for (_, view) in &seen.views {
                row.set(view, |_| None);
                self.codec.put(&mut bits, &row);
            }
            bits.finish();
            out.put_bytes(&rows);
            before = Some(seen);
        }
    }

    /// The history that was saved, of a room with the same options.
    pub fn load(rewind_ms: u16, tick_hz: u16, from: &mut StateReader<'_>) -> Result<Self, DecodeError> {
        let malformed = |what: &str| DecodeError::Malformed(format!("history: {what}"));
        let mut history = Self::new(rewind_ms, tick_hz);
        let mut keys = Vec::new();
        for _ in 0..u32::load(from)? {
            let tick = Tick::load(from)?;
            if history.newest().is_some_and(|newest| tick != newest.next()) {
                return Err(malformed("its ticks do not follow each other"));
            }
            if !bool::load(from)? {
                let count = u32::load(from)? as usize;
                if count > ENTITIES_MAX {
                    return Err(malformed("more entities than a world holds"));
                }
                keys = (0..count).map(|_| EntityKey::load(from)).collect::<Result<_, _>>()?;
            } else if history.ticks.is_empty() {
                return Err(malformed("as many entities as before, and there is no before"));
            }
            let mut bits = BitReader::new(from.take_bytes()?);
            let mut views = Vec::with_capacity(keys.len());
            for key in &keys {
                let row = history.codec.take(&mut bits).map_err(|error| malformed(&error.to_string()))?;
                let view = row.value().map_err(|error| malformed(&error.to_string()))?;
                views.push((*key, view));
            }
            if !bits.is_at_end() {
                return Err(malformed("more rows than entities"));
            }
            history.entities += views.len();
            if history.entities > HISTORY_ENTITIES_MAX || history.ticks.len() >= history.ticks_max() {
                return Err(malformed("longer than one is"));
            }
            history.ticks.push_back(SeenTick { tick, views });
        }
        Ok(history)
    }
}
