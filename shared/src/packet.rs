//! Messages that are not control messages: inputs, game messages, own rows, events.
//!
//! Each WebSocket message begins with a byte that says what it is: [`ClientTag`] or [`ServerTag`].
//! Rows outside of snapshots stand alone: their strings are written in place, not in a table.

use thiserror::Error;

use crate::bits::{BitReader, BitWriter, OutOfBits};
use crate::id::{EntityId, EntityKey};
use crate::limits::TEXTS_MAX;
use crate::row::{Names, Refs, Row, RowError, RowReader, RowWriter};
use crate::schema::{FieldKind, Kind, Schema, index_bits};
use crate::tick::Tick;
use crate::view_time::ViewTime;

macro_rules! tags {
    ($(#[doc = $doc:literal])+ $name:ident: $($(#[doc = $tag_doc:literal])+ $tag:ident = $number:literal,)+) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum $name {
            $($(#[doc = $tag_doc])+ $tag = $number,)+
        }

        impl $name {
            /// The tag and the rest of a message.
            pub fn split(message: &[u8]) -> Result<(Self, &[u8]), PacketError> {
                let (number, rest) = message.split_first().ok_or(PacketError::Empty)?;
                match number {
                    $($number => Ok((Self::$tag, rest)),)+
                    number => Err(PacketError::UnknownTag(*number)),
                }
            }
        }
    };
}

tags! {
    /// What a client's message is: its first byte.
    ClientTag:
    /// A [`ClientMessage`](crate::message::ClientMessage) in bincode.
    Control = 0,
    /// An [`InputHead`] and the input's row.
    Input = 1,
    /// A row of the game's messages.
    Message = 2,
}

tags! {
    /// What a server's message is: its first byte.
    ServerTag:
    /// A [`ServerMessage`](crate::message::ServerMessage) in bincode.
    Control = 0,
    /// An [`OwnHead`] and perhaps the own row. It belongs to the frame that follows it.
    Own = 1,
    /// A frame: see [`snapshot`](crate::snapshot).
    Frame = 2,
    /// An [`EventsHead`] and the events' rows.
    Events = 3,
}

/// Why a message is none.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PacketError {
    /// No bytes at all.
    #[error("an empty message")]
    Empty,
    /// A first byte that stands for nothing.
    #[error("no kind of message has the tag {0}")]
    UnknownTag(u8),
    /// The bytes end early.
    #[error(transparent)]
    OutOfBits(#[from] OutOfBits),
    /// The row is none of the schema.
    #[error(transparent)]
    Row(#[from] RowError),
    /// Bytes after the end.
    #[error("bytes left over after the message")]
    LeftOver,
}

/// What stands before an input's row: 10 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputHead {
    /// The tick in whose step the input is meant to be used.
    pub tick: Tick,
    /// The newest tick whose frame the client has decoded; 0 before the first.
    pub ack: Tick,
    /// How many parts of a tick (see [`ViewTime`]) before `tick` the moment is that the player's
    /// screen showed; 0 for a client that does not say it.
    pub view_lag: u16,
}

/// The length of an [`InputHead`].
pub const INPUT_HEAD_BYTES: usize = 10;

impl InputHead {
    /// Its bytes.
    pub fn to_bytes(self) -> [u8; INPUT_HEAD_BYTES] {
        let mut bytes = [0; INPUT_HEAD_BYTES];
        bytes[..4].copy_from_slice(&self.tick.0.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.ack.0.to_le_bytes());
        bytes[8..].copy_from_slice(&self.view_lag.to_le_bytes());
        bytes
    }

    /// Appends its bytes.
    pub fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bytes());
    }

    /// Reads it off the front.
    pub fn read(bytes: &[u8]) -> Result<(Self, &[u8]), PacketError> {
        let (tick, bytes) = take_u32(bytes)?;
        let (ack, bytes) = take_u32(bytes)?;
        let (view_lag, bytes) = bytes.split_first_chunk::<2>().ok_or(OutOfBits)?;
        Ok((Self { tick: Tick(tick), ack: Tick(ack), view_lag: u16::from_le_bytes(*view_lag) }, bytes))
    }

    /// The moment that the player's screen showed, if the client says it.
    pub fn view_time(self) -> Option<ViewTime> {
        (self.view_lag != 0).then(|| ViewTime::before(self.tick, self.view_lag))
    }
}

/// What stands before a viewer's own row: 6 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnHead {
    /// The stamp of the newest input of this player that a step has used; 0 before the first.
    pub input_tick: Tick,
    /// How many ticks before their steps the player's inputs came since the step before: of the one
    /// that came with the least time to spare; negative when it was late. None when none came.
    pub input_margin: Option<i8>,
    /// Whether a row follows; otherwise there is nothing that this player alone sees.
    pub has_row: bool,
}

/// The margin of no input.
const NO_MARGIN: i8 = i8::MIN;

