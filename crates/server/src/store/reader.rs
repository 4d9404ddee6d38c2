//! The read side: a few read-only connections, used on blocking threads.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base::CallId;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::limits::READERS_MAX;
use super::outbox::{self, DeadLetter, DeadLetterFilter, Unsettled};
use super::{StoreError, schema};

/// Reads the store. Cheap to clone.
#[derive(Clone)]
pub struct Reader {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Reader {
    pub(super) fn new(path: &Path) -> Reader {
        let shared = Shared {
            path: path.to_owned(),
            idle: Mutex::new(Vec::new()),
            permits: Semaphore::new(READERS_MAX),
        };
        Reader { shared: Arc::new(shared) }
    }

    /// Unsettled pushes with numbers above `after`, lowest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn unsettled(&self, after: u64, at_most: usize) -> Result<Vec<Unsettled>, StoreError> {
        self.read(move |conn| outbox::unsettled(conn, after, at_most)).await
    }

    /// `eventUniqueId` and JSON of an unsettled push; `None` when it was settled.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn letter(&self, id: u64) -> Result<Option<(String, String)>, StoreError> {
        self.read(move |conn| outbox::letter(conn, id)).await
    }

    /// Dead letters, newest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn dead_letters(
        &self,
        filter: DeadLetterFilter,
        at_most: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.read(move |conn| outbox::dead_letters(conn, &filter, at_most)).await
    }

    /// Whether the files of a call's recording are still to be made.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn is_recording_unfinished(&self, call: CallId) -> Result<bool, StoreError> {
        self.read(move |conn| {
            conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM piece WHERE call = ?)")?
                .query_row([call.0], |row| row.get(0))
        })
        .await
    }

    /// Runs `f` with a connection on a blocking thread, inside one read transaction.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = self.shared.clone();
        let _permit = self.shared.permits.acquire().await.expect("the semaphore is never closed");
        let running = tokio::task::spawn_blocking(move || {
            let idle = shared.idle.lock().expect("no thread panics while it holds the list").pop();
            let conn = idle.map_or_else(|| schema::open_to_read(&shared.path), Ok)?;
            let tx = conn.unchecked_transaction()?;
            let value = f(&tx)?;
            tx.finish()?;
            shared.idle.lock().expect("no thread panics while it holds the list").push(conn);
            Ok(value)
        });
        running.await.map_err(|_panicked| StoreError::ReaderGone)?
    }
}
