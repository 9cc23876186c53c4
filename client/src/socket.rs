//! The WebSocket of a client. The one file that names tungstenite.

use std::ops::Add;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use fracas_shared::limits::{CLIENT_MESSAGE_BYTES_MAX, READ_BUFFER_BYTES};
use fracas_shared::message::{PROTOCOL_VERSION, SUBPROTOCOL};
use futures_util::{Sink, Stream};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::http::{Response, Uri};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::error::{ClientError, SessionError};
use crate::limits::{CONNECT_TIME_MAX, INBOUND_BYTES_MAX, OUTBOUND_BYTES_MAX, SENTENCE_BYTES_MAX};
use crate::server_url::ServerUrl;

mod tap;

use tap::Tap;

/// Bytes of WebSocket frames since the upgrade: payloads, and the heads before them as the shortest
/// form has them. Without TCP and IP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes from the server.
    pub rx_bytes: u64,
    /// Bytes to the server, masks included.
    pub tx_bytes: u64,
}

impl Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { rx_bytes: self.rx_bytes + other.rx_bytes, tx_bytes: self.tx_bytes + other.tx_bytes }
    }
}

pub(crate) struct Socket {
    websocket: WebSocketStream<TcpStream>,
    traffic: Traffic,
    /// Something was written to the WebSocket's own buffer and is not yet with the kernel.
    is_unflushed: bool,
}

/// Connects, and gives the TCP connection when it is a WebSocket of ours, and what came on it right behind
/// the upgrade: for programs that drive a [`Session`](crate::Session) on sockets of their own. The connection
/// does not block.
pub async fn upgraded(url: &ServerUrl) -> Result<(std::net::TcpStream, Vec<u8>), ClientError> {
    upgraded_as(url, Some(SUBPROTOCOL)).await
}

/// The same with a server of any kind: no subprotocol is offered.
pub async fn upgraded_plain(url: &ServerUrl) -> Result<(std::net::TcpStream, Vec<u8>), ClientError> {
    upgraded_as(url, None).await
}

async fn upgraded_as(
    url: &ServerUrl,
    subprotocol: Option<&str>,
) -> Result<(std::net::TcpStream, Vec<u8>), ClientError> {
    let upgrading = async { upgrade(url, subprotocol, Tap::new(connect(url).await?)).await };
    let too_late = |_| ClientError::ConnectTimeout { url: url.to_string() };
    let websocket = timeout(CONNECT_TIME_MAX, upgrading).await.map_err(too_late)??;
    let (stream, behind) = websocket.into_inner().into_parts();
    let stream = stream.into_std().map_err(|error| ClientError::Lost(error.to_string()))?;
    Ok((stream, behind))
}

async fn connect(url: &ServerUrl) -> Result<TcpStream, ClientError> {
    let no_server = |error| ClientError::NoServer { url: url.to_string(), error };
    let stream = TcpStream::connect((url.host(), url.port())).await.map_err(no_server)?;
    stream.set_nodelay(true).map_err(no_server)?;
    Ok(stream)
}

/// Makes a connection a WebSocket, with a subprotocol that the server is to take.
async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(
    url: &ServerUrl,
    subprotocol: Option<&str>,
    stream: S,
) -> Result<WebSocketStream<S>, ClientError> {
    let not_ours = |problem: String| ClientError::NotOurs { url: url.to_string(), problem };
    let uri: Uri = url.to_string().parse().map_err(|_| not_ours("its path is none".into()))?;
    let mut request = ClientRequestBuilder::new(uri);
    if let Some(subprotocol) = subprotocol {
        request = request.with_sub_protocol(subprotocol);
    }
    if let Some(token) = url.token() {
        request = request.with_header("Authorization", format!("Bearer {token}"));
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(CLIENT_MESSAGE_BYTES_MAX)
        .max_write_buffer_size(OUTBOUND_BYTES_MAX)
        .max_message_size(Some(INBOUND_BYTES_MAX))
        .max_frame_size(Some(INBOUND_BYTES_MAX));
    match client_async_with_config(request, stream, Some(config)).await {
        Ok((websocket, _)) => Ok(websocket),
        Err(Error::Http(response)) => Err(upgrade_refused(url, subprotocol, &response)),
        Err(Error::Io(error)) => Err(not_ours(format!("the upgrade was cut off ({error})"))),
        Err(error) => Err(not_ours(error.to_string())),
    }
}

/// What came from the server.
pub(crate) enum Inbound {
    Message(Bytes),
    /// A ping or pong: nothing but a sign of life.
    SignOfLife,
}

impl Socket {
    pub(crate) async fn open(url: &ServerUrl) -> Result<Self, ClientError> {
        let websocket = upgrade(url, Some(SUBPROTOCOL), connect(url).await?).await?;
        Ok(Self { websocket, traffic: Traffic::default(), is_unflushed: false })
    }

    pub(crate) fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Sends what `next` gives, in one write when the kernel takes it. Pending while it does not, and
    /// then nothing more is taken of `next`.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        mut next: impl FnMut() -> Option<Vec<u8>>,
    ) -> Poll<Result<(), ClientError>> {
        loop {
            if self.is_unflushed {
                ready!(Pin::new(&mut self.websocket).poll_flush(cx)).map_err(lost)?;
                self.is_unflushed = false;
            }
            loop {
                ready!(Pin::new(&mut self.websocket).poll_ready(cx)).map_err(lost)?;
                let Some(bytes) = next() else { break };
                self.traffic.tx_bytes += sent_bytes(bytes.len());
                let message = Message::Binary(bytes.into());
                Pin::new(&mut self.websocket).start_send(message).map_err(lost)?;
                self.is_unflushed = true;
            }
            if !self.is_unflushed {
                return Poll::Ready(Ok(()));
            }
        }
    }

    pub(crate) fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Result<Inbound, ClientError>> {
        let message = match ready!(Pin::new(&mut self.websocket).poll_next(cx)) {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Poll::Ready(Err(lost(error))),
            None => return Poll::Ready(Err(ClientError::Lost("the server hung up".into()))),
        };
        self.traffic.rx_bytes += received_bytes(message.len());
        Poll::Ready(match message {
            Message::Binary(bytes) => Ok(Inbound::Message(bytes)),
            Message::Close(frame) => {
                // The answer to the close; that it arrives matters to nobody any more.
                let _ = Pin::new(&mut self.websocket).poll_flush(cx);
                Err(closed(frame))
            }
            Message::Ping(payload) => {
                // The WebSocket answers by itself.
                self.traffic.tx_bytes += sent_bytes(payload.len());
                Ok(Inbound::SignOfLife)
            }
            Message::Pong(_) => Ok(Inbound::SignOfLife),
            Message::Text(_) | Message::Frame(_) => Err(SessionError::Unexpected("a text message").into()),
        })
    }

    /// Says goodbye, which gives the seat back, and waits until the server has, too.
    pub(crate) async fn close(mut self) {
        let goodbye = CloseFrame { code: CloseCode::Normal, reason: "goodbye".into() };
        if self.websocket.close(Some(goodbye)).await.is_ok() {
            let mut websocket = Pin::new(&mut self.websocket);
            while std::future::poll_fn(|cx| websocket.as_mut().poll_next(cx)).await.is_some() {}
        }
    }
}

