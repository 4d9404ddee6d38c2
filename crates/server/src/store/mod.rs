//! The one ordered log and everything folded from it, in one SQLite file.
//!
//! One thread writes ([`WriterHandle`]), a few connections read ([`Reader`]). An append is durable when [`Watch::durable`]
//! says so; nothing that an entry causes may leave before. Numbers of what is held at most: [`limits`].

mod backup;
mod fold;
mod idempotency;
pub mod limits;
mod log;
mod nonces;
mod outbox;
mod ports;
mod queue;
mod reader;
mod records;
mod retention;
mod schema;
mod startup;
mod writer;

use std::fs::{DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use base::{AccountId, CallId, LogNo, Wall};
use callcenter::event::Numbered;
use callcenter::record::CallRecord;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use switch::api::Entry;

pub use backup::{Copied, back_up};
pub use outbox::{DeadLetter, DeadLetterFilter, Patience, Push, Settlement, Unsettled};
pub use ports::Ports;
pub use reader::Reader;
pub use records::Page;
pub use startup::{KeptPhones, LegToken, Startup, UnfinishedRecording};
pub use writer::{AppendError, WriterHandle};

/// The database file in the data directory.
const FILE: &str = "cordboard.db";

/// Held locked by the process that serves from the store.
const LOCK: &str = "cordboard.lock";

/// What customers see of events and records. Called on the writer's thread, so it must be quick and must not panic.
pub trait Render: Send + Sync {
    /// The JSON of a record, as queries answer it.
    fn record(&self, record: &CallRecord) -> String;

    /// What is pushed when this happens, if anything.
    fn push(&self, event: &Numbered) -> Option<Push>;
}

/// Whoever needs to know how the log fares. Called on the writer's thread: pass it on, do not wait.
pub trait Watch: Send {
    /// Everything up to and including this entry is committed.
    fn durable(&mut self, through: LogNo);

    /// Commits began to fail, or work again. A commit that hangs is seen by [`WriterHandle::state`] only.
    fn state(&mut self, state: LogState);
}

/// Whether the log can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogState {
    /// Yes.
    Working,
    /// Disk full, input/output error, or a commit that does not come back. Nothing is lost: it is tried again, in order.
    Stalled,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite's own words.
    #[error("the store: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// It was written by a newer program.
    #[error("the store has schema {found}, this program knows schemas up to {known}: run a newer one")]
    Newer {
        /// The schema in the file.
        found: usize,
        /// The newest this program knows.
        known: usize,
    },
    /// It has to be brought up to date first.
    #[error(
        "the store has schema {found}, this program wants {known}: serve from it once to bring it up to date"
    )]
    Older {
        /// The schema in the file.
        found: usize,
        /// The one this program wants.
        known: usize,
    },
    /// Another process serves from it.
    #[error("the store in {0} is in use by another process")]
    InUse(PathBuf),
    /// The directory or the lock file cannot be used.
    #[error("the store in {path}: {error}")]
    Io {
        /// Which directory.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A copy of it is not what it should be.
    #[error("the copy of the store is not whole: {0}")]
    CopyDamaged(String),
    /// A reading thread ended in a panic.
    #[error("a reader of the store failed")]
    ReaderGone,
}

/// An open store. Drop or [`Store::close`] it to write what is queued.
pub struct Store {
    writer: WriterHandle,
    reader: Reader,
    thread: Option<JoinHandle<()>>,
    lock: File,
}

impl Store {
    /// Opens the store in `dir` (created when absent), resolves what a crash left open, and starts the writer.
    ///
    /// # Errors
    /// In use by another process, written by a newer program, or not readable and writable.
    pub fn open(
        dir: &Path,
        render: Arc<dyn Render>,
        watch: Box<dyn Watch>,
    ) -> Result<(Store, Startup), StoreError> {
        let lock = lock(dir)?;
        let path = dir.join(FILE);
        let mut conn = schema::open(&path)?;
        let tx = Transaction::new(&mut conn, TransactionBehavior::Immediate)?;
        idempotency::resolve_after_crash(&tx)?;
        let startup = startup::read(&tx)?;
        tx.commit()?;
        let (writer, handle) = writer::Writer::new(conn, render, watch)?;
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| StoreError::Io { path: dir.to_owned(), error })?;
        let store = Store { writer: handle, reader: Reader::new(&path), thread: Some(thread), lock };
        Ok((store, startup))
    }

    /// The write side.
    pub fn writer(&self) -> WriterHandle {
        self.writer.clone()
    }

    /// The read side.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// Writes what is queued and ends the writer. Gives up after [`limits::CLOSE_WITHIN`] when the log cannot be written.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.writer.shared().close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer of the store panicked");
        }
        // Not left to the closing of the file: a child process that is just being started may hold it open a moment longer.
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "the store could not be unlocked; the end of the process does it");
        }
    }
}

