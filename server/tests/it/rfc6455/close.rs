//! Sections 5.5.1 and 7: how connections end.

use std::net::Shutdown as Half;

use super::wire::{BINARY, CLOSE, FIN, Heard, TEXT, Wire, check, close_payload, closed, frame, text};
use super::ws_echo::Lane;

/// A close frame with this payload.
fn close(payload: &[u8]) -> Vec<u8> {
    frame(FIN | CLOSE, payload)
}

#[test]
fn a_close_is_answered_with_its_code() {
    check("no code", &close(b""), &[Heard::Close(None)]);
    for code in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999] {
        check(&format!("{code}"), &close(&close_payload(code, b"")), &[closed(code)]);
        check(&format!("{code} and why"), &close(&close_payload(code, b"going home")), &[closed(code)]);
    }
}

#[test]
fn codes_that_nobody_may_send_are_an_error() {
    // Section 7.4: 0 to 999 are not used, 1004 to 1006 and 1015 are never sent, and 1016 to 2999 are
    // not given out.
    for code in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] {
        check(&format!("{code}"), &close(&close_payload(code, b"")), &[closed(1002)]);
        check(&format!("{code} and why"), &close(&close_payload(code, b"because")), &[closed(1002)]);
    }
}

#[test]
fn half_a_code_is_an_error() {
    check("one byte", &close(&[3]), &[closed(1002)]);
}

#[test]
fn a_reason_is_text_and_not_long() {
    let reason = "x".repeat(123);
    check("123 bytes", &close(&close_payload(1000, reason.as_bytes())), &[closed(1000)]);
    check("text", &close(&close_payload(1000, "\u{65e5}\u{672c} \u{1f3ae}".as_bytes())), &[closed(1000)]);
    check("124 bytes", &close(&close_payload(1000, &[b'x'; 124])), &[closed(1002)]);
    for (case, reason) in
        [("no UTF-8", &[0xFF][..]), ("half a letter", &[b'o', 0xCE]), ("a surrogate", &[0xED, 0xA0, 0x80])]
    {
        check(case, &close(&close_payload(1000, reason)), &[closed(1007)]);
    }
}

#[test]
fn what_comes_after_a_close_is_passed_over() {
    let sent = [close(&close_payload(1000, b"")), frame(FIN | TEXT, b"late"), close(b"")].concat();
    check("a message", &sent, &[closed(1000)]);
    let sent = [frame(FIN | TEXT, b"hi"), close(&close_payload(4000, b"")), vec![0xFF; 50]].concat();
    check("garbage", &sent, &[text("hi"), closed(4000)]);
}

#[test]
fn a_stream_that_ends_without_a_close_is_ended() {
    let streams: [&[u8]; 6] = [
        b"",
        &frame(FIN | TEXT, b"hi"),
        &frame(FIN | BINARY, b"hi"),
        &frame(FIN | TEXT, b"hi")[..5],
        &frame(TEXT, b"hi"),
        &[FIN | TEXT],
    ];
    for lane in [Lane::Reactor, Lane::Tick] {
        for sent in streams {
            let mut wire = Wire::open(lane);
            wire.send(sent, 100);
            wire.0.shutdown(Half::Write).unwrap();
            let mut heard = wire.hear();
            if [text("hi"), Heard::Binary(b"hi".to_vec())].contains(&heard) {
                heard = wire.hear();
            }
            // Some servers say 1006's like here, which nobody may send: this one says nothing, or that it
            // was not as it should be.
            assert!([Heard::End, closed(1002)].contains(&heard), "{lane:?}, {sent:?}: {heard:?}");
        }
    }
}
