//! What a tick of arena costs without a net: rules, views, codec, own rows, in rooms of 8, one after the other.
//!
//! `cargo bench -p fracas-benches --bench tick -- [ROOMS [TICKS]]`. With one room all is in the processor's caches;
//! with many it is as on a server. It also tells how often a tick allocates, and stops by itself.

use std::env::args;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use fracas_arena::Arena;
use fracas_arena::Input;
use fracas_shared::packet::{InputHead, LooseRow, RowCodecs};
use fracas_shared::{CloseCode, PlayerId, Profile, Rng, Schema, Tick};
use fracas_sim::{Closer, Held, OptionsPatch, Port, Room, RoomOptions, SeatToken, StateMessages, Viewer};

const PLAYERS: u16 = 8;
/// Until matches are on their way.
const WARM_UP_TICKS: u32 = 900;
const ALLOCATION_TICKS: u32 = 300;

fn main() -> Result<()> {
    let numbers: Vec<u32> = args().filter_map(|argument| argument.parse().ok()).collect();
    let rooms = numbers.first().copied().unwrap_or(50);
    let ticks = numbers.get(1).copied().unwrap_or(1000);
    let mut rooms = (0..rooms).map(Played::open).collect::<Result<Vec<_>>>()?;
    for _ in 0..WARM_UP_TICKS {
        rooms.iter_mut().for_each(|room| _ = room.tick());
    }
    let (mut spent, mut bytes) = (Duration::ZERO, 0);
    for _ in 0..ticks {
        for room in &mut rooms {
            room.press();
            let begun = Instant::now();
            bytes += room.work();
            spent += begun.elapsed();
        }
    }
    let count = f64::from(ticks) * rooms.len() as f64;
    let mut allocations = 0;
    for _ in 0..ALLOCATION_TICKS {
        rooms[0].press();
        allocations += allocation_counter::measure(|| _ = rooms[0].work()).count_total;
    }
    println!(
        "{} rooms of {PLAYERS}: {:.2} us a tick, {:.3} us an update of {:.0} bytes, {:.2} allocations a tick",
        rooms.len(),
        spent.as_secs_f64() * 1e6 / count,
        spent.as_secs_f64() * 1e6 / count / f64::from(PLAYERS),
        bytes as f64 / count / f64::from(PLAYERS),
        allocations as f64 / f64::from(ALLOCATION_TICKS),
    );
    Ok(())
}

/// A room whose players press buttons without knowing what for.
struct Played {
    room: Room<Arena>,
    viewers: Vec<Viewer>,
    rng: Rng,
    inputs: Vec<Input>,
    codecs: RowCodecs,
    packets: Vec<Vec<u8>>,
    sent: Arc<AtomicU32>,
}

/// A line that takes everything at once.
struct Sink {
    begun: Option<Tick>,
    sent: Arc<AtomicU32>,
}

impl Played {
    fn open(number: u32) -> Result<Self> {
        let patch = OptionsPatch { seats: Some(PLAYERS), bots: Some(0), ..OptionsPatch::default() };
        let options = RoomOptions::of::<Arena>().patched::<Arena>(&patch)?;
        let mut room = Room::<Arena>::open(options, number.into())?;
        let sent = Arc::<AtomicU32>::default();
        let mut viewers = Vec::new();
        for player in 0..PLAYERS {
            let token = SeatToken(u128::from(player) + 1);
            let name = format!("player {player}");
            let player = room.join(Profile::player(name), token);
            let port = Sink { begun: None, sent: sent.clone() };
            viewers.push(Viewer::new(Box::new(port), Some(player.ok().context("a free seat")?)));
        }
        Ok(Self {
            room,
            viewers,
            rng: Rng::new(number.into(), 7),
            inputs: vec![Input::default(); PLAYERS.into()],
            codecs: RowCodecs::of(&Schema::of::<Arena>()),
            packets: vec![Vec::new(); PLAYERS.into()],
            sent,
        })
    }

    /// Makes everyone's next input.
    fn press(&mut self) {
        let now = self.room.simulation().tick();
        for (input, packet) in self.inputs.iter_mut().zip(&mut self.packets) {
            if self.rng.chance(0.1) {
                input.x = (self.rng.bits() % 255) as i8;
                input.y = (self.rng.bits() % 255) as i8;
            }
            input.aim += 0.05;
            (input.beam, input.rocket) = (self.rng.chance(0.1), self.rng.chance(0.05));
            packet.clear();
            InputHead { tick: now.next(), ack: now, view_lag: 300 }.write(packet);
            self.codecs.inputs.encode(&LooseRow::of(input, |_| None), packet);
        }
    }

    /// What a server does between reading and writing.
    fn work(&mut self) -> u64 {
        self.sent.store(0, Ordering::Relaxed);
        for (player, packet) in self.packets.iter().enumerate() {
            let ack = self.room.input(PlayerId(player as u16), packet).expect("an input");
            self.viewers[player].note_ack(ack, self.room.simulation().tick());
        }
        self.room.tick(&mut self.viewers);
        self.sent.load(Ordering::Relaxed).into()
    }

    fn tick(&mut self) -> u64 {
        self.press();
        self.work()
    }
}

impl Port for Sink {
    fn held(&self) -> Held {
        Held { begun: self.begun, waiting: None }
    }

    fn put_state(&mut self, state: StateMessages) -> bool {
        self.begun = Some(state.tick);
        let bytes = state.frame.len() + state.own.map_or(0, |own| own.len());
        self.sent.fetch_add(bytes as u32, Ordering::Relaxed);
        true
    }

    fn send(&mut self, message: Bytes) {
        self.sent.fetch_add(message.len() as u32, Ordering::Relaxed);
    }

    fn close(&mut self, _: CloseCode) {}

    fn is_open(&self) -> bool {
        true
    }

    fn closer(&self) -> Closer {
        Box::new(|_| ())
    }
}
