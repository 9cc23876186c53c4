//! What is reported at the end: a table for people, JSON for programs, a page to look at.

mod compare;
mod html;
#[cfg(test)]
mod sample;
mod table;
mod words;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use fracas_client::LineProfile;
use serde::{Deserialize, Serialize};

pub(crate) use self::compare::{compare, load};
use crate::expect::Verdict;
use crate::plan::Plan;
use crate::record::{Errors, Record};
use crate::scenario::{Scenario, StageKind};
use crate::swarm::Outcome;
use crate::timeline::{Point, ServerPoint};
use crate::times::{Quantiles, Time, Times};

/// The share of its updates that every bot is to get.
const UPDATES_SHARE_MIN: f64 = 0.99;
/// Bars of a distribution from one time to twice that.
const BARS_PER_DOUBLING: f64 = 8.0;

/// What a run has shown. The JSON has these very fields, without the messages.
///
/// Everything is measured from each bot's joining to its leaving, the ramp included.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// The scenario's name.
    pub scenario: String,
    /// What it is for.
    pub about: String,
    /// What was loaded: `fracas`, or one of the other targets.
    pub target: String,
    /// The server's address.
    pub url: String,
    /// When the run began, in seconds since 1970.
    pub began_unix_s: u64,
    /// The games that were played, one after the other.
    pub game: String,
    /// What sessions and the bots' decisions were drawn from.
    pub seed: u64,
    /// What was made of each bot's line; of the first group's, when there are several.
    pub line: LineProfile,
    /// How long the bots played once all had joined, in seconds: all of the run but its ramp and drain.
    pub duration_s: f64,
    /// How many bots there were to be at one time, at most.
    pub clients: u32,
    /// How many sessions joined.
    pub joined: u32,
    /// How many could not.
    pub failed: u32,
    /// How many joined and did not leave by themselves.
    pub disconnects: u32,
    /// How often a bot had its seat again after its connection was dropped on purpose, or lost in a restart.
    pub resumed: u32,
    /// How often it had not.
    pub seats_lost: u32,
    /// How often it had, and the match had not gone on: it was another one, at an earlier tick, or the bot was another
    /// player or had a lower score.
    pub continuity_lost: u32,
    /// How many rooms they played in.
    pub rooms: usize,
    /// Ticks that the server made while bots were in its rooms: of each bot, from joining to leaving,
    /// without those while it was away. Ticks whose time the server dropped were never made.
    pub updates_expected: u64,
    /// Those of them whose state the bot received and decoded.
    pub updates_received: u64,
    /// The smallest share of its updates that any bot got, 0 to 1; 1 when there were none. Bots that
    /// read slowly on purpose are left out.
    pub updates_received_share_min: f64,
    /// Inputs sent.
    pub inputs_sent: u64,
    /// Inputs that were to be sent, by the sessions that had joined.
    pub inputs_planned: u64,
    /// From the first try to reach the server to its welcome.
    pub connect_ms: Quantiles,
    /// From asking for a seat to the first whole state.
    pub join_ms: Quantiles,
    /// From one update of a bot to its next, corrected for coordinated omission: a gap of several ticks
    /// also counts as what one would have seen who came at each of them.
    pub update_gap_ms: Quantiles,
    /// How much later a tick's state came than it would have, had it taken as long as the fastest one of
    /// its room.
    pub tick_age_ms: Quantiles,
    /// From the sending of an input to the first state that the server used it for, corrected for
    /// coordinated omission: inputs answer states, and none is sent while a server makes no states.
    pub input_to_state_ms: Quantiles,
    /// To the server and back, through its queues.
    pub ping_ms: Quantiles,
    /// From the last update before a connection was gone to the first one after the seat was taken up again.
    pub away_ms: Quantiles,
    /// Bytes that a bot received in a second: payloads and heads of WebSocket frames, without TCP/IP.
    pub rx_bytes_per_client_per_s: f64,
    /// Bytes that a bot sent in a second: payloads, heads and masks of WebSocket frames.
    pub tx_bytes_per_client_per_s: f64,
    /// Points that the bots made, as the game's pilot counts them: kills in a shooter.
    pub kills: u64,
    /// Frames that decoded to another state than the server's.
    pub view_hash_mismatches: u64,
    /// How often the server broke a promise, by kind: see the README for what each means.
    pub violations: BTreeMap<String, u64>,
    /// How often each kind of error occurred.
    pub errors: BTreeMap<String, u64>,
    /// Whether all was as expected.
    pub expectations: Vec<Verdict>,
    /// Whether somebody has stopped it before its end.
    pub was_stopped: bool,
    /// How many clients the server carries, when that was searched for.
    pub capacity: Option<Capacity>,
    /// The load tester itself.
    pub tester: Tester,
    /// What the server's own metrics say of the whole run; none when they were not to be had.
    pub server: Option<ServerPoint>,
    /// The plan that was carried out.
    pub plan: Planned,
    /// The stages of the run.
    pub stages: Vec<StageSpan>,
    /// The run in windows.
    pub timeline: Vec<Point>,
    /// How often each time was measured, by its name in expectations.
    pub distributions: BTreeMap<String, Vec<Bar>>,
    /// What the first error or violation of each kind said.
    #[serde(skip)]
    pub messages: BTreeMap<String, String>,
}

