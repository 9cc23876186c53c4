//! Servers that speak another protocol than ours.

use std::future::Future;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::{WebSocketStream, accept_async};

use crate::{assert_code, run, run_for};

type Socket = WebSocketStream<TcpStream>;

/// Starts a server that lives as long as the test's process, and gives its address.
fn serve<F: Future<Output = ()> + Send + 'static>(one: impl Fn(TcpStream) -> F + Send + 'static) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                tokio::spawn(one(stream));
            }
        });
    });
    address.to_string()
}

/// Echoes: the answer to a message, of which this is the number, is what is sent back.
fn echo(answer: impl FnMut(u32, Message) -> Vec<Message> + Clone + Send + 'static) -> String {
    serve(move |stream| {
        let mut answer = answer.clone();
        async move {
            let mut socket = accept_async(stream).await.unwrap();
            let mut number = 0;
            while let Some(Ok(message)) = socket.next().await {
                if !message.is_binary() {
                    continue;
                }
                for message in answer(number, message) {
                    // A bot that has gone needs no answer.
                    let _ = socket.send(message).await;
                }
                number += 1;
            }
        }
    })
}

/// Upgrades, and says something in the same breath.
async fn upgrade_and_say(mut stream: TcpStream, text: &str) -> (String, Socket) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
    let request = String::from_utf8(request).unwrap();
    let key = request.lines().find_map(|line| {
        line.to_lowercase()
            .starts_with("sec-websocket-key:")
            .then(|| derive_accept_key(line.split_once(':').unwrap().1.trim().as_bytes()))
    });
    let mut answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        key.unwrap()
    )
    .into_bytes();
    answer.extend([0x81, text.len() as u8]);
    answer.extend(text.as_bytes());
    stream.write_all(&answer).await.unwrap();
    let path = request.split(' ').nth(1).unwrap().to_owned();
    (path, WebSocketStream::from_raw_socket(stream, Role::Server, None).await)
}

const WEBSOCKET: [&str; 6] = ["--target", "websocket", "--clients", "3", "--inputs", "50/s"];
const SOCKETIO: [&str; 6] = ["--target", "socketio", "--clients", "3", "--inputs", "50/s"];

fn number(report: &Value, field: &str) -> u64 {
    report[field].as_u64().unwrap_or_else(|| panic!("{field} in {report}"))
}

/// All came, sent what they were to send, and nobody was cut off.
fn assert_played(report: &Value, target: &str) {
    assert_eq!(report["target"], target);
    assert_eq!(
        (number(report, "joined"), number(report, "failed"), number(report, "disconnects")),
        (3, 0, 0)
    );
    assert_eq!(number(report, "inputs_sent"), number(report, "inputs_planned"));
    // Each plays for at least 300 ms.
    assert!((3 * 14..3 * 20).contains(&number(report, "inputs_sent")), "{report}");
}

fn assert_all_answered(report: &Value) {
    assert_eq!(number(report, "updates_expected"), number(report, "inputs_sent"));
    assert_eq!(number(report, "updates_received"), number(report, "inputs_sent"));
    assert_eq!(report["input_to_state_ms"]["count"], report["inputs_sent"]);
    assert!(report["input_to_state_ms"]["p50"].as_f64().unwrap() > 0.0);
}

#[test]
fn an_echo_is_measured() {
    let url = echo(|_, message| vec![message]);
    let (code, report) = run(&url, &WEBSOCKET);
    assert_code(code, 0);
    assert_played(&report, "websocket");
    assert_all_answered(&report);
    let gap = report["update_gap_ms"]["p50"].as_f64().unwrap();
    assert!((10.0..40.0).contains(&gap), "{gap}");
    assert!(report["connect_ms"]["p50"].as_f64().unwrap() > 0.0);
    assert_eq!(number(&report, "rooms"), 0);
}

#[test]
fn echoes_come_in_order() {
    let mut held = None;
    let url = echo(move |number, message| match number {
        5 => {
            held = Some(message);
            Vec::new()
        }
        6 => vec![message, held.take().unwrap()],
        _ => vec![message],
    });
    let (code, report) = run(&url, &WEBSOCKET);
    assert_code(code, 1);
    assert_played(&report, "websocket");
    assert_eq!(report["violations"], json!({ "echo_order": 3 }));
    assert_all_answered(&report);
}

#[test]
fn echoes_that_do_not_come_are_missing() {
    let url = echo(|number, message| if number % 10 == 3 { Vec::new() } else { vec![message] });
    let (code, report) = run(&url, &WEBSOCKET);
    assert_code(code, 0);
    assert_played(&report, "websocket");
    assert_eq!(number(&report, "updates_expected"), number(&report, "inputs_sent"));
    let missing = number(&report, "updates_expected") - number(&report, "updates_received");
    assert!((3..=6).contains(&missing), "{report}");
    let share = report["updates_received_share_min"].as_f64().unwrap();
    assert!((0.8..0.96).contains(&share), "{share}");
}

