//! Matches of a journal, made again to see whether each comes out as it was.

mod trace;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use fracas_shared::GameList;
use fracas_sim::journal::{Fate, Histories, History, Segment, Wanted, What};
use fracas_sim::{Match, Viewers};

use super::catalog::Catalog;
use super::guard::guarded;
use super::hosted_room::{KeptRoom, load_kept};
use crate::config::Config;
use crate::journal::{file_name, list};
use trace::{Difference, Trace};

/// What is to be made again.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ReplayOptions {
    /// A file of a journal, or its folder for all of them.
    path: PathBuf,
    /// Only the room of this id.
    #[arg(long, value_name = "ID")]
    room: Option<String>,
    /// Go on to where the rules panic: all is well when they do.
    #[arg(long)]
    until_panic: bool,
    /// Write what each tick shows to this file, for --diff of another build or machine.
    #[arg(long, value_name = "FILE", conflicts_with = "diff")]
    trace: Option<PathBuf>,
    /// Compare with what another build or machine has written by --trace: the first tick, entity and field that differ.
    #[arg(long, value_name = "FILE")]
    diff: Option<PathBuf>,
}

/// One match, through all the processes that had it.
struct Chain<'a> {
    id: String,
    game: String,
    histories: Vec<History<'a>>,
}

/// What came of making one again.
struct Remade {
    ticks: u64,
    tick_hz: u16,
    hashes: u64,
    end: End,
}

/// How it ends.
enum End {
    /// As it was, to its last tick.
    AsItWas,
    /// The state of this tick is another one; the last one that was compared and is the same.
    Differs {
        tick: u32,
        same: u32,
    },
    /// It differs from what was written by another build.
    DiffersFrom(Difference),
    /// It goes on at this tick, after that one.
    Gap {
        tick: u32,
        after: u32,
    },
    /// Something is missing: a file is damaged.
    Broken {
        after: u32,
    },
    Panicked {
        tick: u32,
        said: String,
    },
    Unreadable {
        tick: u32,
        problem: String,
    },
}

/// Makes matches of a journal again, and tells what came of it. Whether all is well: each came out as it was, or its rules
/// panicked when that was wanted.
///
/// # Errors
/// There is no such journal, or none of its rooms is wanted; what is to be written cannot be.
pub fn replay<G: GameList>(options: &ReplayOptions, out: &mut impl Write) -> Result<bool> {
    let files = read(&options.path)?;
    let chains = chains(&files, options.room.as_deref(), out)?;
    if chains.is_empty() {
        bail!("{}: there is no such room in it", options.path.display());
    }
    // What matches are made from is in their checkpoints.
    let catalog = Catalog::new::<G>(&Config::default())?;
    let mut trace = Trace::open(options.trace.as_deref(), options.diff.as_deref())?;
    let (mut is_well, mut all, began) = (true, Totals::default(), Instant::now());
    for chain in &chains {
        let began = Instant::now();
        let remade = Replay { catalog: &catalog, trace: &mut trace }.run(chain)?;
        let took = began.elapsed();
        let has_panicked = matches!(remade.end, End::Panicked { .. });
        is_well &= if options.until_panic { has_panicked } else { matches!(remade.end, End::AsItWas) };
        all.add(&remade);
        let speed = speed(remade.seconds(), took);
        writeln!(
            out,
            "room {} of {}: {} ticks, {} hashes, {speed} times real time: {}",
            chain.id,
            chain.game,
            remade.ticks,
            remade.hashes,
            remade.end.say()
        )?;
    }
    trace.finish()?;
    if chains.len() > 1 {
        let (rooms, speed) = (chains.len(), speed(all.seconds, began.elapsed()));
        writeln!(out, "{rooms} rooms: {} ticks, {} hashes, {speed} times real time", all.ticks, all.hashes)?;
    }
    Ok(is_well)
}

#[derive(Default)]
struct Totals {
    ticks: u64,
    hashes: u64,
    seconds: f64,
}

impl Totals {
    fn add(&mut self, remade: &Remade) {
        self.ticks += remade.ticks;
        self.hashes += remade.hashes;
        self.seconds += remade.seconds();
    }
}

/// How much faster than in the match.
fn speed(seconds: f64, took: Duration) -> u64 {
    (seconds / took.as_secs_f64().max(1e-9)) as u64
}

/// The journal's files that are wanted, in their order. Of a file the one that its thread wrote before is read, too: what a
/// room goes on from may be in it.
fn read(path: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let read = |path: &Path| fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    if path.is_dir() {
        let listed = list(path).with_context(|| format!("cannot read {}", path.display()))?;
        return listed.into_iter().map(|(file, _)| Ok((file.path.clone(), read(&file.path)?))).collect();
    }
    let bytes = read(path)?;
    let segment = Segment::open(&bytes).with_context(|| path.display().to_string())?;
    let previous = segment.head().previous;
    let mut files = Vec::new();
    if let Some(before) = path.parent().map(|folder| folder.join(file_name(previous)))
        && before.exists()
    {
        let bytes = read(&before)?;
        files.push((before, bytes));
    }
    files.push((path.to_owned(), bytes));
    Ok(files)
}

