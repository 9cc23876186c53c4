//! Who may depend on whom.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

use crate::sources::root;

/// Never below the rules, the simulation and what both ends share: clocks, sockets, threads of
/// others, randomness without a seed.
const IMPURE: [&str; 11] = [
    "async-io",
    "async-std",
    "getrandom",
    "hyper",
    "mio",
    "polling",
    "rand",
    "smol",
    "socket2",
    "tokio",
    "tungstenite",
];

fn metadata() -> Metadata {
    MetadataCommand::new().current_dir(root()).exec().expect("cargo knows this workspace")
}

fn is_game(package: &Package) -> bool {
    let path = package.manifest_path.as_str();
    path.contains("/games/") && !path.ends_with("/games/registry/Cargo.toml")
}

/// What a package may depend on in this workspace: always, and for its tests.
fn allowed(package: &Package, games: &[&str]) -> (BTreeSet<String>, BTreeSet<String>) {
    let (normal, tests): (&[&str], &[&str]) = match package.name.as_str() {
        "fracas-shared-derive" => (&[], &[]),
        "fracas-shared" => (&["fracas-shared-derive"], &[]),
        "fracas-sim" => (&["fracas-shared"], &["fracas-games"]),
        "fracas-server" => {
            (&["fracas-games", "fracas-shared", "fracas-sim"], &["fracas-client", "fracas-dots"])
        }
        "fracas-client" | "fracas-games" => (&["fracas-shared"], &[]),
        "fracas-bots" => (&["fracas-client", "fracas-games", "fracas-shared"], &[]),
        "fracas-benches" => (
            &[
                "fracas-arena",
                "fracas-client",
                "fracas-counts",
                "fracas-dots",
                "fracas-games",
                "fracas-server",
                "fracas-shared",
                "fracas-sim",
            ],
            &[],
        ),
        "fracas-counts" => (&["fracas-arena", "fracas-shared", "fracas-sim"], &[]),
        "fracas-attack" => {
            (&["fracas-client", "fracas-server", "fracas-shared"], &["fracas-bots", "fracas-games"])
        }
        "xtask" => (&[], &["fracas-shared"]),
        _ if is_game(package) => (&["fracas-shared"], &[]),
        name => panic!("{name} has no place in the layering yet: give it one in this test"),
    };
    let mut normal: BTreeSet<_> = normal.iter().map(ToString::to_string).collect();
    if package.name.as_str() == "fracas-games" {
        normal.extend(games.iter().map(ToString::to_string));
    }
    let tests = normal.iter().cloned().chain(tests.iter().map(ToString::to_string)).collect();
    (normal, tests)
}

#[test]
fn dependencies_inside_the_workspace_point_one_way() {
    let metadata = metadata();
    let packages = metadata.workspace_packages();
    let names: BTreeSet<_> = packages.iter().map(|package| package.name.as_str()).collect();
    let games: Vec<_> =
        packages.iter().filter(|package| is_game(package)).map(|package| package.name.as_str()).collect();
    let mut wrong = Vec::new();
    for package in &packages {
        let (normal, tests) = allowed(package, &games);
        for dependency in &package.dependencies {
            let allowed = if dependency.kind == DependencyKind::Development { &tests } else { &normal };
            if names.contains(dependency.name.as_str()) && !allowed.contains(&dependency.name) {
                wrong.push(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    assert!(wrong.is_empty(), "these dependencies point the wrong way: {wrong:?}");
}

#[test]
fn rules_and_simulation_have_no_way_to_sockets_clocks_and_chance() {
    let metadata = metadata();
    let resolve = metadata.resolve.as_ref().expect("metadata with dependencies");
    let nodes: BTreeMap<_, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut wrong = Vec::new();
    for package in metadata.workspace_packages() {
        let is_pure = ["fracas-shared", "fracas-sim", "fracas-games"].contains(&package.name.as_str());
        if !is_pure && !is_game(package) {
            continue;
        }
        let mut reached: BTreeSet<&PackageId> = BTreeSet::new();
        let mut next = vec![&package.id];
        while let Some(id) = next.pop() {
            if !reached.insert(id) {
                continue;
            }
            for dependency in &nodes[id].deps {
                if dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal) {
                    next.push(&dependency.pkg);
                }
            }
        }
        let reached = reached.into_iter().map(|id| metadata[id].name.as_str());
        let impure = reached.filter(|name| IMPURE.contains(name));
        wrong.extend(impure.map(|name| format!("{} reaches {name}", package.name)));
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
