//! The WebSocket protocol without a library behind it: frames as bytes, and the two sides of an upgrade.
//!
//! What is measured against must do nothing that is not needed, so there are no streams of messages here.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use fracas_shared::message::SUBPROTOCOL;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Longer than an upgrade takes on one machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than the head of any request or answer here.
const HEAD_BYTES_MAX: usize = 4096;

/// What kind of frame (RFC 6455, section 5.2).
pub const BINARY: u8 = 2;
/// The end of a connection.
pub const CLOSE: u8 = 8;
/// A question whether the other end is there.
pub const PING: u8 = 9;
/// The answer to it, with the same payload.
pub const PONG: u8 = 10;
/// Bytes before the payload of a client's frame that is shorter than 126 bytes: the head and the mask.
pub const CLIENT_HEAD_BYTES: usize = 6;

/// A frame as it came.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// What kind it is, as [`BINARY`].
    pub opcode: u8,
    mask: [u8; 4],
    payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The payload as it lies there, when it has no mask: what servers send has none.
    pub fn unmasked(&self) -> Option<&'a [u8]> {
        (self.mask == [0; 4]).then_some(self.payload)
    }

    /// The payload's first bytes without the mask, as many as asked for; none when it is shorter.
    pub fn first<const BYTES: usize>(&self) -> Option<[u8; BYTES]> {
        let mut bytes = *self.payload.first_chunk::<BYTES>()?;
        for (place, byte) in bytes.iter_mut().enumerate() {
            *byte ^= self.mask[place % 4];
        }
        Some(bytes)
    }

    /// The payload without the mask.
    pub fn payload(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        self.copy_payload(&mut payload);
        payload
    }

    /// Puts the payload without the mask in place of what `out` holds.
    pub fn copy_payload(&self, out: &mut Vec<u8>) {
        out.clear();
        out.extend(self.payload.iter().zip(self.mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    }
}

/// The frame at the front and its whole length; none when it is not all there yet.
pub fn split(bytes: &[u8]) -> Option<(Frame<'_>, usize)> {
    let [first, second] = *bytes.first_chunk()?;
    let (mut head, length): (usize, usize) = match second & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?) as usize),
        length => (2, usize::from(length)),
    };
    let mut mask = [0; 4];
    if second & 0x80 != 0 {
        mask = *bytes.get(head..)?.first_chunk()?;
        head += mask.len();
    }
    let end = head.checked_add(length)?;
    let payload = bytes.get(head..end)?;
    Some((Frame { opcode: first & 0x0f, mask, payload }, end))
}

/// Appends a server's frame around this payload, and gives the place where the payload begins.
pub fn put_server_frame(opcode: u8, payload: &[u8], out: &mut Vec<u8>) -> usize {
    put_head(opcode, payload.len(), 0, out);
    let begins = out.len();
    out.extend_from_slice(payload);
    begins
}

/// A client's frame around this payload. The mask is 0, with which the payload is as it was.
pub fn client_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_head(opcode, payload.len(), 0x80, &mut out);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
    out
}

fn put_head(opcode: u8, length: usize, masked: u8, out: &mut Vec<u8>) {
    out.push(0x80 | opcode);
    match length {
        0..=125 => out.push(masked | length as u8),
        126..=0xffff => {
            out.push(masked | 0x7e);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(masked | 0x7f);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// Answers the request for an upgrade. The client says nothing more before it has the answer.
pub fn accept(stream: &mut TcpStream) -> Result<()> {
    let request = head(stream)?;
    let key = request.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key").then_some(value.trim())
    });
    let accepted = derive_accept_key(key.context("a request without a key")?.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accepted}\r\nSec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    );
    Ok(stream.write_all(answer.as_bytes())?)
}

/// Asks for an upgrade, and waits for it.
pub fn upgrade(stream: &mut TcpStream) -> Result<()> {
    let to = stream.peer_addr()?;
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {to}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let answer = head(stream)?;
    if !answer.starts_with("HTTP/1.1 101") {
        bail!("no upgrade: {}", answer.lines().next().unwrap_or_default());
    }
    Ok(())
}

/// The head of a request or an answer, after which there is nothing.
fn head(stream: &mut TcpStream) -> Result<String> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut head, mut buffer) = (Vec::new(), [0; HEAD_BYTES_MAX]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => bail!("hung up in the middle of an upgrade"),
            count => head.extend_from_slice(&buffer[..count]),
        }
        if head.len() > HEAD_BYTES_MAX {
            bail!("no end of the head in {} bytes", head.len());
        }
    }
    stream.set_read_timeout(None)?;
    Ok(String::from_utf8(head)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_as_it_was_written() {
        for length in [0, 125, 126, 0xffff, 0x1_0000] {
            let payload: Vec<u8> = (0..length).map(|place| place as u8).collect();
            let mut bytes = client_frame(BINARY, &payload);
            assert!(split(&bytes[..bytes.len() - 1]).is_none(), "not all there");
            let end = bytes.len();
            bytes.extend_from_slice(b"more");
            let (frame, length) = split(&bytes).expect("it is all there");
            assert_eq!((frame.opcode, length, frame.payload()), (BINARY, end, payload.clone()));
            let mut bytes = Vec::new();
            let begins = put_server_frame(CLOSE, &payload, &mut bytes);
            assert_eq!(&bytes[begins..], payload);
            assert_eq!(split(&bytes).map(|(frame, end)| (frame.opcode, end)), Some((CLOSE, bytes.len())));
        }
    }

    #[test]
    fn a_mask_is_taken_off() {
        // The example of RFC 6455, section 5.7.
        let bytes = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        let (frame, _) = split(&bytes).expect("it is all there");
        assert_eq!((frame.payload().as_slice(), frame.first()), (&b"Hello"[..], Some(*b"Hell")));
        assert_eq!(frame.first::<6>(), None);
    }
}
