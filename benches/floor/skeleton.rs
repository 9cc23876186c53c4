//! The least that a server can do: it reads each socket once and writes it once at its tick, and asserts that it does.

use anyhow::{Result, ensure};
use fracas_benches::tape::{self, Calls, Exchange, Line, Show, Tape};

use crate::uring::Ring;

/// Serves until stdin ends.
pub(crate) fn serve(tape: &Tape, by_io_uring: bool) -> Result<()> {
    if by_io_uring {
        tape::serve(tape, &mut Watched(Ring::new(tape)?))
    } else {
        tape::serve(tape, &mut Watched(Calls::new(tape)))
    }
}

/// Asserts of each steady tick that there is one read and one write for each client, and that no memory is taken. A
/// tick is steady when all clients are shown the tape and none wants anything else.
struct Watched<E>(E);

impl<E: Exchange> Exchange for Watched<E> {
    fn exchange(&mut self, lines: &mut [Line], show: &mut Show<'_>) -> Result<()> {
        let is_steady = !lines.is_empty() && lines.iter().all(|line| line.seat.is_shown());
        let before = show.counters;
        let mut result = Ok(());
        let taken = allocation_counter::measure(|| result = self.0.exchange(lines, show));
        result?;
        let after = &mut show.counters;
        if !is_steady || after.changes > before.changes {
            return Ok(());
        }
        after.steady_ticks += 1;
        let (reads, writes) = (after.reads - before.reads, after.writes - before.writes);
        let clients = lines.len() as u64;
        ensure!(
            reads == clients && writes == clients,
            "tick {}: {reads} reads and {writes} writes for {clients} clients",
            after.ticks
        );
        ensure!(taken.count_total == 0, "tick {}: {} allocations", after.ticks, taken.count_total);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use fracas_benches::tape::{Counters, ROOM_FILLS_TICKS, Seat, Track};
    use fracas_benches::ws::{self, BINARY};
    use fracas_shared::message::{ClientMessage, Joined, RoomWanted, ServerMessage};
    use fracas_shared::packet::{ClientTag, InputHead, OwnHead, ServerTag};
    use fracas_shared::{Tick, ViewTime};

    use super::*;

    const SEATS: usize = 3;
    const TICKS: u32 = 20;

    fn tape() -> Tape {
        let tick = |number| {
            let mut own = vec![ServerTag::Own as u8];
            OwnHead { input_tick: Tick(number), input_margin: None, has_row: false }.write(&mut own);
            (number, vec![own, vec![ServerTag::Frame as u8; 100]])
        };
        let joined = ServerMessage::Joined(Joined::default()).to_bytes();
        let track = || Track::new(joined.clone(), &(1..=TICKS).map(tick).collect::<Vec<_>>());
        Tape { tick_hz: 30, seats: (0..SEATS).map(|_| track()).collect() }
    }

    /// A connection, both of its ends.
    fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let client = TcpStream::connect(listener.local_addr().expect("an address")).expect("a listener");
        let (server, _) = listener.accept().expect("a client");
        server.set_nonblocking(true).expect("a socket");
        (client, server)
    }

    fn input(tick: u32) -> Vec<u8> {
        let mut payload = vec![ClientTag::Input as u8];
        let view_lag = ViewTime::at(Tick(tick)).parts_before(Tick(tick).next());
        InputHead { tick: Tick(tick), ack: Tick(tick), view_lag }.write(&mut payload);
        ws::client_frame(BINARY, &payload)
    }

    /// Plays the tape to clients who send an input in each other tick, and gives what the last one of them got, without its
    /// own messages: these tell when its inputs came.
    fn play(tape: &Tape, exchange: &mut dyn Exchange) -> Result<(Vec<Vec<u8>>, Counters)> {
        let (mut clients, mut lines, mut show) = (Vec::new(), Vec::new(), Show::new(tape));
        for _ in 0..SEATS {
            let (mut client, stream) = connection();
            let room = RoomWanted::Join { game: "arena".into() };
            let join = ClientMessage::Join { room, schema_hash: 0 };
            client.write_all(&ws::client_frame(BINARY, &join.to_bytes()))?;
            clients.push(client);
            lines.push(Line { stream, seat: Seat::default() });
        }
        for number in 0..ROOM_FILLS_TICKS + u64::from(TICKS) {
            show.counters.ticks = number;
            exchange.exchange(&mut lines, &mut show)?;
            // In some ticks, nothing has come.
            for client in clients.iter_mut().filter(|_| number.is_multiple_of(2)) {
                client.write_all(&input(number as u32))?;
            }
        }
        // All get as much.
        let mut got = vec![0; show.counters.bytes_out as usize / SEATS];
        clients[SEATS - 1].read_exact(&mut got)?;
        let (mut payloads, mut rest) = (Vec::new(), got.as_slice());
        while let Some((frame, length)) = ws::split(rest) {
            payloads.push(frame.payload());
            rest = &rest[length..];
        }
        payloads.retain(|payload| payload[0] != ServerTag::Own as u8);
        Ok((payloads, show.counters))
    }

    #[test]
    fn each_steady_tick_has_one_read_and_one_write_for_each_client() {
        let tape = tape();
        let (got, counters) = play(&tape, &mut Watched(Calls::new(&tape))).expect("nothing is amiss");
        // The first tick is one after which all are shown the tape.
        assert_eq!(counters.steady_ticks, u64::from(TICKS) - 1);
        assert_eq!(counters.updates, u64::from(TICKS) * SEATS as u64);
        assert_eq!(counters.writes, counters.updates + SEATS as u64, "and the answers to the joins");
        let Ok(ring) = Ring::new(&tape) else {
            eprintln!("no io_uring here");
            return;
        };
        let (same, counters) = play(&tape, &mut Watched(ring)).expect("nothing is amiss");
        assert!(same == got && same.len() == 1 + TICKS as usize, "the same by io_uring");
        assert_eq!(counters.steady_ticks, u64::from(TICKS) - 1);
    }

    #[test]
    fn more_than_one_read_is_noticed() {
        struct Twice(Calls);
        impl Exchange for Twice {
            fn exchange(&mut self, lines: &mut [Line], show: &mut Show<'_>) -> Result<()> {
                self.0.exchange(lines, show)?;
                self.0.exchange(lines, show)
            }
        }
        let tape = tape();
        let error = play(&tape, &mut Watched(Twice(Calls::new(&tape)))).expect_err("it is noticed");
        assert!(error.to_string().contains("6 reads and 6 writes for 3 clients"), "{error}");
    }
}
