//! Deletes recordings that are too old, and the oldest when too little of the disk is free.
//!
//! The names of the folders say of which day the recordings in them are, `<account>/<kind>/<yyyyMMdd>/`, so nothing has to
//! be remembered: whatever a crash leaves is found by the next sweep. Folders are read as a stream, and deleting pauses
//! again and again, so that neither memory nor disk notices how many files there are.

use std::collections::{BTreeMap, BinaryHeap};
use std::fs::{self, DirEntry, ReadDir};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, SystemTime};

use base::{AccountId, Now};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};

use super::renderer::{NICENESS, PART};
use super::space::free_bytes;
use crate::clock::Clock;

/// How often it is looked whether something is to be deleted.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Deleting pauses after so many files …
const BURST: usize = 20;
/// … for so long: 200 files a second at most.
const PAUSE: Duration = Duration::from_millis(100);
/// The oldest files of a day that are in memory at once.
const OLDEST_MAX: usize = 1_000;
/// A file this young stays whatever its day is: its link is just being told.
const YOUNG: Duration = Duration::from_secs(600);
/// An unfinished file that nobody has written to for so long is left over.
const LEFT_OVER: Duration = Duration::from_secs(24 * 3600);

/// How long recordings are kept.
#[derive(Clone, Debug, Default)]
pub struct Keep {
    /// By account.
    pub accounts: BTreeMap<AccountId, KeepDays>,
    /// For accounts that there are no more.
    pub others: KeepDays,
    /// While fewer bytes are free the oldest are deleted, of whichever account. 0 = never.
    pub free_bytes: u64,
}

/// How long an account's are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepDays {
    /// So many whole days after that of the call. 0 = for ever.
    pub days: u32,
    /// The account's zone, seconds east of UTC.
    pub utc_offset_s: i32,
}

/// The thread that deletes. Dropping it ends it.
pub struct Keeper {
    keep: Arc<Mutex<Keep>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Looks after the finished files below `root`.
    ///
    /// # Errors
    /// When the operating system gives no thread.
    pub fn start(root: PathBuf, keep: Keep, clock: Clock) -> io::Result<Keeper> {
        let (stop, stopped) = channel();
        let keep = Arc::new(Mutex::new(keep));
        let shared = keep.clone();
        let run = move || {
            // At normal priority it would still do no harm.
            let _ = rustix::process::setpriority_process(None, NICENESS);
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(SWEEP_EVERY) {
                let keep = shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
                Sweep::new(&root, &keep, clock.now(), &|| free_bytes(&root), &|| is_time_left(&stopped))
                    .run();
            }
        };
        let thread = Builder::new().name("retention".to_owned()).spawn(run)?;
        Ok(Keeper { keep, stop: Some(stop), thread: Some(thread) })
    }

    /// From the next sweep on others are kept.
    pub fn change(&self, keep: Keep) {
        *self.keep.lock().unwrap_or_else(PoisonError::into_inner) = keep;
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that deletes old recordings had failed");
        }
    }
}

/// Pauses; whether it goes on then.
fn is_time_left(stopped: &Receiver<()>) -> bool {
    stopped.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout)
}

/// One look at everything.
struct Sweep<'a> {
    root: &'a Path,
    keep: &'a Keep,
    now: Now,
    /// How much is free, bytes.
    free: &'a dyn Fn() -> Option<u64>,
    /// Pauses; false: no time is left.
    pause: &'a dyn Fn() -> bool,
    deleted: usize,
    stopped: bool,
}

/// A folder of a day.
struct Day {
    account: AccountId,
    date: Date,
    path: PathBuf,
}

/// Why a recording goes.
#[derive(Clone, Copy)]
enum Because {
    Age,
    Space,
}

