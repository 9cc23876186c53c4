//! Rows: typed values as small whole numbers, described by a schema.
//!
//! `#[derive(Row)]` on a struct makes one kind of row; on an enum with named fields, a kind of each
//! variant. Which kind of field a Rust type becomes:
//!
//! | type | field | attribute |
//! |---|---|---|
//! | `bool` | bool | |
//! | `u8`, `u16`, `u32` | uint | `#[row(uint(bits = 7))]` for fewer bits than the type's |
//! | `i8`, `i16`, `i32` | int | `#[row(int(bits = 5))]` for fewer bits than the type's |
//! | `f32` | fixed | `#[row(fixed(min = -64.0, step = 0.03125, bits = 12))]`, required |
//! | `f32` | angle, radians | `#[row(angle(bits = 10))]`, required |
//! | an enum that derives [`RowEnum`](crate::RowEnum) | enum | |
//! | [`EntityRef`] | entity | |
//! | [`PlayerId`], `Option<PlayerId>` | player | |
//! | `Arc<str>` | text, cut at [`TEXT_BYTES_MAX`] bytes | |
//! | `Arc<[u8]>` | bytes, cut at [`TEXT_BYTES_MAX`] bytes | |
//!
//! What moves says so behind its coding, `#[row(fixed(...), velocity = vx, jump = 2.0)]`: which field
//! is its velocity per second, so that it is drawn on a curve, and by how much it must be elsewhere
//! than its velocity explains to have been put there.
//!
//! A number out of its field's range is clamped, never wrapped. A player beyond [`SEATS_MAX`] is
//! nobody.

use core::slice;
use std::sync::Arc;

use thiserror::Error;

use crate::id::{EntityId, EntityKey, PlayerId};
use crate::limits::{SEATS_MAX, TEXT_BYTES_MAX};
use crate::quant;
use crate::schema::{FieldKind, Kind};

/// A typed value that travels as a row of codes.
pub trait Row: Sized {
    /// All kinds of this row, in the order of their numbers.
    fn kinds() -> Vec<Kind>;
    /// The number of this value's kind.
    fn kind(&self) -> u8;
    /// Writes this value's codes, one for each field of its kind.
    fn write(&self, row: &mut RowWriter<'_>);
    /// Reads a value of this kind back.
    fn read(kind: u8, row: &mut RowReader<'_>) -> Result<Self, RowError>;

    /// This value with the numbers that travel, but without names: texts are empty and references none.
    #[must_use]
    fn as_sent(&self) -> Self;

    /// Moves this value towards `to`, which is `seconds` later: at `part` (0 to 1) of the way. What
    /// does not move, a number without a step or an angle, stays as it is, and so does a value of
    /// another kind or one that jumps.
    fn blend(&mut self, _to: &Self, _part: f32, _seconds: f32) {}

    /// Moves this value on by its own velocities.
    fn coast(&mut self, _seconds: f32) {}
}

/// A type that is a field of a row without further words.
pub trait RowField: Sized {
    /// What it is in the schema.
    fn field_kind() -> FieldKind;
    /// Writes its one code.
    fn write(&self, row: &mut RowWriter<'_>);
    /// Reads its one code.
    fn read(row: &mut RowReader<'_>) -> Result<Self, RowError>;
    /// See [`Row::as_sent`].
    #[must_use]
    fn as_sent(&self) -> Self;
}

/// Why codes are not a value of the row's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RowError {
    /// The row has no such kind.
    #[error("no kind of number {0}")]
    NoSuchKind(u8),
    /// A code that stands for no value of its field.
    #[error("{code} is no value of this {field}")]
    NoSuchValue {
        /// What was to be read.
        field: &'static str,
        /// What was there.
        code: u32,
    },
    /// Fewer codes than fields.
    #[error("the row ends before its last field")]
    TooShort,
}

/// What a writer must know of the match: wire ids of entities, places of strings.
pub trait Refs {
    /// The wire id under which viewers know an entity.
    fn id_of(&mut self, key: EntityKey) -> Option<EntityId>;
    /// The place of a string in the table; 0 for the empty string or when there is no room for it.
    fn place_of(&mut self, string: &[u8]) -> u32;
}

/// What a reader must know of the match.
pub trait Names {
    /// The entity behind a wire id, where keys are known (on the server).
    fn key_of(&self, _id: EntityId) -> Option<EntityKey> {
        None
    }
    /// The string at a place of the table.
    fn string_at(&self, place: u32) -> Option<&[u8]>;
}

/// Takes a row's codes, in the order of the fields.
pub struct RowWriter<'a> {
    codes: &'a mut Vec<u32>,
    refs: &'a mut dyn Refs,
}

impl<'a> RowWriter<'a> {
    /// Appends to `codes`.
    pub fn new(codes: &'a mut Vec<u32>, refs: &'a mut dyn Refs) -> Self {
        Self { codes, refs }
    }

    /// Writes a `uint` field.
    #[inline]
    pub fn put_uint(&mut self, value: u32, bits: u8) {
        self.codes.push(quant::uint_code(value, bits));
    }

    /// Writes an `int` field.
    #[inline]
    pub fn put_int(&mut self, value: i32, bits: u8) {
        self.codes.push(quant::int_code(value, bits));
    }

    /// Writes a `fixed` field.
    #[inline]
    pub fn put_fixed(&mut self, value: f32, min: f64, step: f64, bits: u8) {
        self.codes.push(quant::fixed_code(value, min, step, bits));
    }

    /// Writes an `angle` field.
    #[inline]
    pub fn put_angle(&mut self, radians: f32, bits: u8) {
        self.codes.push(quant::angle_code(radians, bits));
    }

    /// Writes an `enum` field by the place of its name.
    #[inline]
    pub fn put_index(&mut self, index: u32) {
        self.codes.push(index);
    }

    fn put_string(&mut self, string: &[u8]) {
        let place = self.refs.place_of(string);
        self.codes.push(place);
    }
}

/// Gives a row's codes back, in the order of the fields.
pub struct RowReader<'a> {
    codes: slice::Iter<'a, u32>,
    names: &'a dyn Names,
}

impl<'a> RowReader<'a> {
    /// Reads these codes, each of which must be within its field's bits.
    pub fn new(codes: &'a [u32], names: &'a dyn Names) -> Self {
        Self { codes: codes.iter(), names }
    }

