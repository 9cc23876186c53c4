//! Clients that answer and never read, in a crowded room, beside some that play.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use fracas_client::{Client, Event, RoomWanted};
use fracas_shared::CloseCode;
use fracas_shared::limits::ACK_TIME_MAX_S;
use fracas_shared::message::{ClientMessage, ServerMessage};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::line::{End, Line, Opcode, frame};
use crate::server::{LOOK_INTERVAL, Server};
use crate::verdict::{Verdict, mib};

/// What one that does not read may cost, in the server's memory.
const GROWTH_BYTES_MAX: u64 = 64 * 1024;
/// How much longer the others may wait for their updates.
const GAP_RATIO_MAX: f64 = 1.2;
/// Until all that is to be warm is so.
const WARM_UP: Duration = Duration::from_secs(5);
/// After this time the server has begun to close one who acknowledges nothing, and has not cut it off.
const CLOSING_AFTER: Duration = Duration::from_millis(ACK_TIME_MAX_S * 1000 + 1000);
/// The gaps that are told apart go up to this, in microseconds.
const GAP_US_MAX: u64 = 60_000_000;

#[derive(Args)]
pub(crate) struct Options {
    /// Clients that never read.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=200))]
    clients: u32,
    /// Clients that play in the same room.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    players: u32,
    /// Entities in the room, all of which move.
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=4000))]
    entities: u32,
    /// Let those who were closed come again, as others.
    #[arg(long)]
    come_again: bool,
    /// Seconds of each part: before, with them, and after.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
}

/// What the players had of the time: gaps between updates, in microseconds.
type Gaps = Arc<Mutex<Histogram<u64>>>;

/// Runs the parts, and tells whether the server held.
pub(crate) async fn run(options: &Options) -> Result<bool> {
    let part = Duration::from_secs(options.seconds);
    let entities = format!("--game=crowd.config.walkers={}", options.entities);
    // Who was closed keeps its seat for some time, and comes again without it.
    let visits = if options.come_again { part.as_secs().div_ceil(CLOSING_AFTER.as_secs()) as u32 } else { 1 };
    let seats = format!("--game=crowd.seats={}", options.clients * visits + options.players);
    let program = std::env::current_exe()?;
    let arguments = ["serve", &entities, &seats, "--game=crowd.bots=0"];
    let server = Server::start(&program, &arguments).await?;

    let gaps: Gaps = Arc::new(Mutex::new(Histogram::new_with_max(GAP_US_MAX, 3)?));
    let (mut players, room) = (JoinSet::new(), Arc::new(Mutex::new(String::new())));
    for number in 0..options.players {
        let client = join(server.public, number, &room).await?;
        players.spawn(play(client, gaps.clone()));
    }
    let room = room.lock().unwrap_or_else(PoisonError::into_inner).clone();
    sleep(WARM_UP).await;
    println!("{} play in a room of {} entities that move", options.players, options.entities);

    take(&gaps);
    let kernel = kernel_peak_bytes(part).await?;
    let before = take(&gaps);
    let resident = server.resident_bytes()?;
    server.take_peak_bytes()?;

    println!("{} more come, send a pong each second, and read nothing", options.clients);
    let is_over = Arc::new(AtomicBool::new(!options.come_again));
    let (joined, mut slow) = (Arc::new(AtomicU32::new(0)), JoinSet::new());
    for _ in 0..options.clients {
        slow.spawn(stay(server.public, room.clone(), is_over.clone(), joined.clone()));
    }
    let kernel_with = kernel_peak_bytes(part).await?;
    is_over.store(true, Ordering::Relaxed);
    let (with, peak) = (take(&gaps), server.take_peak_bytes()?);
    let mut ends: BTreeMap<End, u32> = BTreeMap::new();
    while let Some(ended) = slow.join_next().await {
        for end in ended? {
            *ends.entry(end).or_default() += 1;
        }
    }

    take(&gaps);
    sleep(part).await;
    let after = take(&gaps);
    while let Some(ended) = players.try_join_next() {
        ended??;
    }
    let closed = server.metrics().await?.sum("fracas_closes_total{reason=\"too_slow\"}");
    let panics = server.panics();
    players.shutdown().await;
    let status = server.stop().await?;

    print_gaps(&[("before", &before), ("with", &with), ("after", &after)]);
    let mut verdict = Verdict::new();
    // Those who come again cost anew: the seats that they had are kept.
    let each = peak.saturating_sub(resident) / u64::from(joined.load(Ordering::Relaxed));
    verdict.see(
        &format!(
            "memory: {} before, {} at most: {:.1} KiB each",
            mib(resident),
            mib(peak),
            each as f64 / 1024.0
        ),
        each <= GROWTH_BYTES_MAX,
    );
    println!(
        "     the kernel's for sockets, both ends: {} at most before, {} with them",
        mib(kernel),
        mib(kernel_with)
    );
    let mut without = before;
    without.add(&after)?;
    let ratio = with.value_at_quantile(0.99) as f64 / without.value_at_quantile(0.99) as f64;
    verdict
        .see(&format!("update gap: p99 is {ratio:.2} times what it is without them"), ratio <= GAP_RATIO_MAX);
    let told: Vec<_> = ends.iter().map(|(end, count)| format!("{count} x {end}")).collect();
    let visits = joined.load(Ordering::Relaxed);
    verdict.see(
        &format!(
            "who reads nothing came {visits} times and was closed: {}; by the metrics {closed}",
            told.join(", ")
        ),
        ends.get(&End::Closed(CloseCode::TooSlow.number())) == Some(&visits) && closed == f64::from(visits),
    );
    verdict.see(&format!("panics: {}", panics.len()), panics.is_empty());
    verdict.see(&format!("the server stopped: {status}"), status.success());
    Ok(verdict.is_fine())
}

