//! A file of a journal: chunks of entries, each with its checksum.
//!
//! What is written at once is a chunk, so that a process that is killed leaves whole chunks and at most a begin of
//! another one. A chunk says its place in the file, and its checksum is of that and of the file, too: one that is not where
//! it was written is found out.

use fracas_shared::limits::{JOURNAL_BUILD_BYTES_MAX, JOURNAL_CHUNK_BYTES_MAX};
use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::entry::Entry;

/// What every file of a journal begins with.
const MAGIC: [u8; 8] = *b"\x89FRACASJ";
/// The version of the layout.
const VERSION: u16 = 1;
/// What every chunk begins with, to find the next one behind what is damaged.
const MARK: [u8; 2] = [0xF7, 0xAC];
/// With more in it a chunk is closed: until then one entry more, of whatever room, still fits.
const CHUNK_BYTES_FULL: usize = JOURNAL_CHUNK_BYTES_MAX / 2;
/// Mark, number, length and checksum.
const CHUNK_HEAD_BYTES: usize = 2 + 4 + 4 + 4;
/// Magic, version, number, process, lane, the number before, that needed, and the length of the build's name.
const HEAD_BYTES: usize = 8 + 2 + 8 + 8 + 4 + 8 + 8 + 1;
const HASH_BYTES: usize = 4;
/// A file that is damaged is read so many times at most, all of its parts together.
const SEARCH_FACTOR: usize = 8;

/// What a file says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentHead {
    /// Its place among all files of the journal. Later ones have higher numbers.
    pub number: u64,
    /// The process that wrote it.
    pub process: u64,
    /// Which of the process's writers.
    pub lane: u32,
    /// The number of the file that it wrote before this one; 0 for the first.
    pub previous: u64,
    /// The number of the oldest file that it takes to go on with the rooms that were there when this one was begun: its
    /// own, or an earlier one's of the same writer.
    pub needed: u64,
    /// The build of the process, of at most [`JOURNAL_BUILD_BYTES_MAX`] bytes.
    pub build: String,
}

impl SegmentHead {
    /// No head takes more bytes.
    pub const BYTES_MAX: usize = HEAD_BYTES + JOURNAL_BUILD_BYTES_MAX + HASH_BYTES;
}

/// Why bytes are no file of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SegmentError {
    /// It is something else, or its begin is damaged.
    #[error("this is no journal: it does not begin as one")]
    NoJournal,
    /// A process that does more wrote it.
    #[error("a later version wrote this journal, of layout {theirs}; this one reads layout {VERSION}")]
    LaterVersion {
        /// Its layout's version.
        theirs: u16,
    },
}

/// Writes the chunks of a file.
#[derive(Debug)]
pub struct SegmentWriter {
    head: SegmentHead,
    chunks: u32,
    bytes: Vec<u8>,
    /// Where the chunk begins that is open.
    open: Option<usize>,
}

impl SegmentWriter {
    /// One for this file. What is to be written first is its head, which is there already.
    pub fn new(mut head: SegmentHead) -> Self {
        let end = (0..=JOURNAL_BUILD_BYTES_MAX).rev().find(|end| head.build.is_char_boundary(*end));
        head.build.truncate(end.unwrap_or(0));
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&head.number.to_le_bytes());
        bytes.extend_from_slice(&head.process.to_le_bytes());
        bytes.extend_from_slice(&head.lane.to_le_bytes());
        bytes.extend_from_slice(&head.previous.to_le_bytes());
        bytes.extend_from_slice(&head.needed.to_le_bytes());
        bytes.push(head.build.len() as u8);
        bytes.extend_from_slice(head.build.as_bytes());
        let hash = hash_of(&bytes, 0);
        bytes.extend_from_slice(&hash);
        Self { head, chunks: 0, bytes, open: None }
    }

    /// Appends an entry to the chunk that is open, and closes it when it is full.
    pub fn put(&mut self, entry: &Entry<'_>) {
        self.add(|bytes| entry.put(bytes));
    }

    /// Appends entries that [`Entry::put`] has made, as one.
    pub fn put_made(&mut self, entries: &[u8]) {
        self.add(|bytes| bytes.extend_from_slice(entries));
    }

    fn add(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        let begin = *self.open.get_or_insert_with(|| {
            let begin = self.bytes.len();
            self.bytes.extend_from_slice(&[0; CHUNK_HEAD_BYTES]);
            begin
        });
        put(&mut self.bytes);
        if self.bytes.len() - begin > CHUNK_BYTES_FULL {
            self.close();
        }
    }

    /// Closes the chunk that is open: it can be read when all of it was written.
    pub fn close(&mut self) {
        let Some(begin) = self.open.take() else { return };
        let (head, payload) = self.bytes[begin..].split_at_mut(CHUNK_HEAD_BYTES);
        head[..2].copy_from_slice(&MARK);
        head[2..6].copy_from_slice(&self.chunks.to_le_bytes());
        head[6..10].copy_from_slice(&(payload.len() as u32).to_le_bytes());
        head[10..].copy_from_slice(&hash_of(payload, seed_of(self.head.number, self.chunks)));
        self.chunks += 1;
    }

    /// Closes the chunk that is open, and gives all that is to be written, to be cleared when it was.
    pub fn bytes(&mut self) -> &[u8] {
        self.close();
        &self.bytes
    }

    /// Forgets what was to be written.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.open = None;
    }
}

