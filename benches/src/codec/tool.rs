//! `cargo xtask codec`: the state codec on anybody's data.
//!
//! A trace is read in chunks. Of each chunk, every configuration encodes all frames and decodes them
//! again, timed without the reading, and what came is held against what went. Memory is bounded by a
//! chunk, by the frames from a baseline on, and by the different values of the entropies' histograms.

mod chunk;
mod columns;
mod configuration;
mod controls;
mod differ;
mod measure;
mod options;
mod progress;
mod report;
mod schema;
mod source;
mod trace;
mod updates;
mod wire_ids;
mod zstd;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use self::chunk::chunk;
pub use self::configuration::{Coder, Configuration, configurations};
use self::measure::Meter;
pub use self::options::Options;
use self::progress::Progress;
pub use self::report::Report;
use self::schema::read_kind;
use self::trace::Trace;
use self::updates::Updates;

/// Does what the options say, and prints the report.
///
/// # Errors
/// When a file is not as it must be, or a frame does not come back as it went.
pub fn run(options: &Options) -> Result<()> {
    let json = options.json.as_deref().map(create).transpose()?;
    let report = measure(options, &configurations())?;
    print!("{}", report.text());
    if let (Some(mut file), Some(path)) = (json, &options.json) {
        let written = serde_json::to_writer_pretty(&mut file, &report.json()).map_err(Into::into);
        written
            .and_then(|()| writeln!(file))
            .and_then(|()| file.flush())
            .with_context(|| cannot_write(path))?;
    }
    Ok(())
}

/// Measures these configurations; the sizes of single frames are those of the first.
///
/// # Errors
/// See [`run`].
pub fn measure(options: &Options, configurations: &[Configuration]) -> Result<Report> {
    let baseline = options.baseline as usize;
    let kind = read_kind(&options.schema)?;
    let mut sizes = options.per_frame.as_deref().map(SizeFile::create).transpose()?;
    let mut trace = Trace::open(&options.trace, &kind)?;
    let mut updates = Updates::new(&kind, baseline);
    let mut meters: Vec<_> =
        configurations.iter().map(|configuration| Meter::new(configuration, &kind, baseline)).collect();
    let mut progress = Progress::default();
    loop {
        let frames = chunk(&mut trace)?;
        if frames.is_empty() {
            break;
        }
        for frame in &frames {
            updates.add(&frame.snapshot);
        }
        for (place, meter) in meters.iter_mut().enumerate() {
            let bytes = meter.measure(&frames, &kind)?;
            if let Some(file) = sizes.as_mut().filter(|_| place == 0) {
                file.add(frames.iter().map(|frame| frame.tick).zip(bytes))?;
            }
        }
        progress.show(trace.share_read(), trace.frames());
    }
    drop(progress);
    if let Some(file) = sizes {
        file.finish()?;
    }
    ensure!(
        trace.frames() > options.baseline,
        "{}: has {} frames, of which none has a baseline {} frames back: use a longer trace or a smaller --baseline",
        options.trace.display(),
        trace.frames(),
        options.baseline
    );
    let measured = meters.into_iter().map(Meter::finish).collect();
    Ok(Report::new(options, &kind, &trace, updates.finish(), measured))
}

/// The sizes of frames, as CSV.
struct SizeFile<'a> {
    file: BufWriter<File>,
    path: &'a Path,
}

impl<'a> SizeFile<'a> {
    fn create(path: &'a Path) -> Result<Self> {
        let mut file = create(path)?;
        writeln!(file, "tick,bytes").with_context(|| cannot_write(path))?;
        Ok(Self { file, path })
    }

    fn add(&mut self, frames: impl Iterator<Item = (u64, usize)>) -> Result<()> {
        for (tick, bytes) in frames {
            writeln!(self.file, "{tick},{bytes}").with_context(|| cannot_write(self.path))?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<()> {
        self.file.flush().with_context(|| cannot_write(self.path))
    }
}

/// Before the work, so that a name that cannot be written to is known before it.
fn create(path: &Path) -> Result<BufWriter<File>> {
    Ok(BufWriter::new(File::create(path).with_context(|| cannot_write(path))?))
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", path.display())
}
