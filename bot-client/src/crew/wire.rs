//! Lines of JSON over TCP.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

/// Bytes of a line: more than all histograms of a run take.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How long the other end may take for a message that is nothing but an answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

pub(super) struct Reader {
    stream: BufReader<OwnedReadHalf>,
    /// What has come of the next message: whoever waits for it may be called away, and waits on later.
    line: Vec<u8>,
}
pub(super) struct Writer(OwnedWriteHalf);

pub(super) fn halves(stream: TcpStream) -> (Reader, Writer) {
    let (read, write) = stream.into_split();
    (Reader { stream: BufReader::new(read), line: Vec::new() }, Writer(write))
}

impl Reader {
    /// The next message; none when the other end has hung up.
    pub(super) async fn next<M: DeserializeOwned>(&mut self) -> Result<Option<M>> {
        let rest = LINE_BYTES_MAX - self.line.len() as u64;
        (&mut self.stream).take(rest).read_until(b'\n', &mut self.line).await?;
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return Ok(None);
        }
        ensure!(line.ends_with(b"\n"), "the other end has hung up in the middle of a message");
        serde_json::from_slice(&line).map(Some).context("the other end speaks something else")
    }

    /// The answer to what was said last.
    pub(super) async fn answer<M: DeserializeOwned>(&mut self) -> Result<M> {
        match timeout(ANSWER_TIME_MAX, self.next()).await.context("the other end does not answer")?? {
            Some(message) => Ok(message),
            None => bail!("the other end has hung up"),
        }
    }
}

impl Writer {
    pub(super) async fn say<M: Serialize>(&mut self, message: &M) -> Result<()> {
        let mut line = serde_json::to_vec(message).context("a message cannot be written")?;
        line.push(b'\n');
        self.0.write_all(&line).await.context("the other end has hung up")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_called_away_waits_on_where_it_was() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let (mut other, _) = listener.accept().await.unwrap();
            let (mut reader, _writer) = halves(stream);
            other.write_all(b"[1, 2,").await.unwrap();
            while reader.line.is_empty() {
                // No line can be whole yet.
                let called_away = timeout(Duration::from_millis(1), reader.next::<Vec<u8>>()).await;
                assert!(called_away.is_err());
            }
            other.write_all(b" 3]\n").await.unwrap();
            assert_eq!(reader.next::<Vec<u8>>().await.unwrap(), Some(vec![1, 2, 3]));
        });
    }
}
