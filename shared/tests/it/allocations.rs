//! What takes memory from the allocator, and what does not.

use std::collections::BTreeMap;
use std::mem;

use allocation_counter::measure;
use fracas_shared::frame::{Baseline, FrameEncoder};
use fracas_shared::math::direction;
use fracas_shared::schema::{Field, FieldKind, Kind};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{EntityId, Tick};

const ENTITIES: u16 = 64;
const WARM_UP_TICKS: u32 = 2_000;
const TICKS: u32 = 1_000;
/// Of a frame's flags: the model changes.
const MODEL: u8 = 8;

fn kinds() -> Vec<Kind> {
    let fixed = |name| Field::new(name, FieldKind::Fixed { min: 0.0, step: 1.0 / 32.0, bits: 12 });
    let kind = |name: &str| Kind {
        name: name.into(),
        fields: vec![fixed("x"), fixed("y"), Field::new("hp", FieldKind::Uint { bits: 7 })],
    };
    vec![kind("Ship"), kind("Rock")]
}

/// Things that go round in circles of their own.
fn snapshot(tick: u32) -> Snapshot {
    let mut snapshot = Snapshot::new(Tick(tick));
    for id in 1..=ENTITIES {
        let arm = direction(tick as f32 / 40.0 + f32::from(id)) * f32::from(20 + id);
        let code = |part: f32| (part + 2000.0).round() as u32;
        let codes = [code(arm.x), code(arm.y), 100 - tick / 50 % 100];
        snapshot.push(EntityId::new(id).expect("from 1"), (id % 2) as u8, |out| out.extend(codes));
    }
    snapshot.seal(BTreeMap::new());
    snapshot
}

#[test]
fn steady_frames_take_no_memory() {
    let mut encoder = FrameEncoder::new(&kinds());
    let codec = encoder.codec().clone();
    let mut last = snapshot(0);
    let mut frame = Vec::new();
    encoder.encode(None, &last, false, &mut frame);
    let mut held = codec.decode(None, &frame).expect("a keyframe decodes");
    let mut next = Snapshot::default();
    let mut steady = 0;
    for tick in 1..WARM_UP_TICKS + TICKS {
        let mut now = snapshot(tick);
        frame.clear();
        let used = measure(|| {
            encoder.follow(&last, &mut now);
            encoder.encode(Some(Baseline::from(&last)), &now, false, &mut frame);
            codec.decode_into(Some(&held), &frame, &mut next).expect("a delta decodes");
        });
        assert_eq!(next, now);
        mem::swap(&mut held, &mut next);
        // A better model is new memory, and it is told seldom.
        if tick >= WARM_UP_TICKS && frame[0] & MODEL == 0 {
            steady += 1;
            assert_eq!(used.count_total, 0, "tick {tick}: {} bytes were taken", used.bytes_total);
        }
        last = now;
    }
    assert!(steady > TICKS * 9 / 10, "the model changed in {} ticks", TICKS - steady);
}