impl<'a> Sweep<'a> {
    fn new(
        root: &'a Path,
        keep: &'a Keep,
        now: Now,
        free: &'a dyn Fn() -> Option<u64>,
        pause: &'a dyn Fn() -> bool,
    ) -> Sweep<'a> {
        Sweep { root, keep, now, free, pause, deleted: 0, stopped: false }
    }

    fn run(mut self) {
        self.by_age();
        let by_age = self.deleted;
        self.by_space();
        let by_space = self.deleted - by_age;
        if self.deleted > 0 {
            tracing::info!(by_age, by_space, "old recordings were deleted");
        }
    }

    fn by_age(&mut self) {
        let root = self.root;
        for day in days(root) {
            if self.stopped {
                return;
            }
            if self.is_too_old(&day) {
                for file in files(&day.path) {
                    if self.may_go(&file) && !self.delete(&file.path(), Because::Age) {
                        return;
                    }
                }
                remove_if_empty(&day.path);
            }
        }
    }

    fn is_too_old(&self, day: &Day) -> bool {
        let KeepDays { days, utc_offset_s } =
            self.keep.accounts.get(&day.account).copied().unwrap_or(self.keep.others);
        let zone = TimeZone::fixed(Offset::from_seconds(utc_offset_s).unwrap_or(Offset::UTC));
        let today = Timestamp::from_second(self.now.wall.as_secs()).unwrap_or_default().to_zoned(zone).date();
        days > 0 && today.duration_since(day.date).as_hours() / 24 > i64::from(days)
    }

    fn by_space(&mut self) {
        let mut after = None;
        while !self.stopped && self.is_short() {
            let Some(date) = days(self.root).map(|day| day.date).filter(|date| Some(*date) > after).min()
            else {
                return tracing::error!("too little is free, but no recording is left that may be deleted");
            };
            if !self.shrink(date) {
                after = Some(date);
            }
        }
    }

    fn is_short(&self) -> bool {
        self.keep.free_bytes > 0 && (self.free)().is_some_and(|free| free < self.keep.free_bytes)
    }

    /// Deletes the oldest of a day, as few as are enough. False when there is nothing (more) to delete.
    fn shrink(&mut self, date: Date) -> bool {
        let folders: Vec<PathBuf> =
            days(self.root).filter(|day| day.date == date).map(|day| day.path).collect();
        let mut oldest = BinaryHeap::new();
        for file in folders.iter().flat_map(|folder| files(folder)).filter(|file| self.may_go(file)) {
            oldest.push((second_of(&file), file.path()));
            if oldest.len() > OLDEST_MAX {
                oldest.pop();
            }
        }
        let any = !oldest.is_empty();
        for (_, file) in oldest.into_sorted_vec() {
            if !self.is_short() || !self.delete(&file, Because::Space) {
                return true;
            }
        }
        folders.iter().for_each(|folder| remove_if_empty(folder));
        any
    }

    /// Whether a file is finished, and not just now; or left over for long.
    fn may_go(&self, file: &DirEntry) -> bool {
        let Ok(meta) = file.metadata() else { return false };
        let now = SystemTime::UNIX_EPOCH
            + Duration::from_millis(u64::try_from(self.now.wall.as_millis()).unwrap_or(0));
        let age = meta.modified().ok().and_then(|at| now.duration_since(at).ok()).unwrap_or_default();
        let is_part = file.file_name().to_string_lossy().ends_with(PART);
        meta.is_file() && age > if is_part { LEFT_OVER } else { YOUNG }
    }

    /// Deletes a file, and pauses now and then. False: no time is left, or the disk refuses.
    fn delete(&mut self, file: &Path, because: Because) -> bool {
        match fs::remove_file(file) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return true,
            Err(error) => {
                tracing::error!(%error, "old recordings cannot be deleted");
                self.stopped = true;
                return false;
            }
        }
        let because = match because {
            Because::Age => "age",
            Because::Space => "space",
        };
        metrics::counter!("cordboard_recordings_deleted_total", "because" => because).increment(1);
        self.deleted += 1;
        if self.deleted.is_multiple_of(BURST) {
            self.stopped = !(self.pause)();
        }
        !self.stopped
    }
}

/// All folders of days.
fn days(root: &Path) -> impl Iterator<Item = Day> {
    folders(root).filter_map(|(name, path)| Some((name.parse().ok()?, path))).flat_map(|(account, path)| {
        let kinds = folders(&path).flat_map(|(_, kind)| folders(&kind));
        kinds.filter_map(move |(name, path)| {
            let is_day = name.len() == 8 && name.bytes().all(|b| b.is_ascii_digit());
            let date = is_day.then(|| Date::strptime("%Y%m%d", &name).ok()).flatten()?;
            Some(Day { account, date, path })
        })
    })
}

/// The folders in a folder, and not what links lead to.
fn folders(path: &Path) -> impl Iterator<Item = (String, PathBuf)> + use<> {
    files(path).filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some((name, entry.path()))
    })
}

/// What is in a folder; nothing when it cannot be read.
fn files(path: &Path) -> impl Iterator<Item = DirEntry> + use<> {
    fs::read_dir(path).into_iter().flat_map(|folder: ReadDir| folder.filter_map(Result::ok))
}

/// The time in the name `<account>-<yyyyMMddHHmmss>-…`; accounts do not matter.
fn second_of(file: &DirEntry) -> String {
    file.file_name().to_string_lossy().split('-').nth(1).unwrap_or_default().to_owned()
}

fn remove_if_empty(folder: &Path) {
    // It has files in it, or a file is just being put there: then it stays.
    let _ = fs::remove_dir(folder);
}

#[cfg(test)]
mod tests;
