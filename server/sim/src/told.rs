//! The reliable messages of one seat, so that a client that comes back misses none.

use std::collections::VecDeque;

use bytes::Bytes;
use fracas_shared::limits::{RESUME_BYTES_MAX, RESUME_MESSAGES_MAX};
use fracas_shared::message::Resumed;

/// How many reliable messages a seat was told, and the latest of them.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Wraps after 2^32, which takes years.
    count: u32,
    latest: VecDeque<Bytes>,
    latest_bytes: usize,
}

impl Told {
    pub(crate) fn push(&mut self, message: &Bytes) {
        self.count = self.count.wrapping_add(1);
        self.latest_bytes += message.len();
        self.latest.push_back(message.clone());
        while self.latest.len() > RESUME_MESSAGES_MAX || self.latest_bytes > RESUME_BYTES_MAX {
            let Some(oldest) = self.latest.pop_front() else { return };
            self.latest_bytes -= oldest.len();
        }
    }

    /// What a client that has had so many is to know, and the messages that it is to have next. One
    /// that does not know how many it has had begins anew.
    pub(crate) fn since(&self, received: Option<u32>) -> (Resumed, impl Iterator<Item = &Bytes>) {
        let kept = self.latest.len() as u32;
        // Who claims to have had more than there were is a liar, and gets what liars get: nothing.
        let owed = received.map_or(0, |received| self.count.saturating_sub(received));
        let again = owed.min(kept);
        let resumed = Resumed { missed: owed - again, received: self.count - again, attempt: 0 };
        (resumed, self.latest.iter().skip((kept - again) as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A seat that was told the messages 0 to `count`, and what it says to who has had `received`.
    fn check(count: u32, received: Option<u32>) -> (u32, u32, Vec<u32>) {
        let mut told = Told::default();
        for number in 0..count {
            told.push(&Bytes::from(number.to_le_bytes().to_vec()));
        }
        let (Resumed { missed, received, .. }, again) = told.since(received);
        let number = |message: &Bytes| u32::from_le_bytes(message[..].try_into().expect("4 bytes"));
        (missed, received, again.map(number).collect())
    }

    #[test]
    fn what_was_missed_comes_again() {
        assert_eq!(check(5, Some(3)), (0, 3, vec![3, 4]));
        assert_eq!(check(5, Some(5)), (0, 5, vec![]));
        assert_eq!(check(0, Some(0)), (0, 0, vec![]));
    }

    #[test]
    fn what_is_not_kept_any_more_is_told_to_be_missed() {
        let kept = RESUME_MESSAGES_MAX as u32;
        let (missed, received, again) = check(kept + 10, Some(4));
        assert_eq!((missed, received), (6, 10));
        assert_eq!(again, (10..kept + 10).collect::<Vec<_>>());
    }

    #[test]
    fn who_does_not_know_begins_anew() {
        assert_eq!(check(5, None), (0, 5, vec![]));
        assert_eq!(check(5, Some(900)), (0, 5, vec![]), "nobody has had more than there were");
    }

    #[test]
    fn long_messages_are_kept_within_their_bytes() {
        let mut told = Told::default();
        for _ in 0..4 {
            told.push(&Bytes::from(vec![0; RESUME_BYTES_MAX / 2]));
        }
        let (resumed, again) = told.since(Some(0));
        assert_eq!((resumed.missed, resumed.received, again.count()), (2, 2, 2));
    }
}
