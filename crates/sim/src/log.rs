//! The log as a disk would keep it: what was appended is lost in a crash unless it was committed.

use base::LogNo;
use switch::api::Entry;

/// Committed and uncommitted entries.
#[derive(Debug, Default)]
pub(crate) struct Log {
    committed: Vec<Entry>,
    pending: Vec<Entry>,
    /// Nothing is committed while it is stalled.
    pub(crate) stalled: bool,
}

impl Log {
    /// Appends; the next number is the only right one.
    pub(crate) fn append(&mut self, entry: Entry) {
        assert_eq!(entry.no, self.appended().next(), "the log has a gap");
        self.pending.push(entry);
    }

    /// Commits up to `through`, as far as it is appended and nothing stalls; the entries that became durable.
    pub(crate) fn commit(&mut self, through: LogNo) -> &[Entry] {
        let before = self.committed.len();
        if !self.stalled {
            let n = self.pending.partition_point(|entry| entry.no <= through);
            self.committed.extend(self.pending.drain(..n));
        }
        &self.committed[before..]
    }

    /// The program dies: what is not committed never happened.
    pub(crate) fn crash(&mut self) {
        self.pending.clear();
        self.stalled = false;
    }

    pub(crate) fn committed(&self) -> &[Entry] {
        &self.committed
    }

    /// The last committed entry.
    pub(crate) fn durable(&self) -> LogNo {
        self.committed.last().map(|entry| entry.no).unwrap_or_default()
    }

    /// The last entry, committed or not.
    pub(crate) fn appended(&self) -> LogNo {
        self.pending.last().map_or(self.durable(), |entry| entry.no)
    }
}
