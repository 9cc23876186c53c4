//! The journal of matches: what another process needs to go on with them, and to make them again.
//!
//! Of each room there are checkpoints, and the records of all ticks between them, each as the difference to the one
//! before: a tick's record says little that is new. Most players do what they did in the tick before, or nearly so, and
//! their screens go on with time. docs/JOURNAL.md tells the layout.
//!
//! Nothing here reads or writes a file.

mod entry;
mod histories;
mod numbers;
mod record_codec;
mod segment;

pub use entry::{Entry, What};
pub use histories::{Fate, Histories, History, RoomOfProcess, Wanted};
pub(crate) use record_codec::{RecordCodec, Seated};
pub use segment::{Read, Segment, SegmentError, SegmentHead, SegmentWriter};