fn print_gaps(parts: &[(&str, &Histogram<u64>)]) {
    println!("\nupdate gap of those who play, in ms\n            p50      p99      max   updates");
    let ms = |us: u64| us as f64 / 1000.0;
    for (name, gaps) in parts {
        let (p50, p99) = (ms(gaps.value_at_quantile(0.5)), ms(gaps.value_at_quantile(0.99)));
        println!("{name:8} {p50:6.1}   {p99:6.1}   {:6.1}   {:7}", ms(gaps.max()), gaps.len());
    }
    println!();
}

/// A client with a seat in the room, whose id is written down by the first.
async fn join(to: SocketAddr, number: u32, room: &Mutex<String>) -> Result<Client> {
    let mut client = Client::connect(&to.to_string(), &format!("player{number}")).await?;
    let known = room.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let wanted = if known.is_empty() {
        RoomWanted::JoinOrCreate { game: "crowd".into(), options: String::new() }
    } else {
        RoomWanted::ById { room: known, password: String::new() }
    };
    let joined = client.join_any(wanted).await?;
    room.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&joined.room);
    Ok(client)
}

/// Takes what comes, for good.
async fn play(mut client: Client, gaps: Gaps) -> Result<()> {
    let mut last: Option<Instant> = None;
    loop {
        if let Event::Frame(_) = client.next_event().await.context("one who plays was disturbed")? {
            let now = Instant::now();
            if let Some(last) = last.replace(now) {
                let gap = (now - last).as_micros() as u64;
                gaps.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(gap);
            }
        }
    }
}

fn take(gaps: &Gaps) -> Histogram<u64> {
    let mut gaps = gaps.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = gaps.clone();
    gaps.reset();
    taken
}

/// Takes a seat, sends pongs and reads nothing until it is closed; and again, until it is over.
async fn stay(to: SocketAddr, room: String, is_over: Arc<AtomicBool>, joined: Arc<AtomicU32>) -> Vec<End> {
    let mut ends = Vec::new();
    loop {
        joined.fetch_add(1, Ordering::Relaxed);
        ends.push(stay_once(to, &room).await.unwrap_or_else(|end| end));
        if is_over.load(Ordering::Relaxed) {
            return ends;
        }
    }
}

async fn stay_once(to: SocketAddr, room: &str) -> Result<End, End> {
    let mut line = Line::greet(to, Ipv4Addr::LOCALHOST).await?;
    let wanted = RoomWanted::ById { room: room.to_owned(), password: String::new() };
    line.say(&ClientMessage::Join { room: wanted, schema_hash: 0 }).await?;
    let ServerMessage::Joined(_) = line.told().await? else { return Err(End::Strange) };
    let answering = async {
        loop {
            line.send(&frame(Opcode::Pong, true, &[])).await?;
            sleep(Duration::from_secs(1)).await;
        }
    };
    // Then it looks why it hears no more.
    if let Ok(ended) = timeout(CLOSING_AFTER, answering).await {
        let never: Result<std::convert::Infallible, End> = ended;
        return never.map(|never| match never {});
    }
    Ok(line.end().await)
}

/// The most that the kernel takes for TCP's buffers in this time.
async fn kernel_peak_bytes(time: Duration) -> Result<u64> {
    let end = Instant::now() + time;
    let mut peak = 0;
    while Instant::now() < end {
        peak = peak.max(kernel_bytes()?);
        sleep(LOOK_INTERVAL).await;
    }
    Ok(peak)
}

/// What the kernel has taken for TCP's buffers, of all processes of this network namespace.
fn kernel_bytes() -> Result<u64> {
    let stat = std::fs::read_to_string("/proc/net/sockstat").context("this is not Linux")?;
    let line = stat.lines().find(|line| line.starts_with("TCP:")).context("no TCP in sockstat")?;
    let pages: u64 = line.split_whitespace().last().context("no `mem`")?.parse()?;
    Ok(pages * rustix::param::page_size() as u64)
}
