use std::io::{Read, Write};

use crate::server::{Server, connect, exchange, read_head, status};

const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const VERSION: &str = "Sec-WebSocket-Version: 13\r\n";
const PROTOCOL: &str = "Sec-WebSocket-Protocol: chat, fracas.3\r\n";
const UPGRADE: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";

fn request(headers: &[&str]) -> String {
    format!("GET /ws HTTP/1.1\r\nHost: test\r\n{}\r\n", headers.concat())
}

/// The answer to a handshake that must fail.
fn check(headers: &[&str], expected: u16, code: &str) -> String {
    let server = Server::start();
    let answer = exchange(server.public, &request(&[headers, &["Connection: close\r\n"]].concat()));
    assert_eq!(status(&answer), expected, "{answer}");
    assert!(answer.contains(&format!("\"code\":\"{code}\"")), "{answer}");
    answer.to_lowercase()
}

#[test]
fn a_handshake_is_answered_as_the_rfc_says() {
    let server = Server::start();
    let mut stream = connect(server.public);
    stream.write_all(request(&[UPGRADE, VERSION, KEY, PROTOCOL]).as_bytes()).unwrap();
    let head = read_head(&mut stream).to_lowercase();
    assert_eq!(status(&head), 101, "{head}");
    // The example of RFC 6455, section 1.3.
    assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
    assert!(head.contains("sec-websocket-protocol: fracas.3\r\n"), "{head}");
    assert!(head.contains("upgrade: websocket\r\n"), "{head}");
    server.shutdown.begin();
    // Whatever the server still has to say, it closes.
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn a_plain_request_is_426() {
    let answer = check(&[], 426, "upgrade_required");
    assert!(answer.contains("upgrade: websocket\r\n"), "{answer}");
}

#[test]
fn another_version_is_426_with_the_right_one() {
    let old = "Sec-WebSocket-Version: 8\r\n";
    let answer = check(&[UPGRADE, old, KEY, PROTOCOL], 426, "wrong_websocket_version");
    assert!(answer.contains("sec-websocket-version: 13\r\n"), "{answer}");
}

#[test]
fn a_missing_subprotocol_is_400() {
    let answer = check(&[UPGRADE, VERSION, KEY], 400, "no_subprotocol");
    assert!(answer.contains("fracas.3"), "{answer}");
    for none in ["chat", "fracas", "fracas.", "fracas.0", "fracas.x", "fracas.1.0", "fracas.99999"] {
        let offer = format!("Sec-WebSocket-Protocol: {none}\r\n");
        check(&[UPGRADE, VERSION, KEY, &offer], 400, "no_subprotocol");
    }
}

/// A browser shows its page nothing of a 400, but a close code it shows.
#[test]
fn another_version_of_the_protocol_is_let_in_to_be_told() {
    let server = Server::start();
    for (offer, taken) in [
        ("fracas.10", "fracas.10"),
        ("chat, fracas.7, fracas.8", "fracas.7"),
        ("fracas.4, fracas.3", "fracas.3"),
    ] {
        let mut stream = connect(server.public);
        let offer = format!("Sec-WebSocket-Protocol: {offer}\r\n");
        stream.write_all(request(&[UPGRADE, VERSION, KEY, &offer]).as_bytes()).unwrap();
        let head = read_head(&mut stream).to_lowercase();
        assert_eq!(status(&head), 101, "{head}");
        assert!(head.contains(&format!("sec-websocket-protocol: {taken}\r\n")), "{head}");
    }
}

#[test]
fn a_bad_key_is_400() {
    check(&[UPGRADE, VERSION, PROTOCOL], 400, "bad_websocket_key");
    check(&[UPGRADE, VERSION, PROTOCOL, KEY, KEY], 400, "bad_websocket_key");
    check(&[UPGRADE, VERSION, PROTOCOL, "Sec-WebSocket-Key: short\r\n"], 400, "bad_websocket_key");
}
