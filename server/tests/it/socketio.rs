//! The door for Socket.IO, spoken packet by packet: what is refused, and what it costs.
//!
//! What real clients do is tested with them, by Node.js.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use fracas_server::net::socketio::PATH;
use fracas_shared::limits::{
    CONTROLS_PER_S_MAX, HELLO_TIME_MAX_S, SOCKETIO_BINARIES_MAX, SOCKETIO_PAYLOAD_BYTES_MAX,
    SOCKETIO_REQUESTS_PER_S_MAX,
};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::server::{PATIENCE, Server, connect};

/// A session by WebSocket.
struct Line(WebSocketStream<TcpStream>);

impl Line {
    async fn open(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.unwrap();
        let url = format!("ws://{to}{PATH}?EIO=4&transport=websocket");
        let mut line = Self(client_async(url, stream).await.unwrap().0);
        assert!(line.next().await.unwrap().starts_with("0{"));
        line
    }

    async fn connected(to: SocketAddr, auth: &str) -> Self {
        let mut line = Self::open(to).await;
        line.send(&format!("40{auth}")).await;
        let answer = line.next().await.unwrap();
        assert!(answer.starts_with("40{"), "{answer}");
        line
    }

    /// Connects on a line on which it was refused before. socketioxide forgets a refused try only after it
    /// has told of it, and passes over what comes in between, so this asks until it is heard.
    async fn connect_again(&mut self, auth: &str) -> Option<String> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            self.send(&format!("40{auth}")).await;
            if let Ok(answer) = timeout(Duration::from_secs(1), self.next()).await {
                return answer;
            }
        }
        None
    }

    async fn send(&mut self, packet: &str) {
        // Who is closed meanwhile finds out by reading.
        let _ = self.0.send(Message::text(packet)).await;
    }

    /// The next packet that is a text and no ping; none when the session is over.
    async fn next(&mut self) -> Option<String> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("a packet in time") {
                Some(Ok(Message::Text(packet))) if packet == "2" => self.send("3").await,
                Some(Ok(Message::Text(packet))) if packet == "1" => return None,
                Some(Ok(Message::Text(packet))) => return Some(packet.to_string()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The next event of this name, others passed over.
    async fn event(&mut self, name: &str) -> Value {
        loop {
            let packet = self.next().await.unwrap_or_else(|| panic!("`{name}` before the end"));
            let Some(event) = packet.strip_prefix("42") else { continue };
            let event: Vec<Value> = serde_json::from_str(event).unwrap();
            if event[0] == name {
                return event[1].clone();
            }
        }
    }

    async fn is_over(&mut self) {
        while self.next().await.is_some() {}
    }
}

/// Asks Engine.IO by polling; the answer is the status and the body.
fn ask(to: SocketAddr, sid: Option<&str>, body: Option<&str>) -> (u16, String) {
    let mut stream = connect(to);
    let method = if body.is_some() { "POST" } else { "GET" };
    let sid = sid.map(|sid| format!("&sid={sid}")).unwrap_or_default();
    let body = body.unwrap_or_default();
    let head = format!(
        "{method} {PATH}?EIO=4&transport=polling{sid} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // A body that is too long is refused by its length alone.
    let _ = stream.write_all(body.as_bytes());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn open_by_polling(to: SocketAddr) -> String {
    let (status, open) = ask(to, None, None);
    assert_eq!(status, 200, "{open}");
    let open: Value = serde_json::from_str(&open[1..]).unwrap();
    open["sid"].as_str().unwrap().to_owned()
}

#[test]
fn a_post_has_so_many_bytes() {
    let server = Server::start();
    let sid = open_by_polling(server.public);
    let most = format!("40{{\"name\":\"ann\"}}{}", " ".repeat(SOCKETIO_PAYLOAD_BYTES_MAX - 16));
    assert_eq!(most.len(), SOCKETIO_PAYLOAD_BYTES_MAX);
    let (status, body) = ask(server.public, Some(&sid), Some(&format!("{most} ")));
    assert_eq!(status, 413, "{body}");
    assert_eq!(ask(server.public, Some(&sid), Some(&most)), (200, "ok".to_owned()));
    assert_eq!(server.metric("fracas_refusals_total{reason=\"bad_body\"}"), 1.0);
}

#[test]
fn a_session_makes_so_many_requests() {
    let server = Server::start();
    let sid = open_by_polling(server.public);
    let refused_at = (1..100 * SOCKETIO_REQUESTS_PER_S_MAX)
        .find(|_| ask(server.public, Some(&sid), Some("3")).0 == 429)
        .expect("it is refused");
    // A slow machine makes the first ones in a second before.
    assert!(refused_at > SOCKETIO_REQUESTS_PER_S_MAX, "{refused_at}");
    assert!(server.metric("fracas_refusals_total{reason=\"session_requests\"}") >= 1.0);
}

#[tokio::test]
async fn handshakes_that_never_finish_are_bounded_and_end() {
    let server = Server::start_with(|config| config.connections_max = 20);
    let sids: Vec<_> = (0..20).map(|_| open_by_polling(server.public)).collect();
    let (status, body) = ask(server.public, None, None);
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("too_many_connections"), "{body}");
    sleep(Duration::from_secs(HELLO_TIME_MAX_S)).await;
    let mut line = Line::connected(server.public, r#"{"name":"ann"}"#).await;
    line.send(r#"421["ping",5]"#).await;
    assert_eq!(line.next().await.unwrap(), r#"431[{"nonce":5,"ok":true}]"#);
    assert_eq!(ask(server.public, Some(&sids[0]), None).0, 400);
}

#[tokio::test]
async fn who_may_not_connect_is_told_why() {
    let server = Server::start_with(|config| {
        config.auth = fracas_server::config::Auth::Secret;
        config.auth_secret = "sixteen letters!".into();
    });
    let long = format!(r#"{{"name":"{}","token":"sixteen letters!"}}"#, "x".repeat(33));
    for (auth, code) in [
        (r#"{"name":"ann"}"#, "token_missing"),
        (r#"{"name":"ann","token":"wrong"}"#, "token_invalid"),
        (r#"{"name":"","token":"sixteen letters!"}"#, "bad_name"),
        (&*long, "bad_name"),
        (r#"{"nome":"ann"}"#, "bad_auth"),
        ("[1]", "bad_auth"),
        (r#"{"name":"ann","token":"sixteen letters!","ticket":"none"}"#, "bad_ticket"),
        (r#"{"name":"ann","token":"sixteen letters!","resume":"K3V9QX-0"}"#, "seat_lost"),
    ] {
        let mut line = Line::open(server.public).await;
        line.send(&format!("40{auth}")).await;
        let answer = line.next().await.unwrap_or_else(|| panic!("{auth}: it is over"));
        assert!(answer.starts_with(&format!(r#"44{{"message":"{code}: "#)), "{auth}: {answer}");
        // It may try again on the same line.
        let answer = line.connect_again(r#"{"name":"ann","token":"sixteen letters!"}"#).await;
        let answer = answer.unwrap_or_else(|| panic!("{auth}: it is over"));
        assert!(answer.starts_with("40{"), "{auth}: {answer}");
    }
}

#[tokio::test]
async fn events_that_there_are_not_are_refused_and_then_end_the_connection() {
    let server = Server::start();
    let mut witness = Line::connected(server.public, r#"{"name":"ann","state":"json"}"#).await;
    witness.send(r#"42["join",{"game":"dots"}]"#).await;
    let mut line = Line::connected(server.public, r#"{"name":"bob"}"#).await;
    for n in 0..=CONTROLS_PER_S_MAX {
        line.send(&format!(r#"42["event {n} of a million",1]"#)).await;
    }
    let error = line.event("error").await;
    assert_eq!(error["code"], "unknown_event");
    let close = line.event("close").await;
    assert_eq!((&close["name"], &close["comesBack"]), (&Value::from("too_fast"), &false.into()));
    line.is_over().await;
    witness.event("state").await;
}

#[tokio::test]
async fn what_is_none_of_the_protocol_is_told_by_its_field() {
    let server = Server::start();
    let mut line = Line::connected(server.public, r#"{"name":"bob"}"#).await;
    for (event, said) in [
        (r#""join",{"game":7}"#, "join: `game` must be a text"),
        (r#""join",{}"#, "join: `game` is missing"),
        (r#""join",{"game":"dots","optoins":{}}"#, "join: there is no field `optoins`"),
        (r#""joinById","K3V9QX""#, "joinById: it takes an object"),
        (r#""list",{"skip":-1}"#, "list: `skip` must be a whole number"),
        (r#""input",{"x":1}"#, "input: you are in no room"),
        (r#""input",7"#, "input: it takes an object, or bytes"),
        (r#""message",{"text":"hi","to":"me"}"#, "message: `to` must be"),
        (r#""ack","x""#, "ack: it takes the tick of a frame"),
        (r#""ping",1e99"#, "ping: a number must be whole"),
    ] {
        line.send(&format!("42[{event}]")).await;
        let error = line.event("error").await;
        assert_eq!(error["code"], "bad_message");
        assert!(error["message"].as_str().unwrap().starts_with(said), "{event}: {error}");
    }
    line.send(r#"421["join",{"game":"chess"}]"#).await;
    assert_eq!(
        line.next().await.unwrap(),
        r#"431[{"code":"no_such_game","message":"no game 'chess' is hosted here","ok":false}]"#
    );
    line.send(r#"422["join",{"game":"dots"}]"#).await;
    line.event("joined").await;
    line.send(r#"42["input",{"x":300,"y":0}]"#).await;
    let error = line.event("error").await;
    assert_eq!(error["message"], "input: `x` must be a whole number from -128 to 127");
}

#[tokio::test]
async fn packets_that_are_none_end_their_session_alone() {
    let server = Server::start();
    let mut witness = Line::connected(server.public, r#"{"name":"ann","state":"json"}"#).await;
    witness.send(r#"42["join",{"game":"dots"}]"#).await;
    witness.event("joined").await;
    let long = format!(r#"42["message",{{"text":"{}"}}]"#, "x".repeat(SOCKETIO_PAYLOAD_BYTES_MAX));
    let binaries = SOCKETIO_BINARIES_MAX + 1;
    let places = r#",{"_placeholder":true,"num":0}"#.repeat(binaries);
    let many = format!("45{binaries}-[\"input\"{places}]");
    for packet in ["4", "42", "42[", "42{}", "49", "9", "40/elsewhere", &long, &many, r#"4/nowhere,["x"]"#] {
        let mut line = Line::connected(server.public, r#"{"name":"bob"}"#).await;
        line.send(packet).await;
        if packet.starts_with("40/") {
            assert_eq!(line.next().await.unwrap(), r#"44/elsewhere,{"message":"Invalid namespace"}"#);
        } else {
            line.is_over().await;
        }
    }
    witness.event("state").await;
    server.metric_until("fracas_connections{door=\"socketio\"}", |clients| clients == 1.0).await;
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let server = Server::start();
    let mut line = Line::connected(server.public, r#"{"name":"ann","state":"json"}"#).await;
    line.send(r#"42["join",{"game":"dots"}]"#).await;
    line.event("state").await;
    server.shutdown.begin();
    let close = line.event("close").await;
    assert_eq!((&close["name"], &close["comesBack"]), (&Value::from("restart"), &true.into()));
    assert!(close["retryAfterMs"].as_u64().unwrap() > 0, "{close}");
    line.is_over().await;
    server.stop();
}

#[tokio::test]
async fn a_line_is_made_worse_here_too() {
    let server = Server::start_with(|config| config.line = Some("latency=200,jitter=50".parse().unwrap()));
    let mut line = Line::connected(server.public, r#"{"name":"ann","state":"json"}"#).await;
    let began = Instant::now();
    line.send(r#"421["ping",5]"#).await;
    assert_eq!(line.next().await.unwrap(), r#"431[{"nonce":5,"ok":true}]"#);
    // There and back, each of them up to 50 ms earlier.
    assert!(began.elapsed() >= Duration::from_millis(100), "{:?}", began.elapsed());
    line.send(r#"42["join",{"game":"dots"}]"#).await;
    line.event("joined").await;
    let mut ticks = Vec::new();
    while ticks.len() < 30 {
        ticks.push(line.event("state").await["tick"].as_u64().unwrap());
    }
    assert!(ticks.is_sorted_by(|a, b| a < b), "{ticks:?}");
}

#[test]
fn a_server_may_have_no_such_door() {
    let server = Server::start_with(|config| config.socketio = false);
    assert_eq!(ask(server.public, None, None).0, 404);
}

#[test]
fn pages_of_other_sites_are_refused() {
    let server = Server::start();
    let request = format!(
        "GET {PATH}?EIO=4&transport=polling HTTP/1.1\r\nhost: {}\r\norigin: https://evil.example\r\n\
         connection: close\r\n\r\n",
        server.public
    );
    let answer = crate::server::exchange(server.public, &request);
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(!answer.to_lowercase().contains("access-control-allow-origin"), "{answer}");
    let server = Server::start_with(|config| config.allowed_origins = "https://evil.example".to_owned());
    let answer = crate::server::exchange(server.public, &request).to_lowercase();
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    // A proxy's cookie keeps the way of a session.
    assert!(answer.contains("access-control-allow-credentials: true"), "{answer}");
}
