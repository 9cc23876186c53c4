//! The strings of a snapshot on their way.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::range::{RangeDecoder, RangeEncoder};
use super::{Baseline, FrameCodec, FrameError};
use crate::limits::TEXTS_MAX;
use crate::snapshot::Snapshot;

type Strings = BTreeMap<u32, Arc<[u8]>>;

/// Whether the snapshot has strings that the baseline does not have at the same place.
pub(super) fn differ(baseline: Option<Baseline<'_>>, snapshot: &Snapshot) -> bool {
    let is_shared =
        |baseline: Baseline<'_>| Arc::ptr_eq(baseline.snapshot.shared_strings(), snapshot.shared_strings());
    !baseline.is_some_and(is_shared) && new(baseline, snapshot).next().is_some()
}

fn new<'a>(
    baseline: Option<Baseline<'a>>,
    snapshot: &'a Snapshot,
) -> impl Iterator<Item = (&'a u32, &'a Arc<[u8]>)> {
    let old = baseline.map(|baseline| baseline.snapshot.strings());
    snapshot
        .strings()
        .iter()
        .filter(move |(place, string)| old.and_then(|old| old.get(place)) != Some(string))
}

/// The strings that the baseline does not have at the same place.
pub(super) fn put(coder: &mut RangeEncoder<'_>, baseline: Option<Baseline<'_>>, snapshot: &Snapshot) {
    coder.put_bits(new(baseline, snapshot).count() as u32, 10);
    for (place, string) in new(baseline, snapshot) {
        coder.put_bits(*place, 10);
        coder.put_bits(string.len() as u32, 8);
        for byte in string.iter() {
            coder.put_bits(u32::from(*byte), 8);
        }
    }
}

/// The baseline's strings and, over them, the frame's.
pub(super) fn take(coder: &mut RangeDecoder<'_>, baseline: Option<&Snapshot>) -> Result<Strings, FrameError> {
    let mut strings = baseline.map(|baseline| baseline.strings().clone()).unwrap_or_default();
    for _ in 0..coder.take_bits(10) {
        let place = coder.take_bits(10);
        if place == 0 || place as usize > TEXTS_MAX {
            return Err(FrameError::Malformed("a string at no place"));
        }
        let string: Arc<[u8]> = (0..coder.take_bits(8)).map(|_| coder.take_bits(8) as u8).collect();
        coder.check()?;
        strings.insert(place, string);
    }
    Ok(strings)
}

impl FrameCodec {
    /// Of these strings, the ones that rows name; each name must have its string.
    pub(super) fn strings_in_use(
        &self,
        snapshot: &Snapshot,
        strings: &Strings,
    ) -> Result<Strings, FrameError> {
        let mut in_use = Strings::new();
        for row in snapshot.rows() {
            for place in &self.strings[usize::from(row.kind)] {
                let code = row.codes[usize::from(*place)];
                if code != 0 {
                    let string = strings.get(&code).ok_or(FrameError::Malformed("a string is missing"))?;
                    in_use.entry(code).or_insert_with(|| string.clone());
                }
            }
        }
        Ok(in_use)
    }
}
