//! The rows of a frame, kind by kind: who leaves, what changed field by field, who enters.

mod put;
mod take;

use super::Baseline;
use super::model::{CHANCES, CONTEXTS, FieldModel, KindModel, widening};
use super::moves::{History, are_alike};
use super::shape::Shape;
use crate::snapshot::Snapshot;

/// Whether entities left or entered.
pub(super) fn differ(baseline: Option<Baseline<'_>>, snapshot: &Snapshot, kinds: usize) -> bool {
    let Some(Baseline { snapshot: old, .. }) = baseline else { return !snapshot.is_empty() };
    (0..kinds).any(|kind| !are_alike(old, snapshot, kind))
}

/// The chance that a row of this history has changed.
#[inline]
fn chance(model: &KindModel, history: History) -> u32 {
    CHANCES[usize::from(model.chances[history.context()] % 16)].into()
}

/// A field's shapes at this age.
#[inline]
fn shapes_at(model: &FieldModel, age: u32) -> [Shape; CONTEXTS] {
    if age == 1 { model.shapes } else { model.shapes.map(|shape| shape.wider(widening(age))) }
}
