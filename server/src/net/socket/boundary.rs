//! Where messages begin and end in what a client sends (RFC 6455, section 5.2).

use std::ops::Range;

use bytes::BufMut;

/// The longest head of a client's frame: two bytes, a length of eight, and a mask of four.
const HEAD_BYTES_MAX: usize = 14;
/// Opcodes from here on are of control frames, which may come inside of a message.
const CONTROL_FRAMES: u8 = 8;
/// The first byte of a binary message in one frame.
pub(super) const BINARY: u8 = 0x82;
/// That of a message of text, and that of a ping.
pub(super) const TEXT: u8 = 0x81;
pub(super) const PING: u8 = 0x89;
const IS_LAST: u8 = 0x80;
const IS_MASKED: u8 = 0x80;
const MASK_BYTES: usize = 4;
/// Lengths from here on stand in bytes of their own.
const LONG: u8 = 126;

/// Follows a stream of frames, whatever is in them, without keeping any of it.
#[derive(Debug, Default)]
pub(super) struct Boundary {
    /// The begin of a head that is not yet whole.
    head: [u8; HEAD_BYTES_MAX],
    head_bytes: usize,
    /// Bytes of the frame that are still to come.
    left: u64,
    /// Whether the last frame of a message in pieces is still to come.
    is_fragmented: bool,
}

impl Boundary {
    /// Takes note of what came; whether a message became whole with it.
    pub(super) fn pass(&mut self, mut bytes: &[u8]) -> bool {
        let mut has_ended = false;
        while let Some((byte, rest)) = bytes.split_first() {
            if self.left > 0 {
                let count = usize::try_from(self.left).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.left -= count as u64;
                bytes = &bytes[count..];
            } else {
                self.head[self.head_bytes] = *byte;
                self.head_bytes += 1;
                bytes = rest;
                if let Some(length) = length_of(&self.head[..self.head_bytes]) {
                    (self.left, self.head_bytes) = (length, 0);
                    if self.head[0] & 0x0F < CONTROL_FRAMES {
                        self.is_fragmented = self.head[0] & IS_LAST == 0;
                    }
                }
            }
            has_ended |= self.is_between_messages();
        }
        has_ended
    }

    /// Whether nothing of a message has come that is not whole.
    pub(super) fn is_between_messages(&self) -> bool {
        self.left == 0 && self.head_bytes == 0 && !self.is_fragmented
    }
}

