use std::io::Write;

use fracas_client::Event;
use fracas_server::address_limits::AddressLimits;
use fracas_server::admin::{self, Readiness};
use fracas_server::config::Secret;
use fracas_server::drain::Drain;
use fracas_server::metrics::Metrics;
use fracas_server::net::door::{Door, serve};
use fracas_server::rooms::Rooms;
use fracas_server::{Config, Shutdown};
use fracas_shared::limits::NOTIFICATION_BYTES_MAX;
use fracas_shared::{CloseCode, Refusal};
use tokio::net::TcpListener;

use crate::player::Player;
use crate::probe::{Probe, ProbeGames, by_id, new_room};
use crate::server::{PATIENCE, Server, connect, exchange, get, read_head, status};

#[test]
fn answers_health_and_metrics() {
    let server = Server::start();
    assert_eq!(get(server.admin, "/healthz").0, 200);
    let (status, head, body) = get(server.admin, "/metrics");
    assert_eq!(status, 200);
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0"), "{head}");
    for line in [
        "# TYPE fracas_ticks counter",
        "# TYPE fracas_tick_lateness_seconds histogram",
        "fracas_connections{door=\"websocket\"} 0",
        "fracas_closes_total{reason=\"too_slow\"} 0",
        "fracas_build_info{version=",
        "process_cpu_seconds_total ",
        "process_resident_memory_bytes ",
        "process_open_fds ",
        "# EOF",
    ] {
        assert!(body.contains(line), "no {line:?} in:\n{body}");
    }
    let (status, _, body) = get(server.admin, "/");
    assert_eq!(status, 404);
    assert!(body.contains("/healthz") && body.contains("/readyz") && body.contains("/metrics"), "{body}");
}

#[test]
fn counts_connections() {
    let server = Server::start();
    get(server.public, "/rooms");
    get(server.public, "/rooms");
    let (_, _, body) = get(server.admin, "/metrics");
    assert!(body.contains("fracas_connections_accepted_total 2\n"), "{body}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn is_ready_only_between_start_and_stop() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, end) = (Shutdown::new(), Shutdown::new());
    let readiness = Readiness::new(stop.clone());
    let metrics = Metrics::new();
    let rooms = Rooms::start::<ProbeGames>(&Config::default(), AddressLimits::none(), &metrics, &stop, None)
        .await
        .unwrap();
    let drain = Drain::new(rooms.clone(), stop.clone(), PATIENCE);
    let router = admin::router(metrics, readiness.clone(), rooms.clone(), drain, Secret::default());
    let serving = tokio::spawn(serve(listener, Door::new(router, 8), end.clone()));
    let ready = || tokio::task::block_in_place(|| get(address, "/readyz"));

    let (status, _, body) = ready();
    assert_eq!((status, body.as_str()), (503, "starting\n"));
    readiness.set_up();
    assert_eq!(ready().0, 200);
    stop.drain(None);
    let (status, _, body) = ready();
    assert_eq!((status, body.as_str()), (503, "draining\n"));
    stop.begin();
    let (status, _, body) = ready();
    assert_eq!((status, body.as_str()), (503, "stopping\n"));
    end.begin();
    serving.await.unwrap();
    tokio::task::block_in_place(|| rooms.stop());
}

const TOKEN: &str = "correct-horse-battery";

/// Asks the admin port with this in the request's head: the status and the body.
fn ask(server: &Server, path: &str, headers: &str) -> (u16, serde_json::Value) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n{headers}Connection: close\r\n\r\n");
    let answer = exchange(server.admin, &request);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    if status(head) == 401 {
        assert!(head.to_lowercase().contains("\r\nwww-authenticate: bearer"), "{head}");
    }
    (status(head), serde_json::from_str(body).unwrap_or_default())
}

