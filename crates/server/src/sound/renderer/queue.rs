//! The recordings whose files are to be made, in order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base::CallId;

use super::Job;

/// Recordings that wait: about 60 MB of names. Further ones are left to the next start; their tracks stay where they are.
const JOBS_MAX: usize = 100_000;

/// What waits.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Backlog {
    /// How many recordings.
    pub waiting: usize,
    /// For how long the first of them has waited.
    pub oldest: Duration,
}

/// Shared by whoever orders files and those who make them.
#[derive(Default)]
pub(in crate::sound) struct Queue {
    inside: Mutex<Inside>,
    changed: Condvar,
}

#[derive(Default)]
struct Inside {
    due: VecDeque<Job>,
    /// Those that could not be made, and when they are tried again.
    later: BTreeMap<(Instant, CallId), Job>,
    /// Whether nothing more is ordered.
    closed: bool,
}

/// What there is to do.
pub(super) enum Next {
    Make(Job),
    /// Nothing came in the time waited.
    Nothing,
    /// Nothing will come.
    Closed,
}

impl Queue {
    /// Orders files.
    pub(in crate::sound) fn push(&self, job: Job) {
        let mut inside = self.lock();
        if inside.len() >= JOBS_MAX {
            drop(inside);
            metrics::counter!("cordboard_recordings_left_to_next_start_total").increment(1);
            let call = job.call;
            return tracing::error!(%call, "too many recordings wait: its files are made after the next start");
        }
        inside.due.push_back(job);
        self.changed.notify_one();
    }

    /// It is to be tried again after a while.
    pub(super) fn put_off(&self, job: Job, after: Duration) {
        self.lock().later.insert((Instant::now() + after, job.call), job);
    }

    /// Nothing more is ordered; what is due is still made.
    pub(in crate::sound) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Waits for the next one, at most for `wait`.
    pub(super) fn next(&self, wait: Duration) -> Next {
        let mut inside = self.lock();
        let mut found = inside.take(Instant::now());
        if found.is_none() && !inside.closed {
            let waited = self.changed.wait_timeout(inside, wait);
            inside = waited.unwrap_or_else(PoisonError::into_inner).0;
            found = inside.take(Instant::now());
        }
        match found {
            Some(job) => Next::Make(job),
            None if inside.closed => Next::Closed,
            None => Next::Nothing,
        }
    }

    /// Does nothing for so long, or until something changes.
    pub(super) fn rest(&self, wait: Duration) {
        let _rested = self.changed.wait_timeout(self.lock(), wait);
    }

    pub(in crate::sound) fn backlog(&self) -> Backlog {
        let inside = self.lock();
        let later = inside.later.values().map(|job| job.ordered);
        let oldest = inside.due.front().map(|job| job.ordered).into_iter().chain(later).min();
        Backlog { waiting: inside.len(), oldest: oldest.map_or(Duration::ZERO, |at| at.elapsed()) }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn len(&self) -> usize {
        self.due.len() + self.later.len()
    }

    /// What was put off comes first: it is older. When all is to end nothing is tried again.
    fn take(&mut self, now: Instant) -> Option<Job> {
        match self.later.first_entry() {
            Some(first) if first.key().0 <= now && !self.closed => Some(first.remove()),
            Some(_) | None => self.due.pop_front(),
        }
    }
}
