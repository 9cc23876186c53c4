//! The derives, through types as a game would write them.

use std::sync::Arc;

use fracas_shared::codec::StateReader;
use fracas_shared::glam::{Vec2, Vec3};
use fracas_shared::limits::{SEATS_MAX, TEXT_BYTES_MAX};
use fracas_shared::packet::{LooseRow, RowCodec};
use fracas_shared::row::RowError;
use fracas_shared::schema::Schema;
use fracas_shared::state::to_bytes;
use fracas_shared::{EntityId, EntityKey, EntityRef, Never, PlayerId, Rng, Row, State, Tick, World};
use proptest::prelude::*;

use crate::cases::{check_cases, random_bytes};
use crate::typed::{Everything, Phase, Press, Thing, Weapon};

#[test]
fn a_schema_has_every_kind_of_field() {
    let schema = Schema {
        game: "sample".into(),
        revision: 3,
        views: Thing::kinds(),
        own: Never::kinds(),
        inputs: Press::kinds(),
        events: Vec::new(),
        messages: Vec::new(),
    };
    let expected = r#"{"game":"sample","revision":3,"views":[
        {"name":"Avatar","fields":[
            {"name":"player","kind":"player"},
            {"name":"rival","kind":"player"},
            {"name":"x","kind":"fixed","min":-64.0,"step":0.03125,"bits":12},
            {"name":"aim","kind":"angle","bits":10},
            {"name":"weapon","kind":"enum","names":["Bow","Staff","Axe"]},
            {"name":"target","kind":"entity"},
            {"name":"name","kind":"text"},
            {"name":"skin","kind":"bytes"}]},
        {"name":"Number","fields":[
            {"name":"flag","kind":"bool"},
            {"name":"a","kind":"uint","bits":8},
            {"name":"b","kind":"uint","bits":16},
            {"name":"c","kind":"uint","bits":32},
            {"name":"d","kind":"int","bits":8},
            {"name":"e","kind":"int","bits":16},
            {"name":"f","kind":"int","bits":32},
            {"name":"narrow","kind":"uint","bits":7},
            {"name":"signed","kind":"int","bits":5}]},
        {"name":"Wall","fields":[]}],
        "own":[],
        "inputs":[{"name":"Press","fields":[
            {"name":"move","kind":"bool"},
            {"name":"force","kind":"uint","bits":3}]}],
        "events":[],"messages":[]}"#;
    let expected: String = expected.split('\n').map(str::trim_start).collect();
    assert_eq!(schema.to_json(), expected);
    assert_eq!(Schema::from_json(&expected), Ok(schema));
}

/// What becomes of a row on its way through bytes.
fn through_bytes<R: Row>(value: &R) -> R {
    let codec = RowCodec::new(&R::kinds());
    let mut bytes = Vec::new();
    codec.encode(&LooseRow::of(value, |_| EntityId::new(77)), &mut bytes);
    codec.decode(&bytes).expect("it was just encoded").value().expect("it was just encoded")
}

fn avatar(player: PlayerId, x: f32, aim: f32, name: &str) -> Thing {
    Thing::Avatar {
        player,
        rival: None,
        x,
        aim,
        weapon: Weapon::Staff,
        target: EntityRef::None,
        name: name.into(),
        skin: Arc::new([]),
    }
}

