//! The state codec: snapshots of a room as frames of bytes.
//!
//! A frame is either a keyframe, which carries all of a [`Snapshot`], or a delta from a baseline: an
//! earlier snapshot that the viewer holds. [`FrameEncoder`] and [`FrameCodec`] are the whole face of the
//! engine; how it spends its bits is told in docs/PROTOCOL.md.
//!
//! Each field is predicted from how it moved, and what the prediction was wrong by is range coded, by
//! how likely that is. Both depend on the tick alone, never on the way by which a viewer came to it: on
//! its snapshot, on those of the two ticks before, and on the tick's model.
//!
//! Guarantees: decoding what was encoded, with an equal baseline, gives an equal snapshot. Decoding
//! any other bytes gives a snapshot within the limits or an error, in time linear in the bytes and
//! the baseline.

mod head;
mod learner;
mod model;
mod moves;
mod predictions;
mod range;
mod rows;
mod shape;
mod stay;
mod strings;

use std::sync::Arc;

use thiserror::Error;

pub use self::head::FrameHead;
use self::head::{COMINGS, Head, MODEL, STRINGS};
use self::learner::Learner;
pub(crate) use self::model::Model;
pub(crate) use self::moves::Moves;
use self::range::{RangeDecoder, RangeEncoder};
use self::shape::{TABLES, Tables};
use self::stay::Gathered;
use crate::bits::OutOfBits;
use crate::limits::{BASELINE_AGE_MAX, FRAME_BYTES_MAX};
use crate::schema::Kind;
use crate::snapshot::Snapshot;
use crate::tick::Tick;

/// Why a frame cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Its baseline is not the snapshot that was given.
    #[error("the frame builds on another tick than {held:?}, which is at hand")]
    WrongBaseline {
        /// The snapshot that was given.
        held: Option<Tick>,
    },
    /// Its bytes end early.
    #[error(transparent)]
    OutOfBits(#[from] OutOfBits),
    /// Beyond a limit, or no frame at all.
    #[error("malformed frame: {0}")]
    Malformed(&'static str),
    /// The snapshot's hash is not the one that came with it.
    #[error("the view hash of tick {tick} differs: {ours:08x} here, {theirs:08x} there")]
    WrongHash {
        /// Whose snapshot.
        tick: Tick,
        /// The hash of what was decoded.
        ours: u32,
        /// The hash in the frame.
        theirs: u32,
    },
}

/// What a viewer holds.
#[derive(Clone, Copy, Debug)]
pub struct Baseline<'a> {
    /// What it shows.
    pub snapshot: &'a Snapshot,
    /// How many deltas of one tick each led to it, up to [`Baseline::DEPTH`]: so much is known there of
    /// how things moved.
    pub depth: u8,
}

impl<'a> From<&'a Snapshot> for Baseline<'a> {
    /// What a viewer holds that has decoded it.
    fn from(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, depth: Self::DEPTH }
    }
}

impl Baseline<'_> {
    /// More than so many ticks back, nobody looks.
    pub const DEPTH: u8 = moves::KNOWN_MAX;

    /// The depth of the snapshot that a delta of this age makes of one of this depth.
    pub fn depth_after(depth: u8, age: u32) -> u8 {
        if age == 1 { (depth + 1).min(Self::DEPTH) } else { 0 }
    }
}

/// Encodes and decodes frames of one schema's views.
#[derive(Clone, Debug)]
pub struct FrameCodec {
    widths: Vec<Vec<FieldWidth>>,
    /// Of each kind, the places of its strings.
    strings: Vec<Vec<u8>>,
    /// By which frames are coded as long as nothing else was said.
    model: Arc<Model>,
    tables: &'static Tables,
}

/// Makes the frames of a room, and learns how to make them small.
#[derive(Debug)]
pub struct FrameEncoder {
    codec: FrameCodec,
    learner: Learner,
    memory: Gathered,
}

/// The bits of a field's codes.
#[derive(Clone, Copy, Debug)]
struct FieldWidth {
    bits: u32,
    /// Of 32 bits, those that it does not have.
    spare: u32,
}

impl FieldWidth {
    fn new(bits: u8) -> Self {
        Self { bits: bits.into(), spare: 32 - u32::from(bits) }
    }

    /// The nearest to zero of the differences that lead there: they are taken modulo 2^bits.
    #[inline]
    fn wrap(self, difference: i32) -> i32 {
        (difference << self.spare) >> self.spare
    }

    #[inline]
    fn difference(self, code: u32, old: u32) -> i32 {
        self.wrap(code.wrapping_sub(old) as i32)
    }

