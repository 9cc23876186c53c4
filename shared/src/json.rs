//! Rows as JSON objects, by the schema: for clients that decode and encode no rows themselves.
//!
//! An object has the row's `kind`, and each field by its name. A `fixed` and an angle are numbers, an
//! enum is a name, an entity is its wire id or null, a player is a seat or null, bytes are a list of
//! numbers.

use std::fmt;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::limits::{SEATS_MAX, TEXT_BYTES_MAX, TEXTS_MAX};
use crate::packet::LooseRow;
use crate::quant;
use crate::row::Names;
use crate::schema::{Field, FieldKind, Kind};

/// The name of the field that says which kind of row an object is.
const KIND: &str = "kind";

/// Why an object is no row of the schema.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{field}` {problem}")]
pub struct JsonRowError {
    /// The field.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

fn error(field: &str, problem: impl fmt::Display) -> JsonRowError {
    // Names of fields that the schema does not have come from strangers.
    JsonRowError { field: field.chars().take(32).collect(), problem: problem.to_string() }
}

/// A row as an object; `names` has the strings that its codes name.
pub fn to_json(kind: &Kind, codes: &[u32], names: &dyn Names) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert(KIND.to_owned(), kind.name.clone().into());
    for (field, code) in kind.fields.iter().zip(codes) {
        object.insert(field.name.clone(), value_of(&field.kind, *code, names));
    }
    object
}

fn value_of(kind: &FieldKind, code: u32, names: &dyn Names) -> Value {
    let string = || names.string_at(code).unwrap_or_default();
    match kind {
        FieldKind::Bool => (code != 0).into(),
        FieldKind::Uint { .. } => code.into(),
        FieldKind::Int { bits } => quant::int_value(code, *bits).into(),
        FieldKind::Fixed { min, step, .. } => number(quant::fixed_value(code, *min, *step)),
        FieldKind::Angle { bits } => number(quant::angle_value(code, *bits)),
        FieldKind::Enum { names } => names.get(code as usize).cloned().into(),
        FieldKind::Entity => {
            if code == 0 {
                Value::Null
            } else {
                code.into()
            }
        }
        FieldKind::Player => code.checked_sub(1).into(),
        FieldKind::Text => String::from_utf8_lossy(string()).into(),
        FieldKind::Bytes => string().to_vec().into(),
    }
}

/// The number in as few digits as tell it from other `f32`.
fn number(value: f32) -> Value {
    value.to_string().parse::<f64>().map_or(Value::Null, Value::from)
}

/// The row of an object that a client made. Without a `kind`, it is of the only kind there is.
///
/// # Errors
/// A field is missing, is none of the kind's, or holds what it cannot.
pub fn from_json(kinds: &[Kind], object: &Map<String, Value>) -> Result<LooseRow, JsonRowError> {
    let known = || kinds.iter().map(|kind| kind.name.as_str()).collect::<Vec<_>>().join(", ");
    let place = match object.get(KIND) {
        None if kinds.len() == 1 => 0,
        None => return Err(error(KIND, format_args!("is missing; there are: {}", known()))),
        Some(named) => kinds
            .iter()
            .position(|kind| named == kind.name.as_str())
            .ok_or_else(|| error(KIND, format_args!("is none of: {}", known())))?,
    };
    let fields = &kinds[place].fields;
    let is_known = |name: &str| name == KIND || fields.iter().any(|field| field.name == name);
    if let Some(stranger) = object.keys().find(|name| !is_known(name)) {
        let known = fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(error(stranger, format_args!("is no field of it; there are: {known}")));
    }
    let mut row = LooseRow { kind: place as u8, ..LooseRow::default() };
    for field in fields {
        let value = object.get(&field.name).ok_or_else(|| error(&field.name, "is missing"))?;
        let code = code_of(field, value, &mut row.strings)?;
        row.codes.push(code);
    }
    Ok(row)
}

