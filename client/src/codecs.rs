//! A schema and the codecs made from it.

use std::sync::Arc;

use fracas_shared::Game;
use fracas_shared::frame::FrameCodec;
use fracas_shared::packet::{LooseRow, RowCodecs};
use fracas_shared::quant::code_max;
use fracas_shared::schema::{Kind, Schema, SchemaError};

use crate::error::RequestError;

/// A schema and the codecs made from it, to be shared by sessions.
#[derive(Debug)]
pub struct Codecs {
    schema: Schema,
    hash: u32,
    pub(crate) views: FrameCodec,
    pub(crate) rows: RowCodecs,
}

impl Codecs {
    /// The codecs of a game compiled into this program.
    pub fn of<G: Game>() -> Arc<Self> {
        Self::new(Schema::of::<G>())
    }

    /// The codecs of a schema that a server sent.
    pub fn from_json(json: &str) -> Result<Arc<Self>, SchemaError> {
        Schema::from_json(json).map(Self::new)
    }

    fn new(schema: Schema) -> Arc<Self> {
        Arc::new(Self {
            hash: schema.hash(),
            views: FrameCodec::new(&schema.views),
            rows: RowCodecs::of(&schema),
            schema,
        })
    }

    /// The schema.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The schema's hash; never 0.
    pub fn hash(&self) -> u32 {
        self.hash
    }

    pub(crate) fn put_input(&self, row: &LooseRow, out: &mut Vec<u8>) -> Result<(), RequestError> {
        check(&self.schema.inputs, row)?;
        self.rows.inputs.encode(row, out);
        Ok(())
    }

    pub(crate) fn put_message(&self, row: &LooseRow, out: &mut Vec<u8>) -> Result<(), RequestError> {
        check(&self.schema.messages, row)?;
        self.rows.messages.encode(row, out);
        Ok(())
    }
}

/// The row comes from the program's author, and the codec trusts its rows.
fn check(kinds: &[Kind], row: &LooseRow) -> Result<(), RequestError> {
    let kind = kinds.get(row.kind as usize).ok_or(RequestError::BadRow("no such kind"))?;
    if kind.fields.len() != row.codes.len() {
        return Err(RequestError::BadRow("a row has one code for each field of its kind"));
    }
    for (field, code) in kind.fields.iter().zip(&row.codes) {
        if *code > code_max(field.kind.bits()) {
            return Err(RequestError::BadRow("a code has more bits than its field"));
        }
    }
    let is_long = |string: &Vec<u8>| string.len() > fracas_shared::limits::TEXT_BYTES_MAX;
    if row.strings.iter().any(is_long) {
        return Err(RequestError::BadRow("a string has at most 255 bytes"));
    }
    Ok(())
}
