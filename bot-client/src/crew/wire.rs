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

pub(super) struct Reader(BufReader<OwnedReadHalf>);
pub(super) struct Writer(OwnedWriteHalf);

pub(super) fn halves(stream: TcpStream) -> (Reader, Writer) {
    let (read, write) = stream.into_split();
    (Reader(BufReader::new(read)), Writer(write))
}

impl Reader {
    /// The next message; none when the other end has hung up.
    pub(super) async fn next<M: DeserializeOwned>(&mut self) -> Result<Option<M>> {
        let mut line = Vec::new();
        (&mut self.0).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
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
