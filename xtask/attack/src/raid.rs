//! All attacks on one server, while bots play on it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::attacks::{ATTACKS, Attack, Stranger};
use crate::bots::Bots;
use crate::line::End;
use crate::server::{Server, sibling};
use crate::verdict::{Verdict, mib};

/// How much more memory the server may take under attack than before, at any moment.
const GROWTH_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// What the longest of the attacks that wait takes, in seconds.
const PATIENCE_S: u64 = 15;
/// How long the bots play before the attack, until all that is to be warm is so.
const WARM_UP: Duration = Duration::from_secs(10);

#[derive(Args)]
pub(crate) struct Options {
    /// Only these attacks; all without it.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(ATTACKS.iter().map(|attack| attack.name)))]
    attacks: Vec<String>,
    /// Connections of each attack.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    connections: u32,
    /// Connections of an attack at one time.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    at_once: u32,
    /// Bots that play meanwhile.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    bots: u32,
    /// What random bytes are drawn from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What came of one attack.
struct Outcome {
    attack: &'static Attack,
    ends: BTreeMap<End, u32>,
    took: Duration,
}

impl Outcome {
    fn is_fine(&self) -> bool {
        self.ends.keys().all(|end| self.attack.ends.contains(end))
    }

    /// The same for people, with the most memory that the server had meanwhile.
    fn told(&self, peak: u64) -> String {
        let ends: Vec<_> = self.ends.iter().map(|(end, count)| format!("{count} x {end}")).collect();
        let (name, what, seconds) = (self.attack.name, self.attack.what, self.took.as_secs_f64());
        format!("{name:18} {seconds:5.1} s  {:>9}  {}\n     a stranger {what}", mib(peak), ends.join(", "))
    }
}

/// Attacks, and tells whether the server held.
pub(crate) async fn run(options: &Options) -> Result<bool> {
    let wanted = |attack: &&Attack| {
        options.attacks.is_empty() || options.attacks.iter().any(|name| name == attack.name)
    };
    let (waiting, busy): (Vec<_>, Vec<_>) = ATTACKS.iter().filter(wanted).partition(|attack| attack.waits);
    // Strangers come from addresses of this machine, and are to be treated as if from elsewhere.
    let server = Server::start(&sibling("fracas-server")?, &["--limit-loopback=true"]).await?;
    let bots = Bots::play(&server, options.bots).await?;
    sleep(WARM_UP).await;
    let (before, dropped_before) = (server.take_peak_bytes()?, dropped_ticks(&server).await?);
    println!("{} bots play; the server has {}", options.bots, mib(before));
    println!("{} connections of each attack, {} at once", options.connections, options.at_once);
    if !waiting.is_empty() {
        let waves = u64::from(options.connections.div_ceil(options.at_once));
        println!("first those that try its patience, side by side: about {} s", waves * PATIENCE_S);
    }
    println!();

    let (mut verdict, mut highest) = (Verdict::new(), before);
    let stages = busy.into_iter().map(|attack| vec![attack]);
    for stage in [waiting].into_iter().filter(|stage| !stage.is_empty()).chain(stages) {
        let mut side_by_side = JoinSet::new();
        for attack in stage {
            side_by_side.spawn(make(
                attack,
                server.public,
                options.connections,
                options.at_once,
                options.seed,
            ));
        }
        let outcomes = side_by_side.join_all().await;
        let peak = server.take_peak_bytes()?;
        highest = highest.max(peak);
        for outcome in outcomes {
            verdict.see(&outcome.told(peak), outcome.is_fine());
        }
    }

    let playing = f64::from(options.bots);
    server.until("all strangers are gone", |seen| seen.sum("fracas_connections{") <= playing).await?;
    let after = server.resident_bytes()?;
    let dropped = dropped_ticks(&server).await? - dropped_before;
    let failures = server.metrics().await?.sum("fracas_room_failures_total");
    let report = bots.stop().await?;
    let panics = server.panics();
    let status = server.stop().await?;

    println!();
    verdict.see(
        &format!("memory: {} before, {} at most, {} after all", mib(before), mib(highest), mib(after)),
        highest.saturating_sub(before) <= GROWTH_BYTES_MAX,
    );
    let told = panics.join("\n     ");
    verdict.see(&format!("panics: {} {told}", panics.len()), panics.is_empty() && failures == 0.0);
    verdict.see(&report.told(), report.is_undisturbed(options.bots));
    // An update may stand for two ticks, when a line was stuck at the first.
    let (received, expected) = (report.updates_received, report.updates_expected);
    verdict.see(
        &format!(
            "ticks: {dropped} dropped, {} views differed, {} errors; {received} of {expected} had an update of \
             their own",
            report.view_hash_mismatches,
            report.errors.values().sum::<u64>()
        ),
        dropped == 0.0 && report.is_covered(),
    );
    verdict.see(&format!("the server stopped: {status}"), status.success());
    Ok(verdict.is_fine())
}

async fn dropped_ticks(server: &Server) -> Result<f64> {
    Ok(server.metrics().await?.sum("fracas_ticks_dropped_total"))
}

/// Makes one attack by so many strangers.
async fn make(attack: &'static Attack, to: SocketAddr, connections: u32, at_once: u32, seed: u64) -> Outcome {
    let began = Instant::now();
    let places = Arc::new(Semaphore::new(at_once as usize));
    let mut strangers = JoinSet::new();
    let mut ends = BTreeMap::new();
    for number in 0..connections {
        let Ok(place) = places.clone().acquire_owned().await else { break };
        strangers.spawn(async move {
            let end = Stranger::new(to, number, seed).attack(attack).await;
            drop(place);
            end
        });
    }
    while let Some(ended) = strangers.join_next().await {
        *ends.entry(ended.unwrap_or(End::Strange)).or_insert(0) += 1;
    }
    Outcome { attack, ends, took: began.elapsed() }
}
