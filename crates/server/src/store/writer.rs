//! The one thread that writes: takes what waits, commits it in one transaction, says so, takes what waits …
//!
//! There is no timer: an idle writer commits at once, and while it commits, more gathers for the next transaction.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base::{AccountId, CommandId, LogNo, Wall};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use switch::api::Entry;
use tokio::sync::{Notify, oneshot};

use super::fold::Fold;
use super::limits::{BATCH_ROWS_MAX, CLOSE_WITHIN, COMMIT_RETRY, STALLED_AFTER};
use super::outbox::{self, DeadLetterFilter, Settlement};
use super::queue::{Ack, Op, Queue, Refused};
use super::{LogState, Render, Watch, idempotency, log, nonces, retention};
use crate::http::ports::{Begun, Unavailable, UseError};

/// Passes writes to the writer. Cheap to clone.
#[derive(Clone)]
pub struct WriterHandle {
    shared: Arc<Shared>,
}

/// Why entries were handed back.
#[derive(Debug, PartialEq, Eq)]
pub enum AppendError {
    /// Too much waits already ([`super::limits::ENTRIES_QUEUED_MAX`]). Append them again, before any later ones.
    Full(Vec<Entry>),
    /// The writer has ended.
    Closed(Vec<Entry>),
}

/// What the writer and its users both see.
pub(super) struct Shared {
    queue: Queue,
    /// Through which entry the log is durable.
    durable: AtomicU64,
    /// The last commit failed and is being tried again, or the writer has ended.
    failing: AtomicBool,
    /// When the running commit began; `None` between commits.
    committing_since: Mutex<Option<Instant>>,
    /// Rings when pushes were put into the outbox.
    outbox_grew: Notify,
}

impl WriterHandle {
    /// Queues entries for the log; never waits. [`Watch::durable`] tells when they are committed.
    ///
    /// # Errors
    /// Hands the entries back when they cannot be queued.
    pub fn append(&self, entries: Vec<Entry>) -> Result<(), AppendError> {
        self.shared.queue.append(entries).map_err(|(refused, entries)| match refused {
            Refused::Full => AppendError::Full(entries),
            Refused::Closed => AppendError::Closed(entries),
        })
    }

    /// Whether the log can be written, as far as is known now: also notices a commit that does not come back.
    pub fn state(&self) -> LogState {
        let began = *self.shared.committing_since.lock().expect("no thread panics while it holds an instant");
        let hangs = began.is_some_and(|began| began.elapsed() > STALLED_AFTER);
        match hangs || self.shared.failing.load(Ordering::Acquire) {
            true => LogState::Stalled,
            false => LogState::Working,
        }
    }

    /// Through which entry the log is durable.
    pub fn durable(&self) -> LogNo {
        LogNo(self.shared.durable.load(Ordering::Acquire))
    }

    /// Entries that were appended and are not durable yet.
    pub fn backlog(&self) -> usize {
        self.shared.queue.backlog()
    }

