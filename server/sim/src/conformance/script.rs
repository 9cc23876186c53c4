//! What players do in a test: all of it a pure function of the seed, the tick and the room.

use core::marker::PhantomData;

use fracas_shared::packet::{InputHead, LooseRow, RowCodec};
use fracas_shared::{
    EntityId, LeaveReason, Pilot, PlayerId, Profile, Rng, Row, Schema, Seen, Tick, ViewTime,
};

use super::rows::random_row;
use crate::room::Room;
use crate::seats::SeatToken;

/// Ticks in which more players come than go; as many follow in which more go than come.
const TIDE_TICKS: u32 = 256;

/// Players who come and go and play, some well and some without sense.
///
/// It keeps no state of its own: [`Script::play`] draws all its choices from a generator of the seed
/// and the tick. So a room that was restored in the middle is played as if it never had been.
pub struct Script<G> {
    seed: u64,
    pub(super) schema: Schema,
    inputs: RowCodec,
    messages: RowCodec,
    game: PhantomData<G>,
}

impl<G: Pilot> Script<G> {
    /// The script of this seed.
    pub fn new(seed: u64) -> Self {
        let schema = Schema::of::<G>();
        let (inputs, messages) = (RowCodec::new(&schema.inputs), RowCodec::new(&schema.messages));
        Self { seed, schema, inputs, messages, game: PhantomData }
    }

    /// Does what players do before the room's next tick.
    pub fn play(&self, room: &mut Room<G>) {
        let next = room.simulation().tick().next();
        let mut rng = Rng::new(self.seed, u64::from(next.0));
        let (joins, leaves) =
            if (next.0 / TIDE_TICKS).is_multiple_of(2) { (0.12, 0.03) } else { (0.03, 0.12) };
        if rng.chance(leaves) {
            let players = players(room);
            if let Some(player) = players.get(rng.below(players.len() as u32) as usize) {
                room.leave(*player, LeaveReason::Lost);
            }
        }
        if rng.chance(joins) {
            let name = format!("player of tick {next}");
            // A full room refuses, as it should.
            let joined = room.join(Profile::player(name), SeatToken(next.0.into()));
            if let (Ok(player), true) = (joined, rng.chance(0.2)) {
                room.leave(player, LeaveReason::Left);
            }
        }
        self.play_all(room, next, &mut rng);
    }

    /// Lets everyone play, and nobody come or go.
    pub(super) fn play_all(&self, room: &mut Room<G>, next: Tick, rng: &mut Rng) {
        let players = players(room);
        if players.is_empty() {
            return;
        }
        let mut views = Vec::new();
        if let Err(error) = room.snapshot().read_views(&mut views) {
            panic!("{}: tick {next}: a view does not read back: {error}", G::ID);
        }
        let ids: Vec<_> = views.iter().map(|(id, _)| *id).collect();
        for player in players {
            let row = match rng.below(10) {
                0 => continue,
                1..=2 => self.random_input(&ids, rng),
                _ => Some(pilots_input(room, player, &views, rng)),
            };
            // Mostly in time, sometimes late or twice, now and then absurd.
            let stamp = match rng.below(20) {
                0 => Tick(rng.bits()),
                1 => Tick(next.0.wrapping_sub(rng.below(6))),
                _ => next + rng.below(3),
            };
            if let Some(row) = row {
                // What screens show is some ticks old; now and then something absurd.
                let view_lag = match rng.below(20) {
                    0 => rng.bits() as u16,
                    1 => 0,
                    _ => ViewTime::PARTS + rng.below(6 * u32::from(ViewTime::PARTS)) as u16,
                };
                let packet = self.input_packet(stamp, view_lag, &row);
                if let Err(error) = room.input(player, &packet) {
                    panic!("{}: tick {next}: a valid input is refused: {error}", G::ID);
                }
            }
            if rng.chance(0.05) {
                self.message(room, player, &ids, rng);
            }
        }
    }

    /// Any input that reads as one; none in the rare case that a few tries gave none.
    pub(super) fn random_input(&self, ids: &[EntityId], rng: &mut Rng) -> Option<LooseRow> {
        let mut row = || random_row(&self.schema.inputs, ids, rng);
        (0..8).find_map(|_| row().filter(|row| row.value::<G::Input>().is_ok()))
    }

    /// The packet of an input, as [`Room::input`] takes it.
    pub(super) fn input_packet(&self, stamp: Tick, view_lag: u16, row: &LooseRow) -> Vec<u8> {
        let mut packet = Vec::new();
        InputHead { tick: stamp, ack: Tick(0), view_lag }.write(&mut packet);
        self.inputs.encode(row, &mut packet);
        packet
    }

    fn message(&self, room: &mut Room<G>, player: PlayerId, ids: &[EntityId], rng: &mut Rng) {
        let row = random_row(&self.schema.messages, ids, rng);
        if let Some(row) = row.filter(|row| row.value::<G::Message>().is_ok()) {
            // Too many may wait already; that is an answer, too.
            let _ = room.message(player, &self.message_packet(&row));
        }
    }

    /// The packet of a game message, as [`Room::message`] takes it.
    pub(super) fn message_packet(&self, row: &LooseRow) -> Vec<u8> {
        let mut packet = Vec::new();
        self.messages.encode(row, &mut packet);
        packet
    }
}

/// What the game's pilot would do in this player's place, with nothing in mind.
fn pilots_input<G: Pilot>(
    room: &mut Room<G>,
    player: PlayerId,
    views: &[(EntityId, G::View)],
    rng: &mut Rng,
) -> LooseRow {
    let own = room.own_row(player).and_then(|row| row.value::<G::Own>().ok());
    let tick_hz = room.options().tick_hz;
    let seen = Seen { tick: room.simulation().tick(), tick_hz, me: player, own: own.as_ref(), views };
    let input = room.simulation().game().pilot(&mut G::Mind::default(), &seen, rng);
    let row = LooseRow::of(&input, |_| None);
    assert!(
        row.value::<G::Input>().is_ok_and(|input| input.kind() == row.kind),
        "{}: the pilot gave an input that does not read back: {row:?}",
        G::ID
    );
    row
}

/// The players that the rules know, without bots.
pub(super) fn players<G: Pilot>(room: &Room<G>) -> Vec<PlayerId> {
    let players = room.simulation().players().iter();
    players.filter(|(_, profile)| !profile.is_bot).map(|(player, _)| *player).collect()
}
