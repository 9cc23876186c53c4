//! bincode, with a limit, and nothing left over. The one file that names it.
//!
//! bincode carries control messages and checkpoints; the state codec is in
//! [`snapshot`](crate::snapshot). The layout is bincode's standard one: little endian, integers of
//! variable length, enums by the number of the variant. docs/PROTOCOL.md tells it byte for byte.

use bincode::BorrowDecode;
use bincode::config::{Configuration, Limit, LittleEndian, Varint, standard};
use bincode::de::read::{Reader, SliceReader};
use bincode::de::{Decoder, DecoderImpl};
use bincode::enc::write::Writer;
use bincode::enc::{Encoder, EncoderImpl};
use bincode::error::EncodeError;
pub use bincode::{Decode, Encode};
use thiserror::Error;

use crate::limits::CHECKPOINT_BYTES_MAX;

/// Why bytes are not the value that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// More bytes than the limit named for this value.
    #[error("{bytes} bytes where at most {bytes_max} are allowed")]
    TooLong {
        /// How many there were.
        bytes: usize,
        /// How many may be.
        bytes_max: usize,
    },
    /// Not the layout of the value.
    #[error("malformed: {0}")]
    Malformed(String),
    /// Bytes after the value's end.
    #[error("{0} bytes left over after the value")]
    LeftOver(usize),
}

/// The bytes of a value.
///
/// # Panics
/// Never for the types of this crate: writing to memory does not fail, and none of them holds a
/// type that bincode refuses.
pub fn encode<T: Encode>(value: &T) -> Vec<u8> {
    bincode::encode_to_vec(value, standard()).expect("plain data always encodes")
}

/// The value of at most `BYTES_MAX` bytes, all of which must belong to it.
pub fn decode<T: Decode<()>, const BYTES_MAX: usize>(bytes: &[u8]) -> Result<T, DecodeError> {
    if bytes.len() > BYTES_MAX {
        return Err(DecodeError::TooLong { bytes: bytes.len(), bytes_max: BYTES_MAX });
    }
    let config = standard().with_limit::<BYTES_MAX>();
    let (value, read) = bincode::decode_from_slice(bytes, config)
        .map_err(|error| DecodeError::Malformed(error.to_string()))?;
    match bytes.len() - read {
        0 => Ok(value),
        left => Err(DecodeError::LeftOver(left)),
    }
}

/// Where [`State`](crate::State) is written to: bincode into a byte vector.
pub struct StateWriter<'a>(EncoderImpl<Bytes<'a>, Configuration>);

struct Bytes<'a>(&'a mut Vec<u8>);

impl Writer for Bytes<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

impl<'a> StateWriter<'a> {
    /// Appends to what `out` holds.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self(EncoderImpl::new(Bytes(out), standard()))
    }

    /// How many bytes there are by now, with those that were there before.
    pub fn written(&mut self) -> usize {
        self.0.writer().0.len()
    }

    /// Appends bytes as they are.
    pub(crate) fn put_each(&mut self, bytes: &[u8]) {
        self.0.writer().0.extend_from_slice(bytes);
    }

    /// Appends bytes, their number before them: as a `Vec<u8>` is saved.
    pub(crate) fn put_bytes(&mut self, bytes: &[u8]) {
        self.put(&bytes);
    }

    pub(crate) fn put<T: Encode>(&mut self, value: &T) {
        value.encode(&mut self.0).expect("plain data always encodes");
    }
}

/// Where [`State`](crate::State) is read from: at most [`CHECKPOINT_BYTES_MAX`] bytes in all, so that
/// a forged length cannot ask for more memory than that.
pub struct StateReader<'a>(DecoderImpl<SliceReader<'a>, StateConfig, ()>);

type StateConfig = Configuration<LittleEndian, Varint, Limit<CHECKPOINT_BYTES_MAX>>;

impl<'a> StateReader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(DecoderImpl::new(SliceReader::new(bytes), standard().with_limit(), ()))
    }

    /// Whether all bytes have been read.
    pub fn is_at_end(&mut self) -> bool {
        self.0.reader().peek_read(1).is_none()
    }

    pub(crate) fn take<T: Decode<()>>(&mut self) -> Result<T, DecodeError> {
        T::decode(&mut self.0).map_err(|error| DecodeError::Malformed(error.to_string()))
    }

    /// Bytes in place, so that a forged length costs nothing.
    pub(crate) fn take_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        <&[u8]>::borrow_decode(&mut self.0).map_err(|error| DecodeError::Malformed(error.to_string()))
    }

    /// The same of text.
    pub(crate) fn take_text(&mut self) -> Result<&'a str, DecodeError> {
        <&str>::borrow_decode(&mut self.0).map_err(|error| DecodeError::Malformed(error.to_string()))
    }
}
