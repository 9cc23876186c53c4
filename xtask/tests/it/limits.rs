//! A limit that nothing enforces is a wish.

use fracas_shared::limits::TABLE;

use crate::sources::{code, has_word, is_shipped, rust_files};

#[test]
fn every_limit_is_used_by_name() {
    let sources: Vec<_> = rust_files()
        .into_iter()
        .filter(|(path, _)| is_shipped(path) && path != "shared/src/limits.rs")
        .map(|(_, text)| code(&text))
        .collect();
    let unused: Vec<_> = TABLE
        .iter()
        .map(|limit| limit.name)
        .filter(|name| !sources.iter().any(|code| has_word(code, name)))
        .collect();
    assert!(unused.is_empty(), "no code enforces these limits: {unused:?}");
}
