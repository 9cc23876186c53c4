//! What lanes tell, put together window by window.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail};
use tokio::signal::ctrl_c;
use tokio::time::{MissedTickBehavior, interval_at};

use super::{Outcome, Sources, Swarm, window_of};
use crate::lane::News;
use crate::record::{Counts, Errors, Record, Window, count};
use crate::report::Tester;
use crate::scrape::{self, Sample};
use crate::screen::Screen;
use crate::status::Status;
use crate::timeline::Point;
use crate::times::{Quantiles, Time, Times};

/// How long after its end a window is looked at: lanes tell of it meanwhile.
const WINDOW_GRACE: Duration = Duration::from_millis(50);
/// How often the screen is drawn.
const FRAME_INTERVAL: Duration = Duration::from_millis(250);
/// How long bots have to leave, when nobody is to wait for more.
const LEAVING_TIME_MAX: Duration = Duration::from_secs(30);
/// What a shell gives for a program that Ctrl-C has ended.
const INTERRUPTED: i32 = 130;
/// A load tester whose looks were so late is its own bottleneck.
const LATENESS_P99_MAX_MS: f64 = 10.0;
const LATENESS_MAX_MS: f64 = 250.0;
/// So is one that used so much of its cores.
const CPU_SHARE_MAX: f64 = 0.95;

