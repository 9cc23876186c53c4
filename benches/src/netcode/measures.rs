//! What is measured: each function is one question to the netcode.

use std::time::Duration;

use anyhow::Result;
use fracas_arena::{Config, Event, MapSource, Weapon};
use fracas_shared::glam::Vec2;
use fracas_shared::{LineProfile, PlayerId, Tick};

use super::brains::{Duellist, PilotBrain, Sentry, Shuttle, Wanderer};
use super::figures::{Figures, Wanted, quantile};
use super::simulated::{Happened, SimulatedMatch};

pub(super) const TICK_HZ: u16 = 30;
const TICK_MS: f64 = 1000.0 / TICK_HZ as f64;
/// What the rules know positions to, in metres.
const OWN_STEP_M: f32 = 1.0 / 1024.0;
/// What views show positions to, in metres.
const VIEW_STEP_M: f32 = 1.0 / 32.0;
/// The game's own cap, in milliseconds.
pub(super) const CAP_MS: u16 = 250;
/// In which everyone finds the way to the server, in seconds: figures begin after it.
const SETTLE_S: u64 = 12;

/// How long the measurements are.
#[derive(Clone, Copy, Debug)]
pub struct Lengths {
    /// Of a match, in seconds.
    pub match_s: u64,
    /// Of a clock's life, in seconds.
    pub clock_s: u64,
    /// Matches of each kind.
    pub matches: u64,
    /// Of the match whose instructions are counted, in seconds.
    pub cost_s: u64,
}

impl Lengths {
    /// What figures are told of.
    pub const FULL: Self = Self { match_s: 600, clock_s: 3600, matches: 4, cost_s: 60 };
    /// Enough to see that nothing is broken.
    pub const SMOKE: Self = Self { match_s: 20, clock_s: 60, matches: 1, cost_s: 5 };
}

fn line(latency_ms: u32, jitter_ms: u32) -> LineProfile {
    LineProfile { latency_ms, jitter_ms, ..LineProfile::default() }
}

/// There and back in 100 ms, each message by up to 20 ms earlier or later.
fn usual() -> LineProfile {
    line(100, 20)
}

/// 100 ms each way, each message by up to 20 ms earlier or later.
fn far() -> LineProfile {
    line(200, 20)
}

fn mobile() -> LineProfile {
    LineProfile { latency_ms: 60, jitter_ms: 40, stall_ms: 200, stall_every_ms: 10_000, rate_kbps: 0 }
}

/// Shots hurt, but hardly: nobody dies for long, so that nothing but the lines is between the players
/// and their ships.
pub(super) fn harmless(solid: bool) -> Config {
    let mut config = Config { score_limit: 1000, time_limit_s: 3600.0, ..Config::default() };
    (config.beam.damage, config.rocket.damage, config.pickup.health) = (1, 1, 127);
    (config.ship.health, config.ship.solid) = (127, solid);
    config
}

/// Eight pilots at the end of such lines, after they have found the way.
fn pilots(config: Config, profile: LineProfile, seed: u64, holds_fire: bool) -> Result<SimulatedMatch> {
    let mut played = SimulatedMatch::new(config, TICK_HZ, CAP_MS, seed)?;
    for number in 0..8 {
        let seed = seed * 100 + number;
        let fps = [60, 144, 60, 30, 75, 60, 120, 60][number as usize % 8];
        played.join(profile, fps, seed, Box::new(PilotBrain::new(seed, holds_fire)))?;
    }
    played.run(Duration::from_secs(SETTLE_S))?;
    for player in &mut played.players {
        player.happened.clear();
        player.buffered = (0.0, 0);
    }
    Ok(played)
}

/// Own movement: how wrong predictions were, and how soon the own ship answered.
pub fn prediction(figures: &mut Figures, lengths: Lengths) -> Result<()> {
    for (name, profile) in [("100 ms there and back, +-20", usual()), ("100 ms each way, +-20", far())] {
        for solid in [false, true] {
            let mut found = Corrections::default();
            for seed in 1..=lengths.matches {
                let mut played = pilots(harmless(solid), profile, seed, false)?;
                for _ in 0..lengths.match_s {
                    played.run(Duration::from_secs(1))?;
                    for player in &mut played.players {
                        found.take(player.player, &player.happened, seed);
                        player.happened.clear();
                    }
                }
            }
            found.tell(figures, name, solid);
        }
    }
    Ok(())
}

