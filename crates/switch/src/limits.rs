//! Every limit of the switch and what happens when it is reached.

use std::time::Duration;

/// Outputs that may wait for a commit. Full: commands are refused as `LogUnavailable`, first INVITEs are left to their
/// retransmission.
pub const GATED_MAX: usize = 16_384;

/// Entries that may wait for their commit before new work is refused (default of `Config::log_backlog_max`).
pub const LOG_BACKLOG_MAX: usize = 8_192;

/// Legs at once (default of `Config::legs_max`). Full: the leg ends at once, `ServiceUnavailable`.
pub const LEGS_MAX: usize = 10_000;

/// Recordings between their start and their `Finish`. Full: the call goes on unrecorded.
pub const RECORDINGS_MAX: usize = 10_000;

/// Streams of ended legs whose counts have not come. More: those of the oldest leave nothing in the log.
pub const STREAMS_CLOSING_MAX: usize = 10_000;

/// Dialogs of before a restart that are ended. More: their far ends are not told.
pub const RESUMED_MAX: usize = 20_000;

/// SIP streams at once. More: one that no phone is registered by is closed for each that comes; none is opened.
pub const SIP_STREAMS_MAX: usize = 2_000;

/// Ways (addresses of trunks) that are tried for one leg. More: the leg ends as the last one did.
pub const TRUNK_TRIES_MAX: usize = 8;

/// Addresses of one trunk. More: not used.
pub const TRUNK_ADDRESSES_MAX: usize = 16;

/// How long a way that failed is passed over at first; each failure in a row doubles it.
pub const TRUNK_REST_MIN: Duration = Duration::from_secs(10);

/// The longest time for which a way is passed over, also when it asks for more itself.
pub const TRUNK_REST_MAX: Duration = Duration::from_secs(300);

/// How long the answer to a ping is waited for.
pub const TRUNK_PING_ANSWER_MAX: Duration = Duration::from_secs(4);

/// Default of `Trunk::health_check`, where there is one.
pub const TRUNK_HEALTH_CHECK: Duration = Duration::from_secs(30);

/// How long a port rests before another call gets it: packets of the old call must not reach the new one.
pub const PORT_REST: Duration = Duration::from_secs(5);

/// The same for a port of before a restart: a far end whose 2xx nobody acknowledged gives up after 64 × T1
/// (RFC 3261 §13.3.1.4).
pub const RESUMED_PORT_REST: Duration = Duration::from_secs(40);

/// Bytes of a number or user name that a phone dials, wants its call handed to, or says that it calls from. Longer: 404; the
/// transfer is refused; nobody is told who calls.
pub const DIALLED_LEN_MAX: usize = 64;

/// New offers of one leg within [`REOFFERS_WINDOW`]: each may be a hold that is written down, recorded and pushed. More: refused
/// with 491, and its far end tries again later.
pub const REOFFERS_MAX: u32 = 20;

/// How long an offer of a leg counts.
pub const REOFFERS_WINDOW: Duration = Duration::from_secs(10);

/// Default of `Config::silence_max`.
pub const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Default of `Config::trunk_answer_any_max`.
pub const TRUNK_ANSWER_ANY_MAX: Duration = Duration::from_secs(2);
