//! A TCP connection that no reactor watches.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use fracas_shared::limits::READ_BUFFER_BYTES;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::exchange::{self, READ_BYTES, Ticket, is_for_now};

/// A TCP connection that is read and written when its turn comes, and wakes nobody.
///
/// It is pending without a waker: whoever gives it turns comes back by himself. In each turn it is read once, or
/// as long as all that was asked for is there, up to [`READ_BUFFER_BYTES`]: what comes faster waits in the kernel,
/// and in the end in its sender.
#[derive(Debug)]
pub struct Unwatched {
    stream: TcpStream,
    /// Bytes that may still be read in this turn.
    allowance: usize,
    /// What the exchange was asked for.
    asked: Option<Ticket>,
    writing: Option<Ticket>,
}

impl Unwatched {
    /// One on this connection, which does not block.
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, allowance: 0, asked: None, writing: None }
    }

    /// The connection.
    pub(super) fn get_ref(&self) -> &TcpStream {
        &self.stream
    }

    /// Begins a turn.
    pub fn begin_turn(&mut self) {
        self.allowance = READ_BUFFER_BYTES;
    }

    /// Asks the exchange for what has come.
    pub fn ask(&mut self) {
        self.asked = Some(exchange::read(self.stream.as_fd()));
    }

    /// Takes what the exchange was asked for. Nothing was, when this gives nothing.
    pub fn take_asked(&mut self) -> Option<Ticket> {
        self.asked.take()
    }

    /// Takes note of so many bytes that the exchange has read in this turn.
    pub fn note_read(&mut self, count: usize) {
        self.allowance = if count == READ_BYTES { self.allowance - count } else { 0 };
    }

    /// Hands the exchange what `put` appends.
    pub fn write(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        self.writing = Some(exchange::write(self.stream.as_fd(), put));
    }

    /// What the line did not take of what the exchange was handed.
    pub fn take_rest(&mut self) -> io::Result<Vec<u8>> {
        self.writing.take().map_or(Ok(Vec::new()), |ticket| exchange::take_rest(&ticket))
    }

    /// Whether more may be read in this turn.
    pub fn may_read(&self) -> bool {
        self.allowance > 0
    }

    fn read_once(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.allowance == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let read = self.stream.read(buffer);
        match &read {
            // The end, which stays there to be found again.
            Ok(0) => {}
            Ok(count) if *count == buffer.len() => self.allowance = self.allowance.saturating_sub(*count),
            _ => self.allowance = 0,
        }
        read
    }
}

fn or_pending<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(error) if is_for_now(&error) => Poll::Pending,
        result => Poll::Ready(result),
    }
}

impl AsyncRead for Unwatched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.read_once(buf.initialize_unfilled());
        or_pending(read.map(|count| buf.advance(count)))
    }
}

impl AsyncWrite for Unwatched {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        or_pending(self.stream.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.stream.shutdown(std::net::Shutdown::Write))
    }
}