impl OwnHead {
    /// Appends its bytes.
    pub fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.input_tick.0.to_le_bytes());
        out.push(self.input_margin.map_or(NO_MARGIN, |margin| margin.max(NO_MARGIN + 1)) as u8);
        out.push(u8::from(self.has_row));
    }

    /// Reads it off the front.
    pub fn read(bytes: &[u8]) -> Result<(Self, &[u8]), PacketError> {
        let (tick, bytes) = take_u32(bytes)?;
        let ([margin, flags], bytes) = bytes.split_first_chunk::<2>().ok_or(OutOfBits)?;
        let head = Self {
            input_tick: Tick(tick),
            input_margin: Some(*margin as i8).filter(|margin| *margin != NO_MARGIN),
            has_row: flags & 1 != 0,
        };
        Ok((head, bytes))
    }
}

/// What stands before a tick's events: 5 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventsHead {
    /// The tick in which they happened.
    pub tick: Tick,
    /// How many there are.
    pub count: u8,
}

impl EventsHead {
    /// Appends its bytes.
    pub fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tick.0.to_le_bytes());
        out.push(self.count);
    }

    /// Reads it off the front.
    pub fn read(bytes: &[u8]) -> Result<(Self, &[u8]), PacketError> {
        let (tick, bytes) = take_u32(bytes)?;
        let (count, bytes) = bytes.split_first().ok_or(OutOfBits)?;
        Ok((Self { tick: Tick(tick), count: *count }, bytes))
    }
}

fn take_u32(bytes: &[u8]) -> Result<(u32, &[u8]), OutOfBits> {
    let (number, rest) = bytes.split_first_chunk::<4>().ok_or(OutOfBits)?;
    Ok((u32::from_le_bytes(*number), rest))
}

/// Encodes and decodes rows that stand alone.
#[derive(Clone, Debug)]
pub struct RowCodec {
    kinds: Vec<Vec<(u32, bool)>>,
    kind_bits: u32,
}

/// The codecs of all rows of a schema that stand alone.
#[derive(Clone, Debug)]
pub struct RowCodecs {
    /// What a player alone sees of its own.
    pub own: RowCodec,
    /// What a player does in one tick.
    pub inputs: RowCodec,
    /// What happens, from server to clients.
    pub events: RowCodec,
    /// Messages of the game from clients to the rules.
    pub messages: RowCodec,
}

impl RowCodecs {
    /// Those of this schema.
    pub fn of(schema: &Schema) -> Self {
        Self {
            own: RowCodec::new(&schema.own),
            inputs: RowCodec::new(&schema.inputs),
            events: RowCodec::new(&schema.events),
            messages: RowCodec::new(&schema.messages),
        }
    }
}

/// Few rows have more fields.
const CODES_USUAL: usize = 8;

/// A row that stands alone, as codes: what a generic client reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LooseRow {
    /// The number of its kind.
    pub kind: u8,
    /// The code of each field; of a string, its place in `strings` plus 1.
    pub codes: Vec<u32>,
    /// The strings, in the order of their first naming.
    pub strings: Vec<Vec<u8>>,
}

impl Names for LooseRow {
    fn string_at(&self, place: u32) -> Option<&[u8]> {
        self.strings.get(place.checked_sub(1)? as usize).map(AsRef::as_ref)
    }
}

/// A loose row on the server, where wire ids have keys.
struct Resolved<'a, F> {
    row: &'a LooseRow,
    key_of: F,
}

impl<F: Fn(EntityId) -> Option<EntityKey>> Names for Resolved<'_, F> {
    fn key_of(&self, id: EntityId) -> Option<EntityKey> {
        (self.key_of)(id)
    }

    fn string_at(&self, place: u32) -> Option<&[u8]> {
        self.row.string_at(place)
    }
}

/// Collects strings in place while a row is written.
struct InPlace<'a, F> {
    strings: &'a mut Vec<Vec<u8>>,
    id_of: F,
}

impl<F: FnMut(EntityKey) -> Option<EntityId>> Refs for InPlace<'_, F> {
    fn id_of(&mut self, key: EntityKey) -> Option<EntityId> {
        (self.id_of)(key)
    }

    fn place_of(&mut self, string: &[u8]) -> u32 {
        if string.is_empty() || self.strings.len() >= TEXTS_MAX {
            return 0;
        }
        self.strings.push(string.to_vec());
        self.strings.len() as u32
    }
}

impl LooseRow {
    /// The row of a value; `id_of` gives the wire ids of the entities that it refers to.
    pub fn of<R: Row>(value: &R, id_of: impl FnMut(EntityKey) -> Option<EntityId>) -> Self {
        let mut row = Self { codes: Vec::with_capacity(CODES_USUAL), ..Self::default() };
        row.set(value, id_of);
        row
    }

