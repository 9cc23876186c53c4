//! `cargo xtask new-game`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::sources::read;

/// As much of this workspace as the command looks at.
fn workspace() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for path in ["games/registry/Cargo.toml", "games/registry/src/lib.rs", "games/dots/clippy.toml"] {
        let copy = folder.path().join(path);
        fs::create_dir_all(copy.parent().expect("it is in a folder")).expect("a new folder");
        fs::write(copy, read(path)).expect("a new file");
    }
    folder
}

fn new_game(root: &Path, name: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["new-game", name, "--root"]).arg(root).output().expect("xtask starts")
}

#[test]
fn a_new_game_is_in_the_registry() {
    let workspace = workspace();
    let output = new_game(workspace.path(), "chase");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let made = |path: &str| fs::read_to_string(workspace.path().join(path)).expect(path);
    assert!(made("games/chase/Cargo.toml").contains("name = \"fracas-chase\""));
    assert_eq!(made("games/chase/clippy.toml"), read("shared/clippy.toml"));
    let rules = made("games/chase/src/lib.rs");
    assert!(rules.contains("impl Pilot for Chase") && rules.contains("const ID: &'static str = \"chase\""));
    assert!(!rules.to_lowercase().contains("sample"));
    let line = "fracas-chase = { path = \"../chase\" }\nfracas-dots";
    assert!(made("games/registry/Cargo.toml").contains(line));
    assert!(made("games/registry/src/lib.rs").contains("        fracas_chase::Chase,\n    ]"));

    let again = new_game(workspace.path(), "chase");
    assert!(!again.status.success());
    assert!(String::from_utf8_lossy(&again.stderr).contains("games/chase exists already"));
}

#[test]
fn a_name_that_cannot_be_a_game_is_refused() {
    let workspace = workspace();
    for (name, problem) in [
        ("Chase", "lower-case word"),
        ("two-words", "lower-case word"),
        ("4ever", "begins with a letter"),
        ("match", "means something else"),
        ("server", "means something else"),
        ("dots", "exists already"),
        ("averyveryveryverylongname", "longer than 24 bytes"),
    ] {
        let output = new_game(workspace.path(), name);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && error.contains(problem), "{name}: {error}");
    }
}