fn code_of(field: &Field, value: &Value, strings: &mut Vec<Vec<u8>>) -> Result<u32, JsonRowError> {
    let wants = |what: &str| error(&field.name, format_args!("must be {what}"));
    let whole = |min: i64, max: i64| {
        let number = value
            .as_i64()
            .or_else(|| value.as_f64().filter(|real| real.fract() == 0.0).map(|real| real as i64));
        number
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| wants(&format!("a whole number from {min} to {max}")))
    };
    let real = || {
        value
            .as_f64()
            .map(|real| real as f32)
            .filter(|real| real.is_finite())
            .ok_or_else(|| wants("a number"))
    };
    Ok(match &field.kind {
        FieldKind::Bool => value.as_bool().ok_or_else(|| wants("true or false"))?.into(),
        FieldKind::Uint { bits } => whole(0, i64::from(quant::code_max(*bits)))? as u32,
        FieldKind::Int { bits } => {
            let half = 1_i64 << (bits - 1);
            quant::int_code(whole(-half, half - 1)? as i32, *bits)
        }
        FieldKind::Fixed { min, step, bits } => quant::fixed_code(real()?, *min, *step, *bits),
        FieldKind::Angle { bits } => quant::angle_code(real()?, *bits),
        FieldKind::Enum { names } => {
            let place = names.iter().position(|name| value == name.as_str());
            place.ok_or_else(|| wants(&format!("one of: {}", names.join(", "))))? as u32
        }
        FieldKind::Entity | FieldKind::Player if value.is_null() => 0,
        FieldKind::Entity => whole(1, i64::from(u16::MAX))? as u32,
        FieldKind::Player => whole(0, i64::from(SEATS_MAX) - 1)? as u32 + 1,
        FieldKind::Text => {
            let text = value.as_str().ok_or_else(|| wants("a text"))?;
            place_of(text.as_bytes().to_vec(), strings).map_err(|problem| wants(&problem))?
        }
        FieldKind::Bytes => {
            let byte = |value: &Value| u8::try_from(value.as_u64()?).ok();
            let bytes =
                value.as_array().and_then(|list| list.iter().take(TEXT_BYTES_MAX + 1).map(byte).collect());
            place_of(bytes.ok_or_else(|| wants("a list of bytes"))?, strings)
                .map_err(|problem| wants(&problem))?
        }
    })
}

/// The place of a string among those of its row, plus 1; 0 for an empty one.
fn place_of(string: Vec<u8>, strings: &mut Vec<Vec<u8>>) -> Result<u32, String> {
    if string.len() > TEXT_BYTES_MAX || strings.len() >= TEXTS_MAX {
        return Err(format!("at most {TEXT_BYTES_MAX} bytes long"));
    }
    if string.is_empty() {
        return Ok(0);
    }
    strings.push(string);
    Ok(strings.len() as u32)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kinds() -> Vec<Kind> {
        let field = |name: &str, kind| Field::new(name, kind);
        let all = Kind {
            name: "All".to_owned(),
            fields: vec![
                field("on", FieldKind::Bool),
                field("count", FieldKind::Uint { bits: 4 }),
                field("shift", FieldKind::Int { bits: 4 }),
                field("x", FieldKind::Fixed { min: -10.0, step: 0.1, bits: 8 }),
                field("mood", FieldKind::Enum { names: vec!["calm".into(), "wild".into()] }),
                field("target", FieldKind::Entity),
                field("owner", FieldKind::Player),
                field("says", FieldKind::Text),
                field("data", FieldKind::Bytes),
            ],
        };
        vec![all, Kind { name: "Nothing".to_owned(), fields: Vec::new() }]
    }

    fn all() -> Value {
        json!({
            "kind": "All", "on": true, "count": 15, "shift": -8, "x": -9.9, "mood": "wild", "target": 7,
            "owner": 0, "says": "h\u{e9}", "data": [1, 255],
        })
    }

    #[test]
    fn a_row_is_the_same_after_it_was_json() {
        let kinds = kinds();
        for object in [all(), json!({"kind": "Nothing"})] {
            let row = from_json(&kinds, object.as_object().unwrap()).unwrap();
            let again = to_json(&kinds[row.kind as usize], &row.codes, &row);
            assert_eq!(Value::Object(again), object);
        }
        let single = from_json(&kinds[1..], &Map::new()).unwrap();
        assert_eq!(single.kind, 0, "where there is one kind it need not be said");
    }

    #[test]
    fn errors_name_the_field_and_what_it_takes() {
        let kinds = kinds();
        for (field, value, said) in [
            ("on", json!(1), "`on` must be true or false"),
            ("count", json!(16), "`count` must be a whole number from 0 to 15"),
            ("count", json!(-1), "`count` must be a whole number from 0 to 15"),
            ("shift", json!(8), "`shift` must be a whole number from -8 to 7"),
            ("x", json!("1"), "`x` must be a number"),
            ("mood", json!("sad"), "`mood` must be one of: calm, wild"),
            ("target", json!(0), "`target` must be a whole number from 1 to 65535"),
            ("owner", json!(1000), "`owner` must be a whole number from 0 to 999"),
            ("says", json!("x".repeat(256)), "`says` must be at most 255 bytes long"),
            ("data", json!([256]), "`data` must be a list of bytes"),
            ("kind", json!("Some"), "`kind` is none of: All, Nothing"),
            (
                "wings",
                json!(2),
                "`wings` is no field of it; there are: on, count, shift, x, mood, target, owner, says, data",
            ),
        ] {
            let mut object = all();
            object[field] = value;
            assert_eq!(from_json(&kinds, object.as_object().unwrap()).unwrap_err().to_string(), said);
        }
        let mut object = all();
        object.as_object_mut().unwrap().remove("x");
        assert_eq!(from_json(&kinds, object.as_object().unwrap()).unwrap_err().to_string(), "`x` is missing");
        assert_eq!(
            from_json(&kinds, &Map::new()).unwrap_err().to_string(),
            "`kind` is missing; there are: All, Nothing"
        );
    }
}
