//! What the bots of one room and one lane see together.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fracas_client::SharedFrames;
use fracas_shared::row::RowError;
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{EntityId, Pilot, Tick};

use super::tick_clock::TickClock;

/// Ticks that are remembered to have come.
const TICKS_KEPT: usize = 64;
/// A state that is late by this share of a tick's time makes its room one that is late, for [`CALM`].
const LATE_SHARE: f64 = 0.25;
const CALM: Duration = Duration::from_secs(2);
/// Snapshots whose views are remembered.
const SHOWN_MAX: usize = 4;

/// Views, by id.
pub(crate) type Views<G> = Rc<Vec<(EntityId, <G as fracas_shared::Game>::View)>>;

/// A room: frames that are the same bytes for several bots are decoded once, and their rows read and checked
/// once.
pub(crate) struct Gallery<G: Pilot> {
    pub(crate) frames: Arc<SharedFrames>,
    pub(crate) clock: RefCell<TickClock>,
    shown: RefCell<VecDeque<Shown<G>>>,
    came: RefCell<Arrivals>,
}

/// Which ticks came, and whether they came in time.
#[derive(Debug)]
struct Arrivals {
    /// The last ones, each in the place of its number.
    ticks: [Option<Tick>; TICKS_KEPT],
    /// When one was late, or when the first was seen: whether that one was late is not known.
    late_at: Instant,
    late: Duration,
}

struct Shown<G: Pilot> {
    snapshot: Arc<Snapshot>,
    views: Views<G>,
    /// What it was compared with, and what was wrong then.
    compared: Option<(Arc<Snapshot>, Option<String>)>,
}

/// A snapshot and its views.
pub(crate) struct Scene<G: Pilot> {
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) views: Views<G>,
}

impl<G: Pilot> Gallery<G> {
    pub(crate) fn new(tick_hz: u16, now: Instant) -> Self {
        Self {
            frames: Arc::new(SharedFrames::new()),
            clock: RefCell::new(TickClock::new(tick_hz)),
            shown: RefCell::default(),
            came: RefCell::new(Arrivals {
                ticks: [None; TICKS_KEPT],
                late_at: now,
                late: Duration::from_secs_f64(LATE_SHARE / f64::from(tick_hz)),
            }),
        }
    }

    /// A tick's state came to one of the bots, so late.
    pub(crate) fn came(&self, tick: Tick, age: Duration, now: Instant) {
        let mut came = self.came.borrow_mut();
        came.ticks[tick.0 as usize % TICKS_KEPT] = Some(tick);
        if age >= came.late {
            came.late_at = now;
        }
    }

    /// Whether the ticks after `last` and before `next` were surely made and surely in time: another bot has
    /// one of them, and nobody in the room was late lately. A server that is late itself makes ticks at once
    /// to catch up, and shows the newest.
    pub(crate) fn was_owed(&self, last: Tick, next: Tick, now: Instant) -> bool {
        let came = self.came.borrow();
        let is_calm = now - came.late_at >= CALM;
        let missing = (1..next.since(last).clamp(1, TICKS_KEPT as i32)).map(|step| last + step as u32);
        is_calm && missing.into_iter().any(|tick| came.ticks[tick.0 as usize % TICKS_KEPT] == Some(tick))
    }

    /// Reads a snapshot. With the scene before, which must mean the same by its ids, also what is wrong with
    /// what has become of them.
    pub(crate) fn show(
        &self,
        snapshot: &Arc<Snapshot>,
        before: Option<&Scene<G>>,
    ) -> Result<(Scene<G>, Option<String>), RowError> {
        let mut shown = self.shown.borrow_mut();
        let known = shown.iter().rposition(|shown| Arc::ptr_eq(&shown.snapshot, snapshot));
        let place = if let Some(place) = known {
            place
        } else {
            let mut views = Vec::with_capacity(snapshot.len());
            snapshot.read_views(&mut views)?;
            if shown.len() == SHOWN_MAX {
                shown.pop_front();
            }
            shown.push_back(Shown { snapshot: snapshot.clone(), views: Rc::new(views), compared: None });
            shown.len() - 1
        };
        let Shown { views, compared, .. } = &mut shown[place];
        let wrong = before.and_then(|before| match compared {
            Some((with, wrong)) if Arc::ptr_eq(with, &before.snapshot) => wrong.clone(),
            _ => {
                let wrong = swapped::<G>(&before.views, views);
                *compared = Some((before.snapshot.clone(), wrong.clone()));
                wrong
            }
        });
        Ok((Scene { snapshot: snapshot.clone(), views: views.clone() }, wrong))
    }
}

/// An id that means another entity than before, in a sentence.
fn swapped<G: Pilot>(before: &[(EntityId, G::View)], now: &[(EntityId, G::View)]) -> Option<String> {
    let mut old = before.iter().peekable();
    for (id, view) in now {
        while old.next_if(|(other, _)| other < id).is_some() {}
        if let Some((_, earlier)) = old.next_if(|(other, _)| other == id)
            && !G::is_same(earlier, view)
        {
            return Some(format!("the id {} is suddenly another entity's", id.get()));
        }
    }
    None
}
