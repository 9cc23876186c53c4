//! Rooms that cannot keep time.

use fracas_client::Event;
use fracas_shared::limits::CATCH_UP_TICKS_MAX;

use crate::player::Player;
use crate::probe::{Message, Probe, ProbeGames, new_room};
use crate::server::Server;

#[tokio::test]
async fn dropped_time_is_told_and_counted() {
    let server = Server::start_of::<ProbeGames>(|_| {});
    let mut ann = Player::<Probe>::join(&server, "ann", new_room(r#"{"tick_hz": 50}"#)).await;
    ann.frames(3).await;
    let overruns = server.metric("fracas_tick_overruns_total");
    ann.client.send_message(&Message::Work { ms: 300 }).await.unwrap();
    let dropped = |ann: &Player<Probe>| {
        let gaps = ann.told.iter().filter_map(|event| match event {
            Event::TimeDropped { tick, ticks } => Some((*tick, *ticks)),
            _ => None,
        });
        // There may be others on a busy machine.
        gaps.max_by_key(|(_, ticks)| *ticks)
    };
    ann.until("dropped time", |ann| dropped(ann).is_some_and(|(_, ticks)| ticks >= 10)).await;
    let (tick, ticks) = dropped(&ann).unwrap();
    // 300 ms are 15 ticks of 50 Hz, of which a few are made up for.
    assert!(ticks >= 15 - CATCH_UP_TICKS_MAX - 1, "{ticks}");
    ann.until("a tick after the gap", |ann| ann.replica().tick().is_after(tick)).await;

    assert!(server.metric("fracas_tick_overruns_total") > overruns);
    assert!(server.metric("fracas_ticks_dropped_total") >= f64::from(ticks));
    server.metric_until("fracas_ticks_caught_up_total", |caught_up| caught_up >= 1.0).await;
    let ticks = server.metric("fracas_ticks_total");
    for histogram in ["fracas_tick_work_seconds", "fracas_tick_lateness_seconds"] {
        assert!(server.metric(&format!("{histogram}_count")) >= ticks);
        assert!(server.metric(&format!("{histogram}_sum")) > 0.0);
    }
    assert!(server.metric("fracas_tick_work_seconds_sum") >= 0.3);
}
