//! How a server is emptied: nobody new is let in, those who play may play on until a deadline, and then it stops.

mod command;

use std::time::{Duration, Instant};

use fracas_shared::Refusal;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tracing::info;

pub(crate) use command::{DrainOptions, drain};

use crate::rooms::Rooms;
use crate::shutdown::{Shutdown, Stage};

/// How often it is looked whether anybody plays.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// So long before the deadline players are told of it once more.
const LAST_WORD: Duration = Duration::from_mins(1);

/// The way of a server to its end. Clones are the same one.
#[derive(Clone)]
pub struct Drain {
    rooms: Rooms,
    shutdown: Shutdown,
    /// How long it takes at most, if it was not said.
    usual: Duration,
}

/// How far a server is with it, as `GET /admin/drain` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainStatus {
    /// Whether it takes nobody new any more.
    pub is_draining: bool,
    /// Seconds to the deadline, begun ones too; none while it is not draining.
    pub left_s: Option<u64>,
    /// Rooms in which somebody has a seat.
    pub rooms: usize,
    /// Seats that players have, those who are away too.
    pub players: usize,
}

impl Drain {
    /// That of a server with these rooms, which takes so long at most when nothing else is said.
    pub fn new(rooms: Rooms, shutdown: Shutdown, usual: Duration) -> Self {
        Self { rooms, shutdown, usual }
    }

    /// Begins with it, or sets another deadline.
    pub fn begin(&self, within: Option<Duration>) {
        self.shutdown.drain(within);
    }

    /// How far it is.
    pub fn status(&self) -> DrainStatus {
        let until = self.until(*self.shutdown.stages().borrow());
        let (rooms, players) = self.rooms.seated();
        DrainStatus { is_draining: until.is_some(), left_s: until.map(left_s), rooms, players }
    }

    /// When those who play are to be gone.
    fn until(&self, stage: Stage) -> Option<Instant> {
        match stage {
            Stage::Draining { asked, within } => Some(asked + within.unwrap_or(self.usual)),
            Stage::Serving | Stage::Stopping => None,
        }
    }

    /// Empties the server when that is asked for, and stops it then. Safe to cancel.
    pub async fn watch(self) {
        let mut stages = self.shutdown.stages();
        loop {
            let stage = *stages.borrow_and_update();
            let Some(until) = self.until(stage) else {
                if stages.changed().await.is_err() {
                    return;
                }
                continue;
            };
            self.rooms.refuse(Refusal::Elsewhere);
            let (_, players) = self.rooms.seated();
            info!(players, within_s = left_s(until), "draining: nobody new is let in");
            tokio::select! {
                changed = stages.changed() => if changed.is_err() { return },
                () = self.empty(until) => break,
            }
        }
        self.shutdown.begin();
    }

    /// Waits until nobody plays any more, but not longer than this.
    async fn empty(&self, until: Instant) {
        self.tell(until).await;
        let mut was_empty = false;
        let mut has_last_word = until.saturating_duration_since(Instant::now()) > LAST_WORD;
        loop {
            let (_, players) = self.rooms.seated();
            // Twice: who has just given back the last seat is still to be told so.
            if players == 0 && was_empty {
                info!("drained: nobody has a seat any more");
                return;
            }
            was_empty = players == 0;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() && players > 0 {
                info!(players, "the time to drain is over");
                return;
            }
            if has_last_word && left <= LAST_WORD {
                has_last_word = false;
                self.tell(until).await;
            }
            sleep(if was_empty { LOOK_INTERVAL } else { left.min(LOOK_INTERVAL) }).await;
        }
    }

    /// Tells those who play how long they may.
    async fn tell(&self, until: Instant) {
        let text = format!(
            "This server is about to be replaced. You can play on for {}; new matches are elsewhere.",
            in_words(left_s(until))
        );
        self.rooms.notify_all(&text).await;
    }
}

/// Seconds until then, one that has begun as a whole one.
fn left_s(until: Instant) -> u64 {
    until.saturating_duration_since(Instant::now()).as_millis().div_ceil(1000) as u64
}

/// Seconds as people say them: whole minutes from two on.
fn in_words(seconds: u64) -> String {
    match seconds {
        1 => "a second".to_owned(),
        0..120 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_said_as_people_say_it() {
        let said = [0, 1, 59, 119, 120, 600, 659].map(in_words);
        let expected =
            ["0 seconds", "a second", "59 seconds", "119 seconds", "2 minutes", "10 minutes", "10 minutes"];
        assert_eq!(said, expected);
    }
}
