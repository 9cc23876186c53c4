use std::io::Read;
use std::net::SocketAddr;

use flate2::read::GzDecoder;

use crate::server::{Server, exchange, exchange_bytes, get, status};

/// What a browser gets at `/fracas.js` has less than this many bytes.
const SDK_GZIP_BYTES_MAX: usize = 12_000;

fn code(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    body["code"].as_str().unwrap().to_owned()
}

#[test]
fn shows_pages_that_ask_nobody_else() {
    let server = Server::start();
    for (path, kind, part) in [
        ("/", "text/html", "<title>"),
        ("/index.html", "text/html", "<title>"),
        ("/fracas.js", "text/javascript", "/*! fracas-client"),
        ("/fracas.src.js", "text/javascript", "export class Client"),
    ] {
        let (status, head, body) = get(server.public, path);
        assert_eq!(status, 200, "{path}");
        assert!(head.contains(&format!("content-type: {kind}")), "{head}");
        assert!(head.contains("default-src 'none'; script-src 'self'"), "{head}");
        assert!(body.contains(part), "{path} has no {part}");
    }
    for path in ["/package.json", "/fracas.min.js", "/../Cargo.toml", "/test/support.js", "/."] {
        assert_eq!(get(server.public, path).0, 404, "{path}");
    }
}

#[test]
fn a_request_says_once_which_host_it_is_for() {
    let server = Server::start();
    let check = |line: &str, hosts: &str, expected: u16| {
        let answer = exchange(server.public, &format!("{line}\r\n{hosts}Connection: close\r\n\r\n"));
        assert_eq!(status(&answer), expected, "{answer}");
        if expected == 400 {
            assert_eq!(code(answer.split_once("\r\n\r\n").unwrap().1), "no_host");
        }
    };
    check("GET /rooms HTTP/1.1", "Host: test\r\n", 200);
    check("GET /rooms HTTP/1.0", "", 200);
    check("GET /rooms HTTP/1.1", "", 400);
    check("GET /rooms HTTP/1.1", "Host: test\r\nHost: other\r\n", 400);
    assert_eq!(server.metric("fracas_refusals_total{reason=\"no_host\"}"), 2.0);
}

/// The head in lower case and the body of a GET with these headers.
fn get_with(to: SocketAddr, path: &str, headers: &str) -> (String, Vec<u8>) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n{headers}Connection: close\r\n\r\n");
    let answer = exchange_bytes(to, &request);
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    (String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase(), answer[end..].to_vec())
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn a_page_that_has_not_changed_is_not_sent_again() {
    let server = Server::start();
    let fetch = |headers: &str| get_with(server.public, "/fracas.js", headers);
    let tag_of = |head: &str| header(head, "etag").expect("a tag").to_owned();
    let (plain, gzipped) = (tag_of(&fetch("").0), tag_of(&fetch("Accept-Encoding: gzip\r\n").0));
    assert_ne!(plain, gzipped, "these are tags of different bytes");
    for (accepts, tag, is_known) in [
        ("", plain.clone(), true),
        ("", format!("\"x\", W/{plain}"), true),
        ("", "*".to_owned(), true),
        ("", gzipped.clone(), false),
        ("Accept-Encoding: gzip\r\n", gzipped.clone(), true),
        ("Accept-Encoding: gzip\r\n", format!("W/{gzipped}"), true),
        ("Accept-Encoding: gzip\r\n", plain.clone(), false),
        ("Accept-Encoding: gzip\r\n", "\"x\"".to_owned(), false),
    ] {
        let (head, body) = fetch(&format!("{accepts}If-None-Match: {tag}\r\n"));
        assert_eq!(status(&head), if is_known { 304 } else { 200 }, "{accepts}{tag}");
        assert_eq!(body.is_empty(), is_known);
        assert_eq!(tag_of(&head), if accepts.is_empty() { plain.as_str() } else { &gzipped });
        assert_eq!(header(&head, "vary"), Some("accept-encoding"));
    }
}

