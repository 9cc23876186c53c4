//! One configuration, chunk by chunk: its bytes, its time, and that it brings back what it was given.

use std::collections::BTreeMap;
use std::mem;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use fracas_shared::frame::FrameError;
use fracas_shared::limits::FRAME_BYTES_MAX;
use fracas_shared::schema::Kind;
use fracas_shared::snapshot::Snapshot;

use super::configuration::{Coder, Configuration};
use super::differ::difference;
use super::trace::Frame;

/// How often all is encoded and decoded; the median counts.
const PASSES: usize = 5;

/// What is measured of one configuration.
pub(super) struct Meter {
    name: &'static str,
    baseline: usize,
    passes: Vec<Pass>,
    /// The last snapshots that were encoded, as many as a baseline is back.
    sent: Vec<Snapshot>,
    viewer: Viewer,
    measured: Measured,
}

/// What learns from frames learns them in order, so each pass has a coder of its own.
struct Pass {
    coder: Box<dyn Coder>,
    encoding: Duration,
    decoding: Duration,
}

/// The figures of one configuration.
#[derive(Default)]
pub(super) struct Measured {
    pub(super) name: &'static str,
    pub(super) keyframes: u64,
    pub(super) keyframe_bytes: u64,
    /// How many frames there are of each size, keyframes aside.
    pub(super) sizes: BTreeMap<usize, u64>,
    /// Entities of these frames.
    pub(super) rows: u64,
    /// With following how each snapshot came of the last one.
    pub(super) encode_ns_per_entity: f64,
    pub(super) decode_ns_per_entity: f64,
}

impl Meter {
    pub(super) fn new(configuration: &Configuration, kind: &Kind, baseline: usize) -> Self {
        let pass = || Pass {
            coder: (configuration.coder)(kind),
            encoding: Duration::ZERO,
            decoding: Duration::ZERO,
        };
        Self {
            name: configuration.name,
            baseline,
            passes: std::iter::repeat_with(pass).take(PASSES).collect(),
            sent: Vec::new(),
            viewer: Viewer::new(baseline),
            measured: Measured::default(),
        }
    }

    /// Measures the next frames. The answer is the bytes of each.
    pub(super) fn measure(&mut self, frames: &[Frame], kind: &Kind) -> Result<Vec<usize>> {
        let keyframes = (self.baseline - self.sent.len()).min(frames.len());
        let encoded = self.encode(frames, keyframes)?;
        for (frame, bytes) in frames.iter().zip(encoded.frames()) {
            ensure!(
                bytes.len() <= FRAME_BYTES_MAX,
                "tick {}: its frame has {} bytes, and {FRAME_BYTES_MAX} is all that a room may send: leave out \
                 entities or fields",
                frame.tick,
                bytes.len()
            );
        }
        let viewer = self.verify(frames, &encoded, kind)?;
        self.decode(&encoded, keyframes)?;
        self.viewer = viewer;
        Ok(self.count(frames, &encoded, keyframes))
    }

    fn encode(&mut self, frames: &[Frame], keyframes: usize) -> Result<Encoded> {
        let mut first: Option<Encoded> = None;
        let held = self.sent.len();
        let mut sent: Vec<Snapshot> = Vec::new();
        for pass in &mut self.passes {
            sent = self.sent.iter().chain(frames.iter().map(|frame| &frame.snapshot)).cloned().collect();
            let mut encoded = Encoded::with_room_for(first.as_ref(), frames.len());
            let (first_delta, end) = (held + keyframes, sent.len());
            let mut encode = |place: usize| {
                let (before, rest) = sent.split_at_mut(place);
                if let Some(last) = before.last() {
                    pass.coder.follow(last, &mut rest[0]);
                }
                let baseline = place.checked_sub(self.baseline).map(|place| &before[place]);
                pass.coder.encode(baseline, &rest[0], &mut encoded.bytes);
                encoded.ends.push(encoded.bytes.len());
            };
            (held..first_delta).for_each(&mut encode);
            let began = Instant::now();
            (first_delta..end).for_each(&mut encode);
            pass.encoding += began.elapsed();
            let first = first.get_or_insert_with(|| encoded.clone());
            ensure!(*first == encoded, "{}: the same frames were encoded to other bytes", self.name);
        }
        sent.drain(..sent.len().saturating_sub(self.baseline));
        self.sent = sent;
        Ok(first.unwrap_or_default())
    }

