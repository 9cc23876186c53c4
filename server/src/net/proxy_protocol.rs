//! The PROXY protocol, versions 1 and 2: how a proxy that passes bytes on tells whose they are.
//!
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>. The header is read byte for byte
//! off the connection, and not one byte of what follows it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use fracas_shared::limits::PROXY_HEADER_BYTES_MAX;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest header of version 1, its end included.
const TEXT_BYTES_MAX: usize = 107;
/// How a header of version 2 begins.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The signature, version and command, family and transport, and the length of the rest.
const BINARY_HEAD_BYTES: usize = SIGNATURE.len() + 4;

/// Why a connection has no header that can be believed.
#[derive(Debug, Error)]
pub enum ProxyHeaderError {
    /// It ended, or broke.
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    /// It is not as the protocol has it.
    #[error("the PROXY header is malformed: {0}")]
    Malformed(&'static str),
}

/// Reads the header. The answer is the client's address, or none when the proxy speaks for itself,
/// as it does to see whether the server is there.
pub async fn read_header<R: AsyncRead + Unpin>(from: &mut R) -> Result<Option<IpAddr>, ProxyHeaderError> {
    match from.read_u8().await? {
        b'P' => read_text(from).await,
        b'\r' => read_binary(from).await,
        _ => Err(ProxyHeaderError::Malformed("it begins like neither version")),
    }
}

/// Version 1, after its first byte: `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443`.
async fn read_text<R: AsyncRead + Unpin>(from: &mut R) -> Result<Option<IpAddr>, ProxyHeaderError> {
    let mut line = vec![b'P'];
    while !line.ends_with(b"\r\n") {
        if line.len() == TEXT_BYTES_MAX {
            return Err(ProxyHeaderError::Malformed("its line is longer than 107 bytes"));
        }
        // Byte by byte, so that nothing behind the line is taken.
        line.push(from.read_u8().await?);
    }
    let line = str::from_utf8(&line).unwrap_or_default().trim_end();
    let words: Vec<_> = line.split(' ').collect();
    match words[..] {
        ["PROXY", "TCP4", source, destination, ..] if words.len() == 6 => {
            both::<Ipv4Addr>(source, destination, &words[4..]).map(Into::into)
        }
        ["PROXY", "TCP6", source, destination, ..] if words.len() == 6 => {
            both::<Ipv6Addr>(source, destination, &words[4..]).map(Into::into)
        }
        ["PROXY", "UNKNOWN", ..] => return Ok(None),
        _ => None,
    }
    .map(|address: IpAddr| Some(address.to_canonical()))
    .ok_or(ProxyHeaderError::Malformed("its line is not as version 1 has it"))
}

/// The source, when destination and ports are such, too.
fn both<A: FromStr>(source: &str, destination: &str, ports: &[&str]) -> Option<A> {
    let is_whole = destination.parse::<A>().is_ok() && ports.iter().all(|port| port.parse::<u16>().is_ok());
    source.parse().ok().filter(|_| is_whole)
}

/// Version 2, after its first byte.
async fn read_binary<R: AsyncRead + Unpin>(from: &mut R) -> Result<Option<IpAddr>, ProxyHeaderError> {
    let mut head = [b'\r'; BINARY_HEAD_BYTES];
    from.read_exact(&mut head[1..]).await?;
    let [signature @ .., version_and_command, family, high, low] = head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if signature != SIGNATURE || version_and_command >> 4 != 2 {
        return Err(ProxyHeaderError::Malformed("it begins like neither version"));
    }
    if BINARY_HEAD_BYTES + length > PROXY_HEADER_BYTES_MAX {
        return Err(ProxyHeaderError::Malformed("it is longer than allowed"));
    }
    let mut rest = vec![0; length];
    from.read_exact(&mut rest).await?;
    let cut_off = ProxyHeaderError::Malformed("it has no room for its addresses");
    // The source comes first; behind the addresses may be more, which is not looked at.
    match (version_and_command & 0xf, family) {
        (1, 0x11) if rest.len() >= 12 => {
            Ok(rest.first_chunk::<4>().map(|&source| Ipv4Addr::from(source).into()))
        }
        (1, 0x21) if rest.len() >= 36 => {
            Ok(rest.first_chunk::<16>().map(|&source| IpAddr::from(source).to_canonical()))
        }
        (1, 0x11 | 0x21) => Err(cut_off),
        // The proxy speaks for itself, or of another kind of socket.
        (0 | 1, _) => Ok(None),
        _ => Err(ProxyHeaderError::Malformed("it has an unknown command")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read of these bytes, and what is left of them.
    fn read(bytes: &[u8]) -> (Result<Option<IpAddr>, ProxyHeaderError>, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut rest = bytes;
        let read = runtime.block_on(read_header(&mut rest));
        (read, rest.to_vec())
    }

    fn check(header: &[u8], expected: Option<&str>) {
        let (read, rest) = read(&[header, b"GET / HTTP/1.1"].concat());
        assert_eq!(read.unwrap(), expected.map(|address| address.parse().unwrap()), "{header:?}");
        assert_eq!(rest, b"GET / HTTP/1.1");
        for length in 0..header.len() {
            let (cut_off, _) = self::read(&header[..length]);
            assert!(matches!(cut_off, Err(ProxyHeaderError::Broken(_))), "{length} bytes of {header:?}");
        }
    }

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = (rest.len() as u16).to_be_bytes();
        [&SIGNATURE[..], &[0x20 | command, family], &length, rest].concat()
    }

    const V4: &[u8] = &[192, 0, 2, 1, 198, 51, 100, 1, 0, 80, 1, 187];

    fn v6() -> Vec<u8> {
        let address = "2001:db8::1".parse::<Ipv6Addr>().unwrap().octets();
        [&address[..], &address, &[0, 80, 1, 187]].concat()
    }

    #[test]
    fn version_1_is_a_line() {
        check(b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", Some("192.0.2.1"));
        check(b"PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n", Some("2001:db8::1"));
        check(b"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.1 56324 443\r\n", Some("192.0.2.1"));
        check(b"PROXY UNKNOWN\r\n", None);
        check(b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", None);
    }

    #[test]
    fn version_2_is_binary() {
        check(&binary(1, 0x11, V4), Some("192.0.2.1"));
        check(&binary(1, 0x21, &v6()), Some("2001:db8::1"));
        check(&binary(1, 0x11, &[V4, &[4, 0, 1, 0]].concat()), Some("192.0.2.1"));
        check(&binary(0, 0, &[]), None);
        check(&binary(1, 0x31, &[0; 216]), None);
    }

    #[test]
    fn anything_else_is_malformed() {
        let long = [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 200], b"\r\n".to_vec()].concat();
        let mut version_3 = binary(1, 0x11, V4);
        version_3[SIGNATURE.len()] = 0x31;
        for header in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 1\r\n",
            b"PROXY TCP4 2001:db8::1 2001:db8::2 56324 443\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 65536\r\n",
            b"PROXY TCP4 192.0.2.256 198.51.100.1 56324 443\r\n",
            b"PUT / HTTP/1.1\r\n",
            b"PROXY \xff\r\n",
            &long,
            &binary(1, 0x11, &V4[..11]),
            &binary(1, 0x21, &v6()[..35]),
            &binary(2, 0x11, V4),
            &binary(1, 0x11, &[0; PROXY_HEADER_BYTES_MAX]),
            &version_3,
            b"\r\n\r\n\0\r\nQUITE___________",
        ] {
            assert!(matches!(read(header).0, Err(ProxyHeaderError::Malformed(_))), "{header:?}");
        }
    }
}