/// Bytes of the mask of a client's frames.
const MASK_BYTES: u64 = 4;

/// What a message to the server takes on the line.
pub(crate) fn sent_bytes(payload: usize) -> u64 {
    received_bytes(payload) + MASK_BYTES
}

/// What a message from the server takes on the line: a payload and the shortest head for it, RFC 6455
/// section 5.2.
pub(crate) fn received_bytes(payload: usize) -> u64 {
    let head = match payload {
        0..=125 => 2,
        126..=0xFFFF => 4,
        _ => 10,
    };
    payload as u64 + head
}

fn closed(frame: Option<CloseFrame>) -> ClientError {
    match frame {
        Some(frame) => {
            let (code, reason) = (u16::from(frame.code), sentence(frame.reason.as_bytes()));
            let is_wrong_version = code == fracas_shared::CloseCode::WrongVersion.number();
            ClientError::Closed {
                code,
                reason: if is_wrong_version { wrong_version(&reason) } else { reason },
            }
        }
        // What RFC 6455 calls a close frame without a code.
        None => ClientError::Closed { code: 1005, reason: "no reason given".into() },
    }
}

/// Both ends' versions in a sentence, which begins with what the server has said of its own.
fn wrong_version(said: &str) -> String {
    let theirs = if said.is_empty() { "the server speaks another version of the protocol" } else { said };
    format!("{theirs} and this client version {PROTOCOL_VERSION}: use a client and a server of one release")
}

fn lost(error: Error) -> ClientError {
    match error {
        Error::Io(error) => ClientError::Lost(error.to_string()),
        Error::Capacity(CapacityError::MessageTooLong { size, .. }) => ClientError::Lost(format!(
            "the server sent {size} bytes, where at most {INBOUND_BYTES_MAX} are allowed"
        )),
        Error::WriteBufferFull(_) => ClientError::Lost("the server takes nothing any more".into()),
        error => ClientError::Lost(error.to_string()),
    }
}

fn upgrade_refused(
    url: &ServerUrl,
    subprotocol: Option<&str>,
    response: &Response<Option<Vec<u8>>>,
) -> ClientError {
    let status = response.status();
    let body = response.body().as_deref().unwrap_or_default();
    // Our servers say it as JSON; a proxy in front may say it as text, and a page of HTML says less
    // than the status.
    let said = serde_json::from_slice(body)
        .map_or_else(|_| sentence(body), |refusal: HttpRefusal| sentence(refusal.message.as_bytes()));
    let sentence = if said.is_empty() || said.starts_with('<') {
        match status.as_u16() {
            404 => "there is no WebSocket at this path; a server of ours has it at /ws".into(),
            426 => match subprotocol {
                Some(ours) => {
                    format!("it wants another protocol than {ours}: use a client and a server of one release")
                }
                None => "it wants another protocol".into(),
            },
            503 => "it takes no more connections; try again later".into(),
            _ => status.canonical_reason().unwrap_or("without a word").to_owned(),
        }
    } else {
        said
    };
    ClientError::UpgradeRefused { url: url.to_string(), status: status.as_u16(), sentence }
}

/// The body of an answer that refuses.
#[derive(Deserialize)]
struct HttpRefusal {
    message: String,
}

/// What a server says in words, fit for a terminal.
fn sentence(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SENTENCE_BYTES_MAX)]);
    text.trim().chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
