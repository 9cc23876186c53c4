//! A trace, read frame by frame.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Error, Result, anyhow, ensure};
use csv::{ByteRecord, ErrorKind, Reader};
use fracas_shared::Tick;
use fracas_shared::id::EntityId;
use fracas_shared::limits::ENTITIES_MAX;
use fracas_shared::schema::Kind;
use fracas_shared::snapshot::Snapshot;

use super::columns::{Column, Columns, ENTITY, TICK};
use super::source::{Position, Source};
use super::wire_ids::WireIds;

/// A tick of a trace.
pub(super) struct Frame {
    /// As the trace has it.
    pub(super) tick: u64,
    /// What the codec is given; frames are numbered in order, from 1 on.
    pub(super) snapshot: Snapshot,
    /// The entities by their ids, in order.
    entities: Vec<(EntityId, u64)>,
}

impl Frame {
    /// The entity that bears this id.
    pub(super) fn entity(&self, id: EntityId) -> Option<u64> {
        let place = self.entities.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(self.entities[place].1)
    }
}

/// A trace that is being read.
pub(super) struct Trace {
    shown: String,
    reader: Reader<Source>,
    position: Position,
    columns: Columns,
    ids: WireIds,
    /// The row after the last frame, once there was one.
    record: ByteRecord,
    is_pending: bool,
    tick: Option<u64>,
    frames: u32,
    rows: u64,
}

impl Trace {
    /// Opens a trace of this kind of entity.
    ///
    /// One with `int` fields is looked through first: of their numbers, one that is negative says what
    /// all are.
    pub(super) fn open(path: &Path, kind: &Kind) -> Result<Self> {
        let mut trace = Self::begin(path, kind)?;
        if trace.columns.fields.iter().any(|column| column.is_int) {
            trace.find_negatives();
            let columns = trace.columns;
            trace = Self { columns, ..Self::begin(path, kind)? };
        }
        Ok(trace)
    }

    fn begin(path: &Path, kind: &Kind) -> Result<Self> {
        let shown = path.display().to_string();
        let source = Source::open(path)?;
        let position = source.position();
        let mut reader = Reader::from_reader(source);
        let header = reader.byte_headers().map_err(|error| unreadable(&shown, &error))?;
        let columns = Columns::of(header, kind).with_context(|| format!("{shown}, line 1"))?;
        Ok(Self {
            shown,
            reader,
            position,
            columns,
            ids: WireIds::default(),
            record: ByteRecord::new(),
            is_pending: false,
            tick: None,
            frames: 0,
            rows: 0,
        })
    }

    /// What cannot be read is found again when it is read in earnest.
    fn find_negatives(&mut self) {
        let is_open = |column: &&mut Column| column.is_int && !column.has_values;
        while self.reader.read_byte_record(&mut self.record).is_ok_and(|is_row| is_row) {
            let open = self.columns.fields.iter_mut().filter(is_open);
            if open.map(|column| column.has_values = column.is_negative(&self.record)).count() == 0 {
                break;
            }
        }
    }

    /// The next frame; none at the end.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>> {
        if !self.is_pending && !self.read_row()? {
            return Ok(None);
        }
        self.is_pending = false;
        let tick = self.row_tick()?;
        if let Some(last) = self.tick {
            let error = || anyhow!("column `{TICK}`: {tick} after {last}: sort the rows by tick, ascending");
            ensure!(tick > last, self.at_row(error()));
        }
        self.tick = Some(tick);
        self.frames += 1;
        let mut frame = Frame { tick, snapshot: Snapshot::new(Tick(self.frames)), entities: Vec::new() };
        let mut codes = Vec::with_capacity(self.columns.fields.len());
        loop {
            self.add_row(&mut frame, &mut codes).map_err(|error| self.at_row(error))?;
            if !self.read_row()? {
                break;
            }
            if self.row_tick()? != tick {
                self.is_pending = true;
                break;
            }
        }
        frame.snapshot.seal(BTreeMap::new());
        frame.entities.sort_unstable();
        Ok(Some(frame))
    }

    fn add_row(&mut self, frame: &mut Frame, codes: &mut Vec<u32>) -> Result<()> {
        ensure!(
            frame.entities.len() < ENTITIES_MAX,
            "tick {} has more than {ENTITIES_MAX} entities, which is all that a frame may have: leave some out",
            frame.tick
        );
        let entity = Columns::number(&self.record, self.columns.entity, ENTITY)?;
        let id = self.ids.see(entity, self.frames)?;
        codes.clear();
        for column in &self.columns.fields {
            codes.push(column.code(&self.record)?);
        }
        frame.snapshot.push(id, 0, |row| row.extend_from_slice(codes));
        frame.entities.push((id, entity));
        self.rows += 1;
        Ok(())
    }

    fn read_row(&mut self) -> Result<bool> {
        self.reader.read_byte_record(&mut self.record).map_err(|error| unreadable(&self.shown, &error))
    }

    fn row_tick(&self) -> Result<u64> {
        Columns::number(&self.record, self.columns.tick, TICK).map_err(|error| self.at_row(error))
    }

    fn at_row(&self, error: Error) -> Error {
        let line = self.record.position().map_or(0, csv::Position::line);
        error.context(format!("{}, line {line}", self.shown))
    }

    /// Frames that were read.
    pub(super) fn frames(&self) -> u32 {
        self.frames
    }

    /// Rows that were read.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Entities that were read; see [`WireIds::given`].
    pub(super) fn entities(&self) -> u64 {
        self.ids.given()
    }

    /// The share of the file that was read.
    pub(super) fn share_read(&self) -> f64 {
        self.position.share()
    }

    /// What the reader of a report must know of how the trace was read.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes: Vec<_> = self.columns.fields.iter().filter_map(Column::note).collect();
        let unknown = &self.columns.unknown;
        if !unknown.is_empty() {
            notes.push(format!("not in the schema and not looked at: {}", unknown.join(", ")));
        }
        notes
    }
}

fn unreadable(shown: &str, error: &csv::Error) -> Error {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => anyhow!(
            "{shown}, line {line}: has {len} columns where the header has {expected_len}: give each row a number \
             for each column"
        ),
        ErrorKind::Io(error) => anyhow!("cannot read {shown}: {error}"),
        _ => anyhow!("{shown}: {error}"),
    }
}
