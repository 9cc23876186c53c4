//! Limits of schemas, which strangers send.

use fracas_shared::Schema;
use fracas_shared::limits::{ENUM_NAMES_MAX, FIELDS_MAX, KINDS_MAX, NAME_BYTES_MAX};
use serde_json::{Value, json};

/// Whether a schema with these kinds of views is taken.
fn is_taken(views: &[Value]) -> bool {
    let schema = json!({
        "game": "g", "revision": 1, "views": views, "own": [], "inputs": [], "events": [], "messages": [],
    });
    Schema::from_json(&schema.to_string()).is_ok()
}

fn kind(name: &str, fields: &[Value]) -> Value {
    json!({"name": name, "fields": fields})
}

fn flag(name: &str) -> Value {
    json!({"name": name, "kind": "bool"})
}

#[test]
fn schemas_have_so_many_kinds_fields_and_names() {
    let kinds = |count: usize| (0..count).map(|i| kind(&format!("K{i}"), &[])).collect::<Vec<_>>();
    assert!(is_taken(&kinds(KINDS_MAX)) && !is_taken(&kinds(KINDS_MAX + 1)));
    let fields = |count: usize| [kind("V", &(0..count).map(|i| flag(&format!("f{i}"))).collect::<Vec<_>>())];
    assert!(is_taken(&fields(FIELDS_MAX)) && !is_taken(&fields(FIELDS_MAX + 1)));
    let names = |count: usize| {
        let names: Vec<_> = (0..count).map(|i| format!("n{i}")).collect();
        [kind("V", &[json!({"name": "e", "kind": "enum", "names": names})])]
    };
    assert!(is_taken(&names(ENUM_NAMES_MAX)) && !is_taken(&names(ENUM_NAMES_MAX + 1)));
    let called = |bytes: usize| [kind("V", &[flag(&"x".repeat(bytes))])];
    assert!(is_taken(&called(NAME_BYTES_MAX)) && !is_taken(&called(NAME_BYTES_MAX + 1)));
}
