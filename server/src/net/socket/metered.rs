//! What comes over a transport, counted.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use fracas_shared::CloseCode;
use fracas_shared::limits::{FAREWELL_BYTES_MAX, READ_BUFFER_BYTES};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::SocketLimits;
use super::boundary::{BINARY, Boundary, framed_bytes, put_frame, unmask_plain};
use crate::exchange::{self, is_for_now};
use crate::net::rate::Rate;
use crate::net::transport::Transport;

thread_local! {
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BUFFER_BYTES].into());
}

/// A transport on which is counted what is read, whatever becomes of it: also fragments of messages
/// that never end.
pub(super) struct Metered {
    pub(super) transport: Transport,
    pub(super) limits: SocketLimits,
    /// Not yet told.
    pub(super) received: u64,
    rate: Rate,
    boundary: Boundary,
    /// When the message began that is not yet whole.
    begun: Option<Instant>,
    /// What was read past the engine, and is not taken yet.
    backlog: BytesMut,
    /// What was written past the engine, and the transport has not taken.
    unsent: BytesMut,
}

/// A limit that was broken while reading, in the form in which it passes through the framing.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum Breach {
    #[error("more bytes came in a second than are taken")]
    TooFast,
    #[error("a message was not whole in time")]
    TooLong,
}

/// More would wait to be written than may.
pub(super) struct Full;

impl Breach {
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }

    pub(super) fn code(self) -> CloseCode {
        match self {
            Self::TooFast => CloseCode::TooFast,
            Self::TooLong => CloseCode::IdleTimeout,
        }
    }
}

impl Metered {
    /// `leftover` was read already.
    pub(super) fn new(transport: Transport, limits: SocketLimits, leftover: &[u8]) -> Self {
        let now = Instant::now();
        let mut metered = Self {
            transport,
            limits,
            received: 0,
            rate: Rate::new(limits.received_bytes_per_s_max, now),
            boundary: Boundary::default(),
            begun: None,
            backlog: BytesMut::from(leftover),
            unsent: BytesMut::new(),
        };
        // Too much at once is found with what comes next.
        let _ = metered.count(leftover, now);
        metered
    }

    /// Limits do not matter any more: what comes is thrown away.
    pub(super) fn unbound(&mut self) {
        self.rate = Rate::new(u64::MAX, Instant::now());
        self.limits.message_time_max = Duration::MAX;
    }

    /// Whether so little has come after the close frame that its answer may be found in it.
    pub(super) fn may_read_on(&self) -> bool {
        self.received < FAREWELL_BYTES_MAX
    }

    fn count(&mut self, bytes: &[u8], now: Instant) -> Result<(), Breach> {
        self.received += bytes.len() as u64;
        let has_ended = self.boundary.pass(bytes);
        let begun = self.begun.filter(|_| !has_ended).unwrap_or(now);
        self.begun = (!self.boundary.is_between_messages()).then_some(begun);
        if !self.rate.count(bytes.len() as u64, now) {
            return Err(Breach::TooFast);
        }
        if now.saturating_duration_since(begun) > self.limits.message_time_max {
            return Err(Breach::TooLong);
        }
        Ok(())
    }

    /// Whether all that has come was taken, and nothing of a message has come that is not whole.
    pub(super) fn is_between_messages(&self) -> bool {
        self.backlog.is_empty() && self.boundary.is_between_messages()
    }

    /// The next message past the engine, which must have taken all before: none when what comes next is for it, as is
    /// the end.
    pub(super) fn poll_plain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Bytes>>> {
        if self.backlog.is_empty() {
            ready!(READ.with_borrow_mut(|memory| self.poll_backlog(cx, memory)))?;
        }
        let plain = unmask_plain(&mut self.backlog);
        let message = plain.map(|message| self.backlog.split_to(message.end).freeze().slice(message));
        if self.backlog.is_empty() {
            self.backlog = BytesMut::new();
        }
        Poll::Ready(Ok(message))
    }

    /// Reads into the backlog what has come. The memory serves all of a thread's: nobody keeps any to wait with.
    fn poll_backlog(&mut self, cx: &mut Context<'_>, memory: &mut [u8]) -> Poll<io::Result<()>> {
        let mut read = ReadBuf::new(memory);
        ready!(Pin::new(&mut self.transport).poll_read(cx, &mut read))?;
        self.count(read.filled(), Instant::now()).map_err(io::Error::other)?;
        self.backlog = BytesMut::from(read.filled());
        Poll::Ready(Ok(()))
    }

    /// Begins a turn away from the reactor, and asks for what has come, if it may be read past the engine.
    pub(super) fn begin_turn(&mut self) {
        let may_ask = self.is_between_messages();
        let Transport::Unwatched(stream) = &mut self.transport else { return };
        stream.begin_turn();
        if may_ask {
            stream.ask();
        }
    }

    /// Takes what was asked for past the engine, and hands on each plain message, as long as `hear` wants more. Whether
    /// anything is left, to be polled for.
    pub(super) fn read_past(
        &mut self,
        now: Instant,
        hear: &mut dyn FnMut(&[u8]) -> bool,
    ) -> io::Result<bool> {
        let Transport::Unwatched(stream) = &mut self.transport else { return Ok(true) };
        let Some(asked) = stream.take_asked() else { return Ok(true) };
        exchange::take_read(&asked, |read| self.hear(read, now, hear))
    }

