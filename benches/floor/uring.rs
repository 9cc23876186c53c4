//! All reads of a tick in one call to the system, and then all writes in another, by `io_uring`.

use std::io;
use std::os::fd::AsRawFd;

use anyhow::{Context, Result, ensure};
use fracas_benches::tape::{Exchange, Line, Show, Tape};
use io_uring::squeue::Entry;
use io_uring::types::Fd;
use io_uring::{IoUring, opcode};
use rustix::net::{RecvFlags, SendFlags};

/// The most clients that it can have.
const CLIENTS_MAX: u32 = 4096;
/// More than a client says in a tick, as a rule; what is beyond comes with the next one.
const READ_BYTES: usize = 2048;

/// A queue to the kernel, and what it reads to and writes from.
pub(crate) struct Ring {
    queue: IoUring,
    /// By the line's place.
    buffers: Vec<Buffers>,
    write_room: usize,
}

struct Buffers {
    read: Vec<u8>,
    write: Vec<u8>,
    /// What came of the read or write, as the kernel says it: a count, or an error's number below 0.
    result: i32,
}

impl Ring {
    pub(crate) fn new(tape: &Tape) -> Result<Self> {
        // One thread submits, and it waits for all it has submitted.
        let queue = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .build(CLIENTS_MAX)
            .context("the system has no io_uring for us")?;
        Ok(Self { queue, buffers: Vec::new(), write_room: tape.tick_bytes_max() })
    }

    /// Whether there is one to be had.
    pub(crate) fn probe() -> Result<()> {
        Self::new(&Tape::default()).map(drop)
    }

    /// Queues what reads to or writes from the buffers at this place.
    fn push(&mut self, entry: Entry, place: usize) -> Result<()> {
        // SAFETY: the entry points into buffers of `self.buffers`, which nobody touches before `finish` has seen
        // everything through.
        let pushed = unsafe { self.queue.submission().push(&entry.user_data(place as u64)) };
        pushed.context("more clients than the queue has places")
    }

    /// Submits what is queued, waits for all of it, and notes what came of it.
    fn finish(&mut self, count: usize) -> Result<()> {
        let mut left = count;
        while left > 0 {
            match self.queue.submit_and_wait(left) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
                _ => {}
            }
            for completion in self.queue.completion() {
                self.buffers[completion.user_data() as usize].result = completion.result();
                left -= 1;
            }
        }
        Ok(())
    }

    fn grow(&mut self, lines: usize) -> Result<()> {
        ensure!(lines <= CLIENTS_MAX as usize, "{lines} clients, and {CLIENTS_MAX} is the most");
        while self.buffers.len() < lines {
            let write = Vec::with_capacity(self.write_room);
            self.buffers.push(Buffers { read: vec![0; READ_BYTES], write, result: 0 });
        }
        Ok(())
    }
}

impl Exchange for Ring {
    fn exchange(&mut self, lines: &mut [Line], show: &mut Show<'_>) -> Result<()> {
        self.grow(lines.len())?;
        for (place, line) in lines.iter().enumerate() {
            let read = &mut self.buffers[place].read;
            let entry = opcode::Recv::new(Fd(line.stream.as_raw_fd()), read.as_mut_ptr(), read.len() as u32);
            // That the socket does not block is not asked here.
            self.push(entry.flags(RecvFlags::DONTWAIT.bits() as i32).build(), place)?;
        }
        self.finish(lines.len())?;
        let mut writes = 0;
        for (place, line) in lines.iter_mut().enumerate() {
            let Buffers { read, write, result } = &mut self.buffers[place];
            write.clear();
            line.take(count(*result).map(|count| &read[..count]), show, write)?;
            line.seat.play(show, write);
            if write.is_empty() {
                continue;
            }
            writes += 1;
            let entry = opcode::Send::new(Fd(line.stream.as_raw_fd()), write.as_ptr(), write.len() as u32);
            self.push(entry.flags(SendFlags::DONTWAIT.bits() as i32).build(), place)?;
        }
        self.finish(writes)?;
        for (line, Buffers { write, result, .. }) in lines.iter_mut().zip(&self.buffers) {
            if !write.is_empty() {
                line.note_written(count(*result), write.len(), show);
            }
        }
        Ok(())
    }
}

/// What a call of the standard library would have answered.
fn count(result: i32) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}
