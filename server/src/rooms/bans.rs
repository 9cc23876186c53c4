//! Who may not come back to a room.

use std::collections::VecDeque;

use fracas_shared::limits::BANS_PER_ROOM_MAX;

use super::inbox::Identity;

/// Those who were banned from a room, the latest [`BANS_PER_ROOM_MAX`] of them.
#[derive(Default)]
pub(super) struct Bans(VecDeque<Identity>);

impl Bans {
    pub(super) fn add(&mut self, identity: Identity) {
        if self.0.len() >= BANS_PER_ROOM_MAX {
            self.0.pop_front();
        }
        self.0.push_back(identity);
    }

    /// All of them, the earliest first.
    pub(super) fn list(&self) -> impl Iterator<Item = Identity> {
        self.0.iter().cloned()
    }

    pub(super) fn has(&self, identity: &Identity) -> bool {
        self.0.contains(identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_ban_is_forgotten() {
        let mut bans = Bans::default();
        let nth = |n: usize| Identity::from(n.to_string());
        for n in 0..=BANS_PER_ROOM_MAX {
            assert!(!bans.has(&nth(n)));
            bans.add(nth(n));
        }
        assert!(!bans.has(&nth(0)));
        assert!((1..=BANS_PER_ROOM_MAX).all(|n| bans.has(&nth(n))));
    }
}