/// The bytes of a file.
#[derive(Debug)]
pub struct Segment<'a> {
    head: SegmentHead,
    chunks: &'a [u8],
}

/// What is read of a file, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read<'a> {
    /// An entry.
    Entry(Entry<'a>),
    /// Something is damaged, and more comes behind it: entries may be missing here.
    Gap,
    /// What comes last cannot be read, as when it was not written to its end.
    Torn,
}

impl<'a> Segment<'a> {
    /// Looks at the begin of a file.
    ///
    /// # Errors
    /// It is none of a journal, or a later version's.
    pub fn open(bytes: &'a [u8]) -> Result<Self, SegmentError> {
        let rest = bytes.strip_prefix(&MAGIC).ok_or(SegmentError::NoJournal)?;
        let (version, rest) = rest.split_first_chunk().ok_or(SegmentError::NoJournal)?;
        let theirs = u16::from_le_bytes(*version);
        if theirs > VERSION {
            return Err(SegmentError::LaterVersion { theirs });
        }
        let parts = || {
            let (number, rest) = rest.split_first_chunk()?;
            let (process, rest) = rest.split_first_chunk()?;
            let (lane, rest) = rest.split_first_chunk()?;
            let (previous, rest) = rest.split_first_chunk()?;
            let (needed, rest) = rest.split_first_chunk()?;
            let (length, rest) = rest.split_first()?;
            let (build, rest) = rest.split_at_checked(usize::from(*length))?;
            let (hash, chunks) = rest.split_first_chunk::<HASH_BYTES>()?;
            let build = str::from_utf8(build).ok()?.to_owned();
            let (number, process) = (u64::from_le_bytes(*number), u64::from_le_bytes(*process));
            let (lane, previous) = (u32::from_le_bytes(*lane), u64::from_le_bytes(*previous));
            let needed = u64::from_le_bytes(*needed);
            let head = SegmentHead { number, process, lane, previous, needed, build };
            let is_whole = hash_of(&bytes[..HEAD_BYTES + usize::from(*length)], 0) == *hash;
            is_whole.then_some(Self { head, chunks })
        };
        if theirs == 0 { Err(SegmentError::NoJournal) } else { parts().ok_or(SegmentError::NoJournal) }
    }

    /// What it says of itself.
    pub fn head(&self) -> &SegmentHead {
        &self.head
    }

    /// What is in it.
    pub fn entries(&self) -> impl Iterator<Item = Read<'a>> {
        let search_bytes = self.chunks.len().saturating_mul(SEARCH_FACTOR);
        let mut chunks = Chunks { number: self.head.number, rest: self.chunks, next: 0, search_bytes };
        let mut entries: &[u8] = &[];
        std::iter::from_fn(move || {
            loop {
                if !entries.is_empty() {
                    let entry = Entry::take(&mut entries);
                    if entry.is_none() {
                        entries = &[];
                    }
                    return Some(entry.map_or(Read::Gap, Read::Entry));
                }
                match chunks.next()? {
                    Chunk::Whole(payload) => entries = payload,
                    Chunk::Gap => return Some(Read::Gap),
                    Chunk::Torn => return Some(Read::Torn),
                }
            }
        })
    }
}

/// Goes through the chunks of a file.
struct Chunks<'a> {
    number: u64,
    rest: &'a [u8],
    next: u32,
    /// So much more is read to tell what is a chunk from what looks like one.
    search_bytes: usize,
}

enum Chunk<'a> {
    Whole(&'a [u8]),
    Gap,
    Torn,
}

impl<'a> Chunks<'a> {
    fn next(&mut self) -> Option<Chunk<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let damaged = self.rest;
        let marks = damaged.windows(MARK.len()).enumerate().filter(|(_, bytes)| **bytes == MARK);
        for (place, _) in marks {
            let candidate = &damaged[place..];
            let Some(WholeChunk { number, payload, rest }) = WholeChunk::take(candidate, self.number) else {
                let looked_at = WholeChunk::length(candidate).min(candidate.len());
                self.search_bytes = self.search_bytes.saturating_sub(looked_at);
                if self.search_bytes == 0 {
                    // More may be there, for all that is known.
                    self.rest = &[];
                    return Some(Chunk::Gap);
                }
                continue;
            };
            if number == self.next && place == 0 {
                self.rest = rest;
                self.next += 1;
                return Some(Chunk::Whole(payload));
            }
            if number >= self.next {
                (self.rest, self.next) = (&damaged[place..], number);
                return Some(Chunk::Gap);
            }
        }
        self.rest = &[];
        Some(Chunk::Torn)
    }
}

