//! Matches that took the process down which hosted them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;

use fracas_shared::limits::ROOMS_MAX;

use super::Folder;

const FILE: &str = "downfalls";

/// How many processes in a row each match has taken down.
#[derive(Debug, Default)]
pub(crate) struct Downfalls {
    before: BTreeMap<u64, u32>,
    now: BTreeMap<u64, u32>,
}

impl Downfalls {
    /// As earlier processes have counted.
    pub(crate) fn read(folder: &Folder) -> Self {
        let text = fs::read_to_string(folder.path_of(FILE)).unwrap_or_default();
        let lines = text.lines().take(ROOMS_MAX).filter_map(|line| {
            let (room, count) = line.split_once(' ')?;
            Some((room.parse().ok()?, count.parse().ok()?))
        });
        Self { before: lines.collect(), now: BTreeMap::new() }
    }

    /// Counts whether a match has taken the last process down, too. Gives how many it were in a row.
    pub(crate) fn count(&mut self, room: u64, has_fallen: bool) -> u32 {
        if !has_fallen {
            return 0;
        }
        let count = self.before.get(&room).map_or(1, |count| count.saturating_add(1));
        self.now.insert(room, count);
        count
    }

    /// Keeps it for the next process.
    pub(crate) fn keep(&self, folder: &Folder) -> io::Result<()> {
        let mut lines = String::new();
        for (room, count) in &self.now {
            // Writing to memory does not fail.
            let _ = writeln!(lines, "{room} {count}");
        }
        folder.replace(FILE, &lines)
    }
}
