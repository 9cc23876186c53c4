//! Clients whose lines are made worse.

use std::time::{Duration, Instant};

use fracas_client::limits::SENDS_WAITING_MAX;
use fracas_client::{Client, Event, LineProfile, ReconnectPolicy, RoomWanted};
use fracas_shared::CloseCode;
use fracas_shared::limits::{CLOSE_TIME_MAX_S, LINE_BYTES_MAX, LINE_RATE_MIN_KBPS};
use fracas_shared::message::{ClientMessage, Hearers, Joined, Resumed, ServerMessage};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::game::Race;
use crate::script::{Script, any_race, read_control};
use crate::socket::{Socket, greet, hear, say, serve, upgrade};

const PATIENCE: Duration = Duration::from_secs(20);

fn latency(latency_ms: u32) -> LineProfile {
    LineProfile { latency_ms, ..LineProfile::default() }
}

async fn slow_ping(client: &mut Client, ms: u64) {
    let took = timeout(PATIENCE, client.ping()).await.expect("an answer").unwrap();
    assert!(took >= Duration::from_millis(ms), "{took:?}");
}

/// Answers pings until the client says something else, and gives that.
async fn answer_pings(socket: &mut Socket) -> ClientMessage {
    loop {
        match read_control(&hear(socket).await) {
            ClientMessage::Ping { nonce } => say(socket, ServerMessage::Pong { nonce }.to_bytes()).await,
            other => return other,
        }
    }
}

#[tokio::test]
async fn a_ping_takes_as_long_as_the_line_and_everything_its_order() {
    let (address, serving) = serve(|stream| async move {
        let mut socket = upgrade(stream).await;
        greet(&mut socket).await;
        assert!(matches!(answer_pings(&mut socket).await, ClientMessage::List { .. }));
    })
    .await;
    let mut client = Client::connect(&address, "ann").await.unwrap();
    client.set_line(latency(200));
    slow_ping(&mut client, 200).await;
    let mut asked = 0;
    for line in ["latency=400,jitter=100", "none", "rate=64", "latency=20,stall=100,stall_every=300", "none"]
    {
        for _ in 0..20 {
            client.session().ping(asked).unwrap();
            client.send().await;
            asked += 1;
        }
        client.set_line(line.parse().unwrap());
    }
    for expected in 0..asked {
        let event = timeout(PATIENCE, client.next_event()).await.expect("an answer").unwrap();
        assert!(matches!(event, Event::Pong { nonce } if nonce == expected), "{event:?}, not {expected}");
    }
    client.session().list(None, 0).unwrap();
    client.send().await;
    timeout(PATIENCE, serving).await.expect("what was said last").unwrap();
}

/// Speaks and says goodbye over this line.
async fn check_goodbye(line: LineProfile) {
    let (address, serving) = serve(|stream| async move {
        let script = Script::new();
        let mut socket = upgrade(stream).await;
        greet(&mut socket).await;
        hear(&mut socket).await;
        say(&mut socket, ServerMessage::Joined(script.joined(100)).to_bytes()).await;
        for n in 0..3 {
            let heard = read_control(&hear(&mut socket).await);
            assert!(matches!(&heard, ClientMessage::Say { text, .. } if *text == n.to_string()), "{heard:?}");
        }
        assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
    })
    .await;
    let mut client = Client::connect(&address, "ann").await.unwrap();
    client.join::<Race>(any_race()).await.unwrap();
    client.set_line(line);
    for n in 0..3 {
        client.say(Hearers::All, n.to_string()).await.unwrap();
    }
    let began = Instant::now();
    client.close().await;
    let least =
        Duration::from_millis(u64::from(line.latency_ms) / 2).min(Duration::from_secs(CLOSE_TIME_MAX_S));
    assert!(began.elapsed() >= least, "{:?}", began.elapsed());
    timeout(PATIENCE, serving).await.expect("the goodbye").unwrap();
}

#[tokio::test]
async fn what_was_said_before_the_end_arrives_before_it() {
    check_goodbye(latency(400)).await;
}

#[tokio::test]
async fn the_end_does_not_wait_for_the_worst_of_lines() {
    check_goodbye(latency(5000)).await;
}