#[test]
fn texts_are_gzipped_for_who_accepts_it() {
    let server = Server::start();
    let fetch =
        |path: &str, accepts: &str| get_with(server.public, path, &format!("Accept-Encoding: {accepts}\r\n"));
    for path in [
        "/",
        "/dots",
        "/socketio",
        "/socketio.html",
        "/fracas.js",
        "/fracas.src.js",
        "/style.css",
        "/icon.svg",
    ] {
        let (head, gzipped) = fetch(path, "br, gzip;q=0.8");
        assert_eq!(header(&head, "content-encoding"), Some("gzip"), "{path}: {head}");
        assert_eq!(header(&head, "content-length"), Some(gzipped.len().to_string().as_str()), "{head}");
        let (plain_head, plain) = fetch(path, "identity");
        assert_eq!(header(&plain_head, "content-encoding"), None, "{plain_head}");
        let mut unpacked = Vec::new();
        GzDecoder::new(gzipped.as_slice()).read_to_end(&mut unpacked).unwrap();
        assert!(unpacked == plain, "{path} is another text when gzipped");
        for name in ["content-type", "content-security-policy", "cache-control", "vary"] {
            assert_eq!(header(&head, name), header(&plain_head, name), "{path}: {name}");
            assert!(header(&head, name).is_some(), "{path}: no {name}");
        }
        assert_eq!(fetch(path, "gzip").1, gzipped, "{path} is the same the next time");
    }
    let sdk = fetch("/fracas.js", "gzip").1.len();
    assert!(sdk < SDK_GZIP_BYTES_MAX, "/fracas.js has {sdk} bytes");
}

#[test]
fn encodings_are_negotiated() {
    let server = Server::start();
    for (accepts, is_gzipped) in [
        ("gzip", true),
        ("GZIP", true),
        ("x-gzip", true),
        ("*", true),
        ("deflate, br, gzip;q=0.001", true),
        ("*;q=0, gzip", true),
        ("", false),
        ("identity", false),
        ("br", false),
        ("gzip;q=0", false),
        ("gzip; q=0.0", false),
        ("gzip;q=0, *", false),
        ("*;q=0", false),
        ("gzip;q=much", false),
        ("gzipped", false),
    ] {
        let (head, _) = get_with(server.public, "/style.css", &format!("Accept-Encoding: {accepts}\r\n"));
        assert_eq!(header(&head, "content-encoding").is_some(), is_gzipped, "{accepts:?}");
    }
}

#[test]
fn lists_games_and_rooms() {
    let server = Server::start();
    let (status, head, body) = get(server.public, "/rooms");
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/json"), "{head}");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let games: Vec<_> = body["games"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    assert!(games.contains(&"dots"), "{body}");
    assert!(body["rooms"].is_array() && body["total"].is_u64(), "{body}");

    let (status, _, body) = get(server.public, "/rooms?game=no-such-game&skip=0");
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, body["rooms"].as_array().map(Vec::len)), (200, Some(0)));
}

#[test]
fn problems_are_told_in_json() {
    let server = Server::start();
    let (status, _, body) = get(server.public, "/nowhere");
    assert_eq!((status, code(&body).as_str()), (404, "not_found"));
    let (status, _, body) = get(server.public, "/rooms?skip=-1");
    assert_eq!((status, code(&body).as_str()), (400, "bad_query"));
    let answer = exchange(server.public, "POST /rooms HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!((crate::server::status(head), code(body).as_str()), (405, "method_not_allowed"));
}

#[test]
fn an_oversized_head_is_431() {
    let server = Server::start();
    let padding = "x".repeat(20 * 1024);
    let answer = exchange(server.public, &format!("GET / HTTP/1.1\r\nHost: test\r\nX-Padding: {padding}"));
    assert_eq!(status(&answer), 431);
}

#[test]
fn what_is_no_http_is_400() {
    let server = Server::start();
    assert_eq!(status(&exchange(server.public, "\u{1}\u{2}\u{3}\r\n\r\n")), 400);
}
