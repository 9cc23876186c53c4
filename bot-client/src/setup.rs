//! From arguments to a run, and from a run to its reports.

mod others;

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use anyhow::anyhow;
use fracas_client::{Codecs, ServerUrl};
use fracas_shared::limits::CONNECTIONS_MAX;
use fracas_shared::{GameList, GameVisitor, Pilot};

use crate::audit::Audit;
use crate::capacity::{Search, Try};
use crate::cli::{Options, Target as Kind};
use crate::crew::{Order, gather, work};
use crate::plan::Plan;
use crate::record::Record;
use crate::report::{Capacity, Report, compare, load};
use crate::scenario::{Behaviour, Group, Scenario};
use crate::screen::Screen;
use crate::swarm::{Outcome, Swarm, runtime};
use crate::target::Target;
use crate::target::fracas::{Common, Evidence, Fracas, Recorder, Recording};

/// How a run went.
pub(crate) struct Run {
    pub(crate) is_fine: bool,
    pub(crate) is_as_expected: bool,
}

/// Why there was none.
pub(crate) enum Stop {
    WrongUsage(String),
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// Runs what the options say, and writes the reports that they ask for.
pub(crate) fn run<L: GameList>(options: &Options) -> Result<Run, Stop> {
    // Read before anything runs: what cannot be read is told at once.
    let earlier = options.compare.as_ref().map(load).transpose()?;
    let report = match &options.worker {
        Some(coordinator) => part::<L>(options, coordinator)?,
        None if options.find_capacity => find_capacity::<L>(options)?,
        None => {
            let scenario = options.scenario().map_err(Stop::WrongUsage)?;
            once::<L>(options, &scenario, &mut Screen::choose(options))?
        }
    };
    tell(options, &report, earlier.as_ref())?;
    Ok(Run { is_fine: report.is_fine(), is_as_expected: report.is_as_expected() })
}

/// Runs a scenario again and again with other numbers of clients. The answer is the report of the most that
/// held, or of the last when none did.
fn find_capacity<L: GameList>(options: &Options) -> Result<Report, Stop> {
    let max = options.capacity_max.unwrap_or(CONNECTIONS_MAX as u32);
    let mut search = Search::new(options.clients, max);
    let mut best = None;
    while let Some(clients) = search.next() {
        let mut screen = Screen::choose(options);
        screen.say(&format!("trying {clients} clients"));
        // Made anew, so that a ramp has its rate whatever the number is.
        let wanted = Options { clients: Some(clients), ..options.clone() };
        let scenario = wanted.scenario().map_err(Stop::WrongUsage)?;
        let report = once::<L>(&wanted, &scenario, &mut screen)?;
        if report.was_stopped {
            best = best.or(Some(report));
            break;
        }
        let tried = Try::of(clients, &report);
        screen.say(&format!("{clients} clients: {}", tried.gave_way.as_deref().unwrap_or("held")));
        if tried.gave_way.is_none() || best.is_none() {
            best = Some(report);
        }
        search.note(tried);
    }
    let mut best = best.ok_or_else(|| anyhow!("nothing was tried"))?;
    best.capacity = Some(Capacity {
        holds: search.holds(),
        breaks: search.breaks().map(|tried| tried.clients),
        gave_way: search.breaks().and_then(|tried| tried.gave_way.clone()),
    });
    println!("{}", search.told());
    Ok(best)
}

/// Runs a scenario, in this process or with workers.
fn once<L: GameList>(options: &Options, scenario: &Scenario, screen: &mut Screen) -> Result<Report, Stop> {
    let plan = Plan::new(scenario).map_err(Stop::WrongUsage)?;
    let url = others::address(options);
    let mut swarm = Swarm {
        name: &scenario.name,
        url: &url,
        seed: scenario.seed,
        plan: &plan,
        targets: Vec::new(),
        threads: threads(options),
        metrics: options.metrics_url(),
        restarts: scenario.restarts,
    };
    let outcome = if let Some(listen) = &options.coordinator {
        coordinate(options, scenario, swarm, listen, screen)
    } else {
        swarm.targets = targets::<L>(options, scenario, &options.name_prefix).map_err(Stop::WrongUsage)?;
        swarm.run(screen)
    };
    screen.close();
    let mut outcome = outcome?;
    audit(options, &plan, &mut outcome.record)?;
    Ok(report(options, scenario, &plan, &outcome))
}

fn report(options: &Options, scenario: &Scenario, plan: &Plan, outcome: &Outcome) -> Report {
    let mut report = Report::new(scenario, plan, outcome);
    report.url = others::address(options);
    report.target = others::name(options.target);
    if options.target == Kind::Websocket {
        // There is none.
        report.game.clear();
    }
    report
}

/// Lets workers run a scenario.
fn coordinate(
    options: &Options,
    scenario: &Scenario,
    swarm: Swarm<'_>,
    listen: &str,
    screen: &mut Screen,
) -> anyhow::Result<Outcome> {
    let runtime = runtime()?;
    let order = Order {
        scenario: scenario.clone(),
        name_prefix: options.name_prefix.clone(),
        target: options.target,
        number: 0,
        workers: options.workers.map_or(1, u32::from),
    };
    let sources = runtime.block_on(gather(listen, order, swarm.plan.digest()))?;
    swarm.collect(sources, &runtime, screen)
}

/// Runs a part of a coordinator's run, and reports that part.
fn part<L: GameList>(options: &Options, coordinator: &str) -> Result<Report, Stop> {
    let mut screen = Screen::choose(options);
    let url = others::address(options);
    let equip = |order: &Order| {
        let options = Options { target: order.target, ..options.clone() };
        targets::<L>(&options, &order.scenario, &order.name_prefix)
    };
    let worked = work(coordinator, &url, threads(options), &equip, &mut screen);
    screen.close();
    let (order, plan, outcome) = worked?;
    // What is expected is expected of the whole.
    let scenario = Scenario { expect: Vec::new(), ..order.scenario };
    let mut report = report(options, &scenario, &plan, &outcome);
    report.plan.sessions = plan.shard(order.number, order.workers).count() as u64;
    Ok(report)
}

/// Notes seats that the server has not given back.
fn audit(options: &Options, plan: &Plan, record: &mut Record) -> Result<(), Stop> {
    // Rooms are ours, and so is what tells of them.
    if options.target != Kind::Fracas && record.rooms.is_empty() {
        return Ok(());
    }
    let url = url(options);
    let audit = Audit {
        url: &url,
        name_prefix: &options.name_prefix,
        sessions: plan.sessions.len(),
        rooms: &record.rooms,
    };
    let leaks = runtime()?.block_on(audit.leaks());
    if leaks.seats > 0 {
        record.violation("seat_leaked", leaks.seats, || leaks.first);
    }
    Ok(())
}

/// The server's address, with what it wants to see.
fn url(options: &Options) -> ServerUrl {
    match &options.token {
        Some(token) => options.url.clone().with_token(token),
        None => options.url.clone(),
    }
}

fn threads(options: &Options) -> u32 {
    let cores = || std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    options.threads.map_or_else(cores, u32::from)
}

/// What the bots of each group are made by.
fn targets<L: GameList>(
    options: &Options,
    scenario: &Scenario,
    name_prefix: &str,
) -> Result<Vec<Arc<dyn Target>>, String> {
    if options.target != Kind::Fracas {
        return others::targets(options, scenario, name_prefix);
    }
    let make = |group| {
        let mut choice = Choice { options, scenario, name_prefix, group, known: Vec::new(), made: None };
        L::visit_all(&mut choice);
        let known = choice.known.join(", ");
        let unknown = || Err(format!("no game '{}' in this build; there are: {known}", group.game));
        choice.made.unwrap_or_else(unknown)
    };
    scenario.groups.iter().map(make).collect()
}

/// Makes the target of a group, if the list has its game.
struct Choice<'a> {
    options: &'a Options,
    scenario: &'a Scenario,
    name_prefix: &'a str,
    group: &'a Group,
    known: Vec<&'static str>,
    made: Option<Result<Arc<dyn Target>, String>>,
}

