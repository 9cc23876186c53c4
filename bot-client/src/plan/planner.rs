//! Goes through a scenario once, from its first moment to its last.

use std::collections::BTreeSet;
use std::time::Duration;

use fracas_shared::Rng;

use super::deal::deal;
use super::{Plan, PlannedStage, Session};
use crate::limits::{DROPS_MAX, RUN_TIME_MAX, SESSION_TIME_MIN, SESSIONS_MAX};
use crate::scenario::{Scenario, StageKind};

/// Streams of chance: beside each other and beside those of the bots, which are their numbers.
const SESSION_STREAM: u64 = 2 << 32;
const STORM_STREAM: u64 = 3 << 32;

/// Plans a scenario that was checked.
pub(super) fn plan(scenario: &Scenario) -> Result<Plan, String> {
    let mut planner = Planner::new(scenario);
    let mut stages = Vec::with_capacity(scenario.stages.len());
    let (mut from, mut clients) = (Duration::ZERO, 0);
    for (index, stage) in scenario.stages.iter().enumerate() {
        let span = Span { from, lasts: stage.lasts };
        match stage.kind {
            StageKind::Clients { to } => {
                planner.change(span, clients, to)?;
                clients = to;
            }
            StageKind::Reconnect { share } => planner.storm(span, share, index)?,
        }
        let to = from + stage.lasts;
        stages.push(PlannedStage { name: stage.name.clone(), from, to });
        from = to;
    }
    planner.churn_until(planner.lasts)?;
    Ok(Plan { sessions: planner.sessions, stages, lasts: planner.lasts })
}

/// When a stage is.
#[derive(Clone, Copy)]
struct Span {
    from: Duration,
    lasts: Duration,
}

impl Span {
    /// The moment when this part of it is over.
    fn at(self, part: u32, of: u32) -> Duration {
        self.from + self.lasts * part / of
    }
}

struct Planner<'a> {
    scenario: &'a Scenario,
    lasts: Duration,
    /// The group of each bot, in the order of their coming; they go in the opposite one.
    deal: Vec<usize>,
    sessions: Vec<Session>,
    groups: Vec<Group>,
    /// What comes of the lengths of sessions, by when it does.
    churn: BTreeSet<(Duration, Turn)>,
    drops: usize,
}

/// Who is there of a group.
#[derive(Clone, Default)]
struct Group {
    /// By number, so the first one is the oldest.
    playing: BTreeSet<u32>,
    /// Pauses that end with a new session: when they do, and whose session was before.
    pausing: BTreeSet<(Duration, u32)>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// This session has its length.
    Goes(u32),
    /// The pause after this session is over.
    Comes(u32),
}

