//! A client's frames of RFC 6455, without I/O and without buffers of its own.
//!
//! The upgrade is the client library's. Behind it, thousands of sockets of one thread read into one
//! buffer, and a message is looked at where it was read: that is what makes this worth its own code.
//!
//! Guarantees: what is read is a whole message within the limit, or an error.

use fracas_client::limits::INBOUND_BYTES_MAX;

/// What kind of frame (RFC 6455, section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// What stands for a length of 16 bits, and for one of 64, that follows.
const LENGTH_16: u8 = 0x7E;
const LENGTH_64: u8 = 0x7F;

/// A frame of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) opcode: Opcode,
    /// Whether it is the last one of its message.
    pub(crate) is_last: bool,
    pub(crate) payload: &'a [u8],
    /// Bytes of it all, head and payload.
    pub(crate) bytes: usize,
}

/// Reads the frame that begins here; none when some of it is still to come.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<Frame<'_>>, &'static str> {
    let [first, second, ..] = *bytes else { return Ok(None) };
    if second & 0x80 != 0 {
        return Err("a server's frame has no mask");
    }
    if first & 0x70 != 0 {
        return Err("a frame uses an extension that was not agreed on");
    }
    let (head, length) = match second {
        LENGTH_16 => match bytes.get(2..4) {
            Some(length) => (4, u64::from(u16::from_be_bytes([length[0], length[1]]))),
            None => return Ok(None),
        },
        LENGTH_64 => match bytes.get(2..).and_then(|rest| rest.first_chunk()) {
            Some(length) => (10, u64::from_be_bytes(*length)),
            None => return Ok(None),
        },
        length => (2, u64::from(length)),
    };
    if length > INBOUND_BYTES_MAX as u64 {
        return Err("a frame is longer than a message may be");
    }
    let opcode = opcode_of(first & 0x0F).ok_or("a frame is of no known kind")?;
    let end = head + length as usize;
    Ok(bytes.get(head..end).map(|payload| Frame { opcode, is_last: first & 0x80 != 0, payload, bytes: end }))
}

fn opcode_of(bits: u8) -> Option<Opcode> {
    Some(match bits {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        _ => return None,
    })
}

/// Appends a frame of a client, whose payload is masked by this.
pub(crate) fn write(opcode: Opcode, payload: &[u8], mask: u32, out: &mut Vec<u8>) {
    out.push(0x80 | opcode as u8);
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=0xFFFF => {
            out.push(0x80 | LENGTH_16);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | LENGTH_64);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let mask = mask.to_ne_bytes();
    out.extend_from_slice(&mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server would have sent.
    fn unmasked(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::new();
        write(opcode, payload, 0, &mut frame);
        let head = frame.len() - payload.len();
        frame.drain(head - 4..head);
        frame[1] &= 0x7F;
        frame
    }

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 125, 126, 127, 0xFFFF, 0x1_0000] {
            let payload: Vec<u8> = (0..length).map(|place| place as u8).collect();
            let mut bytes = unmasked(Opcode::Binary, &payload);
            let whole = bytes.len();
            bytes.push(0x82);
            let frame = read(&bytes).unwrap().expect("it is whole");
            assert_eq!((frame.opcode, frame.is_last, frame.bytes), (Opcode::Binary, true, whole));
            assert_eq!(frame.payload, payload);
            for cut in (0..whole).step_by(whole / 7 + 1) {
                assert_eq!(read(&bytes[..cut]), Ok(None), "{cut} of {whole} bytes");
            }
        }
    }

    #[test]
    fn a_payload_is_masked() {
        let mut frame = Vec::new();
        write(Opcode::Text, b"hello", u32::from_ne_bytes([1, 2, 3, 4]), &mut frame);
        assert_eq!(frame[..6], [0x81, 0x85, 1, 2, 3, 4]);
        assert_eq!(frame[6..], [b'h' ^ 1, b'e' ^ 2, b'l' ^ 3, b'l' ^ 4, b'o' ^ 1]);
    }

    #[test]
    fn what_is_no_frame_is_an_error() {
        let too_long = [&[0x82, 127][..], &u64::MAX.to_be_bytes()].concat();
        for wrong in [&[0x82, 0x80][..], &[0xC2, 0], &[0x83, 0], &too_long] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
