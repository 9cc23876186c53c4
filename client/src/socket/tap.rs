//! A stream that keeps what was read of it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Keeps what was read, so that nothing is lost of what a server said right behind its head.
pub(super) struct Tap<S> {
    stream: S,
    read: Vec<u8>,
}

impl<S> Tap<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// The stream, and what was read behind the head of an HTTP answer.
    pub(super) fn into_parts(mut self) -> (S, Vec<u8>) {
        let head = head_bytes(&self.read);
        (self.stream, self.read.split_off(head))
    }
}

/// How long the head of an answer is, the empty line at its end included. Some servers end lines by a line
/// feed alone.
fn head_bytes(answer: &[u8]) -> usize {
    let ends = [&b"\n\r\n"[..], b"\n\n"];
    let end = (0..answer.len()).find_map(|at| {
        let end = ends.into_iter().find(|end| answer[at..].starts_with(end))?;
        Some(at + end.len())
    });
    end.unwrap_or(answer.len())
}

impl<S: AsyncRead + Unpin> AsyncRead for Tap<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.read.extend_from_slice(&buffer.filled()[before..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tap<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_an_empty_line() {
        let check = |answer: &[u8], behind: &[u8]| {
            let tap = Tap { stream: (), read: answer.to_vec() };
            assert_eq!(tap.into_parts().1, behind);
        };
        check(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x82\x02\r\n", b"\x82\x02\r\n");
        check(b"HTTP/1.1 101 Switching\nUpgrade: websocket\n\n\x81\x00\n\n", b"\x81\x00\n\n");
        check(b"HTTP/1.1 101 Switching\r\n\r\n", b"");
        check(b"HTTP/1.1 101 Switching\r\n", b"");
    }
}
