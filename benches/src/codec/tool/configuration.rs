//! What is measured: ways to code frames, by name.

use fracas_shared::frame::{Baseline, FrameCodec, FrameEncoder, FrameError};
use fracas_shared::schema::Kind;
use fracas_shared::snapshot::Snapshot;

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
    vec![Configuration { name: "default", coder: |kind| Box::new(RoomCodec::new(kind)) }]
}

/// As rooms and clients code them. Nothing else here calls the codec.
struct RoomCodec {
    encoder: FrameEncoder,
    decoder: FrameCodec,
    /// What the viewer of the last frame knows; see [`Baseline::depth`].
    depth: u8,
}

impl RoomCodec {
    fn new(kind: &Kind) -> Self {
        let views = std::slice::from_ref(kind);
        Self { encoder: FrameEncoder::new(views), decoder: FrameCodec::new(views), depth: 0 }
    }
}

impl Coder for RoomCodec {
    fn follow(&mut self, last: &Snapshot, snapshot: &mut Snapshot) {
        self.encoder.follow(last, snapshot);
    }

    fn encode(&mut self, baseline: Option<&Snapshot>, snapshot: &Snapshot, out: &mut Vec<u8>) {
        // Who holds a baseline that is one frame back is the viewer of the last frame. With any other age, nobody
        // has decoded a delta of one tick, and the depth stays 0.
        let age = baseline.map_or(0, |baseline| snapshot.tick().since(baseline.tick()) as u32);
        let baseline = baseline.map(|snapshot| Baseline { snapshot, depth: self.depth });
        self.depth = baseline.map_or(0, |baseline| Baseline::depth_after(baseline.depth, age));
        self.encoder.encode(baseline, snapshot, false, out);
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
