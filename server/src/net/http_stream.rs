//! The stream below HTTP: it gives up on a client that does not read its answers.
//!
//! It is below what HTTP becomes, too, where that is not ours: the WebSockets of Socket.IO. These answer
//! pings, and keep the answers that a client does not read; so little is read of one whose line is stuck.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use fracas_shared::limits::{RECEIVED_BYTES_PER_S_MAX, UNANSWERED_BYTES_MAX};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::line::{Line, LineEnd};
use super::rate::Rate;
use super::transport::Transport;

/// A transport on which a write that makes no progress for some time fails.
#[derive(Debug)]
pub(crate) struct HttpStream {
    transport: Transport,
    stuck_time_max: Duration,
    /// Runs while a write waits.
    stuck: Option<Stuck>,
    line: LineEnd,
    received: Rate,
}

/// A write that waits.
#[derive(Debug)]
struct Stuck {
    timer: Pin<Box<Sleep>>,
    /// Bytes read meanwhile.
    read: usize,
    /// Who would read more.
    reader: Option<Waker>,
}

impl HttpStream {
    pub(crate) fn new(transport: Transport, stuck_time_max: Duration, line: Arc<Line>) -> Self {
        let received = Rate::new(RECEIVED_BYTES_PER_S_MAX, Instant::now());
        Self { transport, stuck_time_max, stuck: None, line: LineEnd::of(line), received }
    }

    /// What is no longer HTTP.
    pub(crate) fn into_transport(self) -> Transport {
        self.transport
    }

    /// The same as `written`, or an error when writes have been waiting for too long.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            if let Some(Stuck { reader: Some(reader), .. }) = self.stuck.take() {
                reader.wake();
            }
            return written;
        }
        let stuck = self.stuck.get_or_insert_with(|| Stuck {
            timer: Box::pin(sleep(self.stuck_time_max)),
            read: 0,
            reader: None,
        });
        stuck.timer.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn note_written(&self, written: &Poll<io::Result<usize>>) {
        if let (Poll::Ready(Ok(bytes)), Some(progress)) = (written, self.line.told()) {
            progress.note_written(*bytes as u64);
        }
    }
}

impl AsyncRead for HttpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(stuck) = self.stuck.as_mut().filter(|stuck| stuck.read >= UNANSWERED_BYTES_MAX) {
            stuck.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if self.line.told().is_some_and(|progress| progress.is_cut_for(cx.waker())) {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.transport).poll_read(cx, buf))?;
        let bytes = buf.filled().len() - before;
        if let Some(stuck) = &mut self.stuck {
            stuck.read += bytes;
        }
        if let Some(progress) = self.line.told() {
            progress.note_received(bytes as u64);
            if !self.received.count(bytes as u64, Instant::now()) {
                return Poll::Ready(Err(io::Error::other("more bytes came in a second than are taken")));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for HttpStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.transport).poll_write(cx, bytes);
        self.note_written(&written);
        self.in_time(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.transport).poll_write_vectored(cx, slices);
        self.note_written(&written);
        self.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.transport).poll_flush(cx);
        self.in_time(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.transport).poll_shutdown(cx);
        self.in_time(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn little_is_read_of_who_reads_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        crate::net::door::bound_kernel_buffers(&stream);
        let patient = Duration::from_mins(1);
        let mut stream = HttpStream::new(Transport::Tcp(stream), patient, Arc::default());
        let (mut reading, mut writing) = client.into_split();
        tokio::spawn(async move { while writing.write_all(&[0; 4096]).await.is_ok() {} });
        // Until the line is stuck.
        poll_fn(|cx| {
            loop {
                let written = Pin::new(&mut stream).poll_write(cx, &[0; 4096]);
                if written.is_pending() {
                    return Poll::Ready(());
                }
            }
        })
        .await;
        let mut read = 0;
        let mut buffer = [0; 4096];
        loop {
            let reads = tokio::time::timeout(Duration::from_millis(200), stream.read(&mut buffer));
            let Ok(bytes) = reads.await else { break };
            read += bytes.unwrap();
        }
        let bounds = UNANSWERED_BYTES_MAX..UNANSWERED_BYTES_MAX + buffer.len();
        assert!(bounds.contains(&read), "{read} bytes were read");
        // Once it reads, it is heard again.
        let draining = tokio::spawn(async move {
            let mut drained = vec![0; 1 << 20];
            while reading.read(&mut drained).await.is_ok_and(|bytes| bytes > 0) {}
        });
        poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, &[0])).await.unwrap();
        assert!(stream.read(&mut buffer).await.unwrap() > 0);
        drop(stream);
        draining.await.unwrap();
    }
}
