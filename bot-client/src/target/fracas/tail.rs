//! The last messages of a lane's bots, kept for when something is wrong with them.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

/// Bytes of messages that are remembered for each bot, at least, when all get as much.
const TAIL_BYTES: usize = 2048;
/// Messages longer than this are remembered by their begin.
const MESSAGE_BYTES_KEPT: usize = 1024;
/// Files that a run writes.
const FILES_MAX: u32 = 20;

/// The last messages from the server: the newest ones are in `now`, and those before them in `before`.
///
/// All bots of a lane have one, so that what comes is written in one row: a place for each bot would be
/// out of the processor's reach whenever its bot gets something.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    now: Messages,
    before: Messages,
}

#[derive(Debug, Default)]
struct Messages {
    bytes: Vec<u8>,
    /// Whose it is, when it came, and where it ends.
    ends: Vec<(u32, Instant, usize)>,
}

impl Tail {
    /// Remembers a message to the bot of this number, one of `bots`.
    pub(crate) fn push(&mut self, bot: u32, bots: usize, at: Instant, message: &[u8]) {
        if self.now.bytes.len() >= TAIL_BYTES * bots {
            std::mem::swap(&mut self.now, &mut self.before);
            self.now.bytes.clear();
            self.now.ends.clear();
        }
        self.now.bytes.extend_from_slice(&message[..message.len().min(MESSAGE_BYTES_KEPT)]);
        self.now.ends.push((bot, at, self.now.bytes.len()));
    }

    /// One bot's, oldest first.
    fn messages(&self, bot: u32) -> impl Iterator<Item = (Instant, &[u8])> {
        let all = [&self.before, &self.now].into_iter().flat_map(|messages| {
            let mut begin = 0;
            messages.ends.iter().map(move |(of, at, end)| {
                let bytes = &messages.bytes[begin..*end];
                begin = *end;
                (*of, *at, bytes)
            })
        });
        all.filter(move |(of, ..)| *of == bot).map(|(_, at, bytes)| (at, bytes))
    }
}

/// A folder for what shows that a server broke a promise.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    folder: Option<PathBuf>,
    files: AtomicU32,
}

/// What is put there.
pub(crate) struct Exhibit<'a> {
    pub(crate) kind: &'static str,
    pub(crate) message: &'a str,
    pub(crate) bot: &'a str,
    pub(crate) number: u32,
    pub(crate) room: &'a str,
    pub(crate) tick: u32,
    pub(crate) schema_hash: u32,
    pub(crate) tail: &'a Tail,
}

impl Evidence {
    /// No folder: nothing is written.
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, files: AtomicU32::new(0) }
    }

    /// Writes a bot's last messages to a file, and gives its name; the first ones of a run alone.
    pub(crate) fn keep(&self, exhibit: &Exhibit<'_>, now: Instant) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        if self.files.fetch_add(1, Ordering::Relaxed) >= FILES_MAX {
            return None;
        }
        let ms = |at: Instant| {
            -now.saturating_duration_since(at).min(Duration::from_hours(1)).as_secs_f64() * 1000.0
        };
        let messages: Vec<_> = exhibit
            .tail
            .messages(exhibit.number)
            .map(|(at, bytes)| json!({ "at_ms": ms(at), "hex": hex(bytes) }))
            .collect();
        let json = json!({
            "violation": exhibit.kind,
            "message": exhibit.message,
            "bot": exhibit.bot,
            "room": exhibit.room,
            "tick": exhibit.tick,
            "schema_hash": format!("{:08x}", exhibit.schema_hash),
            "last_messages": messages,
        });
        let path = folder.join(format!("{}-{}-{}.json", exhibit.kind, exhibit.bot, exhibit.tick));
        std::fs::create_dir_all(folder).ok()?;
        std::fs::write(&path, format!("{json:#}\n")).ok()?;
        Some(path)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_messages_of_each_are_kept() {
        let mut tail = Tail::default();
        let now = Instant::now();
        for number in 0..1000u32 {
            for bot in 0..3 {
                tail.push(bot, 3, now, &[number as u8, bot as u8].repeat(50));
            }
        }
        for bot in 0..3 {
            let kept: Vec<&[u8]> = tail.messages(bot).map(|(_, bytes)| bytes).collect();
            let count = TAIL_BYTES / 100;
            assert!((count..=2 * count + 2).contains(&kept.len()), "{}", kept.len());
            assert_eq!(kept.last().unwrap()[0], 999u32 as u8);
            assert!(kept.windows(2).all(|pair| pair[1][0] == pair[0][0].wrapping_add(1)));
            assert!(kept.iter().all(|bytes| bytes[1] == bot as u8));
        }
    }
}
