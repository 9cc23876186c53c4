//! What is measured: ways to code frames, by name.

use fracas_shared::frame::{Baseline, FrameCodec, FrameEncoder, FrameError};
use fracas_shared::schema::Kind;
use fracas_shared::snapshot::Snapshot;

use super::controls::{Change, Packed};

/// A way to code frames.
pub struct Configuration {
    /// What it is called in reports.
    pub name: &'static str,
    /// Makes both ends of it, for entities of one kind.
    pub coder: fn(&Kind) -> Box<dyn Coder>,
}

/// Both ends of a line. A snapshot's baseline is always as many frames back; the first ones have none.
pub trait Coder {
    /// Takes notice of the snapshot after `last`, before its frame is encoded.
    fn follow(&mut self, _last: &Snapshot, _snapshot: &mut Snapshot) {}

    /// Appends the frame of a snapshot to `out`.
    fn encode(&mut self, baseline: Option<&Snapshot>, snapshot: &Snapshot, out: &mut Vec<u8>);

    /// Takes notice of how a snapshot that was decoded came of the one before, which is at hand as well.
    fn followed(&self, _last: &Snapshot, _snapshot: &mut Snapshot) {}

    /// Makes a frame's snapshot in the memory of another one.
    ///
    /// # Errors
    /// When it is none of this baseline.
    fn decode(
        &self,
        baseline: Option<&Snapshot>,
        frame: &[u8],
        snapshot: &mut Snapshot,
    ) -> Result<(), FrameError>;
}

/// All configurations; the first is what rooms and clients use.
pub fn configurations() -> Vec<Configuration> {
    vec![
        Configuration { name: "default", coder: |kind| Box::new(RoomCodec::new(kind)) },
        Configuration { name: "default, never learning", coder: |kind| Box::new(Unlearned::new(kind)) },
        Configuration {
            name: "adaptive Rice, per frame",
            coder: |kind| Box::new(Packed::new(kind, Change::Rice)),
        },
        Configuration {
            name: "changed codes, packed",
            coder: |kind| Box::new(Packed::new(kind, Change::Whole)),
        },
    ]
}

/// By the model that both ends begin with.
struct Unlearned(FrameCodec);

impl Unlearned {
    fn new(kind: &Kind) -> Self {
        Self(FrameCodec::new(std::slice::from_ref(kind)))
    }
}

impl Coder for Unlearned {
    fn follow(&mut self, last: &Snapshot, snapshot: &mut Snapshot) {
        self.0.note_moves(last, snapshot);
    }

    fn encode(&mut self, baseline: Option<&Snapshot>, snapshot: &Snapshot, out: &mut Vec<u8>) {
        self.0.encode(baseline.map(Baseline::from), snapshot, false, out);
    }

    fn followed(&self, last: &Snapshot, snapshot: &mut Snapshot) {
        self.0.note_moves(last, snapshot);
    }

    fn decode(
        &self,
        baseline: Option<&Snapshot>,
        frame: &[u8],
        snapshot: &mut Snapshot,
    ) -> Result<(), FrameError> {
        self.0.decode_into(baseline, frame, snapshot)
    }
}

/// As rooms and clients code them. Nothing else here calls the codec.
struct RoomCodec {
    encoder: FrameEncoder,
    decoder: FrameCodec,
}

impl RoomCodec {
    fn new(kind: &Kind) -> Self {
        let views = std::slice::from_ref(kind);
        Self { encoder: FrameEncoder::new(views), decoder: FrameCodec::new(views) }
    }
}

impl Coder for RoomCodec {
    fn follow(&mut self, last: &Snapshot, snapshot: &mut Snapshot) {
        self.encoder.follow(last, snapshot);
    }

    fn encode(&mut self, baseline: Option<&Snapshot>, snapshot: &Snapshot, out: &mut Vec<u8>) {
        self.encoder.encode(baseline.map(Baseline::from), snapshot, false, out);
    }

    fn followed(&self, last: &Snapshot, snapshot: &mut Snapshot) {
        self.decoder.note_moves(last, snapshot);
    }

    fn decode(
        &self,
        baseline: Option<&Snapshot>,
        frame: &[u8],
        snapshot: &mut Snapshot,
    ) -> Result<(), FrameError> {
        self.decoder.decode_into(baseline, frame, snapshot)
    }
}
