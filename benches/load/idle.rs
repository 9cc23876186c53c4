//! What a connection costs that has joined and does nothing.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use fracas_shared::limits::{CONNECTIONS_MAX, SEATS_MAX, TICK_HZ_MAX};
use serde_json::json;

use crate::bounds::Bound;
use crate::crowd;
use crate::crowd_process::CrowdProcess;
use crate::kernel::KernelMemory;
use crate::place::{self, Place};
use crate::product::Product;
use crate::report::Report;

/// The server's own memory for each, in bytes.
const USER_BYTES_MAX: f64 = 2048.0;
/// The same with the kernel's.
const ALL_BYTES_MAX: f64 = 6144.0;
/// From the start of a server to when it is first looked at.
const STARTING: Duration = Duration::from_secs(1);
/// Sockets of a connection on this machine: the server's and the client's.
const ENDS: f64 = 2.0;

/// What memory a connection costs that has joined and does nothing but acknowledge what it reads.
///
/// It is measured in rooms of each of these tick rates by itself: at less than 10 Hz the reactor drives connections, from 10 Hz
/// on the ticks of their room do. Counted is all that came to the server since it was started, rooms and seats too: at most
/// 2 KiB of its own memory for each, and 6 KiB with the kernel's. What the kernel took is for both ends of each connection,
/// which are on this machine: half of it counts.
#[derive(Args, Clone, Debug)]
#[command(after_help = place::EXIT_CODES)]
pub(crate) struct Options {
    /// Connections.
    #[arg(long, default_value_t = 9000)]
    clients: u64,
    /// Seats of a room.
    #[arg(long, default_value_t = 200)]
    seats: u16,
    /// Ticks of a room in a second, several with commas between.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 10])]
    tick_hz: Vec<u16>,
    /// What is played: dots or arena.
    #[arg(long, default_value = "dots")]
    game: String,
    /// Connections that come in a second.
    #[arg(long, default_value_t = 500.0)]
    ramp: f64,
    /// How long they are at rest before it is looked again, in seconds.
    #[arg(long, default_value_t = 20.0)]
    seconds: f64,
    #[command(flatten)]
    place: place::Options,
}

/// Measures; whether all is held.
pub(crate) fn run(options: &Options) -> Result<bool> {
    ensure!(
        (1..=CONNECTIONS_MAX as u64).contains(&options.clients) && (1..=SEATS_MAX).contains(&options.seats),
        "1 to {CONNECTIONS_MAX} clients, and 1 to {SEATS_MAX} seats of a room"
    );
    for tick_hz in &options.tick_hz {
        ensure!((1..=TICK_HZ_MAX).contains(tick_hz), "{tick_hz} Hz: a room has 1 to {TICK_HZ_MAX}");
    }
    let place = Place::take(&options.place)?;
    let reports: Result<Vec<_>> =
        options.tick_hz.iter().map(|tick_hz| measure(*tick_hz, options, &place)).collect();
    place.tell(&reports?)
}

/// Memory at one moment.
struct Memory {
    user: f64,
    kernel: KernelMemory,
}

impl Memory {
    fn of(server: &Product) -> Result<Self> {
        Ok(Self { user: server.resident_bytes()? as f64, kernel: KernelMemory::now()? })
    }
}

fn measure(tick_hz: u16, options: &Options, place: &Place) -> Result<Report> {
    let server = Product::start(place)?;
    place.interrupt.pause(STARTING)?;
    let before = Memory::of(&server)?;
    let crowd = crowd::Options {
        server: server.address(),
        clients: options.clients as usize,
        stalling: 0,
        ramp: options.ramp,
        game: options.game.clone(),
        room: format!(r#"{{"seats":{},"bots":0,"tick_hz":{tick_hz}}}"#, options.seats),
        inputs: 0.0,
    };
    let mut crowd = CrowdProcess::start(&crowd, place)?;
    let joined = Memory::of(&server)?;
    eprintln!("at rest for {} s", options.seconds);
    place.interrupt.pause(Duration::from_secs_f64(options.seconds))?;
    let (rest, told) = (Memory::of(&server)?, crowd.ask()?);
    let ticked = server.metrics()?.value("fracas_ticked_connections");
    let Options { clients, seats, game, .. } = options;
    let rooms = told.count("rooms");
    let mut report = Report::new(&format!(
        "{clients} idle connections in {rooms} rooms of {seats} of {game} at {tick_hz} Hz"
    ));
    let each = |bytes: f64| bytes / *clients as f64;
    let user = each(rest.user - before.user);
    let slab = each(rest.kernel.slab - before.kernel.slab) / ENDS;
    let buffers = each(rest.kernel.buffers - before.kernel.buffers) / ENDS;
    report.figure("server, before", "before_bytes", before.user, " bytes");
    report.figure("server, all joined", "joined_bytes_each", each(joined.user - before.user), " bytes each");
    report.figure("server, at rest", "user_bytes_each", user, " bytes each");
    report.figure("kernel's objects, one end", "slab_bytes_each", slab, " bytes each");
    report.figure("kernel's buffers, one end", "buffer_bytes_each", buffers, " bytes each");
    report.figure("driven by ticks", "ticked_connections", ticked, "");
    report.put("tick_hz", json!(tick_hz));
    report.bound(Bound::new("memory of each", " bytes", USER_BYTES_MAX, user));
    report.bound(Bound::new("the same with the kernel's", " bytes", ALL_BYTES_MAX, user + slab + buffers));
    let lost = clients.saturating_sub(told.playing());
    report.bound(Bound::new("clients lost", "", 0.0, lost as f64));
    Ok(report)
}
