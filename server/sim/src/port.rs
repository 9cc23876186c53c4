//! How a match reaches its viewers, whatever carries the bytes.

use bytes::Bytes;
use fracas_shared::{CloseCode, PlayerId, Tick};

/// The way to one viewer. The net behind it never blocks the match.
pub trait Port: Send {
    /// Which state the viewer holds or is about to.
    fn held(&self) -> Held;

    /// Puts the newest state in the one place for it; state that waits there unbegun is dropped.
    ///
    /// False, and nothing done, when the state builds on another baseline than [`Held::begun`] by
    /// now: the net began to write what had waited. A keyframe is always taken.
    fn put_state(&mut self, state: StateMessages) -> bool;

    /// Queues a message that must arrive. A viewer for whom too many wait is closed by the net.
    fn send(&mut self, message: Bytes);

    /// Ends the connection, after what was sent before.
    fn close(&mut self, code: CloseCode);

    /// Whether the viewer is still there.
    fn is_open(&self) -> bool;
}

/// Which state a viewer holds or is about to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The tick of the last state whose writing has begun: it will arrive. The viewer's baseline.
    pub begun: Option<Tick>,
    /// The tick of the state that waits to be written.
    pub waiting: Option<Tick>,
}

/// One tick's state for one viewer: two messages, meant for one write.
#[derive(Clone, Debug)]
pub struct StateMessages {
    /// The tick it shows.
    pub tick: Tick,
    /// The tick it builds on; none for a keyframe.
    pub baseline: Option<Tick>,
    /// What only this viewer is told; none for a spectator.
    pub own: Option<Bytes>,
    /// The frame, shared with others.
    pub frame: Bytes,
}

/// One who watches a match: a player or a spectator.
pub struct Viewer {
    /// The way to it.
    pub port: Box<dyn Port>,
    /// Its seat.
    pub player: Option<PlayerId>,
    /// Whether it lost track and asked for a keyframe.
    pub needs_keyframe: bool,
    /// From which tick on the viewer's states count as baselines: that of the keyframe it was given
    /// when it last asked. A keyframe that waits may be replaced before it is written, so a
    /// keyframe is owed until one was begun.
    resynced: Option<Tick>,
}

impl Viewer {
    /// A viewer that has seen nothing yet.
    pub fn new(port: Box<dyn Port>, player: Option<PlayerId>) -> Self {
        Self { port, player, needs_keyframe: false, resynced: None }
    }

    /// Takes note of a wish for a keyframe, at this tick.
    pub(crate) fn note_resync(&mut self, tick: Tick) {
        if std::mem::take(&mut self.needs_keyframe) {
            self.resynced = Some(tick);
        }
    }

    /// The tick of the state that a delta for it may build on.
    pub(crate) fn baseline(&self) -> Option<Tick> {
        let is_good = |begun: &Tick| self.resynced.is_none_or(|tick| !tick.is_after(*begun));
        self.port.held().begun.filter(is_good)
    }
}
