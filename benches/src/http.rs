//! A client that sends a request and waits for its answer, over one connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

/// Longer than any answer takes that is worth measuring.
const PATIENCE: Duration = Duration::from_secs(10);

/// One connection to a server, kept for many requests.
pub struct HttpClient {
    stream: BufReader<TcpStream>,
    /// Of the last answer.
    body: Vec<u8>,
}

impl HttpClient {
    /// Connects.
    pub fn connect(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream), body: Vec::new() })
    }

    /// The status of the answer to a GET, and its body.
    pub fn get(&mut self, path: &str) -> Result<(u16, &[u8])> {
        self.exchange(&format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n"))
    }

    /// The status of the answer to a POST, and its body.
    pub fn post(&mut self, path: &str, body: &str) -> Result<(u16, &[u8])> {
        let length = body.len();
        self.exchange(&format!(
            "POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }

    fn exchange(&mut self, request: &str) -> Result<(u16, &[u8])> {
        self.stream.get_mut().write_all(request.as_bytes())?;
        let (mut status, mut length, mut line) = (None, 0, String::new());
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            if status.is_none() {
                status = text.split(' ').nth(1).and_then(|number| number.parse().ok());
            } else if let Some((name, value)) = text.split_once(": ")
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.parse()?;
            }
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body)?;
        Ok((status.context("the server hung up")?, &self.body))
    }
}