/// A chunk at the begin of some bytes.
struct WholeChunk<'a> {
    number: u32,
    payload: &'a [u8],
    /// What comes after it.
    rest: &'a [u8],
}

impl<'a> WholeChunk<'a> {
    /// How long the one that these bytes begin with says it is.
    fn length(bytes: &[u8]) -> usize {
        let length = bytes.get(MARK.len() + 4..).and_then(|bytes| bytes.first_chunk());
        length.map_or(0, |length| u32::from_le_bytes(*length) as usize)
    }

    /// The one that the bytes of this file begin with.
    fn take(bytes: &'a [u8], file: u64) -> Option<Self> {
        let (number, rest) = bytes.strip_prefix(&MARK)?.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (hash, rest) = rest.split_first_chunk::<HASH_BYTES>()?;
        let (number, length) = (u32::from_le_bytes(*number), u32::from_le_bytes(*length) as usize);
        if length > JOURNAL_CHUNK_BYTES_MAX {
            return None;
        }
        let (payload, rest) = rest.split_at_checked(length)?;
        (hash_of(payload, seed_of(file, number)) == *hash).then_some(Self { number, payload, rest })
    }
}

fn seed_of(number: u64, chunk: u32) -> u64 {
    number.rotate_left(32) ^ (u64::from(chunk) + 1)
}

/// The lower half of xxh3 (Collet 2019).
fn hash_of(bytes: &[u8], seed: u64) -> [u8; HASH_BYTES] {
    (xxh3_64_with_seed(bytes, seed) as u32).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::entry::What;
    use super::*;

    fn writer(build: &str) -> SegmentWriter {
        SegmentWriter::new(SegmentHead {
            number: 1,
            process: 2,
            lane: 3,
            previous: 0,
            needed: 1,
            build: build.into(),
        })
    }

    fn count_of(bytes: &[u8]) -> (usize, Option<Read<'_>>) {
        let segment = Segment::open(bytes).expect("a journal");
        let (entries, rest): (Vec<_>, Vec<_>) =
            segment.entries().partition(|read| matches!(read, Read::Entry(_)));
        (entries.len(), rest.into_iter().next())
    }

    #[test]
    fn a_long_name_of_a_build_is_cut() {
        let name = "\u{e4}".repeat(JOURNAL_BUILD_BYTES_MAX);
        let mut writer = writer(&name);
        let head = Segment::open(writer.bytes()).expect("a journal").head().clone();
        assert_eq!(head.build, name[..JOURNAL_BUILD_BYTES_MAX]);
        assert_eq!((head.number, head.process, head.lane), (1, 2, 3));
    }

    #[test]
    fn a_chunk_is_not_longer_than_it_may_be() {
        let mut writer = writer("of today");
        let long = vec![1; JOURNAL_CHUNK_BYTES_MAX / 3];
        for room in 0..4 {
            writer.put(&Entry { room, what: What::Host(&long) });
        }
        assert_eq!(writer.chunks, 2, "two chunks of two");
        let bytes = writer.bytes().to_vec();
        assert_eq!(count_of(&bytes), (4, None));
        // As if there were more in the last one than may be.
        let at = bytes.len() - 2 * (long.len() + 5) - CHUNK_HEAD_BYTES;
        assert_eq!(bytes[at..at + 2], MARK);
        let mut longer = bytes.clone();
        longer[at + 6..at + 10].copy_from_slice(&(JOURNAL_CHUNK_BYTES_MAX as u32 + 1).to_le_bytes());
        assert_eq!(count_of(&longer), (2, Some(Read::Torn)));
    }

    #[test]
    fn a_chunk_that_was_not_written_to_its_end_is_cut_off() {
        let mut writer = writer("of today");
        for room in 0..3 {
            writer.put(&Entry { room, what: What::Ended });
            writer.close();
        }
        let bytes = writer.bytes().to_vec();
        assert_eq!(count_of(&bytes[..bytes.len() - 1]), (2, Some(Read::Torn)));
        let mut damaged = bytes.clone();
        damaged[bytes.len() - CHUNK_HEAD_BYTES - 3] ^= 1;
        assert_eq!(count_of(&damaged), (2, Some(Read::Gap)));
    }
}