    #[inline]
    fn add(self, code: u32, difference: i32) -> u32 {
        code.wrapping_add_signed(difference) & (u32::MAX >> self.spare)
    }
}

impl FrameCodec {
    /// The codec of these kinds of views.
    pub fn new(views: &[Kind]) -> Self {
        let width =
            |kind: &Kind| kind.fields.iter().map(|field| FieldWidth::new(field.kind.bits())).collect();
        let strings = |kind: &Kind| {
            let fields = kind.fields.iter().enumerate();
            fields.filter(|(_, field)| field.kind.is_string()).map(|(place, _)| place as u8).collect()
        };
        Self {
            widths: views.iter().map(width).collect(),
            strings: views.iter().map(strings).collect(),
            model: Arc::new(Model::new(views)),
            tables: &TABLES,
        }
    }

    /// Appends the frame of `snapshot` to `out`: a delta from `baseline`, or a keyframe.
    ///
    /// The baseline is at most [`BASELINE_AGE_MAX`] ticks older.
    pub fn encode(
        &self,
        baseline: Option<Baseline<'_>>,
        snapshot: &Snapshot,
        with_hash: bool,
        out: &mut Vec<u8>,
    ) {
        self.encode_with(&mut Gathered::default(), baseline, snapshot, with_hash, out);
    }

    fn encode_with(
        &self,
        memory: &mut Gathered,
        baseline: Option<Baseline<'_>>,
        snapshot: &Snapshot,
        with_hash: bool,
        out: &mut Vec<u8>,
    ) {
        let age = baseline.map_or(0, |baseline| snapshot.tick().since(baseline.snapshot.tick()));
        debug_assert!(
            baseline.is_none() || (1..=BASELINE_AGE_MAX as i32).contains(&age),
            "a baseline of age {age}"
        );
        debug_assert!(
            self.strings_in_use(snapshot, snapshot.strings()).is_ok_and(|used| used == *snapshot.strings()),
            "a snapshot's strings are exactly those that its rows name"
        );
        let model = self.model_of(snapshot);
        let old_model = baseline.map_or(&self.model, |baseline| self.model_of(baseline.snapshot));
        let has_other_model = !Arc::ptr_eq(model, old_model) && model != old_model;
        let has_comings = rows::differ(baseline, snapshot, self.widths.len());
        let follows = [
            (STRINGS, strings::differ(baseline, snapshot)),
            (MODEL, has_other_model),
            (COMINGS, has_comings),
        ];
        let head = Head {
            tick: snapshot.tick(),
            age: baseline.is_some().then_some(age as u8),
            hash: with_hash.then(|| snapshot.hash()),
            follows: follows.iter().filter(|(_, follows)| *follows).map(|(flag, _)| flag).sum(),
        };
        head.put(out);
        let mut coder = RangeEncoder::new(out);
        if head.has(STRINGS) {
            strings::put(&mut coder, baseline, snapshot);
        }
        if has_other_model {
            model.put(&mut coder, old_model);
        }
        self.put_rows(&mut coder, baseline, snapshot, model, has_comings, memory);
        coder.finish();
    }

    fn model_of<'a>(&'a self, snapshot: &'a Snapshot) -> &'a Arc<Model> {
        snapshot.model.as_ref().unwrap_or(&self.model)
    }

    /// Takes note of how a snapshot came of that of the tick before. What is decoded by a delta of one tick knows it
    /// already; what came by an older one does not, and may be told when the tick before is at hand.
    pub fn note_moves(&self, last: &Snapshot, snapshot: &mut Snapshot) {
        self.note_moves_with(&mut Gathered::default(), last, snapshot);
    }

    fn note_moves_with(&self, memory: &mut Gathered, last: &Snapshot, snapshot: &mut Snapshot) {
        if snapshot.tick().since(last.tick()) == 1 {
            snapshot.moves.since = Some(last.tick());
            for (kind, widths) in self.widths.iter().enumerate() {
                moves::note(widths, kind, (last, snapshot), memory.pairs());
            }
        }
    }

    /// What a frame builds on, without decoding it. `near` is a tick that is at most 127 ticks off, such as
    /// that of the frame before: deltas tell the lowest bits alone.
    pub fn peek(frame: &[u8], near: Tick) -> Result<FrameHead, FrameError> {
        let (head, _) = Head::take(frame, near)?;
        Ok(FrameHead {
            tick: head.tick,
            baseline: head.age.map(|age| Tick(head.tick.0.wrapping_sub(age.into()))),
            hash: head.hash,
        })
    }

