//! Which column of a trace holds what, and a column's text as a code.

use std::collections::BTreeSet;
use std::num::{IntErrorKind, ParseIntError};

use anyhow::{Context, Result, bail, ensure};
use csv::ByteRecord;
use fracas_shared::quant::code_max;
use fracas_shared::schema::{Field, FieldKind, Kind};

/// The column of ticks.
pub(super) const TICK: &str = "tick";
/// The column of entities.
pub(super) const ENTITY: &str = "entity";

/// The places of all columns.
pub(super) struct Columns {
    pub(super) tick: usize,
    pub(super) entity: usize,
    /// In the order of the schema.
    pub(super) fields: Vec<Column>,
    /// The names of those that are not in the schema.
    pub(super) unknown: Vec<String>,
}

/// A field's column.
pub(super) struct Column {
    place: usize,
    name: String,
    bits: u8,
    code_max: i64,
    pub(super) is_int: bool,
    /// Whether it holds values of an `int` field, and not codes.
    pub(super) has_values: bool,
}

impl Columns {
    /// The columns of a header.
    pub(super) fn of(header: &ByteRecord, kind: &Kind) -> Result<Self> {
        let names: Vec<_> =
            header.iter().map(|name| String::from_utf8_lossy(name.trim_ascii()).into_owned()).collect();
        let place_of = |wanted: &str| {
            let mut places = names.iter().enumerate().filter(|(_, name)| *name == wanted);
            let (place, _) = places.next().with_context(|| {
                let there = names.join(", ");
                format!("there is no column `{wanted}` in the header, which has: {there}")
            })?;
            ensure!(places.next().is_none(), "there are two columns `{wanted}`: leave one out");
            Ok(place)
        };
        let column = |field: &Field| Ok(Column::new(place_of(&field.name)?, field));
        let (tick, entity) = (place_of(TICK)?, place_of(ENTITY)?);
        let fields = kind.fields.iter().map(column).collect::<Result<Vec<_>>>()?;
        let known: BTreeSet<_> = fields.iter().map(|column| column.place).chain([tick, entity]).collect();
        let unknown = names.iter().enumerate().filter(|(place, _)| !known.contains(place));
        let unknown = unknown.map(|(_, name)| name.clone()).collect();
        Ok(Self { tick, entity, fields, unknown })
    }

    /// The number of an identity: a tick or an entity.
    pub(super) fn number(record: &ByteRecord, place: usize, name: &str) -> Result<u64> {
        let text = text(record, place);
        match text.parse() {
            Ok(number) => Ok(number),
            Err(_) => bail!("column `{name}`: `{text}` is not a whole number from 0 to 2^64 - 1"),
        }
    }
}

impl Column {
    fn new(place: usize, field: &Field) -> Self {
        let bits = field.kind.bits();
        let code_max = match &field.kind {
            FieldKind::Enum { names } => names.len() as u32 - 1,
            _ => code_max(bits),
        };
        let is_int = matches!(field.kind, FieldKind::Int { .. });
        Self { place, name: field.name.clone(), bits, code_max: code_max.into(), is_int, has_values: false }
    }

    /// Whether its number of this record is below 0.
    pub(super) fn is_negative(&self, record: &ByteRecord) -> bool {
        record.get(self.place).is_some_and(|text| text.trim_ascii_start().starts_with(b"-"))
    }

    /// The code of its number.
    pub(super) fn code(&self, record: &ByteRecord) -> Result<u32> {
        let text = text(record, self.place);
        let min = self.value_min();
        let code = match text.parse::<i64>() {
            Ok(number) => number.checked_sub(min).filter(|code| (0..=self.code_max).contains(code)),
            Err(error) if is_overflow(&error) => None,
            Err(_) => bail!(
                "column `{}`: `{text}` is not a whole number; a trace has codes of {} bits, see --help",
                self.name,
                self.bits
            ),
        };
        let code = code.with_context(|| {
            let Self { name, bits, code_max, .. } = self;
            format!(
                "column `{name}`: {text} is beyond its {bits} bits, {min} to {}; \
                 give the field more bits in the schema, or clamp the numbers",
                code_max + min
            )
        })?;
        Ok(code as u32)
    }

    /// The number of code 0.
    fn value_min(&self) -> i64 {
        if self.has_values { -(1 << (self.bits - 1)) } else { 0 }
    }

    /// How its numbers were taken, where there is a choice.
    pub(super) fn note(&self) -> Option<String> {
        let Self { name, bits, .. } = self;
        let half = 1i64 << (bits - 1);
        self.is_int.then(|| {
            if self.has_values {
                format!("column `{name}` has negative numbers, so it has values: the code is value + {half}")
            } else {
                format!("column `{name}` has no negative number, so it has codes: the value is code - {half}")
            }
        })
    }
}

/// What is no text cannot be a number either.
fn text(record: &ByteRecord, place: usize) -> &str {
    let bytes = record.get(place).unwrap_or_default().trim_ascii();
    std::str::from_utf8(bytes).unwrap_or("\u{fffd}")
}

fn is_overflow(error: &ParseIntError) -> bool {
    matches!(error.kind(), IntErrorKind::PosOverflow | IntErrorKind::NegOverflow)
}
