//! What a client says, as WebSocket frames.

use anyhow::{Result, bail};
use fracas_arena::{Arena, Input};
use fracas_benches::ws::{self, BINARY, CLIENT_HEAD_BYTES};
use fracas_dots::Dots;
use fracas_shared::message::{ClientMessage, PROTOCOL_VERSION, RoomWanted};
use fracas_shared::packet::{ClientTag, InputHead, LooseRow, RowCodec};
use fracas_shared::{Game, Rng, Schema, Tick, ViewTime};

/// Inputs that are ready to be sent, of which each client sends one after the other.
const INPUTS: usize = 64;
/// The same inputs each time.
const SEED: u64 = 1;
/// How many of the inputs fire, as a share, by either weapon.
const FIRING: f32 = 0.1;
/// Where the stamp and the ack are in an input's frame.
const STAMPS_AT: usize = CLIENT_HEAD_BYTES + 1;

/// The first message.
pub(crate) fn hello(name: &str) -> Vec<u8> {
    frame(&ClientMessage::Hello {
        protocol: PROTOCOL_VERSION,
        name: name.to_owned(),
        client: "fracas-load-bench".into(),
    })
}

/// Asks for a seat in a room of this game.
pub(crate) fn join(room: RoomWanted, game: &str) -> Result<Vec<u8>> {
    Ok(frame(&ClientMessage::Join { room, schema_hash: schema_hash(game)? }))
}

/// Any other message.
pub(crate) fn frame(message: &ClientMessage) -> Vec<u8> {
    ws::client_frame(BINARY, &message.to_bytes())
}

/// A client has the game's schema already, as those do who played it before.
fn schema_hash(game: &str) -> Result<u32> {
    match game {
        Arena::ID => Ok(Schema::of::<Arena>().hash()),
        Dots::ID => Ok(Schema::of::<Dots>().hash()),
        other => bail!("no game '{other}' here: {} and {} can be played", Arena::ID, Dots::ID),
    }
}

/// Inputs of the arena: wherever somebody might go, aim and fire.
#[derive(Debug)]
pub(crate) struct Inputs(Vec<Vec<u8>>);

impl Inputs {
    pub(crate) fn new() -> Self {
        let (mut rng, codec) = (Rng::new(SEED, 0), RowCodec::new(&Schema::of::<Arena>().inputs));
        let newest = Tick(1);
        let view_lag = ViewTime::at(newest).parts_before(newest.next());
        let mut input = |_| {
            let mut payload = vec![ClientTag::Input as u8];
            InputHead { tick: newest.next(), ack: newest, view_lag }.write(&mut payload);
            let row = Input {
                x: rng.range(-127.0, 127.0) as i8,
                y: rng.range(-127.0, 127.0) as i8,
                aim: rng.range(0.0, std::f32::consts::TAU),
                beam: rng.chance(FIRING),
                rocket: rng.chance(FIRING),
            };
            codec.encode(&LooseRow::of(&row, |_| None), &mut payload);
            ws::client_frame(BINARY, &payload)
        };
        Self((0..INPUTS).map(&mut input).collect())
    }

    /// The one of this number, for the tick after the newest one, which it acknowledges.
    pub(crate) fn stamped(&mut self, number: usize, newest: Tick) -> &[u8] {
        let input = &mut self.0[number % INPUTS];
        input[STAMPS_AT..][..4].copy_from_slice(&newest.next().0.to_le_bytes());
        input[STAMPS_AT + 4..][..4].copy_from_slice(&newest.0.to_le_bytes());
        input
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_for_the_next_tick() {
        let (mut inputs, codec) = (Inputs::new(), RowCodec::new(&Schema::of::<Arena>().inputs));
        for number in 0..2 * INPUTS {
            let (frame, _) = ws::split(inputs.stamped(number, Tick(70_000))).expect("a whole frame");
            let payload = frame.payload();
            assert_eq!(payload[0], ClientTag::Input as u8);
            let (head, row) = InputHead::read(&payload[1..]).expect("a head");
            assert_eq!((head.tick, head.ack), (Tick(70_001), Tick(70_000)));
            codec.decode(row).expect("a row of the arena's inputs");
        }
    }
}
