//! Section 5.4: messages in several frames.

use super::wire::{
    BINARY, CLOSE, CONTINUATION, FIN, Heard, PING, PONG, TEXT, check, close_payload, closed, frame, goodbye,
    text,
};

/// A message in these pieces, one frame each.
fn fragmented(opcode: u8, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
    let last = pieces.len() - 1;
    let first = |i: usize| if i == 0 { opcode } else { CONTINUATION } | if i == last { FIN } else { 0 };
    pieces.iter().enumerate().map(|(i, piece)| frame(first(i), piece)).collect()
}

fn ended(frames: &[Vec<u8>]) -> Vec<u8> {
    [frames.concat(), goodbye()].concat()
}

#[test]
fn fragments_make_one_message() {
    let cases: &[&[&[u8]]] = &[
        &[b"hel", b"lo"],
        &[b"h", b"e", b"l", b"l", b"o"],
        &[b"", b"hello"],
        &[b"hello", b""],
        &[b"", b"", b"hello", b"", b""],
        &[b"", b""],
        &[b"hel", b"", b"lo"],
    ];
    for pieces in cases {
        let whole = pieces.concat();
        let case = format!("{pieces:?}");
        check(&case, &ended(&fragmented(TEXT, pieces)), &[Heard::Text(whole.clone()), closed(1000)]);
        check(&case, &ended(&fragmented(BINARY, pieces)), &[Heard::Binary(whole), closed(1000)]);
    }
}

#[test]
fn a_message_may_have_many_fragments() {
    let pieces: Vec<_> = (0..2000u32).map(|i| vec![i as u8; (i % 40) as usize]).collect();
    let pieces: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
    check(
        "2000 fragments",
        &ended(&fragmented(BINARY, &pieces)),
        &[Heard::Binary(pieces.concat()), closed(1000)],
    );
}

#[test]
fn fragments_together_are_not_longer_than_a_message() {
    let mega = vec![b'x'; 1024 * 1024];
    let pieces = vec![mega.as_slice(); 17];
    check("17 MiB in 17 fragments", &fragmented(TEXT, &pieces).concat(), &[closed(1009)]);
}

#[test]
fn control_frames_come_between_fragments() {
    let [first, last] = &fragmented(TEXT, &[b"hel", b"lo"])[..] else { unreachable!() };
    let sent = [&first[..], &frame(FIN | PING, b"there?"), last, &goodbye()].concat();
    // Answered before the message, which is not whole yet (section 5.5.2).
    check("a ping", &sent, &[Heard::Pong(b"there?".to_vec()), text("hello"), closed(1000)]);
    let sent = [&first[..], &frame(FIN | PONG, b"here"), last, &goodbye()].concat();
    check("a pong", &sent, &[text("hello"), closed(1000)]);
    let sent = [&first[..], &frame(FIN | CLOSE, &close_payload(1001, b""))].concat();
    check("a close", &sent, &[closed(1001)]);
    let pings: Vec<_> = (0..20).map(|i| frame(FIN | PING, &[i])).collect();
    let sent = [first.clone(), pings.concat(), last.clone(), goodbye()].concat();
    let mut expected: Vec<_> = (0..20).map(|i| Heard::Pong(vec![i])).collect();
    expected.extend([text("hello"), closed(1000)]);
    check("20 pings", &sent, &expected);
}

#[test]
fn what_continues_nothing_is_an_error() {
    check("a last fragment", &frame(FIN | CONTINUATION, b"hi"), &[closed(1002)]);
    check("a fragment in the middle", &frame(CONTINUATION, b"hi"), &[closed(1002)]);
    let sent = [frame(FIN | TEXT, b"ok"), frame(FIN | CONTINUATION, b"hi")].concat();
    check("after a whole message", &sent, &[text("ok"), closed(1002)]);
    let sent = [fragmented(TEXT, &[b"o", b"k"]).concat(), frame(CONTINUATION, b"hi")].concat();
    check("after the last fragment", &sent, &[text("ok"), closed(1002)]);
}

#[test]
fn a_message_within_a_message_is_an_error() {
    for opcode in [TEXT, BINARY] {
        for fin in [0, FIN] {
            let sent = [frame(TEXT, b"hel"), frame(fin | opcode, b"lo")].concat();
            check(&format!("opcode {opcode}, fin {fin}"), &sent, &[closed(1002)]);
        }
    }
}

#[test]
fn control_frames_are_never_fragmented() {
    for opcode in [PING, PONG, CLOSE] {
        check(&format!("opcode {opcode}"), &frame(opcode, b""), &[closed(1002)]);
        let sent = [frame(opcode, b"a"), frame(FIN | CONTINUATION, b"b")].concat();
        check(&format!("opcode {opcode} and the rest of it"), &sent, &[closed(1002)]);
    }
}
