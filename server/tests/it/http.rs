use crate::server::{Server, exchange, get, status};

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
        ("/fracas.js", "text/javascript", "export class Client"),
    ] {
        let (status, head, body) = get(server.public, path);
        assert_eq!(status, 200, "{path}");
        assert!(head.contains(&format!("content-type: {kind}")), "{head}");
        assert!(head.contains("default-src 'none'; script-src 'self'"), "{head}");
        assert!(body.contains(part), "{path} has no {part}");
    }
    for path in ["/package.json", "/../Cargo.toml", "/test/support.js", "/."] {
        assert_eq!(get(server.public, path).0, 404, "{path}");
    }
}

#[test]
fn a_page_that_has_not_changed_is_not_sent_again() {
    let server = Server::start();
    let (_, head, _) = get(server.public, "/fracas.js");
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag").trim();
    let request =
        format!("GET /fracas.js HTTP/1.1\r\nHost: test\r\nIf-None-Match: {tag}\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&exchange(server.public, &request)), 304);
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
