//! Connections of bots: how they are made, dropped, and made again.

use std::time::{Duration, Instant};

use fracas_shared::Rng;
use socket2::SockRef;

use super::connection::Connection;
use super::slot::{Link, Slot};
use super::{Lane, hear};
use crate::player::{Failure, Next};
use crate::target::{Connected, Connecting};

/// How long a server may take to answer a close.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(2);
/// How long a server may take to hang up on one who has said all.
const HANG_UP_TIME_MAX: Duration = Duration::from_secs(20);
/// Tries to come back before a seat is given up, and the pause before each: at random up to so long, which grows by as
/// much after so many tries. That is half a minute in all.
const RETURNS_MAX: u32 = 100;
const RETURN_PAUSE: Duration = Duration::from_millis(100);
const QUICK_RETURNS: u32 = 10;

impl Lane<'_> {
    /// Does what a player wants of its connection.
    pub(super) fn go_on(&mut self, slot: &mut Slot, index: usize, next: Next, now: Instant) {
        if next == Next::GoOn {
            return;
        }
        let Link::Up(connection) = std::mem::replace(&mut slot.link, Link::None) else { return };
        match next {
            Next::GoOn => slot.link = Link::Up(connection),
            Next::ReadIn(pause) => {
                slot.read_at = Some(now + pause);
                slot.link = Link::Up(connection);
            }
            Next::Drop => {
                self.forget(&connection);
                drop(connection);
                self.come_back(slot, now);
            }
            Next::HalfClose => {
                connection.half_close();
                self.let_down(slot, now);
                slot.link = Link::HalfClosed(connection, now + HANG_UP_TIME_MAX);
            }
            Next::Replace => {
                self.forget(&connection);
                slot.former = Some((connection, now + CLOSE_TIME_MAX));
                self.let_down(slot, now);
                self.connect(slot, index, 1);
            }
            Next::Over => {
                let mut connection = connection;
                let way = connection.way(now);
                connection.close();
                slot.link = Link::Closing(connection, now + way + CLOSE_TIME_MAX);
            }
        }
    }

    pub(super) fn forget(&self, connection: &Connection) {
        // It was there, or it is gone with its socket.
        let _ = self.poller.remove(connection.stream());
    }

    /// Tells the player that its connection is gone.
    pub(super) fn let_down(&mut self, slot: &mut Slot, now: Instant) {
        slot.read_at = None;
        slot.player.dropped(&mut Self::turn(&mut self.record, now, self.late_at));
    }

    pub(super) fn come_back(&mut self, slot: &mut Slot, now: Instant) {
        self.let_down(slot, now);
        slot.link = Link::Pausing { tries: 0, until: now + pause(&mut slot.rng, 0) };
    }

    /// Whether a bot takes its seat up again after such a failure: its server is restarted.
    pub(super) fn outlives(&self, slot: &Slot, failure: &Failure, now: Instant) -> bool {
        let is_up = matches!(slot.link, Link::Up(_));
        let wants_seat = slot.player.has_played() && !slot.is_leaving && now < slot.ends_at;
        self.orders.restarts && failure.is_restart && is_up && wants_seat
    }

    pub(super) fn return_after_loss(&mut self, slot: &mut Slot, now: Instant) {
        if let Link::Up(connection) = std::mem::replace(&mut slot.link, Link::None) {
            self.forget(&connection);
        }
        self.come_back(slot, now);
    }

    pub(super) fn connect(&mut self, slot: &mut Slot, index: usize, tries: u32) {
        let key = slot.key(index);
        let connecting: Connecting = self.orders.targets[slot.session.group].connect();
        slot.link = Link::Connecting { tries };
        let (connector, waker) = (self.connector.clone(), self.poller.waker());
        self.orders.runtime.spawn(async move {
            // A lane that has ended takes no connection any more.
            let _ = connector.send((key, connecting.await));
            waker.wake();
        });
    }

    /// Takes what came of a try to connect.
    pub(super) fn take_connection(&mut self, key: u64, connected: Result<Connected, Failure>) {
        let (index, generation) = (key as u32 as usize, (key >> 32) as u32);
        let is_same = |slot: &Slot| slot.generation == generation;
        if self.slots.get(index).and_then(Option::as_deref).is_some_and(is_same) {
            self.work_on(index, Instant::now(), |lane, slot, index, now| {
                lane.use_connection(slot, index, connected, now)
            });
        }
    }

    pub(super) fn use_connection(
        &mut self,
        slot: &mut Slot,
        index: usize,
        connected: Result<Connected, Failure>,
        now: Instant,
    ) -> Result<bool, Failure> {
        let Link::Connecting { tries } = slot.link else { return Ok(true) };
        let connected = match connected {
            Ok(connected) => connected,
            // A seat waits for who comes back.
            Err(_) if slot.player.has_played() && tries < RETURNS_MAX => {
                let pause = pause(&mut slot.rng, tries);
                slot.link = Link::Pausing { tries, until: now + pause };
                return Ok(true);
            }
            Err(failure) => return Err(failure),
        };
        let target = &self.orders.targets[slot.session.group];
        let mut connection =
            Connection::new(connected, target.line(), line_seed(self.orders.seed, slot.session.number));
        if let Some(bytes) = target.receive_bytes() {
            // One that cannot have so few has more.
            let _ = SockRef::from(connection.stream()).set_recv_buffer_size(bytes);
        }
        let key = slot.key(index);
        self.poller
            .add(connection.stream(), key)
            .map_err(|error| Failure::new("no_poll", format!("a socket cannot be waited for: {error}")))?;
        (slot.has_unread, slot.is_over) = (false, false);
        let mut turn = Self::turn(&mut self.record, now, self.late_at);
        slot.player.connected(&mut turn)?;
        // No poller tells of what came with the upgrade.
        let mut next = Next::GoOn;
        let heard =
            connection.read_unread(now, |message| hear(slot.player.as_mut(), message, &mut turn, &mut next));
        slot.link = Link::Up(Box::new(connection));
        heard?;
        self.go_on(slot, index, next, now);
        Ok(true)
    }
}

/// The pause after so many tries.
fn pause(rng: &mut Rng, tries: u32) -> Duration {
    let longest = RETURN_PAUSE * (1 + tries / QUICK_RETURNS);
    longest.mul_f64(f64::from(rng.bits()) / f64::from(u32::MAX))
}

/// What a bot's line is drawn from: another stream than its decisions.
fn line_seed(seed: u64, number: u32) -> u64 {
    let mut rng = Rng::new(seed, u64::from(number) | 1 << 32);
    u64::from(rng.bits()) << 32 | u64::from(rng.bits())
}
