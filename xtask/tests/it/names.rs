//! Crates that only certain files may name, so that they can be exchanged there.

use crate::sources::{code, has_word, is_shipped, rust_files};

fn check_named_only_in(crate_name: &str, is_allowed: impl Fn(&str) -> bool) {
    let wrong: Vec<_> = rust_files()
        .into_iter()
        .filter(|(path, text)| is_shipped(path) && !is_allowed(path) && has_word(&code(text), crate_name))
        .map(|(path, _)| path)
        .collect();
    assert!(wrong.is_empty(), "{crate_name} is named in {wrong:?}");
}

#[test]
fn bincode_is_named_in_the_codec() {
    check_named_only_in("bincode", |path| path == "shared/src/codec.rs");
}

#[test]
fn tungstenite_is_named_where_websockets_are() {
    let is_websocket = |path: &str| {
        path == "server/src/net/socket.rs"
            || path == "server/src/net/upgrade.rs"
            || path == "client/src/socket.rs"
            // A client, of a test.
            || path == "server/src/net/socketio/tests.rs"
    };
    check_named_only_in("tokio_tungstenite", is_websocket);
    check_named_only_in("tungstenite", is_websocket);
}

#[test]
fn socketioxide_is_named_in_its_door() {
    let is_door =
        |path: &str| path == "server/src/net/socketio.rs" || path == "server/src/net/socketio/wire.rs";
    check_named_only_in("socketioxide", is_door);
}