proptest! {
    #[test]
    fn numbers_come_back(
        flag: bool, a: u8, b: u16, c: u32, d: i8, e: i16, f: i32, narrow in 0_u32..128, signed in -16_i8..16,
    ) {
        let thing = Thing::Number { flag, a, b, c, d, e, f, narrow, signed };
        prop_assert_eq!(through_bytes(&thing), thing);
    }

    #[test]
    fn an_avatar_comes_back(
        player in 0..SEATS_MAX,
        rival in prop::option::of((0..SEATS_MAX).prop_map(PlayerId)),
        (x, aim) in (0_u16..4096, 0_u16..1024),
        weapon in prop::sample::select(vec![Weapon::Bow, Weapon::Staff, Weapon::Axe]),
        target in any::<u16>(),
        name in "\\PC{0,20}",
        skin in prop::collection::vec(any::<u8>(), 0..=TEXT_BYTES_MAX),
    ) {
        let thing = Thing::Avatar {
            player: PlayerId(player),
            rival,
            x: -64.0 + f32::from(x) * 0.03125,
            aim: (f64::from(aim) * std::f64::consts::TAU / 1024.0) as f32,
            weapon,
            target: EntityId::new(target).map_or(EntityRef::None, EntityRef::Id),
            name: name.into(),
            skin: skin.into(),
        };
        prop_assert_eq!(through_bytes(&thing), thing);
    }
}