/// The matches in these files, the earliest first.
fn chains<'a>(
    files: &'a [(PathBuf, Vec<u8>)],
    wanted: Option<&str>,
    out: &mut impl Write,
) -> io::Result<Vec<Chain<'a>>> {
    let mut histories = Histories::new(Wanted::All);
    for (path, bytes) in files {
        match Segment::open(bytes) {
            Ok(segment) => {
                if !histories.read(&segment) {
                    writeln!(out, "{} is damaged", path.display())?;
                }
            }
            Err(_) if bytes.is_empty() => {}
            Err(error) => writeln!(out, "{}: {error}", path.display())?,
        }
    }
    let mut histories: Vec<_> = histories.finish().into_values().collect();
    histories.sort_by_key(|history| history.file);
    let mut chains: BTreeMap<u64, Chain<'a>> = BTreeMap::new();
    for history in histories {
        let Some(What::Checkpoint { host, .. }) = history.entries.first() else { continue };
        match load_kept(host) {
            Ok((KeptRoom { origin, id, game, .. }, _)) if wanted.is_none_or(|wanted| id == wanted) => {
                let chain = chains.entry(origin).or_insert_with(|| Chain { id, game, histories: Vec::new() });
                chain.histories.push(history);
            }
            Ok(_) => {}
            Err(error) => writeln!(out, "a room cannot be read: {error}")?,
        }
    }
    let mut chains: Vec<_> = chains.into_values().collect();
    chains.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(chains)
}

/// One match that is made again.
struct Replay<'a> {
    catalog: &'a Catalog,
    trace: &'a mut Trace,
}

impl Replay<'_> {
    fn run(&mut self, chain: &Chain<'_>) -> Result<Remade> {
        let mut remade = Remade { ticks: 0, tick_hz: 0, hashes: 0, end: End::AsItWas };
        let mut game: Option<Box<dyn Match>> = None;
        let (mut viewers, mut same) = (Viewers::default(), 0);
        for history in &chain.histories {
            for entry in &history.entries {
                let end = match entry {
                    What::Checkpoint { tick, hash, state, .. } => {
                        remade.hashes += 1;
                        let end = self.check(&mut game, chain, (*tick, *hash, state), same);
                        same = *tick;
                        end
                    }
                    What::Record { record, .. } => {
                        let Some(game) = &mut game else { continue };
                        remade.ticks += 1;
                        make(&mut **game, record, &mut viewers)
                    }
                    What::Host(_) => None,
                    What::Ended => {
                        game = None;
                        None
                    }
                };
                if let Some(end) = end {
                    remade.end = end;
                    return Ok(remade);
                }
                if let Some(game) = &game {
                    remade.tick_hz = game.tick_hz();
                    let is_tick = matches!(entry, What::Record { .. });
                    if let Some(difference) =
                        if is_tick { self.trace.take(&chain.id, &**game)? } else { None }
                    {
                        remade.end = End::DiffersFrom(difference);
                        return Ok(remade);
                    }
                }
            }
            if history.fate == Fate::Broken {
                remade.end = End::Broken { after: game.map_or(same, |game| game.now().0) };
                return Ok(remade);
            }
        }
        Ok(remade)
    }

    /// Compares with a checkpoint, or begins with it.
    fn check(
        &self,
        game: &mut Option<Box<dyn Match>>,
        chain: &Chain<'_>,
        (tick, hash, state): (u32, u64, &[u8]),
        same: u32,
    ) -> Option<End> {
        if let Some(game) = game.as_deref().filter(|game| game.now().0 != tick) {
            return Some(End::Gap { tick, after: game.now().0 });
        }
        let checked = guarded(|| {
            let game = match game {
                Some(game) => game,
                none => {
                    none.insert(self.catalog.restore(&chain.game, state).map_err(|error| error.to_string())?)
                }
            };
            // The next record is the first after it.
            game.begin_records(&mut Vec::new()).ok_or_else(|| "its state is too long".to_owned())
        });
        match checked {
            Ok(Ok(remade)) if remade == hash => None,
            Ok(Ok(_)) => Some(End::Differs { tick, same }),
            Ok(Err(problem)) => Some(End::Unreadable { tick, problem }),
            Err(said) => Some(End::Panicked { tick, said }),
        }
    }
}

/// Makes one tick again.
fn make(game: &mut dyn Match, record: &[u8], viewers: &mut Viewers) -> Option<End> {
    let tick = game.now().next().0;
    let made = guarded(|| {
        let made = game.replay(record, viewers);
        drop((game.take_removals(), game.take_lock()));
        made
    });
    match made {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(End::Unreadable { tick, problem: error.to_string() }),
        Err(said) => Some(End::Panicked { tick, said }),
    }
}

impl Remade {
    fn seconds(&self) -> f64 {
        self.ticks as f64 / f64::from(self.tick_hz.max(1))
    }
}

impl End {
    fn say(&self) -> String {
        match self {
            Self::AsItWas => "as it was".to_owned(),
            Self::Differs { tick, same } if same == tick => {
                format!("its state at tick {tick} is not what was hashed")
            }
            Self::Differs { tick, same } => {
                format!("at tick {tick} it differs; at tick {same} it did not: --trace and --diff tell more")
            }
            Self::DiffersFrom(difference) => difference.to_string(),
            Self::Gap { tick, after } => format!("after tick {after} it goes on with tick {tick}"),
            Self::Broken { after } => format!("what comes after tick {after} is damaged"),
            Self::Panicked { tick, said } => format!("at tick {tick} the rules panic: {said}"),
            Self::Unreadable { tick, problem } => format!("tick {tick} cannot be read: {problem}"),
        }
    }
}
