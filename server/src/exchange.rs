//! Reads and writes of many sockets, carried out at once.
//!
//! Whoever drives sockets by turns asks here for what is to be read and written, has all of it carried out
//! together, and then takes what came of each. By `io_uring` that is one call to the system for many sockets; where
//! that is not permitted, as in many containers, it is one for each.
//!
//! Each thread has an exchange of its own, in which nothing waits between two turns.

mod ring;

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::Once;

use rustix::net::{RecvFlags, SendFlags};
use tracing::{info, warn};

use self::ring::Ring;

/// As much is read of a socket at once: a dozen inputs, more than a client says in a tick, as a rule. Who has said more is
/// read on by itself.
pub const READ_BYTES: usize = 256;
/// When so much is to be written, it is, before more is asked for: it is still in the processor's caches then.
const WRITE_BATCH_BYTES: usize = 64 * 1024;
/// Memory for more reads than this is not kept for the next turn.
const KEPT_READS_MAX: usize = 8192;
/// Memory is taken for so many reads at once, and no more than is needed: it is shared by few.
const READS_MORE: usize = 256;

// That a socket does not block is not asked by `io_uring`: it would wait.
const READ_FLAGS: RecvFlags = RecvFlags::DONTWAIT;
const WRITE_FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

/// What was asked for, until it is taken. One that was left over from an earlier turn gives nothing.
#[derive(Debug)]
pub struct Ticket {
    round: u64,
    place: usize,
}

/// A read or a write.
#[derive(Debug)]
struct Act {
    socket: RawFd,
    is_write: bool,
    /// Where it is in what is read or written.
    begin: usize,
    length: usize,
    /// What came of it, as the system says it: a count, or an error's number below 0.
    result: i32,
}

#[derive(Default)]
struct Exchange {
    ring: Option<Ring>,
    round: u64,
    is_carried_out: bool,
    acts: Vec<Act>,
    /// How many of them are carried out.
    carried_out: usize,
    /// What is read into; all that was ever used of it stays as it is.
    read: Vec<u8>,
    read_bytes: usize,
    written: Vec<u8>,
    /// What sockets did not take, in the order of the acts, whose places those are.
    rests: Vec<(usize, Vec<u8>)>,
}

thread_local! {
    static EXCHANGE: RefCell<Exchange> = RefCell::default();
}

/// Begins with this thread's exchange, by `io_uring` if that is wanted and permitted.
pub fn begin(wants_io_uring: bool) {
    static TOLD: Once = Once::new();
    let ring = wants_io_uring.then(Ring::new).transpose().unwrap_or_else(|error| {
        TOLD.call_once(
            || info!(%error, "there is no io_uring to be had: every socket takes calls of its own"),
        );
        None
    });
    EXCHANGE.with_borrow_mut(|exchange| exchange.ring = ring);
}

/// Asks for what has come to a socket, at most [`READ_BYTES`]. The socket must stay open until it was carried out.
pub fn read(socket: BorrowedFd<'_>) -> Ticket {
    EXCHANGE.with_borrow_mut(|exchange| {
        exchange.begin_round();
        let begin = exchange.read_bytes;
        exchange.read_bytes += READ_BYTES;
        if exchange.read.len() < exchange.read_bytes {
            exchange.read.reserve_exact(READS_MORE * READ_BYTES);
            exchange.read.resize(exchange.read.len() + READS_MORE * READ_BYTES, 0);
        }
        exchange.ask(socket, false, begin, READ_BYTES)
    })
}

/// Asks for what `put` appends to be written, as far as the socket takes it at once. The socket must stay open until
/// it was carried out.
pub fn write(socket: BorrowedFd<'_>, put: impl FnOnce(&mut Vec<u8>)) -> Ticket {
    EXCHANGE.with_borrow_mut(|exchange| {
        exchange.begin_round();
        if exchange.written.len() >= WRITE_BATCH_BYTES {
            exchange.carry_out();
        }
        let begin = exchange.written.len();
        put(&mut exchange.written);
        exchange.ask(socket, true, begin, exchange.written.len() - begin)
    })
}

