//! The same on the door of players: each breach is closed with the code that docs/PROTOCOL.md has for it.

use fracas_shared::CloseCode;
use fracas_shared::limits::{CLIENT_MESSAGE_BYTES_MAX, RECEIVED_BYTES_PER_S_MAX};

use super::wire::{BINARY, CONTINUATION, FIN, Heard, PING, TEXT, Wire, closed, frame};
use crate::server::Server;

#[test]
fn breaches_are_closed_with_their_codes() {
    let server = Server::start();
    let cases: &[(&str, Vec<u8>, CloseCode)] = &[
        ("text", frame(FIN | TEXT, b"hello"), CloseCode::BadMessage),
        ("what is no text", frame(FIN | TEXT, &[0xFF]), CloseCode::NotUtf8),
        ("no mask", vec![FIN | BINARY, 0], CloseCode::NotWebSocket),
        ("a reserved bit", frame(FIN | 0x40 | BINARY, b""), CloseCode::NotWebSocket),
        ("a reserved opcode", frame(FIN | 0x3, b""), CloseCode::NotWebSocket),
        ("a fragment of nothing", frame(FIN | CONTINUATION, b""), CloseCode::NotWebSocket),
        ("a fragmented ping", frame(PING, b""), CloseCode::NotWebSocket),
        ("a long ping", frame(FIN | PING, &[0; 126]), CloseCode::NotWebSocket),
        ("no message of ours", frame(FIN | BINARY, b"hello"), CloseCode::BadMessage),
        ("nothing", frame(FIN | BINARY, b""), CloseCode::BadMessage),
        ("too long", frame(FIN | BINARY, &[0; CLIENT_MESSAGE_BYTES_MAX + 1]), CloseCode::MessageTooLong),
        (
            "too long in fragments",
            [frame(BINARY, &[0; CLIENT_MESSAGE_BYTES_MAX]), frame(CONTINUATION, &[0])].concat(),
            CloseCode::MessageTooLong,
        ),
    ];
    for (case, sent, code) in cases {
        let mut wire = Wire::open_at(server.public, "Sec-WebSocket-Protocol: fracas.3\r\n");
        wire.send(sent, sent.len());
        assert_eq!(wire.hear(), closed(code.number()), "{case}");
        assert_eq!(wire.hear(), Heard::End, "{case}");
    }
}

/// Fragments of nothing are nothing that the framing would ever give: they are counted as bytes.
#[test]
fn empty_fragments_without_end_are_closed() {
    let server = Server::start();
    let mut wire = Wire::open_at(server.public, "Sec-WebSocket-Protocol: fracas.3\r\n");
    wire.send(&frame(BINARY, b""), 100);
    let fragments = frame(CONTINUATION, b"").repeat(1000);
    let times = 12 * RECEIVED_BYTES_PER_S_MAX / fragments.len() as u64;
    let mut writing = Wire(wire.0.try_clone().unwrap());
    let writer = std::thread::spawn(move || {
        // Twelve times what a connection may send in a second, at most.
        for _ in 0..times {
            writing.send(&fragments, fragments.len());
        }
    });
    assert_eq!(wire.hear(), closed(CloseCode::TooFast.number()));
    drop(wire);
    writer.join().unwrap();
}