/// How many clients a server carries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Capacity {
    /// The most for which all held.
    pub holds: u32,
    /// The fewest for which something did not; none when all that was tried held.
    pub breaks: Option<u32>,
    /// What gave way then.
    pub gave_way: Option<String>,
}

/// How the load tester itself did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tester {
    /// Processes that the bots were in.
    pub processes: u32,
    /// Threads that drove the bots, of all processes.
    pub threads: u32,
    /// Processor cores that it used, on average.
    pub cpu_cores: f64,
    /// How late it was to what it had planned to do: to look at its sockets above all.
    pub lateness_ms: Quantiles,
    /// Whether it was so late, or so busy, that the figures are its own and not the server's.
    pub is_bottleneck: bool,
    /// Why, in a sentence.
    pub why: String,
}

/// What was planned, which the scenario and the seed alone decide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Planned {
    /// Sessions: bots that come, play and leave.
    pub sessions: u64,
    /// How often bots were to drop their connections.
    pub drops: u64,
    /// The same for the same plan, in hexadecimal digits.
    pub digest: String,
}

/// A stage of the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageSpan {
    /// Its name.
    pub name: String,
    /// When it began, in seconds since the run did.
    pub from_s: f64,
    /// When it ended.
    pub to_s: f64,
}

/// So many times were as long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bar {
    /// At most this, and longer than the bar before.
    pub to_ms: f64,
    /// How many.
    pub count: u64,
}

impl Report {
    /// The report of a run, but for what the whole process alone knows.
    pub(crate) fn new(scenario: &Scenario, plan: &Plan, outcome: &Outcome) -> Self {
        let record = &outcome.record;
        let (counts, times) = (&record.counts, &record.times);
        let seconds = counts.played_us as f64 / 1_000_000.0;
        let per_s = |bytes: u64| if seconds > 0.0 { (bytes as f64 / seconds).round() } else { 0.0 };
        let mut report = Self {
            scenario: scenario.name.clone(),
            about: scenario.about.clone(),
            began_unix_s: outcome.began_unix_s,
            game: games(scenario),
            seed: scenario.seed,
            line: scenario.groups.first().map(|group| group.line).unwrap_or_default(),
            duration_s: held_s(scenario, outcome),
            clients: scenario.peak_clients(),
            joined: counts.joined as u32,
            failed: counts.failed as u32,
            disconnects: counts.disconnects as u32,
            resumed: counts.resumed as u32,
            seats_lost: counts.seats_lost as u32,
            continuity_lost: counts.continuity_lost as u32,
            rooms: record.rooms.len(),
            updates_expected: counts.updates_expected,
            updates_received: counts.updates_received,
            updates_received_share_min: record.updates_received_share_min.unwrap_or(1.0),
            inputs_sent: counts.inputs,
            inputs_planned: counts.inputs_planned,
            connect_ms: times.quantiles(Time::Connect),
            join_ms: times.quantiles(Time::Join),
            update_gap_ms: times.quantiles(Time::UpdateGap),
            tick_age_ms: times.quantiles(Time::TickAge),
            input_to_state_ms: times.quantiles(Time::InputToState),
            ping_ms: times.quantiles(Time::Ping),
            away_ms: times.quantiles(Time::Away),
            rx_bytes_per_client_per_s: per_s(counts.rx_bytes),
            tx_bytes_per_client_per_s: per_s(counts.tx_bytes),
            kills: counts.kills,
            view_hash_mismatches: counts.view_hash_mismatches,
            violations: numbers(&record.violations),
            errors: numbers(&record.errors),
            was_stopped: outcome.was_stopped,
            tester: outcome.tester.clone(),
            server: outcome.server.clone(),
            plan: Planned {
                sessions: plan.sessions.len() as u64,
                drops: plan.sessions.iter().map(|session| session.drops.len() as u64).sum(),
                digest: format!("{:016x}", plan.digest()),
            },
            stages: spans(plan),
            timeline: outcome.timeline.clone(),
            distributions: distributions(times),
            messages: messages(record),
            ..Self::default()
        };
        report.expectations = scenario.expect.iter().map(|expected| expected.judge(&report, times)).collect();
        report
    }

