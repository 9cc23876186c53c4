//! The folder of a journal: who has it, which files are in it, and for how long.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use fracas_sim::journal::SegmentHead;
use thiserror::Error;
use tracing::debug;

use super::BUILD;

/// What is locked for as long as a process has the folder.
const LOCK: &str = "lock";
const SUFFIX: &str = ".journal";
/// Up to which file all is done with.
const FINISHED: &str = "finished";

/// How much of a journal is kept, besides what it takes to go on with rooms.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) bytes: u64,
    pub(super) age: Duration,
}

/// A folder that this process has.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Locked until it is dropped.
    _lock: File,
    /// The number of the next file, and of the first one of this process.
    next: AtomicU64,
    first: u64,
    process: u64,
    limits: Limits,
    full: Mutex<Full>,
}

/// The files that nobody writes to any more.
#[derive(Debug, Default)]
struct Full {
    files: BTreeMap<u64, FullFile>,
    bytes: u64,
    /// Whether what earlier processes left is done with.
    is_recovered: bool,
    /// From which file on a lane needs its files.
    needed: BTreeMap<u32, u64>,
}

#[derive(Debug)]
struct FullFile {
    listed: Listed,
    /// Who wrote it; none of this process.
    lane: Option<u32>,
    ended: SystemTime,
}

/// A file of the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    pub(crate) bytes: u64,
}

/// Why a folder cannot be had.
#[derive(Debug, Error)]
pub enum FolderError {
    /// Another process has it.
    #[error("{path}: another server has this folder; give each one of its own by --data-dir")]
    Taken {
        /// The folder.
        path: PathBuf,
    },
    /// It cannot be made or read.
    #[error("{path}: {error}; name another folder by --data-dir, or start with --journal off")]
    Failed {
        /// What could not be had.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

impl Folder {
    /// Takes the folder, which is made when it is not there. One that can only be read is as good, until something is
    /// to be written.
    pub(super) fn take(path: &Path, process: u64, limits: Limits) -> Result<Self, FolderError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| FolderError::Failed { path, error }
        };
        fs::create_dir_all(path).map_err(failed(path))?;
        let lock_path = path.join(LOCK);
        let lock = OpenOptions::new().create(true).append(true).open(&lock_path);
        let lock =
            lock.or_else(|error| File::open(&lock_path).map_err(|_| error)).map_err(failed(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(FolderError::Taken { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(failed(&lock_path)(error)),
        }
        let listed = list(path).map_err(failed(path))?;
        let finished = finished(path);
        let next = listed.last().map_or(finished, |(last, _)| finished.max(last.number)) + 1;
        let mut full = Full::default();
        for (listed, ended) in listed {
            full.add(FullFile { listed, lane: None, ended });
        }
        let (first, next) = (next, AtomicU64::new(next));
        Ok(Self { path: path.to_owned(), _lock: lock, next, first, process, limits, full: Mutex::new(full) })
    }

    /// Where this is in the folder.
    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Its files of earlier processes that none has gone on from yet, the oldest first.
    pub(crate) fn unfinished(&self) -> Vec<Listed> {
        let earlier = finished(&self.path) + 1..self.first;
        self.lock().files.range(earlier).map(|(_, file)| file.listed.clone()).collect()
    }

    /// All that is in the files of earlier processes is done with.
    pub(crate) fn finish(&self) -> io::Result<()> {
        self.replace(FINISHED, &format!("{}\n", self.first - 1))?;
        let mut full = self.lock();
        full.is_recovered = true;
        full.tidy(self.limits);
        Ok(())
    }

    /// Writes a small file, which is the old one or the new one whatever happens.
    pub(super) fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        let part = self.path.join(format!("{name}.part"));
        fs::write(&part, text)?;
        fs::rename(part, self.path.join(name))
    }

    /// Makes the next file, for this lane, which wrote that one before, 0 for none, and needs its files from that one on.
    pub(super) fn create(
        &self,
        lane: u32,
        previous: u64,
        needed: Option<u64>,
    ) -> io::Result<(SegmentHead, Listed, File)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.path.join(file_name(number));
        let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        let (process, needed, build) = (self.process, needed.unwrap_or(number), BUILD.to_owned());
        let head = SegmentHead { number, process, lane, previous, needed, build };
        Ok((head, Listed { number, path, bytes: 0 }, file))
    }

    /// Takes note that a lane writes a file no more, and needs its files from that number on. What is too much or too
    /// old is removed.
    pub(super) fn close(&self, lane: u32, listed: Listed, needed: u64) {
        let mut full = self.lock();
        full.needed.insert(lane, needed);
        full.add(FullFile { listed, lane: Some(lane), ended: SystemTime::now() });
        full.tidy(self.limits);
    }

    /// Brings to the disk which files there are.
    pub(super) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    fn lock(&self) -> MutexGuard<'_, Full> {
        self.full.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Full {
    fn add(&mut self, file: FullFile) {
        self.bytes += file.listed.bytes;
        self.files.insert(file.listed.number, file);
    }

    fn tidy(&mut self, limits: Limits) {
        let Self { files, bytes, is_recovered, needed } = self;
        files.retain(|number, file| {
            let is_needed = match &file.lane {
                Some(lane) => needed.get(lane).is_some_and(|needed| number >= needed),
                None => !*is_recovered,
            };
            let is_old = file.ended.elapsed().is_ok_and(|age| age > limits.age);
            if is_needed || !(is_old || *bytes > limits.bytes) {
                return true;
            }
            if let Err(error) = fs::remove_file(&file.listed.path) {
                debug!(%error, path = %file.listed.path.display(), "an old file of the journal stays");
            }
            *bytes -= file.listed.bytes;
            false
        });
    }
}

/// Up to which file all is done with; 0 for none.
fn finished(folder: &Path) -> u64 {
    let text = fs::read_to_string(folder.join(FINISHED)).ok();
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// How the file of this number is called.
pub(crate) fn file_name(number: u64) -> String {
    format!("{number:010}{SUFFIX}")
}

/// The files of a folder and when each was written last, the oldest first. What is not named as they are is somebody
/// else's.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<(Listed, SystemTime)>> {
    let mut listed = Vec::new();
    for found in fs::read_dir(folder)? {
        let found = found?;
        let name = found.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)?.parse().ok());
        if let Some(number) = number {
            let metadata = found.metadata()?;
            let ended = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            listed.push((Listed { number, path: found.path(), bytes: metadata.len() }, ended));
        }
    }
    listed.sort_unstable_by_key(|(listed, _)| listed.number);
    Ok(listed)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const LIMITS: Limits = Limits { bytes: 100, age: Duration::from_hours(1) };