/// The length of the payload, when the head is whole.
fn length_of(head: &[u8]) -> Option<u64> {
    let (_, second) = (head.first()?, head.get(1)?);
    let mask = if second & IS_MASKED == 0 { 0 } else { MASK_BYTES };
    let extended = match second & !IS_MASKED {
        length @ ..LONG => return (head.len() == 2 + mask).then_some(length.into()),
        LONG => 2,
        _ => 8,
    };
    let length = head.get(2..2 + extended).filter(|_| head.len() == 2 + extended + mask)?;
    Some(length.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

/// Puts a server's frame, whose first byte this is.
pub(super) fn put_frame(first: u8, payload: &[u8], out: &mut impl BufMut) {
    put_head(first, payload.len(), out);
    out.put_slice(payload);
}

fn put_head(first: u8, length: usize, out: &mut impl BufMut) {
    out.put_u8(first);
    match length {
        0..126 => out.put_u8(length as u8),
        126..0x1_0000 => {
            out.put_u8(LONG);
            out.put_u16(length as u16);
        }
        _ => {
            out.put_u8(LONG + 1);
            out.put_u64(length as u64);
        }
    }
}

/// The bytes of such a frame.
pub(in crate::net) fn framed_bytes(payload: usize) -> usize {
    let length = match payload {
        0..126 => 0,
        126..0x1_0000 => 2,
        _ => 8,
    };
    2 + length + payload
}

/// Takes the mask off a whole short binary message in one frame at the front: nearly all that players send are such.
/// Gives where it is, its head left out. None, and nothing done, when what stands there is anything else.
pub(super) fn unmask_plain(bytes: &mut [u8]) -> Option<Range<usize>> {
    let [BINARY, second, rest @ ..] = bytes else { return None };
    let length = usize::from(second.checked_sub(IS_MASKED).filter(|length| *length < LONG)?);
    let (mask, rest) = rest.split_first_chunk_mut::<MASK_BYTES>()?;
    let payload = rest.get_mut(..length)?;
    payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    Some(2 + MASK_BYTES..2 + MASK_BYTES + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A masked frame of so many bytes.
    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut frame = match length {
            0..126 => vec![first, IS_MASKED | length as u8],
            126..0x1_0000 => [&[first, 0xFE], &(length as u16).to_be_bytes()[..]].concat(),
            _ => [&[first, 0xFF], &(length as u64).to_be_bytes()[..]].concat(),
        };
        frame.extend([1, 2, 3, 4]);
        frame.extend((0..length).map(|place| place as u8 ^ [1, 2, 3, 4][place % 4]));
        frame
    }

    /// The places in this stream between which nothing of a message stands.
    fn boundaries(stream: &[u8]) -> Vec<usize> {
        let mut boundary = Boundary::default();
        let between = |place: &usize| {
            boundary.pass(&stream[*place - 1..*place]);
            boundary.is_between_messages()
        };
        (1..=stream.len()).filter(between).collect()
    }

    #[test]
    fn messages_end_where_their_last_frames_do() {
        for length in [0, 1, 125, 126, 127, 0xFFFF, 0x1_0000] {
            let stream = frame(BINARY, length).repeat(2);
            assert_eq!(boundaries(&stream), [stream.len() / 2, stream.len()], "{length} bytes");
            assert!(Boundary::default().pass(&stream));
        }
    }

    #[test]
    fn a_message_in_pieces_ends_with_the_last_of_them() {
        let (begin, ping, end) = (frame(0x02, 300), frame(0x89, 5), frame(0x80, 2));
        let stream = [&begin[..], &ping, &end, &ping].concat();
        let message = begin.len() + ping.len() + end.len();
        assert_eq!(boundaries(&stream), [message, stream.len()]);
        let mut boundary = Boundary::default();
        assert!(!boundary.pass(&stream[..message - 1]));
        // The end of one, and the begin of the next.
        assert!(boundary.pass(&[&stream[message - 1..message], &stream[..1]].concat()));
        assert!(!boundary.is_between_messages());
    }

    #[test]
    fn heads_are_as_long_as_they_are_said_to_be() {
        for (length, head) in [
            (0, &[BINARY, 0][..]),
            (125, &[BINARY, 125]),
            (126, &[BINARY, 126, 0, 126]),
            (0xFFFF, &[BINARY, 126, 0xFF, 0xFF]),
            (0x1_0000, &[BINARY, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let mut out = Vec::new();
            put_head(BINARY, length, &mut out);
            assert_eq!((&out[..], framed_bytes(length)), (head, head.len() + length));
        }
    }

    #[test]
    fn a_plain_message_is_taken_without_its_mask() {
        let mut stream = [frame(BINARY, 7), frame(BINARY, 0), frame(0x89, 0)].concat();
        assert_eq!(unmask_plain(&mut stream), Some(6..13));
        assert_eq!(stream[6..13], [0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(unmask_plain(&mut stream[13..]), Some(6..6));
        assert_eq!(unmask_plain(&mut stream[19..]), None, "a ping is none");
        for other in
            [frame(BINARY, 126), frame(0x81, 3), frame(0x02, 3), vec![BINARY, 1, 0], vec![0xC2, 0x80]]
        {
            let mut whole = other.clone();
            assert!(unmask_plain(&mut whole).is_none() && whole == other, "{other:?}");
        }
        let whole = frame(BINARY, 7);
        for cut in 0..whole.len() {
            assert!(unmask_plain(&mut whole[..cut].to_vec()).is_none(), "{cut} bytes of it");
        }
    }
}
