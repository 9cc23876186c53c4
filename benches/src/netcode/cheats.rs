//! Clients that cheat with time, against an honest one.

use anyhow::Result;
use fracas_arena::{Arena, Config, Event, Input, View};
use fracas_shared::glam::Vec2;
use fracas_shared::packet::{InputHead, LooseRow, RowCodecs};
use fracas_shared::{Game, PlayerId, Profile, Schema, Tick, ViewTime};
use fracas_sim::{Room, RoomOptions, SeatToken, Viewers};

use super::figures::{Figures, Wanted};
use super::measures::{CAP_MS, Lengths, TICK_HZ, harmless, open_field};

/// A room with one player, whose inputs come as they are told.
struct Lone {
    room: Room<Arena>,
    player: PlayerId,
    codecs: RowCodecs,
}

impl Lone {
    fn open(config: Config) -> Result<Self> {
        let options =
            RoomOptions { tick_hz: TICK_HZ, rewind_ms: CAP_MS, config, ..RoomOptions::of::<Arena>() };
        let mut room = Room::open(options, 1)?;
        let player = room.join(Profile::player("cheat"), SeatToken(1))?;
        Ok(Self { room, player, codecs: RowCodecs::of(&Schema::of::<Arena>()) })
    }

    /// The tick of the next step.
    fn next(&self) -> Tick {
        self.room.simulation().tick().next()
    }

    fn send(&mut self, tick: Tick, view_lag: u16, input: Input) -> Result<()> {
        let mut packet = Vec::new();
        InputHead { tick, ack: Tick(0), view_lag }.write(&mut packet);
        self.codecs.inputs.encode(&LooseRow::of(&input, |_| None), &mut packet);
        self.room.input(self.player, &packet)?;
        Ok(())
    }
}

/// A client that cheats with time, against an honest one: who gets further and fires more.
pub fn cheats(figures: &mut Figures, lengths: Lengths) -> Result<()> {
    let ticks = lengths.match_s as u32 * u32::from(TICK_HZ);
    let honest = race(ticks, |_, next| vec![next])?;
    let line = "6. cheats";
    figures.push(line, "honest: way", honest.0, "m", Wanted::Anything);
    figures.push(line, "honest: shots", honest.1, "shots", Wanted::Anything);
    let cheats: [(&str, Stamps); 4] = [
        ("twice the inputs", |_, next| vec![next, next]),
        ("ten inputs a tick, ever further ahead", |_, next| (next..next + 10).collect()),
        ("stamps from the future", |_, next| vec![next + 31]),
        ("a second's inputs let go at once", |tick, next| {
            if tick % 30 == 29 { (next.saturating_sub(29)..=next).collect() } else { Vec::new() }
        }),
    ];
    for (name, stamps) in cheats {
        let (way, shots) = race(ticks, stamps)?;
        figures.push(
            line,
            format!("{name}: way, against the honest one"),
            way / honest.0,
            "times",
            Wanted::AtMost(1.0),
        );
        figures.push(
            line,
            format!("{name}: shots, against the honest one"),
            shots / honest.1,
            "times",
            Wanted::AtMost(1.0),
        );
    }
    figures.push(
        line,
        "a moment of its own for each shot: between the moments that were used",
        chosen_moments(ticks)?,
        "ticks",
        Wanted::AtMost(0.25),
    );
    Ok(())
}

/// Says of its screen that it shows the oldest moment, but of each shot's that it shows the newest:
/// gives by how much the age of what its shots meet differs.
fn chosen_moments(ticks: u32) -> Result<f64> {
    let mut lone = Lone::open(harmless(false))?;
    let cap = f64::from(CAP_MS) * f64::from(TICK_HZ) / 1000.0;
    let (mut least, mut most) = (f64::INFINITY, 0.0f64);
    for tick in 0..ticks {
        let next = lone.next();
        let beam = tick % 10 == 9;
        let view_lag = if beam { ViewTime::PARTS } else { u16::MAX };
        lone.send(next, view_lag, Input { beam, ..Input::default() })?;
        lone.room.tick(&mut Viewers::default());
        for (_, shown) in lone.room.last_record().view_times.iter().filter(|_| beam) {
            let age = (-shown.since(next)).min(cap);
            (least, most) = (least.min(age), most.max(age));
        }
    }
    Ok(most - least)
}

/// The stamps of what is sent before a tick, given its number and the next step's.
type Stamps = fn(u32, u32) -> Vec<u32>;

/// Flies around and fires for so many ticks, with inputs of these stamps before each; gives the way
/// flown and the shots fired.
fn race(ticks: u32, stamps: impl Fn(u32, u32) -> Vec<u32>) -> Result<(f64, f64)> {
    let mut lone = Lone::open(Config { map: open_field(), ..harmless(false) })?;
    let (mut way, mut shots) = (0.0, 0.0);
    let mut last: Option<Vec2> = None;
    for tick in 0..ticks {
        for stamp in stamps(tick, lone.next().0) {
            // Two seconds one way, two seconds back.
            let x = if (stamp / 60).is_multiple_of(2) { 127 } else { -127 };
            lone.send(Tick(stamp), 0, Input { x, beam: true, ..Input::default() })?;
        }
        lone.room.tick(&mut Viewers::default());
        shots += lone.room.last_events().filter(|event| matches!(event, Event::Beam { .. })).count() as f64;
        let simulation = lone.room.simulation();
        let at = simulation.world().iter().find_map(|(key, entity)| {
            match simulation.game().view(key, entity)? {
                View::Ship { x, y, .. } => Some(Vec2::new(x, y)),
                _ => None,
            }
        });
        if let (Some(at), Some(last)) = (at, last) {
            way += f64::from(at.distance(last));
        }
        last = at;
    }
    Ok((way, shots))
}