/// Dead letters of a store that may be in use by a serving process, for the command line.
pub struct DeadLetters {
    conn: Connection,
}

impl DeadLetters {
    /// Opens the store in `dir`, which must exist.
    ///
    /// # Errors
    /// No store there, or not readable and writable.
    pub fn open(dir: &Path) -> Result<DeadLetters, StoreError> {
        Ok(DeadLetters { conn: schema::open_beside(&dir.join(FILE))? })
    }

    /// Dead letters, newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn list(&self, filter: &DeadLetterFilter, at_most: usize) -> Result<Vec<DeadLetter>, StoreError> {
        Ok(outbox::dead_letters(&self.conn, filter, at_most)?)
    }

    /// Puts dead letters into the outbox again and returns how many. A serving process notices within
    /// [`crate::push::limits::OUTBOX_LOOK`].
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn replay(&mut self, filter: &DeadLetterFilter, now: Wall) -> Result<usize, StoreError> {
        let tx = Transaction::new(&mut self.conn, TransactionBehavior::Immediate)?;
        let replayed = outbox::replay(&tx, filter, now)?;
        tx.commit()?;
        Ok(replayed)
    }
}

/// Everything that the store in `dir`, from which another process may serve, still keeps of a call: the rows of the log in
/// order, each with its time.
///
/// # Errors
/// No store there, one of another version of the program, or not readable.
pub fn explain(dir: &Path, call: CallId) -> Result<Vec<(Wall, Entry)>, StoreError> {
    Ok(log::of_call(&schema::open_beside_to_read(&dir.join(FILE))?, call)?)
}

/// Makes a new store in `to` out of nothing but the log of the store in `from`: the tables it folds are to be those of
/// `from`, as far as its log reaches back. For repair, and for the test that the two agree.
///
/// # Errors
/// `from` cannot be read, or `to` cannot be written or has a log already.
pub fn rebuild(from: &Path, to: &Path, render: &dyn Render) -> Result<(), StoreError> {
    let _lock = lock(to)?;
    let source = schema::open_to_read(&from.join(FILE))?;
    let mut conn = schema::open(&to.join(FILE))?;
    let tx = Transaction::new(&mut conn, TransactionBehavior::Immediate)?;
    let mut fold = fold::Fold::new(&tx, render, Wall::default());
    log::each(&source, "TRUE", |entry| fold.apply(&entry))?;
    fold.finish()?;
    tx.commit()?;
    Ok(())
}

/// A directory made here is the owner's alone: it holds customers' numbers and voices.
fn lock(dir: &Path) -> Result<File, StoreError> {
    let io = |error| StoreError::Io { path: dir.to_owned(), error };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
    let file = File::options().create(true).truncate(false).write(true).open(dir.join(LOCK)).map_err(io)?;
    match file.try_lock() {
        Ok(()) => {
            // For whoever has something to tell this process.
            file.set_len(0)
                .and_then(|()| (&file).write_all(std::process::id().to_string().as_bytes()))
                .map_err(io)?;
            Ok(file)
        }
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::InUse(dir.to_owned())),
        Err(std::fs::TryLockError::Error(error)) => Err(io(error)),
    }
}

/// The process that serves from the store in `dir`, if one does.
///
/// # Errors
/// When the directory cannot be read.
pub fn served_by(dir: &Path) -> std::io::Result<Option<i32>> {
    let file = match File::open(dir.join(LOCK)) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(std::fs::TryLockError::WouldBlock) => Ok(std::io::read_to_string(&file)?.trim().parse().ok()),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

/// How many rows a bounded table has for an account, or for one of its addresses. Kept by triggers.
fn size_of(
    conn: &Connection,
    table: &str,
    account: AccountId,
    address: Option<&str>,
) -> rusqlite::Result<u64> {
    let of = match address {
        Some(address) => format!("{table} {account} {address}"),
        None => format!("{table} {account}"),
    };
    let rows = conn
        .prepare_cached("SELECT rows FROM size WHERE of = ?")?
        .query_row([of], |row| row.get(0))
        .optional()?;
    Ok(rows.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_directory_made_for_a_store_is_its_owner_s_alone() {
        let outside = tempfile::tempdir().unwrap();
        let dir = outside.path().join("deep/data");
        assert_eq!(served_by(&dir).unwrap(), None);
        let _lock = lock(&dir).unwrap();
        assert_eq!(served_by(&dir).unwrap(), i32::try_from(std::process::id()).ok());
        assert_eq!(dir.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        assert!(matches!(lock(&dir), Err(StoreError::InUse(_))));
    }
}
