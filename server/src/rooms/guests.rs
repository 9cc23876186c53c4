//! Those in a room: players, also those who are away, and spectators.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use fracas_shared::message::Resumed;
use fracas_shared::{CloseCode, LineProfile, PlayerId, Tick};
use fracas_sim::{Audience, Port, Viewer, Viewers};

use super::directory::Reservation;
use super::hosted_room::KeptGuest;
use super::inbox::{Identity, LineSetter, ViewerId};
use super::roll::{Roll, RollHold};
use crate::address_limits::AddressHold;
use crate::metrics::{Counted, GameMetrics};

/// Those in a room, each at a place, which is another one when somebody goes.
pub(super) struct Guests {
    roll: Arc<Roll>,
    /// What the match sees of each, and beside it, at the same place, what the host knows.
    viewers: Viewers,
    known: Vec<Guest>,
    /// The places of those who are connected.
    places: HashMap<ViewerId, usize>,
}

/// What the host knows of one who is in a room.
pub(super) struct Guest {
    /// The connection; the last one while the player is away.
    viewer: ViewerId,
    pub(super) identity: Identity,
    /// The seat; none for a spectator.
    seat: Option<KeptSeat>,
    /// Whether the client surely knows its resume token.
    is_confirmed: bool,
    /// The number of the latest try to take the seat up again.
    attempt: u32,
    /// What makes the connection's line another one; the last one's while the player is away.
    set_line: LineSetter,
    /// What the line is to be like, also for when the player comes back by another connection; none
    /// when nobody has said so.
    line: Option<LineProfile>,
    /// Until when a player who is away has the seat, and the count of those who are.
    away: Option<(Tick, Counted)>,
}

/// What a seat takes for as long as it is kept.
pub(super) struct KeptSeat {
    pub(super) _reservation: Reservation,
    pub(super) _hold: RollHold,
    pub(super) _counted: Counted,
}

impl Guests {
    /// Nobody yet. Who comes and goes is written into the roll.
    pub(super) fn new(roll: Arc<Roll>) -> Self {
        Self { roll, viewers: Viewers::default(), known: Vec::new(), places: HashMap::new() }
    }

    /// Lets a player in, whose seat this is, or a spectator. Gives the place.
    pub(super) fn add(
        &mut self,
        viewer: ViewerId,
        identity: Identity,
        (port, set_line): (Box<dyn Port>, LineSetter),
        player: Option<PlayerId>,
        seat: Option<KeptSeat>,
    ) {
        self.roll.connected(viewer, port.closer());
        self.roll.counts(i64::from(seat.is_some()), 0);
        self.places.insert(viewer, self.viewers.len());
        self.viewers.add(port, player);
        self.known.push(Guest {
            viewer,
            identity,
            seat,
            is_confirmed: false,
            attempt: 0,
            set_line,
            line: None,
            away: None,
        });
    }

    /// Takes over players of another process, all of whom are away and have their seats until then.
    pub(super) fn again(
        &mut self,
        viewers: Viewers,
        kept: &[KeptGuest],
        reservations: Vec<Reservation>,
        until: Tick,
        metrics: &GameMetrics,
    ) {
        self.viewers = viewers;
        let mut reservations = reservations.into_iter();
        for viewer in self.viewers.iter() {
            let identity = kept.iter().find(|guest| Some(guest.player) == viewer.player());
            self.roll.counts(1, 1);
            self.known.push(Guest {
                viewer: ViewerId::next(),
                identity: identity.map_or_else(|| "".into(), |guest| guest.identity.clone()),
                seat: reservations.next().map(|reservation| KeptSeat {
                    _reservation: reservation,
                    _hold: self.roll.keep(AddressHold::none()),
                    _counted: Counted::new(&metrics.players),
                }),
                is_confirmed: true,
                attempt: 0,
                set_line: Box::new(|_| ()),
                line: None,
                away: Some((until, Counted::new(&metrics.away))),
            });
        }
    }

    /// The number under which a try to take a seat up again counts; none when a later one has been.
    pub(super) fn next_attempt(&self, place: usize, attempt: Option<u32>) -> Option<u32> {
        let latest = self.known[place].attempt;
        Some(attempt.unwrap_or(latest.saturating_add(1))).filter(|attempt| *attempt > latest)
    }

