//! A TCP connection that no reactor watches.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use fracas_shared::limits::READ_BUFFER_BYTES;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

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
}

impl Unwatched {
    /// One on this connection, which does not block.
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, allowance: 0 }
    }

    /// The connection.
    pub(super) fn get_ref(&self) -> &TcpStream {
        &self.stream
    }

    pub(super) fn begin_turn(&mut self) {
        self.allowance = READ_BUFFER_BYTES;
    }

    /// Whether more may be read in this turn.
    pub fn may_read(&self) -> bool {
        self.allowance > 0
    }

    /// Reads some of what has come, if more may be read in this turn.
    pub fn read_once(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.allowance == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let read = self.stream.read(buffer);
        let is_full = read.as_ref().is_ok_and(|count| *count == buffer.len());
        self.allowance = if is_full { self.allowance.saturating_sub(buffer.len()) } else { 0 };
        read
    }

    /// Writes as much as the kernel takes.
    pub fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.stream.write(bytes) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(0),
            result => result,
        }
    }
}

fn or_pending<T>(result: io::Result<T>) -> Poll<io::Result<T>> {
    match result {
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Poll::Pending,
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
