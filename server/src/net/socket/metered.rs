//! What comes over a transport, counted.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use fracas_shared::CloseCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::SocketLimits;
use crate::net::rate::Rate;
use crate::net::transport::Transport;

/// A transport on which is counted what is read, whatever becomes of it: also fragments of messages
/// that never end.
pub(super) struct Metered {
    pub(super) transport: Transport,
    limits: SocketLimits,
    /// Not yet told.
    pub(super) received: u64,
    rate: Rate,
    /// Bytes of a message that is not yet whole, as far as can be told, and when they began.
    pending: u64,
    begun: Option<Instant>,
}

/// A limit that was broken while reading, in the form in which it passes through the framing.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum Breach {
    #[error("more bytes came in a second than are taken")]
    TooFast,
    #[error("a message was not whole in time")]
    TooLong,
}

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

/// A control frame of a client, without its payload: a head of 2 bytes and a mask of 4.
const CONTROL_HEAD_BYTES: usize = 6;

impl Metered {
    pub(super) fn new(transport: Transport, limits: SocketLimits, received: u64) -> Self {
        let now = Instant::now();
        let mut rate = Rate::new(limits.received_bytes_per_s_max, now);
        // Too much at once is found with what comes next.
        rate.count(received, now);
        Self { transport, limits, received, rate, pending: 0, begun: None }
    }

    /// Limits do not matter any more: what comes is thrown away.
    pub(super) fn unbound(&mut self) {
        self.rate = Rate::new(u64::MAX, Instant::now());
        self.limits.message_time_max = Duration::MAX;
    }

    /// A message is whole. What was read of the next one is not known, and counts from its next byte.
    pub(super) fn end_message(&mut self) {
        self.pending = 0;
        self.begun = None;
    }

    /// A control frame is whole; around it a message may still be on its way.
    pub(super) fn end_control(&mut self, payload: usize) {
        self.pending = self.pending.saturating_sub((CONTROL_HEAD_BYTES + payload) as u64);
        if self.pending == 0 {
            self.begun = None;
        }
    }

    fn count(&mut self, bytes: u64) -> Result<(), Breach> {
        self.count_at(bytes, Instant::now())
    }

    fn count_at(&mut self, bytes: u64, now: Instant) -> Result<(), Breach> {
        self.received += bytes;
        self.pending += bytes;
        let begun = *self.begun.get_or_insert(now);
        if !self.rate.count(bytes, now) {
            return Err(Breach::TooFast);
        }
        if now.saturating_duration_since(begun) > self.limits.message_time_max {
            return Err(Breach::TooLong);
        }
        Ok(())
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.transport).poll_read(cx, buf))?;
        let bytes = (buf.filled().len() - before) as u64;
        Poll::Ready(if bytes == 0 { Ok(()) } else { self.count(bytes).map_err(io::Error::other) })
    }
}

impl AsyncWrite for Metered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
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
        (Metered::new(Transport::Tcp(stream), SocketLimits::default(), 0), client)
    }

    #[tokio::test]
    async fn bytes_are_counted_by_the_second() {
        let (mut meter, _client) = meter().await;
        let start = Instant::now();
        meter.count_at(RECEIVED_BYTES_PER_S_MAX, start).expect("as many as may be");
        assert!(matches!(meter.count_at(1, start), Err(Breach::TooFast)));
        let later = start + Duration::from_secs(1);
        meter.count_at(RECEIVED_BYTES_PER_S_MAX, later).expect("another second");
    }

    #[tokio::test]
    async fn a_message_is_whole_in_time_whatever_comes_between() {
        let (mut meter, _client) = meter().await;
        let ago = Duration::from_secs(MESSAGE_TIME_MAX_S) + Duration::from_millis(1);
        let age = |meter: &mut Metered| meter.begun = meter.begun.and_then(|begun| begun.checked_sub(ago));
        // A pong every now and then is nobody's fault.
        for _ in 0..3 {
            meter.count(CONTROL_HEAD_BYTES as u64).expect("a pong");
            meter.end_control(0);
            age(&mut meter);
        }
        meter.count(100).expect("the begin of a message");
        meter.count(CONTROL_HEAD_BYTES as u64).expect("a pong");
        meter.end_control(0);
        age(&mut meter);
        assert!(matches!(meter.count(1), Err(Breach::TooLong)));
        meter.end_message();
        meter.count(1).expect("another message");
    }
}
