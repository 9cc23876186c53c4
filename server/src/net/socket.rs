//! A WebSocket on this server's transport: messages in, messages out, with limits on both.
//!
//! It knows nothing of what the messages mean. One of the files that may name tungstenite, which does
//! the framing, the masks, the pongs and the closing handshake.

mod boundary;
mod metered;

use std::mem;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fracas_shared::CloseCode;
use fracas_shared::limits::{
    CLIENT_MESSAGE_BYTES_MAX, CLOSE_TIME_MAX_S, FRAME_BYTES_MAX, MESSAGE_TIME_MAX_S, READ_BUFFER_BYTES,
    RECEIVED_BYTES_PER_S_MAX, SEND_BUFFER_BYTES, WRITE_BUFFER_BYTES_MAX,
};
use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tracing::debug;

pub(super) use self::boundary::framed_bytes;
use self::boundary::{BINARY, PING, TEXT};
use self::metered::{Breach, Full, Metered};
use super::transport::Transport;
use super::wire::Broken;

/// Below this many bytes messages that are sent together leave in one write.
const WRITE_BATCH_BYTES: usize = 16 * 1024;

/// What a socket takes from its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketLimits {
    /// A message, of 125 bytes at least. Longer: closed with [`CloseCode::MessageTooLong`].
    pub message_bytes_max: usize,
    /// Bytes in any second, those of heads and masks too. More: closed with [`CloseCode::TooFast`].
    pub received_bytes_per_s_max: u64,
    /// From a message's first byte to its last. Longer: closed with [`CloseCode::IdleTimeout`].
    pub message_time_max: Duration,
    /// What waits to be written, encoded. More: closed with [`CloseCode::TooSlow`].
    pub write_buffer_bytes_max: usize,
}

impl Default for SocketLimits {
    /// Those of players.
    fn default() -> Self {
        Self {
            message_bytes_max: CLIENT_MESSAGE_BYTES_MAX,
            received_bytes_per_s_max: RECEIVED_BYTES_PER_S_MAX,
            message_time_max: Duration::from_secs(MESSAGE_TIME_MAX_S),
            write_buffer_bytes_max: WRITE_BUFFER_BYTES_MAX,
        }
    }
}

/// What came from the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inbound {
    /// A binary message.
    Binary(Bytes),
    /// A message of text.
    Text(Utf8Bytes),
    /// A ping, which is answered already, or a pong.
    Control,
    /// The client ends the connection, with this code if it says one.
    Close(Option<u16>),
}

/// What goes to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outbound {
    /// A binary message.
    Binary(Bytes),
    /// A message of text.
    Text(Utf8Bytes),
    /// A ping without a payload.
    Ping,
}

/// A WebSocket.
///
/// What is of every day is read and written past the engine, which is there from the first other thing that comes
/// until that is done: so who says nothing unusual costs no engine, and no buffers.
pub struct Socket {
    engine: Engine,
    is_flushing: bool,
}

#[expect(clippy::large_enum_variant, reason = "nearly all are away nearly always")]
enum Engine {
    Away(Metered),
    Here(Box<WebSocketStream<Metered>>),
    /// While it comes or goes.
    Moving,
}

impl Engine {
    fn metered(&self) -> &Metered {
        match self {
            Self::Away(metered) => metered,
            Self::Here(websocket) => websocket.get_ref(),
            Self::Moving => unreachable!("it has come or gone before anything else is done"),
        }
    }

    fn metered_mut(&mut self) -> &mut Metered {
        match self {
            Self::Away(metered) => metered,
            Self::Here(websocket) => websocket.get_mut(),
            Self::Moving => unreachable!("it has come or gone before anything else is done"),
        }
    }

