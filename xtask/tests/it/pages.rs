//! Pages that must stay true.

use crate::sources::{read, root};

const ARCHITECTURE_LINES_MAX: usize = 200;

/// Words in backticks that are paths of this repository.
fn paths(page: &str) -> Vec<&str> {
    // A file without a folder is one of many of that name, or the reader's own.
    let is_path = |word: &&str| {
        let is_file = [".rs", ".toml", ".md", ".js", ".html"].iter().any(|end| word.ends_with(end));
        (is_file || word.ends_with('/'))
            && word.contains('/')
            && !word.starts_with('/')
            && !word.contains(' ')
    };
    let prose = page.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2)).filter(is_path).collect()
}

#[test]
fn architecture_is_short_and_names_what_exists() {
    let page = read("ARCHITECTURE.md");
    let lines = page.lines().count();
    assert!(lines <= ARCHITECTURE_LINES_MAX, "ARCHITECTURE.md has {lines} lines");
    check_paths("ARCHITECTURE.md", &page);
}

#[test]
fn readme_names_what_exists() {
    check_paths("README.md", &read("README.md"));
}

fn check_paths(name: &str, page: &str) {
    let missing: Vec<_> = paths(page).into_iter().filter(|path| !root().join(path).exists()).collect();
    assert!(missing.is_empty(), "{name} names what is not there: {missing:?}");
}
