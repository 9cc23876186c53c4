//! A session that is under way, and how it is connected.

use std::time::{Duration, Instant};

use fracas_shared::Rng;

use super::connection::Connection;
use crate::plan::Session;
use crate::player::Player;

/// A session in play.
pub(super) struct Slot {
    pub(super) generation: u32,
    pub(super) session: Session,
    pub(super) player: Box<dyn Player>,
    pub(super) link: Link,
    /// A connection whose place another one has taken.
    pub(super) former: Option<(Box<Connection>, Instant)>,
    pub(super) drops_done: usize,
    /// The moment for which a timer is set.
    pub(super) armed: Option<Instant>,
    pub(super) read_at: Option<Instant>,
    /// The socket has something that was not read when it said so.
    pub(super) has_unread: bool,
    /// The server has hung up, and what it said before is to be read to its end.
    pub(super) is_over: bool,
    pub(super) ends_at: Instant,
    pub(super) is_leaving: bool,
    pub(super) rng: Rng,
}

pub(super) enum Link {
    /// The try that is under way.
    Connecting {
        tries: u32,
    },
    /// Until the next try.
    Pausing {
        tries: u32,
        until: Instant,
    },
    Up(Box<Connection>),
    /// It says nothing any more, until the server hangs up.
    HalfClosed(Box<Connection>, Instant),
    /// It is closed in good order.
    Closing(Box<Connection>, Instant),
    /// While it is worked on.
    None,
}

impl Slot {
    pub(super) fn key(&self, index: usize) -> u64 {
        u64::from(self.generation) << 32 | index as u64
    }

    /// Whether it reads now: not in a pause, nor while a bad line has too much on its way.
    pub(super) fn can_read(&self, now: Instant) -> bool {
        let has_room = match &self.link {
            Link::Up(connection) => connection.has_room(now),
            _ => true,
        };
        self.read_at.is_none() && has_room
    }

    /// When something is to be done, whatever comes.
    pub(super) fn due(&self, now: Instant, starts: Instant) -> Instant {
        let link = match &self.link {
            Link::Pausing { until, .. } | Link::Closing(_, until) | Link::HalfClosed(_, until) => {
                Some(*until)
            }
            Link::Up(connection) => connection.wake_at(now),
            Link::Connecting { .. } | Link::None => None,
        };
        if self.has_unread && self.can_read(now) {
            return now;
        }
        let is_up = matches!(self.link, Link::Up(_));
        let drop = self.session.drops.get(self.drops_done).map(|drop| starts + *drop);
        let ends = (!self.is_leaving).then_some(self.ends_at);
        let former = self.former.as_ref().map(|(_, until)| *until);
        let player = self.player.wake_at().filter(|_| is_up);
        [link, drop, ends, former, player, self.read_at]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now + Duration::from_secs(1))
    }
}