    fn hear(
        &mut self,
        read: io::Result<&mut [u8]>,
        now: Instant,
        hear: &mut dyn FnMut(&[u8]) -> bool,
    ) -> io::Result<bool> {
        let Transport::Unwatched(stream) = &mut self.transport else { return Ok(true) };
        let mut rest = match read {
            // The end, which the engine is to find: else it would take leave of one who has gone.
            Ok([]) => return Ok(true),
            Ok(bytes) => bytes,
            Err(error) if is_for_now(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        stream.note_read(rest.len());
        let has_more = stream.may_read();
        self.count(rest, now).map_err(io::Error::other)?;
        while let Some(message) = unmask_plain(rest) {
            let wants_more = hear(&rest[message.clone()]);
            rest = &mut rest[message.end..];
            if !wants_more {
                break;
            }
        }
        self.backlog.extend_from_slice(rest);
        Ok(has_more || !self.backlog.is_empty())
    }

    /// Adds this frame to what is written past the engine, which must have nothing to write.
    ///
    /// # Errors
    /// More would wait than the limits let; nothing is added then.
    pub(super) fn put(&mut self, first: u8, payload: &[u8]) -> Result<(), Full> {
        if self.unsent.len() + framed_bytes(payload.len()) > self.limits.write_buffer_bytes_max {
            return Err(Full);
        }
        put_frame(first, payload, &mut self.unsent);
        Ok(())
    }

    /// Hands the exchange these messages, to be written past the engine, which must have nothing to write; to be
    /// settled.
    pub(super) fn write_past(&mut self, messages: &[Bytes]) -> Result<(), Full> {
        match &mut self.transport {
            Transport::Unwatched(stream) if self.unsent.is_empty() => {
                stream.write(|out| messages.iter().for_each(|message| put_frame(BINARY, message, out)));
                Ok(())
            }
            _ => messages.iter().try_for_each(|message| self.put(BINARY, message)),
        }
    }

    /// Takes note of what the transport took. The rest is written before anything else: whether there is such.
    pub(super) fn settle(&mut self) -> io::Result<bool> {
        if let Transport::Unwatched(stream) = &mut self.transport {
            self.unsent.extend_from_slice(&stream.take_rest()?);
        }
        Ok(!self.unsent.is_empty())
    }

    /// Ready when all that was written past the engine has left.
    pub(super) fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let count = ready!(Pin::new(&mut self.transport).poll_write(cx, &self.unsent))?;
            if count == 0 {
                return Poll::Ready(Err(ErrorKind::WriteZero.into()));
            }
            self.unsent.advance(count);
        }
        // Nobody keeps memory to wait with.
        self.unsent = BytesMut::new();
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.backlog.is_empty() {
            let count = self.backlog.len().min(buf.remaining());
            buf.put_slice(&self.backlog.split_to(count));
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.transport).poll_read(cx, buf))?;
        let bytes = &buf.filled()[before..];
        let is_end = bytes.is_empty();
        Poll::Ready(if is_end { Ok(()) } else { self.count(bytes, Instant::now()).map_err(io::Error::other) })
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_unsent(cx))?;
        Pin::new(&mut self.transport).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_unsent(cx))?;
        Pin::new(&mut self.transport).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_unsent(cx))?;
        Pin::new(&mut self.transport).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_unsent(cx))?;
        Pin::new(&mut self.transport).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use fracas_shared::limits::{MESSAGE_TIME_MAX_S, RECEIVED_BYTES_PER_S_MAX};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// One on a connection, with the limits of players, and the other end.
    async fn meter() -> (Metered, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        (Metered::new(Transport::Tcp(stream), SocketLimits::default(), &[]), client)
    }

    #[tokio::test]
    async fn bytes_are_counted_by_the_second() {
        let (mut meter, _client) = meter().await;
        let start = Instant::now();
        let second = [0x82, 0x80, 0, 0, 0, 0, 0, 0].repeat(RECEIVED_BYTES_PER_S_MAX as usize / 8);
        meter.count(&second, start).expect("as many as may be");
        assert!(matches!(meter.count(&[0x82], start), Err(Breach::TooFast)));
        let later = start + Duration::from_secs(1);
        meter.count(&second, later).expect("another second");
    }

    #[tokio::test]
    async fn a_message_is_whole_in_time_whatever_comes_between() {
        let (mut meter, _client) = meter().await;
        let (pong, begin, end) =
            ([0x8A, 0x80, 0, 0, 0, 0], [0x02, 0x81, 0, 0, 0, 0, 7], [0x80, 0x80, 0, 0, 0, 0]);
        let mut now = Instant::now();
        let long = Duration::from_secs(MESSAGE_TIME_MAX_S) + Duration::from_millis(1);
        // A pong every now and then is nobody's fault.
        for _ in 0..3 {
            meter.count(&pong, now).expect("a pong");
            now += long;
        }
        meter.count(&begin, now).expect("the begin of a message");
        meter.count(&pong, now).expect("a pong");
        assert!(matches!(meter.count(&pong, now + long), Err(Breach::TooLong)));
        meter.count(&end, now).expect("the end of the message");
        now += long;
        // In one read with the end of a message, another one begins.
        meter.count(&begin, now).expect("the begin of a message");
        meter.count(&[&end[..], &begin].concat(), now + long / 2).expect("the begin of the next");
        meter.count(&end, now + long).expect("its end");
    }
}