    /// Whether every bot joined and left as it should, and the server kept its promises.
    pub fn is_fine(&self) -> bool {
        self.failed == 0 && self.disconnects == 0 && self.seats_lost == 0 && self.violations.is_empty()
    }

    /// Whether all was as expected.
    pub fn is_as_expected(&self) -> bool {
        self.expectations.iter().all(|verdict| verdict.held)
    }

    /// Writes the report as a page.
    pub fn write_html(&self, path: &Path) -> anyhow::Result<()> {
        std::fs::write(path, html::page(self))
            .with_context(|| format!("the report cannot be written to {}", path.display()))
    }

    /// Writes the report as JSON.
    pub fn write_json(&self, path: &Path) -> anyhow::Result<()> {
        let mut json = serde_json::to_string_pretty(self).context("the report cannot be written as JSON")?;
        json.push('\n');
        std::fs::write(path, json)
            .with_context(|| format!("the report cannot be written to {}", path.display()))
    }
}

/// The games of a scenario, each once.
fn games(scenario: &Scenario) -> String {
    let mut games: Vec<&str> = Vec::new();
    for group in &scenario.groups {
        if !games.contains(&group.game.as_str()) {
            games.push(&group.game);
        }
    }
    games.join(", ")
}

/// How long it went on between the ramp and the drain, in seconds.
fn held_s(scenario: &Scenario, outcome: &Outcome) -> f64 {
    let is_end = |stage: &&crate::scenario::Stage| !matches!(stage.kind, StageKind::Clients { to: 0 });
    let ramp = scenario.stages.first().map_or(0.0, |stage| stage.lasts.as_secs_f64());
    let whole: f64 = scenario.stages.iter().filter(is_end).map(|stage| stage.lasts.as_secs_f64()).sum();
    let ran = outcome.timeline.last().map_or(0.0, |point| point.at_s + point.lasts_s);
    ((whole.min(ran) - ramp).max(0.0) * 1000.0).round() / 1000.0
}

fn numbers(kinds: &BTreeMap<String, Errors>) -> BTreeMap<String, u64> {
    kinds.iter().map(|(kind, errors)| (kind.clone(), errors.count)).collect()
}

fn messages(record: &Record) -> BTreeMap<String, String> {
    let all = record.violations.iter().chain(&record.errors);
    all.map(|(kind, errors)| (kind.clone(), errors.first.clone())).collect()
}

fn spans(plan: &Plan) -> Vec<StageSpan> {
    let span = |stage: &crate::plan::PlannedStage| StageSpan {
        name: stage.name.clone(),
        from_s: stage.from.as_secs_f64(),
        to_s: stage.to.as_secs_f64(),
    };
    plan.stages.iter().map(span).collect()
}

/// Bars that grow by the same factor, so that a millisecond and a second are both told well.
fn distributions(times: &Times) -> BTreeMap<String, Vec<Bar>> {
    let of = |time| {
        let mut bars: Vec<Bar> = Vec::new();
        for value in times.of(time).iter_recorded() {
            let us = value.value_iterated_to().max(1) as f64;
            let place = (us.log2() * BARS_PER_DOUBLING).ceil();
            let to_ms = (place / BARS_PER_DOUBLING).exp2().round() / 1000.0;
            match bars.last_mut() {
                Some(bar) if bar.to_ms >= to_ms => bar.count += value.count_at_value(),
                _ => bars.push(Bar { to_ms, count: value.count_at_value() }),
            }
        }
        bars
    };
    let named = Time::ALL.iter().map(|(time, name)| ((*name).to_owned(), of(*time)));
    named.filter(|(_, bars)| !bars.is_empty()).collect()
}
