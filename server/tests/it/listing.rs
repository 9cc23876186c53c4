//! Many rooms, listed by pages.

use std::collections::BTreeSet;
use std::io::{Read, Write};

use fracas_shared::limits::{LISTING_FILTERS_MAX, ROOMS_PER_LISTING_MAX};
use serde_json::Value;

use crate::server::{Server, connect, exchange, get, read_head, status};

const ROOMS: usize = 1_000;

/// Opens rooms of these games in turn, over one connection, and gives their ids.
fn open_rooms(server: &Server, games: &[&str], rooms: usize) -> Vec<String> {
    let body = r#"{"bots": 0, "tick_hz": 1}"#;
    let mut stream = connect(server.public);
    let mut ids = Vec::new();
    for game in games.iter().cycle().take(rooms) {
        let length = body.len();
        let request = format!(
            "POST /matchmake/create/{game} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let head = read_head(&mut stream).to_lowercase();
        assert_eq!(status(&head), 200, "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut answer = vec![0; length.parse().unwrap()];
        stream.read_exact(&mut answer).unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        ids.push(answer["room"].as_str().unwrap().to_owned());
    }
    ids
}

/// All pages of a listing: the ids in order.
fn list_all(server: &Server, query: &str, total: usize) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let (status, _, body) = get(server.public, &format!("/rooms?skip={}{query}", ids.len()));
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["total"], total, "{query}");
        let page = body["rooms"].as_array().unwrap();
        assert_eq!(page.len(), ROOMS_PER_LISTING_MAX.min(total - ids.len()), "{query}");
        if page.is_empty() {
            return ids;
        }
        ids.extend(page.iter().map(|room| room["room"].as_str().unwrap().to_owned()));
    }
}

#[test]
fn a_thousand_rooms_are_listed_by_pages_each_once() {
    // Rooms that nobody has come to yet stay for long enough.
    let server = Server::start_with(|config| {
        config.room_linger_s = 600;
        for game in ["arena", "canvas", "dots"] {
            config.games.entry(game.into()).or_default().permanent = false;
        }
    });
    let opened = open_rooms(&server, &["dots", "arena", "dots"], ROOMS);
    assert_eq!(opened.iter().collect::<BTreeSet<_>>().len(), ROOMS);
    assert_eq!(list_all(&server, "", ROOMS), opened, "the oldest first");
    let of_arena: Vec<_> = opened.iter().skip(1).step_by(3).cloned().collect();
    assert_eq!(list_all(&server, "&game=arena", of_arena.len()), of_arena);
    assert_eq!(list_all(&server, "&game=chess", 0), Vec::<String>::new());
    let private = r#"{"private": true, "bots": 0}"#;
    let length = private.len();
    let request = format!(
        "POST /matchmake/create/dots HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{private}"
    );
    assert_eq!(status(&exchange(server.public, &request)), 200);
    assert_eq!(list_all(&server, "", ROOMS), opened, "a private room is not counted");
    for beyond in ["1001", "18446744073709551615"] {
        let (_, _, body) = get(server.public, &format!("/rooms?skip={beyond}"));
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((body["rooms"].as_array().map(Vec::len), &body["total"]), (Some(0), &ROOMS.into()));
    }
    for none in ["-1", "x", "1.5", "18446744073709551616", ""] {
        assert_eq!(get(server.public, &format!("/rooms?skip={none}")).0, 400, "{none}");
    }
}

#[test]
fn rooms_are_found_by_what_their_creators_say_of_them() {
    let server =
        Server::start_with(|config| config.games.entry("dots".into()).or_default().permanent = false);
    let create = |metadata: &str| {
        let body = format!(r#"{{"bots": 0, "metadata": {metadata}}}"#);
        let length = body.len();
        let head = format!("Host: test\r\nContent-Length: {length}\r\nConnection: close");
        let answer =
            exchange(server.public, &format!("POST /matchmake/create/dots HTTP/1.1\r\n{head}\r\n\r\n{body}"));
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        body["room"].as_str().unwrap().to_owned()
    };
    let duel = create(r#"{"mode": "duel", "level": 3, "ranked": true}"#);
    let team = create(r#"{"mode": "4 & 4", "level": 3, "maps": ["a"]}"#);
    for (query, found) in [
        ("metadata.mode=duel", vec![&duel]),
        ("metadata.mode=4%20%26%204", vec![&team]),
        ("metadata.level=3", vec![&duel, &team]),
        ("metadata.level=3&metadata.ranked=true", vec![&duel]),
        ("metadata.level=3&game=arena", vec![]),
        ("metadata.maps=a", vec![]),
        ("metadata.mode=Duel", vec![]),
    ] {
        let (status, _, body) = get(server.public, &format!("/rooms?{query}"));
        assert_eq!(status, 200, "{body}");
        let body: Value = serde_json::from_str(&body).unwrap();
        let rooms: Vec<_> =
            body["rooms"].as_array().unwrap().iter().map(|room| room["room"].as_str().unwrap()).collect();
        assert_eq!(
            (rooms, &body["total"]),
            (found.iter().map(|id| id.as_str()).collect(), &found.len().into()),
            "{query}"
        );
    }
    let query = |count: usize| vec!["metadata.a=1"; count].join("&");
    assert_eq!(get(server.public, &format!("/rooms?{}", query(LISTING_FILTERS_MAX))).0, 200);
    assert_eq!(get(server.public, &format!("/rooms?{}", query(LISTING_FILTERS_MAX + 1))).0, 400);
    assert_eq!(get(server.public, "/rooms?metadata.a=%ff").0, 400);
}
