//! What a connection costs that has joined and does nothing.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;
use fracas_shared::limits::{CONNECTIONS_MAX, SEATS_MAX, TICK_HZ_MAX};
use serde_json::json;

use crate::bounds::Bound;
use crate::crowd;
use crate::crowd_process::{CrowdProcess, Told};
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
/// on the ticks of their room do. All seats that nobody has are bots', so that a room has the same match whoever is there: a
/// server with one connection in each room is looked at first, and what another one has more with all of them is what they cost,
/// at most 2 KiB of its own memory for each, and 6 KiB with the kernel's. What the kernel took is for both ends of each
/// connection, which are on this machine: half of it counts.
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
        (1..=CONNECTIONS_MAX as u64).contains(&options.clients) && (2..=SEATS_MAX).contains(&options.seats),
        "1 to {CONNECTIONS_MAX} clients, and 2 to {SEATS_MAX} seats of a room"
    );
    ensure!(
        options.clients > rooms_of(options),
        "{} clients: more than one in each room are to be measured",
        options.clients
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

/// A server whose clients are at rest.
struct Rest {
    /// More than before the first came.
    user: f64,
    slab: f64,
    buffers: f64,
    ticked: f64,
    told: Told,
}

impl Rest {
    /// With so many, each in a room of its own if it is to be.
    fn with(clients: u64, apart: bool, tick_hz: u16, options: &Options, place: &Place) -> Result<Self> {
        let server = Product::start(place, &[])?;
        place.interrupt.pause(STARTING)?;
        let before = Memory::of(&server)?;
        let crowd = crowd::Options {
            server: server.address(),
            clients: clients as usize,
            stalling: 0,
            ramp: options.ramp,
            game: options.game.clone(),
            room: format!(r#"{{"seats":{seats},"bots":{seats},"tick_hz":{tick_hz}}}"#, seats = options.seats),
            inputs: 0.0,
            apart,
        };
        let mut crowd = CrowdProcess::start(&crowd, place)?;
        eprintln!("at rest for {} s", options.seconds);
        place.interrupt.pause(Duration::from_secs_f64(options.seconds))?;
        let (rest, told) = (Memory::of(&server)?, crowd.ask()?);
        Ok(Self {
            user: rest.user - before.user,
            slab: (rest.kernel.slab - before.kernel.slab) / ENDS,
            buffers: (rest.kernel.buffers - before.kernel.buffers) / ENDS,
            ticked: server.metrics()?.value("fracas_ticked_connections"),
            told,
        })
    }
}

fn rooms_of(options: &Options) -> u64 {
    options.clients.div_ceil(options.seats.into())
}

fn measure(tick_hz: u16, options: &Options, place: &Place) -> Result<Report> {
    let Options { clients, seats, game, .. } = options;
    let rooms = rooms_of(options);
    let few = Rest::with(rooms, true, tick_hz, options, place)?;
    let many = Rest::with(*clients, false, tick_hz, options, place)?;
    let title = format!("{clients} idle connections in {rooms} rooms of {seats} of {game} at {tick_hz} Hz");
    let mut report = Report::new(&title);
    let each = |more: f64| more / (*clients - rooms) as f64;
    let user = each(many.user - few.user);
    let (slab, buffers) = (each(many.slab - few.slab), each(many.buffers - few.buffers));
    report.figure("a room with one of them", "room_bytes", few.user / rooms as f64, " bytes");
    report.figure("all, with rooms, for each", "all_bytes_each", many.user / *clients as f64, " bytes");
    report.figure("each", "user_bytes_each", user, " bytes");
    report.figure("kernel's objects, one end", "slab_bytes_each", slab, " bytes each");
    report.figure("kernel's buffers, one end", "buffer_bytes_each", buffers, " bytes each");
    report.figure("driven by ticks", "ticked_connections", many.ticked, "");
    report.put("tick_hz", json!(tick_hz));
    report.bound(Bound::new("memory of each", " bytes", USER_BYTES_MAX, user));
    report.bound(Bound::new("the same with the kernel's", " bytes", ALL_BYTES_MAX, user + slab + buffers));
    let other = |rest: &Rest| rest.told.count("rooms").abs_diff(rooms);
    report.bound(Bound::new("other rooms than meant", "", 0.0, (other(&few) + other(&many)) as f64));
    let lost = (rooms + clients).saturating_sub(few.told.playing() + many.told.playing());
    report.bound(Bound::new("clients lost", "", 0.0, lost as f64));
    Ok(report)
}
