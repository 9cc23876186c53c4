//! A room of the naive server.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fracas_benches::tape::{Place, Player, Turn};
use fracas_shared::message::ServerMessage;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::interval;

use super::Hall;

/// What clients' tasks say to a room.
pub(super) enum Said {
    Join { track: usize, visitor: Visitor },
    Input { track: usize, stamp: u32 },
    Leave { track: usize },
}

/// One who is shown the match.
pub(super) struct Visitor {
    player: Player,
    updates: Sender<Vec<Bytes>>,
}

impl Visitor {
    pub(super) fn new(place: &Place, updates: Sender<Vec<Bytes>>) -> Self {
        Self { player: Player::new(place), updates }
    }
}

/// Ticks until all have left.
pub(super) async fn run(hall: Arc<Hall>, mut said: Receiver<Said>) {
    let mut ticks = interval(Duration::from_secs(1) / u32::from(hall.tape.tick_hz));
    let mut visitors: BTreeMap<usize, Visitor> = BTreeMap::new();
    for number in 0.. {
        ticks.tick().await;
        loop {
            match said.try_recv() {
                Ok(said) => take(said, &mut visitors).await,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        // Who does not take its updates in time has lost one, and will say so.
        visitors.retain(|_, Visitor { player, updates }| match player.turn(number, &hall.tape) {
            Turn::Early => true,
            Turn::Show { track, place, told } => {
                updates.try_send(hall.reel.payloads(track, place, told)).is_ok()
            }
            Turn::Over => false,
        });
    }
}

async fn take(said: Said, visitors: &mut BTreeMap<usize, Visitor>) {
    match said {
        Said::Join { track, visitor } => drop(visitors.insert(track, visitor)),
        Said::Input { track, stamp } => {
            if let Some(visitor) = visitors.get_mut(&track) {
                visitor.player.hear(stamp);
            }
        }
        Said::Leave { track } => {
            if let Some(Visitor { player, updates }) = visitors.remove(&track) {
                let left = ServerMessage::Left { tick: player.newest() };
                // One that has hung up has left as well.
                let _ = updates.send(vec![left.to_bytes().into()]).await;
            }
        }
    }
}