    fn numbers(folder: &TempDir) -> Vec<u64> {
        list(folder.path()).unwrap().into_iter().map(|(listed, _)| listed.number).collect()
    }

    /// Writes the next file of a lane, of so many bytes.
    fn write(folder: &Folder, lane: u32, bytes: u64) -> Listed {
        let (_, mut listed, file) = folder.create(lane, 0, None).unwrap();
        file.set_len(bytes).unwrap();
        listed.bytes = bytes;
        listed
    }

    #[test]
    fn what_is_too_much_goes_the_oldest_first() {
        let temporary = TempDir::new().unwrap();
        let folder = Folder::take(temporary.path(), 1, LIMITS).unwrap();
        for _ in 0..5 {
            folder.close(0, write(&folder, 0, 40), u64::MAX);
        }
        assert_eq!(numbers(&temporary), [4, 5]);
    }

    #[test]
    fn what_rooms_go_on_from_stays() {
        let temporary = TempDir::new().unwrap();
        let folder = Folder::take(temporary.path(), 1, LIMITS).unwrap();
        for number in 1..=5 {
            let listed = write(&folder, number % 2, 80);
            // One lane needs all from its second file on, the other one nothing.
            folder.close(number % 2, listed, if number % 2 == 1 { 3 } else { u64::MAX });
        }
        assert_eq!(numbers(&temporary), [3, 5]);
    }

    #[test]
    fn what_was_left_stays_until_it_is_done_with() {
        let temporary = TempDir::new().unwrap();
        let before = Folder::take(temporary.path(), 1, LIMITS).unwrap();
        let (first, second) = (write(&before, 0, 90), write(&before, 0, 90));
        drop(before);
        let folder = Folder::take(temporary.path(), 2, LIMITS).unwrap();
        assert_eq!(folder.unfinished(), [first, second]);
        folder.close(0, write(&folder, 0, 90), u64::MAX);
        assert_eq!(numbers(&temporary), [1, 2]);
        folder.finish().unwrap();
        assert_eq!(numbers(&temporary), [2]);
        drop(folder);
        let after = Folder::take(temporary.path(), 3, LIMITS).unwrap();
        assert_eq!(after.unfinished(), []);
    }

    #[test]
    fn one_process_has_it() {
        let temporary = TempDir::new().unwrap();
        let first = Folder::take(temporary.path(), 1, LIMITS).unwrap();
        let error = Folder::take(temporary.path(), 2, LIMITS).unwrap_err().to_string();
        assert!(error.contains("--data-dir"), "{error}");
        drop(first);
        assert!(Folder::take(temporary.path(), 3, LIMITS).is_ok());
    }
}