#[derive(Default)]
struct Corrections {
    ticks: u64,
    excluded: u64,
    above: u64,
    distances: Vec<f64>,
    /// When the drawn ship last was corrected by more than a radius.
    jolted_at: std::collections::BTreeMap<(u64, PlayerId), Tick>,
    bands: u64,
    answers: u64,
    answered: u64,
    answer_mm: Vec<f64>,
}

impl Corrections {
    fn take(&mut self, player: PlayerId, happened: &[Happened], seed: u64) {
        for happened in happened {
            match happened {
                Happened::Frame { was_missing: true, correction: Some(_), .. } => self.excluded += 1,
                Happened::Frame { tick, correction: Some(distance), .. } => {
                    self.ticks += 1;
                    self.above += u64::from(*distance > OWN_STEP_M);
                    self.distances.push(f64::from(*distance));
                    if *distance > 0.4 {
                        let last = self.jolted_at.insert((seed, player), *tick);
                        self.bands +=
                            u64::from(last.is_some_and(|last| tick.since(last) < i32::from(TICK_HZ)));
                    }
                }
                Happened::Drawn { answer: Some(moved), .. } => {
                    self.answers += 1;
                    self.answered += u64::from(*moved > 0.0);
                    self.answer_mm.push(f64::from(*moved) * 1000.0);
                }
                _ => {}
            }
        }
    }

    fn tell(mut self, figures: &mut Figures, name: &str, solid: bool) {
        let line = "1. own movement";
        let ships = if solid { "ships collide" } else { "no collisions" };
        let name = |what: &str| format!("{name}, {ships}: {what}");
        let per_1000 = self.above as f64 * 1000.0 / self.ticks as f64;
        if solid {
            let p99 = quantile(&mut self.distances, 0.99);
            figures.push(line, name("p99 correction (radius 0.4 m)"), p99, "m", Wanted::AtMost(0.4));
            figures.push(line, name("corrections above one quantum"), per_1000, "of 1,000", Wanted::Anything);
        } else {
            figures.push(
                line,
                name("corrections above one quantum"),
                per_1000,
                "of 1,000",
                Wanted::Below(1.0),
            );
            let share = self.answered as f64 * 100.0 / self.answers as f64;
            figures.push(
                line,
                name("changes of wish drawn in the same frame"),
                share,
                "%",
                Wanted::AtLeast(99.0),
            );
            let p50 = quantile(&mut self.answer_mm, 0.5);
            figures.push(line, name("by how much, median"), p50, "mm", Wanted::Anything);
        }
        figures.push(
            line,
            name("second correction above a radius in a second"),
            self.bands as f64,
            "",
            Wanted::AtMost(0.0),
        );
        figures.push(line, name("ticks counted"), self.ticks as f64, "ticks", Wanted::Anything);
        figures.push(
            line,
            name("ticks excluded, their own input was missing"),
            self.excluded as f64,
            "ticks",
            Wanted::Anything,
        );
    }
}

/// Inputs: how many were missing at their tick, and how long the others waited.
pub fn inputs(figures: &mut Figures, lengths: Lengths) -> Result<()> {
    let line = "2. inputs";
    let cases = [
        ("100 ms there and back, +-20", usual(), 0.1, true),
        ("100 ms each way, +-20", far(), 0.1, true),
        ("60 ms there and back, +-40, stalls of 200 ms", mobile(), 2.0, false),
    ];
    for (name, profile, missing_max, is_bounded) in cases {
        let (mut missing, mut all, mut buffered) = (0, 0, (0.0, 0));
        for seed in 1..=lengths.matches {
            let mut played = pilots(harmless(false), profile, seed, true)?;
            let ids: Vec<_> = played.players.iter().map(|player| player.player).collect();
            let before: Vec<_> = ids.iter().map(|id| played.input_counts(*id)).collect();
            for _ in 0..lengths.match_s {
                played.run(Duration::from_secs(1))?;
                played.players.iter_mut().for_each(|player| player.happened.clear());
            }
            for (id, before) in ids.iter().zip(before) {
                let after = played.input_counts(*id);
                missing += after.missing() - before.missing();
                all += after.missing() + after.on_time - before.missing() - before.on_time;
            }
            for player in &played.players {
                buffered = (buffered.0 + player.buffered.0, buffered.1 + player.buffered.1);
            }
        }
        let share = f64::from(missing) * 100.0 / f64::from(all);
        let mean = buffered.0 / buffered.1 as f64;
        figures.push(line, format!("{name}: missing at their tick"), share, "%", Wanted::Below(missing_max));
        let wanted = if is_bounded { Wanted::AtMost(2.0) } else { Wanted::Anything };
        figures.push(line, format!("{name}: buffered, mean"), mean, "ticks", wanted);
    }
    Ok(())
}