    /// Lets a player back in by another connection; the old one, if there is one, is closed. `greet`
    /// is as in [`Viewers::come_back`].
    pub(super) fn come_back(
        &mut self,
        place: usize,
        viewer: ViewerId,
        (port, set_line): (Box<dyn Port>, LineSetter),
        (received, attempt): (Option<u32>, u32),
        greet: impl FnOnce(&mut dyn Port, Resumed),
    ) {
        let guest = &mut self.known[place];
        guest.attempt = attempt;
        if guest.away.take().is_some() {
            self.roll.counts(0, -1);
        }
        self.roll.disconnected(guest.viewer);
        self.roll.connected(viewer, port.closer());
        self.places.remove(&guest.viewer);
        self.places.insert(viewer, place);
        guest.viewer = viewer;
        guest.is_confirmed = true;
        guest.set_line = set_line;
        if let Some(line) = guest.line {
            (guest.set_line)(line);
        }
        if let Some(port) = self.viewers[place].port() {
            port.close(CloseCode::Replaced);
        }
        self.viewers.come_back(place, port, received, |port, resumed| {
            greet(port, Resumed { attempt, ..resumed });
        });
    }

    /// Keeps the seat of one whose connection is lost.
    pub(super) fn go_away(&mut self, place: usize, until: Tick, counted: Counted) {
        let guest = &mut self.known[place];
        self.roll.disconnected(guest.viewer);
        self.roll.counts(0, 1);
        self.places.remove(&guest.viewer);
        guest.away = Some((until, counted));
        self.viewers[place].go_away();
    }

    /// Lets one go for good.
    pub(super) fn remove(&mut self, place: usize) -> (Viewer, Guest) {
        let (viewer, guest) = (self.viewers.swap_remove(place), self.known.swap_remove(place));
        self.roll.counts(-i64::from(guest.seat.is_some()), -i64::from(guest.away.is_some()));
        if guest.away.is_none() {
            self.roll.disconnected(guest.viewer);
            self.places.remove(&guest.viewer);
        }
        if let Some(moved) = self.known.get(place).filter(|moved| moved.away.is_none()) {
            self.places.insert(moved.viewer, place);
        }
        (viewer, guest)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.viewers.is_empty()
    }

    /// How many have no seat.
    pub(super) fn spectators(&self) -> usize {
        self.known.iter().filter(|guest| guest.seat.is_none()).count()
    }

    /// All of them, as the match sees them.
    pub(super) fn viewers(&mut self) -> &mut Viewers {
        &mut self.viewers
    }

    /// The one with this connection.
    pub(super) fn place_of(&self, viewer: ViewerId) -> Option<usize> {
        self.places.get(&viewer).copied()
    }

    /// The one with this seat.
    pub(super) fn place_of_player(&self, player: PlayerId) -> Option<usize> {
        self.viewers.iter().position(|viewer| viewer.player() == Some(player))
    }

    pub(super) fn viewer(&mut self, place: usize) -> &mut Viewer {
        &mut self.viewers[place]
    }

    /// Whether the seat is kept when the connection is lost: only when its client surely has what
    /// takes it up again.
    pub(super) fn may_linger(&mut self, place: usize) -> bool {
        let guest = &mut self.known[place];
        guest.is_confirmed |= self.viewers[place].has_acked();
        guest.is_confirmed && guest.seat.is_some()
    }

    /// The first whose connection is lost.
    pub(super) fn first_gone(&self) -> Option<usize> {
        self.viewers.iter().position(Viewer::is_gone)
    }

    /// The first who was away for too long.
    pub(super) fn first_overdue(&self, now: Tick) -> Option<usize> {
        let is_overdue = |(until, _): &(Tick, Counted)| !until.is_after(now);
        self.known.iter().position(|guest| guest.away.as_ref().is_some_and(is_overdue))
    }

    /// Tells a reliable message.
    pub(super) fn tell(&mut self, to: Audience, message: &Bytes) {
        self.viewers.tell(to, message);
    }

    /// What is kept of the players.
    pub(super) fn kept(&self) -> impl Iterator<Item = KeptGuest> {
        let all = self.viewers.iter().zip(&self.known);
        all.filter_map(|(viewer, guest)| Some(KeptGuest::new(viewer.player()?, &guest.identity)))
    }

    /// Makes the line of one player another one, or everyone's. Gives how many that are.
    pub(super) fn set_line(&mut self, player: Option<PlayerId>, line: LineProfile) -> usize {
        let everyone = self.viewers.iter().zip(&mut self.known);
        let mut reached = 0;
        for (_, guest) in everyone.filter(|(viewer, _)| player.is_none() || viewer.player() == player) {
            guest.line = Some(line);
            (guest.set_line)(line);
            reached += 1;
        }
        reached
    }

    /// The ways to those who are connected.
    pub(super) fn ports(&mut self) -> impl Iterator<Item = &mut (dyn Port + 'static)> {
        self.viewers.iter_mut().filter_map(Viewer::port)
    }

    /// Ends every connection.
    pub(super) fn close(&mut self, code: CloseCode) {
        self.ports().for_each(|port| port.close(code));
    }
}
