//! When permanent rooms are opened anew whose rules failed.

use std::collections::HashMap;
use std::time::Duration;

use fracas_shared::limits::REOPENINGS_MAX;

/// The pause before a room is opened anew for the first time; then twice as long each time.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);

/// How often the permanent room of each game has failed.
#[derive(Default)]
pub(super) struct Falls(HashMap<&'static str, u32>);

impl Falls {
    /// Counts one more of this game. The pause before its room is opened anew; none when that was the
    /// last time.
    pub(super) fn count(&mut self, game: &'static str) -> Option<Duration> {
        let falls = self.0.entry(game).or_insert(0);
        *falls += 1;
        (*falls <= REOPENINGS_MAX).then(|| REOPEN_PAUSE * 2u32.pow(*falls - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_opened_anew_so_often_and_no_more() {
        let mut falls = Falls::default();
        let pauses: Vec<_> = (0..REOPENINGS_MAX).filter_map(|_| falls.count("tag")).collect();
        assert_eq!(pauses.len(), REOPENINGS_MAX as usize);
        assert!(pauses.windows(2).all(|pair| pair[1] == 2 * pair[0]), "{pauses:?}");
        assert_eq!(falls.count("tag"), None);
        assert_eq!(falls.count("dots"), Some(REOPEN_PAUSE), "another game");
    }
}
