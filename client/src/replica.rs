//! A match as the types of its game.

use std::marker::PhantomData;
use std::sync::Arc;

use fracas_shared::message::Joined;
use fracas_shared::packet::LooseRow;
use fracas_shared::row::RowError;
use fracas_shared::{EntityId, Game, PlayerId, Seen, Tick};

use crate::error::RulesError;
use crate::event::Event;

/// A match as one player sees it, in the types of its game.
///
/// It is fed with the events of the session that has joined the room by
/// [`Session::join_typed`](crate::Session::join_typed).
pub struct Replica<G: Game> {
    joined: Arc<Joined>,
    tick: Tick,
    views: Vec<(EntityId, G::View)>,
    own: Option<G::Own>,
    own_row: Option<Arc<LooseRow>>,
    game: PhantomData<fn() -> G>,
}

/// What an event has changed.
#[derive(Clone, Debug)]
pub enum Update<G: Game> {
    /// The replica shows the state of another tick.
    Frame {
        /// That tick.
        tick: Tick,
        /// The stamp of the newest input of this player that a step has used.
        input_tick: Option<Tick>,
        /// Whether the entities' ids mean the same as before.
        is_continuous: bool,
    },
    /// Things happened in the match.
    Events {
        /// In this tick.
        tick: Tick,
        /// In this order.
        list: Vec<G::Event>,
    },
    /// Anything else.
    Other(Event),
}

impl<G: Game> Replica<G> {
    /// A replica of the room that was joined, before its first frame.
    pub fn new(joined: Arc<Joined>) -> Self {
        Self {
            tick: Tick(joined.tick),
            joined,
            views: Vec::new(),
            own: None,
            own_row: None,
            game: PhantomData,
        }
    }

    /// What the server said when the client joined.
    pub fn joined(&self) -> &Arc<Joined> {
        &self.joined
    }

    /// The client's own seat; none for who only watches.
    pub fn player(&self) -> Option<PlayerId> {
        self.joined.player.map(PlayerId)
    }

    /// The tick of the state; before the first frame, the one of joining.
    pub fn tick(&self) -> Tick {
        self.tick
    }

    /// What everyone sees, by id.
    pub fn views(&self) -> &[(EntityId, G::View)] {
        &self.views
    }

    /// The view of one entity.
    pub fn view(&self, id: EntityId) -> Option<&G::View> {
        let place = self.views.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&self.views[place].1)
    }

    /// What the player alone sees.
    pub fn own(&self) -> Option<&G::Own> {
        self.own.as_ref()
    }

    /// All of this in the form in which pilots take it; none for who only watches.
    pub fn seen(&self) -> Option<Seen<'_, G>> {
        Some(Seen {
            tick: self.tick,
            tick_hz: self.joined.tick_hz,
            me: self.player()?,
            own: self.own.as_ref(),
            views: &self.views,
        })
    }

    /// The rules of the room, built from its config.
    pub fn rules(&self) -> Result<G, RulesError> {
        let config = serde_json::from_str(&self.joined.config)
            .map_err(|error| RulesError::Malformed(error.to_string()))?;
        Ok(G::new(&config)?)
    }

    /// Takes an event. After an error the state is not to be used before the next frame.
    pub fn apply(&mut self, event: Event) -> Result<Update<G>, RowError> {
        match event {
            Event::Frame(frame) => {
                frame.snapshot.read_views(&mut self.views)?;
                self.tick = frame.snapshot.tick();
                self.set_own(frame.own)?;
                Ok(Update::Frame {
                    tick: self.tick,
                    input_tick: frame.input_tick,
                    is_continuous: frame.is_continuous,
                })
            }
            Event::GameEvents(events) => {
                let list = events.rows.iter().map(LooseRow::value).collect::<Result<_, _>>()?;
                Ok(Update::Events { tick: events.tick, list })
            }
            Event::Joined(joined) => {
                self.joined = joined.clone();
                Ok(Update::Other(Event::Joined(joined)))
            }
            other => Ok(Update::Other(other)),
        }
    }

    /// An unchanged row comes as the same `Arc`, and is not read again.
    fn set_own(&mut self, row: Option<Arc<LooseRow>>) -> Result<(), RowError> {
        let is_same = match (&self.own_row, &row) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (None, None) => true,
            _ => false,
        };
        if !is_same {
            self.own = row.as_ref().map(|row| row.value()).transpose()?;
            self.own_row = row;
        }
        Ok(())
    }
}
