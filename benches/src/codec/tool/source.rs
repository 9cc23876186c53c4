//! The bytes of a trace: a file, perhaps compressed.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use anyhow::{Context, Result};

use super::zstd::ZstdReader;

/// More than the default: frames of zstd come in blocks of 128 KiB.
const BUFFER_BYTES: usize = 256 * 1024;

/// A file that is read, and how much of it was.
pub(super) struct Source {
    reader: Box<dyn Read>,
    position: Position,
}

/// How far a file was read.
#[derive(Clone)]
pub(super) struct Position {
    read: Rc<Cell<u64>>,
    bytes: u64,
}

impl Position {
    /// The share of the file that was read, 0 to 1.
    pub(super) fn share(&self) -> f64 {
        self.read.get() as f64 / self.bytes.max(1) as f64
    }
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let open = || {
            let file = File::open(path)?;
            let bytes = file.metadata()?.len();
            Ok::<_, io::Error>((file, bytes))
        };
        let (file, bytes) = open().with_context(|| format!("cannot read {}", path.display()))?;
        let position = Position { read: Rc::default(), bytes };
        let counted = CountedFile { file, read: position.read.clone() };
        let file = BufReader::with_capacity(BUFFER_BYTES, counted);
        let is_zstd = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zst"));
        let reader: Box<dyn Read> = if is_zstd { Box::new(ZstdReader::new(file)) } else { Box::new(file) };
        Ok(Self { reader, position })
    }

    pub(super) fn position(&self) -> Position {
        self.position.clone()
    }
}

impl Read for Source {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.reader.read(to)
    }
}

struct CountedFile {
    file: File,
    read: Rc<Cell<u64>>,
}

impl Read for CountedFile {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(to)?;
        self.read.update(|all| all + read as u64);
        Ok(read)
    }
}