/// Carries out all that this thread asked for. None of it waits for anything.
pub fn carry_out() {
    EXCHANGE.with_borrow_mut(|exchange| {
        exchange.carry_out();
        exchange.is_carried_out = true;
    });
}

/// Takes what was read, for `take` to look at: nothing when the other side ended it.
///
/// # Errors
/// Those of the system; [`ErrorKind::WouldBlock`] when nothing has come.
pub fn take_read<T>(ticket: &Ticket, take: impl FnOnce(io::Result<&mut [u8]>) -> T) -> T {
    EXCHANGE.with_borrow_mut(|exchange| {
        let Exchange { acts, read, round, .. } = exchange;
        let act = acts.get(ticket.place).filter(|_| ticket.round == *round);
        let read = act.map_or(Err(ErrorKind::WouldBlock.into()), |act| {
            act.count().map(|count| &mut read[act.begin..][..count])
        });
        take(read)
    })
}

/// Takes what a socket did not take of what was to be written; nothing as a rule.
///
/// # Errors
/// Those of the system, but for those that mean that it is full.
pub fn take_rest(ticket: &Ticket) -> io::Result<Vec<u8>> {
    EXCHANGE.with_borrow_mut(|exchange| {
        let act = exchange.acts.get(ticket.place).filter(|_| ticket.round == exchange.round);
        match act.map_or(Err(ErrorKind::NotConnected.into()), Act::count) {
            Err(error) if !is_for_now(&error) => return Err(error),
            _ => {}
        }
        let rest = exchange.rests.binary_search_by_key(&ticket.place, |(place, _)| *place);
        Ok(rest.map(|rest| mem::take(&mut exchange.rests[rest].1)).unwrap_or_default())
    })
}