impl<'a> Planner<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let shares: Vec<_> = scenario.groups.iter().map(|group| group.share).collect();
        Self {
            scenario,
            lasts: scenario.lasts(),
            deal: deal(&shares, scenario.peak_clients()),
            sessions: Vec::new(),
            groups: vec![Group::default(); shares.len()],
            churn: BTreeSet::new(),
            drops: 0,
        }
    }

    /// Lets the number of bots go from one to another.
    fn change(&mut self, span: Span, before: u32, to: u32) -> Result<(), String> {
        let steps = before.abs_diff(to);
        for step in 1..=steps {
            let at = span.at(step, steps);
            self.churn_until(at)?;
            if to > before {
                self.start(at, self.deal[(before + step - 1) as usize])?;
            } else {
                self.end_oldest(at, self.deal[(before - step) as usize]);
            }
        }
        Ok(())
    }

    /// Lets those go and come whose time it is before this moment.
    fn churn_until(&mut self, until: Duration) -> Result<(), String> {
        while let Some((at, turn)) = self.churn.first().copied().filter(|(at, _)| *at < until) {
            self.churn.pop_first();
            match turn {
                Turn::Goes(number) => self.pause_after(at, number)?,
                Turn::Comes(number) => {
                    let group = self.sessions[number as usize].group;
                    self.groups[group].pausing.remove(&(at, number));
                    self.start(at, group)?;
                }
            }
        }
        Ok(())
    }

    fn start(&mut self, at: Duration, group: usize) -> Result<(), String> {
        if at >= self.lasts {
            // Who comes when all go is not there at all.
            return Ok(());
        }
        if self.sessions.len() >= SESSIONS_MAX {
            return Err(format!(
                "the scenario has more than {SESSIONS_MAX} sessions: make it shorter, or its sessions longer"
            ));
        }
        let number = self.sessions.len() as u32;
        let ends = match self.scenario.groups[group].session {
            Some(mean) => {
                let length = exponential(&mut self.chance(number), mean).max(SESSION_TIME_MIN);
                self.lasts.min(at + length)
            }
            None => self.lasts,
        };
        if ends < self.lasts {
            self.churn.insert((ends, Turn::Goes(number)));
        }
        self.sessions.push(Session { number, group, starts: at, ends, drops: Vec::new() });
        self.groups[group].playing.insert(number);
        Ok(())
    }

    /// A session has had its length: another one comes in its place, after a pause.
    fn pause_after(&mut self, at: Duration, number: u32) -> Result<(), String> {
        let group = self.sessions[number as usize].group;
        self.groups[group].playing.remove(&number);
        let mean = self.scenario.groups[group].think;
        if mean.is_zero() {
            return self.start(at, group);
        }
        let mut chance = self.chance(number);
        // The first number was for its length.
        exponential(&mut chance, mean);
        let comes = at + exponential(&mut chance, mean);
        self.groups[group].pausing.insert((comes, number));
        self.churn.insert((comes, Turn::Comes(number)));
        Ok(())
    }

    /// Makes a group smaller. When all of it pause, nobody has to go: one fewer comes.
    fn end_oldest(&mut self, at: Duration, group: usize) {
        let Group { playing, pausing } = &mut self.groups[group];
        if let Some(number) = playing.pop_first() {
            let session = &mut self.sessions[number as usize];
            self.churn.remove(&(session.ends, Turn::Goes(number)));
            session.ends = at;
        } else if let Some((comes, number)) = pausing.pop_first() {
            self.churn.remove(&(comes, Turn::Comes(number)));
        }
    }

    /// Lets a share of those who play drop their connections. Who leaves before the moment that
    /// would be theirs is passed over for another one, as long as there is any.
    fn storm(&mut self, span: Span, share: f64, stage: usize) -> Result<(), String> {
        self.churn_until(span.from)?;
        let playing = self.groups.iter().flat_map(|group| &group.playing).copied();
        let mut playing: Vec<_> =
            playing.filter(|number| self.sessions[*number as usize].ends > span.from).collect();
        // Whatever their groups: an order that depends on nothing but chance.
        playing.sort_unstable();
        shuffle(&mut playing, &mut Rng::new(self.scenario.seed, STORM_STREAM | stage as u64));
        let count = (playing.len() as f64 * share).round() as u32;
        self.drops += count as usize;
        if self.drops > DROPS_MAX {
            return Err(format!("the scenario's storms drop more than {DROPS_MAX} connections: have fewer"));
        }
        let mut playing = playing.into_iter();
        for drop in 0..count {
            // The middle of its part, so that none is at the stage's very beginning or end.
            let at = span.at(2 * drop + 1, 2 * count);
            let Some(number) = playing.find(|number| self.sessions[*number as usize].ends > at) else {
                break;
            };
            self.sessions[number as usize].drops.push(at);
        }
        Ok(())
    }

    /// What a session's length and the pause after it are drawn from.
    fn chance(&self, number: u32) -> Rng {
        Rng::new(self.scenario.seed, SESSION_STREAM | u64::from(number))
    }
}

/// A time that is this one on average, and as likely to end in any moment as in any other.
fn exponential(rng: &mut Rng, mean: Duration) -> Duration {
    // More than 0 and at most 1. The logarithm is the same on every machine.
    let part = (f64::from(rng.bits()) + 1.0) / (f64::from(u32::MAX) + 1.0);
    let times = -libm::log(part);
    Duration::from_secs_f64((mean.as_secs_f64() * times).min(RUN_TIME_MAX.as_secs_f64()))
}

/// Fisher and Yates's.
fn shuffle(numbers: &mut [u32], rng: &mut Rng) {
    for end in (1..numbers.len()).rev() {
        numbers.swap(end, rng.below(end as u32 + 1) as usize);
    }
}
