//! A client that sends exactly what it is told to, bytes and all.

use std::net::SocketAddr;

use bytes::Bytes;
use fracas_client::Session;
use fracas_shared::CloseCode;
use fracas_shared::message::{ClientMessage, PROTOCOL_VERSION, SUBPROTOCOL, ServerMessage};
use fracas_shared::packet::ServerTag;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Duration, timeout};
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::server::PATIENCE;

/// Small, so that a client that does not read makes the server wait soon.
const RECEIVE_BUFFER_BYTES: u32 = 16 * 1024;

pub(crate) struct Raw<S = TcpStream>(WebSocketStream<S>);

impl Raw {
    /// Opens a WebSocket and says nothing.
    pub(crate) async fn connect(to: SocketAddr) -> Self {
        Self::connect_with(to, &[]).await.unwrap()
    }

    /// Opens a WebSocket by a request with these headers.
    pub(crate) async fn connect_with(to: SocketAddr, headers: &[(&str, &str)]) -> Result<Self, Error> {
        Self::connect_at(to, "/ws", headers).await
    }

    /// The same with this path and query.
    pub(crate) async fn connect_at(
        to: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Error> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES).unwrap();
        let stream = socket.connect(to).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::open(&format!("ws://{to}{path}"), headers, stream).await
    }

    /// Opens a WebSocket that offers this subprotocol and no other.
    pub(crate) async fn connect_as(to: SocketAddr, subprotocol: &str) -> Self {
        let stream = TcpStream::connect(to).await.unwrap();
        let request = ClientRequestBuilder::new(format!("ws://{to}/ws").parse().unwrap());
        let (socket, _) = client_async(request.with_sub_protocol(subprotocol), stream).await.unwrap();
        Self(socket)
    }

    /// Opens a WebSocket and says hello.
    pub(crate) async fn greet(to: SocketAddr) -> Self {
        let mut raw = Self::connect(to).await;
        raw.say(&hello(PROTOCOL_VERSION, "raw")).await;
        assert!(matches!(raw.answer().await, ServerMessage::Welcome { .. }));
        raw
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    /// Opens a WebSocket on a stream.
    pub(crate) async fn open(url: &str, headers: &[(&str, &str)], stream: S) -> Result<Self, Error> {
        let request = ClientRequestBuilder::new(url.parse().unwrap()).with_sub_protocol(SUBPROTOCOL);
        let with =
            |request: ClientRequestBuilder, (name, value): &(&str, &str)| request.with_header(*name, *value);
        let (socket, _) = client_async(headers.iter().fold(request, with), stream).await?;
        Ok(Self(socket))
    }

    pub(crate) async fn say(&mut self, message: &ClientMessage) {
        self.send(Message::Binary(message.to_bytes().into())).await.unwrap();
    }

    pub(crate) async fn send(&mut self, message: Message) -> Result<(), Error> {
        self.0.send(message).await
    }

    /// Sends all that a session has to send.
    pub(crate) async fn send_all_of(&mut self, session: &mut Session) {
        while let Some(message) = session.poll_send() {
            self.send(Message::Binary(message.into())).await.unwrap();
        }
    }

    /// Sends bytes as they are, without a frame around them.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).await.unwrap();
    }

    /// Sends the same again and again, until the server closes.
    pub(crate) async fn flood(&mut self, message: Message) -> CloseCode {
        let flooding = async {
            loop {
                for _ in 0..200 {
                    // The server may have closed: its last word is read below.
                    let _ = self.0.feed(message.clone()).await;
                }
                let _ = self.0.flush().await;
                if let Ok(code) = timeout(Duration::from_millis(1), self.code()).await {
                    return code;
                }
            }
        };
        timeout(PATIENCE, flooding).await.expect("the server does not close")
    }

    /// The next message, of whatever kind.
    pub(crate) async fn next(&mut self) -> Bytes {
        let next = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Binary(message))) => return message,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    other => panic!("no message: {other:?}"),
                }
            }
        };
        timeout(PATIENCE, next).await.expect("no message came")
    }

    /// The next message, or the code that the server closes with.
    pub(crate) async fn message(&mut self) -> Result<Bytes, CloseCode> {
        let next = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Binary(message))) => return Ok(message),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    Some(Ok(Message::Close(Some(frame)))) => {
                        return Err(CloseCode::from_number(frame.code.into()).expect("a code of ours"));
                    }
                    other => panic!("no message: {other:?}"),
                }
            }
        };
        timeout(PATIENCE, next).await.expect("no message came")
    }

    /// The next control message.
    pub(crate) async fn answer(&mut self) -> ServerMessage {
        loop {
            let message = self.next().await;
            if let Ok((ServerTag::Control, bytes)) = ServerTag::split(&message) {
                return ServerMessage::from_bytes(bytes).unwrap();
            }
        }
    }

    /// The code that the server closes with, whatever it says before.
    pub(crate) async fn closed(&mut self) -> CloseCode {
        timeout(PATIENCE, self.code()).await.expect("the server does not close")
    }

    async fn code(&mut self) -> CloseCode {
        self.goodbye().await.0
    }

    /// The code that the server closes with and its sentence, whatever it says before.
    pub(crate) async fn goodbye(&mut self) -> (CloseCode, String) {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    let number = u16::from(frame.code);
                    let code = CloseCode::from_number(number).unwrap_or_else(|| panic!("code {number}"));
                    return (code, frame.reason.to_string());
                }
                Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("no goodbye: {other:?}"),
            }
        }
    }
}

pub(crate) fn hello(protocol: u16, name: &str) -> ClientMessage {
    ClientMessage::Hello { protocol, name: name.into(), client: "test".into() }
}