    /// The snapshot of a frame. `baseline` is what the viewer holds; it must be the one that the
    /// frame builds on, and is not looked at for a keyframe.
    pub fn decode(&self, baseline: Option<&Snapshot>, frame: &[u8]) -> Result<Snapshot, FrameError> {
        let mut snapshot = Snapshot::default();
        self.decode_into(baseline, frame, &mut snapshot)?;
        Ok(snapshot)
    }

    /// The same in the memory that another snapshot has, which is of no use after an error.
    pub fn decode_into(
        &self,
        baseline: Option<&Snapshot>,
        frame: &[u8],
        snapshot: &mut Snapshot,
    ) -> Result<(), FrameError> {
        if frame.len() > FRAME_BYTES_MAX {
            return Err(FrameError::Malformed("longer than a frame may be"));
        }
        let near = baseline.map_or(Tick(0), Snapshot::tick);
        let (head, rest) = Head::take(frame, near)?;
        let baseline = match head.age {
            None => None,
            Some(age) => Some(
                baseline
                    .filter(|baseline| head.tick.since(baseline.tick()) == i32::from(age))
                    .ok_or(FrameError::WrongBaseline { held: baseline.map(Snapshot::tick) })?,
            ),
        };
        snapshot.reset(head.tick);
        let mut coder = RangeDecoder::new(rest);
        let strings = if head.has(STRINGS) { Some(strings::take(&mut coder, baseline)?) } else { None };
        let mut model = baseline.map_or(&self.model, |baseline| self.model_of(baseline)).clone();
        if head.has(MODEL) {
            Arc::make_mut(&mut model).take(&mut coder)?;
        }
        let names_others = self.take_rows(&mut coder, baseline, &model, head.has(COMINGS), snapshot)?;
        coder.check()?;
        if !coder.is_at_end() {
            return Err(FrameError::Malformed("bytes after its end"));
        }
        snapshot.model = Some(model);
        match (baseline, strings) {
            (Some(baseline), None) if !names_others => {
                snapshot.share_strings(baseline.shared_strings().clone());
            }
            (baseline, strings) => {
                let strings = strings.or_else(|| baseline.map(|baseline| baseline.strings().clone()));
                let strings = self.strings_in_use(snapshot, &strings.unwrap_or_default())?;
                snapshot.share_strings(Arc::new(strings));
            }
        }
        match head.hash {
            Some(theirs) if theirs != snapshot.hash() => {
                Err(FrameError::WrongHash { tick: head.tick, ours: snapshot.hash(), theirs })
            }
            _ => Ok(()),
        }
    }
}

impl FrameEncoder {
    /// The encoder of a room with these kinds of views.
    pub fn new(views: &[Kind]) -> Self {
        let codec = FrameCodec::new(views);
        let learner = Learner::new(&codec.widths);
        Self { codec, learner, memory: Gathered::default() }
    }

    /// The codec that decodes these frames.
    pub fn codec(&self) -> &FrameCodec {
        &self.codec
    }

    /// Takes how the snapshot that follows the last one came to be, and decides how its frames are coded.
    pub fn follow(&mut self, last: &Snapshot, snapshot: &mut Snapshot) {
        self.codec.note_moves_with(&mut self.memory, last, snapshot);
        let mut model = self.codec.model_of(last).clone();
        if snapshot.tick().since(last.tick()) == 1 {
            self.learn(Baseline::from(last), snapshot);
        }
        if self.learner.is_due()
            && let Some(improved) = self.learner.improved(&model)
        {
            model = Arc::new(improved);
        }
        snapshot.model = Some(model);
    }

    /// Appends the frame of a snapshot that followed: see [`FrameCodec::encode`].
    pub fn encode(
        &mut self,
        baseline: Option<Baseline<'_>>,
        snapshot: &Snapshot,
        with_hash: bool,
        out: &mut Vec<u8>,
    ) {
        self.codec.encode_with(&mut self.memory, baseline, snapshot, with_hash, out);
        if let Some(baseline) = baseline
            && snapshot.tick().since(baseline.snapshot.tick()) > 1
        {
            self.learn(baseline, snapshot);
        }
    }

    /// Looks at some of the rows that stay.
    fn learn(&mut self, baseline: Baseline<'_>, snapshot: &Snapshot) {
        for (kind, widths) in self.codec.widths.iter().enumerate() {
            let stay = self.memory.stay(widths, kind, baseline, snapshot);
            self.learner.note(kind, &stay, snapshot.tick());
        }
    }
}