    /// Reads the code of the next field as it is.
    #[inline]
    pub fn take(&mut self) -> Result<u32, RowError> {
        self.codes.next().copied().ok_or(RowError::TooShort)
    }

    /// Reads an `int` field.
    #[inline]
    pub fn take_int(&mut self, bits: u8) -> Result<i32, RowError> {
        Ok(quant::int_value(self.take()?, bits))
    }

    /// Reads a `fixed` field.
    #[inline]
    pub fn take_fixed(&mut self, min: f64, step: f64) -> Result<f32, RowError> {
        Ok(quant::fixed_value(self.take()?, min, step))
    }

    /// Reads an `angle` field.
    #[inline]
    pub fn take_angle(&mut self, bits: u8) -> Result<f32, RowError> {
        Ok(quant::angle_value(self.take()?, bits))
    }

    fn take_string(&mut self) -> Result<&'a [u8], RowError> {
        let code = self.take()?;
        if code == 0 {
            return Ok(&[]);
        }
        self.names.string_at(code).ok_or(RowError::NoSuchValue { field: "string", code })
    }
}

/// A reference to another entity in a row.
///
/// The rules put a key in; a client reads an id. A reference to an entity that the viewers do not
/// know travels as none. In an input, the server turns the client's id back into the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum EntityRef {
    /// No entity.
    #[default]
    None,
    /// As the rules name it.
    Key(EntityKey),
    /// As clients name it.
    Id(EntityId),
}

impl EntityRef {
    /// The entity's key, on the server.
    pub fn key(self) -> Option<EntityKey> {
        match self {
            Self::Key(key) => Some(key),
            Self::None | Self::Id(_) => None,
        }
    }

    /// The entity's id, on a client.
    pub fn id(self) -> Option<EntityId> {
        match self {
            Self::Id(id) => Some(id),
            Self::None | Self::Key(_) => None,
        }
    }
}

impl RowField for EntityRef {
    fn field_kind() -> FieldKind {
        FieldKind::Entity
    }

    fn write(&self, row: &mut RowWriter<'_>) {
        let id = match *self {
            Self::None => None,
            Self::Key(key) => row.refs.id_of(key),
            Self::Id(id) => Some(id),
        };
        row.codes.push(id.map_or(0, |id| u32::from(id.get())));
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, RowError> {
        let code = row.take()?;
        let number = u16::try_from(code).map_err(|_| RowError::NoSuchValue { field: "entity", code })?;
        Ok(match EntityId::new(number) {
            None => Self::None,
            Some(id) => row.names.key_of(id).map_or(Self::Id(id), Self::Key),
        })
    }

    fn as_sent(&self) -> Self {
        Self::None
    }
}

impl RowField for Option<PlayerId> {
    fn field_kind() -> FieldKind {
        FieldKind::Player
    }

