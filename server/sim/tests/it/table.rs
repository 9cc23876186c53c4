//! A room of [`Tokens`] with viewers on lines in memory.

use fracas_shared::packet::{InputHead, LooseRow, RowCodec};
use fracas_shared::{LeaveReason, PlayerId, Profile, Row, Schema, Tick};
use fracas_sim::conformance::{Arrival, MemoryPort, Replica};
use fracas_sim::{MessageRefused, Room, RoomOptions, SeatToken, TickReport, Viewers};

use crate::tokens::{Config, Event, Input, Message, Tokens, View};

pub(crate) struct Table {
    pub(crate) room: Room<Tokens>,
    pub(crate) viewers: Viewers,
    pub(crate) lines: Vec<(MemoryPort, Replica<Tokens>)>,
}

impl Table {
    pub(crate) fn open(options: RoomOptions<Config>) -> Self {
        let room = Room::open(options, 1).expect("options that are good");
        Self { room, viewers: Viewers::default(), lines: Vec::new() }
    }

    /// A table with this many seats, so many of them for bots.
    pub(crate) fn new(seats: u16, bots: u16) -> Self {
        Self::open(RoomOptions { seats, bots, ..RoomOptions::of::<Tokens>() })
    }

    pub(crate) fn join(&mut self, name: &str) -> PlayerId {
        self.room.join(Profile::player(name), SeatToken(0)).expect("a seat is free")
    }

    pub(crate) fn leave(&mut self, player: PlayerId) {
        self.room.leave(player, LeaveReason::Left);
    }

    /// Adds a viewer and gives its number.
    pub(crate) fn watch(&mut self, player: Option<PlayerId>) -> usize {
        let port = MemoryPort::new();
        self.viewers.add(Box::new(port.clone()), player);
        self.lines.push((port, Replica::new()));
        self.lines.len() - 1
    }

    pub(crate) fn tick(&mut self) -> TickReport {
        self.room.tick(&mut self.viewers)
    }

    pub(crate) fn ticks(&mut self, count: u32) {
        for _ in 0..count {
            self.tick();
        }
    }

    pub(crate) fn now(&self) -> Tick {
        self.room.simulation().tick()
    }

    /// Lets everything reach a viewer. Of the states among it: their ticks and baselines.
    pub(crate) fn flush(&mut self, viewer: usize) -> Vec<(Tick, Option<Tick>)> {
        let (port, replica) = &mut self.lines[viewer];
        let mut states = Vec::new();
        for arrival in port.flush() {
            replica.receive(&arrival);
            if let Arrival::State(state) = &arrival {
                states.push((state.tick, state.baseline));
            }
        }
        states
    }

    /// Lets everything reach a viewer, which then must see what the room shows.
    pub(crate) fn flush_newest(&mut self, viewer: usize) -> Vec<(Tick, Option<Tick>)> {
        let states = self.flush(viewer);
        let seen = self.lines[viewer].1.snapshot();
        assert_eq!(seen, Some(self.room.snapshot()), "the viewer does not see what is there");
        states
    }

    pub(crate) fn events(&mut self, viewer: usize) -> Vec<Event> {
        self.flush(viewer);
        self.lines[viewer].1.take_events()
    }

    /// The tokens as a viewer saw them last.
    pub(crate) fn views(&self, viewer: usize) -> Vec<View> {
        let mut views = Vec::new();
        let snapshot = self.lines[viewer].1.snapshot().expect("the viewer has seen a state");
        snapshot.read_views(&mut views).expect("rows of this game");
        views.into_iter().map(|(_, view)| view).collect()
    }

    /// Where a player's token is.
    pub(crate) fn at(&self, player: PlayerId) -> u32 {
        let mut views: Vec<(_, View)> = Vec::new();
        self.room.snapshot().read_views(&mut views).expect("rows of this game");
        views.iter().find(|(_, view)| view.player == Some(player)).expect("the player has a token").1.at
    }

    pub(crate) fn input(&mut self, player: PlayerId, stamp: Tick, input: &Input) {
        let mut packet = Vec::new();
        InputHead { tick: stamp, ack: Tick(0), view_lag: 0 }.write(&mut packet);
        RowCodec::new(&Schema::of::<Tokens>().inputs).encode(&loose(input), &mut packet);
        self.room.input(player, &packet).expect("a valid input");
    }

    /// Sends an input of so many steps.
    pub(crate) fn steps(&mut self, player: PlayerId, stamp: Tick, steps: u8) {
        self.input(player, stamp, &Input { steps, ..Input::default() });
    }

    pub(crate) fn message(&mut self, player: PlayerId, message: &Message) -> Result<(), MessageRefused> {
        let mut packet = Vec::new();
        RowCodec::new(&Schema::of::<Tokens>().messages).encode(&loose(message), &mut packet);
        self.room.message(player, &packet)
    }

    pub(crate) fn rename(&mut self, player: PlayerId, name: &str) {
        self.message(player, &Message::Rename { name: name.into() }).expect("a valid message");
    }
}

fn loose(value: &impl Row) -> LooseRow {
    LooseRow::of(value, |_| None)
}
