//! What a running server allows itself.

use std::time::Duration;

/// Open HTTP requests are waited for so long when the server stops.
pub const HTTP_DRAIN_MAX: Duration = Duration::from_secs(5);
/// Phones that are told to hang up when the server stops have so long to confirm.
pub const LEG_END_MAX: Duration = Duration::from_secs(3);
/// How often the log's state and the figures for `/metrics` are looked at.
pub const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often old log rows are deleted.
pub const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// One attempt to deliver a push may take so long (contract §7).
pub const PUSH_ANSWER_MAX: Duration = Duration::from_secs(5);