    fn write(&self, row: &mut RowWriter<'_>) {
        let seat = self.filter(|player| player.0 < SEATS_MAX);
        row.codes.push(seat.map_or(0, |player| u32::from(player.0) + 1));
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, RowError> {
        match row.take()? {
            0 => Ok(None),
            code if code <= u32::from(SEATS_MAX) => Ok(Some(PlayerId(code as u16 - 1))),
            code => Err(RowError::NoSuchValue { field: "player", code }),
        }
    }

    fn as_sent(&self) -> Self {
        self.filter(|player| player.0 < SEATS_MAX)
    }
}

impl RowField for PlayerId {
    fn field_kind() -> FieldKind {
        FieldKind::Player
    }

    fn write(&self, row: &mut RowWriter<'_>) {
        RowField::write(&Some(*self), row);
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, RowError> {
        <Option<Self> as RowField>::read(row)?.ok_or(RowError::NoSuchValue { field: "player", code: 0 })
    }

    fn as_sent(&self) -> Self {
        *self
    }
}

impl RowField for bool {
    fn field_kind() -> FieldKind {
        FieldKind::Bool
    }

    fn write(&self, row: &mut RowWriter<'_>) {
        row.codes.push(u32::from(*self));
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, RowError> {
        Ok(row.take()? != 0)
    }

    fn as_sent(&self) -> Self {
        *self
    }
}

macro_rules! uints {
    ($($type:ty),+) => {$(
        impl RowField for $type {
            fn field_kind() -> FieldKind {
                FieldKind::Uint { bits: <$type>::BITS as u8 }
            }

            fn write(&self, row: &mut RowWriter<'_>) {
                row.codes.push(u32::from(*self));
            }

            fn read(row: &mut RowReader<'_>) -> Result<Self, RowError> {
                Ok(row.take()? as Self)
            }

            fn as_sent(&self) -> Self {
                *self
            }
        }
    )+};
}

macro_rules! ints {
    ($($type:ty),+) => {$(
        impl RowField for $type {
            fn field_kind() -> FieldKind {
                FieldKind::Int { bits: <$type>::BITS as u8 }
            }

            fn write(&self, row: &mut RowWriter<'_>) {
                row.put_int(i32::from(*self), <$type>::BITS as u8);
            }

            fn read(row: &mut RowReader<'_>) -> Result<Self, RowError> {
                Ok(row.take_int(<$type>::BITS as u8)? as Self)
            }

            fn as_sent(&self) -> Self {
                *self
            }
        }
    )+};
}

uints!(u8, u16, u32);
ints!(i8, i16, i32);

impl RowField for Arc<str> {
    fn field_kind() -> FieldKind {
        FieldKind::Text
    }

    fn write(&self, row: &mut RowWriter<'_>) {
        row.put_string(&self.as_bytes()[..self.floor_char_boundary(TEXT_BYTES_MAX)]);
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, RowError> {
        let bytes = row.take_string()?;
        let text = str::from_utf8(bytes).map_err(|_| RowError::NoSuchValue { field: "text", code: 0 })?;
        Ok(text.into())
    }

    fn as_sent(&self) -> Self {
        Self::default()
    }
}

impl RowField for Arc<[u8]> {
    fn field_kind() -> FieldKind {
        FieldKind::Bytes
    }

    fn write(&self, row: &mut RowWriter<'_>) {
        row.put_string(&self[..self.len().min(TEXT_BYTES_MAX)]);
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self, RowError> {
        Ok(row.take_string()?.into())
    }

    fn as_sent(&self) -> Self {
        Self::default()
    }
}

/// The row of nothing: for a game without events, messages or private rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Never {}

impl Row for Never {
    fn kinds() -> Vec<Kind> {
        Vec::new()
    }

    fn kind(&self) -> u8 {
        match *self {}
    }

    fn write(&self, _row: &mut RowWriter<'_>) {
        match *self {}
    }

    fn read(kind: u8, _row: &mut RowReader<'_>) -> Result<Self, RowError> {
        Err(RowError::NoSuchKind(kind))
    }

    fn as_sent(&self) -> Self {
        match *self {}
    }
}
