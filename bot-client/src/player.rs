//! What a lane needs to know of a bot: everything but its socket.

use std::time::{Duration, Instant};

use fracas_client::ClientError;
use fracas_shared::CloseCode;

use crate::record::Record;

/// A bot without I/O. It is told what comes and what the time is, and says what is to be sent.
pub(crate) trait Player {
    /// There is a connection: the first one, or another one in place of one that is gone.
    fn connected(&mut self, turn: &mut Turn<'_>) -> Result<(), Failure>;

    /// Takes a message.
    fn hear(&mut self, message: Message<'_>, turn: &mut Turn<'_>) -> Result<Next, Failure>;

    /// The time of [`Player::wake_at`] has come.
    fn wake(&mut self, turn: &mut Turn<'_>) -> Result<Next, Failure>;

    /// When it has something to do by itself; it may be woken earlier.
    fn wake_at(&self) -> Option<Instant>;

    /// What is to be sent next.
    fn poll_send(&mut self) -> Option<Outgoing>;

    /// The connection was dropped on purpose, and there will be another one.
    fn dropped(&mut self, turn: &mut Turn<'_>);

    /// Its time is up. When all is said it answers [`Next::Over`], now or later.
    fn leave(&mut self, turn: &mut Turn<'_>) -> Result<Next, Failure>;

    /// It is over, well or not.
    fn ended(&mut self, turn: &mut Turn<'_>);

    /// Whether it ever had a seat, or what comes next to it elsewhere.
    fn has_played(&self) -> bool;
}

/// When something happens to a bot, and where that is noted.
pub(crate) struct Turn<'a> {
    pub(crate) now: Instant,
    pub(crate) record: &'a mut Record,
    /// Whether the load tester itself was so late lately that what a bot misses may be its own fault.
    pub(crate) was_late: bool,
}

/// A message from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) is_text: bool,
    pub(crate) payload: &'a [u8],
    /// Bytes that it took on the line, its head too.
    pub(crate) line_bytes: usize,
}

/// A message to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) is_text: bool,
    pub(crate) payload: Vec<u8>,
}

/// What becomes of a bot's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It goes on.
    GoOn,
    /// It is dropped without a word, and soon there is another one.
    Drop,
    /// Nothing more is said on it; when the server has hung up, there is another one.
    HalfClose,
    /// There is another one, while this one is still open.
    Replace,
    /// Nothing is read of it for so long.
    ReadIn(Duration),
    /// It is closed: the bot is done.
    Over,
}

/// The kind of failure of who came back and did not have the seat again.
pub(crate) const SEAT_LOST: &str = "seat_lost";

/// Why a bot ended before it was asked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: String,
    pub(crate) message: String,
    /// Nobody listens there.
    pub(crate) is_no_server: bool,
    /// The server is gone, or about to restart: what a bot outlives whose server is restarted.
    pub(crate) is_restart: bool,
}

impl Failure {
    pub(crate) fn new(kind: &str, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), message: message.into(), is_no_server: false, is_restart: false }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        // EMFILE, which the standard library has no name for.
        let is_out_of_files =
            matches!(&error, ClientError::NoServer { error, .. } if error.raw_os_error() == Some(24));
        if is_out_of_files {
            let message = format!("{error}; each bot needs one: raise the limit with `ulimit -n`");
            return Self::new("too_many_open_files", message);
        }
        Self {
            kind: error.label(),
            is_no_server: matches!(error, ClientError::NoServer { .. }),
            is_restart: matches!(error, ClientError::Lost(_))
                || error.close_code() == Some(CloseCode::Restart),
            message: error.to_string(),
        }
    }
}