#[test]
fn what_is_pushed_is_measured_too() {
    let url = serve(async |stream| {
        let mut socket = accept_async(stream).await.unwrap();
        let mut clock = tokio::time::interval(Duration::from_millis(10));
        loop {
            tokio::select! {
                _ = clock.tick() => if socket.send(Message::text("news")).await.is_err() { break },
                message = socket.next() => if !matches!(message, Some(Ok(_))) { break },
            }
        }
    });
    let (code, report) = run(&url, &WEBSOCKET);
    assert_code(code, 0);
    assert_played(&report, "websocket");
    assert!(number(&report, "updates_received") > 3 * 20, "{report}");
    assert_eq!(report["updates_expected"], report["updates_received"]);
    assert_eq!(report["input_to_state_ms"]["count"], 0);
}

#[test]
fn a_plain_server_may_speak_first() {
    let url = serve(async |stream| {
        let (_, mut socket) = upgrade_and_say(stream, "welcome").await;
        while let Some(Ok(_)) = socket.next().await {}
    });
    let mut arguments = WEBSOCKET.to_vec();
    arguments.extend(["--behaviour", "idle"]);
    let (code, report) = run(&url, &arguments);
    assert_code(code, 0);
    assert_eq!((number(&report, "joined"), number(&report, "inputs_sent")), (3, 0));
    assert_eq!((number(&report, "updates_received"), number(&report, "updates_expected")), (3, 3));
}

#[test]
fn bots_of_plain_servers_come_back() {
    let url = echo(|_, message| vec![message]);
    let mut arguments = WEBSOCKET.to_vec();
    arguments.extend(["--reconnect", "100%"]);
    let (code, report) = run_for("2s", &url, &arguments);
    assert_code(code, 0);
    assert_eq!((number(&report, "joined"), number(&report, "resumed")), (3, 3));
    assert!(number(&report, "inputs_sent") < number(&report, "inputs_planned"), "{report}");
}

/// A server of Socket.IO that answers inputs, and says something in between.
async fn speak_socketio(stream: TcpStream) {
    let open = r#"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
    let (path, mut socket) = upgrade_and_say(stream, open).await;
    if path == "/ws" {
        return;
    }
    assert_eq!(path, "/socket.io/?EIO=4&transport=websocket");
    let Some(Ok(Message::Text(connect))) = socket.next().await else { return };
    let auth: Value = serde_json::from_str(connect.strip_prefix("40").unwrap()).unwrap();
    assert!(auth["name"].as_str().unwrap().starts_with("bot"));
    // Before the bot is let in, so that no input can be on its way when the pong is.
    socket.send(Message::text("2")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("3"));
    socket.send(Message::text(r#"40{"sid":"b"}"#)).await.unwrap();
    while let Some(Ok(Message::Text(text))) = socket.next().await {
        let (id, event) = text.strip_prefix("42").unwrap().split_at(text.find('[').unwrap() - 2);
        let (name, input): (String, Value) = serde_json::from_str(event).unwrap();
        assert_eq!(name, "input");
        assert!(input["s"].as_u64().unwrap() < 3 && input["t"].is_u64());
        if input["n"].as_u64().unwrap() % 2 == 0 {
            socket.send(Message::text(r#"42["state",{"players":[]}]"#)).await.unwrap();
        } else {
            socket.send(Message::text(r#"451-["bytes",{"_placeholder":true,"num":0}]"#)).await.unwrap();
            socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
        }
        if id == "3" {
            let bytes = r#"[{"_placeholder":true,"num":0}]"#;
            socket.send(Message::text(format!("461-{id}{bytes}"))).await.unwrap();
            socket.send(Message::binary(vec![4])).await.unwrap();
        } else {
            socket.send(Message::text(format!("43{id}[]"))).await.unwrap();
        }
    }
}

#[test]
fn socketio_is_measured() {
    let url = serve(speak_socketio);
    let (code, report) = run(&url, &SOCKETIO);
    assert_code(code, 0);
    assert_played(&report, "socketio");
    assert_all_answered(&report);
    // Of each input one, and one less of each bot.
    assert_eq!(number(&report["update_gap_ms"], "count"), number(&report, "inputs_sent") - 3);
    assert_eq!(report["url"], format!("ws://{url}/socket.io/?EIO=4&transport=websocket"));
}

#[test]
fn who_is_not_let_in_has_failed() {
    let url = serve(async |stream| {
        let (_, mut socket) = upgrade_and_say(stream, r#"0{"pingInterval":25000,"pingTimeout":20000}"#).await;
        let _ = socket.send(Message::text(r#"44{"message":"not today"}"#)).await;
        while let Some(Ok(_)) = socket.next().await {}
    });
    let (code, report) = run(&url, &SOCKETIO);
    assert_code(code, 1);
    assert_eq!((number(&report, "joined"), number(&report, "failed")), (0, 3));
    assert_eq!(report["errors"], json!({ "connect_error": 3 }));
}

#[test]
fn what_only_our_protocol_has_is_refused() {
    let url = echo(|_, message| vec![message]);
    let wrong: [&[&str]; 6] = [
        &["--behaviour", "slow"],
        &["--behaviour", "chaos"],
        &["--behaviour", "recorded", "--recording", "inputs.json"],
        &["--record-inputs", "inputs.json"],
        &["--room", "abc"],
        &["--create-options", "{\"seats\": 4}"],
    ];
    for target in ["websocket", "socketio"] {
        for flags in wrong {
            let arguments = [&["--target", target], flags].concat();
            let (code, report) = run(&url, &arguments);
            assert_code(code, 2);
            assert_eq!(report, Value::Null, "{arguments:?}");
        }
    }
}
