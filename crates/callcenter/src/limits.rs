//! Every limit of this crate, and what happens when it is reached. Limits of an account (`calls_max`, licences) are
//! configuration.

use std::time::Duration;

/// How long a call that is over may wait for its last facts (the length of its recording, the last words of its legs)
/// before its record is made without them. The contract promises the record within a second of the hang-up.
pub const RECORD_WAIT_MAX: Duration = Duration::from_millis(800);

/// The last inputs kept per living call, to be saved when its plan fails. The oldest is dropped.
pub const CALL_INPUTS_KEPT_MAX: usize = 32;

/// Registered phones known per account. More are not noticed: their agents show 8 (not connected).
pub const PHONES_MAX: usize = 100_000;

/// Beginnings of calls that are remembered for `calls_per_s_max`: it counts for no more than this.
pub const CALLS_PER_S_MAX: usize = 1_000;

/// Outputs waiting to be polled. Whoever passes inputs in without draining what comes out meets an assertion.
pub const OUTPUTS_MAX: usize = 1 << 20;

/// Living legs of a call. More parties are not brought in: `Refusal::Full`.
pub const PARTIES_MAX: usize = 8;

/// Legs of a call, those that are over included. More parties are not brought in, likewise.
pub const CALL_LEGS_MAX: usize = 64;

/// Digits in one `sendDtmf`. The border refuses more.
pub const DIGITS_MAX: usize = 32;