    /// Remembers a use of a signature until its timestamp is too old; resolves when that is durable.
    pub fn remember_nonce(
        &self,
        now: Wall,
        account: AccountId,
        timestamp_s: i64,
        nonce: &str,
    ) -> impl Future<Output = Result<(), UseError>> + Send + 'static {
        let nonce = nonce.to_owned();
        let done = self
            .request_unless_stalled(move |conn| nonces::remember(conn, now, account, timestamp_s, &nonce));
        async move { done.await.unwrap_or(Err(UseError::Unavailable)) }
    }

    /// Claims an idempotency key for a request with this body; resolves when the claim is durable.
    pub fn begin_key(
        &self,
        now: Wall,
        account: AccountId,
        key: &str,
        body_hash: [u8; 32],
    ) -> impl Future<Output = Result<Begun, Unavailable>> + Send + 'static {
        let key = key.to_owned();
        let done =
            self.request_unless_stalled(move |conn| idempotency::begin(conn, now, account, &key, &body_hash));
        async move { done.await.unwrap_or(Err(Unavailable)) }
    }

    /// Says which command a begun key became. Call it before the command reaches the switch: then it is durable no later
    /// than what the command causes, and a crash cannot separate them. Does not wait.
    ///
    /// # Errors
    /// The log is stalled or the writer takes no more: refuse the command.
    pub fn bind_key(&self, account: AccountId, key: &str, command: CommandId) -> Result<(), Unavailable> {
        let key = key.to_owned();
        self.working()?;
        self.send(move |conn| idempotency::bind(conn, account, &key, command)).map(|_unawaited| ())
    }

    /// Stores the answer to a begun key; resolves when durable.
    pub fn finish_key(
        &self,
        account: AccountId,
        key: &str,
        answer: String,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send + 'static {
        let key = key.to_owned();
        self.request(move |conn| idempotency::finish(conn, account, &key, &answer))
    }

    /// Gives a begun key back: nothing was carried out.
    pub fn release_key(
        &self,
        account: AccountId,
        key: &str,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send + 'static {
        let key = key.to_owned();
        self.request(move |conn| idempotency::release(conn, account, &key))
    }

    /// Takes settled pushes out of the outbox; resolves when durable.
    pub fn settle(
        &self,
        now: Wall,
        settled: Vec<Settlement>,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send + 'static {
        self.request(move |conn| outbox::settle(conn, now, &settled))
    }

    /// Puts dead letters into the outbox again; resolves to how many.
    pub fn replay_dead_letters(
        &self,
        now: Wall,
        filter: DeadLetterFilter,
    ) -> impl Future<Output = Result<usize, Unavailable>> + Send + 'static {
        let done = self.request(move |conn| outbox::replay(conn, &filter, now));
        let shared = self.shared.clone();
        async move {
            let replayed = done.await?;
            shared.outbox_grew.notify_one();
            Ok(replayed)
        }
    }

    /// Deletes one batch of log rows that are older than `keep` and that nothing needs; resolves to how many.
    pub fn prune(
        &self,
        now: Wall,
        keep: Duration,
    ) -> impl Future<Output = Result<usize, Unavailable>> + Send + 'static {
        self.request(move |conn| retention::prune(conn, now, keep))
    }

    /// Resolves when pushes were put into the outbox since the last time. For one listener.
    pub async fn outbox_grew(&self) {
        self.shared.outbox_grew.notified().await;
    }

    /// For what begins something new: refused at once while the log is stalled, as its caller is waiting.
    fn request_unless_stalled<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T, Unavailable>> + Send + 'static {
        let done = self.working().map(|()| self.request(work));
        async move { done?.await }
    }

    fn working(&self) -> Result<(), Unavailable> {
        match self.state() {
            LogState::Working => Ok(()),
            LogState::Stalled => Err(Unavailable),
        }
    }

    fn request<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T, Unavailable>> + Send + 'static {
        let sent = self.send(work);
        async move { sent?.await.map_err(|_dropped| Unavailable) }
    }

    fn send<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<oneshot::Receiver<T>, Unavailable> {
        let (done, result) = oneshot::channel();
        // The writer may run the work several times but commits it once.
        let done = Arc::new(Mutex::new(Some(done)));
        let queued = self.shared.queue.request(Box::new(move |conn| {
            let value = work(conn)?;
            let done = done.clone();
            Ok(Box::new(move || {
                let done = done.lock().expect("no thread panics while it holds a sender").take();
                // A requester that went away does not mind.
                done.and_then(|done| done.send(value).err());
            }) as Ack)
        }));
        queued.map(|()| result).map_err(|_refused| Unavailable)
    }
}

/// The writer, before its thread runs.
pub(super) struct Writer {
    conn: Connection,
    shared: Arc<Shared>,
    render: Arc<dyn Render>,
    watch: Box<dyn Watch>,
    last: LogNo,
    last_at: Wall,
}

/// What one transaction did.
struct Committed {
    acks: Vec<Ack>,
    last: LogNo,
    last_at: Wall,
    has_pushes: bool,
}

