//! Who comes into a room: to a seat, back to a seat, or to watch.

use bytes::Bytes;
use fracas_shared::limits::SPECTATORS_PER_ROOM_MAX;
use fracas_shared::message::{Joined, ServerMessage};
use fracas_shared::{LeaveReason, PlayerId, Refusal};
use fracas_sim::{Audience, Port, SeatToken};
use tokio::sync::oneshot;

use super::HostedRoom;
use super::kept::{KeptGuest, Note};
use crate::metrics::Counted;
use crate::rooms::guests::KeptSeat;
use crate::rooms::inbox::{Entrance, Identity, LineSetter, ViewerId};

/// Someone on the way in.
pub(super) struct Arrival {
    pub(super) viewer: ViewerId,
    pub(super) identity: Identity,
    pub(super) schema_hash: u32,
    pub(super) port: Box<dyn Port>,
    pub(super) set_line: LineSetter,
    pub(super) answer: oneshot::Sender<Result<(), Refusal>>,
}

impl HostedRoom {
    /// Lets someone in: to a seat, or to watch.
    pub(super) fn let_in(&mut self, arrival: Arrival, entrance: Entrance) {
        let Arrival { viewer, identity, schema_hash, mut port, set_line, answer } = arrival;
        if self.bans.has(&identity) {
            return drop(answer.send(Err(Refusal::BannedFrom(self.entry.id.clone()))));
        }
        let seat = match entrance {
            Entrance::Seat { profile, token, reservation, hold } => match self.game.join(profile, token) {
                Ok(player) => Some((player, token, reservation, hold)),
                Err(refusal) => return drop(answer.send(Err(refusal))),
            },
            _ if self.guests.spectators() >= SPECTATORS_PER_ROOM_MAX => {
                return drop(answer.send(Err(Refusal::SpectatorsFull(self.entry.id.clone()))));
            }
            _ => None,
        };
        let player = seat.as_ref().map(|(player, ..)| *player);
        if answer.send(Ok(())).is_err() {
            // The connection was lost meanwhile, and its client knows nothing of this seat.
            if let Some(player) = player {
                self.game.leave(player, LeaveReason::Lost);
            }
            return;
        }
        let token = seat.as_ref().map(|(_, token, ..)| *token);
        let greeting = self.greeting(player, schema_hash, token);
        port.send(Bytes::from(ServerMessage::Joined(greeting).to_bytes()));
        let seat = seat.map(|(.., reservation, hold)| KeptSeat {
            _reservation: reservation,
            _hold: self.entry.roll.keep(hold),
            _counted: Counted::new(&self.game_metrics.players),
        });
        if let Some(player) = player {
            self.note(|| Note::Came(KeptGuest::new(player, &identity)));
        }
        self.guests.add(viewer, identity, (port, set_line), player, seat);
    }

    /// Lets a player take the seat of a token up again, in place of whoever has it.
    pub(super) fn take_back(
        &mut self,
        arrival: Arrival,
        token: SeatToken,
        received: Option<u32>,
        attempt: Option<u32>,
    ) {
        let Arrival { viewer, identity: _, schema_hash, port, set_line, answer } = arrival;
        let seat = self.game.seat_of(token);
        let found = seat.and_then(|player| {
            let place = self.guests.place_of_player(player)?;
            Some((player, place, self.guests.next_attempt(place, attempt)?))
        });
        let Some((player, place, attempt)) = found else {
            return drop(answer.send(Err(Refusal::SeatLost)));
        };
        if answer.send(Ok(())).is_err() {
            // That connection is lost, too: the seat stays as it was.
            return;
        }
        self.metrics.rooms.resumes.inc();
        let was_away = self.guests.viewer(place).is_away();
        self.game.set_away(player, false);
        // What the greeting needs of the room, which cannot be asked while its guests are changed.
        let mut greeting = self.greeting(Some(player), schema_hash, Some(token));
        let way = (port, set_line);
        self.guests.come_back(place, viewer, way, (received, attempt), |port, resumed| {
            greeting.resumed = Some(resumed);
            port.send(Bytes::from(ServerMessage::Joined(greeting).to_bytes()));
        });
        if was_away {
            self.tell(Audience::Others(player), &ServerMessage::PlayerBack { player: player.0 });
        }
    }

    /// What one who came is told first.
    fn greeting(&self, player: Option<PlayerId>, schema_hash: u32, token: Option<SeatToken>) -> Joined {
        let mut joined = self.game.joined(player, schema_hash);
        joined.room.clone_from(&self.entry.id);
        joined.resume_token = token.map(|token| format!("{}-{token}", self.entry.id)).unwrap_or_default();
        joined
    }
}
