//! Inputs in a file: one JSON object for each, by the game's schema.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use fracas_shared::json::{from_json, to_json};
use fracas_shared::packet::LooseRow;
use fracas_shared::schema::Schema;

/// Inputs of a recording: an hour at the highest rate is less.
const INPUTS_MAX: usize = 1_000_000;

/// Inputs that are played back, again and again.
#[derive(Clone, Debug)]
pub(crate) struct Recording(Arc<[LooseRow]>);

impl Recording {
    /// Reads a file.
    pub(crate) fn read(path: &Path, schema: &Schema) -> Result<Self, String> {
        let problem = |line: usize, what: String| format!("{}, line {}: {what}", path.display(), line + 1);
        let file = File::open(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        let mut rows = Vec::new();
        for (number, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(|error| problem(number, error.to_string()))?;
            if line.trim().is_empty() {
                continue;
            }
            if rows.len() == INPUTS_MAX {
                return Err(problem(number, format!("a recording has at most {INPUTS_MAX} inputs")));
            }
            let object = serde_json::from_str(&line).map_err(|error| problem(number, error.to_string()))?;
            let row = from_json(&schema.inputs, &object);
            rows.push(
                row.map_err(|error| problem(number, format!("no input of '{}': {error}", schema.game)))?,
            );
        }
        if rows.is_empty() {
            return Err(format!("{} has no inputs: record some with --record-inputs", path.display()));
        }
        Ok(Self(rows.into()))
    }

    /// The input of this place.
    pub(crate) fn input(&self, place: u64) -> &LooseRow {
        &self.0[(place % self.0.len() as u64) as usize]
    }
}

/// Takes inputs down.
#[derive(Clone, Debug)]
pub(crate) struct Recorder(Arc<Mutex<BufWriter<File>>>);

impl Recorder {
    pub(crate) fn create(path: &Path) -> Result<Self, String> {
        let file =
            File::create(path).map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        Ok(Self(Arc::new(Mutex::new(BufWriter::new(file)))))
    }

    /// Takes one down. What cannot be written any more is missed: the run goes on.
    pub(crate) fn note(&self, row: &LooseRow, schema: &Schema) {
        let Some(kind) = schema.inputs.get(usize::from(row.kind)) else { return };
        let object = to_json(kind, &row.codes, row);
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = serde_json::to_writer(&mut *file, &object);
        let _ = file.write_all(b"\n");
    }
}
