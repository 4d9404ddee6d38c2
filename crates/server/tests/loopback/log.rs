//! What happened, in order, for tests that wait for something.

use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// Every step of a test comes within this on a busy machine, or never.
const STEP_MAX: Duration = Duration::from_secs(30);

/// A list that grows, each entry with the moment it came.
pub(crate) struct Log<T> {
    entries: Mutex<Vec<(Instant, T)>>,
    count: watch::Sender<usize>,
}

impl<T: Clone + Debug> Log<T> {
    pub(crate) fn new() -> Log<T> {
        Log { entries: Mutex::default(), count: watch::Sender::new(0) }
    }

    pub(crate) fn add(&self, entry: T) {
        let mut entries = self.lock();
        entries.push((Instant::now(), entry));
        self.count.send_replace(entries.len());
    }

    pub(crate) fn all(&self) -> Vec<T> {
        self.lock().iter().map(|(_, entry)| entry.clone()).collect()
    }

    /// The first entry that fits, past or future.
    pub(crate) async fn until(&self, what: &str, fits: impl Fn(&T) -> bool) -> T {
        self.moment(what, fits).await.1
    }

    /// The same with its moment.
    pub(crate) async fn moment(&self, what: &str, fits: impl Fn(&T) -> bool) -> (Instant, T) {
        let mut count = self.count.subscribe();
        let wait = async {
            loop {
                if let Some(found) = self.lock().iter().find(|(_, entry)| fits(entry)) {
                    return found.clone();
                }
                count.changed().await.expect("the sender is in self");
            }
        };
        match tokio::time::timeout(STEP_MAX, wait).await {
            Ok(found) => found,
            Err(_) => panic!("no {what} within {STEP_MAX:?}, only {:#?}", self.all()),
        }
    }

    /// Waits until all entries together fit.
    pub(crate) async fn until_all(&self, what: &str, fits: impl Fn(&[T]) -> bool) {
        let mut count = self.count.subscribe();
        let wait = async {
            while !fits(&self.all()) {
                count.changed().await.expect("the sender is in self");
            }
        };
        if tokio::time::timeout(STEP_MAX, wait).await.is_err() {
            panic!("no {what} within {STEP_MAX:?}, only {:#?}", self.all());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Instant, T)>> {
        self.entries.lock().expect("nothing panics while it is held")
    }
}