/// Whether the same may succeed later.
pub fn is_for_now(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

impl Act {
    /// What a call of the standard library would have answered.
    fn count(&self) -> io::Result<usize> {
        usize::try_from(self.result).map_err(|_| io::Error::from_raw_os_error(-self.result))
    }
}

impl Exchange {
    /// Forgets what was carried out, when more is asked for after that.
    fn begin_round(&mut self) {
        if !mem::take(&mut self.is_carried_out) {
            return;
        }
        self.round += 1;
        self.acts.clear();
        self.rests.clear();
        self.carried_out = 0;
        if self.read_bytes > KEPT_READS_MAX * READ_BYTES {
            self.read = Vec::new();
            self.acts = Vec::new();
        }
        self.read_bytes = 0;
    }

    fn ask(&mut self, socket: BorrowedFd<'_>, is_write: bool, begin: usize, length: usize) -> Ticket {
        let ticket = Ticket { round: self.round, place: self.acts.len() };
        self.acts.push(Act { socket: socket.as_raw_fd(), is_write, begin, length, result: 0 });
        ticket
    }

    fn carry_out(&mut self) {
        let acts = &mut self.acts[self.carried_out..];
        match &mut self.ring {
            None => carry_out_one_by_one(acts, &mut self.read, &self.written),
            Some(ring) => {
                if let Err(error) = ring.carry_out(acts, &mut self.read, &mut self.written) {
                    warn!(%error, "the io_uring failed: from now on every socket takes calls of its own");
                    self.ring = None;
                    // What was read with them is lost.
                    let failed = -rustix::io::Errno::CANCELED.raw_os_error();
                    self.acts.iter_mut().for_each(|act| act.result = failed);
                    self.carried_out = self.acts.len();
                    return;
                }
            }
        }
        for (place, act) in acts.iter().enumerate().filter(|(_, act)| act.is_write) {
            let count = act.count().unwrap_or(0);
            if count < act.length {
                let rest = &self.written[act.begin..][count..act.length];
                self.rests.push((self.carried_out + place, rest.to_vec()));
            }
        }
        self.carried_out = self.acts.len();
        self.written.clear();
        // One message may be very long.
        self.written.shrink_to(2 * WRITE_BATCH_BYTES);
    }
}

#[expect(unsafe_code, reason = "numbers of sockets as `io_uring` takes them, too")]
fn carry_out_one_by_one(acts: &mut [Act], read: &mut [u8], written: &[u8]) {
    for act in acts {
        // SAFETY: who asked keeps the socket open until this is done.
        let socket = unsafe { BorrowedFd::borrow_raw(act.socket) };
        let done = if act.is_write {
            rustix::net::send(socket, &written[act.begin..][..act.length], WRITE_FLAGS)
        } else {
            rustix::net::recv(socket, &mut read[act.begin..][..act.length], READ_FLAGS)
                .map(|(count, _)| count)
        };
        act.result = done.map_or_else(|error| -error.raw_os_error(), |count| count as i32);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::os::fd::AsFd;

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (listener.accept().unwrap().0, client)
    }

    fn heard(ticket: &Ticket) -> Result<Vec<u8>, ErrorKind> {
        take_read(ticket, |read| read.map(|bytes| bytes.to_vec()).map_err(|error| error.kind()))
    }

    /// By the ring, where there is one, and without it.
    fn in_both_ways(check: impl Fn()) {
        for wants_io_uring in [true, false] {
            begin(wants_io_uring);
            check();
        }
    }

    #[test]
    fn many_are_read_and_written_at_once() {
        in_both_ways(|| {
            let mut pairs: Vec<_> = (0..300).map(|_| pair()).collect();
            for (number, (_, client)) in pairs.iter_mut().enumerate().skip(1) {
                client.write_all(format!("here is {number}").as_bytes()).unwrap();
            }
            pairs[1].1.shutdown(Shutdown::Write).unwrap();
            let reads: Vec<_> = pairs.iter().map(|(server, _)| read(server.as_fd())).collect();
            carry_out();
            assert_eq!(heard(&reads[0]), Err(ErrorKind::WouldBlock));
            for (number, ticket) in reads.iter().enumerate().skip(1) {
                assert_eq!(heard(ticket), Ok(format!("here is {number}").into_bytes()));
            }
            let long = vec![7; 1000];
            let put =
                |(server, _): &(TcpStream, _)| write(server.as_fd(), |out| out.extend_from_slice(&long));
            let mut writes: Vec<_> = pairs.iter().map(put).collect();
            // In the same round as what was written.
            writes.push(read(pairs[1].0.as_fd()));
            carry_out();
            assert_eq!(heard(&writes.pop().unwrap()), Ok(Vec::new()), "the end");
            assert_eq!(heard(&reads[1]), Err(ErrorKind::WouldBlock), "of an earlier turn");
            for (ticket, (_, client)) in writes.iter().zip(&mut pairs) {
                assert!(take_rest(ticket).unwrap().is_empty());
                let mut got = vec![0; 1000];
                client.read_exact(&mut got).unwrap();
                assert_eq!(got, long);
            }
        });
    }

    #[test]
    fn what_a_socket_does_not_take_is_given_back() {
        in_both_ways(|| {
            let (server, mut client) = pair();
            let bytes: Vec<u8> = (0..16_000_000u32).map(|number| (number / 7) as u8).collect();
            let ticket = write(server.as_fd(), |out| out.extend_from_slice(&bytes));
            carry_out();
            let rest = take_rest(&ticket).unwrap();
            assert!(!rest.is_empty() && rest.len() < bytes.len(), "{}", rest.len());
            let mut got = vec![0; bytes.len() - rest.len()];
            client.read_exact(&mut got).unwrap();
            assert!([got, rest].concat() == bytes);
            drop(client);
            let gone = || {
                let ticket = write(server.as_fd(), |out| out.push(1));
                carry_out();
                take_rest(&ticket).is_err()
            };
            // The first write is what finds out.
            assert!((0..1000).any(|_| gone()));
        });
    }
}
