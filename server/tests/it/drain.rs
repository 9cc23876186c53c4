//! A server that is emptied before it ends.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fracas_client::{Event, Room, RoomWanted};
use fracas_dots::Dots;
use fracas_shared::{CloseCode, Game, Refusal};
use serde_json::Value;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::player::Player;
use crate::probe::{Probe, ProbeGames, alike, by_id, new_room};
use crate::process::Process;
use crate::raw::Raw;
use crate::server::{PATIENCE, Server, exchange, get, status};

const TOKEN: &str = "correct-horse-battery";

fn server() -> Server {
    Server::start_of::<ProbeGames>(|config| config.admin_token = TOKEN.into())
}

/// Asks the admin port about being drained: the status and the body.
fn ask(server: &Server, method: &str, body: &str) -> (u16, Value) {
    let length = body.len();
    let answer = exchange(
        server.admin,
        &format!(
            "{method} /admin/drain HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ),
    );
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    (status(head), serde_json::from_str(body).unwrap_or_default())
}

fn is_told(player: &Player<Probe>, part: &str) -> bool {
    player.told.iter().any(|told| matches!(told, Event::Notification { text } if text.contains(part)))
}

/// Gives back the seat; the server may end before it says so.
async fn leave<G: Game>(mut player: Player<G>) {
    let _ = timeout(PATIENCE, player.client.leave()).await.expect("an answer, or the end");
}

#[tokio::test]
async fn those_who_play_play_on_and_nobody_new_is_let_in() {
    let server = server();
    let mut ann = Player::<Probe>::join(&server, "ann", new_room("")).await;
    let room = ann.room().to_owned();
    let (status, before) = ask(&server, "GET", "");
    assert_eq!((status, &before["is_draining"], &before["left_s"]), (200, &false.into(), &Value::Null));

    let (status, begun) = ask(&server, "POST", r#"{"within_s": 600}"#);
    assert_eq!((status, &begun["is_draining"], &begun["left_s"]), (202, &true.into(), &600.into()));
    assert_eq!((&begun["players"], &begun["rooms"]), (&1.into(), &1.into()));
    ann.until("the deadline", |ann| is_told(ann, "play on for 10 minutes")).await;
    assert_eq!(get(server.admin, "/readyz").2, "draining\n");
    let mut bob = Player::<Probe>::connect(&server, "bob").await;
    let mut lobby = Raw::greet(server.public).await;
    for room in [by_id(&room), alike(""), new_room("")] {
        assert_eq!(bob.enter(room).await, Err(Refusal::Elsewhere));
    }

    // Asked again, it is another deadline.
    let (_, again) = ask(&server, "POST", r#"{"within_s": 300}"#);
    assert_eq!(again["left_s"], 300);
    ann.until("the other deadline", |ann| is_told(ann, "play on for 5 minutes")).await;

    // Who has a seat comes back to it.
    let token = ann.client.session().room().and_then(Room::resume_token).expect("a seat").to_owned();
    let mut ann_again = Player::<Probe>::connect(&server, "ann").await;
    let back = RoomWanted::Resume { token, received: None, attempt: None };
    ann_again.enter(back).await.expect("the seat is kept");
    drop(ann);
    ann_again.frames(5).await;

    leave(ann_again).await;
    assert_eq!(lobby.closed().await, CloseCode::Restart);
    drop(bob);
    let thread = spawn_blocking(|| server.ended());
    timeout(PATIENCE, thread).await.expect("it ends by itself").expect("a thread");
}

#[tokio::test]
async fn a_deadline_ends_what_does_not_end() {
    let server = server();
    let mut ann = Player::<Probe>::join(&server, "ann", new_room("")).await;
    ask(&server, "POST", r#"{"within_s": 1}"#);
    let began = Instant::now();
    let error = ann.end().await;
    assert_eq!(error.close_code(), Some(CloseCode::Restart), "{error}");
    assert!(began.elapsed() > Duration::from_millis(500), "not before the deadline: {:?}", began.elapsed());
}

#[tokio::test]
async fn what_is_no_wish_is_refused() {
    let server = server();
    for (body, part) in [
        ("now", "{\"within_s\": 600}"),
        (r#"{"within": 5}"#, "unknown field `within`"),
        (r#"{"within_s": 0}"#, "1 to 86400 are allowed"),
        (r#"{"within_s": 86401}"#, "1 to 86400 are allowed"),
    ] {
        let (status, answer) = ask(&server, "POST", body);
        assert_eq!((status, &answer["code"]), (400, &"bad_body".into()), "{body}");
        assert!(answer["message"].as_str().expect("a sentence").contains(part), "{body}: {answer}");
    }
    assert_eq!(ask(&server, "GET", "").1["is_draining"], false);
}

/// The command, for the server with this admin port.
fn command(server: &Process, flags: &[&str]) -> Child {
    let admin = server.address("metrics").to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fracas-server"));
    command.args(["--admin-listen", &admin, "drain"]).args(flags).env("FRACAS_ADMIN_TOKEN", TOKEN);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command")
}

#[tokio::test]
async fn the_command_looks_on_until_the_end() {
    let mut server = Process::start(&["--admin-token", TOKEN]);
    let address = server.address("listening");
    let mut ann = Player::<Dots>::connect_by(address, "ann").await;
    let dots = RoomWanted::JoinOrCreate { game: "dots".into(), options: String::new() };
    ann.enter(dots).await.expect("a seat");
    let mut draining = command(&server, &["--within", "60"]);
    let mut said = BufReader::new(draining.stdout.take().expect("a pipe")).lines();
    let first = said.next().expect("a line").expect("text");
    assert_eq!(first, "draining: 1 player in 1 room, at most 60 s more");
    leave(ann).await;
    let rest: Vec<_> = said.map_while(Result::ok).collect();
    assert_eq!(rest.last().map(String::as_str), Some("drained: the server has ended"), "{rest:?}");
    assert!(draining.wait().expect("it ends").success());
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn the_command_says_why_it_cannot() {
    let server = Process::start(&[]);
    let ended = command(&server, &["--no-wait"]).wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("cannot be told to drain") && said.contains("FRACAS_ADMIN_TOKEN"), "{said}");
    assert_eq!(ended.status.code(), Some(1));
    drop(server);
}

#[test]
fn a_signal_drains_it_and_its_supervisor_ends_with_it() {
    let mut server = Process::start(&["--supervise"]);
    server.send(&["USR1"]);
    assert_eq!(server.wait().code(), Some(0));
    assert!(server.log().contains("drained: nobody has a seat any more"));
}