/// Adds up what sources tell, and shows it.
pub(super) struct Collector<'a> {
    swarm: Swarm<'a>,
    sources: Sources,
    record: Record,
    done: usize,
    /// What was measured since the last window ended.
    times: Times,
    /// What each source counted, by its newest window.
    newest: BTreeMap<usize, (Counts, u32)>,
    counts: Counts,
    counted_before: Counts,
    errors: BTreeMap<String, Errors>,
    timeline: Vec<Point>,
    /// When sessions end, in order.
    ends: Vec<Duration>,
    window_began: Instant,
    first_sample: Option<Sample>,
    last_sample: Option<Sample>,
    stopped_at: Option<Instant>,
    began_unix_s: u64,
    warning: Option<String>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(swarm: Swarm<'a>, sources: Sources) -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let mut ends: Vec<Duration> = swarm.plan.sessions.iter().map(|session| session.ends).collect();
        ends.sort_unstable();
        Self {
            ends,
            window_began: sources.starts,
            swarm,
            sources,
            record: Record::default(),
            done: 0,
            times: Times::coarse(),
            newest: BTreeMap::new(),
            counts: Counts::default(),
            counted_before: Counts::default(),
            errors: BTreeMap::new(),
            timeline: Vec::new(),
            first_sample: None,
            last_sample: None,
            stopped_at: None,
            began_unix_s: since_epoch.map_or(0, |since| since.as_secs()),
            warning: None,
        }
    }

    pub(super) async fn run(mut self, screen: &mut Screen) -> Result<Outcome> {
        self.first_sample = self.sample().await;
        self.last_sample.clone_from(&self.first_sample);
        let window = window_of(self.swarm.plan);
        let mut windows = interval_at((self.sources.starts + window + WINDOW_GRACE).into(), window);
        windows.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut frames = tokio::time::interval(FRAME_INTERVAL);
        frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut interrupt = interrupt();
        while self.done < self.sources.count {
            tokio::select! {
                Some((source, told)) = self.sources.told.recv() => self.hear(source, told)?,
                _ = windows.tick() => self.end_window().await,
                _ = frames.tick() => {
                    while screen.wants_to_stop() {
                        self.interrupt(screen);
                    }
                    screen.show(&self.status());
                }
                caught = &mut interrupt => {
                    caught.context("Ctrl-C cannot be caught")?;
                    self.interrupt(screen);
                    interrupt = self::interrupt();
                }
            }
            if self.stopped_at.is_some_and(|stopped_at| stopped_at.elapsed() > LEAVING_TIME_MAX) {
                bail!("the bots did not leave within {} s", LEAVING_TIME_MAX.as_secs());
            }
        }
        self.end_window().await;
        screen.show(&self.status());
        let server = match (&self.first_sample, &self.last_sample) {
            (Some(first), Some(last)) => Some(first.until(last)),
            _ => None,
        };
        Ok(Outcome {
            tester: self.tester(),
            server,
            record: self.record,
            timeline: self.timeline,
            began_unix_s: self.began_unix_s,
            was_stopped: self.stopped_at.is_some(),
        })
    }

    fn hear(&mut self, source: usize, told: News) -> Result<()> {
        match told {
            News::Window { window } => self.take_window(source, &window),
            News::NoServer { message } if self.counts.joined == 0 => {
                bail!("{message}\nstart one with `cargo run --release`, or name another with --url");
            }
            News::NoServer { .. } => {}
            News::Failed { message } => bail!("{message}"),
            News::Done { record } => {
                self.done += 1;
                self.record.add(&record);
            }
        }
        Ok(())
    }

    fn take_window(&mut self, source: usize, window: &Window) {
        self.times.add(&window.times);
        self.newest.insert(source, (window.counts, window.playing));
        for (kind, errors) in &window.errors {
            count(&mut self.errors, kind, errors.count, || errors.first.clone());
        }
        self.counts = Counts::default();
        for (counts, _) in self.newest.values() {
            self.counts.add(counts);
        }
    }

    /// How many bots there are to be at a moment.
    fn planned(&self, at: Duration) -> u32 {
        let came = self.swarm.plan.sessions.partition_point(|session| session.starts <= at);
        let went = self.ends.partition_point(|ends| *ends <= at);
        came.saturating_sub(went) as u32
    }

    /// What was counted since the last point.
    fn counted(&mut self) -> Counts {
        let counted = self.counts.since(&self.counted_before);
        self.counted_before = self.counts;
        counted
    }

    fn status(&self) -> Status<'_> {
        Status {
            scenario: self.swarm.name,
            url: self.swarm.url,
            elapsed: Instant::now().saturating_duration_since(self.sources.starts),
            lasts: self.swarm.plan.lasts,
            stages: &self.swarm.plan.stages,
            is_stopping: self.stopped_at.is_some(),
            counts: &self.counts,
            errors: &self.errors,
            timeline: &self.timeline,
            warning: self.warning.as_deref(),
        }
    }

    async fn sample(&self) -> Option<Sample> {
        scrape::sample(self.swarm.metrics.as_ref()?).await.ok()
    }

    /// Makes a point of what came since the last one.
    async fn end_window(&mut self) {
        let now = Instant::now().checked_sub(WINDOW_GRACE).unwrap_or(self.window_began);
        let lasts = now.saturating_duration_since(self.window_began).max(Duration::from_millis(1));
        let at = self.window_began.saturating_duration_since(self.sources.starts);
        let server = match (&self.last_sample, self.sample().await) {
            (Some(last), Some(sample)) => {
                let point = last.until(&sample);
                self.last_sample = Some(sample);
                Some(point)
            }
            _ => None,
        };
        let counted = self.counted();
        let times = &self.times;
        let point = Point {
            at_s: at.as_secs_f64(),
            lasts_s: lasts.as_secs_f64(),
            planned: self.planned(at + lasts),
            playing: self.newest.values().map(|(_, playing)| playing).sum(),
            joined: counted.joined as u32,
            failed: (counted.failed + counted.disconnects + counted.seats_lost) as u32,
            resumed: counted.resumed as u32,
            updates: counted.updates,
            inputs: counted.inputs,
            rx_bytes: counted.rx_bytes,
            tx_bytes: counted.tx_bytes,
            errors: counted.errors,
            connect_ms: times.quantiles(Time::Connect),
            join_ms: times.quantiles(Time::Join),
            update_gap_ms: times.quantiles(Time::UpdateGap),
            tick_age_ms: times.quantiles(Time::TickAge),
            input_to_state_ms: times.quantiles(Time::InputToState),
            ping_ms: times.quantiles(Time::Ping),
            lateness_ms: times.quantiles(Time::Lateness),
            cpu_cores: counted.cpu_us as f64 / 1e6 / lasts.as_secs_f64(),
            server,
        };
        self.warning = bottleneck(&point.lateness_ms, point.cpu_cores, self.sources.threads);
        self.timeline.push(point);
        self.window_began = now;
        self.times.clear();
    }

    /// Lets the bots leave. Whoever asks for it twice, by signals or by keys, does not want to wait.
    fn interrupt(&mut self, screen: &mut Screen) {
        if self.stopped_at.is_some() {
            screen.close();
            std::process::exit(INTERRUPTED);
        }
        screen.say("stopping; once more to stop at once");
        self.stopped_at = Some(Instant::now());
        (self.sources.stop)();
    }

    fn tester(&self) -> Tester {
        let wall = self.sources.starts.elapsed().as_secs_f64().max(0.001);
        let cpu_cores = self.record.counts.cpu_us as f64 / 1e6 / wall;
        let lateness = self.record.times.quantiles(Time::Lateness);
        let why = bottleneck(&lateness, cpu_cores, self.sources.threads);
        Tester {
            processes: self.sources.processes,
            threads: self.sources.threads,
            cpu_cores,
            lateness_ms: lateness,
            is_bottleneck: why.is_some(),
            why: why.unwrap_or_default(),
        }
    }
}

/// Why the figures are the load tester's own, if so.
fn bottleneck(lateness_ms: &Quantiles, cpu_cores: f64, threads: u32) -> Option<String> {
    if lateness_ms.max >= LATENESS_MAX_MS {
        return Some(format!("the load tester was up to {:.0} ms late itself", lateness_ms.max));
    }
    if lateness_ms.p99 >= LATENESS_P99_MAX_MS {
        return Some(format!("the load tester was {:.1} ms late itself at p99", lateness_ms.p99));
    }
    let share = cpu_cores / f64::from(threads.max(1));
    (share >= CPU_SHARE_MAX).then(|| format!("the load tester used {:.0} % of its cores", share * 100.0))
}

/// The next Ctrl-C.
fn interrupt() -> Pin<Box<impl Future<Output = std::io::Result<()>>>> {
    Box::pin(ctrl_c())
}
