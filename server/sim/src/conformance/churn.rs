//! Players who come and go without end, and matches one after the other.

use fracas_shared::message::ServerMessage;
use fracas_shared::{LeaveReason, Pilot, Profile, Rng};

use super::memory_port::MemoryPort;
use super::replica::Replica;
use super::script::{Script, players};
use super::{SEED, open};
use crate::room::Room;
use crate::seats::SeatToken;
use crate::viewers::Viewers;

/// How long each part of a round takes.
const PART_TICKS: u32 = 120;
const ROUNDS: u32 = 4;
/// Seconds to wait for a match to end.
const MATCH_S_MAX: u32 = 600;

/// Rooms are stormed, deserted and filled again and again, with bots that make room and without: in
/// the end there are no more entities than in a match that has just begun, and wire ids never run
/// out.
///
/// # Panics
/// When something stays behind.
pub fn churn<G: Pilot>() {
    for bots in [0, G::SEATS] {
        let mut room = open::<G>(bots);
        let empty = Census::of(&mut room, desert);
        let full = Census::of(&mut room, fill);
        for round in 1..=ROUNDS {
            Census::of(&mut room, storm);
            Census::of(&mut room, desert).assert_within(&empty, round, "without players");
            Census::of(&mut room, fill).assert_within(&full, round, "with all seats taken");
        }
    }
}

/// How many entities a part of a round had.
#[derive(Debug)]
struct Census {
    game: &'static str,
    least: u32,
    most: u32,
}

impl Census {
    fn of<G: Pilot>(room: &mut Room<G>, change: fn(&mut Room<G>, &mut Rng)) -> Self {
        let script = Script::<G>::new(SEED);
        let mut census = Self { game: G::ID, least: u32::MAX, most: 0 };
        for _ in 0..PART_TICKS {
            let next = room.simulation().tick().next();
            let mut rng = Rng::new(SEED, u64::from(next.0));
            change(room, &mut rng);
            script.play_all(room, next, &mut rng);
            let report = room.tick(&mut Viewers::default());
            assert_eq!(report.entities_unnamed, 0, "{}: tick {next}: wire ids ran out", G::ID);
            let seated = room.seated();
            assert!(
                usize::from(seated.0 + seated.1) == room.simulation().players().len(),
                "{}: tick {next}: {seated:?} players and bots have seats, but the rules know others",
                G::ID
            );
            census.least = census.least.min(report.entities);
            census.most = census.most.max(report.entities);
        }
        census
    }

    /// What comes and goes in a match may differ; what only grows is found.
    fn assert_within(&self, fresh: &Self, round: u32, when: &str) {
        let bound = fresh.most + fresh.most / 2 + 8;
        assert!(
            self.least <= bound,
            "{}: {when}, there are always {} entities or more after {round} rounds of players coming and \
             going, where a fresh match had at most {}: some are left behind",
            self.game,
            self.least,
            fresh.most
        );
    }
}

fn join<G: Pilot>(room: &mut Room<G>) -> bool {
    room.join(Profile::player("player"), SeatToken(0)).is_ok()
}

fn fill<G: Pilot>(room: &mut Room<G>, _rng: &mut Rng) {
    while join(room) {}
    assert_eq!(room.seated(), (G::SEATS, 0), "{}: a player is refused before all seats are theirs", G::ID);
}

fn desert<G: Pilot>(room: &mut Room<G>, _rng: &mut Rng) {
    for player in players(room) {
        room.leave(player, LeaveReason::Left);
    }
    assert_eq!(room.seated().0, 0, "{}: a player who left is still seated", G::ID);
}

/// Many come and go in each tick, some of them both.
fn storm<G: Pilot>(room: &mut Room<G>, rng: &mut Rng) {
    for player in players(room) {
        if rng.chance(0.3) {
            room.leave(player, LeaveReason::Lost);
        }
    }
    for _ in 0..rng.below(G::SEATS.into()) {
        let joined = room.join(Profile::player("player"), SeatToken(0));
        if let (Ok(player), true) = (joined, rng.chance(0.3)) {
            room.leave(player, LeaveReason::Left);
        }
    }
}

/// Bots play until a match ends and the next has begun, or for ten minutes of the match's time: the
/// next match begins at the tick that was told, with everyone, and with as many entities as the first.
///
/// # Panics
/// When it does not.
pub fn matches<G: Pilot>() {
    let mut room = open::<G>(G::SEATS);
    let port = MemoryPort::new();
    let mut viewers = Viewers::default();
    viewers.add(Box::new(port.clone()), None);
    let mut replica = Replica::<G>::new();
    let mut next_match = None;
    let first = room.tick(&mut viewers).entities;
    for tick in 2..=u32::from(G::TICK_HZ) * MATCH_S_MAX {
        let entities = room.tick(&mut viewers).entities;
        for arrival in port.flush() {
            replica.receive(&arrival);
        }
        for message in replica.take_messages() {
            match message {
                ServerMessage::Outcome { next_match_tick, .. } => {
                    assert_eq!(next_match, None, "{}: tick {tick}: a match ended twice", G::ID);
                    assert!(next_match_tick > tick, "{}: tick {tick}: no time between matches", G::ID);
                    next_match = Some(next_match_tick);
                }
                ServerMessage::MatchBegan { tick: began } => {
                    assert_eq!((next_match, began), (Some(tick), tick), "{}: a match began untold", G::ID);
                    let players = room.simulation().players().len();
                    assert_eq!(players, usize::from(G::SEATS), "{}: tick {tick}: not everyone stayed", G::ID);
                    assert!(
                        entities <= first + first / 2 + 8,
                        "{}: tick {tick}: a match begins with {entities} entities, the first with {first}",
                        G::ID
                    );
                    return;
                }
                _ => {}
            }
        }
        assert!(
            next_match.is_none_or(|next| next > tick),
            "{}: tick {tick}: the next match did not begin when it should",
            G::ID
        );
    }
}
