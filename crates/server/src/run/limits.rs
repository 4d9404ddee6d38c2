//! What a running server allows itself.

use std::time::Duration;

use crate::store::limits::ENTRIES_QUEUED_MAX;

/// Log entries that may wait for their commit; with more no new calls are taken, so that living ones have room.
pub const LOG_BACKLOG_MAX: usize = ENTRIES_QUEUED_MAX / 2;

/// An address that somebody has is waited for so long at the start. Then the program ends.
pub const ADDRESS_LEFT_MAX: Duration = Duration::from_secs(5);
/// How often it is tried meanwhile.
pub const ADDRESS_LOOK: Duration = Duration::from_millis(50);
/// Open HTTP requests are waited for so long when the server stops.
pub const HTTP_DRAIN_MAX: Duration = Duration::from_secs(5);
/// Phones that are told to hang up when the server stops have so long to confirm.
pub const LEG_END_MAX: Duration = Duration::from_secs(3);
/// How long the answer to a lookup of a trunk's host holds at least …
pub const NAME_AGAIN_MIN: Duration = Duration::from_secs(30);
/// … and at most, whatever the name server says.
pub const NAME_AGAIN_MAX: Duration = Duration::from_secs(3600);
/// A lookup that failed is tried again after this.
pub const NAME_RETRY: Duration = Duration::from_secs(30);
/// SRV records of one name. More: those of the highest priority numbers are not used.
pub const SRV_RECORDS_MAX: usize = 16;
/// How often the log's state and the figures for `/metrics` are looked at.
pub const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often old log rows are deleted.
pub const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// One attempt to deliver a push may take so long (contract §7).
pub const PUSH_ANSWER_MAX: Duration = Duration::from_secs(5);