#[tokio::test]
async fn a_line_that_is_full_takes_no_more() {
    let (address, serving) = serve(|stream| async move {
        let mut socket = upgrade(stream).await;
        greet(&mut socket).await;
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let mut client = Client::connect(&address, "ann").await.unwrap();
    client.set_line(LineProfile { rate_kbps: LINE_RATE_MIN_KBPS, ..LineProfile::default() });
    let list = "x".repeat(1000);
    let began = Instant::now();
    let mut asked = 0;
    while client.session().list(Some(&list), 0).is_ok() {
        client.send().await;
        asked += 1;
        assert!(asked < 10 * SENDS_WAITING_MAX, "it takes {asked} requests of a second each");
    }
    // What is on the line, and what waits for it.
    let most = SENDS_WAITING_MAX + 2 + began.elapsed().as_secs() as usize;
    assert!((SENDS_WAITING_MAX..=most).contains(&asked), "{asked}");
    drop(client);
    timeout(PATIENCE, serving).await.expect("the end").unwrap();
}

/// Why the server closed is told after what it said before, although sending fails meanwhile.
#[tokio::test]
async fn what_was_told_before_the_end_is_told_before_it() {
    let (address, _serving) = serve(|stream| async move {
        let mut socket = upgrade(stream).await;
        greet(&mut socket).await;
        for n in 0..3 {
            say(&mut socket, ServerMessage::Pong { nonce: n }.to_bytes()).await;
        }
        let code = CloseCode::Kicked.number().into();
        socket.close(Some(CloseFrame { code, reason: "".into() })).await.unwrap();
    })
    .await;
    let mut client = Client::connect(&address, "ann").await.unwrap();
    client.set_line(latency(400));
    for n in 0..3 {
        client.session().ping(n).unwrap();
        let event = timeout(PATIENCE, client.next_event()).await.expect("a word").unwrap();
        assert!(matches!(event, Event::Pong { nonce } if nonce == n), "{event:?}");
    }
    let error = timeout(PATIENCE, client.next_event()).await.expect("an end").unwrap_err();
    assert_eq!(error.close_code(), Some(CloseCode::Kicked), "{error}");
}

#[tokio::test]
async fn who_comes_back_has_the_same_line() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        let script = Script::new();
        let accept = async || upgrade(listener.accept().await.unwrap().0).await;
        let mut socket = accept().await;
        greet(&mut socket).await;
        hear(&mut socket).await;
        say(&mut socket, ServerMessage::Joined(script.joined(100)).to_bytes()).await;
        drop(socket);
        let mut socket = accept().await;
        greet(&mut socket).await;
        let join = read_control(&hear(&mut socket).await);
        assert!(matches!(join, ClientMessage::Join { room: RoomWanted::Resume { .. }, .. }), "{join:?}");
        let resumed = Some(Resumed { missed: 0, received: 0, attempt: 1 });
        say(&mut socket, ServerMessage::Joined(Joined { resumed, ..script.joined(130) }).to_bytes()).await;
        assert!(matches!(answer_pings(&mut socket).await, ClientMessage::Leave));
        say(&mut socket, ServerMessage::Left { tick: 140 }.to_bytes()).await;
    });
    let mut client = Client::connect(&address, "ann").await.unwrap();
    let policy = ReconnectPolicy { pause: Duration::from_millis(1), ..ReconnectPolicy::default() };
    client.set_reconnect(Some(policy));
    client.set_seeded_line(latency(200), 7);
    client.join::<Race>(any_race()).await.unwrap();
    let is_back = async { while !matches!(client.next_event().await.unwrap(), Event::Joined(_)) {} };
    timeout(PATIENCE, is_back).await.expect("the way back");
    slow_ping(&mut client, 200).await;
    let began = Instant::now();
    assert_eq!(timeout(PATIENCE, client.leave()).await.expect("an answer").unwrap().0, 140);
    assert!(began.elapsed() >= Duration::from_millis(200), "{:?}", began.elapsed());
    serving.await.unwrap();
}

#[tokio::test]
async fn little_is_read_of_a_server_that_floods() {
    const PIECE: usize = 8 * 1024;
    let (address, serving) = serve(|stream| async move {
        let mut socket = upgrade(stream).await;
        greet(&mut socket).await;
        // The client does not understand it, and does not get so far.
        for _ in 0..16 * LINE_BYTES_MAX / PIECE {
            if socket.feed(Message::binary(vec![0xFF; PIECE])).await.is_err() {
                return;
            }
        }
        let _ = socket.flush().await;
    })
    .await;
    let mut client = Client::connect(&address, "ann").await.unwrap();
    client.set_line(latency(5000));
    let began = Instant::now();
    let mut full_since = None;
    // For a while after it was full.
    while full_since.is_none_or(|since: Instant| since.elapsed() < Duration::from_millis(200)) {
        assert!(began.elapsed() < Duration::from_secs(2), "a flood of {} bytes", client.traffic().rx_bytes);
        let _ = timeout(Duration::from_millis(10), client.next_event()).await;
        let read = client.traffic().rx_bytes as usize;
        assert!(read < LINE_BYTES_MAX + 2 * PIECE, "{read} bytes");
        if read > LINE_BYTES_MAX - 2 * PIECE {
            full_since.get_or_insert_with(Instant::now);
        }
    }
    drop(client);
    serving.abort();
}