fn refused(server: &Server, headers: &str) -> (u16, String) {
    let (status, body) = ask(server, "/rooms", headers);
    assert!(body["message"].as_str().is_some_and(|message| message.len() > 20), "{body}");
    (status, body["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_players_of_a_room_are_told_and_how_their_inputs_come() {
    let server = Server::start_of::<ProbeGames>(|config| config.admin_token = TOKEN.into());
    let bearer = format!("Authorization: Bearer {TOKEN}\r\n");
    let mut ann = Player::<Probe>::join(&server, "ann", new_room(r#"{"seats": 3, "bots": 1}"#)).await;
    let path = format!("/rooms/{}/players", ann.room());
    loop {
        // Inputs go when frames come.
        ann.frames(5).await;
        let (status, body) = ask(&server, &path, &bearer);
        assert_eq!(status, 200);
        let players = body["players"].as_array().unwrap();
        let seat = |player: &serde_json::Value| (player["name"].clone(), player["is_bot"].as_bool().unwrap());
        assert_eq!(seat(&players[0]), ("ann".into(), false));
        assert!(players[1]["is_bot"] == true && players[1].get("inputs").is_none(), "{body}");
        let inputs = &players[0]["inputs"];
        assert!(
            inputs["late"].is_u64() && inputs["early_dropped"].is_u64() && inputs["repeated"].is_u64(),
            "{body}"
        );
        if inputs["on_time"].as_u64() > Some(10) {
            break;
        }
    }
    let (status, body) = ask(&server, "/rooms/NOROOM/players", &bearer);
    assert_eq!((status, &body["code"]), (404, &"no_such_room".into()));
    assert_eq!(ask(&server, &path, "").0, 401);
}

#[tokio::test]
async fn all_rooms_are_told_to_who_bears_the_token() {
    let server = Server::start_of::<ProbeGames>(|config| config.admin_token = TOKEN.into());
    let options = r#"{"private": true, "metadata": {"map": "cave"}}"#;
    let ann = Player::<Probe>::join(&server, "ann", new_room(options)).await;
    for bearer in ["Bearer", "bearer"] {
        let (status, body) = ask(&server, "/rooms", &format!("Authorization: {bearer} {TOKEN}\r\n"));
        assert_eq!((status, &body["total"]), (200, &2.into()), "{body}");
        let rooms = body["rooms"].as_array().unwrap();
        let private = rooms.iter().find(|room| room["room"] == ann.room()).expect("the private room");
        assert_eq!((&private["is_private"], &private["players"]), (&true.into(), &1.into()));
        assert_eq!(private["metadata"]["map"], "cave");
    }
    let (_, body) = ask(&server, "/rooms?skip=1", &format!("Authorization: Bearer {TOKEN}\r\n"));
    assert_eq!(body["rooms"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn who_bears_the_token_may_remove_players() {
    let server = Server::start_of::<ProbeGames>(|config| config.admin_token = TOKEN.into());
    let mut ann = Player::<Probe>::join(&server, "ann", new_room(r#"{"bots": 0}"#)).await;
    let room = ann.room().to_owned();
    let post = |path: &str| {
        let head =
            format!("Host: test\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 0\r\nConnection: close");
        let answer = exchange(server.admin, &format!("POST {path} HTTP/1.1\r\n{head}\r\n\r\n"));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (status(head), body.to_owned())
    };
    let remove = |room: &str, player: &str, by: &str| post(&format!("/rooms/{room}/players/{player}/{by}"));
    for (room, player, by, status, code) in [
        ("QQQQQQ", "0", "kick", 404, "no_such_room"),
        (room.as_str(), "7", "kick", 404, "no_such_player"),
        (room.as_str(), "0", "praise", 404, "no_such_method"),
        (room.as_str(), "ann", "kick", 400, "bad_path"),
    ] {
        let (answered, body) = remove(room, player, by);
        assert!(answered == status && body.contains(&format!("\"code\":\"{code}\"")), "{answered} {body}");
    }
    ann.frames(1).await;
    assert_eq!(remove(&room, &ann.seat().0.to_string(), "kick").0, 204);
    assert_eq!(ann.end().await.close_code(), Some(CloseCode::Kicked));
    ann = Player::join(&server, "ann", by_id(&room)).await;
    assert_eq!(remove(&room, &ann.seat().0.to_string(), "ban").0, 204);
    assert_eq!(ann.end().await.close_code(), Some(CloseCode::Banned));
    let mut ann = Player::<Probe>::connect(&server, "ann").await;
    assert_eq!(ann.enter(by_id(&room)).await, Err(Refusal::BannedFrom(room.clone())));
    let unguarded = exchange(
        server.admin,
        &format!(
            "POST /rooms/{room}/players/0/kick HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ),
    );
    assert_eq!(status(&unguarded), 401);
}

#[tokio::test]
async fn who_bears_the_token_may_lock_rooms() {
    let server = Server::start_of::<ProbeGames>(|config| config.admin_token = TOKEN.into());
    let mut ann = Player::<Probe>::join(&server, "ann", new_room("")).await;
    let mut bob = Player::<Probe>::connect(&server, "bob").await;
    let room = ann.room().to_owned();
    let post = |path: &str| {
        let head =
            format!("Host: test\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 0\r\nConnection: close");
        status(&exchange(server.admin, &format!("POST /rooms/{path} HTTP/1.1\r\n{head}\r\n\r\n")))
    };
    assert_eq!(post(&format!("{room}/lock")), 204);
    assert_eq!(bob.enter(by_id(&room)).await, Err(Refusal::RoomLocked(room.clone())));
    ann.frames(2).await;
    assert_eq!(post(&format!("{room}/unlock")), 204);
    bob.enter(by_id(&room)).await.unwrap();
    assert_eq!((post("QQQQQQ/lock"), post(&format!("{room}/seal"))), (404, 404));
}

#[tokio::test]
async fn players_are_notified() {
    let server = Server::start_of::<ProbeGames>(|config| config.admin_token = TOKEN.into());
    let mut ann = Player::<Probe>::join(&server, "ann", new_room("")).await;
    let room = ann.room().to_owned();
    let mut bob = Player::<Probe>::join(&server, "bob", by_id(&room)).await;
    let seat = bob.seat().0;
    let post = |path: &str, body: &str| {
        let length = body.len();
        let request = format!(
            "POST /admin/{path}/message HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        exchange(server.admin, &request)
    };
    let text = |text: &str| serde_json::json!({"text": text}).to_string();
    let longest = "x".repeat(NOTIFICATION_BYTES_MAX);
    assert_eq!(status(&post(&format!("rooms/{room}"), &text(&longest))), 204);
    assert_eq!(status(&post(&format!("players/{room}-{seat}"), &text("for Bob"))), 204);
    let is_told = |player: &Player<Probe>, text: &str| {
        player.told.iter().any(|told| matches!(told, Event::Notification { text: told } if told == text))
    };
    ann.until("the notification", |ann| is_told(ann, &longest)).await;
    bob.until("both notifications", |bob| is_told(bob, &longest) && is_told(bob, "for Bob")).await;
    assert!(!is_told(&ann, "for Bob"));
    for (path, body, code) in [
        (format!("rooms/{room}"), text(&format!("{longest}x")), "bad_body"),
        (format!("rooms/{room}"), text("two\nlines"), "bad_body"),
        (format!("rooms/{room}"), "hello".to_owned(), "bad_body"),
        ("rooms/K3V9QX".to_owned(), text("hi"), "no_such_room"),
        (format!("players/{room}-9"), text("hi"), "no_such_player"),
        ("players/bob".to_owned(), text("hi"), "no_such_player"),
    ] {
        let answer = post(&path, &body);
        assert!(answer.contains(code), "{path}: {answer}");
    }
}

#[test]
fn nobody_else_is_told() {
    let server = Server::start_with(|config| config.admin_token = TOKEN.into());
    assert_eq!(refused(&server, ""), (401, "token_missing".into()));
    for wrong in ["correct-horse-batterx", "correct-horse", "", "correct-horse-battery-staple"] {
        let header = format!("Authorization: Bearer {wrong}\r\n");
        let (status, code) = refused(&server, &header);
        assert_eq!(status, 401, "{wrong} {code}");
    }
    assert_eq!(refused(&server, &format!("Authorization: Basic {TOKEN}\r\n")), (401, "token_missing".into()));
    assert_eq!(ask(&server, "/healthz", "").0, 200, "open to all");
    assert!(server.metric("fracas_refusals_total{reason=\"token_invalid\"}") >= 3.0);

    let without = Server::start();
    let (status, body) = ask(&without, "/rooms", &format!("Authorization: Bearer {TOKEN}\r\n"));
    assert_eq!((status, &body["code"]), (403, &"no_admin_token".into()));
    assert!(body["message"].as_str().unwrap().contains("FRACAS_ADMIN_TOKEN"), "{body}");
    assert_eq!(refused(&without, "Authorization: Bearer \r\n"), (403, "no_admin_token".into()));
}

#[test]
fn pages_may_not_ask_here() {
    let server = Server::start_with(|config| config.admin_token = TOKEN.into());
    for path in ["/rooms", "/metrics", "/"] {
        let headers = format!("Origin: http://localhost:3000\r\nAuthorization: Bearer {TOKEN}\r\n");
        let (status, body) = ask(&server, path, &headers);
        assert_eq!((status, &body["code"]), (403, &"origin_not_allowed".into()), "{path}");
    }
}

#[test]
fn stops_with_idle_connections() {
    let server = Server::start();
    let _silent = connect(server.public);
    let mut idle = connect(server.public);
    idle.write_all(b"GET /rooms HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    assert_eq!(status(&read_head(&mut idle)), 200);
    server.stop();
}

#[test]
fn histograms_are_cumulative() {
    let metrics = Metrics::new();
    for micros in [10, 50, 51, 1_000_000] {
        metrics.ticks.lateness.observe(std::time::Duration::from_micros(micros));
    }
    let text = metrics.encode();
    for line in [
        "fracas_tick_lateness_seconds_bucket{le=\"0.00004\"} 1",
        "fracas_tick_lateness_seconds_bucket{le=\"0.00005\"} 2",
        "fracas_tick_lateness_seconds_bucket{le=\"0.0001\"} 3",
        "fracas_tick_lateness_seconds_bucket{le=\"0.1\"} 3",
        "fracas_tick_lateness_seconds_bucket{le=\"+Inf\"} 4",
        "fracas_tick_lateness_seconds_count 4",
        "fracas_tick_lateness_seconds_sum 1.000111",
    ] {
        assert!(text.contains(line), "no {line:?} in:\n{text}");
    }
}
