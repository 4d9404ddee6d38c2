//! What delivery holds at most.

use std::time::Duration;

/// Deliveries under way to one address. More wait their turn; other addresses have their own.
pub const IN_FLIGHT_PER_ADDRESS_MAX: usize = 8;

/// Of these, repeated attempts of lasting pushes: an address that is down keeps its slots for what is new.
pub const RETRIES_IN_FLIGHT_PER_ADDRESS_MAX: usize = 2;

/// Outbox rows read at once.
pub const OUTBOX_CHUNK: usize = 500;

/// How often the outbox is looked at without being told that it grew: another process may have replayed dead letters.
pub const OUTBOX_LOOK: Duration = Duration::from_secs(10);

/// Settlements written in one request.
pub const SETTLEMENTS_CHUNK: usize = 500;

/// Bytes of an answer that are read so that its connection can be used again. A longer one loses its connection.
pub const ANSWER_READ_MAX: usize = 16 * 1024;

/// Characters of the reason that a dead letter gives.
pub const REASON_CHARS_MAX: usize = 300;

/// Pause before settlements that could not be written are passed to the writer again.
pub const SETTLE_RETRY: Duration = Duration::from_secs(1);
