//! How long a server with a thousand rooms takes to list a page of them, over real HTTP.
//!
//! `cargo bench -p fracas-benches --bench listing`. It takes some seconds, and stops by itself.

use anyhow::{Result, ensure};
use fracas_benches::{Case, Host, HttpClient, measure, table};

const ROUNDS: usize = 3_000;
const ROOMS: usize = 1_000;

fn main() -> Result<()> {
    let (many, page, one) = (host(ROOMS)?, host(100)?, host(1)?);
    let mut cases = [
        case("control: a 404 of the server of 1,000 rooms", &many, "/no-such-page", 404)?,
        case("a 404 of the server of 100 rooms", &page, "/no-such-page", 404)?,
        case("a 404 of the server of 1 room", &one, "/no-such-page", 404)?,
        case("1 room", &one, "/rooms", 200)?,
        case("100 rooms, all on one page", &page, "/rooms", 200)?,
        case("1,000 rooms, the first page", &many, "/rooms", 200)?,
        case("1,000 rooms, the last page", &many, "/rooms?skip=900", 200)?,
        case("1,000 rooms, the last page of a game's 500", &many, "/rooms?game=dots&skip=400", 200)?,
    ];
    measure(&mut cases, ROUNDS)?;
    println!("listings by GET /rooms, {ROUNDS} rounds, one connection each\n\n{}", table(&cases));
    Ok(())
}

/// A server with so many rooms, half of them of each of two games.
fn host(rooms: usize) -> Result<Host> {
    let host = Host::start(|config| {
        // Nobody comes to these rooms.
        config.room_linger_s = 3600;
        for game in ["arena", "canvas", "dots"] {
            config.games.entry(game.into()).or_default().permanent = false;
        }
    })?;
    let mut client = HttpClient::connect(host.address)?;
    for number in 0..rooms {
        let game = if number % 2 == 0 { "arena" } else { "dots" };
        let options = format!(r#"{{"metadata": {{"name": "a room with a name, number {number}"}}}}"#);
        let (status, body) = client.post(&format!("/matchmake/create/{game}"), &options)?;
        ensure!(status == 200, "no room was made: {}", String::from_utf8_lossy(body));
    }
    Ok(host)
}

fn case(name: &str, host: &Host, path: &'static str, expected: u16) -> Result<Case<'static>> {
    let mut client = HttpClient::connect(host.address)?;
    Ok(Case::new(name, move || {
        let (status, _) = client.get(path)?;
        ensure!(status == expected, "{path} was answered with {status}");
        Ok(())
    }))
}