impl Writer {
    pub(super) fn new(
        conn: Connection,
        render: Arc<dyn Render>,
        watch: Box<dyn Watch>,
    ) -> rusqlite::Result<(Writer, WriterHandle)> {
        let (last, last_at) = (log::last(&conn)?, log::last_at(&conn)?);
        let shared = Arc::new(Shared {
            queue: Queue::default(),
            durable: AtomicU64::new(last.0),
            failing: AtomicBool::new(false),
            committing_since: Mutex::new(None),
            outbox_grew: Notify::new(),
        });
        let handle = WriterHandle { shared: shared.clone() };
        Ok((Writer { conn, shared, render, watch, last, last_at }, handle))
    }

    /// Writes until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let _ended = Ended(self.shared.clone());
        while let Some(mut batch) = self.shared.queue.take(BATCH_ROWS_MAX) {
            let Some(committed) = self.commit_patiently(&mut batch) else {
                tracing::error!(lost_operations = batch.len(), "the log could not be written before the end");
                return;
            };
            self.shared.queue.release(&batch);
            metrics::gauge!("cordboard_log_backlog").set(count(self.shared.queue.backlog()));
            self.last_at = committed.last_at;
            if committed.last != self.last {
                self.last = committed.last;
                self.shared.durable.store(self.last.0, Ordering::Release);
                self.watch.durable(self.last);
            }
            if committed.has_pushes {
                self.shared.outbox_grew.notify_one();
            }
            committed.acks.into_iter().for_each(|ack| ack());
        }
    }

    /// Commits the batch, trying for as long as it takes. `None` when the queue was closed and it still cannot.
    fn commit_patiently(&mut self, batch: &mut [Op]) -> Option<Committed> {
        let mut pause = COMMIT_RETRY.0;
        let mut closed_since = None;
        loop {
            let began = Instant::now();
            self.committing(Some(began));
            let result = commit(&mut self.conn, self.render.as_ref(), self.last, self.last_at, batch);
            self.committing(None);
            match result {
                Ok(committed) => {
                    metrics::histogram!("cordboard_log_commit_seconds").record(began.elapsed());
                    self.set_failing(false);
                    return Some(committed);
                }
                Err(error) => {
                    metrics::counter!("cordboard_log_commit_failures_total").increment(1);
                    if !self.shared.failing.load(Ordering::Acquire) {
                        tracing::error!(%error, "the log cannot be written; trying again");
                    }
                    self.set_failing(true);
                }
            }
            if self.shared.queue.pause(pause) {
                let since = closed_since.get_or_insert_with(Instant::now);
                if since.elapsed() > CLOSE_WITHIN {
                    return None;
                }
                std::thread::sleep(COMMIT_RETRY.0);
            }
            pause = (pause * 2).min(COMMIT_RETRY.1);
        }
    }

    fn committing(&self, since: Option<Instant>) {
        *self.shared.committing_since.lock().expect("no thread panics while it holds an instant") = since;
    }

    fn set_failing(&mut self, failing: bool) {
        if self.shared.failing.swap(failing, Ordering::AcqRel) == failing {
            return;
        }
        metrics::gauge!("cordboard_log_stalled").set(f64::from(u8::from(failing)));
        self.watch.state(if failing { LogState::Stalled } else { LogState::Working });
    }
}

/// However the writer's thread ends, nobody waits for it in vain.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.failing.store(true, Ordering::Release);
        self.0.queue.abandon();
    }
}

fn commit(
    conn: &mut Connection,
    render: &dyn Render,
    mut last: LogNo,
    last_at: Wall,
    batch: &mut [Op],
) -> rusqlite::Result<Committed> {
    let mut tx = Transaction::new(conn, TransactionBehavior::Immediate)?;
    let mut acks = Vec::new();
    let (mut at, mut has_pushes) = (last_at, false);
    for op in batch {
        match op {
            Op::Append(entries) => {
                let mut fold = Fold::new(&tx, render, at);
                for entry in entries.iter() {
                    assert_eq!(entry.no, last.next(), "the log is gapless");
                    fold.apply(entry)?;
                    last = entry.no;
                }
                let folded = fold.finish()?;
                at = folded.at;
                has_pushes |= folded.has_pushes;
            }
            Op::Request(work) => {
                let savepoint = tx.savepoint()?;
                match work(&savepoint) {
                    Ok(ack) => {
                        savepoint.commit()?;
                        acks.push(ack);
                    }
                    Err(error) if is_about_the_disk(&error) => return Err(error),
                    // Rolled back alone: one bad request must not stop the log. Its requester sees "unavailable".
                    Err(error) => tracing::error!(%error, "a write was refused by the database"),
                }
            }
        }
    }
    tx.commit()?;
    Ok(Committed { acks, last, last_at: at, has_pushes })
}

