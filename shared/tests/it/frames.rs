//! What is encoded is what is decoded: frames and loose rows of random schemas.

use std::collections::VecDeque;

use fracas_shared::frame::{Baseline, FrameCodec, FrameEncoder, FrameError};
use fracas_shared::limits::{BASELINE_AGE_MAX, ENTITIES_MAX};
use fracas_shared::packet::RowCodec;
use fracas_shared::schema::{Field, FieldKind, Kind};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{EntityId, Rng, Tick};

use crate::cases::{check_cases, one_of};
use crate::samples::{Scene, random_kinds, random_loose_row};

#[test]
fn frames_decode_to_what_was_encoded() {
    check_cases(|rng| {
        let kinds = random_kinds(rng);
        let codec = FrameCodec::new(&kinds);
        let mut scene = Scene::new(rng, kinds);
        // What the server took, and what a viewer made of its frames.
        let mut held: VecDeque<(Snapshot, Snapshot)> = VecDeque::new();
        for _ in 0..6 {
            let snapshot = scene.snapshot();
            let decoded = through_a_keyframe(&codec, &snapshot, rng);
            for _ in 0..held.len().min(2) {
                let (baseline, viewers) = &held[rng.below(held.len() as u32) as usize];
                through_a_delta(&codec, baseline, viewers, &snapshot, rng);
            }
            held.push_back((snapshot, decoded));
            scene.step(rng);
        }
    });
}

fn through_a_keyframe(codec: &FrameCodec, snapshot: &Snapshot, rng: &mut Rng) -> Snapshot {
    let mut frame = Vec::new();
    codec.encode(None, snapshot, rng.chance(0.5), &mut frame);
    let decoded = codec.decode(None, &frame).expect("a keyframe decodes");
    check_equal(&decoded, snapshot);
    decoded
}

fn through_a_delta(
    codec: &FrameCodec,
    baseline: &Snapshot,
    viewers: &Snapshot,
    snapshot: &Snapshot,
    rng: &mut Rng,
) {
    let (mut frame, with_hash) = (Vec::new(), rng.chance(0.5));
    codec.encode(Some(baseline.into()), snapshot, with_hash, &mut frame);
    let head = FrameCodec::peek(&frame, baseline.tick()).expect("a frame has a head");
    assert_eq!((head.tick, head.baseline), (snapshot.tick(), Some(baseline.tick())));
    assert_eq!(head.hash, with_hash.then(|| snapshot.hash()));
    check_equal(&codec.decode(Some(viewers), &frame).expect("a delta decodes"), snapshot);

    for held in [None, Some(snapshot)] {
        let error = FrameError::WrongBaseline { held: held.map(Snapshot::tick) };
        assert_eq!(codec.decode(held, &frame), Err(error));
    }
}

fn check_equal(decoded: &Snapshot, snapshot: &Snapshot) {
    assert_eq!(decoded, snapshot);
    assert_eq!(decoded.hash(), snapshot.hash());
    assert!(decoded.rows().is_sorted_by_key(|row| (row.kind, row.id)));
    for row in snapshot.rows() {
        assert_eq!(decoded.get(row.id), Some(row));
    }
}

#[test]
fn rows_decode_to_what_was_encoded() {
    check_cases(|rng| {
        let kinds = random_kinds(rng);
        let codec = RowCodec::new(&kinds);
        let rows: Vec<_> = (0..rng.below(5)).filter_map(|_| random_loose_row(rng, &kinds)).collect();
        let mut bytes = Vec::new();
        codec.encode_many(&rows, &mut bytes);
        assert_eq!(codec.decode_many(&bytes, rows.len() as u8).as_ref(), Ok(&rows));
        if let Some(row) = rows.first() {
            bytes.clear();
            codec.encode(row, &mut bytes);
            assert_eq!(codec.decode(&bytes).as_ref(), Ok(row));
        }
    });
}

/// A room of things that all rest or all fly straight on, and how large its frames become.
fn frame_bytes(speed: u32) -> usize {
    let kinds = [Kind {
        name: "Thing".into(),
        fields: ["x", "y"]
            .map(|name| Field::new(name, FieldKind::Fixed { min: 0.0, step: 1.0, bits: 16 }))
            .into(),
    }];
    let mut encoder = FrameEncoder::new(&kinds);
    let mut last = Snapshot::new(Tick(0));
    let mut frame = Vec::new();
    for tick in 1..100 {
        let mut snapshot = Snapshot::new(Tick(tick));
        for id in 1..=800 {
            let codes = [u32::from(id) * 7 + tick * speed, 3];
            snapshot.push(EntityId::new(id).expect("from 1"), 0, |out| out.extend(codes));
        }
        snapshot.seal(std::collections::BTreeMap::new());
        encoder.follow(&last, &mut snapshot);
        frame.clear();
        let baseline = (tick > 1).then(|| Baseline::from(&last));
        encoder.encode(baseline, &snapshot, false, &mut frame);
        last = snapshot;
    }
    frame.len()
}

#[test]
fn what_goes_on_as_it_did_costs_next_to_nothing() {
    let (resting, flying) = (frame_bytes(0), frame_bytes(3));
    assert!(resting < 10, "{resting} bytes");
    // Two fields of each in a thousandth of a bit or two.
    assert!(flying < 20, "{flying} bytes");
}

#[test]
fn a_baseline_may_be_as_old_as_the_limit_says() {
    let kinds = [];
    let codec = FrameCodec::new(&kinds);
    let mut rng = Rng::new(2, 0);
    for _ in 0..100 {
        let tick = Tick(rng.bits());
        let age = *one_of(&mut rng, &[1, 2, BASELINE_AGE_MAX]);
        let (baseline, snapshot) = (Snapshot::new(tick), Snapshot::new(tick + age));
        let mut frame = Vec::new();
        codec.encode(Some(Baseline::from(&baseline)), &snapshot, true, &mut frame);
        assert_eq!(codec.decode(Some(&baseline), &frame).as_ref(), Ok(&snapshot));
    }
}

/// A world's entities are all of those of its kinds: one that would be too many may come in any of them.
#[test]
fn no_kind_makes_more_entities_than_a_world_holds() {
    let kinds = ["First", "Second"].map(|name| Kind { name: name.into(), fields: Vec::new() });
    let codec = FrameCodec::new(&kinds);
    let full = |first: u16| {
        let mut snapshot = Snapshot::new(Tick(first.into()));
        for id in 1..=ENTITIES_MAX as u16 {
            snapshot.push(EntityId::new(id).expect("from 1"), 1, |_| {});
        }
        for id in 0..first {
            snapshot.push(EntityId::new(ENTITIES_MAX as u16 + 1 + id).expect("from 1"), 0, |_| {});
        }
        snapshot.seal(std::collections::BTreeMap::new());
        snapshot
    };
    let mut frame = Vec::new();
    codec.encode(Some(Baseline::from(&full(0))), &full(1), false, &mut frame);
    let error = FrameError::Malformed("more entities than a world holds");
    assert_eq!(codec.decode(Some(&full(0)), &frame), Err(error));
    frame.clear();
    codec.encode(None, &full(1), false, &mut frame);
    assert_eq!(codec.decode(None, &frame), Err(error));
}
