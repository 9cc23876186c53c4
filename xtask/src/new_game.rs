//! `cargo xtask new-game NAME`: a folder, a line in the registry's manifest, a line in its list.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// A whole game. It is compiled and played as it stands by this package's own tests.
const RULES: &str = include_str!("../templates/game.rs");
/// How the game in [`RULES`] is called there, as a type and as an id.
const TEMPLATE_TYPE: &str = "Sample";
const TEMPLATE_ID: &str = "sample";

/// With longer names the template would no longer be formatted as rustfmt has it.
const NAME_BYTES_MAX: usize = 24;

/// Words that cannot be the end of a crate's name, or are something else in this workspace.
const RESERVED: [&str; 64] = [
    "abstract", "as", "async", "await", "become", "bots", "box", "break", "client", "const", "continue",
    "core", "crate", "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "game", "games",
    "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv",
    "pub", "ref", "registry", "return", "self", "server", "shared", "sim", "static", "std", "struct",
    "super", "test", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "world", "xtask", "yield",
];

pub(crate) fn run(root: &Path, name: &str) -> Result<()> {
    check_name(name)?;
    let folder = root.join("games").join(name);
    ensure!(!folder.exists(), "games/{name} exists already: choose another name");
    let registry = root.join("games/registry");
    let manifest = fs::read_to_string(registry.join("Cargo.toml")).context("games/registry/Cargo.toml")?;
    let list = fs::read_to_string(registry.join("src/lib.rs")).context("games/registry/src/lib.rs")?;
    let bans = fs::read_to_string(root.join("games/dots/clippy.toml")).context("games/dots/clippy.toml")?;
    // All that can fail is done before the first file is written.
    let manifest = with_dependency(&manifest, name)?;
    let list = with_line(&list, name)?;

    fs::create_dir_all(folder.join("src"))?;
    fs::write(folder.join("Cargo.toml"), manifest_of(name))?;
    fs::write(folder.join("clippy.toml"), bans)?;
    fs::write(folder.join("src/lib.rs"), rules_of(name))?;
    fs::write(registry.join("Cargo.toml"), manifest)?;
    fs::write(registry.join("src/lib.rs"), list)?;

    println!("Made games/{name}: a small game that is complete, with bots and a test.");
    println!("Added it to games/registry/Cargo.toml and games/registry/src/lib.rs.");
    println!();
    println!("Next:");
    let next = [
        (format!("cargo test -p fracas-{name}"), "plays it without a server"),
        ("cargo run".into(), "hosts it beside the other games"),
        (format!("games/{name}/src/lib.rs"), "holds its rules: make them yours"),
    ];
    for (what, why) in next {
        println!("  {what:40} {why}");
    }
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    let rule = "a game's name is a lower-case word of letters and digits that begins with a letter";
    ensure!(name.starts_with(|first: char| first.is_ascii_lowercase()), "'{name}': {rule}");
    ensure!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "'{name}': {rule}");
    ensure!(name.len() <= NAME_BYTES_MAX, "'{name}' is longer than {NAME_BYTES_MAX} bytes");
    ensure!(!RESERVED.contains(&name), "'{name}' means something else to Rust or to this workspace");
    Ok(())
}

fn type_of(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_ascii_uppercase() + rest
}

fn rules_of(name: &str) -> String {
    RULES.replace(TEMPLATE_TYPE, &type_of(name)).replace(TEMPLATE_ID, name)
}

fn manifest_of(name: &str) -> String {
    format!(
        r#"[package]
name = "fracas-{name}"
description = "{}: walk over the coins before the others do."
version.workspace = true
edition.workspace = true
rust-version.workspace = true
license.workspace = true
publish.workspace = true

[dependencies]
fracas-shared.workspace = true
serde.workspace = true

[lints]
workspace = true
"#,
        type_of(name)
    )
}

/// The registry's manifest with the game among its dependencies, in order.
fn with_dependency(manifest: &str, name: &str) -> Result<String> {
    let line = format!("fracas-{name} = {{ path = \"../{name}\" }}");
    let start = manifest
        .find("[dependencies]\n")
        .context("games/registry/Cargo.toml has no [dependencies]: add the game by hand")?
        + "[dependencies]\n".len();
    let (before, dependencies) = manifest.split_at(start);
    let end = dependencies.find("\n\n").map_or(dependencies.len(), |end| end + 1);
    let (dependencies, after) = dependencies.split_at(end);
    let mut lines: Vec<_> = dependencies.lines().collect();
    let place = lines.iter().position(|other| *other > line.as_str()).unwrap_or(lines.len());
    lines.insert(place, &line);
    Ok(format!("{before}{}\n{after}", lines.join("\n")))
}

/// The registry's list with the game at its end.
fn with_line(list: &str, name: &str) -> Result<String> {
    let line = format!("        fracas_{name}::{},\n", type_of(name));
    let Some(end) = list.rfind("    ]") else {
        bail!("games/registry/src/lib.rs has no list that ends with `]`: add `{}` by hand", line.trim());
    };
    Ok(format!("{}{line}{}", &list[..end], &list[end..]))
}
