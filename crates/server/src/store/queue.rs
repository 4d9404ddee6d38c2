//! What waits for the writer: one bounded queue, first in, first committed.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use switch::api::Entry;

use super::limits::{ENTRIES_QUEUED_MAX, REQUESTS_QUEUED_MAX};

/// Carries a request's result to whoever waits for it; called once its transaction is committed.
pub(super) type Ack = Box<dyn FnOnce() + Send>;

/// A write other than an append. Runs again when its transaction had to be rolled back.
pub(super) type Work = Box<dyn FnMut(&Connection) -> rusqlite::Result<Ack> + Send>;

/// One thing to be committed.
pub(super) enum Op {
    /// Rows of the log, with their folds.
    Append(Vec<Entry>),
    /// Anything else.
    Request(Work),
}

impl Op {
    fn rows(&self) -> usize {
        match self {
            Op::Append(entries) => entries.len(),
            Op::Request(_) => 1,
        }
    }
}

/// Why something was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Full,
    Closed,
}

#[derive(Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    ops: VecDeque<Op>,
    /// Entries queued or in the writer's hands.
    entries: usize,
    requests: usize,
    closed: bool,
}

impl Queue {
    /// Queues entries; hands them back when they do not fit.
    pub(super) fn append(&self, entries: Vec<Entry>) -> Result<(), (Refused, Vec<Entry>)> {
        let mut inner = self.lock();
        if inner.closed {
            return Err((Refused::Closed, entries));
        }
        if inner.entries + entries.len() > ENTRIES_QUEUED_MAX {
            return Err((Refused::Full, entries));
        }
        inner.entries += entries.len();
        inner.ops.push_back(Op::Append(entries));
        self.changed.notify_one();
        Ok(())
    }

    /// Queues a request.
    pub(super) fn request(&self, work: Work) -> Result<(), Refused> {
        let mut inner = self.lock();
        if inner.closed {
            return Err(Refused::Closed);
        }
        if inner.requests >= REQUESTS_QUEUED_MAX {
            return Err(Refused::Full);
        }
        inner.requests += 1;
        inner.ops.push_back(Op::Request(work));
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for something to do and takes up to `rows_max` rows of it (at least one operation). `None` when the queue
    /// is closed and empty.
    pub(super) fn take(&self, rows_max: usize) -> Option<Vec<Op>> {
        let mut inner = self.lock();
        while inner.ops.is_empty() {
            if inner.closed {
                return None;
            }
            inner = self.changed.wait(inner).expect("no thread panics while it holds the queue");
        }
        let mut batch = Vec::new();
        let mut rows = 0;
        while let Some(op) = inner.ops.front() {
            rows += op.rows();
            if !batch.is_empty() && rows > rows_max {
                break;
            }
            batch.extend(inner.ops.pop_front());
        }
        Some(batch)
    }

    /// Makes room for what a taken batch had held.
    pub(super) fn release(&self, batch: &[Op]) {
        let mut inner = self.lock();
        for op in batch {
            match op {
                Op::Append(entries) => inner.entries -= entries.len(),
                Op::Request(_) => inner.requests -= 1,
            }
        }
    }

    /// Entries that are not committed yet.
    pub(super) fn backlog(&self) -> usize {
        self.lock().entries
    }

    /// Takes nothing more; what is queued is still written.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Closes and forgets what is queued: the writer is gone.
    pub(super) fn abandon(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.ops.clear();
    }

    /// Waits for `pause`, shorter when the queue is closed meanwhile. Says whether it is closed.
    pub(super) fn pause(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut inner = self.lock();
        while !inner.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            inner =
                self.changed.wait_timeout(inner, left).expect("no thread panics while it holds the queue").0;
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no thread panics while it holds the queue")
    }
}
