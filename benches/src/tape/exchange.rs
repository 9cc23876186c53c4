//! How bytes come and go.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use anyhow::Result;

use super::{Seat, Show, Tape};

/// More than a client says in a tick.
const READ_BYTES: usize = 16 * 1024;

/// A connection and who is at its end.
#[derive(Debug)]
pub struct Line {
    /// It does not block.
    pub stream: TcpStream,
    /// Who is shown the tape.
    pub seat: Seat,
}

/// One way to have the bytes of a tick come and go.
pub trait Exchange {
    /// Reads once from each line, and writes once to each that has something to be sent.
    fn exchange(&mut self, lines: &mut [Line], show: &mut Show<'_>) -> Result<()>;
}

/// A call to the system for each read and each write.
#[derive(Debug)]
pub struct Calls {
    read: Vec<u8>,
    write: Vec<u8>,
}

impl Calls {
    /// With buffers for all that is read and written at a time.
    pub fn new(tape: &Tape) -> Self {
        Self { read: vec![0; READ_BYTES], write: Vec::with_capacity(tape.tick_bytes_max()) }
    }
}

impl Exchange for Calls {
    fn exchange(&mut self, lines: &mut [Line], show: &mut Show<'_>) -> Result<()> {
        for line in lines {
            self.write.clear();
            let read = line.stream.read(&mut self.read).map(|count| &self.read[..count]);
            line.take(read, show, &mut self.write)?;
            line.seat.play(show, &mut self.write);
            if !self.write.is_empty() {
                let written = line.stream.write(&self.write);
                line.note_written(written, self.write.len(), show);
            }
        }
        Ok(())
    }
}

impl Line {
    /// Takes what a read gave. What is to be answered is appended to `out`.
    pub fn take(&mut self, read: io::Result<&[u8]>, show: &mut Show<'_>, out: &mut Vec<u8>) -> Result<()> {
        show.counters.reads += 1;
        match read {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Ok([]) | Err(_) => {
                show.counters.hung_up += 1;
                self.give_up(show);
                Ok(())
            }
            Ok(bytes) => self.seat.hear(bytes, show, out),
        }
    }

    /// Takes note of a write of so many bytes. Less than all, and the client is given up: who leaves so much unread
    /// has failed.
    pub fn note_written(&mut self, written: io::Result<usize>, bytes: usize, show: &mut Show<'_>) {
        show.counters.writes += 1;
        match written {
            Ok(count) if count == bytes => {
                show.counters.bytes_out += count as u64;
                return;
            }
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => show.counters.hung_up += 1,
            _ => show.counters.stuck += 1,
        }
        self.give_up(show);
    }

    fn give_up(&mut self, show: &mut Show<'_>) {
        show.counters.changes += 1;
        self.seat.give_up();
    }
}
