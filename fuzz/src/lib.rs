//! What the fuzz targets do with their bytes, and where these begin.

use fracas_shared::frame::FrameCodec;
use fracas_shared::limits::{ENTITIES_MAX, TEXTS_MAX};
use fracas_shared::schema::{Field, FieldKind, Kind};
use fracas_shared::snapshot::Snapshot;
use fracas_sim::journal::{Entry, Histories, Read, Segment, SegmentHead, SegmentWriter, Wanted, What};

/// Frames of one input, at most.
const FRAMES_MAX: usize = 8;

/// The views that an input's first byte chooses among: fields of every sort, kinds without any, nothing at all.
pub fn views() -> Vec<Vec<Kind>> {
    let kind = |name: &str, fields: Vec<FieldKind>| Kind {
        name: name.into(),
        fields: (0..).zip(fields).map(|(place, kind)| Field::new(format!("f{place}"), kind)).collect(),
    };
    let fixed = |bits| FieldKind::Fixed { min: 0.0, step: 0.125, bits };
    let ship = || {
        let aim = FieldKind::Angle { bits: 10 };
        kind("Ship", vec![fixed(12), fixed(12), aim, FieldKind::Uint { bits: 7 }, FieldKind::Text])
    };
    let wide = || {
        let numbers = vec![FieldKind::Int { bits: 32 }, fixed(31), FieldKind::Uint { bits: 32 }];
        kind("Wide", [numbers, vec![FieldKind::Bool, FieldKind::Entity, FieldKind::Bytes]].concat())
    };
    vec![
        vec![ship()],
        vec![ship(), kind("Mark", Vec::new()), wide()],
        vec![wide()],
        vec![kind("Many", vec![FieldKind::Uint { bits: 4 }; 64])],
        vec![],
    ]
}

/// Decodes an input as frames of one viewer: a byte for the views, then each frame behind its length in two bytes.
///
/// # Panics
/// When what was decoded is beyond a limit, or is not what it becomes when it goes on its way again.
pub fn frames(input: &[u8]) {
    let Some((choice, mut rest)) = input.split_first() else { return };
    let views = views().swap_remove(usize::from(*choice) % views().len());
    let codec = FrameCodec::new(&views);
    let mut held: Option<Snapshot> = None;
    for _ in 0..FRAMES_MAX {
        let Some((length, after)) = rest.split_first_chunk::<2>() else { return };
        let length = usize::from(u16::from_le_bytes(*length)).min(after.len());
        let (frame, after) = after.split_at(length);
        rest = after;
        let Ok(snapshot) = codec.decode(held.as_ref(), frame) else { continue };
        assert!(snapshot.len() <= ENTITIES_MAX && snapshot.strings().len() <= TEXTS_MAX);
        let mut again = Vec::new();
        codec.encode(None, &snapshot, true, &mut again);
        assert_eq!(codec.decode(None, &again).as_ref(), Ok(&snapshot));
        held = Some(snapshot);
    }
}

/// The head of the files that [`journals`] makes.
pub fn head() -> SegmentHead {
    SegmentHead { number: 1, process: 2, lane: 0, previous: 0, needed: 1, build: "fuzz".into() }
}

/// Reads an input as a file of a journal when its first byte is even; else its rest is the entries of a chunk whose checksum
/// is right, which no chance would find.
///
/// # Panics
/// When a history does not begin with a checkpoint, or what was read is not what is read when it is written anew.
pub fn journals(input: &[u8]) {
    let Some((choice, rest)) = input.split_first() else { return };
    let mut writer = SegmentWriter::new(head());
    let bytes = if choice % 2 == 0 {
        rest
    } else {
        writer.put_made(rest);
        writer.bytes()
    };
    let Ok(segment) = Segment::open(bytes) else { return };
    let mut again = SegmentWriter::new(segment.head().clone());
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for read in segment.entries() {
        if let Read::Entry(entry) = read {
            again.put(&entry);
            entries.push(entry);
        }
    }
    let again = again.bytes();
    let again = Segment::open(again).expect("what was written can be read");
    assert!(again.entries().eq(entries.into_iter().map(Read::Entry)), "what is written anew is the same");
    for wanted in [Wanted::Latest, Wanted::All] {
        let mut histories = Histories::new(wanted);
        histories.read(&segment);
        for history in histories.finish().into_values() {
            let first = history.entries.first();
            assert!(
                first.is_none_or(|first| matches!(first, What::Checkpoint { .. })),
                "nobody goes on from elsewhere"
            );
        }
    }
}