#[test]
fn numbers_beyond_a_field_are_clamped() {
    let number =
        |narrow, signed| Thing::Number { flag: true, a: 0, b: 0, c: 0, d: 0, e: 0, f: 0, narrow, signed };
    assert_eq!(through_bytes(&number(128, 16)), number(127, 15));
    assert_eq!(through_bytes(&number(u32::MAX, -17)), number(127, -16));
    assert_eq!(through_bytes(&Press { r#move: true, force: 255 }), Press { r#move: true, force: 7 });
    let nobody = PlayerId(0);
    let highest = -64.0 + 4095.0 * 0.03125;
    for (x, clamped) in [(1e9, highest), (-1e9, -64.0), (f32::INFINITY, highest), (f32::NAN, -64.0)] {
        assert_eq!(through_bytes(&avatar(nobody, x, 0.0, "")), avatar(nobody, clamped, 0.0, ""));
    }
}

#[test]
fn an_angle_goes_round_the_circle() {
    let quarter = std::f32::consts::FRAC_PI_2;
    let player = PlayerId(0);
    for turns in [-4.0, 0.0, 4.0] {
        let read = through_bytes(&avatar(player, 0.0, quarter * (1.0 + turns), ""));
        assert_eq!(read, avatar(player, 0.0, quarter, ""));
    }
}

#[test]
fn a_long_text_is_cut_at_a_character() {
    let long = "ä".repeat(200);
    let cut = "ä".repeat(TEXT_BYTES_MAX / 2);
    assert_eq!(through_bytes(&avatar(PlayerId(0), 0.0, 0.0, &long)), avatar(PlayerId(0), 0.0, 0.0, &cut));
}

#[test]
fn a_player_beyond_the_seats_is_nobody() {
    let codec = RowCodec::new(&Thing::kinds());
    let mut bytes = Vec::new();
    codec.encode(&LooseRow::of(&avatar(PlayerId(SEATS_MAX), 0.0, 0.0, ""), |_| None), &mut bytes);
    let row = codec.decode(&bytes).expect("it was just encoded");
    assert_eq!(row.value::<Thing>(), Err(RowError::NoSuchValue { field: "player", code: 0 }));

    let mut row = LooseRow::of(&avatar(PlayerId(3), 0.0, 0.0, ""), |_| None);
    row.codes[1] = u32::from(SEATS_MAX) + 1;
    let code = row.codes[1];
    assert_eq!(row.value::<Thing>(), Err(RowError::NoSuchValue { field: "player", code }));
}

#[test]
fn an_entity_is_a_key_to_the_rules_and_an_id_to_clients() {
    let mut world = World::new();
    let key = world.spawn(()).expect("it is empty");
    let mut thing = avatar(PlayerId(0), 0.0, 0.0, "");
    let Thing::Avatar { target, .. } = &mut thing else { unreachable!("an avatar was made") };
    *target = EntityRef::Key(key);

    let id = EntityId::new(9).expect("it is not 0");
    let row = LooseRow::of(&thing, |asked| (asked == key).then_some(id));
    let target_of = |thing: Result<Thing, RowError>| match thing {
        Ok(Thing::Avatar { target, .. }) => target,
        other => panic!("{other:?}"),
    };
    assert_eq!(target_of(row.value()), EntityRef::Id(id));
    assert_eq!(target_of(row.value_with_keys(|asked| (asked == id).then_some(key))), EntityRef::Key(key));
    // Viewers do not know it: it travels as none.
    assert_eq!(target_of(LooseRow::of(&thing, |_| None).value()), EntityRef::None);
}

#[test]
fn codes_without_a_value_are_errors() {
    let mut row = LooseRow::of(&avatar(PlayerId(0), 0.0, 0.0, "name"), |_| None);
    assert_eq!(LooseRow { kind: 3, ..row.clone() }.value::<Thing>(), Err(RowError::NoSuchKind(3)));
    assert_eq!(row.value::<Never>().err(), Some(RowError::NoSuchKind(0)));
    row.codes[4] = 3;
    assert_eq!(row.value::<Thing>(), Err(RowError::NoSuchValue { field: "Weapon", code: 3 }));
    row.codes[4] = 0;
    row.strings[0] = vec![0xFF];
    assert_eq!(row.value::<Thing>(), Err(RowError::NoSuchValue { field: "text", code: 0 }));
    row.strings.clear();
    assert_eq!(row.value::<Thing>(), Err(RowError::NoSuchValue { field: "string", code: 1 }));
    row.codes.truncate(4);
    assert_eq!(row.value::<Thing>(), Err(RowError::TooShort));
}

/// A value of every type that state is made of.
pub(crate) fn random_everything(rng: &mut Rng) -> Everything {
    let text = |rng: &mut Rng| String::from_utf8_lossy(&random_bytes(rng, 9)).into_owned();
    let long = |rng: &mut Rng| u64::from(rng.bits()) << 32 | u64::from(rng.bits());
    let mut world = World::new();
    let mut keys: Vec<EntityKey> = Vec::new();
    for _ in 0..rng.below(8) {
        let phase = match rng.below(3) {
            0 => Phase::Idle,
            1 => Phase::Chasing(keys.last().copied().unwrap_or_default(), rng.unit()),
            _ => Phase::Named { name: text(rng), left: rng.bits() },
        };
        keys.push(world.spawn(phase).expect("it is nearly empty"));
        if rng.chance(0.3) {
            world.despawn(keys[rng.below(keys.len() as u32) as usize]);
        }
    }
    Everything {
        flags: (rng.chance(0.5), ()),
        unsigned: ((rng.bits() as u8, rng.bits() as u16), (rng.bits(), long(rng))),
        signed: ((rng.bits() as i8, rng.bits() as i16), (rng.bits() as i32, long(rng) as i64)),
        floats: (f32::from_bits(rng.bits()), f64::from_bits(long(rng))),
        vectors: (rng.direction(), Vec3::new(rng.unit(), -0.0, Vec2::ONE.x)),
        texts: (text(rng), text(rng).into()),
        players: (0..rng.below(4)).map(|seat| (PlayerId(seat as u16), Some(Phase::Idle))).collect(),
        queue: (0..rng.below(4)).map(|_| Tick(rng.bits())).collect(),
        ids: (0..rng.below(4)).filter_map(|_| EntityId::new(rng.bits() as u16)).collect(),
        grid: [vec![], vec![1, 300], (0..rng.below(5)).map(|_| rng.bits() as u16).collect()],
        size: rng.bits() as usize,
        rng: rng.clone(),
        world,
    }
}

#[test]
fn state_comes_back_bit_for_bit() {
    check_cases(|rng| {
        let bytes = to_bytes(&random_everything(rng));
        let read = Everything::load(&mut StateReader::new(&bytes)).expect("it was just saved");
        assert_eq!(to_bytes(&read), bytes);
    });
}

#[test]
fn a_variant_that_is_none_is_an_error() {
    let error = Phase::load(&mut StateReader::new(&[3])).expect_err("there are three");
    assert_eq!(error.to_string(), "malformed: Phase has no variant 3");
    assert!(Never::load(&mut StateReader::new(&[0])).is_err());
}
