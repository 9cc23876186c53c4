//! The workspace's files, as these tests read them.

use std::fs;
use std::path::{Path, PathBuf};

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("this package is in a workspace")
}

/// A file of the workspace.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All Rust files, as their paths from the root and their text.
pub(crate) fn rust_files() -> Vec<(String, String)> {
    let root = root();
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder was just listed").flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" && name != "node_modules" {
                    folders.push(path);
                }
            } else if path.extension() == Some("rs".as_ref()) {
                let relative = path.strip_prefix(&root).expect("it is below the root");
                let text = fs::read_to_string(&path).unwrap_or_default();
                files.push((relative.to_string_lossy().into_owned(), text));
            }
        }
    }
    files.sort();
    files
}

/// Whether a file is compiled into what is shipped: not a test, not a template, not a benchmark, not a command of
/// this package.
pub(crate) fn is_shipped(path: &str) -> bool {
    path.contains("src/")
        && !path.contains("/tests/")
        && !["benches/", "xtask/"].iter().any(|folder| path.starts_with(folder))
}

/// The code of a file, without comments and without the tests at its end.
pub(crate) fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Whether this identifier is a word of the code.
pub(crate) fn has_word(code: &str, word: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.match_indices(word).any(|(start, _)| {
        !code[..start].ends_with(is_part) && !code[start + word.len()..].starts_with(is_part)
    })
}
