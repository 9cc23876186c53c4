//! A limit that nothing enforces is a wish, and so is one that nobody can look up.

use fracas_shared::limits::{Limit, TABLE};

use crate::sources::{code, has_word, is_shipped, read, rust_files};

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

/// A line of docs/LIMITS.md.
struct Line {
    name: String,
    value: String,
    meaning: String,
    setting: String,
    held_by: String,
}

fn lines() -> Vec<Line> {
    let page = read("docs/LIMITS.md");
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, name, value, meaning, setting, held_by, _] = cells[..] else {
            panic!("a line of docs/LIMITS.md has five cells: {row}");
        };
        let plain = |cell: &str| cell.trim_matches('`').to_owned();
        Line {
            name: plain(name),
            value: value.to_owned(),
            meaning: meaning.to_owned(),
            setting: plain(setting),
            held_by: plain(held_by),
        }
    })
    .collect()
}

/// A number as the page has it: 65,536.
fn shown(value: u64) -> String {
    let digits = value.to_string();
    let groups: Vec<_> =
        digits.as_bytes().rchunks(3).rev().map(|group| str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

#[test]
fn the_page_and_the_table_are_the_same() {
    let lines = lines();
    let on_page: Vec<_> = lines.iter().map(|line| line.name.as_str()).collect();
    let in_table: Vec<_> = TABLE.iter().map(|limit| limit.name).collect();
    assert_eq!(on_page, in_table, "docs/LIMITS.md has the limits of shared/src/limits.rs, in their order");
    for (line, Limit { name, value, unit, meaning }) in lines.iter().zip(TABLE) {
        assert_eq!(line.value, format!("{} {unit}", shown(*value)), "{name} in docs/LIMITS.md");
        let meaning: Vec<_> = meaning.split_whitespace().collect();
        assert_eq!(line.meaning, meaning.join(" "), "{name} in docs/LIMITS.md");
    }
}

#[test]
fn the_page_names_settings_that_there_are() {
    let settings = read("server/src/config.rs");
    for line in lines().iter().filter(|line| !line.setting.is_empty()) {
        assert!(settings.contains(&format!(" {}: ", line.setting)), "no setting `{}`", line.setting);
        assert!(has_word(&settings, &line.name), "`{}` does not begin with {}", line.setting, line.name);
    }
}

#[test]
fn every_limit_is_held_by_the_test_that_the_page_names() {
    for line in lines() {
        let Line { name, held_by, .. } = &line;
        let (path, function) =
            held_by.split_once("::").unwrap_or_else(|| panic!("{name}: `{held_by}` is not FILE::FUNCTION"));
        let text = read(path);
        let body =
            body_of(&text, function).unwrap_or_else(|| panic!("{name}: no test `{function}` in {path}"));
        // The test itself, or what of its file it calls.
        let calls = |helper: &str| has_word(&code_of(body), helper);
        let names_it = has_word(&code_of(body), name)
            || functions(&text).any(|helper| {
                helper != function
                    && calls(helper)
                    && body_of_function(&text, helper).is_some_and(|helper| has_word(&code_of(helper), name))
            });
        assert!(names_it, "{path}: the test `{function}` does not name {name}, which it is to hold");
    }
}

/// Without comments.
fn code_of(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The names of a file's functions.
fn functions(text: &str) -> impl Iterator<Item = &str> {
    text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next()).map(str::trim)
}

/// A function, if it is a test: one with an attribute above it that ends in `test`.
fn body_of<'a>(text: &'a str, function: &str) -> Option<&'a str> {
    let start = text.find(&format!("fn {function}("))?;
    let line_start = text[..start].rfind('\n').map_or(0, |end| end + 1);
    let lines_above = text[..line_start].lines().rev();
    let above: Vec<_> = lines_above.take_while(|line| line.trim_start().starts_with("#[")).collect();
    let is_test = above.iter().any(|line| line.contains("test]") || line.contains("test("));
    body_of_function(text, function).filter(|_| is_test)
}

/// From a function's name to the brace that closes it: the first one as far to the left as the line
/// that the function begins on.
fn body_of_function<'a>(text: &'a str, function: &str) -> Option<&'a str> {
    let start = text.find(&format!("fn {function}("))?;
    let line_start = text[..start].rfind('\n').map_or(0, |end| end + 1);
    let indent = text[line_start..].len() - text[line_start..].trim_start().len();
    let end = text[start..].find(&format!("\n{}}}", " ".repeat(indent)))?;
    Some(&text[start..start + end])
}
