//! Every limit of the lab, and what happens at it.
//!
//! What waits for `poll_output` has none of its own: one input makes a few outputs, and the user drains after each.

use std::time::Duration;

/// Phones in a call at once. Further calls are refused with 503, further wishes to dial are left out.
pub const PHONES_MAX: usize = 4096;
/// Digits of a number. Longer ones do not exist: 404.
pub const NUMBER_DIGITS_MAX: usize = 32;
/// How long a phone stays in a call. Then it hangs up, so that a far end that vanished leaves nothing behind.
pub const CALL_AGE_MAX: Duration = Duration::from_secs(4 * 3600);
/// How long a prompt may take to be played; then the phone goes on without it. Every prompt is shorter.
pub const PROMPT_MAX: Duration = Duration::from_secs(10);
/// How long nothing may arrive at a phone that is listened to before it hears nothing.
pub const QUIET_AFTER: Duration = Duration::from_millis(200);
/// How long a phone asks to be registered for at a time.
pub const REGISTRATION: Duration = Duration::from_secs(300);
/// Clients of a relay. More: the one not heard for the longest gives way, and what is on its way for it is lost.
pub const RELAY_CLIENTS_MAX: usize = 256;
/// Datagrams that a relay holds up at once. More are lost.
pub const RELAY_WAITING_MAX: usize = 16_384;
