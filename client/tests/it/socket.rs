//! The client on a loopback socket.

use std::future::Future;
use std::time::Duration;

use fracas_client::{Client, ClientError, Event, ReconnectPolicy, RoomWanted, Update};
use fracas_shared::message::{ClientMessage, Joined, PROTOCOL_VERSION, Resumed, SUBPROTOCOL, ServerMessage};
use fracas_shared::{CloseCode, Refusal};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use crate::game::{self, Input, Race};
use crate::script::{Script, any_race, read_control};

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// A server for one connection: its address, and its end to wait for.
pub(crate) async fn serve<F: Future<Output = ()> + Send + 'static>(
    play: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        play(stream).await;
    });
    (address, serving)
}

// The callback's error type is tungstenite's.
#[allow(clippy::result_large_err)]
pub(crate) async fn upgrade(stream: TcpStream) -> Socket {
    let check = |request: &Request, mut response: Response| {
        assert_eq!(request.uri().path(), "/ws");
        assert_eq!(request.headers()["sec-websocket-protocol"], SUBPROTOCOL);
        response.headers_mut().insert("sec-websocket-protocol", SUBPROTOCOL.parse().unwrap());
        Ok(response)
    };
    accept_hdr_async(stream, check).await.unwrap()
}

pub(crate) async fn hear(socket: &mut Socket) -> Vec<u8> {
    match socket.next().await.unwrap().unwrap() {
        Message::Binary(bytes) => bytes.into(),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn say(socket: &mut Socket, message: Vec<u8>) {
    socket.send(Message::binary(message)).await.unwrap();
}

pub(crate) async fn greet(socket: &mut Socket) {
    assert!(matches!(read_control(&hear(socket).await), ClientMessage::Hello { .. }));
    say(socket, Script::welcome()).await;
}

#[tokio::test]
async fn plays_a_match() {
    let (address, serving) = serve(|stream| async move {
        let script = Script::new();
        let mut socket = upgrade(stream).await;
        greet(&mut socket).await;
        assert!(matches!(read_control(&hear(&mut socket).await), ClientMessage::Join { .. }));
        say(&mut socket, ServerMessage::Joined(script.joined(100)).to_bytes()).await;
        let mut last = Script::snapshot(100, &[(1, 0.0, "ann")]);
        say(&mut socket, script.frame(None, &last)).await;
        assert_eq!(read_control(&hear(&mut socket).await), ClientMessage::Ack { tick: 100 });
        for tick in 101..105 {
            let (head, input) = script.read_input(&hear(&mut socket).await);
            assert_eq!((head.tick.0, head.ack.0, input.throttle), (tick, tick - 1, 9));
            let next = Script::snapshot(tick, &[(1, tick as f32, "ann")]);
            say(&mut socket, script.own(tick, 0, None)).await;
            say(&mut socket, script.frame(Some(&last), &next)).await;
            last = next;
        }
        assert_eq!(read_control(&hear(&mut socket).await), ClientMessage::Leave);
        say(&mut socket, ServerMessage::Left { tick: 104 }.to_bytes()).await;
        let ClientMessage::Ping { nonce } = read_control(&hear(&mut socket).await) else { panic!() };
        say(&mut socket, ServerMessage::Pong { nonce }.to_bytes()).await;
        assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
    })
    .await;

    let mut client = Client::connect(&address, "ann").await.unwrap();
    let mut replica = client.join::<Race>(any_race()).await.unwrap();
    while replica.tick().0 < 104 {
        match client.next_update(&mut replica).await.unwrap() {
            Update::Frame { tick, .. } if tick.0 < 104 => {
                client.send_input(&Input { throttle: 9 }).await.unwrap();
            }
            _ => {}
        }
    }
    assert_eq!(replica.views()[0].1.x, 104.0);
    assert_eq!(client.leave().await.unwrap().0, 104);
    client.ping().await.unwrap();
    let traffic = client.traffic();
    // Four inputs of 10 bytes, each with 2 bytes of head and 4 of mask, are among what was sent.
    assert!(traffic.tx_bytes > 4 * 16 && traffic.rx_bytes > 0, "{traffic:?}");
    client.close().await;
    serving.await.unwrap();
}

#[tokio::test]
async fn tells_why_the_server_closed() {
    let (address, _serving) = serve(|stream| async move {
        let mut socket = upgrade(stream).await;
        greet(&mut socket).await;
        let code = CloseCode::Restart;
        let frame = CloseFrame { code: code.number().into(), reason: code.reason().into() };
        socket.close(Some(frame)).await.unwrap();
    })
    .await;
    let mut client = Client::connect(&address, "ann").await.unwrap();
    let error = client.next_event().await.unwrap_err();
    assert_eq!(error.close_code(), Some(CloseCode::Restart));
    assert_eq!(
        error.to_string(),
        "the server closed the connection: the server restarts, come back soon (1012)"
    );
    assert_eq!(error.label(), "closed_restart");
}

#[tokio::test]
async fn tells_both_versions_of_the_protocol() {
    for (said, theirs) in [
        ("the server speaks version 7 of the protocol", "the server speaks version 7 of the protocol"),
        ("", "the server speaks another version of the protocol"),
    ] {
        let (address, _serving) = serve(move |stream| async move {
            let mut socket = upgrade(stream).await;
            let code = CloseCode::WrongVersion.number().into();
            socket.close(Some(CloseFrame { code, reason: said.into() })).await.unwrap();
        })
        .await;
        let error = Client::connect(&address, "ann").await.err().unwrap();
        assert_eq!(error.close_code(), Some(CloseCode::WrongVersion));
        let ours =
            format!("and this client version {PROTOCOL_VERSION}: use a client and a server of one release");
        assert_eq!(error.to_string(), format!("the server closed the connection: {theirs} {ours} (4001)"));
    }
}

#[tokio::test]
async fn tells_why_it_could_not_connect() {
    async fn check(answer: &'static str, expected: &str) {
        let (address, serving) = serve(move |mut stream| async move {
            let mut request = [0; 1024];
            let length = stream.read(&mut request).await.unwrap();
            assert!(length > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
        })
        .await;
        let error = Client::connect(&address, "ann").await.err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
        serving.await.unwrap();
    }
    check(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 19\r\n\r\nthe server is full\n",
        "refused the connection with status 503: the server is full",
    )
    .await;
    check(
        "HTTP/1.1 503 Service Unavailable\r\n\r\n{\"code\":\"full\",\"message\":\"come later\"}",
        "with status 503: come later",
    )
    .await;
    check("HTTP/1.1 503 Service Unavailable\r\n\r\n", "it takes no more connections").await;
    check("HTTP/1.1 426 Upgrade Required\r\n\r\n", "it wants another protocol than fracas.3").await;
    check("HTTP/1.1 404 Not Found\r\n\r\n<html>", "there is no WebSocket at this path").await;
    check("220 smtp.example ready\r\n\r\n", "is no server of this protocol").await;
}

#[tokio::test]
async fn tells_when_nobody_is_there() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = Client::connect(&address.to_string(), "ann").await.err().unwrap();
    assert!(matches!(error, ClientError::NoServer { .. }), "{error}");
    assert!(error.to_string().contains("no server answers at ws://127.0.0.1:"), "{error}");
}

#[tokio::test]
async fn acknowledges_and_gives_up_on_silence() {
    let (address, serving) = serve(|stream| async move {
        let script = Script::new();
        let mut socket = upgrade(stream).await;
        greet(&mut socket).await;
        hear(&mut socket).await;
        say(&mut socket, ServerMessage::Joined(script.joined(100)).to_bytes()).await;
        say(&mut socket, script.frame(None, &Script::snapshot(100, &[]))).await;
        assert_eq!(read_control(&hear(&mut socket).await), ClientMessage::Ack { tick: 100 });
        // From here on it holds the connection and says nothing.
        assert!(socket.next().await.is_none_or(|message| message.is_err()));
    })
    .await;
    let mut client = Client::connect(&address, "ann").await.unwrap();
    client.set_reconnect(None);
    client.join::<Race>(any_race()).await.unwrap();
    assert!(matches!(client.next_event().await, Ok(Event::Frame(_))));
    tokio::time::pause();
    let error = client.next_event().await.unwrap_err();
    assert!(matches!(error, ClientError::Silent), "{error}");
    drop(client);
    serving.await.unwrap();
}

#[tokio::test]
async fn comes_back_by_itself_until_the_seat_is_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        let script = Script::new();
        let accept = async || upgrade(listener.accept().await.unwrap().0).await;
        let mut socket = accept().await;
        greet(&mut socket).await;
        hear(&mut socket).await;
        say(&mut socket, ServerMessage::Joined(script.joined(100)).to_bytes()).await;
        say(&mut socket, script.events(100, &[game::Event::Flag { colour: 1 }])).await;
        drop(socket);
        // The second connection breaks before it is any good, and is one more try that failed.
        drop(accept().await);
        let mut socket = accept().await;
        greet(&mut socket).await;
        let join = read_control(&hear(&mut socket).await);
        let ClientMessage::Join { room: RoomWanted::Resume { token, received, attempt }, .. } = join else {
            panic!("{join:?}");
        };
        assert_eq!((token.as_str(), received, attempt), ("r1-token", Some(1), Some(2)));
        let resumed = Some(Resumed { missed: 2, received: 3, attempt: 2 });
        say(&mut socket, ServerMessage::Joined(Joined { resumed, ..script.joined(130) }).to_bytes()).await;
        say(&mut socket, ServerMessage::RetryAfter { ms: 1 }.to_bytes()).await;
        let frame = CloseFrame { code: CloseCode::Restart.number().into(), reason: "".into() };
        socket.close(Some(frame)).await.unwrap();
        let mut socket = accept().await;
        greet(&mut socket).await;
        hear(&mut socket).await;
        say(&mut socket, ServerMessage::Refused(Refusal::SeatLost).to_bytes()).await;
    });
    let mut client = Client::connect(&address, "ann").await.unwrap();
    let policy = ReconnectPolicy { pause: Duration::from_millis(1), ..ReconnectPolicy::default() };
    client.set_reconnect(Some(policy));
    client.join::<Race>(any_race()).await.unwrap();
    let mut told = Vec::new();
    let error = loop {
        match client.next_event().await {
            Ok(Event::Lost { .. }) => told.push("lost".to_owned()),
            Ok(Event::Reconnecting { attempt, .. }) => told.push(format!("try {attempt}")),
            Ok(Event::Joined(joined)) => {
                told.push(format!("back, {} missed", joined.resumed.unwrap().missed));
            }
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    let expected = ["lost", "try 1", "lost", "try 2", "back, 2 missed", "lost", "try 3"];
    assert_eq!(told, expected);
    assert!(matches!(error, ClientError::Refused(Refusal::SeatLost)), "{error}");
    serving.await.unwrap();
}
