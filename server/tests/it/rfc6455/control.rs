//! Section 5.5: pings and pongs.

use super::wire::{FIN, Heard, PING, PONG, TEXT, check, closed, frame, goodbye, text};

#[test]
fn a_ping_is_answered_with_its_own_payload() {
    for length in [0, 1, 2, 60, 124, 125] {
        let payload: Vec<u8> = (0..length).map(|i| 255 - i).collect();
        let sent = [frame(FIN | PING, &payload), goodbye()].concat();
        check(&format!("{length} bytes"), &sent, &[Heard::Pong(payload), closed(1000)]);
    }
}

#[test]
fn a_long_control_frame_is_an_error() {
    for opcode in [PING, PONG, 0x8] {
        for length in [126, 127, 1000, 65_536] {
            let payload = vec![3; length];
            check(&format!("opcode {opcode} of {length}"), &frame(FIN | opcode, &payload), &[closed(1002)]);
        }
    }
}

#[test]
fn pongs_that_were_not_asked_for_are_passed_over() {
    for payload in [&b""[..], b"unasked"] {
        let sent = [frame(FIN | PONG, payload), frame(FIN | TEXT, b"hi"), goodbye()].concat();
        check("a pong", &sent, &[text("hi"), closed(1000)]);
    }
    let pongs = frame(FIN | PONG, b"x").repeat(100);
    check("100 pongs", &[pongs, goodbye()].concat(), &[closed(1000)]);
}

#[test]
fn pings_and_messages_are_answered_in_order() {
    let mut sent = Vec::new();
    let mut expected = Vec::new();
    for number in 0..30u8 {
        sent.extend(frame(FIN | PING, &[number]));
        sent.extend(frame(FIN | TEXT, format!("{number}").as_bytes()));
        expected.extend([Heard::Pong(vec![number]), text(&number.to_string())]);
    }
    sent.extend(goodbye());
    expected.push(closed(1000));
    check("30 of each", &sent, &expected);
}
