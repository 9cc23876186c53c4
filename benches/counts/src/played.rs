//! A room without a net.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result};
use bytes::Bytes;
use fracas_arena::{Arena, Input};
use fracas_shared::packet::{InputHead, LooseRow, RowCodecs};
use fracas_shared::{CloseCode, PlayerId, Profile, Rng, Schema, Tick};
use fracas_sim::journal::{Entry, SegmentWriter, What};
use fracas_sim::{Closer, Held, OptionsPatch, Port, Room, RoomOptions, SeatToken, StateMessages, Viewers};

/// Its players, all of them seated.
pub const PLAYERS: u16 = 8;
/// Of a frame's flags, as docs/PROTOCOL.md has them: a new model follows.
const MODEL: u8 = 8;

/// A room of arena whose players press buttons without knowing what for.
pub struct Played {
    room: Room<Arena>,
    viewers: Viewers,
    rng: Rng,
    is_armed: bool,
    inputs: Vec<Input>,
    codecs: RowCodecs,
    packets: Vec<Vec<u8>>,
    /// Memory for what is written of a tick.
    record: Vec<u8>,
    state: Vec<u8>,
    sent: Arc<AtomicU32>,
    special: Arc<AtomicU32>,
}

/// Whether a frame tells of a new model, by its flags.
pub(crate) fn has_model(frame: &[u8]) -> bool {
    frame.first().is_some_and(|flags| flags & MODEL != 0)
}

/// A line that takes everything at once.
struct Sink {
    begun: Option<Tick>,
    /// Bytes, and how much of it was special: messages beside the state, and new models.
    sent: Arc<AtomicU32>,
    special: Arc<AtomicU32>,
}

impl Played {
    /// Opens one; others of the same number go the same way. Whether its players fire at all.
    pub fn open(number: u32, is_armed: bool) -> Result<Self> {
        let patch = OptionsPatch { seats: Some(PLAYERS), bots: Some(0), ..OptionsPatch::default() };
        let options = RoomOptions::of::<Arena>().patched::<Arena>(&patch)?;
        let mut room = Room::<Arena>::open(options, number.into())?;
        let (sent, special) = (Arc::<AtomicU32>::default(), Arc::<AtomicU32>::default());
        let mut viewers = Viewers::default();
        for player in 0..PLAYERS {
            let token = SeatToken(u128::from(player) + 1);
            let name = format!("player {player}");
            let player = room.join(Profile::player(name), token);
            let port = Sink { begun: None, sent: sent.clone(), special: special.clone() };
            viewers.add(Box::new(port), Some(player.ok().context("a free seat")?));
        }
        Ok(Self {
            room,
            viewers,
            rng: Rng::new(number.into(), 7),
            is_armed,
            inputs: vec![Input::default(); PLAYERS.into()],
            codecs: RowCodecs::of(&Schema::of::<Arena>()),
            packets: vec![Vec::new(); PLAYERS.into()],
            record: Vec::new(),
            state: Vec::new(),
            sent,
            special,
        })
    }

    /// Lets so many more watch.
    pub fn add_spectators(&mut self, count: usize) {
        for _ in 0..count {
            let port = Sink { begun: None, sent: self.sent.clone(), special: self.special.clone() };
            self.viewers.add(Box::new(port), None);
        }
    }

    /// Lets all spectators go, for good.
    pub fn dismiss_spectators(&mut self) {
        while self.viewers.len() > usize::from(PLAYERS) {
            self.viewers.swap_remove(self.viewers.len() - 1);
        }
    }

    /// Makes everyone's next input.
    pub fn press(&mut self) {
        let now = self.room.simulation().tick();
        for (input, packet) in self.inputs.iter_mut().zip(&mut self.packets) {
            if self.rng.chance(0.1) {
                input.x = (self.rng.bits() % 255) as i8;
                input.y = (self.rng.bits() % 255) as i8;
            }
            input.aim += 0.05;
            input.beam = self.is_armed && self.rng.chance(0.1);
            input.rocket = self.is_armed && self.rng.chance(0.05);
            packet.clear();
            InputHead { tick: now.next(), ack: now, view_lag: 300 }.write(packet);
            self.codecs.inputs.encode(&LooseRow::of(input, |_| None), packet);
        }
    }

    /// What a server does between reading and writing. Gives the bytes that were to be written.
    ///
    /// # Panics
    /// The room refuses its players' inputs.
    pub fn work(&mut self) -> u64 {
        self.sent.store(0, Ordering::Relaxed);
        self.special.store(0, Ordering::Relaxed);
        for (player, packet) in self.packets.iter().enumerate() {
            let ack = self.room.input(PlayerId(player as u16), packet).expect("an input");
            self.viewers[player].note_ack(ack, self.room.simulation().tick());
        }
        self.room.tick(&mut self.viewers);
        self.sent.load(Ordering::Relaxed).into()
    }

    /// Writes what became of the last tick, and a checkpoint if it is to.
    pub fn write_journal(&mut self, writer: &mut SegmentWriter, with_checkpoint: bool) {
        let tick = self.room.simulation().tick();
        self.record.clear();
        self.room.write_record(&mut self.record);
        writer.put(&Entry { room: 0, what: What::Record { tick: tick.0 as u8, record: &self.record } });
        self.state.clear();
        if with_checkpoint && let Some(hash) = self.room.begin_records(&mut self.state) {
            let what = What::Checkpoint { tick: tick.0, host: &[], hash, state: &self.state };
            writer.put(&Entry { room: 0, what });
        }
        writer.bytes();
    }

    /// Whether the last work was that of most ticks: nobody was told of an event, and the frame has no new model.
    pub fn is_steady(&self) -> bool {
        self.special.load(Ordering::Relaxed) == 0
    }

    /// A tick with new inputs.
    pub fn tick(&mut self) -> u64 {
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
        // Behind the tag.
        self.special.fetch_add(has_model(&state.frame[1..]).into(), Ordering::Relaxed);
        let bytes = state.frame.len() + state.own.map_or(0, |own| own.len());
        self.sent.fetch_add(bytes as u32, Ordering::Relaxed);
        true
    }

    fn send(&mut self, message: Bytes) {
        self.special.fetch_add(1, Ordering::Relaxed);
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
