//! Rows of a kind that a baseline and a snapshot both have, as the encoder takes them.

use std::ops::Range;

use super::moves::{History, KNOWN_MAX, are_alike, staying};
use super::{Baseline, FieldWidth};
use crate::snapshot::Snapshot;

/// Rows of one kind that stay: field by field, what is known of them and where they went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stay<'a> {
    /// How many ticks lie in between.
    pub(super) age: u32,
    /// What the viewer knows of each row.
    pub(super) histories: &'a [History],
    pub(super) last: &'a [i32],
    pub(super) second: &'a [i32],
    /// Of each row, whether it moved.
    pub(super) now: &'a [History],
    /// By how much.
    pub(super) differences: &'a [i32],
    /// Where each was and is, counted within the kind; none when that is the same for all, and all stay.
    pub(super) pairs: Option<&'a [(u32, u32)]>,
}

impl Stay<'_> {
    pub(super) fn rows(&self) -> usize {
        self.histories.len()
    }

    /// Where a field's column is.
    pub(super) fn column(&self, field: usize) -> Range<usize> {
        field * self.rows()..(field + 1) * self.rows()
    }
}

/// Memory for what is not at hand as it is needed.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pairs: Vec<(u32, u32)>,
    histories: Vec<History>,
    last: Vec<i32>,
    second: Vec<i32>,
    now: Vec<History>,
    differences: Vec<i32>,
}

impl Gathered {
    pub(super) fn pairs(&mut self) -> &mut Vec<(u32, u32)> {
        &mut self.pairs
    }

    /// The rows of a kind that stay.
    pub(super) fn stay<'a>(
        &'a mut self,
        widths: &[FieldWidth],
        kind: usize,
        baseline: Baseline<'a>,
        snapshot: &'a Snapshot,
    ) -> Stay<'a> {
        let old = baseline.snapshot;
        let age = snapshot.tick().since(old.tick()) as u32;
        let (from, to) = (old.kind(kind), snapshot.kind(kind));
        // The next tick for who followed is what nearly all frames are.
        let is_noted = snapshot.moves.since == Some(old.tick());
        if is_noted && baseline.depth == KNOWN_MAX && are_alike(old, snapshot, kind) {
            return Stay {
                age,
                histories: &old.moves.histories[from.rows()],
                last: &old.moves.last[from.codes()],
                second: &old.moves.second[from.codes()],
                now: &snapshot.moves.histories[to.rows()],
                differences: &snapshot.moves.last[to.codes()],
                pairs: None,
            };
        }
        staying(old, snapshot, kind, &mut self.pairs);
        self.histories.clear();
        self.last.clear();
        self.second.clear();
        self.now.clear();
        self.differences.clear();
        let histories = &old.moves.histories[from.rows()];
        self.histories
            .extend(self.pairs.iter().map(|pair| histories[pair.0 as usize].to_depth(baseline.depth)));
        self.now.resize(self.pairs.len(), History::default());
        let (last, second) = (&old.moves.last[from.codes()], &old.moves.second[from.codes()]);
        let (old_codes, codes) = (&old.codes[from.codes()], &snapshot.codes[to.codes()]);
        let (rows, fields) = (from.rows().len(), widths.len());
        for (field, width) in widths.iter().enumerate() {
            for (&(from, to), now) in self.pairs.iter().zip(&mut self.now) {
                let (from, to) = (from as usize, to as usize);
                let moves = field * rows + from;
                self.last.push(if baseline.depth > 0 { last[moves] } else { 0 });
                self.second.push(if baseline.depth > 1 { second[moves] } else { 0 });
                let difference =
                    width.difference(codes[to * fields + field], old_codes[from * fields + field]);
                self.differences.push(difference);
                now.note_move(difference);
            }
        }
        self.now.iter_mut().for_each(|now| *now = now.next());
        Stay {
            age,
            histories: &self.histories,
            last: &self.last,
            second: &self.second,
            now: &self.now,
            differences: &self.differences,
            pairs: Some(&self.pairs),
        }
    }
}
