//! How a match reaches its viewers, whatever carries the bytes.

use bytes::Bytes;
use fracas_shared::{CloseCode, Tick};

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

    /// Asks the net for what has come from the viewer, which it reads for many viewers at once. Nothing to do where the
    /// net reads by itself, as in all of the following.
    fn prepare(&mut self) {}

    /// Takes what has come from the viewer: input packets, without their tags, are handed on, and all else is passed
    /// to the room as ever. To be called before each tick, after [`Port::prepare`], when the net has read.
    fn receive(&mut self, input: &mut dyn FnMut(&[u8])) {
        let _ = input;
    }

    /// Hands the net what was put and sent, to be written for many viewers at once. To be called after each tick.
    fn flush(&mut self) {}

    /// Takes note of what came of that, when the net has written.
    fn settle(&mut self) {}

    /// Ends the connection, after what was sent before.
    fn close(&mut self, code: CloseCode);

    /// Whether the viewer is still there.
    fn is_open(&self) -> bool;

    /// Ends the connection from outside of the match, when that does not come back.
    fn closer(&self) -> Closer;
}

/// Ends a viewer's connection with this code, at any time and from any thread.
pub type Closer = Box<dyn Fn(CloseCode) + Send>;

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