/// Whether trying again may help.
fn is_about_the_disk(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, OutOfMemory, ReadOnly, SystemIoFailure,
    };
    let Some(code) = error.sqlite_error_code() else { return false };
    matches!(
        code,
        CannotOpen | DatabaseBusy | DatabaseLocked | DiskFull | OutOfMemory | ReadOnly | SystemIoFailure
    )
}

#[expect(clippy::cast_precision_loss, reason = "a gauge; queues are far below 2^52")]
fn count(n: usize) -> f64 {
    n as f64
}

impl Shared {
    /// Takes nothing more; the thread ends once everything queued is written.
    pub(super) fn close(&self) {
        self.queue.close();
    }
}

impl WriterHandle {
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

#[cfg(test)]
mod tests {
    use callcenter::event::{AgentRef, Event, Numbered};
    use callcenter::record::CallRecord;
    use switch::api::Body;

    use super::super::{Push, schema};
    use super::*;

    struct Silent;

    impl Render for Silent {
        fn record(&self, _record: &CallRecord) -> String {
            String::new()
        }

        fn push(&self, _event: &Numbered) -> Option<Push> {
            None
        }
    }

    struct States(std::sync::mpsc::Sender<LogState>);

    impl Watch for States {
        fn durable(&mut self, _through: LogNo) {}

        fn state(&mut self, state: LogState) {
            self.0.send(state).expect("the test listens");
        }
    }

    fn entry(no: u64) -> Entry {
        let agent = AgentRef { number: "8000".to_owned(), name: "x".repeat(1000) };
        let event = Event::AgentChanged { agent, state: 0, call: None, moment: None, wrap_up_until: None };
        let account = AccountId(1);
        let event = Numbered { account, seq: no, id: String::new(), at: Wall::from_millis(0), event };
        Entry { no: LogNo(no), account, command: None, body: Body::Event(event) }
    }

    #[test]
    fn a_full_disk_stalls_the_log_until_there_is_room_and_loses_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("cordboard.db");
        let conn = schema::open(&path).unwrap();
        conn.execute_batch("CREATE TABLE ballast (b BLOB); INSERT INTO ballast VALUES (zeroblob(4000000))")
            .unwrap();
        // A limit of pages fails as a full disk does; unlike that, it can be had for one test alone.
        let pages: i64 = conn.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        conn.execute_batch(&format!("PRAGMA max_page_count = {pages}")).unwrap();
        let (tell, states) = std::sync::mpsc::channel();
        let (writer, handle) = Writer::new(conn, Arc::new(Silent), Box::new(States(tell))).unwrap();
        let thread = std::thread::spawn(move || writer.run());
        for no in 1..=1000 {
            handle.append(vec![entry(no)]).unwrap();
        }
        assert_eq!(states.recv().unwrap(), LogState::Stalled);
        assert!(handle.durable() < LogNo(1000));
        assert!(handle.backlog() > 0);
        let other = Connection::open(&path).unwrap();
        other.busy_timeout(Duration::from_secs(30)).unwrap();
        other.execute_batch("DELETE FROM ballast").unwrap();
        assert_eq!(states.recv().unwrap(), LogState::Working);
        handle.shared().close();
        thread.join().unwrap();
        let gapless: bool = other
            .query_row("SELECT count(*) = 1000 AND min(no) = 1 AND max(no) = 1000 FROM log", [], |row| {
                row.get(0)
            })
            .unwrap();
        assert!(gapless);
    }
}