    /// Decodes all frames once and holds them against what went. The answer is who has decoded them.
    fn verify(&self, frames: &[Frame], encoded: &Encoded, kind: &Kind) -> Result<Viewer> {
        let coder = &*self.passes[0].coder;
        let mut viewer = self.viewer.clone();
        for (frame, bytes) in frames.iter().zip(encoded.frames()) {
            let failed = match viewer.take(coder, bytes) {
                Ok(came) => difference(frame, came, kind),
                Err(error) => Some(error.to_string()),
            };
            if let Some(what) = failed {
                bail!("{}: tick {} does not come back as it went: {what}", self.name, frame.tick);
            }
        }
        Ok(viewer)
    }

    fn decode(&mut self, encoded: &Encoded, keyframes: usize) -> Result<()> {
        for pass in &mut self.passes {
            let mut viewer = self.viewer.clone();
            for bytes in encoded.frames().take(keyframes) {
                viewer.take(&*pass.coder, bytes)?;
            }
            let began = Instant::now();
            for bytes in encoded.frames().skip(keyframes) {
                viewer.take(&*pass.coder, bytes)?;
            }
            pass.decoding += began.elapsed();
        }
        Ok(())
    }

    fn count(&mut self, frames: &[Frame], encoded: &Encoded, keyframes: usize) -> Vec<usize> {
        let sizes: Vec<_> = encoded.frames().map(<[u8]>::len).collect();
        let Measured { keyframes: all_keyframes, keyframe_bytes, sizes: counts, rows, .. } =
            &mut self.measured;
        *all_keyframes += keyframes as u64;
        *keyframe_bytes += sizes[..keyframes].iter().sum::<usize>() as u64;
        for size in &sizes[keyframes..] {
            *counts.entry(*size).or_default() += 1;
        }
        *rows += frames[keyframes..].iter().map(|frame| frame.snapshot.len() as u64).sum::<u64>();
        sizes
    }

    pub(super) fn finish(self) -> Measured {
        let rows = self.measured.rows as f64;
        let median = |of: fn(&Pass) -> Duration| {
            let mut times: Vec<_> = self.passes.iter().map(of).collect();
            times.sort_unstable();
            times[times.len() / 2].as_nanos() as f64 / rows
        };
        Measured {
            name: self.name,
            encode_ns_per_entity: median(|pass| pass.encoding),
            decode_ns_per_entity: median(|pass| pass.decoding),
            ..self.measured
        }
    }
}

/// Frames one after the other, and where each ends.
#[derive(Clone, Default, PartialEq)]
struct Encoded {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Encoded {
    /// With as much memory as the same frames took before: to get it is no part of the coding.
    fn with_room_for(before: Option<&Self>, frames: usize) -> Self {
        let bytes = before.map_or(0, |encoded| encoded.bytes.len());
        Self { bytes: Vec::with_capacity(bytes), ends: Vec::with_capacity(frames) }
    }

    fn frames(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

/// Who decodes: holds as many snapshots as a baseline is back, and the memory of one more.
#[derive(Clone)]
struct Viewer {
    held: Vec<Snapshot>,
    next: Snapshot,
    frames: usize,
}

impl Viewer {
    fn new(baseline: usize) -> Self {
        Self { held: vec![Snapshot::default(); baseline], next: Snapshot::default(), frames: 0 }
    }

    /// Decodes the next frame. Its place is that of its baseline, which is of no use after that.
    fn take(&mut self, coder: &dyn Coder, frame: &[u8]) -> Result<&Snapshot, FrameError> {
        let count = self.held.len();
        let place = self.frames % count;
        let baseline = (self.frames >= count).then_some(&self.held[place]);
        coder.decode(baseline, frame, &mut self.next)?;
        // A delta of one tick tells that by itself.
        if count > 1 && self.frames > 0 {
            coder.followed(&self.held[(place + count - 1) % count], &mut self.next);
        }
        mem::swap(&mut self.held[place], &mut self.next);
        self.frames += 1;
        Ok(&self.held[place])
    }
}
