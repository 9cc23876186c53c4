//! All bots together: they come one after the other, play, and leave.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, bail};
use fracas_client::Codecs;
use fracas_shared::Pilot;
use tokio::signal::ctrl_c;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::bot::{self, Failure, Shared};
use crate::cli::Options;
use crate::progress::{Progress, Stage};
use crate::record::Record;
use crate::report::Report;

/// How often the swarm looks at itself.
const BEAT: Duration = Duration::from_millis(100);
/// What a shell gives for a program that Ctrl-C has ended.
const INTERRUPTED: i32 = 130;

/// Runs the bots and reports.
///
/// One thread drives all of them: no bot waits for another thread's lock or wakes one, and what it
/// costs is easy to see. Whoever needs more starts another process.
pub(crate) fn run<G: Pilot>(options: &Options) -> anyhow::Result<Report> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the async runtime does not start")?;
    runtime.block_on(Swarm::<G>::new(options).run())
}

struct Swarm<'a, G: Pilot> {
    options: &'a Options,
    shared: Arc<Shared<G>>,
    bots: JoinSet<Result<(), Failure>>,
    stop: watch::Sender<bool>,
    spawned: u32,
    started: Instant,
    /// When the last bot had joined or failed.
    ramped_at: Option<Instant>,
    stopped_at: Option<Instant>,
}

impl<'a, G: Pilot> Swarm<'a, G> {
    fn new(options: &'a Options) -> Self {
        Self {
            options,
            shared: Arc::new(Shared {
                url: match &options.token {
                    Some(token) => options.url.clone().with_token(token),
                    None => options.url.clone(),
                },
                room: options.room_wanted(),
                name_prefix: options.name_prefix.clone(),
                seed: options.seed(),
                line: options.line(),
                codecs: Codecs::of::<G>(),
                record: Mutex::new(Record::new()),
                rules: Mutex::new(None),
            }),
            bots: JoinSet::new(),
            stop: watch::Sender::new(false),
            spawned: 0,
            started: Instant::now(),
            ramped_at: None,
            stopped_at: None,
        }
    }

    async fn run(mut self) -> anyhow::Result<Report> {
        let mut progress = Progress::new(self.options);
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut interrupt = interrupt();
        loop {
            let is_spawning = self.spawned < self.options.clients() && self.stopped_at.is_none();
            if !is_spawning && self.bots.is_empty() {
                break;
            }
            tokio::select! {
                () = sleep_until(self.next_spawn()), if is_spawning => self.spawn(),
                () = sleep_until(self.ends_at()), if self.is_playing() => self.stop(),
                Some(ended) = self.bots.join_next(), if !self.bots.is_empty() => self.take(ended)?,
                _ = beat.tick() => self.look(&mut progress),
                caught = &mut interrupt => {
                    caught.context("Ctrl-C cannot be caught")?;
                    if self.stopped_at.is_some() {
                        std::process::exit(INTERRUPTED);
                    }
                    progress.say("stopping; once more to stop at once");
                    self.stop();
                    interrupt = self::interrupt();
                }
            }
        }
        progress.finish();
        let played = match (self.ramped_at, self.stopped_at) {
            (Some(ramped_at), Some(stopped_at)) => stopped_at - ramped_at,
            (Some(ramped_at), None) => ramped_at.elapsed(),
            (None, _) => Duration::ZERO,
        };
        let record = self.shared.record();
        Ok(Report::new(self.options, &record, played))
    }

    fn next_spawn(&self) -> Instant {
        self.started + Duration::from_secs_f64(f64::from(self.spawned) / self.options.ramp())
    }

    fn is_playing(&self) -> bool {
        self.ramped_at.is_some() && self.stopped_at.is_none()
    }

    /// When the bots have played for as long as they were to; meaningless while some still join.
    fn ends_at(&self) -> Instant {
        self.ramped_at.unwrap_or(self.started) + self.options.duration()
    }

    fn spawn(&mut self) {
        self.bots.spawn(bot::run(self.shared.clone(), self.spawned, self.stop.subscribe()));
        self.spawned += 1;
    }

    /// Takes the end of a bot.
    fn take(&mut self, ended: Result<Result<(), Failure>, JoinError>) -> anyhow::Result<()> {
        let failure = match ended {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(failure)) => failure,
            Err(panic) => {
                self.shared.record().disconnects += 1;
                Failure { kind: "panic".into(), message: panic.to_string(), is_no_server: false }
            }
        };
        let mut record = self.shared.record();
        if failure.is_no_server && record.joined == 0 {
            bail!("{}\nstart one with `cargo run --release`, or name another with --url", failure.message);
        }
        record.error(failure.kind, || failure.message);
        Ok(())
    }

    /// Notes and shows how far the swarm is.
    fn look(&mut self, progress: &mut Progress) {
        let now = Instant::now();
        let (joined, failed) = {
            let record = self.shared.record();
            (record.joined, record.failed)
        };
        if self.ramped_at.is_none() && joined + failed >= self.options.clients() {
            self.ramped_at = Some(now);
        }
        let played = self.ramped_at.map(|ramped_at| now - ramped_at);
        let stage = match (self.stopped_at, played) {
            (Some(_), _) => Stage::Leaving { left: self.bots.len() },
            (None, Some(played)) => Stage::Playing { played },
            (None, None) => Stage::Joining { joined },
        };
        progress.show(stage, &self.shared.record());
    }

    fn stop(&mut self) {
        self.stopped_at = Some(Instant::now());
        self.stop.send_replace(true);
    }
}

/// The next Ctrl-C.
fn interrupt() -> Pin<Box<impl Future<Output = std::io::Result<()>>>> {
    Box::pin(ctrl_c())
}
