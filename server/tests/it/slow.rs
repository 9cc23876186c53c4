//! Clients that do not read what they are sent.

use std::time::Duration;

use fracas_client::{Codecs, Event, Session};
use fracas_shared::CloseCode;
use fracas_shared::frame::FrameCodec;
use fracas_shared::message::{ClientMessage, ServerMessage};
use fracas_shared::packet::ServerTag;

use crate::player::Player;
use crate::probe::{Probe, ProbeGames, by_id, new_room};
use crate::raw::Raw;
use crate::server::Server;

/// 16 KiB a frame, of which a socket's buffers hold a few.
const NOISY: &str = r#"{"bots": 0, "tick_hz": 30, "config": {"noise": 1000}}"#;

/// The client's session decodes whatever it finds after its pause, so every delta must build on the
/// frame before it.
#[tokio::test]
async fn who_pauses_gets_the_newest_state_and_goes_on() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut ann = Player::<Probe>::join(&server, "ann", new_room(NOISY)).await;
    let mut raw = Raw::greet(server.public).await;
    let mut session = Session::new("raw", "test");
    // The hello has been said.
    session.poll_send();
    session.join_typed(by_id(ann.room()), Codecs::of::<Probe>()).unwrap();
    raw.send_all_of(&mut session).await;

    let mut ticks = Vec::new();
    let mut baselines = Vec::new();
    for pause in [40, 100, 2] {
        ann.frames(pause).await;
        let newest = ann.replica().tick();
        while ticks.last().is_none_or(|tick: &fracas_shared::Tick| newest.is_after(*tick)) {
            let message = raw.next().await;
            if let Ok((ServerTag::Frame, frame)) = ServerTag::split(&message) {
                let head = FrameCodec::peek(frame, newest).unwrap();
                baselines.push(head.baseline);
            }
            session.handle_message(Duration::ZERO, &message).unwrap();
            while let Some(event) = session.poll_event() {
                match event {
                    Event::Frame(frame) => ticks.push(frame.snapshot.tick()),
                    Event::FrameLost(error) => panic!("a frame was lost: {error}"),
                    _ => {}
                }
            }
        }
    }
    assert!(ticks.is_sorted_by(|a, b| b.is_after(*a)), "older than what was there: {ticks:?}");
    assert!(ticks.len() < 120, "{} frames had piled up", ticks.len());
    let keyframes = baselines.iter().filter(|baseline| baseline.is_none()).count();
    assert!(keyframes >= 2, "a pause longer than a baseline lives: {baselines:?}");
    let stale = server.metric("fracas_frames_total{kind=\"stale\"}");
    assert!(stale > 0.0 && server.metric("fracas_frames_total{kind=\"keyframe\"}") >= 3.0);
}

/// Waits until a client that never reads is cut off, though its line is stuck.
async fn check(config: &str, code: CloseCode) {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let options = format!(r#"{{"bots": 0, "tick_hz": 60, "config": {config}}}"#);
    let mut raw = Raw::greet(server.public).await;
    raw.say(&ClientMessage::Join { room: new_room(&options), schema_hash: 0 }).await;
    assert!(matches!(raw.answer().await, ServerMessage::Joined(_)));
    let closes = format!("fracas_closes_total{{reason=\"{}\"}}", code.label());
    server.metric_until(&closes, |closed| closed == 1.0).await;
    server.metric_until("fracas_connections{door=\"websocket\"}", |open| open == 0.0).await;
    server.metric_until("fracas_players{game=\"probe\"}", |players| players == 0.0).await;
}

#[tokio::test]
async fn who_never_reads_what_must_arrive_is_cut_off() {
    check(r#"{"chatter": 200, "noise": 100}"#, CloseCode::TooSlow).await;
}
