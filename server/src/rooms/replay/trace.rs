//! What each tick shows, as text: to be compared with what another build or another machine makes of the same journal.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Lines, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use fracas_shared::Schema;
use fracas_shared::snapshot::EntityRow;
use fracas_sim::Match;
use serde::{Deserialize, Serialize};

/// Where it goes to, or what it is compared with.
#[derive(Default)]
pub(super) struct Trace {
    out: Option<BufWriter<File>>,
    other: Option<(PathBuf, Lines<BufReader<File>>)>,
    /// That of the last room.
    schema: Option<(String, Schema)>,
}

/// What a tick shows.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Shown {
    room: String,
    tick: u32,
    /// The sim hash.
    hash: String,
    /// By id.
    entities: BTreeMap<u32, Entity>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entity {
    kind: String,
    /// By name: the codes of the view's fields.
    fields: BTreeMap<String, u32>,
}

/// The first thing that differs.
#[derive(Debug)]
pub(super) struct Difference {
    tick: u32,
    what: String,
}

impl Trace {
    pub(super) fn open(out: Option<&Path>, other: Option<&Path>) -> Result<Self> {
        let create =
            |path: &Path| File::create(path).with_context(|| format!("cannot write {}", path.display()));
        let open = |path: &Path| {
            let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            anyhow::Ok((path.to_owned(), BufReader::new(file).lines()))
        };
        Ok(Self {
            out: out.map(create).transpose()?.map(BufWriter::new),
            other: other.map(open).transpose()?,
            schema: None,
        })
    }

    /// Takes the tick that a room has made. What differs from the other's, if it does.
    pub(super) fn take(&mut self, room: &str, game: &dyn Match) -> Result<Option<Difference>> {
        if self.out.is_none() && self.other.is_none() {
            return Ok(None);
        }
        let shown = self.shown(room, game)?;
        if let Some(out) = &mut self.out {
            serde_json::to_writer(&mut *out, &shown)?;
            writeln!(out)?;
        }
        let Some((path, lines)) = &mut self.other else { return Ok(None) };
        // A room that differed was not followed to its end.
        for line in lines {
            let wrong = || format!("{} is not what --trace writes", path.display());
            let theirs: Shown = serde_json::from_str(&line?).with_context(wrong)?;
            if theirs.room == shown.room {
                return Ok(shown.difference(&theirs));
            }
        }
        Ok(Some(Difference { tick: shown.tick, what: "the other has no such tick".to_owned() }))
    }

    /// All that was taken is in its file.
    pub(super) fn finish(self) -> Result<()> {
        Ok(self.out.map(|mut out| out.flush()).transpose().map(drop)?)
    }

    fn shown(&mut self, room: &str, game: &dyn Match) -> Result<Shown> {
        if self.schema.as_ref().is_none_or(|(of, _)| of != room) {
            let schema = game.joined(None, 0).schema.context("a match tells its schema")?;
            self.schema = Some((room.to_owned(), Schema::from_json(&schema)?));
        }
        let kinds = self.schema.as_ref().map_or(&[][..], |(_, schema)| &schema.views);
        let snapshot = game.snapshot();
        let entity = |row: EntityRow<'_>| {
            let kind = kinds.get(usize::from(row.kind))?;
            let fields = kind.fields.iter().map(|field| field.name.clone()).zip(row.codes.iter().copied());
            Some((row.id.0.get().into(), Entity { kind: kind.name.clone(), fields: fields.collect() }))
        };
        Ok(Shown {
            room: room.to_owned(),
            tick: game.now().0,
            hash: format!("{:016x}", game.hash()),
            entities: snapshot.rows().filter_map(entity).collect(),
        })
    }
}

impl Shown {
    fn difference(&self, theirs: &Self) -> Option<Difference> {
        let tick = self.tick;
        if theirs.tick != tick {
            return Some(Difference { tick, what: format!("the other goes on with tick {}", theirs.tick) });
        }
        if self == theirs {
            return None;
        }
        let ids: BTreeSet<_> = self.entities.keys().chain(theirs.entities.keys()).collect();
        let what = ids.into_iter().find_map(|id| {
            let (here, there) = match (self.entities.get(id), theirs.entities.get(id)) {
                (Some(here), Some(there)) => (here, there),
                (Some(here), None) => return Some(format!("entity {id}, a {}, is here alone", here.kind)),
                (None, Some(there)) => return Some(format!("entity {id}, a {}, is there alone", there.kind)),
                (None, None) => return None,
            };
            if here.kind != there.kind {
                return Some(format!("entity {id} is a {} here and a {} there", here.kind, there.kind));
            }
            let mut fields = here.fields.iter();
            let (name, code) = fields.find(|(name, code)| there.fields.get(*name) != Some(code))?;
            let other = there.fields.get(name).map_or_else(|| "nothing".to_owned(), ToString::to_string);
            Some(format!("entity {id}, a {}: its {name} is {code} here and {other} there", here.kind))
        });
        let what = what.unwrap_or_else(|| "the states differ in what nobody sees".to_owned());
        Some(Difference { tick, what })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at tick {}: {}", self.tick, self.what)
    }
}
