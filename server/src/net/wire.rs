//! What a player's messages come and go by: a WebSocket, or a session of Socket.IO.

use std::fmt;
use std::future::Future;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use fracas_shared::CloseCode;

/// A way to one client. Nobody else reads or writes it.
pub trait Wire: Send + 'static {
    /// The next message.
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Inbound, Broken>>;

    /// Adds a message to what is to be written.
    fn start_send(&mut self, message: Bytes) -> Result<(), Broken>;

    /// How many bytes a message takes on the line.
    fn bytes_of(&self, message: &Bytes) -> u64;

    /// Asks the client for a sign of life, which comes as [`Inbound::Control`].
    fn ping(&mut self);

    /// Ready when all has been written. Only then is more to be added, so that what is newer may take its
    /// place.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>>;

    /// Leaves the reactor: from now on it is read and written between [`Wire::begin_turn`]s, and wakes nobody.
    /// False, and nothing done, where that cannot be.
    fn leave_reactor(&mut self) -> bool {
        false
    }

    /// Begins a turn of one who left the reactor, and asks the [exchange](crate::exchange) for what has come; as much
    /// is read in it as has come until then.
    fn begin_turn(&mut self) {}

    /// Takes binary messages of one who left the reactor, as long as `hear` wants more. Whether there may be more,
    /// or something else, to be polled for.
    fn hear(&mut self, now: Instant, hear: &mut dyn FnMut(&[u8]) -> bool) -> Result<bool, Broken> {
        let _ = (now, hear);
        Ok(true)
    }

    /// [`Wire::start_send`] of each; of one who left the reactor, by the exchange, which is to be settled.
    fn send_all(&mut self, messages: &mut Vec<Bytes>) -> Result<(), Broken> {
        messages.drain(..).try_for_each(|message| self.start_send(message))
    }

    /// Takes note of what the line took of what was sent by the exchange.
    fn settle(&mut self) -> Result<(), Broken> {
        Ok(())
    }

    /// Comes back to the reactor. To be called inside a runtime.
    fn come_back(&mut self) -> Result<(), Broken> {
        Ok(())
    }

    /// Bytes received since this was last asked.
    fn take_received_bytes(&mut self) -> u64;

    /// Writes what is left, `last` after what waits already, and ends the connection, for
    /// [`CLOSE_TIME_MAX_S`](fracas_shared::limits::CLOSE_TIME_MAX_S) at most; then the line is cut.
    fn finish(self, last: Vec<Bytes>, code: Option<CloseCode>) -> impl Future<Output = ()> + Send;
}

/// What came from the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// A binary message.
    Binary(Bytes),
    /// A message of text, which the protocol has none of.
    Text,
    /// A sign of life.
    Control,
    /// The client ends the connection, with this code if it says one.
    Close(Option<u16>),
}

/// The connection cannot go on.
#[derive(Debug)]
pub struct Broken {
    /// What to close with; none when the line is gone.
    pub code: Option<CloseCode>,
    /// What happened; none when the line just ended, as lines do.
    pub error: Option<Box<str>>,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.error.as_deref().unwrap_or("the line ended"))
    }
}
