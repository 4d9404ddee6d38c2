//! What the store holds at most, and what happens when it is full.

use std::time::Duration;

use crate::contract::auth::FRESH_S;

/// Log entries that may wait for their commit. Full: the append is handed back to its caller, which refuses new work.
pub const ENTRIES_QUEUED_MAX: usize = 50_000;

/// Other writes (nonces, keys, settlements) that may wait. Full: the write is refused as unavailable.
pub const REQUESTS_QUEUED_MAX: usize = 10_000;

/// Rows in one transaction: keeps a commit under load near 5 ms. More wait for the next.
pub const BATCH_ROWS_MAX: usize = 128;

/// A commit that takes longer means that the log is stalled.
pub const STALLED_AFTER: Duration = Duration::from_secs(1);

/// First and longest pause before a failed commit is tried again.
pub const COMMIT_RETRY: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// A closing writer that cannot commit gives up after this long; what was not acknowledged is lost.
pub const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// How long another process (`cordboard pushes replay`) may hold the write lock before a commit counts as failed.
pub const LOCK_WAIT: Duration = Duration::from_millis(250);

/// Pages that a backup copies at once and brings to the disk: few, as the log's commits wait behind them …
pub const BACKUP_PAGES: i32 = 64;

/// … and how long it rests after them: with pages of 4 kB at most 26 MB a second, which leaves a disk to the log.
pub const BACKUP_REST: Duration = Duration::from_millis(10);

/// Connections that read at the same time. More readers wait.
pub const READERS_MAX: usize = 4;

/// Records fetched at once for a streamed answer; bounds its memory.
pub const RECORDS_CHUNK: usize = 200;

/// Used nonces of one account. Full: the request is refused.
pub const NONCES_PER_ACCOUNT_MAX: u64 = 100_000;

/// A use is kept for so long after its `m7-timestamp`: as long as that is fresh (contract §1) and a minute more, so that
/// neither a request between its two looks at the clock nor a clock that is set back a little finds it forgotten.
pub const USE_KEPT_S: i64 = FRESH_S + 60;

/// Idempotency keys of one account within their 24 h. Full: the request is refused.
pub const KEYS_PER_ACCOUNT_MAX: u64 = 100_000;

/// How long a request with an `Idempotency-Key` is remembered (contract §2).
pub const KEY_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Rows may not leave the log earlier, whatever `journal_keep` says: keys are resolved from it after a crash.
pub const JOURNAL_KEEP_MIN: Duration = KEY_LIFE;

/// Log rows deleted in one transaction: few enough that no append waits long behind it.
pub const PRUNE_ROWS_MAX: usize = 250;

/// Expired nonces and keys deleted with each new one, so that the tables shrink while they are used.
pub const PRUNE_WITH_EACH: usize = 4;

/// Unsettled pushes of one address. Full: a new push becomes a dead letter at once.
pub const OUTBOX_PER_ADDRESS_MAX: u64 = 50_000;

/// Dead letters of one address. Full: the oldest is deleted.
pub const DEAD_LETTERS_PER_ADDRESS_MAX: u64 = 50_000;