    /// Makes it the row of another value, in the memory that it has.
    pub fn set<R: Row>(&mut self, value: &R, id_of: impl FnMut(EntityKey) -> Option<EntityId>) {
        self.clear();
        self.kind = value.kind();
        let mut refs = InPlace { strings: &mut self.strings, id_of };
        value.write(&mut RowWriter::new(&mut self.codes, &mut refs));
    }

    fn clear(&mut self) {
        self.codes.clear();
        self.strings.clear();
    }

    /// The value of a row, as a client sees it.
    pub fn value<R: Row>(&self) -> Result<R, RowError> {
        R::read(self.kind, &mut RowReader::new(&self.codes, self))
    }

    /// The value of a row from a client; `key_of` gives the entities behind wire ids.
    pub fn value_with_keys<R: Row>(
        &self,
        key_of: impl Fn(EntityId) -> Option<EntityKey>,
    ) -> Result<R, RowError> {
        R::read(self.kind, &mut RowReader::new(&self.codes, &Resolved { row: self, key_of }))
    }
}

impl RowCodec {
    /// The codec of these kinds of rows.
    pub fn new(kinds: &[Kind]) -> Self {
        let coding = |field: &FieldKind| (u32::from(field.bits()), field.is_string());
        Self {
            kinds: kinds
                .iter()
                .map(|kind| kind.fields.iter().map(|field| coding(&field.kind)).collect())
                .collect(),
            kind_bits: u32::from(index_bits(kinds.len())),
        }
    }

    /// Appends a row's bits: its kind, then each field's code, a string as its length and bytes.
    pub fn put(&self, bits: &mut BitWriter<'_>, row: &LooseRow) {
        bits.put(u32::from(row.kind), self.kind_bits);
        for ((width, is_string), code) in self.kinds[row.kind as usize].iter().zip(&row.codes) {
            if *is_string {
                let string = row.string_at(*code).unwrap_or_default();
                bits.put(string.len() as u32, 8);
                for byte in string {
                    bits.put(u32::from(*byte), 8);
                }
            } else {
                bits.put(*code, *width);
            }
        }
    }

    /// Reads a row's bits.
    pub fn take(&self, bits: &mut BitReader<'_>) -> Result<LooseRow, PacketError> {
        let mut row = LooseRow::default();
        self.take_into(bits, &mut row)?;
        Ok(row)
    }

    /// The same in the memory that another row has, which is of no use after an error.
    fn take_into(&self, bits: &mut BitReader<'_>, row: &mut LooseRow) -> Result<(), PacketError> {
        let kind = bits.take(self.kind_bits)? as u8;
        let fields = self.kinds.get(kind as usize).ok_or(RowError::NoSuchKind(kind))?;
        row.kind = kind;
        row.clear();
        row.codes.reserve(fields.len());
        for (width, is_string) in fields {
            if *is_string {
                let length = bits.take(8)? as usize;
                let mut string = Vec::with_capacity(length);
                for _ in 0..length {
                    string.push(bits.take(8)? as u8);
                }
                let place = InPlace { strings: &mut row.strings, id_of: |_| None }.place_of(&string);
                row.codes.push(place);
            } else {
                row.codes.push(bits.take(*width)?);
            }
        }
        Ok(())
    }

    /// Appends one row as whole bytes.
    pub fn encode(&self, row: &LooseRow, out: &mut Vec<u8>) {
        let mut bits = BitWriter::new(out);
        self.put(&mut bits, row);
        bits.finish();
    }

    /// Reads one row, which must be all of the bytes.
    pub fn decode(&self, bytes: &[u8]) -> Result<LooseRow, PacketError> {
        let mut row = LooseRow::default();
        self.decode_into(bytes, &mut row)?;
        Ok(row)
    }

    /// [`RowCodec::decode`] into the memory that another row has, which is of no use after an error.
    pub fn decode_into(&self, bytes: &[u8], row: &mut LooseRow) -> Result<(), PacketError> {
        let mut reader = BitReader::new(bytes);
        self.take_into(&mut reader, row)?;
        if reader.is_at_end() { Ok(()) } else { Err(PacketError::LeftOver) }
    }

    /// Appends rows as whole bytes, one after the other without gaps.
    pub fn encode_many<'a>(&self, rows: impl IntoIterator<Item = &'a LooseRow>, out: &mut Vec<u8>) {
        let mut bits = BitWriter::new(out);
        for row in rows {
            self.put(&mut bits, row);
        }
        bits.finish();
    }

    /// Reads `count` rows, which must be all of the bytes.
    pub fn decode_many(&self, bytes: &[u8], count: u8) -> Result<Vec<LooseRow>, PacketError> {
        let mut reader = BitReader::new(bytes);
        let mut rows = Vec::with_capacity(usize::from(count));
        for _ in 0..count {
            rows.push(self.take(&mut reader)?);
        }
        if reader.is_at_end() { Ok(rows) } else { Err(PacketError::LeftOver) }
    }
}
