//! Joins a room of a game that this program knows nothing of, and prints what happens there.
//!
//! `cargo run -p fracas-client --example watch -- 127.0.0.1:3000 arena`

use fracas_client::{Client, ClientError, Event, RoomWanted};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "127.0.0.1:3000".into());
    let game = arguments.next().unwrap_or_else(|| "arena".into());
    if let Err(error) = watch(&url, game).await {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

async fn watch(url: &str, game: String) -> Result<(), ClientError> {
    let mut client = Client::connect(url, "watcher").await?;
    let joined = client.join_any(RoomWanted::JoinOrCreate { game, options: String::new() }).await?;
    println!("in room {} of {} at {} Hz", joined.room, joined.game, joined.tick_hz);
    loop {
        match client.next_event().await? {
            // Once a second is often enough for a reader.
            Event::Frame(frame) if !frame.snapshot.tick().0.is_multiple_of(joined.tick_hz.into()) => {}
            Event::Frame(frame) => {
                println!("tick {}: {} entities", frame.snapshot.tick(), frame.snapshot.len());
            }
            Event::GameEvents(events) => {
                let Some(room) = client.session().room() else { continue };
                let kinds = &room.codecs().schema().events;
                for row in &events.rows {
                    println!("tick {}: {} {:?}", events.tick, kinds[row.kind as usize].name, row.codes);
                }
            }
            Event::PlayerJoined(entry) => println!("{} takes seat {}", entry.name, entry.player),
            Event::PlayerLeft(player) => println!("seat {player} is free"),
            other => println!("{other:?}"),
        }
    }
}
