//! What becomes of entities from a baseline to its frame, whoever codes it.

use std::collections::VecDeque;

use fracas_shared::schema::Kind;
use fracas_shared::snapshot::Snapshot;

use super::super::entropy::{Entropies, EntropyMeter};

/// What is counted while snapshots go by.
pub(super) struct Updates {
    baseline: usize,
    /// Enough to look at a baseline's baseline, the oldest first.
    held: VecDeque<Snapshot>,
    entropy: EntropyMeter,
    counts: Counts,
}

/// How many there were, in all frames that have a baseline.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    /// Entities of frames that are in their baselines too.
    pub(super) updates: u64,
    /// Updates that change anything.
    pub(super) changed: u64,
    /// Entities that are not in the baseline.
    pub(super) entered: u64,
    /// Entities that are in the baseline alone.
    pub(super) left: u64,
}

impl Updates {
    pub(super) fn new(kind: &Kind, baseline: usize) -> Self {
        let entropy = EntropyMeter::new(kind.fields.iter().map(|field| field.kind.bits().into()));
        Self { baseline, held: VecDeque::new(), entropy, counts: Counts::default() }
    }

    /// Counts the next snapshot.
    pub(super) fn add(&mut self, snapshot: &Snapshot) {
        let back = |frames: usize| self.held.len().checked_sub(frames).map(|place| &self.held[place]);
        if let Some(base) = back(self.baseline) {
            let before = back(2 * self.baseline);
            let Counts { updates, changed, entered, left } = &mut self.counts;
            let updates_before = *updates;
            for now in snapshot.rows() {
                let Some(base) = base.get(now.id) else {
                    *entered += 1;
                    continue;
                };
                *updates += 1;
                *changed += u64::from(base.codes != now.codes);
                let before = before.and_then(|before| before.get(now.id)).map(|row| row.codes);
                self.entropy.add(before, base.codes, now.codes);
            }
            *left += base.len() as u64 - (*updates - updates_before);
        }
        self.held.push_back(snapshot.clone());
        if self.held.len() > 2 * self.baseline {
            self.held.pop_front();
        }
    }

    pub(super) fn finish(self) -> (Counts, Entropies) {
        (self.counts, self.entropy.entropies())
    }
}
