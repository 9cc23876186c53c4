//! Names of players and entities.

use core::fmt;
use core::num::NonZeroU16;

slotmap::new_key_type! {
    /// An entity, as the rules on the server name it. Keys never travel: see [`EntityId`].
    pub struct EntityKey;
}

/// A player of a room: the number of the seat, from 0 to the room's seats less one.
///
/// A seat's number goes to the next player once it is free; the rules hear of both by `leave` and
/// `join`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct PlayerId(pub u16);

impl fmt::Display for PlayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An entity, as clients name it: a number from 1 to 65,535.
///
/// An id goes to another entity only after
/// [`WIRE_ID_QUARANTINE_TICKS`](crate::limits::WIRE_ID_QUARANTINE_TICKS) without a bearer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EntityId(pub NonZeroU16);

impl EntityId {
    /// The id of this number; none for 0.
    pub fn new(number: u16) -> Option<Self> {
        NonZeroU16::new(number).map(Self)
    }

    /// The id's number.
    pub fn get(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
