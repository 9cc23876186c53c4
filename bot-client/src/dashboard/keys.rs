//! Keys that end a run.
//!
//! They are read here and not by crossterm, which waits for the rest of a sequence that it has seen the
//! begin of, and does not come back from a terminal that is gone.

use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};

const ESCAPE: u8 = 0x1b;
/// In raw mode it is a key like others.
const CTRL_C: u8 = 0x03;
/// More than somebody types between two looks.
const KEYS_MAX: usize = 256;

/// How many of these keys were pressed since it was last asked; an error when there is no terminal.
pub(super) fn stops() -> io::Result<usize> {
    let stdin = io::stdin();
    let mut bytes = [0; KEYS_MAX];
    let is_ready = poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&Timespec::default()));
    match is_ready.and_then(|ready| if ready == 0 { Err(Errno::AGAIN) } else { read(&stdin, &mut bytes) }) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(count) => Ok(count_stops(&bytes[..count])),
        Err(Errno::AGAIN | Errno::INTR) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

/// Other keys are sequences that may have a letter q in them.
fn count_stops(bytes: &[u8]) -> usize {
    let mut keys = bytes.iter();
    let mut count = 0;
    while let Some(key) = keys.next() {
        match *key {
            b'q' | b'Q' | CTRL_C => count += 1,
            ESCAPE => skip_sequence(&mut keys),
            _ => {}
        }
    }
    count
}

/// Skips what follows an escape: parameters up to a final byte, or one byte.
fn skip_sequence(keys: &mut std::slice::Iter<'_, u8>) {
    match keys.next() {
        Some(b'[') => drop(keys.find(|key| (0x40..=0x7e).contains(*key))),
        Some(b'O') => drop(keys.next()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_these_keys_end_a_run() {
        assert_eq!(count_stops(b"q"), 1);
        assert_eq!(count_stops(b"\x03"), 1);
        assert_eq!(count_stops(b"abc \r\x1a"), 0);
        assert_eq!(count_stops(b"\x1bOq\x1bq\x1b[1;5q"), 0, "keypad, Alt, and one that does not exist");
        assert_eq!(count_stops(b"\x1b[Aq\x1b[3~Q"), 2, "an arrow and Delete are between");
        assert_eq!(count_stops(b"\x1b"), 0);
    }
}
