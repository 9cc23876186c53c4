//! The state codec: snapshots of a room as frames of bytes.
//!
//! A frame is either a keyframe, which carries all of a [`Snapshot`], or a delta from a baseline: an
//! earlier snapshot that the viewer holds. [`FrameCodec`] is the whole face of the engine; how it
//! spends its bits is told in docs/PROTOCOL.md.
//!
//! Guarantees: decoding what was encoded, with an equal baseline, gives an equal snapshot. Decoding
//! any other bytes gives a snapshot within the limits or an error, in time linear in the bytes and
//! the baseline.

use std::collections::BTreeMap;
use std::sync::Arc;

use thiserror::Error;

use crate::bits::{BitReader, BitWriter, OutOfBits};
use crate::id::EntityId;
use crate::limits::{BASELINE_AGE_MAX, ENTITIES_MAX, FRAME_BYTES_MAX, TEXTS_MAX};
use crate::quant::code_max;
use crate::schema::{Field, FieldKind, Kind, index_bits};
use crate::snapshot::{EntityRow, Snapshot};
use crate::tick::Tick;

/// Why a frame cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Its baseline is not the snapshot that was given.
    #[error("the frame builds on tick {wanted}, which is not at hand")]
    WrongBaseline {
        /// The baseline it needs.
        wanted: Tick,
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

/// What a frame says before its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// The tick it shows.
    pub tick: Tick,
    /// The tick that it builds on; none for a keyframe.
    pub baseline: Option<Tick>,
    /// The view hash, when it rides along.
    pub hash: Option<u32>,
}

/// Encodes and decodes frames of one schema's views.
#[derive(Clone, Debug)]
pub struct FrameCodec {
    kinds: Vec<Vec<FieldCoding>>,
    kind_bits: u32,
}

/// How one field's codes are written.
#[derive(Clone, Copy, Debug)]
struct FieldCoding {
    bits: u32,
    /// Bits of a small difference; 0 when a changed code is always written whole.
    small_bits: u32,
    is_string: bool,
}

impl FieldCoding {
    /// Differences are taken modulo 2^bits, so an angle may turn through zero.
    fn zigzag(self, from: u32, to: u32) -> u32 {
        let shift = 32 - self.bits;
        let difference = (to.wrapping_sub(from) << shift) as i32 >> shift;
        (difference << 1 ^ difference >> 31) as u32 & code_max(self.bits as u8)
    }

    fn unzigzag(self, from: u32, zigzag: u32) -> u32 {
        let difference = zigzag >> 1 ^ (zigzag & 1).wrapping_neg();
        from.wrapping_add(difference) & code_max(self.bits as u8)
    }

    #[inline]
    fn put_change(self, bits: &mut BitWriter<'_>, from: u32, to: u32) {
        if self.small_bits > 0 {
            let zigzag = self.zigzag(from, to);
            let is_small = zigzag >> self.small_bits == 0;
            bits.put_bool(is_small);
            if is_small {
                bits.put(zigzag, self.small_bits);
                return;
            }
        }
        bits.put(to, self.bits);
    }

    #[inline]
    fn take_change(self, bits: &mut BitReader<'_>, from: u32) -> Result<u32, OutOfBits> {
        if self.small_bits > 0 && bits.take_bool()? {
            Ok(self.unzigzag(from, bits.take(self.small_bits)?))
        } else {
            bits.take(self.bits)
        }
    }
}

impl FrameCodec {
    /// The codec of these kinds of views.
    pub fn new(views: &[Kind]) -> Self {
        let coding = |kind: &Kind| {
            let field = |field: &Field| {
                let bits = u32::from(field.kind.bits());
                let is_number = matches!(
                    field.kind,
                    FieldKind::Uint { .. }
                        | FieldKind::Int { .. }
                        | FieldKind::Fixed { .. }
                        | FieldKind::Angle { .. }
                );
                let small_bits = if is_number && bits > 3 { bits.div_ceil(2) } else { 0 };
                FieldCoding { bits, small_bits, is_string: field.kind.is_string() }
            };
            kind.fields.iter().map(field).collect()
        };
        Self { kinds: views.iter().map(coding).collect(), kind_bits: u32::from(index_bits(views.len())) }
    }

