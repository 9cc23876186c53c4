//! Sections 5.1 and 5.2: frames and their lengths.

use super::wire::{BINARY, FIN, Heard, TEXT, check, closed, frame, goodbye, text};
use super::ws_echo::MESSAGE_BYTES_MAX;

/// Bytes that differ, so that none is lost or swapped.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 + i / 251) as u8).collect()
}

fn letters(length: usize) -> Vec<u8> {
    (0..length).map(|i| b'a' + (i % 23) as u8).collect()
}

#[test]
fn messages_of_every_length_come_back() {
    for length in [0, 1, 2, 124, 125, 126, 127, 128, 254, 255, 256, 65_534, 65_535, 65_536, 65_537, 1_000_000]
    {
        let payload = bytes(length);
        let sent = [frame(FIN | BINARY, &payload), goodbye()].concat();
        check(&format!("{length} bytes"), &sent, &[Heard::Binary(payload), closed(1000)]);
        let payload = letters(length);
        let sent = [frame(FIN | TEXT, &payload), goodbye()].concat();
        check(&format!("{length} letters"), &sent, &[Heard::Text(payload), closed(1000)]);
    }
}

#[test]
fn the_longest_message_comes_back_and_a_longer_one_is_refused() {
    let payload = bytes(MESSAGE_BYTES_MAX);
    let sent = [frame(FIN | BINARY, &payload), goodbye()].concat();
    check("16 MiB", &sent, &[Heard::Binary(payload), closed(1000)]);
    check("a byte more", &frame(FIN | BINARY, &bytes(MESSAGE_BYTES_MAX + 1)), &[closed(1009)]);
    // The length alone says it.
    for length in [MESSAGE_BYTES_MAX as u64 + 1, u64::from(u32::MAX), (1 << 63) - 1] {
        let head = [&[FIN | BINARY, 0x80 | 0x7F][..], &length.to_be_bytes(), &[1, 2, 3, 4]].concat();
        check(&format!("a head that says {length}"), &head, &[closed(1009)]);
    }
}

#[test]
fn many_messages_come_back_in_order() {
    for (case, is_text) in [
        ("texts", &(|_| true) as &dyn Fn(u32) -> bool),
        ("binary messages", &|_| false),
        ("of both in turn", &|number| number % 2 == 0),
    ] {
        let mut sent = Vec::new();
        let mut expected = Vec::new();
        for number in 0..500 {
            let message = format!("message {number}").into_bytes();
            sent.extend(frame(FIN | if is_text(number) { TEXT } else { BINARY }, &message));
            expected.push(if is_text(number) { Heard::Text(message) } else { Heard::Binary(message) });
        }
        sent.extend(goodbye());
        expected.push(closed(1000));
        check(&format!("500 {case}"), &sent, &expected);
    }
}

#[test]
fn every_byte_survives_the_mask() {
    let payload: Vec<u8> = (0..=255).collect();
    let sent = [frame(FIN | BINARY, &payload), goodbye()].concat();
    check("all bytes", &sent, &[Heard::Binary(payload), closed(1000)]);
}

#[test]
fn a_frame_without_a_mask_is_an_error() {
    for opcode in [TEXT, BINARY, 0x8, 0x9, 0xA] {
        check(&format!("opcode {opcode}"), &[FIN | opcode, 0], &[closed(1002)]);
        check(&format!("opcode {opcode} with a payload"), &[FIN | opcode, 2, b'h', b'i'], &[closed(1002)]);
    }
}

#[test]
fn reserved_bits_are_an_error() {
    for bits in 1..8u8 {
        for opcode in [TEXT, BINARY, 0x8, 0x9, 0xA] {
            check(
                &format!("bits {bits}, opcode {opcode}"),
                &frame(FIN | bits << 4 | opcode, b""),
                &[closed(1002)],
            );
        }
    }
}

#[test]
fn reserved_opcodes_are_an_error() {
    for opcode in (3..8).chain(11..16) {
        check(&format!("opcode {opcode}"), &frame(FIN | opcode, b""), &[closed(1002)]);
        check(&format!("opcode {opcode} with a payload"), &frame(FIN | opcode, b"hi"), &[closed(1002)]);
        let after_a_message = [frame(FIN | TEXT, b"ok"), frame(FIN | opcode, b"")].concat();
        check(&format!("opcode {opcode} after a message"), &after_a_message, &[text("ok"), closed(1002)]);
    }
}

/// The RFC wants the shortest form; the framing that this server uses takes longer ones for what they
/// are. That harms nobody, and is held here so that it does not change unseen.
#[test]
fn lengths_in_a_longer_form_are_taken() {
    let masked = |head: &[u8]| [head, &[0, 0, 0, 0], b"hi"].concat();
    for (case, head) in [
        ("16 bits", &[FIN | TEXT, 0x80 | 0x7E, 0, 2][..]),
        ("64 bits", &[FIN | TEXT, 0x80 | 0x7F, 0, 0, 0, 0, 0, 0, 0, 2]),
    ] {
        check(case, &[masked(head), goodbye()].concat(), &[text("hi"), closed(1000)]);
    }
}