impl GameVisitor for Choice<'_> {
    fn visit<G: Pilot>(&mut self) {
        self.known.push(G::ID);
        if self.group.game == G::ID {
            let common = self.common::<G>();
            self.made = Some(common.map(|common| Arc::new(Fracas::<G>::new(common)) as Arc<dyn Target>));
        }
    }
}

impl Choice<'_> {
    fn common<G: Pilot>(&self) -> Result<Common, String> {
        let Self { options, group, .. } = self;
        let schema = Codecs::of::<G>();
        let is_recorded = group.behaviour == Behaviour::Recorded;
        let recording = group.recording.as_ref().filter(|_| is_recorded);
        let recorder = options.record_inputs.as_ref();
        Ok(Common {
            url: url(options),
            group: (*group).clone(),
            name_prefix: self.name_prefix.to_owned(),
            seed: self.scenario.seed,
            recording: recording.map(|path| Recording::read(path, schema.schema())).transpose()?,
            recorder: recorder.map(|path| Recorder::create(path)).transpose()?,
            evidence: Evidence::new(Some(options.save_violations.clone())),
        })
    }
}

/// Prints the table, and writes the files that were asked for.
fn tell(options: &Options, report: &Report, earlier: Option<&Report>) -> Result<(), Stop> {
    let mut stdout = std::io::stdout();
    let table = report.table(stdout.is_terminal());
    // A reader that went away early, as `head` does, has what it wanted.
    let _ = stdout.write_all(table.as_bytes());
    if let Some(earlier) = earlier {
        let _ = stdout.write_all(compare(earlier, report, stdout.is_terminal()).as_bytes());
    }
    if let Some(path) = &options.json {
        report.write_json(path)?;
    }
    if let Some(path) = &options.html {
        report.write_html(path)?;
    }
    Ok(())
}
