//! The kind of entity that a trace is of.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use fracas_shared::schema::{Field, Kind, Schema};
use serde_json::Value;

use super::columns::{ENTITY, TICK};

/// Of a kind that does not say its name.
const NAME: &str = "Entity";

/// Reads a kind, and holds it to the limits of schemas.
pub(super) fn read_kind(path: &Path) -> Result<Kind> {
    let shown = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    parse(&text).with_context(|| format!("{shown} is not a schema"))
}

fn parse(text: &str) -> Result<Kind> {
    let value: Value = serde_json::from_str(text).context("it is not JSON")?;
    let fields = value.get("fields").and_then(Value::as_array);
    let fields = fields.context(r#"it has no list "fields": see --help for an example"#)?;
    let fields = fields.iter().enumerate().map(|(place, field)| {
        serde_json::from_value::<Field>(field.clone()).with_context(|| match &field["name"] {
            Value::String(name) => format!("field `{name}`"),
            _ => format!("field {} of \"fields\"", place + 1),
        })
    });
    let fields = fields.collect::<Result<Vec<_>>>()?;
    ensure!(!fields.is_empty(), "it has no field");
    let mut names = BTreeSet::from([TICK, ENTITY]);
    for Field { name, kind, .. } in &fields {
        ensure!(names.insert(name), "field `{name}`: another column has that name; give it one of its own");
        ensure!(
            !kind.is_string(),
            "field `{name}`: a trace has numbers alone; leave texts and bytes out, or give them as `uint`"
        );
    }
    let name = value.get("name").and_then(Value::as_str).unwrap_or(NAME).to_owned();
    let kind = Kind { name, fields };
    // The check of a whole schema, with the limits of what a game may have.
    let nothing = Vec::new;
    let schema = Schema {
        game: "trace".into(),
        revision: 0,
        views: vec![kind.clone()],
        own: nothing(),
        inputs: nothing(),
        events: nothing(),
        messages: nothing(),
    };
    Schema::from_json(&schema.to_json())?;
    Ok(kind)
}
