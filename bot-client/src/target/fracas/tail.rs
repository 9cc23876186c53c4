//! The last messages of a bot, kept for when something is wrong with them.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

/// Bytes of messages that a bot remembers, at least.
const TAIL_BYTES: usize = 2048;
/// Messages longer than this are remembered by their begin.
const MESSAGE_BYTES_KEPT: usize = 1024;
/// Files that a run writes.
const FILES_MAX: u32 = 20;

/// The last messages from the server: the newest ones are in `now`, and those before them in `before`.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    now: Messages,
    before: Messages,
}

#[derive(Debug, Default)]
struct Messages {
    bytes: Vec<u8>,
    /// When each came and where it ends.
    ends: Vec<(Instant, usize)>,
}

impl Tail {
    pub(crate) fn push(&mut self, at: Instant, message: &[u8]) {
        if self.now.bytes.len() >= TAIL_BYTES {
            std::mem::swap(&mut self.now, &mut self.before);
            self.now.bytes.clear();
            self.now.ends.clear();
        }
        self.now.bytes.extend_from_slice(&message[..message.len().min(MESSAGE_BYTES_KEPT)]);
        self.now.ends.push((at, self.now.bytes.len()));
    }

    /// Oldest first.
    fn messages(&self) -> impl Iterator<Item = (Instant, &[u8])> {
        [&self.before, &self.now].into_iter().flat_map(|messages| {
            let mut begin = 0;
            messages.ends.iter().map(move |(at, end)| {
                let bytes = &messages.bytes[begin..*end];
                begin = *end;
                (*at, bytes)
            })
        })
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
            .messages()
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
    fn the_last_messages_are_kept() {
        let mut tail = Tail::default();
        let now = Instant::now();
        for number in 0..1000u32 {
            tail.push(now, &[number as u8; 100]);
        }
        let kept: Vec<u8> = tail.messages().map(|(_, bytes)| bytes[0]).collect();
        assert!(kept.len() >= TAIL_BYTES / 100 && kept.len() <= 2 * TAIL_BYTES / 100 + 2, "{}", kept.len());
        assert_eq!(kept.last(), Some(&(999u32 as u8)));
        assert!(kept.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)));
    }
}