    /// Appends the frame of `snapshot` to `out`: a delta from `baseline`, or a keyframe.
    ///
    /// The baseline is at most [`BASELINE_AGE_MAX`] ticks older.
    pub fn encode(
        &self,
        baseline: Option<&Snapshot>,
        snapshot: &Snapshot,
        with_hash: bool,
        out: &mut Vec<u8>,
    ) {
        let mut bits = BitWriter::new(out);
        bits.put(snapshot.tick().0, 32);
        bits.put_bool(baseline.is_none());
        if let Some(baseline) = baseline {
            let age = snapshot.tick().since(baseline.tick());
            debug_assert!((1..=BASELINE_AGE_MAX as i32).contains(&age), "a baseline of age {age}");
            bits.put(age as u32, 8);
        }
        bits.put_bool(with_hash);
        if with_hash {
            bits.put(snapshot.hash(), 32);
        }
        debug_assert!(
            self.strings_in_use(snapshot, snapshot.strings()).is_ok_and(|used| used == *snapshot.strings()),
            "a snapshot's strings are exactly those that its rows name"
        );
        let nothing = Snapshot::default();
        let baseline = baseline.unwrap_or(&nothing);
        put_strings(&mut bits, baseline, snapshot);
        self.put_rows(&mut bits, baseline, snapshot);
        bits.finish();
    }

    /// First what became of each row of the baseline, then the rows that are new.
    fn put_rows(&self, bits: &mut BitWriter<'_>, baseline: &Snapshot, snapshot: &Snapshot) {
        let mut now = snapshot.rows().peekable();
        for old in baseline.rows() {
            while now.next_if(|row| row.id < old.id).is_some() {}
            match now.next_if(|row| row.id == old.id && row.kind == old.kind) {
                Some(row) if row.codes == old.codes => bits.put_bool(false),
                Some(row) => {
                    bits.put(0b01, 2);
                    self.put_update(bits, old, row);
                }
                None => bits.put(0b11, 2),
            }
        }
        let mut old = baseline.rows().peekable();
        for row in snapshot.rows() {
            while old.next_if(|old| old.id < row.id).is_some() {}
            if old.next_if(|old| old.id == row.id && old.kind == row.kind).is_some() {
                continue;
            }
            bits.put_bool(true);
            bits.put(u32::from(row.id.get()), 16);
            bits.put(u32::from(row.kind), self.kind_bits);
            for (coding, code) in self.kinds[row.kind as usize].iter().zip(row.codes) {
                bits.put(*code, coding.bits);
            }
        }
        bits.put_bool(false);
    }

    fn put_update(&self, bits: &mut BitWriter<'_>, old: EntityRow<'_>, row: EntityRow<'_>) {
        for (coding, (from, to)) in self.kinds[row.kind as usize].iter().zip(old.codes.iter().zip(row.codes))
        {
            bits.put_bool(from != to);
            if from != to {
                coding.put_change(bits, *from, *to);
            }
        }
    }

    /// What a frame builds on, without decoding it.
    pub fn peek(frame: &[u8]) -> Result<FrameHead, FrameError> {
        take_head(&mut BitReader::new(frame))
    }

    /// The snapshot of a frame. `baseline` is what the viewer holds; it must be the one that the
    /// frame builds on, and is not looked at for a keyframe.
    pub fn decode(&self, baseline: Option<&Snapshot>, frame: &[u8]) -> Result<Snapshot, FrameError> {
        if frame.len() > FRAME_BYTES_MAX {
            return Err(FrameError::Malformed("longer than a frame may be"));
        }
        let mut bits = BitReader::new(frame);
        let head = take_head(&mut bits)?;
        let nothing = Snapshot::default();
        let baseline = match head.baseline {
            None => &nothing,
            Some(wanted) => baseline
                .filter(|baseline| baseline.tick() == wanted)
                .ok_or(FrameError::WrongBaseline { wanted })?,
        };
        let mut snapshot = Snapshot::new(head.tick);
        let strings = take_strings(&mut bits, baseline)?;
        self.take_rows(&mut bits, baseline, &mut snapshot)?;
        if !bits.is_at_end() {
            return Err(FrameError::Malformed("bytes after its end"));
        }
        let strings = self.strings_in_use(&snapshot, &strings)?;
        snapshot.seal(strings);
        if snapshot.has_twins() {
            return Err(FrameError::Malformed("an entity enters twice"));
        }
        match head.hash {
            Some(theirs) if theirs != snapshot.hash() => {
                Err(FrameError::WrongHash { tick: head.tick, ours: snapshot.hash(), theirs })
            }
            _ => Ok(snapshot),
        }
    }

