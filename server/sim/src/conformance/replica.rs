//! What a viewer has, decoded from what arrived.

use core::marker::PhantomData;

use bytes::Bytes;
use fracas_shared::frame::FrameCodec;
use fracas_shared::message::ServerMessage;
use fracas_shared::packet::{EventsHead, OwnHead, RowCodec, ServerTag};
use fracas_shared::snapshot::Snapshot;
use fracas_shared::{Game, Row, Schema};

use super::memory_port::Arrival;
use super::rows::assert_round_trip;
use crate::port::StateMessages;

/// The far end of a line: decodes what arrives as a client does, and checks that every row of it
/// reads as a value that writes the same row.
pub struct Replica<G: Game> {
    frames: FrameCodec,
    own: RowCodec,
    events: RowCodec,
    held: Option<Snapshot>,
    last_own: Option<(OwnHead, Option<G::Own>)>,
    messages: Vec<ServerMessage>,
    happened: Vec<G::Event>,
    game: PhantomData<G>,
}

impl<G: Game> Default for Replica<G> {
    fn default() -> Self {
        let schema = Schema::of::<G>();
        Self {
            frames: FrameCodec::new(&schema.views),
            own: RowCodec::new(&schema.own),
            events: RowCodec::new(&schema.events),
            held: None,
            last_own: None,
            messages: Vec::new(),
            happened: Vec::new(),
            game: PhantomData,
        }
    }
}

impl<G: Game> Replica<G> {
    /// A viewer who has seen nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.held.as_ref()
    }

    /// What came with the newest snapshot for this viewer alone.
    pub fn own(&self) -> Option<(OwnHead, Option<&G::Own>)> {
        self.last_own.as_ref().map(|(head, own)| (*head, own.as_ref()))
    }

    /// The control messages since this was last asked.
    pub fn take_messages(&mut self) -> Vec<ServerMessage> {
        std::mem::take(&mut self.messages)
    }

    /// The events since this was last asked.
    pub fn take_events(&mut self) -> Vec<G::Event> {
        std::mem::take(&mut self.happened)
    }

    /// Forgets the newest snapshot, as a client does that lost track.
    pub fn forget(&mut self) {
        self.held = None;
    }

    /// Takes what arrived. The answer is whether it was a state, and so a new snapshot.
    ///
    /// # Panics
    /// When it cannot be decoded, or a row of it does not survive.
    pub fn receive(&mut self, arrival: &Arrival) -> bool {
        match arrival {
            Arrival::Message(message) => self.receive_message(message),
            Arrival::State(state) => self.receive_state(state),
        }
        matches!(arrival, Arrival::State(_))
    }

    fn receive_message(&mut self, message: &Bytes) {
        match ServerTag::split(message) {
            Ok((ServerTag::Control, rest)) => match ServerMessage::from_bytes(rest) {
                Ok(message) => self.messages.push(message),
                Err(error) => panic!("{}: a control message cannot be decoded: {error}", G::ID),
            },
            Ok((ServerTag::Events, rest)) => {
                let (head, rest) = ok::<G, _, _>("the head of events", EventsHead::read(rest));
                let rows = ok::<G, _, _>("events", self.events.decode_many(rest, head.count));
                let events = rows.iter().map(|row| assert_round_trip::<G, G::Event>(&self.events, row));
                self.happened.extend(events);
            }
            other => panic!("{}: no reliable message begins like that: {other:?}", G::ID),
        }
    }

    fn receive_state(&mut self, state: &StateMessages) {
        if let Some(own) = &state.own {
            let (_, rest) = ok::<G, _, _>("own message", ServerTag::split(own));
            let (head, rest) = ok::<G, _, _>("own message", OwnHead::read(rest));
            let own = head.has_row.then(|| {
                let row = ok::<G, _, _>("own row", self.own.decode(rest));
                assert_round_trip::<G, G::Own>(&self.own, &row)
            });
            self.last_own = Some((head, own));
        }
        let (_, frame) = ok::<G, _, _>("frame", ServerTag::split(&state.frame));
        let head = ok::<G, _, _>("head of a frame", FrameCodec::peek(frame, state.tick));
        assert_eq!((head.tick, head.baseline), (state.tick, state.baseline), "the frame is another one");
        let what = format!("frame of tick {} on baseline {:?}", state.tick, state.baseline);
        self.held = Some(ok::<G, _, _>(&what, self.frames.decode(self.held.as_ref(), frame)));
    }
}

fn ok<G: Game, T, E: core::fmt::Display>(what: &str, result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{}: {what}: {error}", G::ID),
    }
}

/// Reads all rows of a snapshot as values of the game and writes those again.
pub(super) fn assert_views_survive<G: Game>(snapshot: &Snapshot) {
    let mut views: Vec<(_, G::View)> = Vec::new();
    if let Err(error) = snapshot.read_views(&mut views) {
        panic!("{}: tick {}: a view does not read back: {error}", G::ID, snapshot.tick());
    }
    let mut refs = super::rows::Places(snapshot.strings());
    assert_eq!(views.len(), snapshot.len());
    for (id, view) in &views {
        let row = snapshot.get(*id).unwrap_or_else(|| panic!("{}: no row of entity {id}", G::ID));
        let mut codes = Vec::with_capacity(row.codes.len());
        view.write(&mut fracas_shared::row::RowWriter::new(&mut codes, &mut refs));
        assert_eq!(
            (view.kind(), codes.as_slice()),
            (row.kind, row.codes),
            "{}: tick {}: the view of entity {id} reads as a value that writes another row",
            G::ID,
            snapshot.tick()
        );
    }
}