    /// Lets the engine come, which goes on where what was read past it ends.
    fn come(self) -> Box<WebSocketStream<Metered>> {
        let metered = match self {
            Self::Away(metered) => metered,
            Self::Here(websocket) => return websocket,
            Self::Moving => unreachable!("it has come or gone before anything else is done"),
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(WRITE_BATCH_BYTES)
            .max_write_buffer_size(metered.limits.write_buffer_bytes_max)
            .max_message_size(Some(metered.limits.message_bytes_max))
            .max_frame_size(Some(metered.limits.message_bytes_max));
        // A future because it wants a context; there is nothing that it waits for.
        match WebSocketStream::from_raw_socket(metered, Role::Server, Some(config)).now_or_never() {
            Some(websocket) => Box::new(websocket),
            None => unreachable!("it shakes no hands"),
        }
    }
}

impl Socket {
    /// Goes on with a transport that has just become a WebSocket; `leftover` was read from it already.
    pub fn open(transport: Transport, leftover: &[u8], limits: SocketLimits) -> Self {
        Self { engine: Engine::Away(Metered::new(transport, limits, leftover)), is_flushing: false }
    }

    /// The next message.
    pub fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Inbound, Broken>> {
        loop {
            let websocket = match &mut self.engine {
                Engine::Away(metered) => {
                    if let Some(message) = ready!(metered.poll_plain(cx)).map_err(Error::from)? {
                        return Poll::Ready(Ok(Inbound::Binary(message)));
                    }
                    self.engine = Engine::Here(mem::replace(&mut self.engine, Engine::Moving).come());
                    continue;
                }
                Engine::Here(websocket) => websocket,
                Engine::Moving => unreachable!("it has come or gone before anything else is done"),
            };
            match websocket.poll_next_unpin(cx) {
                Poll::Ready(Some(message)) => return Poll::Ready(Ok(self.inbound(message?))),
                Poll::Ready(None) => return Poll::Ready(Err(Error::ConnectionClosed.into())),
                // It has nothing in its buffers any more.
                Poll::Pending if !self.is_flushing && websocket.get_ref().is_between_messages() => {
                    if let Engine::Here(websocket) = mem::replace(&mut self.engine, Engine::Moving) {
                        self.engine = Engine::Away(websocket.into_inner());
                    }
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn inbound(&mut self, message: Message) -> Inbound {
        match message {
            Message::Binary(bytes) => Inbound::Binary(bytes),
            Message::Text(text) => Inbound::Text(text),
            Message::Ping(_) | Message::Pong(_) => {
                // The pong is written with the next flush.
                self.is_flushing = true;
                Inbound::Control
            }
            Message::Close(frame) => Inbound::Close(frame.map(|frame| frame.code.into())),
            Message::Frame(_) => unreachable!("frames are not given to readers"),
        }
    }

    /// Adds a message to what is to be written.
    pub fn start_send(&mut self, message: Outbound) -> Result<(), Broken> {
        self.is_flushing = true;
        match &mut self.engine {
            Engine::Here(websocket) => {
                let message = match message {
                    Outbound::Binary(bytes) => Message::Binary(bytes),
                    Outbound::Text(text) => Message::Text(text),
                    Outbound::Ping => Message::Ping(Bytes::new()),
                };
                websocket.start_send_unpin(message).map_err(Broken::from)
            }
            engine => engine.metered_mut().put(message.first_byte(), message.payload()).map_err(Broken::from),
        }
    }

    /// Ready when all has been written.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        if self.is_flushing {
            match &mut self.engine {
                Engine::Here(websocket) => ready!(websocket.poll_flush_unpin(cx)).map_err(Broken::from)?,
                engine => ready!(engine.metered_mut().poll_unsent(cx)).map_err(Error::from)?,
            }
            self.is_flushing = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Leaves the reactor, where the transport can.
    pub fn leave_reactor(&mut self) -> bool {
        self.engine.metered_mut().transport.leave_reactor()
    }

    /// Begins a turn of one who left the reactor, and asks the exchange for what has come.
    pub fn begin_turn(&mut self) {
        self.engine.metered_mut().begin_turn();
    }

    /// Takes the plain messages that have come to one who left the reactor. Whether there is more, to be polled for.
    pub fn hear(&mut self, now: Instant, hear: &mut dyn FnMut(&[u8]) -> bool) -> Result<bool, Broken> {
        self.engine.metered_mut().read_past(now, hear).map_err(|error| Error::from(error).into())
    }

    /// Hands the exchange messages for one who left the reactor, and was flushed before.
    pub fn write(&mut self, messages: &[Bytes]) -> Result<(), Broken> {
        self.engine.metered_mut().write_past(messages).map_err(Broken::from)
    }

    /// Takes note of what the line took of that. The rest is written with the next flush.
    pub fn settle(&mut self) -> Result<(), Broken> {
        let is_stuck = self.engine.metered_mut().settle().map_err(Error::from)?;
        self.is_flushing |= is_stuck;
        Ok(())
    }

    /// Whether it left the reactor.
    pub fn is_unwatched(&self) -> bool {
        matches!(self.engine.metered().transport, Transport::Unwatched(_))
    }

    /// Comes back to the reactor. To be called inside a runtime.
    pub fn come_back(&mut self) -> Result<(), Broken> {
        let come_back = self.engine.metered_mut().transport.come_back();
        come_back.map_err(|error| Broken { code: None, error: Some(error.to_string().into()) })
    }

    /// Bytes received since this was last asked.
    pub fn take_received_bytes(&mut self) -> u64 {
        std::mem::take(&mut self.engine.metered_mut().received)
    }

    /// Writes what is left, `last` after what waits already, and shakes hands for the end, for
    /// [`CLOSE_TIME_MAX_S`] at most; then the line is cut.
    pub async fn finish(self, last: Vec<Bytes>, code: Option<CloseCode>) {
        let frame = code.map(|code| CloseFrame { code: code.number().into(), reason: code.reason().into() });
        let websocket = &mut *self.engine.come();
        websocket.get_mut().unbound();
        make_room_for_last_word(&websocket.get_ref().transport);
        let farewell = async {
            // Errors mean that the other side is gone, which is what this is about.
            for message in last {
                let _ = websocket.feed(Message::Binary(message)).await;
            }
            let _ = websocket.close(frame).await;
            // The answer to a client's own close is not sent by that, and nothing is to be read before it has left:
            // a socket that has just come back to the reactor takes nothing yet.
            let _ = websocket.flush().await;
            websocket.get_mut().received = 0;
            while websocket.get_ref().may_read_on() && matches!(websocket.next().await, Some(Ok(_))) {}
            // To close a socket in which something is unread resets the connection, and the client
            // loses what it has not read yet: the close frame.
            let stream = websocket.get_mut();
            let _ = stream.shutdown().await;
            let mut unread = [0; 1024];
            while stream.may_read_on() {
                if !stream.read(&mut unread).await.is_ok_and(|count| count > 0) {
                    return;
                }
            }
            // What floods is left to wait, and has the same time to read why it is closed.
            std::future::pending::<()>().await;
        };
        if timeout(Duration::from_secs(CLOSE_TIME_MAX_S), farewell).await.is_err() {
            debug!("the client did not take its leave in time");
        }
    }
}

impl Outbound {
    fn first_byte(&self) -> u8 {
        match self {
            Self::Binary(_) => BINARY,
            Self::Text(_) => TEXT,
            Self::Ping => PING,
        }
    }

    fn payload(&self) -> &[u8] {
        match self {
            Self::Binary(bytes) => bytes,
            Self::Text(text) => text.as_bytes(),
            Self::Ping => &[],
        }
    }
}

impl From<Full> for Broken {
    fn from(_: Full) -> Self {
        Self { code: Some(CloseCode::TooSlow), error: Some("more would wait to be written than may".into()) }
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Capacity(_) => Some(CloseCode::MessageTooLong),
            Error::Utf8(_) => Some(CloseCode::NotUtf8),
            // The line was lost, which is nobody's fault.
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
            Error::Protocol(_) => Some(CloseCode::NotWebSocket),
            Error::WriteBufferFull(_) => Some(CloseCode::TooSlow),
            Error::Io(error) => Breach::of(error).map(Breach::code),
            _ => None,
        };
        let is_end = matches!(error, Error::ConnectionClosed | Error::AlreadyClosed);
        Self { code, error: (!is_end).then(|| error.to_string().into()) }
    }
}

/// Lets the kernel take what a client has not read and the close frame behind it: nothing comes after.
fn make_room_for_last_word(transport: &Transport) {
    let socket = transport.socket();
    let grown = socket
        .set_send_buffer_size(SEND_BUFFER_BYTES + FRAME_BYTES_MAX)
        .and_then(|()| socket.set_tcp_notsent_lowat(u32::MAX >> 1));
    if let Err(error) = grown {
        debug!(%error, "a client that does not read is not told why it is closed");
    }
}

#[cfg(test)]
mod tests {
    use fracas_shared::limits::{FAREWELL_BYTES_MAX, UNSENT_BYTES_MAX};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// A socket, and the client's end, which reads nothing by itself.
    async fn pair(limits: SocketLimits) -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        crate::net::door::bound_kernel_buffers(&stream);
        (Socket::open(Transport::Tcp(stream), &[], limits), client)
    }

    #[tokio::test]
    async fn buffers_are_as_small_as_they_are_said_to_be() {
        let (socket, _client) = pair(SocketLimits::default()).await;
        let kernels = socket.engine.metered().transport.socket().send_buffer_size().unwrap();
        let unsent = socket.engine.metered().transport.socket().tcp_notsent_lowat().unwrap();
        assert_eq!(unsent, UNSENT_BYTES_MAX);
        assert_eq!(socket.engine.come().get_config().read_buffer_size, READ_BUFFER_BYTES);
        // Linux takes the same again for its own bookkeeping.
        assert!((SEND_BUFFER_BYTES..=2 * SEND_BUFFER_BYTES).contains(&kernels), "{kernels}");
    }

    #[tokio::test]
    async fn what_waits_for_a_client_that_does_not_read_is_bounded() {
        // 32 KiB with the head of its frame, which counts.
        const PIECE: usize = 32 * 1024 - 4;
        let (mut socket, _client) = pair(SocketLimits::default()).await;
        let mut sent = 0;
        let broken = loop {
            if let Err(broken) = socket.start_send(Outbound::Binary(vec![0; PIECE].into())) {
                break broken;
            }
            sent += PIECE;
            // Above all that there is: the buffer, and the kernels' on both sides.
            assert!(sent < WRITE_BUFFER_BYTES_MAX + 64 * SEND_BUFFER_BYTES, "{sent} bytes wait");
        };
        assert_eq!(broken.code, Some(CloseCode::TooSlow));
        assert!(sent > WRITE_BUFFER_BYTES_MAX - PIECE, "{sent}");
    }

    #[tokio::test]
    async fn a_flood_is_not_read_to_its_end() {
        let (socket, client) = pair(SocketLimits::default()).await;
        let (mut reading, mut writing) = client.into_split();
        let flood = tokio::spawn(async move {
            // Masked pings without a payload, more than all buffers on the way hold.
            let pings = [0x89, 0x80, 0, 0, 0, 0].repeat(1024 * 1024);
            let mut sent = 0;
            while let Ok(count) = writing.write(&pings).await {
                sent += count as u64;
                assert!(sent < 1 << 30, "it is read on and on");
            }
            sent
        });
        let farewell = tokio::spawn(socket.finish(Vec::new(), Some(CloseCode::TooFast)));
        let mut close = [0; 4];
        reading.read_exact(&mut close).await.expect("the client is told why");
        assert_eq!((close[0], &close[2..]), (0x88, &CloseCode::TooFast.number().to_be_bytes()[..]));
        farewell.await.unwrap();
        assert!(flood.await.unwrap() >= FAREWELL_BYTES_MAX, "so much is read");
    }
}
