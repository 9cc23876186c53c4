//! Players who send what no honest client would.

use fracas_shared::limits::{ENTITIES_MAX, MESSAGES_WAITING_MAX};
use fracas_shared::packet::LooseRow;
use fracas_shared::schema::Kind;
use fracas_shared::{EntityId, Pilot, PlayerId, Profile, Rng, Tick};

use super::replica::assert_views_survive;
use super::rows::{extreme_rows, random_row, without_entities};
use super::script::Script;
use super::{SEED, open};
use crate::room::Room;
use crate::seats::SeatToken;
use crate::viewers::Viewers;

const TICKS: u32 = 1_200;
/// Ticks for which an extreme input is held.
const EXTREME_TICKS: u32 = 40;
const ATTACKERS_MAX: u16 = 6;

/// Random bytes, absurd stamps, rows at the extremes of every field and references to entities that
/// do not exist: nothing panics, the world stays within its limits, and the inputs of another player
/// still arrive, each at its tick.
///
/// # Panics
/// When one of that is not so.
pub fn hostile_inputs<G: Pilot>() {
    let script = Script::<G>::new(SEED);
    let mut room = open::<G>(0);
    let honest = join(&mut room);
    let attackers: Vec<_> = (1..G::SEATS).take(ATTACKERS_MAX as usize).map(|_| join(&mut room)).collect();
    let attack = Attack { script: &script, extreme: extreme_rows(&script.schema.inputs) };
    for tick in 1..=TICKS {
        let mut rng = Rng::new(SEED, u64::from(tick));
        let ids: Vec<_> = room.snapshot().rows().map(|row| row.id).collect();
        for attacker in attackers.iter().chain(&[PlayerId(u16::MAX)]) {
            attack.strike(&mut room, *attacker, tick, &ids, &mut rng);
        }
        let row = script
            .random_input(&ids, &mut rng)
            .unwrap_or_else(|| LooseRow::of(&G::Input::default(), |_| None));
        if let Err(error) = room.input(honest, &script.input_packet(Tick(tick), rng.bits() as u16, &row)) {
            panic!("{}: tick {tick}: a valid input is refused: {error}", G::ID);
        }
        let report = room.tick(&mut Viewers::default());
        assert!(
            report.entities as usize <= ENTITIES_MAX && report.entities_unnamed == 0,
            "{}: tick {tick}: {} entities, {} of them without an id",
            G::ID,
            report.entities,
            report.entities_unnamed
        );
        assert_arrived(&room, honest, row, &script.schema.inputs);
        assert_views_survive::<G>(room.snapshot());
    }
}

fn join<G: Pilot>(room: &mut Room<G>) -> PlayerId {
    match room.join(Profile::player("player"), SeatToken(0)) {
        Ok(player) => player,
        Err(refusal) => panic!("{}: a room with free seats refuses a player: {refusal}", G::ID),
    }
}

/// Exactly one input of each player reached the rules, and this player's was this one.
fn assert_arrived<G: Pilot>(room: &Room<G>, player: PlayerId, row: LooseRow, kinds: &[Kind]) {
    let tick = room.simulation().tick();
    let inputs = &room.last_record().inputs;
    let players: Vec<_> = inputs.iter().map(|(player, _)| *player).collect();
    let seated: Vec<_> = room.simulation().players().keys().copied().collect();
    assert_eq!(players, seated, "{}: tick {tick}: not one input of each player", G::ID);
    let used =
        inputs.iter().find(|(used, _)| *used == player).map(|(_, input)| LooseRow::of(input, |_| None));
    assert_eq!(
        used.map(|row| without_entities(row, kinds)),
        Some(without_entities(row, kinds)),
        "{}: tick {tick}: the rules got another input than the honest player sent",
        G::ID
    );
}

struct Attack<'a, G> {
    script: &'a Script<G>,
    extreme: Vec<LooseRow>,
}

impl<G: Pilot> Attack<'_, G> {
    fn strike(&self, room: &mut Room<G>, player: PlayerId, tick: u32, ids: &[EntityId], rng: &mut Rng) {
        // Refusals are the right answers to most of this.
        match rng.below(8) {
            0 => drop(room.input(player, &random_bytes(rng))),
            1 => drop(room.message(player, &random_bytes(rng))),
            2 => {
                let stamps =
                    [0, 1, tick.wrapping_sub(1), tick + 31, tick + 32, tick ^ 1 << 31, u32::MAX, rng.bits()];
                for stamp in stamps {
                    let row = self.script.random_input(ids, rng);
                    self.input(room, player, Tick(stamp), row, rng);
                }
            }
            3 => {
                // No entity is known by most of these numbers.
                let ids: Vec<_> = (0..4).filter_map(|_| EntityId::new(rng.bits() as u16)).collect();
                let row = self.script.random_input(&ids, rng);
                self.input(room, player, Tick(tick), row, rng);
                self.flood(room, player, &ids, rng);
            }
            4 => {
                let row = self.script.random_input(ids, rng);
                let view_lag = rng.bits() as u16;
                let mut packet = row.map(|row| self.script.input_packet(Tick(tick), view_lag, &row));
                if let Some(packet) = &mut packet {
                    packet.truncate(rng.below(packet.len() as u32) as usize);
                    drop(room.input(player, packet));
                }
            }
            _ => {
                let turn = (tick / EXTREME_TICKS + u32::from(player.0)) as usize;
                let row = self.extreme.get(turn % self.extreme.len().max(1)).cloned();
                self.input(room, player, Tick(tick), row, rng);
            }
        }
    }

    fn input(&self, room: &mut Room<G>, player: PlayerId, stamp: Tick, row: Option<LooseRow>, rng: &mut Rng) {
        if let Some(row) = row {
            drop(room.input(player, &self.script.input_packet(stamp, rng.bits() as u16, &row)));
        }
    }

    /// More messages than may wait.
    fn flood(&self, room: &mut Room<G>, player: PlayerId, ids: &[EntityId], rng: &mut Rng) {
        let kinds = &self.script.schema.messages;
        let extreme = extreme_rows(kinds);
        for turn in 0..=MESSAGES_WAITING_MAX {
            let row = if rng.chance(0.5) { extreme.get(turn).cloned() } else { random_row(kinds, ids, rng) };
            if let Some(row) = row {
                drop(room.message(player, &self.script.message_packet(&row)));
            }
        }
    }
}

fn random_bytes(rng: &mut Rng) -> Vec<u8> {
    (0..rng.below(64)).map(|_| rng.bits() as u8).collect()
}
