//! Rows of all kinds: made up at random, at their extremes, and read back.

use std::collections::BTreeMap;
use std::sync::Arc;

use fracas_shared::limits::{SEATS_MAX, TEXT_BYTES_MAX};
use fracas_shared::packet::{LooseRow, RowCodec};
use fracas_shared::quant::code_max;
use fracas_shared::row::Refs;
use fracas_shared::schema::{FieldKind, Kind};
use fracas_shared::state::to_bytes;
use fracas_shared::{EntityId, EntityKey, Game, Pilot, Rng, Row, Schema};

use super::SEED;

/// Every row of the game's schema, at random and at the extremes of its fields, reads as a value
/// that writes the same row, and as the same bytes.
///
/// # Panics
/// When one does not: most often a `fixed` field with more bits than an `f32` holds.
pub fn round_trips<G: Pilot>() {
    let schema = Schema::of::<G>();
    all_survive::<G, G::View>(&schema.views);
    all_survive::<G, G::Own>(&schema.own);
    all_survive::<G, G::Input>(&schema.inputs);
    all_survive::<G, G::Event>(&schema.events);
    all_survive::<G, G::Message>(&schema.messages);
    let neutral = G::Input::default();
    assert!(
        to_bytes(&neutral) == to_bytes(&neutral.as_sent()),
        "{}: the neutral input is none that can travel: its numbers are between those of its fields",
        G::ID
    );
    let neutral = LooseRow::of(&neutral, |_| None);
    assert_round_trip::<G, G::Input>(&RowCodec::new(&schema.inputs), &neutral);
}

fn all_survive<G: Game, R: Row>(kinds: &[Kind]) {
    let codec = RowCodec::new(kinds);
    let mut rng = Rng::new(SEED, 0);
    let random = (0..kinds.len() * 200).filter_map(|_| random_row(kinds, &[], &mut rng));
    for row in random.chain(extreme_rows(kinds)) {
        // A player's field that must name somebody has no value for nobody.
        if row.value::<R>().is_ok() {
            assert_round_trip::<G, R>(&codec, &row);
        }
    }
}

/// Reads a row as a value, checks that the value writes the same row and that the row survives as
/// bytes, and gives the value.
pub(super) fn assert_round_trip<G: Game, R: Row>(codec: &RowCodec, row: &LooseRow) -> R {
    let value: R = match row.value() {
        Ok(value) => value,
        Err(error) => panic!("{}: the row {row:?} does not read back: {error}", G::ID),
    };
    let again = LooseRow::of(&value, |_| None);
    assert_eq!(again, *row, "{}: left is what the value of the row on the right writes", G::ID);
    let mut bytes = Vec::new();
    codec.encode(row, &mut bytes);
    assert_eq!(codec.decode(&bytes).as_ref(), Ok(row), "{}: a row does not survive as bytes", G::ID);
    value
}

/// A row of any kind with any codes; entities are often among `ids`. None when there are no kinds.
pub(super) fn random_row(kinds: &[Kind], ids: &[EntityId], rng: &mut Rng) -> Option<LooseRow> {
    let number = rng.below(kinds.len() as u32);
    let kind = kinds.get(number as usize)?;
    let mut row = LooseRow { kind: number as u8, ..LooseRow::default() };
    for field in &kind.fields {
        let code = match &field.kind {
            kind if kind.is_string() => random_string(&mut row, rng),
            FieldKind::Entity if rng.chance(0.7) && !ids.is_empty() => {
                u32::from(ids[rng.below(ids.len() as u32) as usize].get())
            }
            kind if rng.chance(0.2) => largest_code(kind) * rng.below(2),
            kind => match largest_code(kind) {
                u32::MAX => rng.bits(),
                largest => rng.below(largest + 1),
            },
        };
        row.codes.push(code);
    }
    Some(row)
}

fn random_string(row: &mut LooseRow, rng: &mut Rng) -> u32 {
    const LETTERS: [&str; 6] = ["a", "é", "語", "🚀", " ", "\0"];
    let mut text = String::new();
    for _ in 0..rng.below(80) {
        let letter = LETTERS[rng.below(LETTERS.len() as u32) as usize];
        if text.len() + letter.len() <= TEXT_BYTES_MAX {
            text.push_str(letter);
        }
    }
    put_string(row, text.into_bytes())
}

fn put_string(row: &mut LooseRow, string: Vec<u8>) -> u32 {
    if string.is_empty() {
        return 0;
    }
    row.strings.push(string);
    row.strings.len() as u32
}

/// For each kind: all fields at their least, all at their most, and each alone at its most.
pub(super) fn extreme_rows(kinds: &[Kind]) -> Vec<LooseRow> {
    let mut rows = Vec::new();
    for (number, kind) in (0..).zip(kinds) {
        let row = |is_most: &dyn Fn(usize) -> bool| {
            let mut row = LooseRow { kind: number, ..LooseRow::default() };
            for (place, field) in kind.fields.iter().enumerate() {
                let code = match (is_most(place), field.kind.is_string()) {
                    (false, _) => 0,
                    (true, true) => put_string(&mut row, vec![b'x'; TEXT_BYTES_MAX]),
                    (true, false) => largest_code(&field.kind),
                };
                row.codes.push(code);
            }
            row
        };
        rows.extend([row(&|_| false), row(&|_| true)]);
        rows.extend((0..kind.fields.len()).map(|most| row(&|place| place == most)));
    }
    rows
}

/// The largest code that stands for a value.
fn largest_code(kind: &FieldKind) -> u32 {
    match kind {
        FieldKind::Enum { names } => names.len() as u32 - 1,
        FieldKind::Player => u32::from(SEATS_MAX),
        kind => code_max(kind.bits()),
    }
}

/// The row with no entity where it names one: for the server, ids become keys.
pub(super) fn without_entities(mut row: LooseRow, kinds: &[Kind]) -> LooseRow {
    for (field, code) in kinds[row.kind as usize].fields.iter().zip(&mut row.codes) {
        if field.kind == FieldKind::Entity {
            *code = 0;
        }
    }
    row
}

/// Writes rows again with the strings of the snapshot that they were read from.
pub(super) struct Places<'a>(pub(super) &'a BTreeMap<u32, Arc<[u8]>>);

impl Refs for Places<'_> {
    fn id_of(&mut self, _key: EntityKey) -> Option<EntityId> {
        None
    }

    fn place_of(&mut self, string: &[u8]) -> u32 {
        self.0.iter().find(|(_, at)| at.as_ref() == string).map_or(0, |(place, _)| *place)
    }
}