    fn take_rows(
        &self,
        bits: &mut BitReader<'_>,
        baseline: &Snapshot,
        snapshot: &mut Snapshot,
    ) -> Result<(), FrameError> {
        for old in baseline.rows() {
            let has_changed = bits.take_bool()?;
            if has_changed && bits.take_bool()? {
                continue;
            }
            snapshot.push(old.id, old.kind, |codes| codes.extend_from_slice(old.codes));
            if has_changed {
                for (coding, code) in self.kinds[old.kind as usize].iter().zip(snapshot.last_codes_mut()) {
                    if bits.take_bool()? {
                        *code = coding.take_change(bits, *code)?;
                    }
                }
            }
        }
        while bits.take_bool()? {
            if snapshot.len() >= ENTITIES_MAX {
                return Err(FrameError::Malformed("more entities than a world holds"));
            }
            let id = EntityId::new(bits.take(16)? as u16).ok_or(FrameError::Malformed("entity id 0"))?;
            let kind = bits.take(self.kind_bits)? as u8;
            let codings = self.kinds.get(kind as usize).ok_or(FrameError::Malformed("no such kind"))?;
            snapshot.push(id, kind, |codes| codes.resize(codes.len() + codings.len(), 0));
            for (coding, code) in codings.iter().zip(snapshot.last_codes_mut()) {
                *code = bits.take(coding.bits)?;
            }
        }
        Ok(())
    }

    /// Of these strings, the ones that rows name; each name must have its string.
    fn strings_in_use(
        &self,
        snapshot: &Snapshot,
        strings: &BTreeMap<u32, Arc<[u8]>>,
    ) -> Result<BTreeMap<u32, Arc<[u8]>>, FrameError> {
        let mut in_use = BTreeMap::new();
        for row in snapshot.rows() {
            for (coding, code) in self.kinds[row.kind as usize].iter().zip(row.codes) {
                if coding.is_string && *code != 0 {
                    let string = strings.get(code).ok_or(FrameError::Malformed("a string is missing"))?;
                    in_use.entry(*code).or_insert_with(|| string.clone());
                }
            }
        }
        Ok(in_use)
    }
}

fn take_head(bits: &mut BitReader<'_>) -> Result<FrameHead, FrameError> {
    let tick = Tick(bits.take(32)?);
    let baseline = if bits.take_bool()? {
        None
    } else {
        let age = bits.take(8)?;
        if !(1..=BASELINE_AGE_MAX).contains(&age) {
            return Err(FrameError::Malformed("a baseline of no allowed age"));
        }
        Some(Tick(tick.0.wrapping_sub(age)))
    };
    let hash = if bits.take_bool()? { Some(bits.take(32)?) } else { None };
    Ok(FrameHead { tick, baseline, hash })
}

/// The strings that the baseline does not have at the same place.
fn put_strings(bits: &mut BitWriter<'_>, baseline: &Snapshot, snapshot: &Snapshot) {
    let new = |(place, string): &(&u32, &Arc<[u8]>)| baseline.strings().get(place) != Some(string);
    let count = snapshot.strings().iter().filter(new).count();
    bits.put_bool(count > 0);
    if count == 0 {
        return;
    }
    bits.put(count as u32, 10);
    for (place, string) in snapshot.strings().iter().filter(new) {
        bits.put(*place, 10);
        bits.put(string.len() as u32, 8);
        for byte in string.iter() {
            bits.put(u32::from(*byte), 8);
        }
    }
}

/// The baseline's strings and, over them, the frame's.
fn take_strings(
    bits: &mut BitReader<'_>,
    baseline: &Snapshot,
) -> Result<BTreeMap<u32, Arc<[u8]>>, FrameError> {
    let mut strings = baseline.strings().clone();
    if bits.take_bool()? {
        for _ in 0..bits.take(10)? {
            let place = bits.take(10)?;
            if place == 0 || place as usize > TEXTS_MAX {
                return Err(FrameError::Malformed("a string at no place"));
            }
            let length = bits.take(8)? as usize;
            let mut string = Vec::with_capacity(length);
            for _ in 0..length {
                string.push(bits.take(8)? as u8);
            }
            strings.insert(place, string.into());
        }
    }
    Ok(strings)
}
