//! Turns of those who look for a room alike, so that two who come at once meet in one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

/// A game and what tells the options of its rooms apart.
type Alike = (&'static str, String);

/// Who looks for which rooms at this moment. Those who look for others do not wait for each other.
#[derive(Default)]
pub(super) struct Matching(Mutex<HashMap<Alike, Arc<Queue<()>>>>);

/// The turn of one; over when dropped.
pub(super) struct Turn<'a> {
    matching: &'a Matching,
    alike: Alike,
    held: Option<OwnedMutexGuard<()>>,
}

impl Matching {
    /// Waits until nobody else looks for a room alike.
    pub(super) async fn turn(&self, game: &'static str, options: String) -> Turn<'_> {
        let alike = (game, options);
        let queue = {
            let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            queues.entry(alike.clone()).or_default().clone()
        };
        let mut turn = Turn { matching: self, alike, held: None };
        turn.held = Some(queue.lock_owned().await);
        turn
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut queues = self.matching.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.held = None;
        // Nobody else waits when the table's is the last one. Who comes next begins with the table.
        if queues.get(&self.alike).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(&self.alike);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn those_alike_take_turns_and_nothing_stays_behind() {
        let matching = Matching::default();
        let first = matching.turn("tag", String::new()).await;
        let soon = Duration::from_millis(10);
        assert!(timeout(soon, matching.turn("tag", String::new())).await.is_err(), "it is another's turn");
        let other = matching.turn("tag", "{}".to_owned()).await;
        drop((first, other));
        drop(matching.turn("tag", String::new()).await);
        assert!(matching.0.lock().unwrap().is_empty());
    }
}
