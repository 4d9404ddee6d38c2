//! How much the API takes. What is more is refused with 40000 and the limit named, unless another code is given here.

use std::time::Duration;

/// Bytes of a request body.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// How deep a request body may be nested.
pub const BODY_DEPTH_MAX: usize = 64;
/// Bytes of `extras` in its canonical form; more is 6725.
pub const EXTRAS_BYTES_MAX: usize = 255;
/// Characters of a number, a name or an id in a request.
pub const FIELD_CHARS_MAX: usize = 64;
/// Characters of a telephone number.
pub const NUMBER_CHARS_MAX: usize = 32;
/// Characters of an `actionId`.
pub const ACTION_ID_CHARS_MAX: usize = 40;
/// Seconds a phone may be asked to ring; more is cut down to this.
pub const RING_S_MAX: u32 = 300;
/// Characters of an `Idempotency-Key`.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 128;
/// Days between `startTime` and `endTime` of a record query, inclusive.
pub const QUERY_DAYS_MAX: u32 = 7;
/// Records in one page; more is 6734.
pub const PAGE_SIZE_MAX: u32 = 10_000;
/// The last page that can be asked for.
pub const PAGE_MAX: u32 = 1_000_000;
/// Values in the `callType` list of a record query.
pub const CALL_TYPES_MAX: usize = 16;

/// How long a client may take to send its headers, or to send nothing on an open connection.
pub const HEADER_READ_MAX: Duration = Duration::from_secs(15);
/// How long a client may take to send its body; then 40000 and the connection is closed.
pub const BODY_READ_MAX: Duration = Duration::from_secs(10);
/// How long a client may take no bytes of an answer; then the connection is closed.
pub const WRITE_STALL_MAX: Duration = Duration::from_secs(30);
/// How long the call service may take; then 50007, whatever becomes of the command.
pub const COMMAND_MAX: Duration = Duration::from_secs(5);
/// How long the store may take to remember a use or to claim a key; then 6700, and nothing is done.
pub const STORE_MAX: Duration = Duration::from_secs(2);
/// How long a repeat waits for the answer to the first request with its key; then 50007.
pub const FIRST_ANSWER_MAX: Duration = Duration::from_secs(3);
/// Bytes of a request's line and headers.
pub const HEADER_BYTES_MAX: usize = 32 * 1024;
/// Open connections, fewer when the process may have few files open; further ones wait to be accepted.
pub const CONNECTIONS_MAX: usize = 4096;
