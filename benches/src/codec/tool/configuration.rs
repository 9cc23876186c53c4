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
        Configuration { name: "default", coder: |kind| Box::new(RoomCodec::new(kind, true)) },
        Configuration {
            name: "default, never learning",
            coder: |kind| Box::new(RoomCodec::new(kind, false)),
        },
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

/// As rooms and clients code them, or by the model that both ends begin with.
struct RoomCodec {
    encoder: FrameEncoder,
    decoder: FrameCodec,
    does_learn: bool,
}

impl RoomCodec {
    fn new(kind: &Kind, does_learn: bool) -> Self {
        let views = std::slice::from_ref(kind);
        Self { encoder: FrameEncoder::new(views), decoder: FrameCodec::new(views), does_learn }
    }
}

impl Coder for RoomCodec {
    fn follow(&mut self, last: &Snapshot, snapshot: &mut Snapshot) {
        if self.does_learn {
            self.encoder.follow(last, snapshot);
        } else {
            self.decoder.note_moves(last, snapshot);
        }
    }

    fn encode(&mut self, baseline: Option<&Snapshot>, snapshot: &Snapshot, out: &mut Vec<u8>) {
        let baseline = baseline.map(Baseline::from);
        if self.does_learn {
            self.encoder.encode(baseline, snapshot, false, out);
        } else {
            self.decoder.encode(baseline, snapshot, false, out);
        }
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