/// Others: how often nothing was at hand to draw, how old it is, and how wrong.
pub fn others(figures: &mut Figures, lengths: Lengths) -> Result<()> {
    let line = "3. others";
    for (name, profile) in [
        ("100 ms there and back, +-20", usual()),
        ("100 ms each way, +-20", far()),
        ("60 +-40, stalls", mobile()),
    ] {
        let is_bounded = profile.stall_every_ms == 0;
        let (mut frames, mut starved) = (0u64, 0u64);
        let (mut delays, mut straight, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for seed in 1..=lengths.matches {
            let mut played = SimulatedMatch::new(harmless(false), TICK_HZ, CAP_MS, seed)?;
            for number in 0..8 {
                let seed = seed * 100 + number;
                played.join(profile, 60, seed, Box::new(Wanderer::new(seed, (10, 60))))?;
            }
            played.run(Duration::from_secs(SETTLE_S))?;
            played.players.iter_mut().for_each(|player| player.happened.clear());
            for _ in 0..lengths.match_s {
                played.run(Duration::from_secs(1))?;
                for player in &mut played.players {
                    for happened in player.happened.drain(..) {
                        let Happened::Drawn { is_starved, delay_ticks, errors, .. } = happened else {
                            continue;
                        };
                        frames += 1;
                        starved += u64::from(is_starved);
                        delays.push(delay_ticks);
                        for (error, is_straight) in errors {
                            all.push(f64::from(error));
                            if is_straight {
                                straight.push(f64::from(error));
                            }
                        }
                    }
                }
            }
        }
        let share = starved as f64 * 100.0 / frames as f64;
        // Of a jitter of up to j each way, the 99th percentile behind the fastest.
        let jitter_ticks = f64::from(profile.jitter_ms) * 2.0 * 0.99 / TICK_MS;
        let (wanted, delay) = if is_bounded {
            (Wanted::Below(0.1), Wanted::AtMost(2.0 + jitter_ticks))
        } else {
            (Wanted::Anything, Wanted::Anything)
        };
        figures.push(line, format!("{name}: starved frames"), share, "%", wanted);
        figures.push(
            line,
            format!("{name}: interpolation delay, p99"),
            quantile(&mut delays, 0.99),
            "ticks",
            delay,
        );
        let bound = f64::from(VIEW_STEP_M) * 1.5;
        let wanted = if is_bounded { Wanted::AtMost(bound) } else { Wanted::Anything };
        figures.push(
            line,
            format!("{name}: position error in straight motion, p99"),
            quantile(&mut straight, 0.99),
            "m",
            wanted,
        );
        figures.push(
            line,
            format!("{name}: position error in all motion, p99"),
            quantile(&mut all, 0.99),
            "m",
            Wanted::Anything,
        );
    }
    Ok(())
}

/// What became of a duel's shots.
#[derive(Default)]
struct Duel {
    on_screen: u64,
    hits: u64,
    beside: u64,
    strays: u64,
    /// What the screen showed was older than the cap.
    beyond: u64,
    lags: Vec<f64>,
}

/// Two players with beams at the end of such lines.
fn duel(profile: LineProfile, rewind_ms: u16, counts_beyond: bool, lengths: Lengths) -> Result<Duel> {
    let mut found = Duel::default();
    for seed in 1..=lengths.matches {
        let mut config = harmless(false);
        (config.map, config.pickup.return_s) = (open_field(), 0.5);
        let mut played = SimulatedMatch::new(config, TICK_HZ, rewind_ms, seed)?;
        let shooter = PlayerId(0);
        played.join(profile, 60, seed * 10, Box::new(Duellist::new(seed, PlayerId(1), 0.05)))?;
        played.join(profile, 60, seed * 10 + 1, Box::new(Wanderer::new(seed * 10 + 1, (5, 20))))?;
        played.run(Duration::from_secs(SETTLE_S))?;
        played.players.iter_mut().for_each(|player| player.happened.clear());
        let mut sent = std::collections::BTreeMap::new();
        let mut landed = std::collections::BTreeMap::new();
        for _ in 0..u64::from(TICK_HZ) * lengths.match_s {
            played.tick()?;
            let tick = played.room.simulation().tick();
            for event in played.room.last_events() {
                match event {
                    Event::Beam { player, .. } if *player == shooter => {
                        landed.entry(tick.0).or_insert(false);
                    }
                    Event::Hit { by, weapon: Weapon::Beam, .. } if *by == shooter => {
                        landed.insert(tick.0, true);
                    }
                    _ => {}
                }
            }
            for player in &mut played.players {
                let is_shooter = player.player == shooter;
                for happened in player.happened.drain(..) {
                    if let Happened::Sent { tick, aims_at, fires: true, lag_ticks } = happened
                        && is_shooter
                    {
                        found.lags.push(lag_ticks);
                        let is_beyond = rewind_ms > 0 && lag_ticks * TICK_MS > f64::from(rewind_ms);
                        found.beyond += u64::from(is_beyond);
                        sent.insert(tick.0, (aims_at.is_some(), is_beyond));
                    }
                }
            }
        }
        for (tick, (aims_at, is_beyond)) in sent {
            // A shot whose input was late was fired a tick or two later.
            let landed = (tick..tick + 4).find_map(|tick| landed.get(&tick).copied());
            let Some(hits) = landed else { continue };
            if is_beyond && !counts_beyond {
                continue;
            }
            if aims_at {
                found.on_screen += 1;
                found.hits += u64::from(hits);
            } else {
                found.beside += 1;
                found.strays += u64::from(hits);
            }
        }
    }
    Ok(found)
}

/// A field without walls in it, and with so much to heal ships that none dies for long.
pub(super) fn open_field() -> MapSource {
    let (wall, floor) = ("#".repeat(24), format!("#{}#", "..H..".repeat(5)[..22].to_owned()));
    let spawns = format!("#.S{}S.#", ".".repeat(18));
    let mut rows = vec![wall.clone(), floor.clone(), spawns.clone()];
    rows.extend(std::iter::repeat_n(floor.clone(), 12));
    rows.extend([spawns, floor, wall]);
    MapSource::Rows(rows)
}

/// Shots: whether those that hit on the screen hit on the server.
pub fn shots(figures: &mut Figures, lengths: Lengths) -> Result<()> {
    let line = "4. shots";
    let share = |duel: &Duel| duel.hits as f64 * 100.0 / duel.on_screen as f64;
    let mut compensated = duel(usual(), CAP_MS, false, lengths)?;
    figures.push(
        line,
        "hits on the screen that hit on the server",
        share(&compensated),
        "%",
        Wanted::AtLeast(99.9),
    );
    let beyond = compensated.beyond as f64;
    figures.push(
        line,
        "shots at what was older than the cap, not counted",
        beyond,
        "shots",
        Wanted::Anything,
    );
    let lag_ms = quantile(&mut compensated.lags, 0.5) * TICK_MS;
    figures.push(
        line,
        "how old what the screen shows is at the shot, median",
        lag_ms,
        "ms",
        Wanted::Anything,
    );
    figures.push(line, "hits on the screen", compensated.on_screen as f64, "shots", Wanted::Anything);
    let strays = compensated.strays as f64 * 100.0 / compensated.beside.max(1) as f64;
    figures.push(line, "misses on the screen that hit on the server", strays, "%", Wanted::AtMost(1.0));
    let plain = duel(usual(), 0, true, lengths)?;
    figures.push(line, "without lag compensation: hits that hit", share(&plain), "%", Wanted::Anything);
    // So far away, what the screen shows is older than the cap.
    let beyond = duel(line_of(700), CAP_MS, true, lengths)?;
    figures.push(
        line,
        "700 ms there and back: hits that hit",
        share(&beyond),
        "%",
        Wanted::Below(share(&compensated)),
    );
    covered(figures, lengths)
}

fn line_of(latency_ms: u32) -> LineProfile {
    line(latency_ms, 20)
}

/// For how long after it has reached cover a victim can be hit.
fn covered(figures: &mut Figures, lengths: Lengths) -> Result<()> {
    for (name, latency_ms) in [("100 ms", 100), ("700 ms", 700)] {
        let mut latest_ms = 0.0f64;
        let mut hits = 0u64;
        for seed in 1..=lengths.matches {
            let mut config = harmless(false);
            // The victim crosses a gap in a wall, again and again.
            let mut rows = vec!["#".repeat(24)];
            rows.extend((0..6).map(|_| format!("#{}#", ".".repeat(22))));
            rows[6] = format!("#{}SS{}#", ".".repeat(10), ".".repeat(10));
            rows.push(format!("#{}......{}#", "#".repeat(8), "#".repeat(8)));
            rows.extend((0..4).map(|_| format!("#{}#", ".".repeat(22))));
            rows.push("#".repeat(24));
            config.map = MapSource::Rows(rows);
            config.beam.cooldown_s = 0.05;
            let mut played = SimulatedMatch::new(config, TICK_HZ, CAP_MS, seed)?;
            let (shooter, victim) = (PlayerId(0), PlayerId(1));
            played.join(
                line(latency_ms, 20),
                60,
                seed * 10,
                Box::new(Sentry::new(victim, Vec2::new(12.0, 9.5))),
            )?;
            let places = [Vec2::new(3.0, 2.5), Vec2::new(21.0, 2.5)];
            played.join(line(40, 5), 60, seed * 10 + 1, Box::new(Shuttle::new(places)))?;
            played.run(Duration::from_secs(SETTLE_S))?;
            let mut seen_at = played.room.simulation().tick();
            for _ in 0..u64::from(TICK_HZ) * lengths.match_s {
                played.tick()?;
                played.players.iter_mut().for_each(|player| player.happened.clear());
                let tick = played.room.simulation().tick();
                let ships = played.truth(tick).unwrap_or_default();
                let of =
                    |id| ships.iter().find(|ship| ship.player == id && ship.alive).map(|ship| ship.position);
                if let (Some(from), Some(to)) = (of(shooter), of(victim)) {
                    // A ship is in sight while any of it is: its middle or its sides.
                    let across = (to - from).normalize_or_zero().perp() * 0.4;
                    let rules = played.room.simulation().game();
                    if [to, to + across, to - across].iter().any(|point| rules.sees(from, *point)) {
                        seen_at = tick;
                    }
                }
                let is_hit = |event: &Event| matches!(event, Event::Hit { by, .. } if *by == shooter);
                if played.room.last_events().any(is_hit) {
                    hits += 1;
                    latest_ms = latest_ms.max(f64::from(tick.since(seen_at)) * TICK_MS);
                }
            }
        }
        let name = format!("{name} there and back: hit behind a wall, at most after");
        figures.push("4. shots", name, latest_ms, "ms", Wanted::AtMost(f64::from(CAP_MS) + TICK_MS));
        figures.push("4. shots", "  of so many hits", hits as f64, "hits", Wanted::AtLeast(1.0));
    }
    Ok(())
}

/// Time: whether the client knows what the server's tick is, and follows.
pub fn time(figures: &mut Figures, lengths: Lengths) -> Result<()> {
    let cases = [
        ("100 ms, +-20", usual(), 150, 0.0),
        ("100 ms each way, +-20, the step each way too", far(), 300, 0.0),
        ("60 ms, no jitter", line(60, 0), 150, 0.0),
        ("100 ms, +-20, 1 % fast", usual(), 150, 0.01),
    ];
    for (name, profile, step_ms, drift) in cases {
        let mut found = Clocks::default();
        for seed in 1..=lengths.matches * 5 {
            found.live(profile, step_ms, drift, seed)?;
        }
        found.tell(figures, name);
    }
    for drift in [0.01, -0.01] {
        let (worst, missing) = long_life(drift, lengths.clock_s)?;
        let name = format!("a clock {:+.0} % off for {} s", drift * 100.0, lengths.clock_s);
        figures.push("5. time", format!("{name}: largest error"), worst, "ticks", Wanted::AtMost(1.0));
        figures.push("5. time", format!("{name}: inputs missing"), missing, "%", Wanted::Below(0.1));
    }
    Ok(())
}

#[derive(Default)]
struct Clocks {
    cold: f64,
    suspended: f64,
    stepped: f64,
    follows_s: f64,
    jump: f64,
}

impl Clocks {
    fn live(&mut self, profile: LineProfile, step_ms: u32, drift: f64, seed: u64) -> Result<()> {
        let mut played = SimulatedMatch::new(harmless(false), TICK_HZ, CAP_MS, seed)?;
        let brain = Box::new(Wanderer::new(seed, (10, 40)));
        // Not at the server's first tick, and at no round one.
        played.run(Duration::from_millis(1000 + seed * 137))?;
        let id = played.join(profile, 60, seed, brain)?;
        if let Some(player) = played.player(id) {
            player.drift = drift;
        }
        played.run(Duration::from_secs(2))?;
        self.cold = self.cold.max(worst_error(&mut played, id, 60)?);
        played.run(Duration::from_secs(10))?;

        let now = played.now;
        if let Some(player) = played.player(id) {
            player.suspended_until = now + Duration::from_secs(10);
        }
        played.run(Duration::from_secs(12))?;
        self.suspended = self.suspended.max(worst_error(&mut played, id, 60)?);
        played.run(Duration::from_secs(10))?;

        for latency_ms in [profile.latency_ms + step_ms, profile.latency_ms] {
            played.set_lines(LineProfile { latency_ms, ..profile });
            let mut last: Option<f64> = None;
            let mut followed_s = 0.0;
            for tick in 0..u32::from(TICK_HZ) * 20 {
                played.tick()?;
                let after_s = f64::from(tick + 1) / f64::from(TICK_HZ);
                if behind(&mut played, id).abs() > 0.5 {
                    followed_s = after_s;
                }
                if after_s >= 2.0 {
                    self.stepped = self.stepped.max(error(&mut played, id).abs());
                }
                // How far the clock's last tick was from one tick.
                let at = applied(&mut played, id);
                if let Some(last) = last {
                    self.jump = self.jump.max((at - last - 1.0).abs());
                }
                last = Some(at);
            }
            self.follows_s = self.follows_s.max(followed_s);
        }
        Ok(())
    }

    fn tell(self, figures: &mut Figures, name: &str) {
        let line = "5. time";
        let mut push = |what: &str, value, unit, wanted| {
            figures.push(line, format!("{name}: {what}"), value, unit, wanted);
        };
        push("error 2 s after a cold start", self.cold, "ticks", Wanted::AtMost(1.0));
        push("error 2 s after 10 s of suspension", self.suspended, "ticks", Wanted::AtMost(1.0));
        push("error 2 s after a step of 150 ms", self.stepped, "ticks", Wanted::AtMost(1.0));
        push(
            "lead is half a tick off for so long after a step of 150 ms",
            self.follows_s,
            "s",
            Wanted::AtMost(10.0),
        );
        push("largest step of the applied clock beyond one tick", self.jump, "ticks", Wanted::AtMost(0.2));
    }
}

/// The estimate's error, in ticks.
fn error(played: &mut SimulatedMatch, id: PlayerId) -> f64 {
    let (now, tick) = (played.now, played.room.simulation().tick());
    let Some(subject) = played.player(id) else { return f64::INFINITY };
    let local = subject.local(now);
    let server = subject.play.clock().server();
    let Some(epoch) = server.epoch() else { return f64::INFINITY };
    server.tick(local) - f64::from(tick.since(epoch))
}

fn worst_error(played: &mut SimulatedMatch, id: PlayerId, ticks: u32) -> Result<f64> {
    let mut worst = error(played, id).abs();
    for _ in 0..ticks {
        played.tick()?;
        worst = worst.max(error(played, id).abs());
    }
    Ok(worst)
}

/// By how much the player's own clock is behind where it is to be.
fn behind(played: &mut SimulatedMatch, id: PlayerId) -> f64 {
    let now = played.now;
    let Some(subject) = played.player(id) else { return f64::INFINITY };
    subject.play.clock().behind_ticks(subject.local(now)).unwrap_or(f64::INFINITY)
}

/// Where the player's own clock stands at the server's tick.
fn applied(played: &mut SimulatedMatch, id: PlayerId) -> f64 {
    let now = played.now;
    let Some(subject) = played.player(id) else { return 0.0 };
    let local = subject.local(now);
    subject.play.clock().at(local).unwrap_or_default()
}

fn long_life(drift: f64, seconds: u64) -> Result<(f64, f64)> {
    let mut played = SimulatedMatch::new(harmless(false), TICK_HZ, CAP_MS, 5)?;
    let id = played.join(usual(), 60, 5, Box::new(Wanderer::new(5, (10, 40))))?;
    if let Some(player) = played.player(id) {
        player.drift = drift;
    }
    played.run(Duration::from_secs(SETTLE_S))?;
    let before = played.input_counts(id);
    let mut worst = 0.0f64;
    for _ in 0..seconds * u64::from(TICK_HZ) {
        played.tick()?;
        worst = worst.max(error(&mut played, id).abs());
        played.players.iter_mut().for_each(|player| player.happened.clear());
    }
    let after = played.input_counts(id);
    let missing = after.missing() - before.missing();
    let all = missing + after.on_time - before.on_time;
    Ok((worst, f64::from(missing) * 100.0 / f64::from(all)))
}
